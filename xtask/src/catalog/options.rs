//! `catalog/options.toml`: the request options of the service.

use serde::Deserialize;

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    pub(super) names: Vec<String>,
}

impl Options {
    /// The table of the core.
    pub(super) fn rust(&self) -> String {
        format!(
            "/// The names of the service's request options.\npub(super) const OPTIONS: &[&str] = &{:?};\n",
            self.names
        )
    }
}
