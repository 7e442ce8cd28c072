//! What became of an ingestion: the tracking token, the status table, the notification queues.

pub(crate) mod queue;
pub mod report;
pub(crate) mod table;
pub mod token;
pub(crate) mod tracker;

pub use queue::{Outcome, OutcomeQuery};
pub use report::{FailureStatus, ItemState, Report, ReportItem};
pub use token::TrackingToken;
