//! The controls of one emulator, which its ports and its storage share.

use crate::faults::Book;
use crate::messages::Messages;
use crate::traffic::Meter;

/// What tests do to an emulator and learn of it, besides using it.
pub(crate) struct Control {
    pub(crate) faults: Book,
    pub(crate) traffic: Meter,
    pub(crate) messages: Messages,
}
