//! One request to the machine around the program, and its answer.

use std::future::ready;
use std::time::Duration;

use http::Method;
use http::header::{CONTENT_TYPE, HeaderName};
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::net::TcpStream;
use url::Url;
use url::form_urlencoded::Serializer;

use super::place::Place;
use crate::auth::credential::AccessToken;
use crate::auth::entra::Refusal;
use crate::auth::seconds::Seconds;
use crate::auth::tries::{Tries, repeat};
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::http::answer::AnswerKind;
use crate::http::body;
use crate::http::host::host_of;
use crate::http::request::Request;
use crate::http::transport::{Reply, Transport};
use crate::secret::Secret;

pub(super) const METADATA: HeaderName = HeaderName::from_static("metadata");

/// How long one answer may take: a fresh identity takes its time.
const LIMIT: Duration = Duration::from_secs(30);
/// How long a connection to a machine's metadata service may take. It is next door, or nowhere.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// The first answer, where others are asked if nothing is there.
const HASTY_LIMIT: Duration = Duration::from_secs(1);

/// The pause after 410: the service is being updated, which takes up to 70 s, and four pauses are made.
const UPDATE_PAUSE: Duration = Duration::from_secs(18);

/// Asks one place for tokens.
#[derive(Debug)]
pub(super) struct Lender {
    transport: Transport,
    host: String,
    tries: Tries,
    /// Whether it may not know an identity yet that was assigned a moment ago.
    is_late: bool,
    /// Whether others are asked if nothing is there.
    is_hasty: bool,
    /// Whether what answers has said that it is a metadata service.
    is_known: bool,
}

impl Lender {
    pub(super) fn new(transport: Transport, place: &Place, is_hasty: bool) -> Self {
        let is_late = matches!(place, Place::VirtualMachine(_));
        Self {
            transport,
            host: host_of(place.url()),
            // The metadata service's own advice ("Retry guidance" of managed identities).
            tries: Tries {
                count: if is_late { 5 } else { 3 },
                pause: Duration::from_millis(800),
                longest: Duration::from_secs(30),
            },
            is_late,
            is_hasty,
            is_known: false,
        }
    }

    /// Whether anything is there at all: outside Azure, connections to the address of the metadata
    /// service end nowhere, or in silence.
    pub(super) async fn is_there(&mut self, url: &Url) -> Result<()> {
        let found = match self.is_hasty {
            true => self.answers(url).await.map(|probed| self.learn(&probed)),
            false => connects(url).await,
        };
        let Err(why) = found else {
            return Ok(());
        };
        let message = format!(
            "this machine has no managed identity: nothing answers at {}: {why}",
            self.host
        );
        Err(Error::new(ErrorKind::Auth, Step::AcquireToken, message)
            .with_host(&self.host)
            .with_retry(RetryClass::Unknown))
    }

    /// Whether anything answers at once. A machine of Azure refuses a request without its header at once,
    /// while the first token of an identity takes its time.
    async fn answers(&self, url: &Url) -> std::result::Result<Reply, String> {
        let probe = Request::new(Method::GET, url.clone());
        let answer = self.send_within(HASTY_LIMIT, probe).await;
        answer.map_err(|error| error.message().to_owned())
    }

    /// From what answers a request without its header: a machine of Azure says in its own words what is wrong with it.
    fn learn(&mut self, probed: &Reply) {
        self.is_known = probed.status == 400 && !Refusal::read(probed).says_nothing();
    }

    /// A token in answer to the request that `make` makes, anew for every try.
    pub(super) async fn lent(&self, make: impl Fn() -> Request + Send + Sync) -> Result<Lent> {
        self.lent_to(|| ready(Ok(make()))).await
    }

