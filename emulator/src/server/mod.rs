//! The network side: listeners, TLS, and which request goes where.

pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod listener;
pub(crate) mod router;
pub(crate) mod tls;
