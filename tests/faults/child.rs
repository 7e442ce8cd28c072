//! A test that continues in a separate process, beside the emulator: where the process itself is
//! measured, nothing else may happen in it.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use kusto_emulator::Emulator;
use kusto_ingest::auth::StaticToken;
use kusto_ingest::prelude::*;
use serde_json::Value;

use crate::bed::TOKEN;
use crate::support;

const CONNECTION: &str = "KUSTO_TEST_CONNECTION";
const SERVICE: &str = "KUSTO_TEST_SERVICE";
const SCRATCH: &str = "KUSTO_TEST_SCRATCH";

/// The parent's side: runs the test of this name again, with an empty directory for its temporary
/// files, which must be empty again at the end.
pub(crate) fn run(test: &str, emulator: &Emulator, scratch: &Path) {
    let temporary = tempfile::tempdir().unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(CONNECTION, emulator.connection_string())
        .env(SERVICE, emulator.data_management_url())
        .env(SCRATCH, scratch)
        .env("TMPDIR", temporary.path())
        // glibc's heaps for each thread keep what was freed in them: how much memory a process has
        // would depend on which threads were busy.
        .env("MALLOC_ARENA_MAX", "1")
        .status()
        .unwrap();
    assert!(status.success(), "{test} failed in its own process");
    let left: Vec<_> = std::fs::read_dir(temporary.path()).unwrap().collect();
    assert!(left.is_empty(), "temporary files were left: {left:?}");
}

/// The child's side.
pub(crate) struct Child {
    connection: String,
    service: String,
    /// A directory to exchange files with the parent.
    pub(crate) scratch: std::path::PathBuf,
    http: reqwest::Client,
}

impl Child {
    /// `None` in the parent.
    pub(crate) fn of_environment() -> Option<Self> {
        Some(Self {
            connection: std::env::var(CONNECTION).ok()?,
            service: std::env::var(SERVICE).ok()?,
            scratch: std::env::var_os(SCRATCH)?.into(),
            http: support::reqwest_client(),
        })
    }

    pub(crate) fn client(&self) -> Client {
        let builder = Client::builder(&self.connection).unwrap();
        let builder = builder.ingestion_endpoint(&self.service).unwrap();
        let builder = builder.retry_time(0).unwrap();
        let token = Arc::new(StaticToken::new(TOKEN));
        builder.credential(token).build().unwrap()
    }

    pub(crate) async fn arm(&self, rule: &Value) -> u64 {
        let reply = self.control(reqwest::Method::POST).json(rule).send().await;
        let reply: Value = reply.unwrap().json().await.unwrap();
        reply["id"].as_u64().unwrap()
    }

    pub(crate) async fn fired(&self, id: u64) -> u64 {
        let reply = self.control(reqwest::Method::GET).send().await;
        let rules: Vec<Value> = reply.unwrap().json().await.unwrap();
        let rule = rules.iter().find(|rule| rule["id"] == id);
        rule.map_or(0, |rule| rule["fired"].as_u64().unwrap())
    }

    pub(crate) async fn disarm_all(&self) {
        let reply = self.control(reqwest::Method::DELETE).send().await;
        assert!(reply.unwrap().status().is_success());
    }

    /// On a separate connection, which is closed afterwards.
    fn control(&self, method: reqwest::Method) -> reqwest::RequestBuilder {
        let base = self.service.trim_end_matches('/');
        let request = self
            .http
            .request(method, format!("{base}/emulator/v1/faults"));
        request.header("Connection", "close")
    }
}

/// The resources of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Possessions {
    pub(crate) threads: usize,
    pub(crate) descriptors: usize,
    /// Resident memory in KiB.
    pub(crate) resident: usize,
}

impl Possessions {
    /// Of this process, from procfs.
    pub(crate) fn now() -> Self {
        let count = |directory: &str| std::fs::read_dir(directory).unwrap().count();
        let memory = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: usize = memory.split(' ').nth(1).unwrap().parse().unwrap();
        Self {
            threads: count("/proc/self/task"),
            descriptors: count("/proc/self/fd"),
            resident: pages * 4,
        }
    }
}
