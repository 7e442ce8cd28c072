//! The caller's identity: credentials, and the cache of their tokens.

pub(crate) mod authorizer;
pub mod callback;
pub mod closure;
pub(crate) mod cloud;
pub mod credential;
pub mod static_token;

pub use callback::{PendingToken, TokenCallback};
pub use closure::{Credential, LoginError};
pub use credential::{AccessToken, TokenCredential, TokenRequest};
pub use static_token::StaticToken;
