//! Azurite behind the front door: requests go on to it in path style, with their SAS untouched.
//!
//! Azurite checks signatures and permissions itself; the emulator only knows the account keys to
//! make the signatures it hands out and to create what an emulator needs.

use std::time::Duration;

use hyper::header::{HeaderMap, HeaderName};
use hyper::http::request::Parts;
use hyper::{Method, Response};
use url::Url;

use super::account::Account;
use super::error::StorageError;
use super::request::without_account;
use super::sas;
use crate::clock::Clock;
use crate::http::{Body, RequestBody};
use crate::services::Service;

/// Headers of one connection only (RFC 9110, 7.6.1), and those that the next hop makes anew.
const HOP: [&str; 7] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
    "expect",
];
/// How long one request of the start may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The version of the requests that create containers, queues and tables.
const SETUP_VERSION: &str = sas::VERSION;

/// Where an Azurite listens: its three base URLs, without an account.
#[derive(Clone, Debug)]
pub struct AzuriteOptions {
    /// Such as `http://127.0.0.1:10000`.
    pub blob: Url,
    /// Such as `http://127.0.0.1:10001`.
    pub queue: Url,
    /// Such as `http://127.0.0.1:10002`.
    pub table: Url,
}

/// Why Azurite could not be prepared.
#[derive(Debug)]
pub enum AzuriteError {
    /// It did not answer; the text names the address.
    Unreachable(String),
    /// It refused to create something.
    Refused {
        /// Container, queue or table.
        what: String,
        /// HTTP status.
        status: u16,
    },
}

impl std::fmt::Display for AzuriteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable(what) => write!(f, "Azurite cannot be reached: {what}"),
            Self::Refused { what, status } => write!(
                f,
                "Azurite refused to create {what} (HTTP {status}); does its AZURITE_ACCOUNTS have the emulator's accounts and keys?"
            ),
        }
    }
}

impl std::error::Error for AzuriteError {}

/// A running Azurite.
pub(crate) struct Azurite {
    options: AzuriteOptions,
    http: reqwest::Client,
}

impl Azurite {
    pub(crate) fn new(options: AzuriteOptions, http: reqwest::Client) -> Self {
        Self { options, http }
    }

    fn url(
        &self,
        service: Service,
        account: &str,
        path_and_query: &str,
    ) -> Result<Url, StorageError> {
        let base = match service {
            Service::Blob => &self.options.blob,
            Service::Queue => &self.options.queue,
            Service::Table => &self.options.table,
        };
        let base = base.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}/{account}/{path_and_query}"))
            .map_err(|_| StorageError::invalid_uri())
    }

    /// Passes a request on, streaming both ways.
    pub(crate) async fn forward(
        &self,
        account: &str,
        service: Service,
        parts: &Parts,
        body: RequestBody,
    ) -> Result<Response<Body>, StorageError> {
        let path = without_account(parts.uri.path(), account);
        let query = parts.uri.query().unwrap_or_default();
        let url = self.url(service, account, &format!("{path}?{query}"))?;
        let mut headers = passed_on(&parts.headers);
        headers.remove("host");
        let mut request = self
            .http
            .request(parts.method.clone(), url)
            .headers(headers);
        if parts.headers.contains_key("content-length")
            || parts.headers.contains_key("transfer-encoding")
        {
            request = request.body(reqwest::Body::wrap(body));
        }
        let reply = request.send().await.map_err(|error| {
            tracing::warn!(error = %error.without_url(), "Azurite does not answer");
            StorageError::service_unavailable("Azurite does not answer.")
        })?;
        let (status, headers) = (reply.status(), passed_on(reply.headers()));
        // A reply to HEAD has a length but no body.
        let body = if parts.method == Method::HEAD {
            Body::empty()
        } else {
            Body::Forwarded(reply.into())
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    /// Creates the account's containers, queues and tables. Those that exist are kept.
    pub(crate) async fn create(
        &self,
        account: &Account,
        clock: &Clock,
    ) -> Result<(), AzuriteError> {
        let sas = sas::account_sas(&account.key, clock.now(), Duration::from_secs(600));
        for service in [Service::Blob, Service::Queue, Service::Table] {
            for name in account.names_of(service) {
                self.create_one(account.name(), service, name, &sas).await?;
            }
        }
        Ok(())
    }

    async fn create_one(
        &self,
        account: &str,
        service: Service,
        name: &str,
        sas: &str,
    ) -> Result<(), AzuriteError> {
        let unreachable = |what: String| AzuriteError::Unreachable(what);
        let path = match service {
            Service::Blob => format!("{name}?restype=container&{sas}"),
            Service::Queue => format!("{name}?{sas}"),
            Service::Table => format!("Tables?{sas}"),
        };
        let url = self
            .url(service, account, &path)
            .map_err(|error| unreachable(error.message.into_owned()))?;
        let request = match service {
            Service::Blob | Service::Queue => self.http.put(url).header("content-length", "0"),
            Service::Table => self
                .http
                .post(url)
                .json(&serde_json::json!({ "TableName": name })),
        };
        let request = request
            .timeout(PATIENCE)
            .header("x-ms-version", SETUP_VERSION)
            .header("accept", "application/json;odata=nometadata");
        let reply = request.send().await.map_err(|error| {
            let host = error
                .url()
                .map(|url| url.authority().to_owned())
                .unwrap_or_default();
            unreachable(format!("{host}: {}", root_cause(&error)))
        })?;
        match reply.status().as_u16() {
            200..=299 | 409 => Ok(()),
            status => Err(AzuriteError::Refused {
                what: format!("{account}/{name}"),
                status,
            }),
        }
    }
}

/// The innermost error's text; the outer ones repeat the URL with its signature.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let kept = |name: &HeaderName| !HOP.contains(&name.as_str());
    headers
        .iter()
        .filter(|(name, _)| kept(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
