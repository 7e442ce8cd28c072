//! The ingestor: takes messages from the input queues, loads their blobs into tables and reports.
//!
//! It reaches storage over HTTP alone and tables through the engine alone. [`Ingestor`] is its door.
//!
//! Decisions where the service's behaviour is not documented stand with the code that takes them:
//! compression by name alone (`compression`), what a mapping may say (`mapping`), raw
//! `ingestIfNotExists` values (`properties`), empty sources (`loader`), one extent per blob (`loader`).

mod batch;
mod compression;
mod direct;
mod failure;
mod fields;
mod formats;
mod json_path;
mod loader;
mod mapping;
mod message;
mod properties;
mod report;
mod rows;
mod shown;
mod storage_client;
mod streamed;
mod worker;

pub use loader::TokenCheck;
pub use worker::Ingestor;
