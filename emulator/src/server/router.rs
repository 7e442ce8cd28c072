//! Which request goes where on the engine's and data management's ports.

use std::borrow::Cow;
use std::error::Error;
use std::io::Read as _;
use std::sync::Arc;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as HttpBody, Incoming};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use serde::Deserialize;

use super::auth::Access;
use super::control_routes::ControlRoute;
use super::entra_routes::{DirectoryRoute, login};
use super::noted::Noted;
use super::reply::{failure, fault_reply, from_engine};
use super::streaming;
use crate::control::Control;
use crate::engine::database::Engine;
use crate::engine::endpoint::{Endpoint, respond};
use crate::engine::role::Role;
use crate::engine::streaming::StreamingRules;
use crate::engine::watch::Stop;
use crate::entra::EntraRoute;
use crate::faults::Subject;
use crate::http::{Body, Cut, RequestBody, early, empty, play, set};
use crate::page::PageFile;
use crate::services::ServiceKind;
use crate::storage::Resources;
use crate::traffic::Connection;

/// The largest command or query, compressed and plain, in bytes.
const BODY_LIMIT: usize = 64 << 20;

/// One address of the service.
pub(crate) struct Router {
    pub(crate) engine: Engine,
    pub(crate) role: Role,
    pub(crate) streaming: StreamingRules,
    pub(crate) access: Access,
    pub(crate) resources: Arc<Resources>,
    pub(crate) control: Arc<Control>,
    /// Speaks to the emulator's storage.
    pub(crate) http: reqwest::Client,
}

enum Route {
    Page(PageFile),
    Control(ControlRoute),
    Directory(DirectoryRoute),
    Login(EntraRoute),
    Streaming,
    Service(ServiceRoute),
}

#[derive(Clone, Copy)]
enum ServiceRoute {
    Metadata,
    Engine(Endpoint),
}

impl Route {
    fn of(parts: &Parts, has_entra: bool) -> Option<Self> {
        let path = parts.uri.path();
        if let Some(file) = PageFile::of(path, &parts.headers) {
            return Some(Self::Page(file));
        }
        let path = path.trim_end_matches('/');
        if has_entra {
            let login = EntraRoute::of(path).map(Self::Login);
            let found = login.or_else(|| DirectoryRoute::of(path).map(Self::Directory));
            if found.is_some() {
                return found;
            }
        }
        let service = match path {
            "/v1/rest/auth/metadata" => ServiceRoute::Metadata,
            "/v1/rest/mgmt" => ServiceRoute::Engine(Endpoint::Mgmt),
            "/v1/rest/query" => ServiceRoute::Engine(Endpoint::QueryV1),
            "/v2/rest/query" => ServiceRoute::Engine(Endpoint::QueryV2),
            _ if path.starts_with(streaming::PREFIX) => return Some(Self::Streaming),
            _ => return ControlRoute::of(path).map(Self::Control),
        };
        Some(Self::Service(service))
    }

    fn methods(&self) -> &'static [Method] {
        match self {
            Self::Page(_) => &[Method::GET],
            Self::Control(route) => route.methods(),
            Self::Directory(route) => route.methods(),
            Self::Login(route) => route.methods(),
            Self::Service(ServiceRoute::Metadata) => &[Method::GET],
            Self::Streaming | Self::Service(ServiceRoute::Engine(_)) => &[Method::POST],
        }
    }
}

impl ServiceRoute {
    fn kind(self) -> ServiceKind {
        match self {
            Self::Metadata => ServiceKind::Metadata,
            Self::Engine(Endpoint::Mgmt) => ServiceKind::Mgmt,
            Self::Engine(Endpoint::QueryV1 | Endpoint::QueryV2) => ServiceKind::Query,
        }
    }
}

impl Router {
    /// Answers one request, unless a fault rule says otherwise.
    pub(crate) async fn handle(
        &self,
        request: Request<Incoming>,
        connection: &Connection,
    ) -> Result<Response<Body>, Cut> {
        let (parts, body) = request.into_parts();
        let reply = self.answer(&parts, body, connection).await;
        let status = reply.as_ref().map_or(0, |reply| reply.status().as_u16());
        tracing::info!(method = %parts.method, path = parts.uri.path(), status, "service");
        reply
    }

    async fn answer(
        &self,
        parts: &Parts,
        body: Incoming,
        connection: &Connection,
    ) -> Result<Response<Body>, Cut> {
        let Some(route) = Route::of(parts, self.access.entra.is_some()) else {
            let path = parts.uri.path();
            if path.starts_with(streaming::FAMILY) {
                return Ok(early(empty(StatusCode::NOT_FOUND), parts, body));
            }
            let message = format!("The emulator has no endpoint at '{path}'.");
            let reply = failure(StatusCode::NOT_FOUND, "NotFound", &message);
            return Ok(early(reply, parts, body));
        };
        if !route.methods().contains(&parts.method) {
            return Ok(early(wrong_method(&route, parts), parts, body));
        }
        match route {
            // Without a token: it holds nothing of anybody, and a browser has none yet.
            Route::Page(file) => Ok(file.answer()),
            Route::Control(route) => Ok(self.control(route, parts, body).await),
            Route::Directory(route) => Ok(route.answer(self, &parts.method, body).await),
            Route::Login(route) => {
                let meter = self.control.traffic.count(ServiceKind::Entra, connection);
                let body = RequestBody::new(body, Some(meter));
                login(self, &route, parts, body).await
            }
            Route::Streaming => {
                let meter = self.control.traffic.count(ServiceKind::Ingest, connection);
                let body = RequestBody::new(body, Some(meter));
                let body = Noted::new(body, &self.control, parts);
                self.stream_or_fail(parts, body).await
            }
            Route::Service(route) => {
                let meter = self.control.traffic.count(route.kind(), connection);
                let body = RequestBody::new(body, Some(meter));
                if self.control.faults.is_empty() {
                    Ok(self.serve(route, parts, body).await)
                } else {
                    self.serve_or_fail(route, parts, body).await
                }
            }
        }
    }

