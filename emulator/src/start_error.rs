//! Why an emulator does not start.

use std::io;
use std::net::SocketAddr;

use crate::storage::AzuriteError;

/// Why an emulator did not start.
#[derive(Debug)]
pub enum StartError {
    /// A port is taken or the address is not this machine's.
    Bind {
        /// What wanted to listen.
        what: String,
        /// Where.
        address: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
    /// An option makes no sense; the text names it.
    Option(String),
    /// No certificate could be made or written.
    Tls(String),
    /// The local Entra ID cannot sign tokens.
    Entra(String),
    /// Azurite is not there or not prepared.
    Azurite(AzuriteError),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bind {
                what,
                address,
                source,
            } => write!(f, "{what} cannot listen on {address}: {source}"),
            Self::Option(problem) => f.write_str(problem),
            Self::Tls(problem) => write!(f, "TLS cannot be set up: {problem}"),
            Self::Entra(problem) => write!(f, "Entra ID cannot be set up: {problem}"),
            Self::Azurite(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StartError {}
