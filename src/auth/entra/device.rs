//! The login of a device (RFC 8628): a code that somebody enters elsewhere, and the questions whether that has
//! happened.

use std::time::Duration;

use serde::Deserialize;
use time::OffsetDateTime;
use tokio::time::Instant;
use url::Url;

use super::grant::{Grant, Outcome, strange};
use super::refusal::Refusal;
use super::{Endpoint, Form, Refusable, Sending};
use crate::auth::request::TokenRequest;
use crate::auth::seconds::Seconds;
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::http::body;
use crate::http::host::is_loopback;
use crate::http::transport::Reply;
use crate::secret::{Secret, misleads};

/// Between two questions, unless the service says otherwise (RFC 8628, 3.2).
const INTERVAL: Duration = Duration::from_secs(5);
/// What `slow_down` adds to it, for good (RFC 8628, 3.5).
const SLOWER: Duration = Duration::from_secs(5);
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest pause after questions that were lost.
const LONGEST: Duration = Duration::from_secs(60);
/// How long a code is valid whose answer does not say so.
const LIFE: Duration = Duration::from_secs(900);
/// No code is valid for longer.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3600);

/// A code for the user, and one for the questions.
pub(in crate::auth) struct DeviceGrant {
    pub(in crate::auth) device_code: Secret,
    pub(in crate::auth) user_code: Secret,
    /// Where the user enters it.
    pub(in crate::auth) url: String,
    /// For people, in their language.
    pub(in crate::auth) message: String,
    pub(in crate::auth) expires_on: OffsetDateTime,
    pub(in crate::auth) life: Duration,
    pub(in crate::auth) interval: Duration,
}

#[derive(Deserialize)]
struct Answer {
    device_code: Option<String>,
    user_code: Option<String>,
    #[serde(alias = "verification_url")]
    verification_uri: Option<String>,
    expires_in: Option<Seconds>,
    interval: Option<Seconds>,
    message: Option<String>,
}

impl DeviceGrant {
    fn read(reply: &Reply, host: &str, sent: OffsetDateTime) -> Result<Self> {
        match reply.status {
            200..=299 => Self::parse(&reply.body, sent),
            _ => Err(Refusal::read(reply).error(host, reply)),
        }
    }

    pub(super) fn parse(text: &[u8], sent: OffsetDateTime) -> Result<Self> {
        let answer: Answer = serde_json::from_slice(text)
            .map_err(|error| strange(text, &body::json_fault(&error)))?;
        let filled = |value: Option<String>, name: &str| {
            let value = value.map(printable).filter(|value| !value.is_empty());
            value.ok_or_else(|| strange(text, &format!("it has no {name}")))
        };
        let url = filled(answer.verification_uri, "verification_uri")?;
        if !is_page(&url) {
            return Err(strange(text, "its verification_uri is no https address"));
        }
        let user_code = filled(answer.user_code, "user_code")?;
        let message = answer.message.map(printable).filter(|it| !it.is_empty());
        let message = message
            .unwrap_or_else(|| format!("To sign in, open {url} and enter the code {user_code}."));
        let of = |seconds: Option<Seconds>| seconds.and_then(|it| it.duration());
        let life = of(answer.expires_in).unwrap_or(LIFE).min(LONGEST_LIFE);
        let interval = of(answer.interval).unwrap_or(INTERVAL);
        Ok(Self {
            device_code: Secret::from(filled(answer.device_code, "device_code")?),
            user_code: Secret::from(user_code),
            url,
            message,
            expires_on: sent.saturating_add(time::Duration::try_from(life).unwrap_or_default()),
            life,
            interval: interval.clamp(SHORTEST, LONGEST_LIFE),
        })
    }
}

