//! A local Kusto service: engine, data management and storage.

pub mod engine;
