//! The network side: listeners, TLS, and which request goes where.

pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod control;
pub(crate) mod listener;
mod reply;
pub(crate) mod request_body;
pub(crate) mod router;
pub(crate) mod tls;
