//! The legs of `cargo xtask test`, in the order in which they run: cheap ones first.

use std::process::Command;
use std::time::Duration;

use crate::azurite::Azurite;
use crate::emulator::Emulator;
use crate::tally::Tally;
use crate::{
    artifacts, compiler, demo, exports, gzip, header, install, isal, process, python, readme,
    workspace,
};

/// One leg. All of them are required: a leg that cannot run, or runs no test, has failed. What is
/// optional inside a leg says `SKIP name: reason`.
pub(crate) struct Leg {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: fn() -> Result<Tally, String>,
}

pub(crate) const ALL: [Leg; 15] = [
    Leg {
        name: "fmt",
        about: "cargo fmt",
        run: fmt,
    },
    Leg {
        name: "clippy",
        about: "cargo clippy with all there is and with the least, warnings denied",
        run: clippy,
    },
    Leg {
        name: "docs",
        about: "cargo doc, warnings denied",
        run: docs,
    },
    Leg {
        name: "rust",
        about: "all Rust tests, on the emulator's own storage",
        run: rust,
    },
    Leg {
        name: "rust-azurite",
        about: "the Rust integration tests again, on Azurite",
        run: rust_azurite,
    },
    Leg {
        name: "gzip",
        about: "what the library compresses, read by zcat, Python, Node and Go",
        run: gzip::leg,
    },
    Leg {
        name: "header",
        about: "include/kusto_ingest.h: current, documented, compiles alone",
        run: header::leg,
    },
    Leg {
        name: "exports",
        about: "the symbols of the shared library",
        run: exports::leg,
    },
    Leg {
        name: "capi",
        about: "tests/capi/*.c, plain and under valgrind",
        run: capi,
    },
    Leg {
        name: "install",
        about: "the installed tree, used by CMake and pkg-config",
        run: install::leg,
    },
    Leg {
        name: "python",
        about: "the official Python SDK, on the emulator's own storage",
        run: python_builtin,
    },
    Leg {
        name: "python-azurite",
        about: "the official Python SDK, on Azurite",
        run: python_azurite,
    },
    Leg {
        name: "rust-examples",
        about: "examples/rust, as in the demo",
        run: demo::rust_leg,
    },
    Leg {
        name: "readme",
        about: "the program that README.md shows",
        run: readme::leg,
    },
    Leg {
        name: "demo",
        about: "cargo xtask demo",
        run: demo::leg,
    },
];

fn fmt() -> Result<Tally, String> {
    Ok(Tally::check(
        "format",
        process::run(&mut process::cargo(["fmt", "--all", "--check"])),
    ))
}

fn clippy() -> Result<Tally, String> {
    let check = |features: &[&str]| {
        let mut command = process::cargo(["clippy", "--quiet", "--workspace", "--all-targets"]);
        process::run(command.args(features).args(["--", "-D", "warnings"]))
    };
    let mut tally = Tally::check("clippy", check(isal::features()));
    tally += Tally::check(
        "clippy without the C layer and ISA-L",
        check(&["--no-default-features"]),
    );
    tally += Tally::check(
        "clippy with the measurements",
        check(
            &[
                isal::features(),
                &["--features", "kusto-ingest-bench/rooms"],
            ]
            .concat(),
        ),
    );
    Ok(tally)
}

fn docs() -> Result<Tally, String> {
    let mut command = process::cargo(["doc", "--quiet", "--workspace", "--no-deps"]);
    Ok(Tally::check(
        "documentation",
        process::run(
            command
                .args(isal::features())
                .env("RUSTDOCFLAGS", "-D warnings"),
        ),
    ))
}

fn rust() -> Result<Tally, String> {
    cargo_test(process::cargo(["test", "--workspace", "--no-fail-fast"]).args(isal::features()))
}

