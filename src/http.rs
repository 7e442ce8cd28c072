//! HTTP for all other modules: one client, its headers, retries and storage access.

pub(crate) mod answer;
pub(crate) mod body;
mod connect;
mod connection;
pub(crate) mod date;
mod decode;
pub(crate) mod failure;
pub(crate) mod headers;
pub(crate) mod host;
mod pool;
pub(crate) mod proxy;
pub(crate) mod refusal;
pub(crate) mod request;
mod resolver;
pub(crate) mod retry;
mod sent;
pub(crate) mod service_clock;
pub(crate) mod socket;
pub(crate) mod storage;
mod tls;
pub(crate) mod transport;
mod tunnel;
mod verifier;
pub(crate) mod xml;
