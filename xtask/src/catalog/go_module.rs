//! The path of the Go module: the first line of bindings/go/go.mod says it, and here it is written into
//! every file that imports the package.

use std::path::{Path, PathBuf};

use super::{Catalog, Output};
use crate::workspace;

/// Where programs in Go and their modules are.
const USERS: [&str; 4] = [
    "bindings/go",
    "examples/go",
    "tests/conformance/players/go",
    "benches/clients/go",
];

/// The package's name, which is also the path of a module that has no host.
const PACKAGE: &str = "kustoingest";

/// The files that name the module, except generated ones.
pub(super) fn write(_: &Catalog) -> Result<Vec<Output>, String> {
    let path = path()?;
    let root = workspace::root();
    let mut outputs = Vec::new();
    for file in USERS.iter().flat_map(|user| files(&root.join(user))) {
        let text = workspace::read(&file)?;
        let named = text.contains(PACKAGE) || text.contains("/bindings/go");
        if text.contains("DO NOT EDIT") || !named {
            continue;
        }
        let name = file.strip_prefix(root).unwrap_or(&file).display();
        outputs.push(Output::new(name.to_string(), renamed(&text, &path)));
    }
    Ok(outputs)
}

/// What go.mod says.
pub(super) fn path() -> Result<String, String> {
    let text = workspace::read(&workspace::root().join("bindings/go/go.mod"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("module "));
    Ok(line
        .ok_or("bindings/go/go.mod names no module")?
        .trim()
        .to_owned())
}

/// Sources, go.mod and README.md of a directory and of those directly below.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let below = std::fs::read_dir(directory).into_iter().flatten();
    let mut directories: Vec<PathBuf> = below.flatten().map(|entry| entry.path()).collect();
    directories.push(directory.to_owned());
    directories.sort();
    for directory in directories.iter().filter(|path| path.is_dir()) {
        found.extend(workspace::files(directory, "go"));
        let named = ["go.mod", "README.md"].map(|name| directory.join(name));
        found.extend(named.into_iter().filter(|file| file.is_file()));
    }
    found
}

/// The text with this path in its imports and in lines of go.mod and of `go mod edit`.
pub(super) fn renamed(text: &str, path: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| renamed_line(line, path))
        .collect()
}

fn renamed_line(line: &str, path: &str) -> String {
    let quoted: Vec<&str> = line.split('"').collect();
    if let [before, old, "" | "\n"] = quoted[..]
        && is_ours(old)
    {
        let alias = before.trim_start().trim_start_matches("import ").trim();
        let start = before.strip_suffix(&format!("{PACKAGE} "));
        // An alias where the path does not end with the package's name.
        return match (alias, path.ends_with(PACKAGE)) {
            ("", false) => format!("{before}{PACKAGE} \"{path}\"\n"),
            (PACKAGE, true) => format!("{}\"{path}\"\n", start.unwrap_or(before)),
            _ => format!("{before}\"{path}\"\n"),
        };
    }
    let words = ["require ", "replace ", "go mod edit -require "];
    if !words.iter().any(|word| line.starts_with(word)) {
        return line.to_owned();
    }
    let is_end = |c: char| c.is_whitespace() || matches!(c, '@' | '=');
    line.split_inclusive(is_end)
        .map(|word| {
            let name = word.trim_end_matches(is_end);
            match is_ours(name) {
                true => format!("{path}{}", &word[name.len()..]),
                false => word.to_owned(),
            }
        })
        .collect()
}

fn is_ours(path: &str) -> bool {
    let hosted =
        path.contains('.') && !path.starts_with(['.', '/']) && path.ends_with("/bindings/go");
    path == PACKAGE || hosted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_replaced_where_the_module_is_named() {
        let hosted = "host.example/owner/kusto/bindings/go";
        for (old, new) in [
            ("\t\"kustoingest\"\n", "\tkustoingest \"P\"\n"),
            ("\tkusto \"kustoingest\"\n", "\tkusto \"P\"\n"),
            ("import kusto \"kustoingest\"\n", "import kusto \"P\"\n"),
            ("require kustoingest v0.0.0\n", "require P v0.0.0\n"),
            (
                "replace kustoingest => ../../bindings/go\n",
                "replace P => ../../bindings/go\n",
            ),
            (
                "go mod edit -require kustoingest@v0.0.0 -replace kustoingest=/path/to/checkout/bindings/go\n",
                "go mod edit -require P@v0.0.0 -replace P=/path/to/checkout/bindings/go\n",
            ),
            ("package kustoingest\n", "package kustoingest\n"),
        ] {
            let new = new.replace('P', hosted);
            assert_eq!(renamed(old, hosted), new);
            // And back, with an import as it was.
            assert_eq!(renamed(&new, PACKAGE), old);
            assert_eq!(renamed(&new, hosted), new);
        }
    }
}
