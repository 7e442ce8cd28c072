//! kusto-ingest: data into Azure Data Explorer (Kusto), and what became of it.

pub mod auth;
mod clock;
pub mod connection;
pub mod error;
pub(crate) mod http;
pub mod op;
pub mod props;
pub mod query;
pub mod secret;