fn rust_azurite() -> Result<Tally, String> {
    let azurite = Azurite::start()?;
    // With the binaries, that is with xtask: cargo merges features over what is selected, and without
    // it everything would be compiled a second time.
    let mut command = process::cargo([
        "test",
        "--workspace",
        "--no-fail-fast",
        "--bins",
        "--test",
        "*",
    ]);
    command.args(isal::features());
    cargo_test(command.env("KUSTO_TEST_AZURITE", azurite.environment()))
}

fn cargo_test(command: &mut Command) -> Result<Tally, String> {
    let said = process::tee(command, Duration::from_secs(30 * 60))?;
    Ok(Tally::of_cargo(&said.text).or_failed(said.success))
}

fn python_builtin() -> Result<Tally, String> {
    python::leg(None)
}

fn python_azurite() -> Result<Tally, String> {
    python::leg(Some(&Azurite::start()?))
}

/// Every program of tests/capi, each ending with the line `N passed, N failed, N skipped`.
fn capi() -> Result<Tally, String> {
    let library = artifacts::release()?;
    let scratch = workspace::scratch("capi")?;
    let memcheck = memcheck_available();
    let emulator = Emulator::start(None)?;
    let blobs = two_blobs(&emulator)?;
    let [connection, database] = emulator.environment()?;
    let environment = [connection, database, ("KUSTO_TEST_BLOBS", blobs.as_str())];
    let mut tally = Tally::default();
    for source in workspace::files(&workspace::root().join("tests/capi"), "c") {
        let name = workspace::stem(&source);
        let program = scratch.join(&name);
        if let Err(reason) = compiler::program(&source, &program, library) {
            tally += Tally::check(&name, Err(reason));
            continue;
        }
        let said = process::tee(
            Command::new(&program).envs(environment),
            Duration::from_secs(300),
        )?;
        tally += match Tally::of_closing_line(&said.text) {
            Some(counted) => counted.or_failed(said.success),
            None => Tally::check(&name, Err("it ended without its closing line".into())),
        };
        tally += match &memcheck {
            Ok(()) => Tally::check(
                &format!("{name} under valgrind"),
                under_memcheck(&program, &environment),
            ),
            Err(reason) => Tally::skip(&format!("{name} under valgrind"), reason),
        };
    }
    emulator.stop()?;
    Ok(tally)
}

/// URLs, with access, of two blobs of `id,text` rows, as tests/capi/ingest.c wants them.
fn two_blobs(emulator: &Emulator) -> Result<String, String> {
    let scratch = workspace::scratch("capi-blobs")?;
    let mut urls = Vec::new();
    for name in ["first.csv", "second.csv"] {
        let file = scratch.join(name);
        workspace::write(&file, "1,one\n2,two\n")?;
        urls.push(emulator.upload(&file, name)?);
    }
    Ok(urls.join(" "))
}

fn under_memcheck(program: &std::path::Path, environment: &[(&str, &str)]) -> Result<(), String> {
    let suppressions = workspace::root().join("tests/capi/valgrind.supp");
    let mut command = Command::new("valgrind");
    command
        .args([
            "--quiet",
            "--leak-check=full",
            "--errors-for-leak-kinds=definite,indirect,possible",
        ])
        .args(["--error-exitcode=9", "--fair-sched=yes"])
        // The child of the fork test is killed on purpose, with what its parent's threads held.
        .arg("--child-silent-after-fork=yes")
        .arg(format!("--suppressions={}", suppressions.display()))
        .arg(program)
        .envs(environment.iter().copied());
    let said = process::tee(&mut command, Duration::from_secs(900))?;
    if said.success {
        Ok(())
    } else {
        Err("see above".into())
    }
}

/// valgrind is optional on a developer's machine; where `CI` is set it is fetched when that is possible.
fn memcheck_available() -> Result<(), String> {
    let in_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    if !process::found("valgrind") && in_ci && process::found("apt-get") {
        // Without success the line below says what is missing.
        let _ = process::run(Command::new("apt-get").args([
            "install",
            "-y",
            "--no-install-recommends",
            "valgrind",
        ]));
    }
    if process::found("valgrind") {
        Ok(())
    } else {
        Err("valgrind not found".into())
    }
}
