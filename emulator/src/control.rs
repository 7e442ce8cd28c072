//! The controls of one emulator, which its ports and its storage share.

use std::sync::Arc;

use crate::faults::Book;
use crate::ingestions::Ingestions;
use crate::messages::Messages;
use crate::streams::StreamLog;
use crate::traffic::Meter;

/// What tests do to an emulator and learn of it, besides using it.
pub(crate) struct Control {
    pub(crate) faults: Book,
    pub(crate) traffic: Meter,
    pub(crate) messages: Messages,
    pub(crate) streams: StreamLog,
    /// Shared with the ingestor, which has no other business with the controls.
    pub(crate) ingestions: Arc<Ingestions>,
}
