//! `include/kusto_ingest.h`: generated from `capi/src`, committed, and checked against its own
//! rules.

mod csharp;
mod declarations;
#[cfg(test)]
mod mutations;
mod pieces;
mod shims;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::compiler::{FAMILIES, Family, STRICT, include};
use crate::tally::Tally;
use crate::{catalog, process, workspace};
pub(crate) use csharp::path as csharp_declarations;
pub(crate) use declarations::{Function, declarations};

/// Line starts that the comment of every function must have.
const REQUIRED_LINES: [&str; 4] = ["Ownership", "Threads", "Failure", "Since"];

/// Logins that bindings over the C library set by the keywords of a connection string, whose prompt is the config's.
pub(crate) const BY_KEYWORDS: [&str; 3] = [
    "kusto_credential_device_code",
    "kusto_credential_interactive",
    "kusto_credential_user_password",
];

/// Writes the header, and the declarations of it in C#.
pub(crate) fn write() -> Result<(), String> {
    let header = generate()?;
    workspace::write(&path(), &header)?;
    workspace::write(&csharp::path(), &csharp::generate(&header)?)
}

/// Whether the committed header and the declarations of it are current.
pub(crate) fn current() -> Result<Tally, String> {
    let mut tally = Tally::check(
        "the committed header is generated from the current capi/src",
        equals_committed(),
    );
    tally += Tally::check(
        "the C# declarations are what the header gives",
        csharp::equals_committed(&committed()?),
    );
    Ok(tally)
}

/// All that can be said about the header, and about what is generated, without the library.
pub(crate) fn leg() -> Result<Tally, String> {
    let header = committed()?;
    let mut tally = catalog::check()?;
    tally += current()?;
    tally += Tally::check(
        "Go's shims have the types of what they call",
        shims::agree(&header),
    );
    tally += Tally::check("every function is documented", documented(&header));
    tally += Tally::check(
        "the version macros are those of the crate",
        version_macros(),
    );
    for family in &FAMILIES {
        tally += compiles_alone(family);
    }
    Ok(tally)
}

fn path() -> PathBuf {
    include().join("kusto_ingest.h")
}

/// Text of the committed header.
pub(crate) fn committed() -> Result<String, String> {
    workspace::read(&path())
}

fn equals_committed() -> Result<(), String> {
    if committed()? == generate()? {
        Ok(())
    } else {
        Err("stale: run `cargo xtask generate` and commit".into())
    }
}

/// The header generated from the current `capi/src`.
fn generate() -> Result<String, String> {
    let root = workspace::root();
    let mut config = cbindgen::Config::from_file(root.join("capi/cbindgen.toml"))?;
    let preamble = config.after_includes.take().unwrap_or_default();
    config.after_includes = Some(with_version(&preamble)?);
    // The file, not the package: cbindgen would take every public constant of the crates below it.
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        .with_src(root.join("capi/src/lib.rs"))
        .generate()
        .map_err(|error| error.to_string())?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    let text = String::from_utf8(text).map_err(|error| error.to_string())?;
    // cbindgen has no setting for the calling convention of function pointers.
    Ok(text.replace("(*kusto_", "(KUSTO_CALL *kusto_"))
}

/// Cargo.toml is the one place that states the version.
fn with_version(text: &str) -> Result<String, String> {
    let [major, minor, patch] = workspace::version_numbers()?.map(|number| number.to_string());
    Ok(text
        .replace("@MAJOR@", &major)
        .replace("@MINOR@", &minor)
        .replace("@PATCH@", &patch))
}

fn documented(header: &str) -> Result<(), String> {
    let functions = declarations(header)?.functions;
    if functions.is_empty() {
        return Err("the header declares no function".into());
    }
    let gaps: Vec<String> = functions.iter().filter_map(gap).collect();
    if gaps.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "{} functions lack lines\n    {}",
            gaps.len(),
            gaps.join("\n    ")
        ))
    }
}

/// The lines that the comment of a function lacks.
fn gap(function: &Function) -> Option<String> {
    let has = |start: &str| function.comment.lines().any(|line| line.starts_with(start));
    let missing: Vec<&str> = REQUIRED_LINES
        .into_iter()
        .filter(|start| !has(start))
        .collect();
    (!missing.is_empty()).then(|| format!("{}: {}", function.name, missing.join(", ")))
}

fn version_macros() -> Result<(), String> {
    let [major, minor, patch] = workspace::version_numbers()?;
    let number = (major << 16) | (minor << 8) | patch;
    let source = format!(
        "#include <kusto_ingest.h>\n\
         typedef char major[KUSTO_VERSION_MAJOR == {major} ? 1 : -1];\n\
         typedef char minor[KUSTO_VERSION_MINOR == {minor} ? 1 : -1];\n\
         typedef char patch[KUSTO_VERSION_PATCH == {patch} ? 1 : -1];\n\
         typedef char number[KUSTO_VERSION_NUMBER == {number} ? 1 : -1];\n\
         typedef char abi[KUSTO_ABI_VERSION == {major} ? 1 : -1];\n"
    );
    let file = workspace::scratch("header")?.join("version.c");
    workspace::write(&file, &source)?;
    syntax("cc", &["-std=c99"], &file)
}

/// C99, C11, C++17 and C++20, with nothing included before the header.
fn compiles_alone(family: &Family) -> Tally {
    let ways = [
        (family.c, "c", ["-std=c99"].as_slice()),
        (family.c, "c", &["-std=c11"]),
        (family.cxx, "cpp", &["-std=c++17"]),
        (family.cxx, "cpp", &["-std=c++20"]),
    ];
    alone("kusto_ingest.h", family, &ways)
}

