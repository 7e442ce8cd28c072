//! A local Azure Data Explorer (Kusto) service with ingestion: engine, data management and storage in one process.
//!
//! The command `kusto-emulator` runs one; a Rust test starts as many as it likes on free ports:
//!
//! ```
//! use kusto_emulator::{Emulator, Options};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), kusto_emulator::StartError> {
//! let emulator = Emulator::start(Options::default()).await?;
//! println!("{}", emulator.connection_string());
//! emulator.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod addresses;
pub mod clock;
mod control;
mod emulator;
pub mod engine;
mod entra;
pub mod faults;
mod http;
mod ingestions;
pub mod ingestor;
mod messages;
pub mod options;
mod page;
mod server;
mod services;
mod start_error;
pub mod storage;
mod streams;
mod traffic;

pub use clock::Clock;
pub use emulator::{AccountEndpoints, Emulator};
pub use engine::streaming::Streaming;
pub use faults::{CutPoint, Fault, FaultReport, FaultRule, KustoAnswer, RuleError, StallPoint};
pub use messages::Posted;
pub use options::{Options, Secret, StorageKind};
pub use services::{Service, ServiceKind, StorageOperation};
pub use start_error::StartError;
pub use storage::{AccountKey, AzuriteOptions};
pub use streams::{Streamed, Streams};
pub use traffic::{ServiceTraffic, Services, Traffic};
