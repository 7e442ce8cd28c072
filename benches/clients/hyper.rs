//! The floor of small ingestions in Rust: the two requests of each on bare connections of hyper, and
//! nothing else.
//!
//! `bench_hyper init|bytes FILE ITEMS CONCURRENCY`
//!
//! What raw.c does, in tasks of tokio: each task has one connection to the storage of blobs and one to that of
//! queues. KUSTO_CONNECTION_STRING as in the other clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "init|bytes FILE ITEMS CONCURRENCY";
/// As long as the message of an ingestion.
const MESSAGE_LENGTH: usize = 2200;

/// The parts of an http URL.
#[derive(Clone)]
struct Address {
    host: String,
    path: String,
    query: String,
}

impl Address {
    /// Up to the end of the text, or to a character that no URL has.
    fn of(text: &str) -> Option<Address> {
        let rest = &text[text.find("http://")? + "http://".len()..];
        let end = rest.find(['"', ';', '\\']).unwrap_or(rest.len());
        let (address, query) = rest[..end].split_once('?').unwrap_or((&rest[..end], ""));
        let slash = address.find('/').unwrap_or(address.len());
        Some(Address {
            host: address[..slash].to_owned(),
            path: address[slash..].to_owned(),
            query: query.to_owned(),
        })
    }
}

/// A connection, which a task drives.
struct Link {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Link {
    async fn to(address: &Address) -> Result<Link, Failure> {
        let stream = TcpStream::connect(&address.host).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let host = address.host.clone();
        Ok(Link { sender, host })
    }

    /// The body of the answer, whose status must be a success.
    async fn exchange(
        &mut self,
        method: Method,
        target: &str,
        header: (&'static str, &'static str),
        body: Bytes,
    ) -> Result<Bytes, Failure> {
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header("host", &self.host)
            .header("x-ms-version", "2021-12-02")
            .header(header.0, header.1)
            .body(Full::new(body))?;
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        match status.is_success() {
            true => Ok(body),
            false => Err(format!("{status}").into()),
        }
    }
}

/// Where the service has its storage.
struct Storage {
    blobs: Address,
    queue: Address,
}

impl Storage {
    async fn find() -> Result<Storage, Failure> {
        let text = std::env::var("KUSTO_CONNECTION_STRING")?;
        let service = Address::of(&text).ok_or("KUSTO_CONNECTION_STRING names no http address")?;
        let question =
            Bytes::from_static(b"{\"db\":\"NetDefaultDB\",\"csl\":\".get ingestion resources\"}");
        let json = ("content-type", "application/json");
        let mut link = Link::to(&service).await?;
        let answer = link.exchange(Method::POST, "/v1/rest/mgmt", json, question);
        let answer = String::from_utf8(answer.await?.to_vec())?;
        let lent = |kind: &str| Address::of(&answer[answer.find(kind)?..]);
        Ok(Storage {
            blobs: lent("TempStorage").ok_or("the service names no container")?,
            queue: lent("SecuredReadyForAggregationQueue").ok_or("the service names no queue")?,
        })
    }
}

/// Takes items until none is left.
async fn work(storage: Arc<Storage>, data: Bytes, left: Arc<AtomicU64>) -> Result<(), Failure> {
    let Storage { blobs, queue } = &*storage;
    let message = "0".repeat(MESSAGE_LENGTH);
    let message = format!("<QueueMessage><MessageText>{message}</MessageText></QueueMessage>");
    let message = Bytes::from(message);
    let put = format!("{}/floor.json?{}", blobs.path, blobs.query);
    let post = format!("{}/messages?{}", queue.path, queue.query);
    let block = ("x-ms-blob-type", "BlockBlob");
    let xml = ("content-type", "application/xml");
    let (mut to_blobs, mut to_queue) = (Link::to(blobs).await?, Link::to(queue).await?);
    let take = |left: u64| left.checked_sub(1);
    while left
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
        .is_ok()
    {
        to_blobs
            .exchange(Method::PUT, &put, block, data.clone())
            .await?;
        to_queue
            .exchange(Method::POST, &post, xml, message.clone())
            .await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [action, path, items, concurrency] = arguments.as_slice() else {
        return Err(USAGE.into());
    };
    if action == "init" {
        return Ok(());
    }
    let data = Bytes::from(std::fs::read(path)?);
    let storage = Arc::new(Storage::find().await?);
    let left = Arc::new(AtomicU64::new(items.parse()?));
    let mut workers = JoinSet::new();
    for _ in 0..concurrency.parse::<usize>()? {
        workers.spawn(work(storage.clone(), data.clone(), left.clone()));
    }
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    Ok(())
}
