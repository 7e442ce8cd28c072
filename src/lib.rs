//! kusto-ingest: data into Azure Data Explorer (Kusto), and what became of it.

pub mod error;
pub(crate) mod http;
pub mod op;
pub mod secret;
