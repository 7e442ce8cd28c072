//! Where the cluster is, and whether a token may be sent there.

pub mod connection_string;
pub mod endpoint;
mod keyword;
mod segments;
pub mod trusted;

pub use connection_string::{Authentication, ConnectionString};
pub use endpoint::{Endpoints, join, metadata_url};
pub use keyword::Keyword;
pub use trusted::{Trust, TrustedHosts, allows_token_over};
