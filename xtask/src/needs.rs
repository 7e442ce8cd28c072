//! The shared libraries that a program or library asks the loader for, beside what its page says.

use std::path::Path;
use std::process::Command;

use crate::{process, workspace};

/// Whether the page names all that this program or library needs at run time.
pub(crate) fn stand_in(page: &str, program: &Path) -> Result<(), String> {
    let text = workspace::read(&workspace::root().join(page))?;
    let needed = needed(program)?;
    if needed.is_empty() {
        return Err(format!("{} names no library", program.display()));
    }
    let missing: Vec<String> = needed
        .into_iter()
        .filter(|name| !says(&text, name))
        .collect();
    match missing.as_slice() {
        [] => Ok(()),
        names => Err(format!(
            "{page} does not say that it needs {}",
            names.join(", ")
        )),
    }
}

/// With its whole name, or without its version.
fn says(text: &str, name: &str) -> bool {
    let stem = name.split(".so").next().unwrap_or(name);
    match name.starts_with("ld-linux") {
        true => text.contains("the loader"),
        false => text.contains(&format!("`{name}`")) || text.contains(&format!("`{stem}`")),
    }
}

/// What the file's dynamic section names; nothing without one.
pub(crate) fn needed(program: &Path) -> Result<Vec<String>, String> {
    let said = process::capture(Command::new("readelf").args(["-d", "-W"]).arg(program))?;
    Ok(names(&said))
}

/// Of lines such as ` 0x01 (NEEDED)  Shared library: [libc.so.6]`.
fn names(said: &str) -> Vec<String> {
    let lines = said.lines().filter(|line| line.contains("(NEEDED)"));
    let names = lines.filter_map(|line| Some(line.split_once('[')?.1.split_once(']')?.0));
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_a_library_with_or_without_its_version() {
        let text = "`libc`, `libm.so.6` and the loader";
        for name in ["libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"] {
            assert!(says(text, name), "{name}");
        }
        assert!(!says(text, "libgcc_s.so.1"));
        let said =
            " 0x1 (NEEDED)    Shared library: [libc.so.6]\n 0x2 (SONAME) Library soname: [x.so]\n";
        assert_eq!(names(said), ["libc.so.6"]);
    }
}
