//! A running emulator and a client's hands: what an SDK does, without an SDK.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kusto_emulator::engine::database::Engine;
use kusto_emulator::engine::schema::{Column, TableSchema};
use kusto_emulator::engine::table::{Mapping, Table};
use kusto_emulator::engine::value::{ColumnType, Value};
use kusto_emulator::{AzuriteOptions, Emulator, Options, StorageKind};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value as Json, json};
use url::Url;
use uuid::Uuid;

pub(crate) const DATABASE: &str = "NetDefaultDB";
/// Far longer than anything here takes; a test that needs it has failed.
const DEADLINE: Duration = Duration::from_secs(60);

/// Everything that all tests of this process log.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What has been logged so far, at every level.
pub(crate) fn logged() -> String {
    String::from_utf8_lossy(&LOG.lock().unwrap()).into_owned()
}

/// Batches wait hardly at all.
pub(crate) const QUICKLY: Duration = Duration::from_millis(20);
/// Batches wait until they are told: longer than any test.
pub(crate) const NEVER: Duration = Duration::from_secs(30 * 60);

/// Runs a test on every storage there is; `batching` is the time that batches wait for more.
pub(crate) async fn on_each_storage(batching: Duration, test: impl AsyncFn(Bench)) {
    test(Bench::start(StorageKind::BuiltIn, batching).await).await;
    if let Ok(urls) = std::env::var("KUSTO_TEST_AZURITE") {
        let urls: Vec<Url> = urls
            .split(',')
            .map(|url| Url::parse(url).unwrap())
            .collect();
        let [blob, queue, table] = urls
            .try_into()
            .expect("KUSTO_TEST_AZURITE names three URLs");
        let azurite = StorageKind::Azurite(AzuriteOptions { blob, queue, table });
        test(Bench::start(azurite, batching).await).await;
    }
}

/// A source: its message and where its blob is.
pub(crate) struct Source {
    pub(crate) id: Uuid,
    pub(crate) blob: Url,
    pub(crate) message: Json,
}

impl Source {
    /// Sets a field of the message.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.message[name] = value.into();
        self
    }

    /// Sets an ingestion property.
    pub(crate) fn property(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.message["AdditionalProperties"][name] = value.into();
        self
    }
}

pub(crate) struct Bench {
    pub(crate) emulator: Emulator,
    http: Client,
    outcomes: HashMap<String, Json>,
}

impl Bench {
    async fn start(storage: StorageKind, batching: Duration) -> Bench {
        Self::with(Options {
            batching,
            storage,
            ..Options::default()
        })
        .await
    }

