//! The caller's identity: credentials, and the cache of their tokens.

pub mod application_key;
pub(crate) mod authorizer;
pub mod azure;
pub mod callback;
pub mod closure;
pub(crate) mod cloud;
pub mod credential;
mod entra;
pub mod managed;
pub mod request;
mod seconds;
pub mod static_token;
mod tries;

pub use application_key::ApplicationKey;
pub use azure::AzureCredential;
pub use callback::{PendingToken, TokenCallback};
pub use closure::{Credential, LoginError};
pub use credential::{AccessToken, TokenCredential};
pub use managed::{IdentityId, ManagedIdentity};
pub use request::TokenRequest;
pub use static_token::StaticToken;
