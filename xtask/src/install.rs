//! The tree that a C or C++ user installs: the same from `cargo xtask install` as from
//! `cmake --install`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::artifacts::{self, Artifacts};
use crate::compiler::{self, STRICT};
use crate::tally::Tally;
use crate::{isal, musl, needs, process, tool, workspace};

/// `cargo xtask install --prefix DIR`.
pub(crate) fn command(arguments: &[String]) -> Result<(), String> {
    let [flag, prefix] = arguments else {
        return Err("install --prefix DIR".into());
    };
    if flag != "--prefix" {
        return Err("install --prefix DIR".into());
    }
    install(&artifacts::library()?, Path::new(prefix))?;
    let prefix = std::path::absolute(prefix).map_err(|error| format!("{prefix}: {error}"))?;
    print!("{}", how_to_use(&prefix));
    Ok(())
}

/// The lines with which a program finds the library, when it is linked and when it starts.
fn how_to_use(prefix: &Path) -> String {
    let lib = prefix.join("lib");
    let found = match lib.to_str().unwrap_or_default() {
        "/usr/lib" | "/usr/local/lib" => {
            "ldconfig    # once, as root: the loader finds the library then".to_owned()
        }
        _ => format!(
            "cc app.c $(pkg-config --cflags --libs kusto_ingest) {}",
            rpath(&lib)
        ),
    };
    format!(
        "installed below {}\n\nTo use it (docs/DEPLOY.md has more):\n  \
         export PKG_CONFIG_PATH={}/pkgconfig\n  {found}\n",
        prefix.display(),
        lib.display(),
    )
}

/// The linker's flag for a program that finds the shared library there when it starts.
fn rpath(lib: &Path) -> String {
    format!("-Wl,-rpath,{}", lib.display())
}

/// Header, libraries, pkg-config file and CMake package below `prefix`.
pub(crate) fn install(library: &Artifacts, prefix: &Path) -> Result<(), String> {
    let root = workspace::root();
    let lib = prefix.join("lib");
    for header in ["kusto_ingest.h", "kusto_ingest.hpp"] {
        workspace::copy(
            &compiler::include().join(header),
            &prefix.join("include").join(header),
        )?;
    }
    shared_library(library, &lib)?;
    let archive = lib.join("libkusto_ingest.a");
    workspace::copy(&library.archive(), &archive)?;
    // std's debug information is half of the archive.
    strip(&["--strip-debug", "-S"], &archive)?;
    for (template, place) in [
        ("kusto_ingest.pc.in", "pkgconfig/kusto_ingest.pc"),
        (
            "cmake/kusto_ingestConfig.cmake.in",
            "cmake/kusto_ingest/kusto_ingestConfig.cmake",
        ),
        (
            "cmake/kusto_ingestConfigVersion.cmake.in",
            "cmake/kusto_ingest/kusto_ingestConfigVersion.cmake",
        ),
    ] {
        workspace::write(
            &lib.join(place),
            &filled(&workspace::read(&root.join(template))?),
        )?;
    }
    Ok(())
}

/// `libkusto_ingest.so.0.1.0` and the links `.so.0` (for the loader) and `.so` (for the linker).
fn shared_library(library: &Artifacts, lib: &Path) -> Result<(), String> {
    let version = workspace::VERSION;
    let [major, ..] = workspace::version_numbers()?;
    let [full, loader, linker] = if cfg!(target_os = "macos") {
        [
            format!("libkusto_ingest.{version}.dylib"),
            format!("libkusto_ingest.{major}.dylib"),
            "libkusto_ingest.dylib".into(),
        ]
    } else {
        [
            format!("libkusto_ingest.so.{version}"),
            format!("libkusto_ingest.so.{major}"),
            "libkusto_ingest.so".into(),
        ]
    };
    workspace::copy(&library.shared(), &lib.join(&full))?;
    strip(&["--strip-unneeded", "-x"], &lib.join(&full))?;
    compiler::link(Path::new(&full), &lib.join(&loader))?;
    compiler::link(Path::new(&loader), &lib.join(&linker))
}

/// GNU strip has long flags, that of macOS short ones.
fn strip([gnu, apple]: &[&str; 2], file: &Path) -> Result<(), String> {
    let flag = if cfg!(target_os = "macos") {
        apple
    } else {
        gnu
    };
    process::capture(Command::new("strip").arg(flag).arg(file)).map(drop)
}

