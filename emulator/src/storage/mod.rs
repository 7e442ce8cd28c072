//! Azure Storage as the ingestion service uses it: blobs, queues and a table, guarded by SAS.

pub mod resources;

pub use resources::StorageResources;
