//! The Node binding: its addon, its packages, its tests and its examples.

mod deploy;
mod tests;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::emulator::Emulator;
use crate::tally::Tally;
use crate::{demo, isal, process, toolchain, workspace};

/// Platforms with their own package, with its `os`, `cpu` and `libc`.
const PLATFORMS: [(&str, &str, &str, Option<&str>); 8] = [
    ("darwin-arm64", "darwin", "arm64", None),
    ("darwin-x64", "darwin", "x64", None),
    ("linux-arm64-gnu", "linux", "arm64", Some("glibc")),
    ("linux-arm64-musl", "linux", "arm64", Some("musl")),
    ("linux-x64-gnu", "linux", "x64", Some("glibc")),
    ("linux-x64-musl", "linux", "x64", Some("musl")),
    ("win32-arm64-msvc", "win32", "arm64", None),
    ("win32-x64-msvc", "win32", "x64", None),
];

/// The one this xtask was built for.
const HERE: &str = if cfg!(target_os = "macos") {
    if cfg!(target_arch = "aarch64") {
        "darwin-arm64"
    } else {
        "darwin-x64"
    }
} else if cfg!(windows) {
    if cfg!(target_arch = "aarch64") {
        "win32-arm64-msvc"
    } else {
        "win32-x64-msvc"
    }
} else {
    match (cfg!(target_arch = "aarch64"), cfg!(target_env = "musl")) {
        (false, false) => "linux-x64-gnu",
        (false, true) => "linux-x64-musl",
        (true, false) => "linux-arm64-gnu",
        (true, true) => "linux-arm64-musl",
    }
};

const NAME: &str = "@kusto-ingest/native";

fn package() -> PathBuf {
    workspace::root().join("bindings/node")
}

fn examples() -> PathBuf {
    workspace::root().join("examples/node")
}

fn addon_name(platform: &str) -> String {
    format!("kusto-ingest.{platform}.node")
}

/// `cargo xtask stage node`: puts the release build of the addon where the package in the checkout
/// looks for it, and beside it the packages of all platforms as they are published, without the
/// addons of the others.
pub(crate) fn stage() -> Result<PathBuf, String> {
    let addon = build()?;
    let native = package().join("native");
    workspace::remove_directory(&native)?;
    for platform in PLATFORMS {
        let package = native.join("npm").join(platform.0);
        workspace::write(&package.join("package.json"), &platform_manifest(platform))?;
        workspace::copy(&workspace::root().join("LICENSE"), &package.join("LICENSE"))?;
    }
    let own = native.join("npm").join(HERE).join(addon_name(HERE));
    workspace::copy(&addon, &own)?;
    workspace::copy(&addon, &native.join(addon_name(HERE)))?;
    Ok(native)
}

/// Builds once for each run. The emulator is named as well, as in [`crate::artifacts::RELEASE`], and the
/// addon has an rlib beside it: so cargo requires the same features and the same kind of objects of all
/// dependencies as it does there, and compiles only the addon and its own dependencies.
fn build() -> Result<PathBuf, String> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let packages = [
            "--package",
            "kusto-ingest-node",
            "--package",
            "kusto-emulator",
        ];
        let mut command = process::cargo(["build", "--release"]);
        command.args(packages);
        if isal::available().is_ok() {
            command.args(["--features", "kusto-ingest-node/isal"]);
        }
        process::run(&mut command)?;
        let library = if cfg!(windows) {
            "kusto_ingest_node.dll"
        } else if cfg!(target_os = "macos") {
            "libkusto_ingest_node.dylib"
        } else {
            "libkusto_ingest_node.so"
        };
        Ok(workspace::target().join("release").join(library))
    });
    built.clone()
}

fn engines() -> Value {
    json!({ "node": format!(">={}", tests::OLDEST) })
}

fn platform_manifest((name, os, cpu, libc): (&str, &str, &str, Option<&str>)) -> String {
    let addon = addon_name(name);
    let mut manifest = json!({
        "name": format!("{NAME}-{name}"),
        "version": workspace::VERSION,
        "description": format!("The addon of {NAME} for {name}"),
        "license": "MIT",
        "engines": engines(),
        "main": addon,
        "files": [addon],
        "os": [os],
        "cpu": [cpu],
    });
    if let Some(libc) = libc {
        manifest["libc"] = json!([libc]);
    }
    format!("{manifest:#}\n")
}