/// Fills in a template as CMake's `configure_file(... @ONLY)` does.
fn filled(template: &str) -> String {
    [
        ("@PROJECT_VERSION@", workspace::VERSION),
        ("@KUSTO_INCLUDEDIR@", "include"),
        ("@KUSTO_LIBDIR@", "lib"),
        ("@KUSTO_LIBDIR_TO_PREFIX@", ".."),
    ]
    .into_iter()
    .fold(template.to_owned(), |text, (name, value)| {
        text.replace(name, value)
    })
}

/// A consumer project, and how a makefile compiles its one file.
struct Consumer {
    /// Below tests/: consumer/CMakeLists.txt and consumer/consumer.ENDING.
    directory: &'static str,
    source: &'static str,
    compiler: &'static str,
}

const CONSUMERS: [Consumer; 2] = [
    Consumer {
        directory: "capi/consumer",
        source: "consumer.c",
        compiler: "cc -std=c99",
    },
    Consumer {
        directory: "cpp/consumer",
        source: "consumer.cpp",
        compiler: "c++ -std=c++17",
    },
];

impl Consumer {
    fn project(&self) -> PathBuf {
        workspace::root().join("tests").join(self.directory)
    }
}

/// Installs both ways and builds the consumer projects against the trees in every way.
pub(crate) fn leg() -> Result<Tally, String> {
    let library = artifacts::release()?;
    let scratch = workspace::scratch("install")?;
    let tree = scratch.join("tree");
    workspace::remove_directory(&tree)?;
    install(library, &tree)?;
    // Moved after installing: nothing in the tree may contain the path where it was built.
    let moved = scratch.join("moved");
    workspace::remove_directory(&moved)?;
    std::fs::rename(&tree, &moved).map_err(|error| error.to_string())?;
    let mut tally = with_cmake(&scratch, &moved)?;
    for consumer in &CONSUMERS {
        for linkage in linkages() {
            tally += match tool::optional(&tool::PKG_CONFIG) {
                Ok(()) => Tally::check(
                    &format!("{} by pkg-config, {linkage}", consumer.source),
                    by_pkg_config(consumer, &scratch, &moved, linkage),
                ),
                Err(reason) => Tally::skip(consumer.source, &reason),
            };
        }
    }
    if cfg!(target_os = "linux") {
        tally += Tally::check(
            "the library needs what docs/DEPLOY.md says",
            needs::stand_in("docs/DEPLOY.md", &moved.join("lib/libkusto_ingest.so")),
        );
    }
    tally += musl::check();
    Ok(tally)
}

/// How the consumers are linked. A program without any shared library needs a system whose C library
/// has an archive.
fn linkages() -> &'static [&'static str] {
    match cfg!(target_os = "linux") {
        true => &["shared", "static", "fully static"],
        false => &["shared", "static"],
    }
}

fn with_cmake(scratch: &Path, tree: &Path) -> Result<Tally, String> {
    if let Err(reason) = tool::optional(&tool::CMAKE) {
        return Ok(Tally::skip("the CMake package", &reason));
    }
    let find = |consumer: &Consumer| {
        Tally::check(
            &format!("{} by find_package, shared and static", consumer.source),
            by_find_package(consumer, scratch, tree),
        )
    };
    let mut tally: Tally = CONSUMERS.iter().map(find).sum();
    tally += Tally::check(
        "cmake --install creates the same tree",
        same_as_cmake(scratch, tree),
    );
    Ok(tally)
}

fn by_find_package(consumer: &Consumer, scratch: &Path, tree: &Path) -> Result<(), String> {
    let build = scratch.join(format!("find_package-{}", consumer.source));
    workspace::remove_directory(&build)?;
    process::capture(
        cmake(&consumer.project(), &build).arg(format!("-DCMAKE_PREFIX_PATH={}", tree.display())),
    )?;
    process::capture(Command::new("cmake").arg("--build").arg(&build))?;
    process::capture(
        Command::new("ctest")
            .arg("--output-on-failure")
            .current_dir(&build),
    )
    .map(drop)
}

