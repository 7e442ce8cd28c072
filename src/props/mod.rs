//! How data is to be ingested: target, format, mapping, tags, reporting.

mod catalog;
mod format;
pub mod mapping;
pub mod properties;
pub mod tags;
pub mod validation;

pub use catalog::{
    DataFormat, MappingKind, ReportLevel, ReportMethod, ValidationImplications, ValidationOptions,
};
pub(crate) use format::file_name;
pub use mapping::{ColumnMapping, Mapping, MappingSource, Transform};
pub use properties::IngestionProperties;
pub use tags::Tags;
pub use validation::ValidationPolicy;
