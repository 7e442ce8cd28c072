//! Requests of streaming ingestion: `POST /v1/rest/ingest/DATABASE/TABLE`.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::{Service, with_reply};
use crate::connection::endpoint::{self, role_hint};
use crate::error::{Error, ErrorKind, Result, Step};
use crate::http::answer::AnswerKind;
use crate::http::host::host_of;
use crate::http::request::Request;
use crate::http::transport::Reply;
use crate::op::Scope;
use crate::query::service_error;
use crate::secret::Secret;

/// One request. A repetition with the same body is another one.
pub(crate) struct StreamRequest<'a> {
    pub(crate) database: &'a str,
    pub(crate) table: &'a str,
    /// Of the query, in their order.
    pub(crate) parameters: &'a [(&'a str, &'a str)],
    pub(crate) content_type: &'static str,
    pub(crate) is_gzip: bool,
    pub(crate) body: Bytes,
    pub(crate) id: &'a str,
    /// How long its answer may take, after the request has left.
    pub(crate) limit: Duration,
}

impl Service {
    /// Host of the engine.
    pub(crate) fn engine_host(&self) -> String {
        host_of(self.endpoints.engine())
    }

    /// Obtains the token of the engine's requests, where there is none yet.
    pub(crate) async fn log_in_to_stream(&self, scope: &Scope) -> Result<()> {
        let token = self.authorizer.token(scope, self.endpoints.engine()).await;
        token.map(drop)
    }

    /// Sends it; an answer of any status is the result. The error is in doubt when the service may have the whole
    /// request.
    pub(crate) async fn stream(&self, scope: &Scope, request: &StreamRequest<'_>) -> Result<Reply> {
        let (base, host) = (self.endpoints.engine(), self.engine_host());
        let url = address(base, request)?;
        let (url, host) = (&url, &host);
        let send = |token: Option<Secret>| async move {
            let wire = self.wire(url, request, token.as_ref());
            // The future is large, and every layer above would hold it in its own.
            let sending = self.transport.send(STEP, host, wire, AnswerKind::STREAMING);
            scope.run_unsafe(STEP, host, Box::pin(sending)).await
        };
        self.logged_in(scope, base, send).await
    }

    fn wire(&self, url: &Url, request: &StreamRequest<'_>, token: Option<&Secret>) -> Request {
        let mut wire = Request::new(Method::POST, url.clone())
            .fixed(CONTENT_TYPE, request.content_type)
            .body(request.body.clone())
            .answered_within(request.limit)
            .once();
        if request.is_gzip {
            wire = wire.fixed(CONTENT_ENCODING, "gzip");
        }
        wire = self.identity.apply(wire, request.id);
        match token {
            Some(token) => wire.bearer_token(token.expose()),
            None => wire,
        }
    }

    /// The error that an answer stands for that is no success.
    pub(crate) fn stream_error(&self, request: &StreamRequest<'_>, reply: &Reply) -> Error {
        let (status, body) = (reply.status, &reply.body);
        let error = match status {
            200 => service_error::unreadable_answer(STEP, body, "it is no answer of this kind"),
            201..=299 => {
                let message =
                    format!("the answer has the status {status}, which is not the service's");
                Error::new(ErrorKind::Service, STEP, message)
            }
            _ => service_error::parse_service_error(STEP, status, body),
        };
        let error = error
            .with_host(self.engine_host())
            .with_client_request_id(request.id);
        with_reply(error, reply)
    }

    /// What a bare 404 may mean besides streaming that is off: the address of data management.
    pub(crate) fn stream_role_hint(&self) -> Option<String> {
        role_hint(self.endpoints.engine(), false)
    }
}

const STEP: Step = Step::StreamData;

/// What a segment of a path, or a value of a query, keeps as it is: the unreserved characters of addresses.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Each name is one segment of the path, whatever it has in it.
fn address(base: &Url, request: &StreamRequest<'_>) -> Result<Url> {
    let mut path = "v1/rest/ingest".to_owned();
    for (argument, name) in [("database", request.database), ("table", request.table)] {
        if matches!(name, "." | "..") {
            let message = "has a name that no address can have: ingest queued";
            return Err(Error::invalid_argument(argument, message));
        }
        path.push('/');
        path.extend(utf8_percent_encode(name, KEPT));
    }
    let mut url = endpoint::join(base, &path);
    let encoded =
        |(name, value): &(&str, &str)| format!("{name}={}", utf8_percent_encode(value, KEPT));
    let query: Vec<_> = request.parameters.iter().map(encoded).collect();
    url.set_query(Some(&query.join("&")));
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_one_segment() {
        let request = |database, table| StreamRequest {
            database,
            table,
            parameters: &[("streamFormat", "csv"), ("mappingName", "m &n=ä")],
            content_type: "application/octet-stream",
            is_gzip: false,
            body: Bytes::new(),
            id: "i",
            limit: Duration::ZERO,
        };
        let base = Url::parse("https://c.example/proxy/").unwrap();
        let refused = address(&base, &request("Db", "..")).unwrap_err();
        assert_eq!(refused.argument(), Some("table"));
        assert_eq!(
            address(&base, &request("My Db", "T/1;ä%?#"))
                .unwrap()
                .as_str(),
            "https://c.example/proxy/v1/rest/ingest/My%20Db/T%2F1%3B%C3%A4%25%3F%23?streamFormat=csv&mappingName=m%20%26n%3D%C3%A4"
        );
    }
}
