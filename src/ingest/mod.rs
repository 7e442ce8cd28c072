//! Kinds of ingestion. So far one: queued ingestion.

mod blob_name;
pub(crate) mod queued;
mod receipt;

pub use receipt::{Receipt, ReceiptItem};
