//! Kinds of ingestion. So far one: queued ingestion.

mod blob_name;
mod catalog;
pub(crate) mod queued;
mod receipt;

pub use receipt::{Receipt, ReceiptItem};
