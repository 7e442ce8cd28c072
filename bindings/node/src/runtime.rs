//! The threads behind all clients of the process.

use std::sync::OnceLock;
use std::time::Duration;

use kusto_ingest::error::{Error, ErrorKind, Result, Step};
use tokio::runtime::{Builder, Runtime};

const WORKERS: usize = 2;
/// How long a thread for blocking work waits for its next use.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// Started with the first client. It is never shut down: a JavaScript thread that ends must not wait
/// for it, others may use it, and the end of the process takes its threads along.
pub(crate) fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    let started = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_keep_alive(KEEP_ALIVE)
            .thread_name("kusto-ingest")
            .enable_all()
            .build()
    });
    started.as_ref().map_err(|error| {
        let message = format!("cannot start threads: {error}");
        Error::new(ErrorKind::Internal, Step::BuildClient, message)
    })
}
