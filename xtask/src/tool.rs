//! System programs that some checks need, and their installation where they are missing.

use std::process::Command;

use crate::process;

/// A program, and its Debian package.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) package: &'static str,
}

impl Tool {
    pub(crate) const fn new(name: &'static str, package: &'static str) -> Tool {
        Tool { name, package }
    }

    fn is_missing(&self) -> bool {
        !process::found(self.name)
    }
}

pub(crate) const VALGRIND: Tool = Tool::new("valgrind", "valgrind");
pub(crate) const PKG_CONFIG: Tool = Tool::new("pkg-config", "pkg-config");
pub(crate) const MONO: Tool = Tool::new("mono", "mono-devel");
pub(crate) const JAVAC: Tool = Tool::new("javac", "default-jdk-headless");
pub(crate) const MAVEN: Tool = Tool::new("mvn", "maven");
pub(crate) const CMAKE: Tool = Tool::new("cmake", "cmake");
pub(crate) const CHROMIUM: Tool = Tool::new("chromium", "chromium");

/// Whether a check that a developer's machine may leave out can run. Where `CI` is set its tool is fetched.
pub(crate) fn optional(tool: &Tool) -> Result<(), String> {
    let in_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    if tool.is_missing() && in_ci {
        install(&[tool]);
    }
    if tool.is_missing() {
        return Err(format!("{} not found", tool.name));
    }
    Ok(())
}

/// Names of missing tools that were requested.
pub(crate) fn missing(tools: &[Tool]) -> Vec<&'static str> {
    let missing: Vec<&Tool> = tools.iter().filter(|tool| tool.is_missing()).collect();
    if !missing.is_empty() {
        install(&missing);
    }
    missing
        .into_iter()
        .filter(|tool| tool.is_missing())
        .map(|tool| tool.name)
        .collect()
}

/// Only where no password is needed. Callers check for the tools again.
fn install(tools: &[&Tool]) {
    let root = process::capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !root || !process::found("apt-get") {
        return;
    }
    let packages: Vec<&str> = tools.iter().map(|tool| tool.package).collect();
    println!("Installing {}.", packages.join(", "));
    let mut apt = Command::new("apt-get");
    // Another lane of the tests may be installing too.
    apt.args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(["-o", "DPkg::Lock::Timeout=600"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive");
    if let Err(reason) = process::capture(&mut apt) {
        println!("{}", reason.lines().next().unwrap_or_default());
    }
}
