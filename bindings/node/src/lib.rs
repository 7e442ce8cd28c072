//! The addon behind `@kusto-ingest/native`: the crate `kusto-ingest` in Node-API.
//!
//! Nothing here is public API: `lib/*.js` is, and knows the arguments of these functions. Work begins with
//! a call that returns at once and ends with an event (`realm`); values cross as JSON texts, and
//! errors as JSON texts in the message of the exception ([`failure`]).
//!
//! Every function catches panics: they would end the process.

pub mod answer;
pub mod client;
pub mod commands;
pub mod connection;
pub mod failure;
pub mod ingest;
pub mod log;
pub mod login;
pub mod prompt;
mod realm;
mod runtime;
pub mod source;
pub mod stream;
pub mod token;
