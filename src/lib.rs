//! kusto-ingest: data into Azure Data Explorer (Kusto), and what became of it.

pub mod error;
pub mod op;
pub mod secret;