    /// As [`lent`](Self::lent), in answer to a request that takes time to make, and may fail.
    pub(super) async fn lent_to<F>(&self, make: impl Fn() -> F + Send + Sync) -> Result<Lent>
    where
        F: Future<Output = Result<Request>> + Send,
    {
        repeat(&self.host, self.tries, || async {
            let request = make().await?;
            let sent = OffsetDateTime::now_utc();
            let reply = self.send(request).await?;
            match reply.status {
                200 => Lent::parse(&reply.body, sent).map_err(|error| self.strange(error)),
                _ => Err(self.refused(&reply)),
            }
        })
        .await
    }

    /// As Cloud Shell is asked.
    pub(super) async fn lent_to_form(&self, url: &Url, resource: &str) -> Result<AccessToken> {
        let form = Serializer::new(String::new())
            .append_pair("resource", resource)
            .finish();
        let lent = self.lent(|| {
            Request::new(Method::POST, url.clone())
                .header(METADATA, "true")
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.clone())
        });
        Ok(lent.await?.token())
    }

    /// One answer, of any status.
    pub(super) async fn send(&self, request: Request) -> Result<Reply> {
        self.send_within(LIMIT, request).await
    }

    async fn send_within(&self, limit: Duration, request: Request) -> Result<Reply> {
        let step = Step::AcquireToken;
        let request = request.limited(limit);
        let sent = self
            .transport
            .send(step, &self.host, request, AnswerKind::TOKEN);
        tokio::time::timeout(limit, sent).await.unwrap_or_else(|_| {
            let message = format!("{} gave no answer within {} s", self.host, limit.as_secs());
            Err(Error::new(ErrorKind::Network, step, message).with_host(&self.host))
        })
    }

    pub(super) fn refused(&self, reply: &Reply) -> Error {
        let refusal = Refusal::read(reply);
        let says_nothing = refusal.says_nothing();
        let error = refusal.error(&self.host, reply);
        match reply.status {
            // Also without a word: nobody else says that.
            410 if self.is_late => error.with_retry_after(UPDATE_PAUSE),
            _ if says_nothing && self.may_be_foreign() => error.with_retry(RetryClass::Unknown),
            404 if self.is_late => error.with_retry(RetryClass::Later),
            _ => error,
        }
    }

    /// The error of an answer that has no token.
    fn strange(&self, error: Error) -> Error {
        let error = error.with_host(&self.host);
        match self.may_be_foreign() {
            true => error.with_retry(RetryClass::Unknown),
            false => error,
        }
    }

    /// Whether a page may be that of whoever else answers at the metadata service's address outside Azure. Where
    /// nobody else is asked for a token, it is repeated all the same.
    fn may_be_foreign(&self) -> bool {
        self.is_late && self.is_hasty && !self.is_known
    }
}

async fn connects(url: &Url) -> std::result::Result<(), String> {
    let address = (
        url.host_str().unwrap_or_default().trim_matches(['[', ']']),
        url.port_or_known_default().unwrap_or(80),
    );
    match tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!(
            "no connection within {} s",
            CONNECT_LIMIT.as_secs()
        )),
    }
}

/// A token that was lent.
pub(super) struct Lent {
    pub(super) secret: Secret,
    pub(super) expires_on: OffsetDateTime,
    pub(super) refresh_on: Option<OffsetDateTime>,
}

#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    expires_on: Option<Seconds>,
    expires_in: Option<Seconds>,
    refresh_in: Option<Seconds>,
}

