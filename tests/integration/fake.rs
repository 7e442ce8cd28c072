//! A fake service that misbehaves as a test requires: both roles and all storage on one port.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The signature of every address that the fake hands out, as it is sent, and the identity token.
pub(crate) const SIGNATURE: &str = "S1gnature%2Bof%2Fthe%2BfakeStorage%3D";
pub(crate) const IDENTITY_TOKEN: &str = "identity-token-of-the-fake";

/// A test's answer to a request, identified as `METHOD path?query`, for commands with a space and
/// the command behind it.
pub(crate) enum Answer {
    /// As a healthy service would.
    Good,
    /// With this status and no body.
    Status(u16),
    /// With this status, to go elsewhere.
    Redirect(u16, String),
    /// With status 200 and this body.
    Body(String),
    /// With status 200 and these bytes, which are gzip.
    Gzip(Vec<u8>),
    /// With this status and a body that goes on until the client closes the connection.
    Endless(u16),
    /// With this status, these header lines and this body.
    Whole(u16, String, String),
    /// Nothing: the connection is cut.
    Cut,
}

/// A running fake; it lives as long as the test's runtime.
pub(crate) struct Fake {
    pub(crate) url: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
    /// Those that allow a compressed answer.
    compressible: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    pub(crate) async fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::<AtomicUsize>::default();
        let accepted = connections.clone();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let compressible = Arc::<Mutex<Vec<String>>>::default();
        let (base, answer) = (url.clone(), Arc::new(answer));
        let logs = Logs {
            requests: requests.clone(),
            compressible: compressible.clone(),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::SeqCst);
                let (base, logs, answer) = (base.clone(), logs.clone(), answer.clone());
                tokio::spawn(async move { serve(stream, &base, &logs, &*answer).await });
            }
        });
        Self {
            url,
            connections,
            requests,
            compressible,
        }
    }

    /// The requests that allow a compressed answer.
    pub(crate) fn compressible(&self) -> Vec<String> {
        self.compressible.lock().unwrap().clone()
    }

    /// How many connections were opened.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// How many requests began with this text, such as `POST /queue/`.
    pub(crate) fn count(&self, start: &str) -> usize {
        let requests = self.requests.lock().unwrap();
        requests.iter().filter(|r| r.starts_with(start)).count()
    }
}

/// What [`Fake`] remembers of the requests.
#[derive(Clone)]
struct Logs {
    requests: Arc<Mutex<Vec<String>>>,
    compressible: Arc<Mutex<Vec<String>>>,
}

async fn serve(
    mut stream: TcpStream,
    base: &str,
    logs: &Logs,
    answer: &(impl Fn(&str) -> Answer + ?Sized),
) {
    while let Some(Request {
        target,
        body,
        compressible,
        id,
    }) = read_request(&mut stream).await
    {
        let request = match serde_json::from_str::<serde_json::Value>(&body) {
            Ok(json) if json["csl"].is_string() => {
                format!("{target} {}", json["csl"].as_str().unwrap())
            }
            _ => target,
        };
        logs.requests.lock().unwrap().push(request.clone());
        if compressible {
            logs.compressible.lock().unwrap().push(request.clone());
        }
        let mut headers = format!("x-ms-request-id: r\r\nx-ms-client-request-id: {id}\r\n");
        let (status, text) = match answer(&request) {
            Answer::Cut => return,
            Answer::Endless(status) => return flood(stream, status).await,
            Answer::Gzip(bytes) => {
                if send_gzip(&mut stream, &bytes).await.is_err() {
                    return;
                }
                continue;
            }
            Answer::Redirect(status, to) => {
                headers += &format!("Location: {to}\r\n");
                (status, String::new())
            }
            Answer::Whole(status, lines, body) => {
                headers = lines;
                (status, body)
            }
            Answer::Status(status) => (status, String::new()),
            Answer::Body(body) => (200, body),
            Answer::Good if request.starts_with("POST /v1/rest/mgmt") => {
                (200, lend(base, body.contains("identity token")))
            }
            Answer::Good if request.starts_with("DELETE") => (204, String::new()),
            Answer::Good if request.contains("PartitionKey") => (204, String::new()),
            Answer::Good if request.contains("/messages") => (201, MESSAGE.to_owned()),
            Answer::Good => (201, String::new()),
        };
        let length = text.len();
        let reply = format!(
            "HTTP/1.1 {status} X\r\n{headers}\
                 Content-Length: {length}\r\n\r\n{text}"
        );
        if stream.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

const MESSAGE: &str = "<QueueMessagesList><QueueMessage><MessageId>m</MessageId>\
                       </QueueMessage></QueueMessagesList>";

/// Writes without end, until the client closes the connection.
async fn flood(mut stream: TcpStream, status: u16) {
    let head = format!("HTTP/1.1 {status} X\r\nx-ms-request-id: r\r\n\r\n");
    let mut open = stream.write_all(head.as_bytes()).await.is_ok();
    let piece = vec![b' '; 64 * 1024];
    while open {
        open = stream.write_all(&piece).await.is_ok();
    }
}

async fn send_gzip(stream: &mut TcpStream, body: &[u8]) -> std::io::Result<()> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await
}

struct Request {
    /// Method and target.
    target: String,
    body: String,
    /// Whether the answer may be gzip.
    compressible: bool,
    /// The client's id of the request, which storage repeats.
    id: String,
}

/// The next request.
async fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let mut data = Vec::new();
    let head = loop {
        if let Some(end) = data.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut data).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8_lossy(&data[..head]).to_ascii_lowercase();
    let length = text
        .split("content-length: ")
        .nth(1)
        .and_then(|rest| rest.split("\r\n").next()?.parse().ok())
        .unwrap_or(0);
    while data.len() < head + length {
        if stream.read_buf(&mut data).await.ok()? == 0 {
            return None;
        }
    }
    let line = String::from_utf8_lossy(&data[..head]);
    let target = line.rsplit_once(" HTTP/1.1\r\n").map(|(target, _)| target);
    let target = target.and_then(|t| t.lines().next()).unwrap_or_default();
    let body = String::from_utf8_lossy(&data[head..]).into_owned();
    let target = target.to_owned();
    // Its value keeps its case.
    let name = "x-ms-client-request-id: ";
    let id = text.find(name).and_then(|at| line.get(at + name.len()..));
    let id = id.and_then(|rest| rest.lines().next());
    Some(Request {
        target,
        body,
        id: id.unwrap_or_default().to_owned(),
        compressible: text.contains("accept-encoding: gzip"),
    })
}

/// The answers to the two `.get` commands.
fn lend(base: &str, identity_token: bool) -> String {
    let (columns, rows) = if identity_token {
        (
            r#"{"ColumnName":"AuthorizationContext","DataType":"String"}"#,
            format!(r#"["{IDENTITY_TOKEN}"]"#),
        )
    } else {
        let rows = [
            ("TempStorage", "c1"),
            ("TempStorage", "c2"),
            ("SecuredReadyForAggregationQueue", "queue"),
            ("SecuredReadyForAggregationQueue", "queue2"),
            ("FailedIngestionsQueue", "failed"),
            ("IngestionsStatusTable", "table"),
        ]
        .map(|(kind, name)| format!(r#"["{kind}","{base}/{name}?sig={SIGNATURE}"]"#));
        (
            r#"{"ColumnName":"ResourceTypeName","DataType":"String"},{"ColumnName":"StorageRoot","DataType":"String"}"#,
            rows.join(","),
        )
    };
    format!(r#"{{"Tables":[{{"TableName":"T","Columns":[{columns}],"Rows":[{rows}]}}]}}"#)
}
