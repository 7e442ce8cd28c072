//! The crate against a running emulator, through its public API, on every storage there is.

mod auth;
mod bed;
mod commands;
mod cost;
mod fake;
mod faults;
mod golden;
mod gzip;
mod ingest;
mod lifecycle;
mod limits;
mod login;
mod managed;
mod restart;
mod secrets;
mod status;
mod streaming;
#[path = "../support/mod.rs"]
mod support;
mod table_check;
