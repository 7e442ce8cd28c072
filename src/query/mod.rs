//! Commands and queries: running them, and the rows that come back.

pub(crate) mod answer;
mod catalog;
mod dynamic;
mod properties;
pub(crate) mod request;
pub mod rows;
mod scalar;
mod scan;
pub(crate) mod service_error;
pub(crate) mod v1;
pub(crate) mod v2;

pub use dynamic::Dynamic;
pub use properties::RequestProperties;
pub use request::is_command;
pub use rows::{Column, ColumnType, DataSet, Rows, RowsIter, Table, TableKind, Value};

/// Of [`crate::values`]; here because [`Value`] holds them.
pub use crate::values::{DateTime, TimeSpan};
