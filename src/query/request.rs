//! Requests to the two endpoints of a cluster: commands, queries, and their properties.

mod streaming;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::header::CONTENT_TYPE;
use time::OffsetDateTime;
use tokio::time::Instant;
use url::Url;

use super::properties::RequestProperties;
use super::{DataSet, answer, service_error};
use crate::auth::authorizer::Authorizer;
use crate::connection::Endpoints;
use crate::connection::endpoint::{self, role_hint};
use crate::connection::storage::StorageRules;
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::http::answer::AnswerKind;
use crate::http::headers::{ClientIdentity, new_request_id};
use crate::http::host::host_of;
use crate::http::request::Request;
use crate::http::service_clock::ServiceClock;
use crate::http::transport::{Reply, Transport};
use crate::log::events;
use crate::op::{Scope, context};
use crate::secret::{Secret, identifier};

pub(crate) use streaming::StreamRequest;

/// The database of commands without a database.
const NO_DATABASE: &str = "NetDefaultDB";
/// How long the service may work by default: the official SDKs' values.
const QUERY_TIMEOUT: Duration = Duration::from_secs(4 * 60);
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// For the `.get` commands, which are cheap and repeated.
const LENDING_TIMEOUT: Duration = Duration::from_secs(60);

/// Which path a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Command,
    Query,
}

impl Kind {
    /// By the text: a command begins with a dot.
    pub(crate) fn of(text: &str) -> Self {
        match beginning(text).starts_with('.') {
            true => Kind::Command,
            false => Kind::Query,
        }
    }
}

/// The text after white space, comments, and the invisible characters that editors and web pages leave
/// in front (byte order mark, zero-width space and its like).
fn beginning(text: &str) -> &str {
    let invisible = |c: char| {
        c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
    };
    let mut rest = text.trim_start_matches(invisible);
    while let Some(comment) = rest.strip_prefix("//") {
        let (_, after) = comment.split_once('\n').unwrap_or_default();
        rest = after.trim_start_matches(invisible);
    }
    rest
}

/// Whether a text is a management command, which begins with a dot, and not a query. Comments and
/// invisible characters in front do not count.
///
/// ```
/// use kusto_ingest::query::is_command;
///
/// assert!(is_command("// the tables\n.show tables"));
/// assert!(!is_command("T | where text startswith '.'"));
/// ```
pub fn is_command(text: &str) -> bool {
    Kind::of(text) == Kind::Command
}

/// The two endpoints of a cluster and what requests to them need.
#[derive(Debug)]
pub(crate) struct Service {
    transport: Transport,
    endpoints: Endpoints,
    identity: ClientIdentity,
    authorizer: Arc<Authorizer>,
    query_answers: AnswerKind,
    storage: StorageRules,
    service_clock: ServiceClock,
    data_management_host: String,
}

