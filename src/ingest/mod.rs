//! The ways in: through storage and a queue, or in one request to the engine.

mod ahead;
mod blob_name;
mod catalog;
mod data;
mod item;
pub(crate) mod managed;
mod policy;
pub(crate) mod queued;
mod receipt;
pub(crate) mod streaming;

pub(crate) use item::Formats;
pub(crate) use policy::Rules;
pub use receipt::{Receipt, ReceiptItem, UpdatePolicy};
