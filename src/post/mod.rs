//! Notifying the service of a blob: the queue message, and posting it.

pub(crate) mod catalog;
pub(crate) mod message;
pub(crate) mod queue;
