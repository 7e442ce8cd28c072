//! The legs of `cargo xtask test`.

use std::process::Command;
use std::time::Duration;

use crate::azurite::Azurite;
use crate::tally::Tally;
use crate::{
    agents, conformance, csharp, demo, exports, go, gzip, header, install, isal, kql, native, node,
    page, process, python, readme, sdks,
};

/// One leg. All of them are required: a leg that cannot run, or runs no test, has failed. An
/// optional part of a leg prints `SKIP name: reason`.
pub(crate) struct Leg {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: fn() -> Result<Tally, String>,
}

/// All legs, in two lanes that run beside each other, in this order: cheap ones first. What cargo compiles
/// for the Rust tests stands in the first, what builds and uses the release in the second. No leg of one
/// writes where one of the other reads.
pub(crate) const LANES: [&[Leg]; 2] = [RUST, PRODUCTS];

const RUST: &[Leg] = &[
    Leg {
        name: "fmt",
        about: "cargo fmt",
        run: fmt,
    },
    Leg {
        name: "clippy",
        about: "cargo clippy with and without the optional features, warnings denied",
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
        about: "the library's gzip output, read by zcat, Python, Node and Go",
        run: gzip::leg,
    },
];

const PRODUCTS: &[Leg] = &[
    Leg {
        name: "kql",
        about: "the emulator's KQL and commands beside Microsoft's parser: tests/kql",
        run: kql::leg,
    },
    Leg {
        name: "header",
        about: "all that is generated is current; include/kusto_ingest.h: documented, compiles alone",
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
        run: native::capi,
    },
    Leg {
        name: "cpp",
        about: "include/kusto_ingest.hpp: compiles alone, tests/cpp/*.cpp, examples/cpp beside examples/c",
        run: native::cpp,
    },
    Leg {
        name: "go",
        about: "bindings/go with the race detector, and examples/go beside those in C",
        run: go::leg,
    },
    Leg {
        name: "csharp",
        about: "bindings/csharp on .NET 8, its package, and examples/csharp beside those in C",
        run: csharp::leg,
    },
    Leg {
        name: "node",
        about: "bindings/node: types, tests, the packed package; examples/node beside those in C",
        run: node::leg,
    },
    Leg {
        name: "conformance",
        about: "tests/conformance: one suite of scenarios, played in every language",
        run: conformance::leg,
    },
    Leg {
        name: "install",
        about: "the installed tree, used by CMake and pkg-config; a program on musl",
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
        name: "node-sdk",
        about: "the official Node SDK, over HTTP and TLS",
        run: sdks::node,
    },
    Leg {
        name: "go-sdk",
        about: "the official Go SDK, over TLS",
        run: sdks::go,
    },
    Leg {
        name: "java-sdk",
        about: "the official Java SDK, over HTTP",
        run: sdks::java,
    },
    Leg {
        name: "page",
        about: "the emulator's page in a headless Chromium",
        run: page::leg,
    },
    Leg {
        name: "rust-examples",
        about: "examples/rust, as in the demo; tests/outside in a package of its own",
        run: demo::rust_leg,
    },
    Leg {
        name: "agents",
        about: "the agents of examples/, under faults, killed and ended: every line once",
        run: agents::leg,
    },
    Leg {
        name: "readme",
        about: "the programs and first commands that the READMEs show",
        run: readme::leg,
    },
    Leg {
        name: "demo",
        about: "cargo xtask demo",
        run: demo::leg,
    },
];

/// All legs.
pub(crate) fn all() -> impl Iterator<Item = &'static Leg> {
    LANES.into_iter().flatten()
}

/// Their names.
pub(crate) fn names(legs: &[Leg]) -> Vec<&'static str> {
    legs.iter().map(|leg| leg.name).collect()
}

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
        "clippy without ISA-L, with the measurements",
        check(&["--features", "kusto-ingest-bench/rooms"]),
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
    let mut all = process::cargo(["test", "--workspace", "--no-fail-fast"]);
    cargo_test(all.args(isal::features()))
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
    Ok(Tally::of_cargo(&said.text).or_failed(&said))
}

fn python_builtin() -> Result<Tally, String> {
    python::leg(None)
}

fn python_azurite() -> Result<Tally, String> {
    python::leg(Some(&Azurite::start()?))
}
