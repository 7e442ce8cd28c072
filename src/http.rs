//! HTTP for all other modules: one client, its headers, retries and storage access.

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod date;
pub(crate) mod failure;
pub(crate) mod headers;
pub(crate) mod host;
pub(crate) mod lanes;
pub(crate) mod proxy;
pub(crate) mod refusal;
pub(crate) mod resolver;
pub(crate) mod retry;
pub(crate) mod service_clock;
pub(crate) mod storage;
pub(crate) mod tls;
pub(crate) mod transport;
pub(crate) mod xml;
