//! The C and C++ compilers, and how our library is linked.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::artifacts::Artifacts;
use crate::tool::{self, Tool};
use crate::{process, workspace};

/// Warnings that the headers, the examples and the tests in C and C++ must not cause.
pub(crate) const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// A family of compilers.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) c: &'static str,
    pub(crate) cxx: &'static str,
    package: &'static str,
}

impl Family {
    /// Whether both compilers are there.
    pub(crate) fn available(&self) -> Result<(), String> {
        [self.c, self.cxx]
            .iter()
            .try_for_each(|name| tool::optional(&Tool::new(name, self.package)))
    }
}

/// The tests require gcc; clang is optional.
pub(crate) const FAMILIES: [Family; 2] = [
    Family {
        name: "gcc",
        c: "gcc",
        cxx: "g++",
        package: "g++",
    },
    Family {
        name: "clang",
        c: "clang",
        cxx: "clang++",
        package: "clang",
    },
];

/// Directory of the public headers.
pub(crate) fn include() -> PathBuf {
    workspace::root().join("include")
}

/// Compiles one file, C99 or by its ending C++17, with the strict warnings and links it to the shared
/// library, which it finds again without any environment.
pub(crate) fn program(source: &Path, output: &Path, library: &Artifacts) -> Result<(), String> {
    program_with(&[], source, output, library)
}

/// As [`program`], with more flags.
pub(crate) fn program_with(
    flags: &[&str],
    source: &Path,
    output: &Path,
    library: &Artifacts,
) -> Result<(), String> {
    program_of(flags, &[source], output, library)
}

/// As [`program_with`], of several files in one language.
pub(crate) fn program_of(
    flags: &[&str],
    sources: &[&Path],
    output: &Path,
    library: &Artifacts,
) -> Result<(), String> {
    let libraries = links(library)?;
    let endings = sources.iter().filter_map(|source| source.extension());
    let is_cpp = endings.into_iter().any(|ending| ending == "cpp");
    let (compiler, standard): (_, &[&str]) = if is_cpp {
        ("c++", &["-std=c++17"])
    } else {
        ("cc", &["-std=c99", "-D_POSIX_C_SOURCE=200809L"])
    };
    let mut command = Command::new(compiler);
    command
        .args(standard)
        .args(["-O1", "-g"])
        .args(STRICT)
        .args(flags)
        .arg("-I")
        .arg(include())
        .args(sources)
        .arg("-o")
        .arg(output)
        .arg("-L")
        .arg(&libraries)
        .arg(format!("-Wl,-rpath,{}", libraries.display()))
        .args(["-lkusto_ingest", "-lpthread"]);
    process::capture(&mut command).map(drop)
}

/// A directory with the shared library under the names by which linker and loader ask for it;
/// cargo makes only the first.
fn links(library: &Artifacts) -> Result<PathBuf, String> {
    let directory = workspace::scratch("lib")?;
    let major = workspace::VERSION.split('.').next().unwrap_or("0");
    let names = if cfg!(target_os = "macos") {
        [
            "libkusto_ingest.dylib".to_owned(),
            format!("libkusto_ingest.{major}.dylib"),
        ]
    } else {
        [
            "libkusto_ingest.so".to_owned(),
            format!("libkusto_ingest.so.{major}"),
        ]
    };
    for name in names {
        link(&library.shared(), &directory.join(name))?;
    }
    Ok(directory)
}

/// Makes or replaces a symbolic link.
pub(crate) fn link(target: &Path, link: &Path) -> Result<(), String> {
    // Absent is the usual case.
    let _ = std::fs::remove_file(link);
    std::os::unix::fs::symlink(target, link)
        .map_err(|error| format!("cannot link {}: {error}", link.display()))
}
