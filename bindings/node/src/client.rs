//! Calls of a client that are not ingestions.

use std::sync::Arc;
use std::time::Duration;

use kusto_ingest::client::Client;
use kusto_ingest::error::{Error, ErrorKind, Result, Step};
use kusto_ingest::op::{CallOptions, blocking};
use kusto_ingest::query::RequestProperties;
use kusto_ingest::track::{Outcome, OutcomeQuery, TrackingToken};
use napi_derive::napi;
use serde_json::{Map, Value, json};

use crate::answer;
use crate::failure::OrThrow as _;
use crate::ingest::NativeProperties;
use crate::realm::{NativeOperation, Realm};
use crate::runtime::runtime;

/// A client. Collected while calls are under way it cancels them, as when its thread ends.
#[napi]
pub struct NativeClient {
    pub(crate) realm: Arc<Realm>,
    pub(crate) id: u32,
    pub(crate) client: Client,
}

impl NativeClient {
    pub(crate) fn new(realm: Arc<Realm>, id: u32, client: Client) -> Self {
        Self { realm, id, client }
    }

    /// Begins a call with its own copy of the client.
    fn begin<F>(
        &self,
        timeout: Option<f64>,
        call: impl FnOnce(Client, CallOptions) -> F,
    ) -> Result<NativeOperation>
    where
        F: Future<Output = Result<String>> + Send + 'static,
    {
        let (operation, options) = NativeOperation::begin(&self.realm, limits(timeout)?);
        self.realm
            .run(operation.id(), call(self.client.clone(), options))?;
        Ok(operation)
    }
}

impl Drop for NativeClient {
    fn drop(&mut self) {
        let client = self.client.clone();
        // Without a runtime nothing is under way.
        if let Ok(runtime) = runtime() {
            runtime.spawn(async move { client.close(Duration::ZERO).await });
        }
    }
}

#[napi]
impl NativeClient {
    /// The id of its token requests.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The database of the connection string.
    #[napi(getter, catch_unwind)]
    pub fn default_database(&self) -> String {
        self.client.default_database().to_owned()
    }

    /// Runs a text as a command, as a query, or as the kind that it is.
    #[napi(catch_unwind)]
    pub fn execute(
        &self,
        kind: String,
        database: String,
        text: String,
        properties: String,
        timeout: Option<f64>,
    ) -> napi::Result<NativeOperation> {
        let properties = request_properties(&properties).or_throw()?;
        self.begin(timeout, |client, options| async move {
            let data = match kind.as_str() {
                "mgmt" => {
                    client
                        .management(&database, &text, &properties, options)
                        .await
                }
                "query" => client.query(&database, &text, &properties, options).await,
                _ => client.execute(&database, &text, &properties, options).await,
            };
            let data = data?;
            // Writing a large answer takes a while: not on a thread that other calls need.
            let writing = blocking::spawn(Step::Wait, move || answer::data_set(&data))?;
            writing.await.map_err(|error| {
                let message = format!("writing the answer failed: {error}");
                Error::new(ErrorKind::Internal, Step::Wait, message)
            })
        })
        .or_throw()
    }

    /// Reads the status table: once, or with `poll` (in milliseconds) until no item is pending.
    #[napi(catch_unwind)]
    pub fn status(
        &self,
        token: String,
        poll: Option<f64>,
        timeout: Option<f64>,
    ) -> napi::Result<NativeOperation> {
        let token: TrackingToken = token.parse().or_throw()?;
        let poll = poll.map(|poll| milliseconds("interval", poll)).transpose();
        let poll = poll.or_throw()?;
        self.begin(timeout, |client, options| async move {
            let report = match poll {
                Some(poll) => client.track_until_final(&token, poll, options).await,
                None => client.track(&token, options).await,
            };
            report.map(|report| answer::report(&report))
        })
        .or_throw()
    }

    /// Peeks at notifications or takes them: those of one ingestion, or all.
    #[napi(catch_unwind)]
    pub fn outcomes(
        &self,
        take: bool,
        successes: bool,
        token: Option<String>,
        limit: f64,
        timeout: Option<f64>,
    ) -> napi::Result<NativeOperation> {
        let query = outcome_query(successes, token.as_deref(), limit).or_throw()?;
        self.begin(timeout, |client, options| async move {
            let report = match take {
                true => client.take_outcomes(&query, options).await,
                false => client.peek_outcomes(&query, options).await,
            };
            report.map(|report| answer::report(&report))
        })
        .or_throw()
    }

