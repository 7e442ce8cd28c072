//! An emulator with a table, its clients, and direct checks of a call's effects.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use kusto_emulator::engine::value::Value;
use kusto_emulator::{Emulator, FaultReport, FaultRule, Options, StartError, StorageKind};
use kusto_ingest::auth::StaticToken;
use kusto_ingest::prelude::*;
use url::Url;
use uuid::Uuid;

use crate::support;

pub(crate) const DATABASE: &str = "NetDefaultDB";
/// No text of an error may contain it.
pub(crate) const TOKEN: &str = "secret-bearer-token";
/// Far longer than any call takes: one that reaches it hangs.
pub(crate) const WATCHDOG: Duration = Duration::from_secs(120);
/// Between two checks of something that is under way elsewhere.
const POLL: Duration = Duration::from_millis(5);
/// How often the tests' own requests are sent.
const PATIENT: usize = 5;

/// Count and sum of rows: the same for the same rows in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) count: usize,
    sum: u64,
}

impl Rows {
    pub(crate) fn add(&mut self, a: i64, b: &str) {
        let mut hasher = DefaultHasher::new();
        (a, b).hash(&mut hasher);
        self.count += 1;
        self.sum = self.sum.wrapping_add(hasher.finish());
    }
}

/// One source's content in storage.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// Addresses, without signature, of committed blobs.
    pub(crate) committed: Vec<Url>,
    /// Blocks that were never committed.
    pub(crate) uncommitted: usize,
}

/// The environment of a case.
pub(crate) struct Bed {
    pub(crate) emulator: Emulator,
    http: reqwest::Client,
}

impl Bed {
    pub(crate) async fn start(storage: StorageKind) -> Self {
        let options = Options {
            storage,
            ..support::quick()
        };
        // Azurite closes idle connections at the moment at which they are used again.
        for _ in 0..PATIENT {
            match Emulator::start(options.clone()).await {
                Err(StartError::Azurite(problem)) => println!("again, after {problem}"),
                started => {
                    return Self {
                        emulator: started.unwrap(),
                        http: support::reqwest_client(),
                    };
                }
            }
        }
        panic!("Azurite cannot be used");
    }

    /// An emulator with its own storage and these options.
    pub(crate) async fn with(options: Options) -> Self {
        Self {
            emulator: Emulator::start(options).await.unwrap(),
            http: support::reqwest_client(),
        }
    }

