//! What only the emulator has: its control endpoints below `/emulator/v1`, for programs in any language.

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::overview::{self, QueueShown};
use super::reply::{JSON, failure};
use super::router::Router;
use crate::faults::{Book, FaultRule, RuleError};
use crate::http::{Body, empty, typed};
use crate::ingestions::News;

/// The largest rule, in bytes.
const RULE_LIMIT: usize = 1 << 20;

/// A control endpoint.
#[derive(Clone, Copy)]
pub(crate) enum ControlRoute {
    /// `{"containers": ["http://...?sas", ...], "queues": [...]}`: a container per storage account for blobs of the
    /// user's own, whose signature allows reading, writing, listing and deleting; and the ingestion queues, to read.
    Resources,
    Faults,
    Fault(u64),
    Traffic,
    Messages,
    Streams,
    /// The last ingestions, or what changed of them, and what waits.
    Ingestions,
    /// One of them with its message.
    Ingestion(u64),
    /// Ends the waiting of batches.
    Flush,
    /// Databases and tables.
    Tables,
}

#[derive(Serialize)]
struct Work {
    #[serde(flatten)]
    news: News,
    queues: Vec<QueueShown>,
}

impl ControlRoute {
    /// The endpoint at a path without trailing slash.
    pub(crate) fn of(path: &str) -> Option<Self> {
        match path.strip_prefix("/emulator/v1/")? {
            "resources" => Some(Self::Resources),
            "faults" => Some(Self::Faults),
            "traffic" => Some(Self::Traffic),
            "messages" => Some(Self::Messages),
            "streams" => Some(Self::Streams),
            "ingestions" => Some(Self::Ingestions),
            "flush" => Some(Self::Flush),
            "tables" => Some(Self::Tables),
            other => {
                let (what, number) = other.split_once('/')?;
                let number = number.parse().ok()?;
                match what {
                    "faults" => Some(Self::Fault(number)),
                    "ingestions" => Some(Self::Ingestion(number)),
                    _ => None,
                }
            }
        }
    }

    /// What it takes.
    pub(crate) fn methods(self) -> &'static [Method] {
        match self {
            Self::Resources | Self::Ingestions | Self::Ingestion(_) | Self::Tables => {
                &[Method::GET]
            }
            Self::Flush => &[Method::POST],
            Self::Faults => &[Method::GET, Method::POST, Method::DELETE],
            Self::Fault(_) => &[Method::DELETE],
            Self::Traffic | Self::Messages | Self::Streams => &[Method::GET, Method::DELETE],
        }
    }

    /// Answers a request with one of its methods.
    pub(crate) async fn answer(
        self,
        router: &Router,
        parts: &Parts,
        body: Incoming,
    ) -> Response<Body> {
        let (control, resources) = (&router.control, &router.resources);
        let (method, deletes) = (&parts.method, parts.method == Method::DELETE);
        match self {
            Self::Resources => {
                let (containers, queues) =
                    (resources.landing_containers(), resources.watched_queues());
                let shared = json!({ "containers": containers, "queues": queues });
                shown(StatusCode::OK, &shared)
            }
            Self::Faults if deletes => {
                control.faults.disarm_all();
                empty(StatusCode::NO_CONTENT)
            }
            Self::Faults if method == Method::POST => arm(&control.faults, body).await,
            Self::Faults => shown(StatusCode::OK, &control.faults.reports()),
            Self::Fault(id) => disarm(&control.faults, id),
            Self::Traffic if deletes => {
                control.traffic.reset();
                empty(StatusCode::NO_CONTENT)
            }
            Self::Traffic => shown(StatusCode::OK, &control.traffic.read()),
            Self::Messages if deletes => {
                control.messages.reset();
                empty(StatusCode::NO_CONTENT)
            }
            Self::Messages => shown(StatusCode::OK, &control.messages.read()),
            Self::Streams if deletes => {
                control.streams.reset();
                empty(StatusCode::NO_CONTENT)
            }
            Self::Streams => shown(StatusCode::OK, &control.streams.read()),
            Self::Ingestions => work(router, parts.uri.query()).await,
            Self::Ingestion(number) => match control.ingestions.whole(number) {
                Some(whole) => shown(StatusCode::OK, &whole),
                None => unknown(&format!("No ingestion {number} is kept.")),
            },
            Self::Flush => {
                control.ingestions.flush();
                empty(StatusCode::NO_CONTENT)
            }
            Self::Tables => shown(StatusCode::OK, &overview::databases(&router.engine)),
        }
    }
}

/// What changed since the change that the query names.
async fn work(router: &Router, query: Option<&str>) -> Response<Body> {
    let queues = router.resources.watched_queues();
    let queues = overview::queues(&router.http, queues).await;
    let news = match query {
        None => router.control.ingestions.news(0),
        Some(query) => match query.strip_prefix("after=").map(str::parse) {
            Some(Ok(after)) => router.control.ingestions.news(after),
            _ => return bad("The query is not 'after=' and a number."),
        },
    };
    shown(StatusCode::OK, &Work { news, queues })
}

async fn arm(faults: &Book, body: Incoming) -> Response<Body> {
    let Ok(body) = Limited::new(body, RULE_LIMIT).collect().await else {
        return bad("The rule is cut short or too large.");
    };
    let armed = serde_json::from_slice::<Json>(&body.to_bytes())
        .map_err(|error| RuleError::new("rule", format!("it is not JSON: {error}")))
        .and_then(FaultRule::try_from)
        .and_then(|rule| faults.arm(rule));
    match armed {
        Ok(id) => shown(StatusCode::CREATED, &json!({ "id": id })),
        Err(error) => bad(&error.to_string()),
    }
}

fn disarm(faults: &Book, id: u64) -> Response<Body> {
    if faults.disarm(id) {
        return empty(StatusCode::NO_CONTENT);
    }
    unknown(&format!("No fault rule {id} is armed."))
}

fn unknown(message: &str) -> Response<Body> {
    failure(StatusCode::NOT_FOUND, "NotFound", message)
}

fn bad(message: &str) -> Response<Body> {
    failure(StatusCode::BAD_REQUEST, "General_BadRequest", message)
}

fn shown(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    match serde_json::to_string(value) {
        Ok(text) => typed(status, JSON, text),
        Err(error) => failure(
            StatusCode::INTERNAL_SERVER_ERROR,
            "General_InternalServerError",
            &error.to_string(),
        ),
    }
}