impl Lent {
    /// Reads an answer that was asked for at `sent`. Some places write times as numbers, some as texts, and
    /// some old ones as dates, beside which they have the seconds.
    fn parse(text: &[u8], sent: OffsetDateTime) -> Result<Self> {
        let strange = |why: &str| {
            let message = format!("the answer ({}) has no token: {why}", body::describe(text));
            Error::new(ErrorKind::Auth, Step::AcquireToken, message)
                .with_http_status(200)
                .with_retry(RetryClass::Later)
        };
        let answer: Answer =
            serde_json::from_slice(text).map_err(|error| strange(&body::json_fault(&error)))?;
        let token = answer.access_token.filter(|token| !token.is_empty());
        let expires_on = answer.expires_on.as_ref().and_then(Seconds::since_1970);
        let expires_in = answer.expires_in.as_ref().and_then(|it| it.after(sent));
        let expires_on = match (expires_on, expires_in) {
            // This machine's clock is ahead: what has just been lent has not expired.
            (Some(at), Some(by_life)) if at <= sent => Some(by_life),
            // Either may be of a token that had been lent before.
            (Some(at), Some(by_life)) => Some(at.min(by_life)),
            (at, by_life) => at.or(by_life),
        };
        Ok(Self {
            secret: token
                .ok_or_else(|| strange("it has no access_token"))?
                .into(),
            expires_on: expires_on.ok_or_else(|| strange("it does not say when it expires"))?,
            refresh_on: answer.refresh_in.and_then(|seconds| seconds.after(sent)),
        })
    }

    pub(super) fn token(self) -> AccessToken {
        let token = AccessToken::new(self.secret, Some(self.expires_on));
        match self.refresh_on {
            Some(at) => token.with_refresh_on(at),
            None => token,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Lent> {
        Lent::parse(text.as_bytes(), OffsetDateTime::UNIX_EPOCH)
    }

    fn lender(is_hasty: bool) -> Lender {
        let place = Place::VirtualMachine(Url::parse("http://127.0.0.1:9").unwrap());
        Lender::new(Transport::new(&[], 1).unwrap(), &place, is_hasty)
    }

    fn refused(status: u16, body: &'static str, is_hasty: bool) -> RetryClass {
        lender(is_hasty).refused(&Reply::of(status, body)).retry()
    }

    /// A busy service answers without a word, as whoever else does there.
    #[test]
    fn what_has_said_that_it_is_a_metadata_service_is_not_foreign() {
        let probed = r#"{"error":"invalid_request","error_description":"Required metadata header not specified"}"#;
        for (status, body, expected) in [
            (400, probed, RetryClass::Later),
            (400, "<html>", RetryClass::Unknown),
            (403, probed, RetryClass::Unknown),
        ] {
            let mut lender = lender(true);
            lender.learn(&Reply::of(status, body));
            let busy = lender.refused(&Reply::of(503, ""));
            assert_eq!(busy.retry(), expected, "{status} {body}");
        }
    }

    /// Even where another login follows: that would be somebody else.
    #[test]
    fn a_machine_that_is_being_updated_is_waited_for() {
        let says = r#"{"error":"not_found","error_description":"Identity is being updated"}"#;
        for (status, body, is_hasty, expected) in [
            (410, "", true, RetryClass::Later),
            (404, says, true, RetryClass::Later),
            (404, "", true, RetryClass::Unknown),
            (404, "", false, RetryClass::Later),
            (503, says, true, RetryClass::Later),
            (503, "<html>", true, RetryClass::Unknown),
        ] {
            assert_eq!(refused(status, body, is_hasty), expected, "{status} {body}");
        }
    }

    #[test]
    fn times_are_read_in_every_form_that_is_sent() {
        for (times, expected) in [
            (r#""expires_on":"1000""#, 1000),
            (r#""expires_on":1000"#, 1000),
            (r#""expires_on":"1000","expires_in":"5""#, 5),
            (r#""expires_on":"5","expires_in":"1000""#, 5),
            // A clock that is ahead of the machine's.
            (r#""expires_on":"-7","expires_in":"1000""#, 1000),
            (
                r#""expires_on":"9/14/2017 00:00:00 PM +00:00","expires_in":"5""#,
                5,
            ),
            (r#""expires_in":5"#, 5),
        ] {
            let lent = parse(&format!(r#"{{"access_token":"t",{times}}}"#)).unwrap();
            assert_eq!(lent.expires_on.unix_timestamp(), expected, "{times}");
        }
        for text in [
            "",
            "[]",
            "{}",
            r#"{"access_token":"t"}"#,
            r#"{"expires_on":1}"#,
        ] {
            assert!(parse(text).err().unwrap().is_retryable(), "{text}");
        }
    }
}
