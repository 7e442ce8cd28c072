//! The login host, and the control endpoints of its directory below `/emulator/v1/entra`.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use url::Url;

use super::reply::{JSON, answer_of, failure};
use super::router::Router;
use crate::entra::{Decision, Directory, Entra, EntraRoute, Visit};
use crate::faults::{Book, Fault, Subject};
use crate::http::{Body, Cut, RequestBody, empty, play, typed};
use crate::services::ServiceKind;

/// The largest body of a login or of a directory, in bytes.
const LIMIT: usize = 1 << 20;

/// Answers a request to the login host, unless a fault rule says otherwise.
pub(super) async fn login(
    router: &Router,
    route: &EntraRoute,
    parts: &Parts,
    body: RequestBody,
) -> Result<Response<Body>, Cut> {
    let access = &router.access;
    let Some(entra) = &access.entra else {
        return Ok(empty(StatusCode::NOT_FOUND));
    };
    // A rule may look at the grant.
    let Ok(body) = Limited::new(body, LIMIT).collect().await else {
        return Ok(bad("The request's body is cut short or too large."));
    };
    let body = body.to_bytes();
    let base = access.base(&parts.headers);
    let subject = Subject {
        command: &route.command(&body),
        ..Subject::of(ServiceKind::Entra)
    };
    let serve = || entra.answer(route, &base, parts, &body);
    play_on(&router.control.faults, &subject, body.clone(), serve).await
}

/// Serves a request whose body is read, or plays the fault that it meets.
pub(super) async fn play_on(
    faults: &Book,
    subject: &Subject<'_>,
    body: Bytes,
    serve: impl FnOnce() -> Response<Body>,
) -> Result<Response<Body>, Cut> {
    let Some(met) = faults.meet(subject) else {
        return Ok(serve());
    };
    let serve = async |_| serve();
    let answer = || login_fault(&met.fault);
    play(faults, &met, Full::new(body), serve, answer).await
}

/// What the login host and the machine say when a fault rule fires that has an answer.
fn login_fault(fault: &Fault) -> Response<Body> {
    answer_of(fault, login_failure)
}

/// An error in the form of the login host.
fn login_failure(status: StatusCode, given: Option<&str>) -> Response<Body> {
    let usual = match status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        true => "temporarily_unavailable",
        false => "invalid_request",
    };
    let number = given.and_then(|code| code.strip_prefix("AADSTS")?.parse::<u32>().ok());
    let error = given.filter(|_| number.is_none()).unwrap_or(usual);
    let number = number.unwrap_or(90_033);
    let shown = json!({
        "error": error,
        "error_description": format!("AADSTS{number}: A fault rule made the request fail."),
        "error_codes": [number],
    });
    typed(status, JSON, shown.to_string())
}

/// A control endpoint of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DirectoryRoute {
    /// All that is known, to read and to replace.
    Directory,
    /// The codes of devices that wait.
    Devices,
    /// One of them, to be approved, declined or ended.
    Device(String),
    /// Signs what a platform gives to its workloads.
    Assertions,
    /// Does what a browser would do: opens an address, signs in, and brings the answer to the program that waits.
    Browse,
}

/// What a platform vouches for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    issuer: String,
    subject: String,
    #[serde(default = "exchange")]
    audience: String,
}

/// The page that a browser opens.
#[derive(Deserialize)]
struct Page {
    url: String,
}

fn exchange() -> String {
    "api://AzureADTokenExchange".to_owned()
}

impl DirectoryRoute {
    /// The endpoint at a path without trailing slash.
    pub(super) fn of(path: &str) -> Option<Self> {
        match path.strip_prefix("/emulator/v1/entra/")? {
            "directory" => Some(Self::Directory),
            "devices" => Some(Self::Devices),
            "assertions" => Some(Self::Assertions),
            "browse" => Some(Self::Browse),
            other => {
                let code = other.strip_prefix("devices/")?;
                (!code.contains('/')).then(|| Self::Device(code.to_owned()))
            }
        }
    }

    /// What it takes.
    pub(super) fn methods(&self) -> &'static [Method] {
        match self {
            Self::Directory => &[Method::GET, Method::PUT],
            Self::Devices => &[Method::GET],
            Self::Device(_) | Self::Assertions | Self::Browse => &[Method::POST],
        }
    }

    /// Answers a request with one of its methods.
    pub(super) async fn answer(
        &self,
        router: &Router,
        method: &Method,
        body: Incoming,
    ) -> Response<Body> {
        let Some(entra) = &router.access.entra else {
            return empty(StatusCode::NOT_FOUND);
        };
        if method == Method::GET {
            return match self {
                Self::Devices => shown(&entra.devices()),
                _ => shown(&entra.directory()),
            };
        }
        let Ok(body) = Limited::new(body, LIMIT).collect().await else {
            return bad("The body is cut short or too large.");
        };
        let done = match self {
            Self::Browse => browse(router, entra, &body.to_bytes()).await,
            _ => self.carry_out(entra, &body.to_bytes()),
        };
        done.unwrap_or_else(|problem| bad(&problem))
    }

    fn carry_out(&self, entra: &Entra, body: &[u8]) -> Result<Response<Body>, String> {
        match self {
            Self::Directory => entra.set_directory(read::<Directory>(body)?)?,
            Self::Device(code) => entra.decide(code, read::<Decision>(body)?)?,
            Self::Assertions => {
                let Workload {
                    issuer,
                    subject,
                    audience,
                } = read(body)?;
                let token = entra.platform_token(&issuer, &subject, &audience)?;
                return Ok(shown(&json!({ "assertion": token })));
            }
            Self::Devices | Self::Browse => {}
        }
        Ok(empty(StatusCode::NO_CONTENT))
    }
}

/// How long the program that waits for a login may take to answer.
const BROWSING: Duration = Duration::from_secs(30);

async fn browse(router: &Router, entra: &Entra, body: &[u8]) -> Result<Response<Body>, String> {
    let Page { url } = read(body)?;
    let url = Url::parse(&url).map_err(|_| "The page's address is no URL.")?;
    let Visit { url, form } = entra.visit(&url)?;
    let request = match form {
        Some(form) => router
            .http
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form),
        None => router.http.get(url),
    };
    let reply = request.timeout(BROWSING).send().await;
    let reply = reply.map_err(|_| "The program that waits for the login cannot be reached.")?;
    Ok(shown(&json!({ "status": reply.status().as_u16() })))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| {
        // Its own text could repeat a secret.
        let (line, column) = (error.line(), error.column());
        match error.is_data() {
            true => format!(
                "A member at line {line}, column {column} is not known, missing or of another type."
            ),
            false => format!("It is not JSON at line {line}, column {column}."),
        }
    })
}

fn bad(message: &str) -> Response<Body> {
    failure(StatusCode::BAD_REQUEST, "General_BadRequest", message)
}

fn shown(value: &impl serde::Serialize) -> Response<Body> {
    match serde_json::to_string(value) {
        Ok(text) => typed(StatusCode::OK, JSON, text),
        Err(error) => failure(
            StatusCode::INTERNAL_SERVER_ERROR,
            "General_InternalServerError",
            &error.to_string(),
        ),
    }
}
