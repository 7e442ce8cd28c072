//! Whether the library is built with ISA-L: it is if its build tools are present or can be
//! installed.

use std::sync::OnceLock;

use crate::tool::{self, Tool};

/// The programs that isal-sys runs.
const TOOLS: [Tool; 6] = [
    Tool::new("nasm", "nasm"),
    Tool::new("autoreconf", "autoconf"),
    Tool::new("automake", "automake"),
    Tool::new("libtoolize", "libtool"),
    Tool::new("make", "make"),
    Tool::new("cc", "gcc"),
];

/// Cargo's arguments that turn it on, or none. The same for every cargo call of this run: other
/// features would compile the library again.
pub(crate) fn features() -> &'static [&'static str] {
    match available() {
        Ok(()) => &["--features", "kusto-ingest/isal"],
        Err(_) => &[],
    }
}

/// Why it is off, printed once.
pub(crate) fn available() -> &'static Result<(), String> {
    static AVAILABLE: OnceLock<Result<(), String>> = OnceLock::new();
    AVAILABLE.get_or_init(|| match tool::missing(&TOOLS)[..] {
        [] => Ok(()),
        ref missing => {
            let reason = format!("ISA-L is left out: not found: {}", missing.join(", "));
            println!("{reason}");
            Err(reason)
        }
    })
}
