//! kusto-ingest: loads data into Azure Data Explorer (Kusto) and reports its status.
//!
//! There is no published crate yet. Depend on the repository, or on a checkout of it:
//!
//! ```toml
//! [dependencies]
//! kusto-ingest = { git = "https://..." } # this repository's address; or path = "../kusto-ingest"
//! tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
//! ```
//!
//! Rust 1.89 or newer and tokio 1: every method of a client runs inside a tokio runtime with its timer and
//! its I/O enabled (`#[tokio::main]` enables both), of one thread or several. The feature `isal` compresses
//! with Intel's ISA-L, at a tenth of the processor time; building it needs nasm, autoconf, automake, libtool
//! and make. The feature `pfx` reads certificates in PFX files. Types of other crates in signatures are re-exported ([`azure_core`], [`bytes`], [`serde_json`],
//! [`time`], [`url`], [`uuid`], [`async_trait`](macro@async_trait)): a program needs no dependency of the same version.
//!
//! **Queued is not ingested.** `ingest` returns when the data is handed over; a wrong table or mapping shows only
//! in the report, for which the last lines wait.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use kusto_ingest::prelude::*;
//!
//! # async fn example() -> Result<(), Error> {
//! let client = Client::builder("https://mycluster.westeurope.kusto.windows.net;Fed=true;UserToken=...")?
//!     .build()?;
//! let props = IngestionProperties::new("MyDatabase", "Events")
//!     .with_format(DataFormat::Json)
//!     .with_report_level(ReportLevel::FailuresAndSuccesses)
//!     .with_report_method(ReportMethod::Table);
//!
//! let minute = CallOptions::new().with_timeout(Duration::from_secs(60));
//! let receipt = client.ingest(Source::file("events.json"), &props, minute).await?;
//!
//! let ten_minutes = CallOptions::new().with_timeout(Duration::from_secs(600));
//! let report = client
//!     .track_until_final(receipt.tracking_token(), Duration::from_secs(5), ten_minutes)
//!     .await?;
//! for item in report.items() {
//!     println!("{:?} {:?} {:?}", item.source_id, item.state, item.details);
//! }
//! # Ok(()) }
//! ```
//!
//! [`Client::warm_up_table`](client::Client::warm_up_table) finds a wrong table or mapping, and a missing permission, before the
//! first ingestion. A program that logs in itself gives the builder a [`Credential`](auth::Credential::from_fn). One that
//! repeats failed ingestions asks [`Error::is_retryable`](error::Error::is_retryable) and
//! [`Error::is_in_doubt`](error::Error::is_in_doubt).
//!
//! Modules: start with [`client`]; [`source`] defines what to ingest and [`props`] how; [`track`]
//! reports the status; [`query`] runs commands and queries, [`command`] builds the text of commands
//! and [`values`] has the service's datetime and timespan; [`connection`] and [`auth`] define the
//! cluster and the login; every call uses [`error`] and [`op`]; [`log`] is for bindings.
//!
//! A panic in a call that runs as a task of its own, or in a credential or source of the program, becomes an
//! error of the call. The program's panic hook sees it first and may print it: that hook is the
//! program's, and no library should replace it. (The C library, whose threads are its own, keeps
//! them from printing.)

pub mod auth;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
pub mod client;
pub(crate) mod clock;
pub mod command;
pub mod connection;
pub mod error;
#[cfg(any(test, feature = "fuzz"))]
#[doc(hidden)]
pub mod fuzz;
pub(crate) mod http;
pub mod ingest;
pub mod log;
pub mod op;
pub(crate) mod pipeline;
pub(crate) mod post;
pub mod props;
pub mod query;
pub(crate) mod resources;
pub mod secret;
pub mod source;
pub mod track;
pub(crate) mod upload;
pub mod values;

pub use error::Error;

/// What public types of this crate have in their signatures, in the versions that fit.
pub use async_trait::async_trait;
pub use {azure_core, bytes, serde_json, time, url, uuid};

/// Everything that most programs need, in one `use`.
pub mod prelude {
    pub use crate::auth::{AccessToken, Credential};
    pub use crate::client::{Client, ClientBuilder};
    pub use crate::error::{Error, ErrorKind, RetryClass};
    pub use crate::ingest::Receipt;
    pub use crate::op::{CallOptions, CancelToken, Operation, OperationState};
    pub use crate::props::{DataFormat, IngestionProperties, ReportLevel, ReportMethod};
    pub use crate::query::RequestProperties;
    pub use crate::source::{BlobSource, Source};
    pub use crate::track::{ItemState, Outcome, OutcomeQuery, Report, TrackingToken};
}
