//! The ingestor: takes messages from the input queues, loads their blobs into tables and reports.

mod compression;
mod failure;
mod formats;