    /// Approves every device that waits for its user, for ever.
    pub(crate) async fn approve_devices(&self) {
        let devices = format!(
            "{}/emulator/v1/entra/devices",
            self.emulator.engine_url().trim_end_matches('/')
        );
        loop {
            let waiting = self.http.get(&devices).send().await.unwrap();
            let waiting: Vec<serde_json::Value> =
                serde_json::from_slice(&waiting.bytes().await.unwrap()).unwrap();
            for code in waiting.iter().filter_map(|one| one["userCode"].as_str()) {
                let url = format!("{devices}/{code}");
                let body = r#"{"action": "approve", "user": "alice"}"#;
                self.http.post(url).body(body).send().await.unwrap();
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Changes how the emulator's Entra ID makes tokens.
    pub(crate) async fn change_tokens(&self, rules: serde_json::Value) {
        let url = format!(
            "{}/emulator/v1/entra/directory",
            self.emulator.engine_url().trim_end_matches('/')
        );
        let directory = self.http.get(&url).send().await.unwrap();
        let mut directory: serde_json::Value =
            serde_json::from_slice(&directory.bytes().await.unwrap()).unwrap();
        for (name, value) in rules.as_object().unwrap() {
            directory["tokens"][name] = value.clone();
        }
        let body = directory.to_string();
        let answer = self.http.put(&url).body(body).send().await.unwrap();
        assert!(answer.status().is_success());
    }

    pub(crate) async fn built_in() -> Self {
        Self::start(StorageKind::BuiltIn).await
    }

    /// A client that has sent nothing yet, not even the metadata request.
    pub(crate) fn client(&self) -> Client {
        self.client_with(&[])
    }

    /// The same, with these settings.
    pub(crate) fn client_with(&self, settings: &[(&str, String)]) -> Client {
        let token = StaticToken::new(TOKEN);
        let mut builder = support::client_of(&self.emulator).credential(Arc::new(token));
        for (name, value) in settings {
            builder = builder.set(name, value).unwrap();
        }
        builder.build().unwrap()
    }

    /// Creates an empty table `a:long, b:string`.
    pub(crate) async fn table(&self, name: &str) {
        let text = format!(".create table {name} (a:long, b:string)");
        let none = RequestProperties::new();
        let client = support::client_of(&self.emulator).build().unwrap();
        client
            .management(DATABASE, &text, &none, soon())
            .await
            .unwrap();
    }

    pub(crate) fn arm(&self, rule: &serde_json::Value) -> u64 {
        let rule: FaultRule = serde_json::from_value(rule.clone()).unwrap();
        self.emulator.arm(rule)
    }

    pub(crate) fn report(&self, id: u64) -> FaultReport {
        let reports = self.emulator.faults();
        reports.into_iter().find(|r| r.id == id).unwrap()
    }

    /// Waits until a rule has fired; whether it did before the watchdog's time.
    pub(crate) async fn fires(&self, id: u64) -> bool {
        tokio::time::timeout(WATCHDOG, async {
            while self.report(id).fired == 0 {
                tokio::time::sleep(POLL).await;
            }
        })
        .await
        .is_ok()
    }

    /// The rows of a table, read from the engine itself.
    pub(crate) fn rows(&self, table: &str) -> Rows {
        let mut rows = Rows::default();
        let engine = self.emulator.engine();
        engine
            .with_table(DATABASE, table, |table| {
                for row in table.extents.iter().flat_map(|extent| &extent.rows) {
                    match &row[..] {
                        [Value::Long(a), Value::String(b)] => rows.add(*a, b),
                        other => panic!("not a row of the source: {other:?}"),
                    }
                }
            })
            .unwrap();
        rows
    }

    /// Waits until the service is idle: the ingestor removes a message from its queue when all its
    /// work is done.
    pub(crate) async fn settle(&self) {
        for queue in self.emulator.storage_resources().unwrap().queues {
            let empty = async {
                while self.messages(&queue).await > 0 {
                    tokio::time::sleep(POLL).await;
                }
            };
            let settled = tokio::time::timeout(WATCHDOG, empty).await;
            assert!(settled.is_ok(), "a message is never finished");
        }
    }

    async fn messages(&self, queue: &Url) -> u64 {
        let mut url = queue.clone();
        url.query_pairs_mut().append_pair("comp", "metadata");
        let reply = self.get(url).await;
        assert!(reply.status().is_success(), "{}", reply.status());
        let count = reply.headers()["x-ms-approximate-messages-count"].to_str();
        count.unwrap().parse().unwrap()
    }

    /// Everything in storage of a source whose name is `data.csv`.
    pub(crate) async fn left(&self, table: &str, id: Uuid) -> Left {
        let name = format!("{DATABASE}__{table}__{id}__data.csv.gz");
        let mut left = Left::default();
        for container in self.emulator.storage_resources().unwrap().containers {
            let mut blob = container.clone();
            blob.path_segments_mut().unwrap().push(&name);
            if self.get(blob.clone()).await.status().is_success() {
                left.committed.push(blob.clone());
            }
            blob.query_pairs_mut()
                .append_pair("comp", "blocklist")
                .append_pair("blocklisttype", "uncommitted");
            let reply = self.get(blob).await;
            if reply.status().is_success() {
                let list = reply.text().await.unwrap();
                left.uncommitted += list.matches("<Block>").count();
            }
        }
        left
    }

    /// A blob's content, decompressed.
    pub(crate) async fn content(&self, blob: &Url) -> Vec<u8> {
        let packed = self.get(blob.clone()).await.bytes().await.unwrap();
        let mut plain = Vec::new();
        flate2::read::MultiGzDecoder::new(&packed[..])
            .read_to_end(&mut plain)
            .expect("a committed blob is valid gzip");
        plain
    }

    async fn get(&self, url: Url) -> reqwest::Response {
        let mut last = None;
        for _ in 0..PATIENT {
            let request = self.http.get(url.clone());
            match request.header("x-ms-version", "2021-12-02").send().await {
                Ok(reply) if !reply.status().is_server_error() => return reply,
                failed => last = Some(failed),
            }
        }
        panic!("storage does not answer: {last:?}");
    }
}

/// Limits for calls that are expected to end by themselves.
pub(crate) fn soon() -> CallOptions {
    CallOptions::new().with_timeout(WATCHDOG / 2)
}

/// Reports to the status table, so that every step there is comes up.
pub(crate) fn props(table: &str) -> IngestionProperties {
    IngestionProperties::new(DATABASE, table)
        .with_format(DataFormat::Csv)
        .with_report_level(ReportLevel::FailuresAndSuccesses)
        .with_report_method(ReportMethod::Table)
}