/// On one line, and without what a terminal takes for orders or what shows another text than the one that is there.
/// Some scripts need their joiners.
fn printable(text: String) -> String {
    let shown = |c: char| match c {
        '\u{200c}' | '\u{200d}' => Some(c),
        _ if !misleads(c) => Some(c),
        _ => (c.is_control() || c.is_whitespace()).then_some(' '),
    };
    let plain: String = text.chars().filter_map(shown).collect();
    plain.trim().to_owned()
}

/// Whether people may be sent there.
fn is_page(text: &str) -> bool {
    let url = Url::parse(text).ok();
    url.is_some_and(|url| match url.scheme() {
        "https" => url.has_host(),
        "http" => is_loopback(url.host_str().unwrap_or_default()),
        _ => false,
    })
}

impl Refusable for DeviceGrant {
    fn map_refusal(self, _: impl FnOnce(Error) -> Error) -> Self {
        self
    }
}

/// What the service says of a code.
pub(in crate::auth) enum Poll {
    Granted(Grant),
    /// Nobody has entered it yet.
    Pending,
    /// The same, and the questions come too fast.
    SlowDown,
}

impl Poll {
    fn of(outcome: Outcome) -> Result<Self> {
        let (refusal, error) = match outcome {
            Outcome::Granted(grant) => return Ok(Self::Granted(grant)),
            Outcome::Refused(refusal, error) => (refusal, error),
        };
        match (refusal.error.as_deref(), refusal.number) {
            (Some("slow_down"), _) => Ok(Self::SlowDown),
            (Some("authorization_pending"), _) | (_, Some(70016)) => Ok(Self::Pending),
            _ => Err(error),
        }
    }
}

impl Endpoint {
    /// The endpoint of the tenant that gives codes to devices.
    pub(in crate::auth) fn device_code(request: &TokenRequest, tenant: &str) -> Result<Self> {
        Self::new(request, tenant, "devicecode")
    }

    pub(in crate::auth) async fn device_grant(
        &self,
        form: impl Fn() -> Result<Form> + Send + Sync,
    ) -> Result<DeviceGrant> {
        let read = |reply: &Reply, at| DeviceGrant::read(reply, &self.host, at);
        self.send(Sending::Repeatable, form, read).await
    }

    /// One question about a code.
    pub(in crate::auth) async fn poll(&self, form: Form) -> Result<Poll> {
        let read = |reply: &Reply, at| Outcome::read(reply, &self.host, at);
        let asked = self.ask(Sending::Repeatable, form, &read).await;
        asked.and_then(Poll::of)
    }
}

/// Asks again and again until the code is used, refused, or over.
pub(in crate::auth) async fn wait_for_user<F>(
    code: &DeviceGrant,
    ask: impl Fn() -> F + Send + Sync,
) -> Result<Grant>
where
    F: Future<Output = Result<Poll>> + Send,
{
    let end = Instant::now() + code.life;
    let mut interval = code.interval;
    let (mut pause, mut shortest) = (interval, interval);
    loop {
        // One question more before the end, where only losses have made the pause longer.
        if Instant::now() + pause >= end {
            pause = shortest;
        }
        if Instant::now() + pause >= end {
            tokio::time::sleep_until(end).await;
            return Err(expired());
        }
        tokio::time::sleep(pause).await;
        match ask().await {
            Ok(Poll::Granted(grant)) => return Ok(grant),
            Ok(Poll::Pending) => (pause, shortest) = (interval, interval),
            Ok(Poll::SlowDown) => {
                interval = interval.saturating_add(SLOWER);
                (pause, shortest) = (interval, interval);
            }
            Err(error) if error.retry() == RetryClass::Later => {
                shortest = interval.max(error.retry_after().unwrap_or_default());
                pause = pause.saturating_mul(2).min(LONGEST).max(shortest);
            }
            Err(error) => return Err(error),
        }
    }
}

fn expired() -> Error {
    let message = "nobody has entered the code within its time: begin the login again";
    Error::new(ErrorKind::Auth, Step::AcquireToken, message).with_service_code("expired_token")
}

#[cfg(test)]
mod tests;
