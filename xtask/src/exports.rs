//! The exports of the shared library: `kusto_*`, all functions of the header, and nothing else.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use crate::tally::Tally;
use crate::{artifacts, header, process, workspace};

/// `cargo xtask exports [--write]`.
pub(crate) fn command(arguments: &[String]) -> Result<(), String> {
    match arguments {
        [] if leg()?.failed == 0 => Ok(()),
        [] => Err("the exports are not as expected".into()),
        [flag] if flag == "--write" => {
            let lines: Vec<String> = exported()?.into_iter().map(|name| name + "\n").collect();
            workspace::write(&list(), &lines.concat())
        }
        _ => Err("exports [--write]".into()),
    }
}

/// Three checks.
pub(crate) fn leg() -> Result<Tally, String> {
    let exported = exported()?;
    let strangers: Vec<&String> = exported
        .iter()
        .filter(|name| !name.starts_with("kusto_"))
        .collect();
    let only_ours = if strangers.is_empty() {
        Ok(())
    } else {
        Err(format!("also exported: {strangers:?}"))
    };
    let listed: BTreeSet<String> = workspace::read(&list())?
        .lines()
        .map(str::to_owned)
        .collect();
    let declared = header::declarations(&header::committed()?)?.functions;
    let declared: BTreeSet<String> = declared.into_iter().map(|function| function.name).collect();
    let hint = "`cargo xtask exports --write` after a deliberate change";
    Ok([
        Tally::check("only kusto_* is exported", only_ours),
        Tally::check(
            "the exports equal tests/abi/symbols.txt",
            same(&exported, &listed, hint),
        ),
        Tally::check(
            "the exports equal the header's functions",
            same(&exported, &declared, ""),
        ),
    ]
    .into_iter()
    .sum())
}

fn list() -> PathBuf {
    workspace::root().join("tests/abi/symbols.txt")
}

fn exported() -> Result<BTreeSet<String>, String> {
    let library = artifacts::release()?.shared();
    let flags: &[&str] = if cfg!(target_os = "macos") {
        &["-gUj"]
    } else {
        &["-D", "--defined-only", "--format=just-symbols"]
    };
    let names = process::capture(Command::new("nm").args(flags).arg(library))?;
    // Mach-O puts an underscore before every C name.
    let underscore = if cfg!(target_os = "macos") { "_" } else { "" };
    Ok(names
        .lines()
        .map(|name| name.strip_prefix(underscore).unwrap_or(name).to_owned())
        .collect())
}

fn same(
    exported: &BTreeSet<String>,
    expected: &BTreeSet<String>,
    hint: &str,
) -> Result<(), String> {
    let added: Vec<&String> = exported.difference(expected).collect();
    let missing: Vec<&String> = expected.difference(exported).collect();
    if added.is_empty() && missing.is_empty() {
        return Ok(());
    }
    Err(format!("too many: {added:?}, missing: {missing:?}. {hint}"))
}
