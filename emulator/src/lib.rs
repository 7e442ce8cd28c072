//! A local Azure Data Explorer (Kusto) service with ingestion: engine, data management and storage in one process.

pub mod clock;
pub mod engine;
pub mod ingestor;
pub mod storage;
