//! Commands and queries: their text, and the rows that come back.

pub mod command;
pub mod datetime;
pub(crate) mod request;
pub mod rows;
mod scalar;
pub(crate) mod service_error;
pub mod timespan;
pub(crate) mod v1;
pub(crate) mod v2;

pub use datetime::DateTime;
pub use request::RequestProperties;
pub use rows::{Column, ColumnType, DataSet, Table, TableKind, Value};
pub use timespan::TimeSpan;
