//! A server of raw bytes. It plays the service and all of its storage on one port.

use std::io::Write as _;
use std::sync::{Arc, Mutex};

use kusto_ingest::client::ClientBuilder;
use kusto_ingest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// `METHOD target`.
    pub(crate) line: String,
    /// Request line and headers.
    pub(crate) head: String,
    pub(crate) body: String,
    /// Whether its connection carried another one before.
    pub(crate) is_behind_another: bool,
}

impl Request {
    pub(crate) fn is_post_of_message(&self) -> bool {
        self.line.starts_with("POST ") && self.line.contains("/messages")
    }

    /// The value of a header, by its name in small letters; empty when there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut lines = self.head.split("\r\n");
        lines
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .unwrap_or_default()
    }

    pub(crate) fn is_upload(&self) -> bool {
        self.line.starts_with("PUT ")
    }

    /// Whether it is one to storage.
    pub(crate) fn is_storage(&self) -> bool {
        !self.line.contains("/v1/rest/") && self.line.contains("sig=")
    }
}

/// What a connection does with a request.
pub(crate) enum Act {
    /// Sends these bytes and goes on.
    Send(String),
    /// Sends these bytes, which are no text, and goes on.
    SendBytes(Vec<u8>),
    /// Sends these bytes and closes the connection.
    SendAndClose(String),
    /// Sends these bytes, reads nothing more, and leaves the connection open.
    SendAndStop(String),
    /// Sends these bytes again and again.
    Repeat(String),
}

/// A running server; it lives as long as the test's runtime.
pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(crate) async fn start(act: impl Fn(&Request, &str) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, act)
    }

    pub(crate) fn on(
        listener: TcpListener,
        act: impl Fn(&Request, &str) -> Act + Send + Sync + 'static,
    ) -> Self {
        Self::hasty(listener, |_| false, act)
    }

    /// As [`on`](Self::on), but of the requests that `is_known_early` it reads no more than the head.
    pub(crate) fn hasty(
        listener: TcpListener,
        is_known_early: fn(&Request) -> bool,
        act: impl Fn(&Request, &str) -> Act + Send + Sync + 'static,
    ) -> Self {
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let (base, log, act) = (url.clone(), requests.clone(), Arc::new(act));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (base, log, act) = (base.clone(), log.clone(), act.clone());
                tokio::spawn(
                    async move { serve(stream, &base, &log, is_known_early, &*act).await },
                );
            }
        });
        Self { url, requests }
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, is_meant: impl Fn(&Request) -> bool) -> usize {
        self.requests().iter().filter(|r| is_meant(r)).count()
    }

    /// Settings of a client of this server, without a login.
    pub(crate) fn builder(&self) -> ClientBuilder {
        let builder = Client::builder(&self.url).unwrap();
        builder.ingestion_endpoint(&self.url).unwrap()
    }
}

/// The properties of every ingestion here.
pub(crate) fn props() -> IngestionProperties {
    IngestionProperties::new("D", "T")
}

/// Some data.
pub(crate) fn row() -> Source {
    Source::bytes("1,a\n")
}

async fn serve(
    mut stream: TcpStream,
    base: &str,
    log: &Mutex<Vec<Request>>,
    is_known_early: fn(&Request) -> bool,
    act: &(impl Fn(&Request, &str) -> Act + ?Sized),
) {
    let mut is_behind_another = false;
    while let Some(mut request) = read_request(&mut stream, is_known_early).await {
        request.is_behind_another = std::mem::replace(&mut is_behind_another, true);
        log.lock().unwrap().push(request.clone());
        let (bytes, goes_on) = match act(&request, base) {
            Act::Send(text) => (text.into_bytes(), true),
            Act::SendBytes(bytes) => (bytes, true),
            Act::SendAndClose(text) => (text.into_bytes(), false),
            Act::SendAndStop(text) => {
                let _ = stream.write_all(text.as_bytes()).await;
                return std::future::pending().await;
            }
            Act::Repeat(bytes) => {
                // A thread: the flood must not depend on the runtime that it is to occupy.
                let mut stream = stream.into_std().unwrap();
                stream.set_nonblocking(false).unwrap();
                std::thread::spawn(move || while stream.write_all(bytes.as_bytes()).is_ok() {});
                return;
            }
        };
        if stream.write_all(&bytes).await.is_err() || !goes_on {
            return;
        }
    }
}