/// Stages, then checks and tests the package and runs its examples as a user installs it.
pub(crate) fn leg() -> Result<Tally, String> {
    stage()?;
    let mut tally = Tally::check("the package's manifest", manifest_agrees());
    tally += types()?;
    tally += tests::run()?;
    let installed = deploy::installed()?;
    tally += deploy::check(&installed)?;
    tally += Tally::check("the player and the measured program", programs_run());
    tally += demo::says_what_c_says("node", &programs(&installed)?)?;
    Ok(tally)
}

/// A command of Node with these files as arguments.
fn node(arguments: &[&Path]) -> Command {
    let mut command = Command::new("node");
    command.args(arguments);
    command
}

fn npm(arguments: &[&str], directory: &Path) -> Command {
    let mut command = Command::new("npm");
    command.args(arguments).current_dir(directory);
    command
}

/// Versions are the workspace's, and every platform's package is an optional dependency.
fn manifest_agrees() -> Result<(), String> {
    let text = workspace::read(&package().join("package.json"))?;
    let manifest: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let platforms: serde_json::Map<String, Value> = PLATFORMS
        .iter()
        .map(|(name, ..)| (format!("{NAME}-{name}"), json!(workspace::VERSION)))
        .collect();
    let expected = json!({
        "name": NAME, "version": workspace::VERSION, "engines": engines(), "optionalDependencies": platforms,
    });
    for (member, value) in expected.as_object().into_iter().flatten() {
        if manifest[member] != *value {
            return Err(format!("{member} is {}, not {value}", manifest[member]));
        }
    }
    Ok(())
}

/// The compiler's opinion of `index.d.ts`, of programs that use it and of the examples; and whether
/// it matches the exports.
fn types() -> Result<Tally, String> {
    let source = package().join("test/types");
    let toolchain = typescript(&source)?;
    let bed = bed("types")?;
    link(
        &toolchain.join("node_modules/@types"),
        &bed.join("node_modules/@types"),
    )?;
    link(
        &toolchain.join("node_modules/undici-types"),
        &bed.join("node_modules/undici-types"),
    )?;
    for ending in ["mts", "cts", "mjs", "json"] {
        copy_all(&source, ending, &bed)?;
    }
    copy_all(&examples(), "mjs", &bed)?;
    let compiler = toolchain.join("node_modules/typescript");
    let tsc = |project: &str| {
        let mut command = node(&[&compiler.join("bin/tsc")]);
        command.args(["--preserveSymlinks", "--project", project]);
        process::capture(command.current_dir(&bed)).map(drop)
    };
    let mut agree = node(&[
        &bed.join("agree.mjs"),
        &compiler,
        &package().join("index.d.ts"),
    ]);
    let mut tally = Tally::check("tsc --strict", tsc("tsconfig.json"));
    tally += Tally::check("tsc without @types/node", bare_types(&source, &compiler));
    tally += Tally::check("tsc of the examples", tsc("tsconfig.examples.json"));
    tally += Tally::check(
        "index.d.ts matches the exports",
        process::capture(&mut agree).map(drop),
    );
    Ok(tally)
}

/// A consumer without types of Node.
fn bare_types(source: &Path, compiler: &Path) -> Result<(), String> {
    let bed = bed("bare-types")?;
    for ending in ["mts", "json"] {
        copy_all(&source.join("bare"), ending, &bed)?;
    }
    let mut command = node(&[&compiler.join("bin/tsc")]);
    command.args(["--preserveSymlinks", "--project", "tsconfig.json"]);
    process::capture(command.current_dir(&bed)).map(drop)
}

fn typescript(source: &Path) -> Result<PathBuf, String> {
    let stamp = workspace::read(&source.join("package-lock.json"))?;
    toolchain::ensure("typescript", &stamp, |directory| {
        for name in ["package.json", "package-lock.json", ".npmrc"] {
            workspace::copy(&source.join(name), &directory.join(name))?;
        }
        process::capture(&mut npm(&["ci"], directory)).map(drop)
    })
}

/// A directory whose programs find the package in the checkout by its name.
fn bed(name: &str) -> Result<PathBuf, String> {
    let directory = workspace::scratch("node")?.join(name);
    workspace::remove_directory(&directory)?;
    link(&package(), &directory.join("node_modules").join(NAME))?;
    Ok(directory)
}