/// The C++ header in every way in which users may compile it.
pub(crate) fn cpp_compiles_alone() -> Tally {
    let check = |family: &Family| {
        let ways = [
            ["-std=c++17"].as_slice(),
            &["-std=c++20"],
            &["-std=c++17", "-fno-exceptions", "-fno-rtti"],
            &["-std=c++20", "-fno-exceptions", "-fno-rtti"],
        ];
        alone(
            "kusto_ingest.hpp",
            family,
            &ways.map(|flags| (family.cxx, "cpp", flags)),
        )
    };
    FAMILIES.iter().map(check).sum()
}

/// Compiles a file that only includes `header`, by each compiler with its extension and flags.
fn alone(header: &str, family: &Family, ways: &[(&str, &str, &[&str])]) -> Tally {
    if let Err(reason) = family.available() {
        return match family.name {
            "gcc" => Tally::check("gcc", Err(format!("{reason}; it is required"))),
            name => Tally::skip(name, &reason),
        };
    }
    let check = |(compiler, ending, flags): &(&str, &str, &[&str])| {
        let result = workspace::scratch("header").and_then(|directory| {
            let file = directory.join(format!("alone.{ending}"));
            workspace::write(&file, &format!("#include <{header}>\n"))?;
            syntax(compiler, flags, &file)
        });
        let way = format!("{compiler} {}", flags.join(" "));
        Tally::check(&format!("{header} compiles alone: {way}"), result)
    };
    ways.iter().map(check).sum()
}

fn syntax(compiler: &str, flags: &[&str], file: &Path) -> Result<(), String> {
    let mut command = Command::new(compiler);
    command
        .args(flags)
        .arg("-fsyntax-only")
        .args(STRICT)
        .arg("-I")
        .arg(include())
        .arg(file);
    process::capture(&mut command).map(drop)
}

/// Whether the source of a binding names every function of the C header except some, and calls none
/// of those.
pub(crate) fn names_every_function(text: &str, but_for: &[&str]) -> Result<(), String> {
    let functions = declarations(&committed()?)?.functions.into_iter();
    names_all(functions.map(|function| function.name), text, but_for)
}

fn names_all(
    functions: impl Iterator<Item = String>,
    text: &str,
    but_for: &[&str],
) -> Result<(), String> {
    let words: BTreeSet<&str> = text
        .split(|next: char| !next.is_ascii_alphanumeric() && next != '_')
        .collect();
    let (excepted, wanted): (Vec<String>, Vec<String>) =
        functions.partition(|name| but_for.contains(&&**name));
    let mut wrong: Vec<String> = wanted
        .iter()
        .filter(|name| !words.contains(&***name))
        .map(|name| format!("without {name}"))
        .collect();
    // The bare word may stand in a comment, or be the name of the library.
    let called = |name: &&&str| text.contains(&format!("{name}("));
    wrong.extend(
        but_for
            .iter()
            .filter(|name| !excepted.iter().any(|known| known == **name))
            .map(|name| format!("{name} is not a function of the header")),
    );
    wrong.extend(
        but_for
            .iter()
            .filter(called)
            .map(|name| format!("{name} is called, so it is not an exception")),
    );
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_names_all_functions_but_its_exceptions() {
        let names = |text: &str, but_for: &[&str]| {
            let functions = ["kusto_a", "kusto_b"].map(str::to_owned).into_iter();
            names_all(functions, text, but_for)
        };
        assert_eq!(names("kusto_a(x); &kusto_b", &[]), Ok(()));
        assert_eq!(names("kusto_a(x); // no kusto_b", &["kusto_b"]), Ok(()));
        for (text, but_for, wrong) in [
            ("kusto_a(x)", &[][..], "without kusto_b"),
            ("kusto_a kusto_bc", &[], "without kusto_b"),
            (
                "kusto_a(x); kusto_b(y)",
                &["kusto_b"],
                "kusto_b is called, so it is not an exception",
            ),
            (
                "kusto_a kusto_b",
                &["kusto_c"],
                "kusto_c is not a function of the header",
            ),
        ] {
            assert_eq!(names(text, but_for), Err(wrong.to_owned()));
        }
    }

    #[test]
    fn a_comment_without_its_lines_is_a_gap() {
        let header = "typedef struct kusto_x kusto_x;
/*
 * Frees it.
 *
 * Ownership: takes `x`. Threads: any.
 * Threads: any.
 * Failure: none.
 * Since: 0.1
 */
KUSTO_API void kusto_x_free(kusto_x *x);
/*
 Ownership: none.
 Threads: any.
 Failure: none.
 */
KUSTO_API int32_t kusto_x_long(kusto_x *x, size_t len);
KUSTO_API const char *kusto_x_name(const kusto_x *x, size_t *len);
";
        let functions = declarations(header).unwrap().functions;
        let gaps: Vec<Option<String>> = functions.iter().map(gap).collect();
        let missing = [
            "kusto_x_long: Since",
            "kusto_x_name: Ownership, Threads, Failure, Since",
        ];
        let [long, name] = missing.map(|text| Some(text.to_owned()));
        assert_eq!(gaps, [None, long, name]);
    }

    #[test]
    fn a_header_without_functions_is_not_documented() {
        assert!(documented("#pragma once\n").is_err());
    }

    #[test]
    fn the_version_is_filled_in() {
        let [major, minor, patch] = workspace::version_numbers().unwrap();
        assert_eq!(
            with_version("@MAJOR@.@MINOR@.@PATCH@").unwrap(),
            format!("{major}.{minor}.{patch}")
        );
    }
}
