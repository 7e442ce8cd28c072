//! The engine: databases, tables and typed rows in memory; management commands and queries over
//! them. It knows no network: [`endpoint::respond`] takes a request's parts and gives the reply's.

pub mod commands;
mod convert;
pub mod database;
pub mod datetime;
pub mod endpoint;
pub mod error;
mod identity;
pub mod kql;
pub mod records;
mod request;
mod response;
pub mod role;
mod running;
pub mod schema;
mod schema_cache;
pub mod sources;
pub mod streaming;
pub mod streaming_records;
pub mod table;
pub mod timespan;
pub mod updates;
pub mod value;
pub mod watch;
