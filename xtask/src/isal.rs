//! Whether the library is built with ISA-L: wherever its build tools are, or can be had.

use std::process::Command;
use std::sync::OnceLock;

use crate::process;

/// What isal-sys runs, with the Debian package of each.
const TOOLS: [(&str, &str); 6] = [
    ("nasm", "nasm"),
    ("autoreconf", "autoconf"),
    ("automake", "automake"),
    ("libtoolize", "libtool"),
    ("make", "make"),
    ("cc", "gcc"),
];

/// Cargo's arguments that turn it on, or none. The same for every cargo call of this run: other
/// features would compile the library again.
pub(crate) fn features() -> &'static [&'static str] {
    match available() {
        Ok(()) => &["--features", "kusto-ingest/isal"],
        Err(_) => &[],
    }
}

/// Why it is off, said once.
pub(crate) fn available() -> &'static Result<(), String> {
    static AVAILABLE: OnceLock<Result<(), String>> = OnceLock::new();
    AVAILABLE.get_or_init(|| {
        if !missing().is_empty() {
            install();
        }
        match missing()[..] {
            [] => Ok(()),
            ref missing => {
                let reason = format!("ISA-L is left out: not found: {}", missing.join(", "));
                println!("{reason}");
                Err(reason)
            }
        }
    })
}

fn missing() -> Vec<&'static str> {
    TOOLS
        .iter()
        .filter(|(tool, _)| !process::found(tool))
        .map(|(tool, _)| *tool)
        .collect()
}

/// Where it can be done without a password. Without success the portable encoder is what is left.
fn install() {
    let root = process::capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !root || !process::found("apt-get") {
        return;
    }
    println!("Installing what ISA-L is built with.");
    let packages = TOOLS.iter().map(|(_, package)| *package);
    let mut apt = Command::new("apt-get");
    apt.args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive");
    if let Err(reason) = process::capture(&mut apt) {
        println!("{}", reason.lines().next().unwrap_or_default());
    }
}
