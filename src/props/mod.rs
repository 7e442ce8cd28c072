//! How data is to be ingested: target, format, mapping, tags, reporting.

pub mod format;
pub mod mapping;
pub mod properties;
pub mod tags;
pub mod validation;

pub use format::DataFormat;
pub use mapping::{ColumnMapping, Mapping, MappingKind, MappingSource, Transform};
pub use properties::{IngestionProperties, ReportLevel, ReportMethod};
pub use tags::Tags;
pub use validation::{ValidationImplications, ValidationOptions, ValidationPolicy};
