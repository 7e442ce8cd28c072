//! The ingestor: takes messages from the input queues, loads their blobs into tables and reports.

mod compression;
mod failure;
mod fields;
mod formats;
mod json_path;
mod mapping;
mod message;
mod properties;
mod rows;
