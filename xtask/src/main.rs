//! All automation of this repository: `cargo xtask help` lists it.
//!
//! Nothing here is part of the product. A file holds one subcommand or one tool that several of
//! them share.

mod agents;
mod artifacts;
mod azurite;
mod bench;
mod catalog;
mod compiler;
mod conformance;
mod csharp;
mod demo;
mod emulator;
mod exports;
mod faults;
mod fuzz;
#[cfg(test)]
mod glossary;
mod go;
mod gzip;
mod header;
mod http;
mod install;
mod isal;
mod kql;
mod legs;
mod musl;
mod native;
mod needs;
mod node;
mod outside;
mod page;
mod process;
mod python;
mod readme;
#[cfg(test)]
mod references;
mod samples;
mod sdks;
mod storm;
mod tally;
mod test;
mod tool;
mod toolchain;
mod transcript;
mod workspace;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <command>

  demo                     build everything, start the emulator, run the C examples and show the result
  test [leg...]            run every test leg, or those named (`cargo xtask test --list` names them)
  conformance [flags...]   play tests/conformance in every language (--language X, --scenario TEXT, --list)
  generate [--check]       write what is made of catalog/ and of capi/src, the C header first of all, or fail when something is stale
  exports [--write]        compare the exported symbols with tests/abi/symbols.txt, or write that file
  install --prefix DIR     header, libraries, pkg-config file and CMake package below DIR, without CMake
  stage go                 header and libraries into bindings/go, which then builds with `go build`
  stage csharp             the shared library into bindings/csharp/runtimes, where .NET projects take it from
  stage node               the addon into bindings/node, and the npm packages of all platforms
  csharp build             compile bindings/csharp for all its frameworks, without a .NET SDK
  csharp test [EXPRESSION] run its tests on .NET 8, or those whose names match
  bench [flags...]         measure the clients beside the official Python SDK: benches/README.md
  bench bindings           measure each language beside C
  bench gzip               measure compression alone
  emulator [flags...]      run the emulator (`cargo xtask emulator --help` lists its flags)
  faults                   run the fault matrix and the Python SDK under faults, write docs/FAULTS.md (minutes)
  soak [--minutes N]       ingest under random faults, compare memory, threads and descriptors (default 3)
  fuzz [target...] [--seconds N]
                           run the fuzzers of the parsers, each for N seconds (default 60): fuzz/README.md
  storm FILE [records]     write the StormEvents-like CSV of the storm_events example
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<ExitCode, String> {
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", arguments),
    };
    match command {
        "demo" => demo::command(rest)?,
        "test" => return test::command(rest),
        "bench" => bench::command(rest)?,
        "generate" => generate(rest)?,
        "exports" => exports::command(rest)?,
        "install" => install::command(rest)?,
        "stage" => stage(rest)?,
        "conformance" => return conformance::command(rest),
        "csharp" => csharp::command(rest)?,
        "emulator" => return emulator::command(rest),
        "storm" => storm::command(rest)?,
        "faults" => faults::command(rest)?,
        "soak" => faults::soak(rest)?,
        "fuzz" => fuzz::command(rest)?,
        "help" | "--help" | "-h" => print!("{HELP}"),
        other => return Err(format!("no command {other:?}\n\n{HELP}")),
    }
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask generate [--check]`: first what the C layer is made of, then the header from it.
fn generate(arguments: &[String]) -> Result<(), String> {
    match arguments {
        [] => catalog::write().and_then(|()| header::write()),
        [flag] if flag == "--check" => match catalog::check()?.failed + header::current()?.failed {
            0 => Ok(()),
            stale => Err(format!(
                "{stale} files are stale: run `cargo xtask generate` and commit"
            )),
        },
        _ => Err("generate [--check]".into()),
    }
}

/// `cargo xtask stage LANGUAGE`: what a binding needs from the native build.
fn stage(arguments: &[String]) -> Result<(), String> {
    let languages: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let staged = match languages[..] {
        ["go"] => go::stage()?,
        ["csharp"] => csharp::stage()?,
        ["node"] => node::stage()?,
        _ => return Err("stage go|csharp|node".into()),
    };
    println!("staged in {}", staged.display());
    Ok(())
}
