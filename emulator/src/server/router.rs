//! Which request goes where on the engine's and data management's ports.

use std::io::Read as _;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;

use super::auth::Access;
use super::body::{Body, set, typed};
use crate::engine::database::Engine;
use crate::engine::http::{Endpoint, Reply, Role, respond};
use crate::storage::Resources;

/// The largest command or query, compressed and plain, in bytes.
const BODY_LIMIT: usize = 64 << 20;
const JSON: &str = "application/json; charset=utf-8";

/// One address of the service.
pub(crate) struct Router {
    pub(crate) engine: Engine,
    pub(crate) role: Role,
    pub(crate) access: Access,
    pub(crate) resources: Arc<Resources>,
}

enum Route {
    Metadata,
    Landing,
    Service(Endpoint),
}

impl Route {
    fn of(path: &str) -> Option<Self> {
        match path.trim_end_matches('/') {
            "/v1/rest/auth/metadata" => Some(Self::Metadata),
            "/emulator/v1/resources" => Some(Self::Landing),
            "/v1/rest/mgmt" => Some(Self::Service(Endpoint::Mgmt)),
            "/v1/rest/query" => Some(Self::Service(Endpoint::QueryV1)),
            "/v2/rest/query" => Some(Self::Service(Endpoint::QueryV2)),
            _ => None,
        }
    }

    fn method(&self) -> Method {
        match self {
            Self::Metadata | Self::Landing => Method::GET,
            Self::Service(_) => Method::POST,
        }
    }
}

impl Router {
    /// Answers one request.
    pub(crate) async fn handle(&self, request: Request<Incoming>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let reply = self.answer(&parts, body).await;
        tracing::info!(method = %parts.method, path = parts.uri.path(), status = reply.status().as_u16(), "service");
        reply
    }

    async fn answer(&self, parts: &Parts, body: Incoming) -> Response<Body> {
        let path = parts.uri.path();
        let Some(route) = Route::of(path) else {
            return failure(
                StatusCode::NOT_FOUND,
                "NotFound",
                &format!("The emulator has nothing at '{path}'."),
            );
        };
        if route.method() != parts.method {
            let allowed = route.method();
            let message = format!("'{path}' takes {allowed} requests, not {}.", parts.method);
            let mut reply = failure(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", &message);
            set(&mut reply, "allow", allowed.as_str());
            return reply;
        }
        if matches!(route, Route::Metadata) {
            return self.access.metadata();
        }
        if let Some(refusal) = self.access.refusal(&parts.headers) {
            return refusal;
        }
        match route {
            Route::Metadata => self.access.metadata(),
            Route::Landing => self.landing(),
            Route::Service(endpoint) => self.service(endpoint, parts, body).await,
        }
    }

    /// `GET /emulator/v1/resources`, which only the emulator has: a container per storage account
    /// for blobs of the user's own, `{"containers": ["http://...?sas", ...]}`. The signature allows
    /// reading, writing, listing and deleting.
    fn landing(&self) -> Response<Body> {
        let containers = self.resources.landing_containers();
        typed(
            StatusCode::OK,
            JSON,
            json!({ "containers": containers }).to_string(),
        )
    }

    async fn service(&self, endpoint: Endpoint, parts: &Parts, body: Incoming) -> Response<Body> {
        let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
            return failure(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestBodyTooLarge",
                "The request's body is cut short or too large.",
            );
        };
        let (engine, role, headers) = (self.engine.clone(), self.role, parts.headers.clone());
        let body = body.to_bytes();
        // Queries compute for as long as they like without holding up other requests.
        let reply = tokio::task::spawn_blocking(move || {
            let plain = plain_body(&headers, &body)?;
            Ok(respond(
                &engine,
                role,
                endpoint,
                &headers,
                plain.as_deref().unwrap_or(&body),
            ))
        });
        match reply.await {
            Ok(Ok(reply)) => from_engine(reply),
            Ok(Err(problem)) => failure(StatusCode::BAD_REQUEST, "General_BadRequest", problem),
            Err(_) => failure(
                StatusCode::INTERNAL_SERVER_ERROR,
                "General_InternalServerError",
                "The engine failed on this request.",
            ),
        }
    }
}

/// The decompressed body; none when it was not compressed.
fn plain_body(headers: &hyper::HeaderMap, body: &[u8]) -> Result<Option<Vec<u8>>, &'static str> {
    match headers
        .get("content-encoding")
        .map(|value| value.as_bytes())
    {
        None | Some(b"identity") => Ok(None),
        Some(b"gzip") => {
            let mut plain = Vec::new();
            let mut reader = MultiGzDecoder::new(body).take(BODY_LIMIT as u64 + 1);
            reader
                .read_to_end(&mut plain)
                .map_err(|_| "The request's body is not valid gzip.")?;
            if plain.len() > BODY_LIMIT {
                Err("The request's body is too large.")
            } else {
                Ok(Some(plain))
            }
        }
        Some(_) => Err("The request's Content-Encoding is neither gzip nor identity."),
    }
}

fn from_engine(reply: Reply) -> Response<Body> {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = super::body::empty(status);
    *response.body_mut() = reply.body.into();
    for (name, value) in reply.headers {
        let name = hyper::header::HeaderName::try_from(name);
        if let (Ok(name), Ok(value)) = (name, hyper::header::HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// An error in the form of the service.
fn failure(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let permanent = status.is_client_error();
    let error = json!({ "error": { "code": code, "message": message, "@message": message, "@permanent": permanent } });
    typed(status, JSON, error.to_string())
}