async fn read_request(
    stream: &mut TcpStream,
    is_known_early: fn(&Request) -> bool,
) -> Option<Request> {
    let mut data = Vec::new();
    let head = loop {
        if let Some(end) = data.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut data).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&data[..head]).into_owned();
    let line = text.split(" HTTP/1.1\r\n").next().unwrap_or_default();
    let mut request = Request {
        line: line.to_owned(),
        body: String::new(),
        head: text.clone(),
        is_behind_another: false,
    };
    if is_known_early(&request) {
        return Some(request);
    }
    let length = text
        .to_ascii_lowercase()
        .split("content-length: ")
        .nth(1)
        .and_then(|rest| rest.split("\r\n").next()?.parse().ok())
        .unwrap_or(0);
    while data.len() < head + length {
        if stream.read_buf(&mut data).await.ok()? == 0 {
            return None;
        }
    }
    request.body = String::from_utf8_lossy(&data[head..]).into_owned();
    Some(request)
}

/// The answer of a healthy service or storage.
pub(crate) fn healthy(request: &Request, storage: &str) -> String {
    healthy_with(request, storage, "sig=s", "")
}

/// As [`healthy`], with this signature on the storage addresses and these headers, each with its
/// line end.
pub(crate) fn healthy_with(
    request: &Request,
    storage: &str,
    signature: &str,
    headers: &str,
) -> String {
    if request.line.contains("/auth/metadata") {
        return reply(200, headers, "{}");
    }
    if !request.line.contains("/v1/rest/mgmt") {
        return stored(request, headers);
    }
    let (columns, rows) = if request.body.contains("identity token") {
        (
            column("AuthorizationContext"),
            r#"["identity-token"]"#.to_owned(),
        )
    } else {
        let rows = [
            ("TempStorage", "c1"),
            ("SecuredReadyForAggregationQueue", "queue"),
            ("FailedIngestionsQueue", "failed"),
            ("IngestionsStatusTable", "table"),
        ]
        .map(|(kind, name)| format!(r#"["{kind}","{storage}/{name}?{signature}"]"#));
        (
            format!("{},{}", column("ResourceTypeName"), column("StorageRoot")),
            rows.join(","),
        )
    };
    let body =
        format!(r#"{{"Tables":[{{"TableName":"T","Columns":[{columns}],"Rows":[{rows}]}}]}}"#);
    reply(200, headers, &body)
}

/// What a storage service answers to a request that it carried out.
pub(crate) fn stored(request: &Request, headers: &str) -> String {
    let id = request.header("x-ms-client-request-id");
    stored_as(
        request,
        &format!("x-ms-client-request-id: {id}\r\n{headers}"),
    )
}

/// As [`stored`], with these headers instead of the request's id.
pub(crate) fn stored_as(request: &Request, headers: &str) -> String {
    let (status, body) = success(request);
    reply(status, headers, body)
}

/// Status and body of an answer to a request that was carried out.
pub(crate) fn success(request: &Request) -> (u16, &'static str) {
    match request.line.split(' ').next() {
        Some("POST") => (201, MESSAGE),
        Some("GET") if request.line.contains("/messages") => (200, NOTIFICATION),
        Some("GET") => (200, r#"{"Status":"Succeeded"}"#),
        Some("DELETE") => (204, ""),
        Some("PUT") if request.line.contains("PartitionKey") => (204, ""),
        _ => (201, ""),
    }
}

/// An answer of a storage service to this request.
pub(crate) fn of_storage(request: &Request, status: u16, body: &str) -> String {
    let id = request.header("x-ms-client-request-id");
    reply(status, &format!("x-ms-client-request-id: {id}\r\n"), body)
}

/// The status of an item whose identity token the service does not know.
pub(crate) const TOKEN_REFUSED: &str = r#"{"Status":"Failed","FailureStatus":"Permanent",
    "ErrorCode":"BadRequest_InvalidKustoIdentityToken"}"#;

const MESSAGE: &str = "<QueueMessagesList><QueueMessage><MessageId>m</MessageId>\
                       </QueueMessage></QueueMessagesList>";

/// A failed ingestion whose details are this text.
const NOTIFICATION: &str = "<QueueMessagesList><QueueMessage><MessageId>m</MessageId>\
                            <PopReceipt>p</PopReceipt><MessageText>the true one</MessageText>\
                            </QueueMessage></QueueMessagesList>";

/// An answer of any status.
pub(crate) fn reply(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\nx-ms-request-id: r\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
}

fn column(name: &str) -> String {
    format!(r#"{{"ColumnName":"{name}","DataType":"String"}}"#)
}
