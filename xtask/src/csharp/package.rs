//! The project files: their sources, the package they build, and a program that uses the package.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::build::{NAME, sources};
use super::toolchain::Toolchain;
use super::{binding, runtime_identifier};
use crate::emulator::Emulator;
use crate::tally::Tally;
use crate::{process, workspace};

/// Project files, the directory of their sources, and the frameworks they are for.
const PROJECTS: [(&str, &str, &[&str]); 7] = [
    (
        "bindings/csharp/compat/Kusto.Ingest.Native.Compat.csproj",
        "bindings/csharp/compat/src",
        &["netstandard2.0", "net8.0"],
    ),
    (
        "bindings/csharp/Kusto.Ingest.Native.csproj",
        "bindings/csharp/src",
        &["netstandard2.0", "net8.0"],
    ),
    (
        "bindings/csharp/tests/Kusto.Ingest.Native.Tests.csproj",
        "bindings/csharp/tests",
        &["net8.0"],
    ),
    (
        "examples/csharp/Quickstart/Quickstart.csproj",
        "examples/csharp/Quickstart",
        &["net8.0"],
    ),
    (
        "examples/csharp/storm_events/storm_events.csproj",
        "examples/csharp/storm_events",
        &["net8.0"],
    ),
    (
        "examples/csharp/ingest_file/ingest_file.csproj",
        "examples/csharp/ingest_file",
        &["net8.0"],
    ),
    (
        "examples/csharp/agent/agent.csproj",
        "examples/csharp/agent",
        &["net8.0"],
    ),
];

/// A program in another directory that uses only the package. MSBuild of the toolchain knows no
/// newer framework.
const CONSUMER: &str = r#"<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>netcoreapp3.1</TargetFramework>
    <RollForward>Major</RollForward>
    <LangVersion>12</LangVersion>
    <Nullable>enable</Nullable>
    <UseAppHost>false</UseAppHost>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="Kusto.Ingest.Native" Version="VERSION" />
  </ItemGroup>
</Project>
"#;

/// Checks all of it, without an SDK for .NET 8.
pub(crate) fn checks(toolchain: &Toolchain) -> Result<Tally, String> {
    let mut tally = Tally::default();
    for (project, directory, frameworks) in PROJECTS {
        for framework in frameworks {
            tally += Tally::check(
                &format!("{project} compiles all of {directory} for {framework}"),
                compiles(toolchain, project, directory, framework),
            );
        }
    }
    tally += Tally::check("the version is that of the crate", version());
    let packages = workspace::scratch("csharp")?.join("package");
    let packed = pack(toolchain, &packages);
    let usable = packed.is_ok();
    tally += Tally::check("the package is complete", packed);
    if usable {
        tally += Tally::check(
            "the tutorial runs on the package",
            use_package(toolchain, &packages),
        );
    }
    Ok(tally)
}

/// Whether the project takes exactly the sources that are compiled here without it.
pub(super) fn compiles(
    toolchain: &Toolchain,
    project: &str,
    directory: &str,
    framework: &str,
) -> Result<(), String> {
    let root = workspace::root();
    let mut list = toolchain.msbuild(&root.join(project));
    list.arg("-target:ListSources")
        .arg(format!("-property:TargetFramework={framework}"));
    let said = process::capture(&mut list)?;
    let mut listed: Vec<PathBuf> = said
        .lines()
        .filter_map(|line| line.trim().strip_prefix("source "))
        .map(PathBuf::from)
        .collect();
    listed.sort();
    let mut wanted = sources(&root.join(directory))?;
    wanted.sort();
    let differing = listed
        .iter()
        .filter(|path| !wanted.contains(path))
        .chain(wanted.iter().filter(|path| !listed.contains(path)));
    match differing
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .as_slice()
    {
        [] if !listed.is_empty() => Ok(()),
        [] => Err(format!("it lists no source\n{said}")),
        paths => Err(format!("different: {}", paths.join(", "))),
    }
}