fn by_pkg_config(
    consumer: &Consumer,
    scratch: &Path,
    tree: &Path,
    linkage: &str,
) -> Result<(), String> {
    let ask = |what: &[&str]| {
        let mut command = Command::new("pkg-config");
        command
            .args(what)
            .arg("kusto_ingest")
            .env("PKG_CONFIG_PATH", tree.join("lib/pkgconfig"));
        process::capture(&mut command)
    };
    let (flag, libraries) = match linkage {
        "static" => ("", ask(&["--variable=static_libs"])?),
        "fully static" => ("-static", ask(&["--variable=fully_static_libs"])?),
        _ => (
            "",
            format!("{} {}", ask(&["--libs"])?, rpath(&tree.join("lib"))),
        ),
    };
    // Through a shell, as in a makefile, because pkg-config escapes what a shell would split.
    let program =
        scratch.join(format!("pkg-config-{linkage}-{}.program", consumer.source).replace(' ', "-"));
    let line = format!(
        "{} {flag} {} {} \"$1\" -o \"$2\" {libraries}",
        consumer.compiler,
        STRICT.join(" "),
        ask(&["--cflags"])?
    );
    let line = line.replace('\n', " ");
    process::capture(
        Command::new("sh")
            .args(["-c", &line, "sh"])
            .arg(consumer.project().join(consumer.source))
            .arg(&program),
    )?;
    process::capture(&mut Command::new(&program)).map(drop)
}

fn same_as_cmake(scratch: &Path, tree: &Path) -> Result<(), String> {
    let build = scratch.join("cmake");
    let prefix = scratch.join("cmake-tree");
    workspace::remove_directory(&build)?;
    workspace::remove_directory(&prefix)?;
    let flags = [&artifacts::RELEASE[2..], isal::features()]
        .concat()
        .join(";");
    let mut configure = cmake(workspace::root(), &build);
    configure
        .arg(format!("-DCMAKE_INSTALL_PREFIX={}", prefix.display()))
        .arg("-DCMAKE_INSTALL_LIBDIR=lib")
        .arg(format!("-DKUSTO_INGEST_CARGO_FLAGS={flags}"));
    process::capture(&mut configure)?;
    process::capture(
        process::outside_cargo(Command::new("cmake"))
            .arg("--build")
            .arg(&build),
    )?;
    let said = process::capture(Command::new("cmake").arg("--install").arg(&build))?;
    let flag = rpath(&prefix.join("lib"));
    if !said.contains(&flag) {
        return Err(format!("cmake --install does not print {flag}:\n{said}"));
    }
    let (ours, theirs) = (listing(tree)?, listing(&prefix)?);
    if ours == theirs {
        Ok(())
    } else {
        let only = |these: &[(PathBuf, String)], those: &[(PathBuf, String)]| {
            let differing = these.iter().filter(|file| !those.contains(file));
            differing
                .map(|(path, _)| path.display().to_string())
                .collect::<Vec<_>>()
        };
        Err(format!(
            "other or missing, xtask: {:?}, cmake: {:?}",
            only(&ours, &theirs),
            only(&theirs, &ours)
        ))
    }
}

fn cmake(source: &Path, build: &Path) -> Command {
    let mut command = process::outside_cargo(Command::new("cmake"));
    command
        .arg("-S")
        .arg(source)
        .arg("-B")
        .arg(build)
        .arg("-DCMAKE_BUILD_TYPE=Release");
    command
}

/// Every file below `root`: its relative path, with its content for text or its size, and the
/// target for a link.
fn listing(root: &Path) -> Result<Vec<(PathBuf, String)>, String> {
    let mut found = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(directory) = open.pop() {
        let entries = std::fs::read_dir(&directory)
            .map_err(|error| format!("{}: {error}", directory.display()))?;
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let relative = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
            if let Ok(target) = std::fs::read_link(&path) {
                found.push((relative, format!("-> {}", target.display())));
            } else if path.is_dir() {
                open.push(path);
            } else {
                found.push((relative, content(&path)?));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn content(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|binary| format!("{} bytes", binary.as_bytes().len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_says_how_programs_find_it() {
        let own = how_to_use(Path::new("/opt/kusto"));
        assert!(
            own.contains("PKG_CONFIG_PATH=/opt/kusto/lib/pkgconfig"),
            "{own}"
        );
        assert!(own.contains("-Wl,-rpath,/opt/kusto/lib"), "{own}");
        let system = how_to_use(Path::new("/usr/local"));
        assert!(
            system.contains("ldconfig") && !system.contains("rpath"),
            "{system}"
        );
    }
}
