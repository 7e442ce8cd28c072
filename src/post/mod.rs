//! Notifying the service of a blob: the queue message, and posting it.

pub(crate) mod message;
pub(crate) mod queue;
