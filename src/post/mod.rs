//! Telling the service that a blob waits: the queue message, and posting it.

pub(crate) mod message;
pub(crate) mod queue;
