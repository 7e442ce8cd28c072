//! Requests to replies: bodies, the role check, the two response shapes, errors.

use std::time::Duration;

use hyper::HeaderMap;

use super::commands;
use super::database::Engine;
use super::datetime;
use super::error::{ErrorKind, KustoError};
use super::identity::Identity;
use super::kql::lexer::{TokenKind, next_token};
use super::kql::relation::Relation;
use super::kql::run::{Context, ResultTable, run_query};
use super::request::{Options, Request};
use super::response::{Answer, bytes, error_body, management, query_v1, query_v2};
use super::role::Role;
use super::watch::{self, Stop};

/// How long queries and commands may take by default, and at most.
const QUERY_TIME: Duration = Duration::from_secs(4 * 60);
const COMMAND_TIME: Duration = Duration::from_secs(10 * 60);
const MOST_TIME: Duration = Duration::from_secs(3600);

/// What a request's path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST /v1/rest/mgmt`
    Mgmt,
    /// `POST /v1/rest/query`
    QueryV1,
    /// `POST /v2/rest/query`
    QueryV2,
}

/// A complete HTTP reply.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case, with values; `content-type` included.
    pub headers: Vec<(String, String)>,
    /// The body, not compressed.
    pub body: Vec<u8>,
}

/// Runs one command or query and gives its reply, errors included. It computes and does not wait,
/// but may take long: call it where that hurts nobody. `stop` ends it before its time.
pub fn respond(
    stop: &Stop,
    engine: &Engine,
    role: Role,
    endpoint: Endpoint,
    headers: &HeaderMap,
    body: &[u8],
) -> Reply {
    let identity = Identity::of(headers);
    let request = match Request::parse(body) {
        Ok(request) => request,
        Err(error) => {
            return reply(
                400,
                bytes(&error_body(&error, &identity, "", "")),
                &identity,
            );
        }
    };
    let compute = || {
        let is_query = endpoint != Endpoint::Mgmt;
        let _runs = is_query.then(|| engine.running().begin(&identity.client_request_id, stop));
        let body = answer(engine, role, endpoint, &request, &identity);
        // What is not whole may look like a mistake in the query.
        watch::verdict()?;
        body
    };
    match watch::watched(stop, time_limit(endpoint, &request), compute) {
        Ok(body) => reply(200, body, &identity),
        Err(error) if is_partial(endpoint, &request, &error) => {
            let body = failed_late(endpoint, error, &request, &identity);
            reply(200, body, &identity)
        }
        Err(error) => {
            let body = error_body(&error, &identity, &shown(&request.text), &request.database);
            reply(error.kind.status(), bytes(&body), &identity)
        }
    }
}

/// Whether the error is one that the service finds when a query runs and its status is sent: a partial failure, which
/// stands within the answer (<https://learn.microsoft.com/kusto/concepts/partial-query-failures>).
fn is_partial(endpoint: Endpoint, request: &Request, error: &KustoError) -> bool {
    let is_query = next_token(&request.text, 0).kind != TokenKind::Symbol(".");
    endpoint != Endpoint::Mgmt && is_query && error.kind == ErrorKind::LimitsExceeded
}

/// The answer to such a query: a table without columns, of which nothing is known, and the error.
fn failed_late(
    endpoint: Endpoint,
    error: KustoError,
    request: &Request,
    identity: &Identity,
) -> Vec<u8> {
    let answer = Answer {
        tables: &[ResultTable::default()],
        partial: Some(error),
        is_deferred: request.options.defers_failures,
        identity,
    };
    shape(endpoint, answer, &request.options)
}

/// How long the request may take.
fn time_limit(endpoint: Endpoint, request: &Request) -> Duration {
    let default = match endpoint {
        Endpoint::Mgmt => COMMAND_TIME,
        Endpoint::QueryV1 | Endpoint::QueryV2 => QUERY_TIME,
    };
    request.options.time_limit.unwrap_or(default).min(MOST_TIME)
}

