//! How data is to be ingested: target, format, mapping, tags, reporting.

mod catalog;
mod format;
pub mod mapping;
mod mode;
pub mod properties;
pub mod tags;
pub mod validation;

pub use catalog::{
    DataFormat, Fallback, InDoubt, IngestionMode, MappingKind, ReportLevel, ReportMethod,
    ValidationImplications, ValidationOptions,
};
pub(crate) use format::file_name;
pub use mapping::{ColumnMapping, Mapping, MappingSource, Transform};
pub use properties::IngestionProperties;
pub use tags::Tags;
pub use validation::ValidationPolicy;
