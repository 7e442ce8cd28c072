//! The few storage operations the ingestor needs, over HTTP with the SAS in each URL, so that the built-in
//! storage and any other are the same to it. What it says about errors carries no URL.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use quick_xml::Reader;
use quick_xml::escape::{escape, unescape};
use quick_xml::events::Event;
use reqwest::header::{ACCEPT, CONTENT_TYPE, IF_MATCH};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Map, Value as Json};
use url::Url;

const STORAGE_VERSION: &str = "2019-12-12";
/// The most messages one request gives (Azure Storage).
pub(crate) const MAX_TAKE: usize = 32;
/// How often an operation is tried when its failure may pass.
const ATTEMPTS: u32 = 3;
/// The pause before the second attempt; it doubles.
const PAUSE: Duration = Duration::from_millis(100);
/// For a whole small request, and for every wait within a download, which may be long in all.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why storage did not do what was asked.
#[derive(Clone, Debug)]
pub(crate) enum StorageError {
    /// It answered with this HTTP status and this `x-ms-error-code`.
    Status(StatusCode, String),
    /// It could not be reached, or the connection broke.
    Transport(String),
    /// The answer makes no sense.
    Answer(&'static str),
    /// The blob is larger than allowed.
    TooLarge,
}

impl StorageError {
    /// The HTTP status, if there was an answer.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            StorageError::Status(status, _) => Some(*status),
            _ => None,
        }
    }

    /// Whether trying again can help.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            StorageError::Status(status, _) => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            StorageError::Transport(_) => true,
            StorageError::Answer(_) | StorageError::TooLarge => false,
        }
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StorageError::Status(status, code) if code.is_empty() => {
                write!(f, "storage answered {}", status.as_u16())
            }
            StorageError::Status(status, code) => {
                write!(f, "storage answered {} ({code})", status.as_u16())
            }
            StorageError::Transport(what) => write!(f, "storage could not be reached: {what}"),
            StorageError::Answer(what) => f.write_str(what),
            StorageError::TooLarge => f.write_str("the blob is too large"),
        }
    }
}

impl From<reqwest::Error> for StorageError {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut cause: &dyn Error = &error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        StorageError::Transport(cause.to_string())
    }
}

/// A message taken from a queue and hidden there until it is removed or its time is over.
#[derive(Clone)]
pub(crate) struct TakenMessage {
    pub(crate) id: String,
    pub(crate) pop_receipt: String,
    pub(crate) text: String,
}

/// A client of blobs, queues and tables. Cheap to clone.
#[derive(Clone)]
pub(crate) struct StorageClient {
    http: Client,
}

impl StorageClient {
    /// `http` must not decompress what it receives: a blob is taken as it is stored.
    pub(crate) fn new(http: Client) -> StorageClient {
        StorageClient { http }
    }

    /// Takes up to `count` messages (at most [`MAX_TAKE`]), hidden for `visibility`.
    pub(crate) async fn take_messages(
        &self,
        queue: &Url,
        count: usize,
        visibility: Duration,
    ) -> Result<Vec<TakenMessage>, StorageError> {
        let mut url = below(queue, &["messages"]);
        url.query_pairs_mut()
            .append_pair("numofmessages", &count.clamp(1, MAX_TAKE).to_string())
            .append_pair("visibilitytimeout", &visibility.as_secs().to_string());
        // Not repeated: an answer lost on the way has already hidden its messages.
        let request = self.request(Method::GET, &url).timeout(TIMEOUT);
        let response = checked(request.send().await?)?;
        parse_messages(&response.text().await?)
    }

    /// Removes a message that was taken.
    pub(crate) async fn remove_message(
        &self,
        queue: &Url,
        message: &TakenMessage,
    ) -> Result<(), StorageError> {
        let mut url = below(queue, &["messages", &message.id]);
        url.query_pairs_mut()
            .append_pair("popreceipt", &message.pop_receipt);
        self.run(|| self.request(Method::DELETE, &url)).await?;
        Ok(())
    }