    /// Fetches token and ingestion resources, and checks what the properties name.
    #[napi(catch_unwind)]
    pub fn warm_up(
        &self,
        properties: Option<NativeProperties>,
        timeout: Option<f64>,
    ) -> napi::Result<NativeOperation> {
        let properties = properties.map(NativeProperties::read).transpose();
        let properties = properties.or_throw()?;
        self.begin(timeout, |client, options| async move {
            let unchecked = match properties {
                Some(properties) => {
                    let checked = client.warm_up_table(&properties, options).await?;
                    checked.unchecked().to_vec()
                }
                None => {
                    client.warm_up(options).await?;
                    Vec::new()
                }
            };
            Ok(json!({ "unchecked": unchecked }).to_string())
        })
        .or_throw()
    }

    /// Refuses new calls, waits up to `timeout` for ingestions under way, cancels the rest; returns
    /// how many were cancelled.
    #[napi(catch_unwind)]
    pub fn close(&self, timeout: f64) -> napi::Result<NativeOperation> {
        let patience = match timeout == f64::INFINITY {
            true => Duration::MAX,
            false => milliseconds("timeout", timeout).or_throw()?,
        };
        self.begin(None, |client, _| async move {
            Ok(client.close(patience).await.to_string())
        })
        .or_throw()
    }
}

/// The limits of a call with this timeout in milliseconds; none for `null` and for infinity.
pub(crate) fn limits(timeout: Option<f64>) -> Result<CallOptions> {
    match timeout {
        None | Some(f64::INFINITY) => Ok(CallOptions::new()),
        Some(timeout) => Ok(CallOptions::new().with_timeout(milliseconds("timeout", timeout)?)),
    }
}

fn milliseconds(argument: &str, number: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(number / 1000.0).map_err(|_| {
        let message = format!("must be milliseconds from 0, not {number}");
        Error::invalid_argument(argument, message)
    })
}

/// A size or a count, which JavaScript has as a number.
pub(crate) fn whole(argument: &str, number: f64) -> Result<u64> {
    match number.fract() == 0.0 && (0.0..=9_007_199_254_740_991.0).contains(&number) {
        true => Ok(number as u64),
        false => Err(Error::invalid_argument(
            argument,
            format!("must be a whole number from 0, not {number}"),
        )),
    }
}

fn outcome_query(successes: bool, token: Option<&str>, limit: f64) -> Result<OutcomeQuery> {
    let outcome = match successes {
        true => Outcome::Successes,
        false => Outcome::Failures,
    };
    let limit = usize::try_from(whole("n", limit)?).unwrap_or(usize::MAX);
    let query = OutcomeQuery::new(outcome).with_limit(limit);
    match token {
        Some(token) => {
            let token: TrackingToken = token.parse()?;
            Ok(query.only(token.source_ids().iter().copied()))
        }
        None => Ok(query),
    }
}

/// From the JSON of `ClientRequestProperties`: `options`, `additionalOptions`, `parameters`, `clientRequestId` and
/// `serverTimeout` in milliseconds.
fn request_properties(json: &str) -> Result<RequestProperties> {
    let wrong = |what: &str| Error::invalid_argument("properties", what);
    let members: Map<String, Value> =
        serde_json::from_str(json).map_err(|_| wrong("cannot be sent as JSON"))?;
    let mut properties = RequestProperties::new();
    for (name, value) in members {
        properties = match (name.as_str(), value) {
            (_, Value::Null) => properties,
            ("options", Value::Object(options)) => {
                options.into_iter().fold(properties, |all, (name, value)| {
                    all.with_option(name, value)
                })
            }
            ("additionalOptions", Value::Object(options)) => {
                options.into_iter().fold(properties, |all, (name, value)| {
                    all.with_additional_option(name, value)
                })
            }
            ("parameters", Value::Object(parameters)) => parameters
                .into_iter()
                .fold(properties, |all, (name, value)| {
                    all.with_parameter(name, value)
                }),
            ("clientRequestId", Value::String(id)) => properties.with_client_request_id(id),
            ("serverTimeout", Value::Number(timeout)) => {
                let timeout = timeout.as_f64().unwrap_or(f64::NAN);
                properties.with_server_timeout(milliseconds("servertimeout", timeout)?)
            }
            (name, _) => return Err(wrong(&format!("{name} has the wrong type"))),
        };
    }
    Ok(properties)
}