impl Service {
    pub(crate) fn new(
        transport: Transport,
        endpoints: Endpoints,
        identity: ClientIdentity,
        authorizer: Authorizer,
        query_answer_limit: usize,
        storage: StorageRules,
    ) -> Self {
        Self {
            transport,
            data_management_host: host_of(endpoints.data_management()),
            endpoints,
            identity,
            authorizer: Arc::new(authorizer),
            query_answers: AnswerKind::query(query_answer_limit),
            storage,
            service_clock: ServiceClock::default(),
        }
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    pub(crate) fn identity(&self) -> &ClientIdentity {
        &self.identity
    }

    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Host of the data management endpoint.
    pub(crate) fn data_management_host(&self) -> &str {
        &self.data_management_host
    }

    /// The service's time when it is `local` here, as far as its answers have shown it.
    pub(crate) fn time(&self, local: OffsetDateTime) -> OffsetDateTime {
        self.service_clock.at(local)
    }

    /// Checks a storage address that the data management endpoint handed out.
    pub(crate) fn check_storage(&self, address: &Url) -> Result<()> {
        self.storage
            .check(self.endpoints.data_management(), address)
    }

    /// One of the `.get` commands of the data management endpoint; safe to repeat.
    pub(crate) async fn data_management_command(
        &self,
        scope: &Scope,
        step: Step,
        command: &str,
    ) -> Result<DataSet> {
        let call = Call {
            base: self.endpoints.data_management(),
            step,
            kind: Kind::Command,
            database: NO_DATABASE,
            text: command,
            answer: AnswerKind::RESOURCES,
        };
        let properties = RequestProperties::new().with_server_timeout(LENDING_TIMEOUT);
        self.execute(scope, &call, &properties)
            .await
            .map_err(|error| error.with_in_doubt(false))
    }

    /// A user's command or query on the engine, or on the data management endpoint for commands
    /// that only it understands. Never repeated: a command may change things.
    pub(crate) async fn run(
        &self,
        scope: &Scope,
        kind: Kind,
        database: &str,
        text: &str,
        properties: &RequestProperties,
    ) -> Result<DataSet> {
        let (step, base) = match kind {
            Kind::Query => (Step::RunQuery, self.endpoints.engine()),
            Kind::Command if is_for_data_management(text) => {
                (Step::RunCommand, self.endpoints.data_management())
            }
            Kind::Command => (Step::RunCommand, self.endpoints.engine()),
        };
        let call = Call {
            base,
            step,
            kind,
            database,
            text,
            answer: self.query_answers,
        };
        properties.check()?;
        let begun = Instant::now();
        let result = self.execute(scope, &call, properties).await;
        if result.is_ok() {
            events::StepEnded {
                step,
                host: &host_of(base),
                attempts: 1,
                duration_ms: begun.elapsed(),
            }
            .emit();
        }
        // A query changes nothing: the caller can always repeat it.
        match kind {
            Kind::Query => result.map_err(|error| error.with_in_doubt(false)),
            Kind::Command => result,
        }
    }

    async fn execute(
        &self,
        scope: &Scope,
        call: &Call<'_>,
        properties: &RequestProperties,
    ) -> Result<DataSet> {
        let host = host_of(call.base);
        let id = properties
            .client_request_id
            .clone()
            .or_else(context::request_id)
            .unwrap_or_else(|| new_request_id("execute"));
        let own_id = &id;
        let post = |token: Option<Secret>| async move {
            let token = token.as_ref();
            self.post(scope, call, properties, own_id, token).await
        };
        let reply = self.logged_in(scope, call.base, post).await?;
        let complete = |error: Error| {
            let error = error.with_host(host.as_str());
            with_reply(error, &reply).with_client_request_id(&id)
        };
        if reply.status != 200 {
            let error = service_error::parse_service_error(call.step, reply.status, &reply.body);
            // What the other service does not know is a syntax error there.
            let hint = match reply.status {
                400 => role_hint(call.base, call.is_for_data_management()),
                _ => None,
            };
            return Err(complete(match hint {
                Some(hint) => error.with_hint(&hint),
                None => error,
            }));
        }
        let reading = answer::read(call.kind, call.step, reply.body.clone());
        let result = scope.run(call.step, &host, reading).await;
        result.map_err(|error| {
            // The request was carried out, with a result that nobody knows.
            let stopped = matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Cancelled);
            let in_doubt = error.is_in_doubt() || stopped;
            complete(error.with_step(call.step).with_in_doubt(in_doubt))
        })
    }

    /// Sends a request with the client's token, and once more with a fresh one when that is rejected: it may have
    /// been revoked early.
    async fn logged_in<Sent: Future<Output = Result<Reply>> + Send>(
        &self,
        scope: &Scope,
        base: &Url,
        send: impl Fn(Option<Secret>) -> Sent + Send + Sync,
    ) -> Result<Reply> {
        let token = self.authorizer.token(scope, base).await?;
        let reply = send(token.clone()).await?;
        let Some(stale) = token.filter(|_| reply.status == 401) else {
            return Ok(reply);
        };
        self.authorizer.refused(&stale);
        let token = self.authorizer.token(scope, base).await?;
        send(token).await
    }

