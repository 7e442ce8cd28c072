//! Kinds of ingestion. So far one: queued ingestion.

mod blob_name;
mod catalog;
mod data;
mod item;
pub(crate) mod queued;
mod receipt;

pub use receipt::{Receipt, ReceiptItem};
