//! The requests that the tests let fail.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kusto_emulator::{Fault, FaultRule, ServiceKind, StorageOperation};
use reqwest::{Error, RequestBuilder, Response};
use serde_json::{Value as Json, json};
use url::Url;

use crate::common::{World, below, elements, with};

/// A rule for one storage operation.
pub(crate) fn on(operation: StorageOperation, fault: Fault) -> FaultRule {
    FaultRule {
        operation: Some(operation),
        ..FaultRule::new(operation.service().into(), fault)
    }
}

pub(crate) fn once(rule: FaultRule) -> FaultRule {
    FaultRule {
        times: Some(1),
        ..rule
    }
}

impl World {
    pub(crate) fn put_blob(&self, name: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.request("PUT", self.blob(name))
            .header("x-ms-blob-type", "BlockBlob")
            .body(body)
    }

    pub(crate) fn put_block(&self, name: &str, id: &str) -> RequestBuilder {
        let url = with(&self.blob(name), &[("comp", "block"), ("blockid", id)]);
        self.request("PUT", url).body("block")
    }

    pub(crate) fn put_block_list(&self, name: &str, id: &str) -> RequestBuilder {
        let url = with(&self.blob(name), &[("comp", "blocklist")]);
        let list = format!("<BlockList><Latest>{id}</Latest></BlockList>");
        self.request("PUT", url).body(list)
    }

    pub(crate) fn get_blob(&self, name: &str) -> RequestBuilder {
        self.request("GET", self.blob(name))
    }

    fn messages(&self) -> Url {
        below(&self.resources.failed_queue, "messages")
    }

    pub(crate) fn put_message(&self, text: &str) -> RequestBuilder {
        let body = format!("<QueueMessage><MessageText>{text}</MessageText></QueueMessage>");
        self.request("POST", self.messages()).body(body)
    }

    pub(crate) fn peek_messages(&self) -> RequestBuilder {
        self.request("GET", with(&self.messages(), &[("peekonly", "true")]))
    }

    /// What is in the queue.
    pub(crate) async fn queued(&self) -> Vec<String> {
        let reply = self.peek_messages().send().await.unwrap();
        elements(&reply.text().await.unwrap(), "MessageText")
    }

    pub(crate) fn insert_entity(&self, row: &str) -> RequestBuilder {
        self.request("POST", self.resources.status_table.clone())
            .header("accept", "application/json;odata=nometadata")
            .json(&json!({ "PartitionKey": "p", "RowKey": row }))
    }

    pub(crate) fn get_entity(&self, row: &str) -> RequestBuilder {
        let mut url = self.resources.status_table.clone();
        url.set_path(&format!("{}(PartitionKey='p',RowKey='{row}')", url.path()));
        self.request("GET", url)
            .header("accept", "application/json;odata=nometadata")
    }

    /// A blob's content; none when there is no such blob.
    pub(crate) async fn stored(&self, name: &str) -> Option<String> {
        let reply = self.get_blob(name).send().await.unwrap();
        match reply.status().as_u16() {
            200 => Some(reply.text().await.unwrap()),
            404 => None,
            status => panic!("{status}"),
        }
    }

    /// A command (`mgmt`) or query (`query`).
    pub(crate) fn ask(&self, service: &str, text: &str) -> RequestBuilder {
        self.http
            .post(self.service(&format!("/v1/rest/{service}")))
            .json(&json!({ "db": "NetDefaultDB", "csl": text }))
    }

    /// The rows of a query's first table.
    pub(crate) async fn rows(&self, query: &str) -> Json {
        json_of(send(self.ask("query", query)).await).await["Tables"][0]["Rows"].clone()
    }

    /// Posts the message that asks for a blob's ingestion.
    pub(crate) async fn ingest(&self, table: &str, blob: &Url) {
        let reply = json_of(send(self.ask("mgmt", ".get kusto identity token")).await).await;
        let message = json!({
            "Id": "f3a0e3a5-8b0e-4b0e-9d7c-0a3f4f0f3b11",
            "BlobPath": blob.as_str(),
            "DatabaseName": "NetDefaultDB",
            "TableName": table,
            "AdditionalProperties": {
                "authorizationContext": reply["Tables"][0]["Rows"][0][0],
                "format": "csv",
            },
        });
        let text = STANDARD.encode(message.to_string());
        let body = format!("<QueueMessage><MessageText>{text}</MessageText></QueueMessage>");
        let url = below(&self.resources.queues[0], "messages");
        let posted = send(self.request("POST", url).body(body)).await;
        assert_eq!(posted.status(), 201);
    }

    pub(crate) fn metadata(&self) -> RequestBuilder {
        self.http.get(self.service("/v1/rest/auth/metadata"))
    }

    pub(crate) fn service(&self, path: &str) -> String {
        format!("{}{path}", self.emulator.engine_url())
    }

    /// A request to a service of each kind, every one of which succeeds as long as nothing is armed.
    pub(crate) fn one_of_each(&self) -> [(ServiceKind, RequestBuilder); 6] {
        [
            (ServiceKind::Blob, self.put_blob("each", "x")),
            (ServiceKind::Queue, self.put_message("x")),
            (ServiceKind::Table, self.insert_entity("each")),
            (ServiceKind::Mgmt, self.ask("mgmt", ".show version")),
            (ServiceKind::Query, self.ask("query", "print 1")),
            (ServiceKind::Metadata, self.metadata()),
        ]
    }

    /// Matched and fired of the only rule that is armed.
    pub(crate) fn counts(&self) -> (u64, u64) {
        match self.emulator.faults().as_slice() {
            [report] => (report.matched, report.fired),
            reports => panic!("{} rules", reports.len()),
        }
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Response {
    request.send().await.unwrap()
}

/// The error of a request whose connection ended without a byte of an answer.
pub(crate) async fn cut(request: RequestBuilder) -> Error {
    let error = request.send().await.unwrap_err();
    assert!(error.is_request() && !error.is_timeout(), "{error:?}");
    error
}

pub(crate) async fn json_of(reply: Response) -> Json {
    reply.json().await.unwrap()
}