fn answer(
    engine: &Engine,
    role: Role,
    endpoint: Endpoint,
    request: &Request,
    identity: &Identity,
) -> Result<Vec<u8>, KustoError> {
    let now = request.options.now.unwrap_or_else(datetime::now);
    let context = Context {
        engine,
        database: &request.database,
        now,
        parameters: &request.parameters,
        host: &identity.host,
    };
    let start = next_token(&request.text, 0);
    let is_command = start.kind == TokenKind::Symbol(".");
    match (endpoint, is_command) {
        (Endpoint::Mgmt, true) => {
            let relation = commands::run(&context, role, &request.text)?;
            Ok(management(&whole(&[only(relation)], identity)))
        }
        (Endpoint::Mgmt, false) => Err(KustoError::syntax(
            &request.text,
            0,
            "a management command begins with '.'",
        )),
        (_, true) if request.text[start.end..].trim_start().starts_with("show") => {
            let relation = commands::run(&context, role, &request.text)?;
            let tables = [only(relation)];
            let answer = whole(&tables, identity);
            Ok(shape(endpoint, answer, &request.options))
        }
        (_, true) => Err(KustoError::bad_request(
            "Management commands go to /v1/rest/mgmt.",
        )),
        (_, false) if role == Role::DataManagement => Err(commands::wrong_engine()),
        (_, false) => query(&context, endpoint, request, identity),
    }
}

fn query(
    context: &Context<'_>,
    endpoint: Endpoint,
    request: &Request,
    identity: &Identity,
) -> Result<Vec<u8>, KustoError> {
    let outcome = run_query(context, &request.text)?;
    let mut options = request.options.clone();
    for (name, value) in &outcome.options {
        options.set(name, &value.to_json());
    }
    let (tables, partial) = truncate(outcome.tables, &options);
    let answer = Answer {
        tables: &tables,
        partial,
        is_deferred: options.defers_failures,
        identity,
    };
    Ok(shape(endpoint, answer, &options))
}

fn only(relation: Relation) -> ResultTable {
    ResultTable {
        relation,
        ..ResultTable::default()
    }
}

/// The answer of which nothing was cut off.
fn whole<'a>(tables: &'a [ResultTable], identity: &'a Identity) -> Answer<'a> {
    Answer {
        tables,
        partial: None,
        is_deferred: false,
        identity,
    }
}

fn shape(endpoint: Endpoint, answer: Answer<'_>, options: &Options) -> Vec<u8> {
    match endpoint {
        Endpoint::QueryV2 => query_v2(&answer, options.layout),
        _ => query_v1(&answer),
    }
}

/// The rows the client may have, and the error that it gets with them when there were more. Tables
/// behind the one that was cut off are left out.
fn truncate(
    mut tables: Vec<ResultTable>,
    options: &Options,
) -> (Vec<ResultTable>, Option<KustoError>) {
    let mut left = options.max_records;
    let mut cut = None;
    for (at, table) in tables.iter_mut().enumerate() {
        let rows = std::mem::take(&mut table.relation.rows);
        let rows = rows.first(options.take.unwrap_or(usize::MAX));
        if rows.len() > left {
            cut = Some(at + 1);
        }
        table.relation.rows = rows.first(left);
        left -= table.relation.rows.len();
        if cut.is_some() {
            break;
        }
    }
    let Some(shown) = cut else {
        return (tables, None);
    };
    tables.truncate(shown);
    let message = format!(
        "Query execution has exceeded the allowed limits (80DA0003): The results of this query exceed the set limit \
         of {} records, so not all records were returned (E_QUERY_RESULT_SET_TOO_LARGE, 0x80DA0003).",
        options.max_records
    );
    let error = KustoError::new(ErrorKind::BadRequest, message);
    (tables, Some(error))
}

/// The request's text for an error; commands may hold secrets in obfuscated literals.
fn shown(text: &str) -> String {
    let obfuscated = ["h'", "h\"", "h@", "H'", "H\"", "H@"]
        .iter()
        .any(|prefix| text.contains(prefix));
    // A signature is one in a plain literal, too.
    if obfuscated || text.contains("sig=") {
        "***".to_owned()
    } else {
        text.chars().take(4096).collect()
    }
}

/// A reply with the ids of its request.
pub(super) fn reply(status: u16, body: Vec<u8>, identity: &Identity) -> Reply {
    let headers = [
        ("content-type", "application/json; charset=utf-8".to_owned()),
        ("x-ms-client-request-id", identity.client_request_id.clone()),
        ("x-ms-activity-id", identity.activity_id.to_string()),
    ];
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    Reply {
        status,
        headers,
        body,
    }
}
