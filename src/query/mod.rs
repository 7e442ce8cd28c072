//! Commands and queries: running them, and the rows that come back.

pub(crate) mod request;
pub mod rows;
mod scalar;
pub(crate) mod service_error;
pub(crate) mod v1;
pub(crate) mod v2;

pub use request::RequestProperties;
pub use rows::{Column, ColumnType, DataSet, Table, TableKind, Value};

/// Of [`crate::values`]; here because [`Value`] holds them.
pub use crate::values::{DateTime, TimeSpan};
