//! The status of an ingestion: the tracking token, the status table, the notification queues.

mod catalog;
pub(crate) mod queue;
pub mod report;
pub(crate) mod table;
pub mod token;
pub(crate) mod tracker;

pub use catalog::{FailureStatus, ItemState, Outcome, Route};
pub use queue::OutcomeQuery;
pub use report::{IngestionStatus, Report};
pub use token::TrackingToken;
