//! The cluster's addresses, and whether a token may be sent to them.

mod catalog;
pub mod connection_string;
pub mod endpoint;
mod keyword;
mod segments;
pub(crate) mod storage;
pub mod trusted;

pub use catalog::Keyword;
pub use connection_string::{Authentication, ConnectionString};
pub use endpoint::{Endpoints, join, metadata_url};
pub use trusted::{Trust, TrustedHosts, allows_token_over};