    /// Puts a message; `text` is already base64.
    pub(crate) async fn put_message(&self, queue: &Url, text: &str) -> Result<(), StorageError> {
        let url = below(queue, &["messages"]);
        let text = escape(text);
        let body = format!("<QueueMessage><MessageText>{text}</MessageText></QueueMessage>");
        self.run(|| {
            self.request(Method::POST, &url)
                .header(CONTENT_TYPE, "application/xml")
                .body(body.clone())
        })
        .await?;
        Ok(())
    }

    /// The blob's bytes, at most `limit` of them.
    pub(crate) async fn get_blob(&self, blob: &Url, limit: u64) -> Result<Vec<u8>, StorageError> {
        let mut attempt = 1;
        loop {
            match self.get_blob_once(blob, limit).await {
                Err(error) if error.is_transient() && attempt < ATTEMPTS => {
                    pause(attempt).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn get_blob_once(&self, blob: &Url, limit: u64) -> Result<Vec<u8>, StorageError> {
        let request = self.request(Method::GET, blob);
        let mut response = checked(in_time(request.send()).await?)?;
        let announced = response.content_length().unwrap_or(0);
        if announced > limit {
            return Err(StorageError::TooLarge);
        }
        let mut content = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
        while let Some(chunk) = in_time(response.chunk()).await? {
            if (content.len() + chunk.len()) as u64 > limit {
                return Err(StorageError::TooLarge);
            }
            content.extend_from_slice(&chunk);
        }
        Ok(content)
    }

    /// Deletes the blob.
    pub(crate) async fn delete_blob(&self, blob: &Url) -> Result<(), StorageError> {
        self.run(|| self.request(Method::DELETE, blob)).await?;
        Ok(())
    }

    /// Merges the properties into the entity, or inserts it when there is none.
    pub(crate) async fn merge_or_insert(
        &self,
        table: &Url,
        partition_key: &str,
        row_key: &str,
        properties: &Map<String, Json>,
    ) -> Result<(), StorageError> {
        let entity = entity_url(table, partition_key, row_key);
        let body = Json::Object(properties.clone()).to_string();
        let merged = self
            .run(|| {
                json_request(self.request(Method::PATCH, &entity), body.clone())
                    .header(IF_MATCH, "*")
            })
            .await;
        match merged {
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => {}
            other => return other.map(|_| ()),
        }
        let mut whole = properties.clone();
        whole.insert("PartitionKey".to_owned(), partition_key.into());
        whole.insert("RowKey".to_owned(), row_key.into());
        let body = Json::Object(whole).to_string();
        self.run(|| json_request(self.request(Method::POST, table), body.clone()))
            .await?;
        Ok(())
    }

    fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        self.http
            .request(method, url.clone())
            .header("x-ms-version", STORAGE_VERSION)
    }

    /// Sends the request until it succeeds, fails for good or has been tried often enough.
    async fn run(&self, build: impl Fn() -> RequestBuilder) -> Result<Response, StorageError> {
        let mut attempt = 1;
        loop {
            let result = match build().timeout(TIMEOUT).send().await {
                Ok(response) => checked(response),
                Err(error) => Err(error.into()),
            };
            match result {
                Err(error) if error.is_transient() && attempt < ATTEMPTS => {
                    pause(attempt).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }
}

async fn in_time<T>(
    waiting: impl Future<Output = Result<T, reqwest::Error>>,
) -> Result<T, StorageError> {
    match tokio::time::timeout(TIMEOUT, waiting).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(StorageError::Transport("no answer in time".to_owned())),
    }
}

async fn pause(attempt: u32) {
    tokio::time::sleep(PAUSE * 2_u32.pow(attempt - 1)).await;
}

fn json_request(request: RequestBuilder, body: String) -> RequestBuilder {
    request
        .header(ACCEPT, "application/json;odata=nometadata")
        .header(CONTENT_TYPE, "application/json")
        .header("Prefer", "return-no-content")
        .body(body)
}

fn checked(response: Response) -> Result<Response, StorageError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let code = response.headers().get("x-ms-error-code");
    let code = code
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    Err(StorageError::Status(status, code.to_owned()))
}

/// The URL with path segments added, its query kept.
fn below(url: &Url, segments: &[&str]) -> Url {
    let mut url = url.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// `table(PartitionKey='..',RowKey='..')`, quotes doubled as OData wants.
fn entity_url(table: &Url, partition_key: &str, row_key: &str) -> Url {
    let quoted =
        |key: &str| utf8_percent_encode(&key.replace('\'', "''"), NON_ALPHANUMERIC).to_string();
    let mut url = table.clone();
    url.set_path(&format!(
        "{}(PartitionKey='{}',RowKey='{}')",
        table.path().trim_end_matches('/'),
        quoted(partition_key),
        quoted(row_key)
    ));
    url
}

fn parse_messages(xml: &str) -> Result<Vec<TakenMessage>, StorageError> {
    const BROKEN: StorageError = StorageError::Answer("the queue's answer is not its XML");
    let mut reader = Reader::from_str(xml.trim_start_matches('\u{FEFF}'));
    let mut messages = Vec::new();
    loop {
        match reader.read_event().map_err(|_| BROKEN)? {
            Event::Eof => return Ok(messages),
            Event::Start(start) => {
                let name = start.local_name();
                if name.as_ref() == "QueueMessage" {
                    messages.push(TakenMessage {
                        id: String::new(),
                        pop_receipt: String::new(),
                        text: String::new(),
                    });
                    continue;
                }
                let Some(message) = messages.last_mut() else {
                    continue;
                };
                let field = match name.as_ref() {
                    "MessageId" => &mut message.id,
                    "PopReceipt" => &mut message.pop_receipt,
                    "MessageText" => &mut message.text,
                    _ => continue,
                };
                let raw = reader.read_text(start.name()).map_err(|_| BROKEN)?;
                *field = unescape(&raw).map_err(|_| BROKEN)?.into_owned();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read() {
        let messages = parse_messages(
            "\u{FEFF}<?xml version=\"1.0\" encoding=\"utf-8\"?><QueueMessagesList><QueueMessage>\
             <MessageId>1</MessageId><InsertionTime>x</InsertionTime><PopReceipt>a+b/c==</PopReceipt>\
             <MessageText>x &amp; &#233;</MessageText></QueueMessage><QueueMessage><MessageId>2</MessageId>\
             <PopReceipt/><MessageText></MessageText></QueueMessage></QueueMessagesList>",
        )
        .unwrap();
        assert_eq!(messages.len(), 2);
        assert_eq!(messages[0].pop_receipt, "a+b/c==");
        assert_eq!(messages[0].text, "x & é");
        assert_eq!(messages[1].id, "2");
        assert!(parse_messages("<QueueMessagesList/>").unwrap().is_empty());
        assert!(parse_messages("<QueueMessagesList><QueueMessage></X>").is_err());
    }

    #[test]
    fn urls_keep_their_sas() {
        let queue = Url::parse("http://h/q?sig=a%2Bb").unwrap();
        assert_eq!(
            below(&queue, &["messages", "a/b"]).as_str(),
            "http://h/q/messages/a%2Fb?sig=a%2Bb"
        );
        let table = Url::parse("http://h/account/t?sig=x").unwrap();
        assert_eq!(
            entity_url(&table, "it's", "r/1").as_str(),
            "http://h/account/t(PartitionKey='it%27%27s',RowKey='r%2F1')?sig=x"
        );
    }

    #[test]
    fn errors_name_no_url() {
        let error = StorageError::Status(StatusCode::FORBIDDEN, "AuthenticationFailed".to_owned());
        assert_eq!(
            error.to_string(),
            "storage answered 403 (AuthenticationFailed)"
        );
        assert!(!error.is_transient());
        assert!(
            StorageError::Status(StatusCode::SERVICE_UNAVAILABLE, String::new()).is_transient()
        );
    }
}
