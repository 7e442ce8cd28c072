//! kusto-ingest
