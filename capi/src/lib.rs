//! `libkusto_ingest`: the `extern "C"` layer, from which `include/kusto_ingest.h` is generated.
//!
//! Every export does four things and no more: it checks and converts its arguments, calls the
//! public Rust API, converts the result, and keeps panics from crossing. The doc comment of an
//! export becomes its documentation in the header; it ends with the lines `Ownership:`, `Threads:`,
//! `Failure:` and `Since:`.
//!
//! # Safety
//! The header's requirements hold for all exports: a handle came from this library and was not
//! freed; a pointer with a length is readable for that length, or for as far as its NUL; an output
//! pointer is writable; a callback may be called until its `drop` was called.

// The names are C's, and the contract of every export is the one above. So the body of an export
// relies on it without a block and a comment of its own; the modules at the end, which the exports
// use, state at each step what they rely on.
#![allow(
    non_camel_case_types,
    unsafe_op_in_unsafe_fn,
    clippy::missing_safety_doc
)]

// The order of the exports in the header; the blank lines keep it from being sorted.
pub mod version;

pub mod catalog;

pub mod error;

pub mod log;

pub mod runtime;

pub mod config;

pub mod credential;

pub mod prompt;

pub mod login;

pub mod client;

pub mod props;

pub mod source;

pub mod progress;

pub mod ingest;

pub mod stream;

pub mod op;

pub mod cancel;

pub mod result;

pub mod track;

pub mod report;

pub mod command;

pub mod query;

pub mod callback;

mod dispatcher;
mod draft;
#[deny(unsafe_op_in_unsafe_fn)]
mod guard;
#[deny(unsafe_op_in_unsafe_fn)]
mod handle;
#[cfg(all(test, target_os = "linux"))]
#[deny(unsafe_op_in_unsafe_fn)]
mod limits;
#[deny(unsafe_op_in_unsafe_fn)]
mod signals;
#[deny(unsafe_op_in_unsafe_fn)]
mod text;
mod timeout;

/// 0 or 1.
pub type kusto_bool = i32;