    pub(crate) async fn with(options: Options) -> Bench {
        // Once per process: only the first test's calls do something.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let log = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
        let _ = log.with_ansi(false).with_writer(|| Log).try_init();
        let mut http = Client::builder().no_proxy();
        // What the hosts file says elsewhere.
        if let Some(domain) = &options.storage_domain {
            for service in ["blob", "queue", "table"] {
                for account in ["kustoemu1", "kustoemu2"] {
                    let name = format!("{account}.{service}.{domain}");
                    http = http.resolve(&name, (Ipv4Addr::LOCALHOST, 0).into());
                }
            }
        }
        Bench {
            emulator: Emulator::start(options).await.unwrap(),
            http: http.build().unwrap(),
            outcomes: HashMap::new(),
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.emulator.engine()
    }

    /// Creates a table in the default database; `columns` is `name:type, ...`.
    pub(crate) fn table(&self, name: &str, columns: &str) {
        let column = |text: &str| {
            let (name, ty) = text.trim().split_once(':').unwrap();
            Column::new(name, ColumnType::parse(ty).unwrap())
        };
        let schema = TableSchema {
            name: name.to_owned(),
            columns: columns.split(',').map(column).collect(),
        };
        let create = |database: &mut kusto_emulator::engine::database::Database| {
            database.tables.insert(name.to_owned(), Table::new(schema));
        };
        self.engine().with_database_mut(DATABASE, create).unwrap();
    }

    /// Sends a management command; gives the status and the answer.
    pub(crate) async fn answer(&self, text: &str) -> (u16, Json) {
        let url = format!("{}/v1/rest/mgmt", self.emulator.engine_url());
        let body = json!({"db": DATABASE, "csl": text}).to_string();
        let reply = self.http.post(url).body(body).send().await.unwrap();
        let status = reply.status().as_u16();
        (
            status,
            serde_json::from_str(&reply.text().await.unwrap()).unwrap(),
        )
    }

    /// Sends a management command, which must succeed.
    pub(crate) async fn command(&self, text: &str) {
        let url = format!("{}/v1/rest/mgmt", self.emulator.engine_url());
        let body = json!({"db": DATABASE, "csl": text}).to_string();
        succeeded(self.http.post(url).body(body)).await;
    }

    /// Streams a body, with this `Content-Encoding`; gives the status and the answer, null when it is empty. `target` is
    /// what follows `/v1/rest/ingest/`.
    pub(crate) async fn stream(
        &self,
        target: &str,
        encoding: Option<&'static str>,
        body: impl Into<reqwest::Body>,
    ) -> (u16, Json) {
        let header = encoding.map(|encoding| ("content-encoding", encoding));
        self.stream_with(target, header, body).await
    }

    /// The same with another header.
    pub(crate) async fn stream_with(
        &self,
        target: &str,
        header: Option<(&'static str, &'static str)>,
        body: impl Into<reqwest::Body>,
    ) -> (u16, Json) {
        let url = format!("{}/v1/rest/ingest/{target}", self.emulator.engine_url());
        let mut request = self.http.post(url).body(body);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let reply = request.send().await.unwrap();
        let (status, text) = (reply.status().as_u16(), reply.text().await.unwrap());
        let answer = match text.as_str() {
            "" => Json::Null,
            text => serde_json::from_str(text).unwrap(),
        };
        (status, answer)
    }

    /// The answer of one of the emulator's own endpoints.
    pub(crate) async fn control(&self, method: Method, path: &str) -> (u16, Json) {
        let url = format!("{}/emulator/v1/{path}", self.emulator.engine_url());
        let reply = self.http.request(method, url).send().await.unwrap();
        let status = reply.status().as_u16();
        let text = reply.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Json::Null))
    }

    /// Asks `path` until its answer is as wanted.
    pub(crate) async fn seen(&self, path: &str, wanted: impl Fn(&Json) -> bool) -> Json {
        let start = Instant::now();
        loop {
            let (_, shown) = self.control(Method::GET, path).await;
            if wanted(&shown) {
                return shown;
            }
            wait(start, path).await;
        }
    }

    pub(crate) fn mapping(&self, table: &str, kind: &str, name: &str, json: &str) {
        let mapping = Mapping {
            json: json.to_owned(),
            updated: 0,
        };
        let add = |table: &mut Table| {
            table
                .mappings
                .insert((kind.to_owned(), name.to_owned()), mapping);
        };
        self.engine().with_table_mut(DATABASE, table, add).unwrap();
    }

    /// The table's rows, extent after extent.
    pub(crate) fn rows(&self, table: &str) -> Vec<Vec<Value>> {
        rows(self.engine(), table)
    }

    fn resource(&self, kind: &str) -> Url {
        let resources = self.engine().data_management().ingestion_resources();
        let found = resources.iter().find(|(name, _)| name == kind).unwrap();
        Url::parse(&found.1).unwrap()
    }

    pub(crate) fn status_table(&self) -> Url {
        self.resource("IngestionsStatusTable")
    }

    /// Uploads a blob and makes the message that asks for its ingestion with a report on the queues.
    pub(crate) async fn source(
        &self,
        table: &str,
        blob_name: &str,
        content: impl Into<Vec<u8>>,
    ) -> Source {
        let content = content.into();
        let id = Uuid::new_v4();
        let mut blob = self.resource("TempStorage");
        let path = format!("{}/{id}__{blob_name}", blob.path());
        blob.set_path(&path);
        let put = self
            .request(Method::PUT, &blob)
            .header("x-ms-blob-type", "BlockBlob");
        succeeded(put.header("Content-Length", content.len()).body(content)).await;
        let token = self.engine().data_management().identity_token();
        let message = json!({
            "Id": id.to_string(),
            "BlobPath": blob.as_str(),
            "DatabaseName": DATABASE,
            "TableName": table,
            "RetainBlobOnSuccess": true,
            "ReportLevel": 2,
            "ReportMethod": 0,
            "AdditionalProperties": {"authorizationContext": token},
        });
        Source { id, blob, message }
    }

    pub(crate) async fn post(&self, source: &Source) {
        self.post_text(&STANDARD.encode(source.message.to_string()))
            .await;
    }

    /// Puts a text on an input queue.
    pub(crate) async fn post_text(&self, text: &str) {
        let mut queue = self.resource("SecuredReadyForAggregationQueue");
        queue.set_path(&format!("{}/messages", queue.path()));
        let body = format!("<QueueMessage><MessageText>{text}</MessageText></QueueMessage>");
        succeeded(self.request(Method::POST, &queue).body(body)).await;
    }

    /// Posts and waits for the report.
    pub(crate) async fn ingest(&mut self, source: &Source) -> Json {
        self.post(source).await;
        self.outcome(source.id).await
    }

    /// The source's report from the queues; asks until it is there.
    pub(crate) async fn outcome(&mut self, id: Uuid) -> Json {
        let start = Instant::now();
        loop {
            for kind in ["FailedIngestionsQueue", "SuccessfulIngestionsQueue"] {
                self.take_reports(kind).await;
            }
            if let Some(outcome) = self.outcomes.get(&id.to_string()) {
                return outcome.clone();
            }
            wait(start, "a report").await;
        }
    }

    /// Whether a report on the source has been seen so far.
    pub(crate) fn has_seen_report(&self, id: Uuid) -> bool {
        self.outcomes.contains_key(&id.to_string())
    }

    async fn take_reports(&mut self, kind: &str) {
        let queue = self.resource(kind);
        let mut messages = queue.clone();
        messages.set_path(&format!("{}/messages", queue.path()));
        messages
            .query_pairs_mut()
            .append_pair("numofmessages", "32");
        let xml = succeeded(self.request(Method::GET, &messages)).await;
        let xml = xml.text().await.unwrap();
        for part in xml.split("<QueueMessage>").skip(1) {
            let text = between(part, "<MessageText>", "</MessageText>");
            let report: Json = serde_json::from_slice(&STANDARD.decode(text).unwrap()).unwrap();
            let id = report["IngestionSourceId"].as_str().unwrap().to_owned();
            let mut delete = messages.clone();
            delete.set_path(&format!(
                "{}/{}",
                messages.path(),
                between(part, "<MessageId>", "</MessageId>")
            ));
            let receipt = between(part, "<PopReceipt>", "</PopReceipt>");
            delete.query_pairs_mut().append_pair("popreceipt", receipt);
            succeeded(self.request(Method::DELETE, &delete)).await;
            assert!(self.outcomes.insert(id, report).is_none(), "reported twice");
        }
    }

    /// Waits until `found` gives something.
    pub(crate) async fn until<T>(&self, what: &str, found: impl Fn(&Engine) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(result) = found(self.engine()) {
                return result;
            }
            wait(start, what).await;
        }
    }

    /// Whether the blob is there.
    pub(crate) async fn blob_exists(&self, source: &Source) -> bool {
        let response = self.request(Method::HEAD, &source.blob).send().await;
        response.unwrap().status().is_success()
    }

    pub(crate) async fn insert_row(&self, row: &Json) {
        let url = self.status_table();
        let insert = self
            .request(Method::POST, &url)
            .header("Accept", "application/json;odata=nometadata");
        let insert = insert.header("Content-Type", "application/json");
        succeeded(insert.body(row.to_string())).await;
    }

    /// The status table's row, once its status is final.
    pub(crate) async fn final_row(&self, partition_key: &str, row_key: &str) -> Json {
        let start = Instant::now();
        let mut url = self.status_table();
        let path = format!(
            "{}(PartitionKey='{partition_key}',RowKey='{row_key}')",
            url.path()
        );
        url.set_path(&path);
        loop {
            let get = self
                .request(Method::GET, &url)
                .header("Accept", "application/json;odata=nometadata");
            let response = get.send().await.unwrap();
            if response.status().is_success() {
                let row: Json = serde_json::from_str(&response.text().await.unwrap()).unwrap();
                if row["Status"] != "Pending" {
                    return row;
                }
            }
            wait(start, "the status row").await;
        }
    }

    fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        self.http
            .request(method, url.clone())
            .header("x-ms-version", "2019-12-12")
    }
}

/// The table's rows, extent after extent.
pub(crate) fn rows(engine: &Engine, table: &str) -> Vec<Vec<Value>> {
    let all = |table: &Table| table.extents.iter().flat_map(|e| e.rows.clone()).collect();
    engine.with_table(DATABASE, table, all).unwrap()
}

async fn wait(start: Instant, what: &str) {
    assert!(start.elapsed() < DEADLINE, "{what} did not come");
    tokio::time::sleep(Duration::from_millis(5)).await;
}

async fn succeeded(request: RequestBuilder) -> Response {
    let response = request.send().await.unwrap();
    let status = response.status();
    if !status.is_success() {
        panic!("{status}: {}", response.text().await.unwrap());
    }
    response
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
    let (_, rest) = text.split_once(start).unwrap();
    rest.split_once(end).unwrap().0
}
