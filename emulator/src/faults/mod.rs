//! Faults on command: rules that make the emulator fail requests the way services and networks do.
//!
//! A rule says which requests it means, how many of them it lets through and how often it fires. They are armed
//! over HTTP (`/emulator/v1/faults`) or with [`Emulator::arm`](crate::Emulator::arm).

mod book;
mod read;
mod rule;

pub use book::FaultReport;
pub use rule::{CutPoint, Fault, FaultRule, KustoAnswer, RuleError, StallPoint};

pub(crate) use book::{Book, Met, Subject};