    async fn post(
        &self,
        scope: &Scope,
        call: &Call<'_>,
        properties: &RequestProperties,
        id: &str,
        token: Option<&Secret>,
    ) -> Result<Reply> {
        let host = host_of(call.base);
        let default = match call.kind {
            Kind::Command => COMMAND_TIMEOUT,
            Kind::Query => QUERY_TIMEOUT,
        };
        let (wire, patience) = properties.to_wire(default);
        let body = serde_json::json!({
            "db": call.database, "csl": call.text, "properties": wire,
        });
        let path = match call.kind {
            Kind::Command => "v1/rest/mgmt",
            Kind::Query => "v2/rest/query",
        };
        let mut request = Request::new(Method::POST, endpoint::join(call.base, path))
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .body(body.to_string());
        // A user's command may change things: it must not be carried out twice.
        if call.step == Step::RunCommand {
            request = request.once();
        }
        request = self.identity.apply(request, id);
        if let Some(token) = token {
            request = request.bearer_token(token.expose());
        }
        // The future is large, and every layer above would hold it in its own.
        let sending = Box::pin(async {
            let sending = self.transport.send(call.step, &host, request, call.answer);
            let sent = sending.await;
            if let Ok(reply) = &sent
                && is_of_the_signer(call.step)
            {
                self.service_clock.note(reply);
            }
            sent
        });
        let patient = async {
            match tokio::time::timeout(patience, sending).await {
                Ok(result) => result,
                Err(_) => Err(no_answer(call.step, patience)),
            }
        };
        scope
            .run_unsafe(call.step, &host, patient)
            .await
            .map_err(|error| error.with_client_request_id(id))
    }
}

/// One request, without its properties.
struct Call<'a> {
    base: &'a Url,
    step: Step,
    kind: Kind,
    database: &'a str,
    text: &'a str,
    answer: AnswerKind,
}

impl Call<'_> {
    fn is_for_data_management(&self) -> bool {
        self.kind == Kind::Command && is_for_data_management(self.text)
    }
}

/// The few commands that only the data management endpoint understands.
fn is_for_data_management(text: &str) -> bool {
    let lower = beginning(text).to_ascii_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    match words.as_slice() {
        [".get" | ".show", "ingestion", "resources", ..]
        | [".get", "kusto", "identity", ..]
        | [".show", "query", "service", "uri", ..] => true,
        [".refresh", "database", rest @ ..] => rest.contains(&"cache"),
        _ => false,
    }
}

/// Whether the one who answers this step also signs what is lent: data management. The clock of
/// other answers, or of a gateway in front of the engine, says nothing about signatures.
fn is_of_the_signer(step: Step) -> bool {
    matches!(
        step,
        Step::FetchIngestionResources | Step::FetchIdentityToken
    )
}

fn no_answer(step: Step, patience: Duration) -> Error {
    Error::new(
        ErrorKind::TimedOut,
        step,
        format!("no answer within {} s", patience.as_secs()),
    )
    .with_in_doubt(true)
}

fn with_reply(mut error: Error, reply: &Reply) -> Error {
    error = error.with_http_status(reply.status);
    let id = reply.header("x-ms-activity-id").and_then(identifier);
    if let (None, Some(id)) = (error.activity_id(), id) {
        error = error.with_activity_id(id);
    }
    if let (RetryClass::Later, Some(after)) = (error.retry(), reply.retry_after()) {
        error = error.with_retry_after(after);
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_invisible_characters_do_not_hide_a_command() {
        for command in [
            ".show tables",
            " \n\t.show tables",
            "// a comment\n.show tables",
            "//\r\n  // two\r\n\r\n.show tables",
            "\u{feff}.show tables",
            "\u{200b}.show tables",
            "\u{feff}// a comment\n\u{200b}.show tables",
        ] {
            assert_eq!(Kind::of(command), Kind::Command, "{command:?}");
        }
        for query in [
            "",
            "T",
            "// .show tables",
            "// .show tables\nT",
            "/.show",
            "print '//\n.x'",
            "\u{feff}T",
        ] {
            assert_eq!(Kind::of(query), Kind::Query, "{query:?}");
        }
    }

    #[test]
    fn commands_of_data_management_are_known() {
        for command in [
            ".get ingestion resources",
            "// a comment\n.GET  ingestion resources",
            ".show ingestion resources | count",
            ".get kusto identity token",
            ".show query service uri",
            ".refresh database 'd' table 't' cache ingestionbatchingpolicy",
            "\u{feff}.refresh database 'd' cache ingestionbatchingpolicy",
        ] {
            assert!(is_for_data_management(command), "{command:?}");
        }
        for command in [
            ".show tables",
            ".refresh database d",
            ".get",
            ".show query limits",
            ".show ingestion failures",
            "T | count",
            "",
        ] {
            assert!(!is_for_data_management(command), "{command:?}");
        }
    }
}
