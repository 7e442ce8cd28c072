//! The engine: databases, tables and typed rows in memory; management commands and queries over
//! them. It knows no network: [`http::respond`] takes a request's parts and gives the reply's.

pub mod database;
pub mod http;
pub mod records;
pub mod schema;
pub mod value;
