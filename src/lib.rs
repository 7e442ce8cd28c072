//! kusto-ingest: loads data into Azure Data Explorer (Kusto) and reports its status.
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

/// Everything that most programs need, in one `use`.
pub mod prelude {
    pub use crate::client::{Client, ClientBuilder};
    pub use crate::error::{Error, ErrorKind, RetryClass};
    pub use crate::ingest::Receipt;
    pub use crate::op::{CallOptions, CancelToken, Operation, OperationState};
    pub use crate::props::{DataFormat, IngestionProperties, ReportLevel, ReportMethod};
    pub use crate::query::RequestProperties;
    pub use crate::source::{BlobSource, Source};
    pub use crate::track::{ItemState, Outcome, OutcomeQuery, Report, TrackingToken};
}