/// The version stands in three more places, which must follow that of the workspace.
fn version() -> Result<(), String> {
    let version = workspace::VERSION;
    for (file, text) in [
        (
            "compat/Kusto.Ingest.Native.Compat.csproj",
            format!("<Version>{version}</Version>"),
        ),
        (
            "Kusto.Ingest.Native.csproj",
            format!("<Version>{version}</Version>"),
        ),
        (
            "src/Diagnostics/KustoLibrary.cs",
            format!("kusto-ingest-csharp/{version}\""),
        ),
    ] {
        if !workspace::read(&binding().join(file))?.contains(&text) {
            return Err(format!("bindings/csharp/{file} does not contain {text}"));
        }
    }
    Ok(())
}

/// What MSBuild writes goes to `target/`.
fn elsewhere(command: &mut Command, directory: &Path) {
    command
        .arg(format!(
            "-property:BaseIntermediateOutputPath={}/obj/",
            directory.display()
        ))
        .arg(format!(
            "-property:BaseOutputPath={}/bin/",
            directory.display()
        ))
        .arg(format!(
            "-property:PackageOutputPath={}",
            directory.display()
        ));
}

/// Makes the package for .NET Standard 2.0 alone, which every .NET can use.
fn pack(toolchain: &Toolchain, packages: &Path) -> Result<(), String> {
    workspace::remove_directory(packages)?;
    let project = binding().join(format!("{NAME}.csproj"));
    for target in ["Restore", "Pack"] {
        let mut command = toolchain.msbuild(&project);
        command
            .arg(format!("-target:{target}"))
            .arg("-property:TargetFrameworks=netstandard2.0");
        elsewhere(&mut command, packages);
        process::capture(&mut command)?;
    }
    let package = packages.join(format!("{NAME}.{}.nupkg", workspace::VERSION));
    let mut list = Command::new("python3");
    let listed = process::capture(list.args(["-m", "zipfile", "-l"]).arg(&package))?;
    let has = |wanted: &str| {
        listed
            .lines()
            .any(|line| line.split_whitespace().next() == Some(wanted))
    };
    let missing: Vec<String> = contents().into_iter().filter(|name| !has(name)).collect();
    match missing.as_slice() {
        [] => Ok(()),
        names => Err(format!("it lacks {}\n{listed}", names.join(", "))),
    }
}

fn contents() -> Vec<String> {
    let library = if cfg!(target_os = "macos") {
        "libkusto_ingest.dylib"
    } else {
        "libkusto_ingest.so"
    };
    vec![
        format!("lib/netstandard2.0/{NAME}.dll"),
        format!("lib/netstandard2.0/{NAME}.xml"),
        format!("runtimes/{}/native/{library}", runtime_identifier()),
        format!("build/{NAME}.targets"),
        format!("buildTransitive/{NAME}.targets"),
        "README.md".to_owned(),
        "LICENSE".to_owned(),
    ]
}

/// Installs the package in an empty directory, builds the tutorial there and runs it.
fn use_package(toolchain: &Toolchain, packages: &Path) -> Result<(), String> {
    let directory = workspace::scratch("csharp")?.join("consumer");
    workspace::remove_directory(&directory)?;
    let project = directory.join("consumer.csproj");
    workspace::write(&project, &CONSUMER.replace("VERSION", workspace::VERSION))?;
    let tutorial = workspace::root().join("examples/csharp/Quickstart/Tutorial.cs");
    workspace::copy(&tutorial, &directory.join("Tutorial.cs"))?;
    for target in ["Restore", "Build"] {
        let mut command = toolchain.msbuild(&project);
        command
            .arg(format!("-target:{target}"))
            .arg(format!("-property:RestoreSources={}", packages.display()))
            .arg(format!(
                "-property:RestorePackagesPath={}/packages",
                directory.display()
            ));
        process::capture(&mut command)?;
    }
    run_tutorial(toolchain.program(&directory.join("bin/Release/netcoreapp3.1/consumer.dll")))
}

/// Its lines contain times in .NET's format, which the service must parse.
fn run_tutorial(mut program: Command) -> Result<(), String> {
    let emulator = Emulator::start(None)?;
    let said = process::capture(program.envs(emulator.environment()?))?;
    emulator.wait_for_rows("Table1 | where isnotnull(Column2)", 10)?;
    emulator.stop()?;
    match said.lines().collect::<Vec<_>>().as_slice() {
        [line] if line.starts_with("Ingested: http") => Ok(()),
        _ => Err(format!("it said\n{said}")),
    }
}
