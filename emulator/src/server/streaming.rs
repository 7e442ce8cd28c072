//! Streaming ingestion over HTTP: `POST /v1/rest/ingest/DATABASE/TABLE?streamFormat=...`.

use std::error::Error;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Body as HttpBody;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value as Json};

use super::noted::Noted;
use super::reply::{failure, fault_reply, from_engine};
use super::router::Router;
use crate::engine::role::Role;
use crate::engine::sources::{StreamData, StreamRequest};
use crate::engine::streaming::{StreamError, respond};
use crate::faults::Subject;
use crate::http::{Body, Cut, empty, play};
use crate::services::ServiceKind;

/// What the paths of its addresses begin with.
pub(super) const PREFIX: &str = "/v1/rest/ingest/";

/// What the paths of all ways to ingest over HTTP begin with. A service that lacks one says nothing but 404.
pub(super) const FAMILY: &str = "/v1/rest/ingest";

/// The largest body, as it is sent.
const BODY_LIMIT: usize = 10 << 20;

impl Router {
    /// Answers a request, which must have the demanded token.
    async fn stream_if_allowed<B>(&self, parts: &Parts, body: B) -> Response<Body>
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        match self.access.refusal(&parts.headers) {
            Some(refusal) => refusal,
            None => self.stream(parts, body).await,
        }
    }

    /// The same, unless a fault rule says otherwise. The body is not read before: a rule may cut the connection within it.
    pub(super) async fn stream_or_fail(
        &self,
        parts: &Parts,
        body: Noted,
    ) -> Result<Response<Body>, Cut> {
        let (database, table) = names(parts.uri.path()).unwrap_or_default();
        let subject = Subject {
            database: &database,
            table: &table,
            attempt: attempt(&parts.headers),
            ..Subject::of(ServiceKind::Ingest)
        };
        let Some(met) = self.control.faults.meet(&subject) else {
            return Ok(self.stream_if_allowed(parts, body).await);
        };
        let serve = |body| self.stream_if_allowed(parts, body);
        let answer = || fault_reply(&met.fault, ServiceKind::Ingest);
        play(&self.control.faults, &met, body, serve, answer).await
    }

    /// Ingests what the request brings.
    async fn stream<B>(&self, parts: &Parts, body: B) -> Response<Body>
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let read = read(body).await;
        // Data management has no such address, and says nothing about it.
        let names = names(parts.uri.path()).filter(|_| self.role != Role::DataManagement);
        let Some((database, table)) = names else {
            return empty(StatusCode::NOT_FOUND);
        };
        let Ok(read) = read else {
            return failure(
                StatusCode::BAD_REQUEST,
                "General_BadRequest",
                "The request's body is cut short, or its chunks are broken.",
            );
        };
        let request = request(parts, &database, &table, read);
        let (engine, rules) = (self.engine.clone(), self.streaming);
        let headers = parts.headers.clone();
        let reply = tokio::task::spawn_blocking(move || {
            respond(&engine, rules, &headers, (&database, &table), request)
        });
        match reply.await {
            Ok(reply) => from_engine(reply, &parts.headers),
            Err(_) => failure(
                StatusCode::INTERNAL_SERVER_ERROR,
                "General_InternalServerError",
                "The engine failed on this request.",
            ),
        }
    }
}

/// The body, or none when it is too large. It is read to its end in any case: a client that still sends when it is
/// answered would see its connection reset instead.
async fn read<B: HttpBody<Data = Bytes>>(body: B) -> Result<Option<Vec<u8>>, B::Error> {
    let mut body = Box::pin(body);
    let mut bytes = Some(Vec::new());
    while let Some(frame) = body.frame().await {
        let frame = frame?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        bytes = bytes.filter(|read| read.len() + data.len() <= BODY_LIMIT);
        if let Some(bytes) = &mut bytes {
            bytes.extend_from_slice(data);
        }
    }
    Ok(bytes)
}

/// The database and the table that the path names, each in one segment.
fn names(path: &str) -> Option<(String, String)> {
    let (database, table) = path.strip_prefix(PREFIX)?.split_once('/')?;
    let table = table.strip_suffix('/').unwrap_or(table);
    if database.is_empty() || table.is_empty() || table.contains('/') {
        return None;
    }
    let name = |segment| {
        let decoded = percent_decode_str(segment).decode_utf8().ok()?;
        Some(decoded.into_owned())
    };
    Some((name(database)?, name(table)?))
}

/// The number with which clients that try several times end the id of their request: `KPC.execute...;ID;0`.
fn attempt(headers: &HeaderMap) -> Option<u64> {
    let id = headers.get("x-ms-client-request-id")?.to_str().ok()?;
    let (_, number) = id.rsplit_once(';')?;
    number.parse().ok()
}

/// What the request asks for. `body` is none when it is too large.
fn request(
    parts: &Parts,
    database: &str,
    table: &str,
    body: Option<Vec<u8>>,
) -> Result<StreamRequest, StreamError> {
    let body = body.ok_or_else(StreamError::payload_too_large)?;
    let query = parts.uri.query().unwrap_or_default();
    let parameter = |wanted: &str| {
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(name, value)| name.eq_ignore_ascii_case(wanted) && !value.is_empty())
            .map(|(_, value)| value.into_owned())
    };
    let format = parameter("streamFormat")
        .ok_or_else(|| StreamError::bad_request("The parameter 'streamFormat' is missing."))?;
    let data = match parameter("sourceKind") {
        None => content(&parts.headers, body)?,
        Some(kind) if kind.eq_ignore_ascii_case("uri") => StreamData::Blob(source_uri(&body)?),
        Some(kind) => {
            let message = format!("The parameter 'sourceKind' is '{kind}'; it can be 'uri'.");
            return Err(StreamError::bad_request(message));
        }
    };
    Ok(StreamRequest {
        database: database.to_owned(),
        table: table.to_owned(),
        format,
        mapping: parameter("mappingName"),
        data,
    })
}

fn content(headers: &HeaderMap, bytes: Vec<u8>) -> Result<StreamData, StreamError> {
    let encoding = headers.get("content-encoding");
    let is_gzip = match encoding.map(|encoding| encoding.as_bytes()) {
        None | Some(b"identity") => false,
        Some(b"gzip") => true,
        Some(_) => {
            let message = "The request's Content-Encoding is neither gzip nor identity.";
            return Err(StreamError::bad_request(message));
        }
    };
    Ok(StreamData::Body { bytes, is_gzip })
}

/// The address in the body of a request for a blob. The SDKs spell its name in two ways.
fn source_uri(body: &[u8]) -> Result<String, StreamError> {
    let members: Option<Map<String, Json>> = serde_json::from_slice(body).ok();
    let uri = members.into_iter().flatten().find_map(|(name, value)| {
        let is_it = name.eq_ignore_ascii_case("sourceUri");
        is_it.then(|| value.as_str().map(str::to_owned)).flatten()
    });
    uri.ok_or_else(|| {
        StreamError::bad_request("The body is not a JSON object with the text 'sourceUri'.")
    })
}