#[cfg(unix)]
fn link(target: &Path, link: &Path) -> Result<(), String> {
    if let Some(parent) = link.parent() {
        workspace::create_directory(parent)?;
    }
    std::os::unix::fs::symlink(target, link)
        .map_err(|error| format!("cannot create {}: {error}", link.display()))
}

#[cfg(not(unix))]
fn link(_: &Path, link: &Path) -> Result<(), String> {
    Err(format!("{} would be a symbolic link", link.display()))
}

fn copy_all(from: &Path, ending: &str, to: &Path) -> Result<(), String> {
    for file in workspace::files(from, ending) {
        let name = file.file_name().unwrap_or_default();
        workspace::copy(&file, &to.join(name))?;
    }
    Ok(())
}

/// A program of ours, its modules with it, in a directory where it finds the staged package.
fn beside_the_package(modules: &[PathBuf], name: &str) -> Result<PathBuf, String> {
    stage()?;
    let bed = bed(name)?;
    for module in modules {
        workspace::copy(module, &bed.join(module.file_name().unwrap_or_default()))?;
    }
    Ok(bed)
}

/// The player of tests/conformance in Node.
pub(crate) fn player() -> Result<Command, String> {
    let sources = workspace::root().join("tests/conformance/players/node");
    let bed = beside_the_package(&workspace::files(&sources, "mjs"), "player")?;
    Ok(node(&[&bed.join("player.mjs")]))
}

/// examples/node/agent.mjs.
pub(crate) fn agent() -> Result<Command, String> {
    let bed = beside_the_package(&[examples().join("agent.mjs")], "agent")?;
    Ok(node(&[&bed.join("agent.mjs")]))
}

/// benches/clients/bench.mjs, which requires the arguments of a scenario.
pub(crate) fn bench() -> Result<Command, String> {
    let source = workspace::root().join("benches/clients/bench.mjs");
    let bed = beside_the_package(&[source], "bench")?;
    Ok(node(&[&bed.join("bench.mjs")]))
}

/// Checks that both start and find the package; other legs check their results.
fn programs_run() -> Result<(), String> {
    process::capture(&mut player()?)?;
    let emulator = Emulator::start_without_ingestion()?;
    for (action, items) in [("init", "0"), ("bytes", "3")] {
        let mut bench = bench()?;
        bench.arg(action).arg(examples().join("package.json"));
        bench.args([items, "2"]).envs(emulator.environment()?);
        process::capture(&mut bench)?;
    }
    let queues = &emulator.control("traffic")?["services"]["queue"]["requests"];
    emulator.stop()?;
    match queues.as_u64() {
        Some(3) => Ok(()),
        _ => Err(format!("{queues} messages instead of 3")),
    }
}

/// The same program with `require`.
fn as_common_js(module: &str) -> String {
    module
        .replace("import {", "const {")
        .replace(" as ", ": ")
        .replace("} from \"", "} = require(\"")
        .lines()
        .map(
            |line| match line.starts_with("} = require(") || line.contains("= require(") {
                true => line.replace("\";", "\");") + "\n",
                false => format!("{line}\n"),
            },
        )
        .collect()
}

fn runs(mut program: Command) -> Result<(), String> {
    let emulator = Emulator::start(None)?;
    let said = process::capture(program.envs(emulator.environment()?))?;
    emulator.stop()?;
    match said.lines().filter(|line| line.starts_with("  ")).count() {
        10 => Ok(()),
        rows => Err(format!("{rows} rows instead of 10:\n{said}")),
    }
}

/// The examples as programs without an extension, as the demo runs them.
fn programs(installed: &Path) -> Result<PathBuf, String> {
    let directory = workspace::scratch("demo")?.join("node");
    workspace::remove_directory(&directory)?;
    for file in workspace::files(&examples(), "mjs") {
        let program = directory.join(workspace::stem(&file));
        let module = installed.join(file.file_name().unwrap_or_default());
        let script = format!("#!/bin/sh\nexec node '{}' \"$@\"\n", module.display());
        workspace::write(&program, &script)?;
        executable(&program)?;
    }
    Ok(directory)
}

#[cfg(unix)]
fn executable(program: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755))
        .map_err(|error| format!("cannot make {} executable: {error}", program.display()))
}

#[cfg(not(unix))]
fn executable(_: &Path) -> Result<(), String> {
    Ok(())
}
