//! The caller's identity: credentials, and the cache of their tokens.

pub mod application_key;
pub(crate) mod authorizer;
pub mod azure;
pub mod callback;
pub mod chain;
pub mod closure;
pub(crate) mod cloud;
pub mod command_line;
pub mod credential;
mod entra;
pub mod managed;
mod process;
pub mod request;
mod seconds;
pub mod static_token;
mod tries;
pub mod user_password;
pub mod workload;

pub use application_key::ApplicationKey;
pub use azure::AzureCredential;
pub use callback::{PendingToken, TokenCallback};
pub use chain::{DefaultLogin, EnvironmentLogin};
pub use closure::{Credential, LoginError};
pub use command_line::CommandLine;
pub use credential::{AccessToken, TokenCredential};
pub use managed::{IdentityId, ManagedIdentity};
pub use request::TokenRequest;
pub use static_token::StaticToken;
pub use user_password::UserPassword;
pub use workload::WorkloadIdentity;