    async fn control(&self, route: ControlRoute, parts: &Parts, body: Incoming) -> Response<Body> {
        match self.access.control_refusal(&parts.headers) {
            Some(refusal) => refusal,
            None => route.answer(self, parts, body).await,
        }
    }

    /// Does the request.
    async fn serve<B>(&self, route: ServiceRoute, parts: &Parts, body: B) -> Response<Body>
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        match route {
            ServiceRoute::Metadata => self.access.metadata(&parts.headers),
            ServiceRoute::Engine(endpoint) => match self.access.refusal(&parts.headers) {
                Some(refusal) => refusal,
                None => self.run(endpoint, parts, body).await,
            },
        }
    }

    /// With rules armed the body is read first, whatever becomes of the request: a rule may look at the command.
    async fn serve_or_fail(
        &self,
        route: ServiceRoute,
        parts: &Parts,
        body: RequestBody,
    ) -> Result<Response<Body>, Cut> {
        let body = match Limited::new(body, BODY_LIMIT).collect().await {
            Ok(body) => body,
            Err(error) => return Ok(unreadable(error.as_ref())),
        };
        let (body, service) = (body.to_bytes(), route.kind());
        let subject = Subject {
            command: &command(parts, &body),
            ..Subject::of(service)
        };
        let met = self.control.faults.meet(&subject);
        let body = Full::new(body);
        let Some(met) = met else {
            return Ok(self.serve(route, parts, body).await);
        };
        let serve = |body| self.serve(route, parts, body);
        let answer = || fault_reply(&met.fault, service);
        play(&self.control.faults, &met, body, serve, answer).await
    }

    async fn run<B>(&self, endpoint: Endpoint, parts: &Parts, body: B) -> Response<Body>
    where
        B: HttpBody<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let body = match Limited::new(body, BODY_LIMIT).collect().await {
            Ok(body) => body,
            Err(error) => return unreadable(error.as_ref()),
        };
        let (engine, role, headers) = (self.engine.clone(), self.role, parts.headers.clone());
        let body = body.to_bytes();
        // This future is dropped when the client leaves, or when the emulator ends and waits no longer.
        let waits = Waits(Stop::default());
        let stop = waits.0.clone();
        // Queries compute without holding up other requests.
        let reply = tokio::task::spawn_blocking(move || {
            let plain = plain_body(&headers, &body)?;
            tracing::debug!("a request is computed");
            let reply = respond(&stop, &engine, role, endpoint, &headers, &plain);
            if stop.is_stopped() {
                tracing::info!("a request was given up that nobody waits for");
            }
            Ok(reply)
        });
        let reply = reply.await;
        drop(waits);
        match reply {
            Ok(Ok(reply)) => from_engine(reply, &parts.headers),
            Ok(Err(problem)) => failure(StatusCode::BAD_REQUEST, "General_BadRequest", problem),
            Err(_) => failure(
                StatusCode::INTERNAL_SERVER_ERROR,
                "General_InternalServerError",
                "The engine failed on this request.",
            ),
        }
    }
}

/// Somebody who waits for an answer.
struct Waits(Stop);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.stop();
    }
}

fn wrong_method(route: &Route, parts: &Parts) -> Response<Body> {
    let methods: Vec<_> = route.methods().iter().map(Method::as_str).collect();
    let allowed = methods.join(", ");
    let message = format!(
        "'{}' takes {allowed} requests, not {}.",
        parts.uri.path(),
        parts.method
    );
    let mut reply = failure(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", &message);
    set(&mut reply, "allow", &allowed);
    reply
}

/// Of a body that could not be read to its end.
fn unreadable(error: &(dyn Error + Send + Sync + 'static)) -> Response<Body> {
    match error.is::<LengthLimitError>() {
        true => failure(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestBodyTooLarge",
            "The request's body is too large.",
        ),
        false => failure(
            StatusCode::BAD_REQUEST,
            "General_BadRequest",
            "The request's body is cut short, or its chunks are broken.",
        ),
    }
}

/// The text of a command or query; empty when there is none in the body.
fn command(parts: &Parts, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Text {
        csl: String,
    }
    plain_body(&parts.headers, body)
        .ok()
        .and_then(|plain| serde_json::from_slice::<Text>(&plain).ok())
        .map_or_else(String::new, |text| text.csl)
}

/// The body as it was before compression.
fn plain_body<'a>(
    headers: &hyper::HeaderMap,
    body: &'a [u8],
) -> Result<Cow<'a, [u8]>, &'static str> {
    match headers
        .get("content-encoding")
        .map(|value| value.as_bytes())
    {
        None | Some(b"identity") => Ok(Cow::Borrowed(body)),
        Some(b"gzip") => {
            let mut plain = Vec::new();
            let mut reader = MultiGzDecoder::new(body).take(BODY_LIMIT as u64 + 1);
            reader
                .read_to_end(&mut plain)
                .map_err(|_| "The request's body is not valid gzip.")?;
            if plain.len() > BODY_LIMIT {
                Err("The request's body is too large.")
            } else {
                Ok(Cow::Owned(plain))
            }
        }
        Some(_) => Err("The request's Content-Encoding is neither gzip nor identity."),
    }
}
