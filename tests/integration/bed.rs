//! A running emulator, a client of it, and a table.

use std::time::Duration;

use kusto_emulator::{Emulator, Options};
use kusto_ingest::prelude::*;
use kusto_ingest::query::{DataSet, Value};
use kusto_ingest::track::IngestionStatus;
use url::Url;

use crate::support::storages;
pub(crate) use crate::support::{client_of, quick, reqwest_client};

pub(crate) const DATABASE: &str = "NetDefaultDB";
/// Far longer than anything here takes: a test that reaches it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// The environment of a test.
pub(crate) struct Bed {
    pub(crate) emulator: Emulator,
    pub(crate) client: Client,
}

/// Runs a test on every storage there is: the emulator's own, and Azurite when
/// `KUSTO_TEST_AZURITE` names its three addresses.
pub(crate) async fn on_each_storage(test: impl AsyncFn(Bed)) {
    for storage in storages() {
        test(Bed::start(Options { storage, ..quick() }).await).await;
    }
}

/// Limits for calls that are expected to succeed.
pub(crate) fn soon() -> CallOptions {
    CallOptions::new().with_timeout(PATIENCE)
}

impl Bed {
    pub(crate) async fn start(options: Options) -> Self {
        let emulator = Emulator::start(options).await.unwrap();
        let client = client_of(&emulator).build().unwrap();
        Self { emulator, client }
    }

    /// The usual: built-in storage.
    pub(crate) async fn built_in() -> Self {
        Self::start(quick()).await
    }

    pub(crate) async fn command(&self, text: &str) -> DataSet {
        let none = RequestProperties::new();
        self.client
            .management(DATABASE, text, &none, soon())
            .await
            .unwrap()
    }

    pub(crate) async fn query(&self, text: &str) -> DataSet {
        let none = RequestProperties::new();
        self.client
            .query(DATABASE, text, &none, soon())
            .await
            .unwrap()
    }

    /// Creates `T(a:long, b:string)`.
    pub(crate) async fn table(&self) {
        self.command(".create table T (a:long, b:string)").await;
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        let data = self.query(&format!("['{table}'] | count")).await;
        match data.primary().unwrap().rows[0][0] {
            Value::Long(count) => count,
            ref other => panic!("not a count: {other:?}"),
        }
    }

    /// Ingests and waits for the first item's final status.
    pub(crate) async fn outcome(
        &self,
        source: Source,
        props: &IngestionProperties,
    ) -> IngestionStatus {
        let receipt = self.client.ingest(source, props, soon()).await.unwrap();
        self.wait(&receipt).await
    }

    pub(crate) async fn wait(&self, receipt: &Receipt) -> IngestionStatus {
        let poll = Duration::from_millis(20);
        let report = self
            .client
            .track_until_final(receipt.tracking_token(), poll, soon())
            .await
            .unwrap();
        report.items()[0].clone()
    }

    /// Waits until the service has finished every message.
    pub(crate) async fn settle(&self) {
        for mut queue in self.emulator.storage_resources().unwrap().queues {
            queue.query_pairs_mut().append_pair("comp", "metadata");
            let empty = async {
                loop {
                    let reply = reqwest_client().get(queue.clone()).send().await.unwrap();
                    if reply.headers()["x-ms-approximate-messages-count"] == "0" {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            let result = tokio::time::timeout(PATIENCE, empty).await;
            assert!(result.is_ok(), "a message is never finished");
        }
    }

    /// The URL, with SAS, of a blob of this name in a shared container.
    pub(crate) fn landing(&self, name: &str) -> Url {
        let resources = self.emulator.storage_resources().unwrap();
        let mut url = resources.containers[0].clone();
        url.path_segments_mut().unwrap().push(name);
        url
    }

    /// The committed blob of a receipt's first item.
    pub(crate) async fn stored(&self, receipt: &Receipt) -> Vec<u8> {
        let mut url: Url = receipt.items()[0].blob.parse().unwrap();
        let containers = self.emulator.storage_resources().unwrap().containers;
        let of_this = |container: &&Url| {
            container.origin() == url.origin() && url.path().starts_with(container.path())
        };
        let sas = containers
            .iter()
            .find(of_this)
            .unwrap()
            .query()
            .map(str::to_owned);
        url.set_query(sas.as_deref());
        let reply = reqwest_client().get(url).send().await.unwrap();
        assert_eq!(reply.status().as_u16(), 200);
        reply.bytes().await.unwrap().to_vec()
    }

    /// Puts a blob there by plain REST.
    pub(crate) async fn put_blob(&self, name: &str, data: &[u8]) -> Url {
        let url = self.landing(name);
        let reply = reqwest_client()
            .put(url.clone())
            .header("x-ms-blob-type", "BlockBlob")
            .header("x-ms-version", "2021-12-02")
            .body(data.to_vec())
            .send()
            .await
            .unwrap();
        assert_eq!(reply.status().as_u16(), 201);
        url
    }
}

/// Reports to the status table.
pub(crate) fn props() -> IngestionProperties {
    props_for("T")
}

pub(crate) fn props_for(table: &str) -> IngestionProperties {
    IngestionProperties::new(DATABASE, table)
        .with_report_level(ReportLevel::FailuresAndSuccesses)
        .with_report_method(ReportMethod::Table)
}
