//! The requests that the tests let fail.

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
