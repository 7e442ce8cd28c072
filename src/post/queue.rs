//! Posting a message to one of the input queues.
//!
//! Delivery is at least once: the service may process one message twice, and this module may post
//! one twice when that is safe. A post whose outcome is in doubt is repeated only when the
//! properties make ingestion idempotent (`ingest-by:` tag with `ingestIfNotExists`); otherwise the
//! error reports the doubt and the caller decides.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE};

use crate::error::{Error, ErrorKind, Result, Step};
use crate::http::retry::{
    Patience, RetryPolicy, is_unreachable, last, remember, retry_in_doubt, retry_until_in_doubt,
};
use crate::http::storage::{child_url, expect, inconclusive, is_of_service, request, send};
use crate::http::transport::{Reply, Transport};
use crate::http::xml;
use crate::log::events;
use crate::op::Scope;
use crate::resources::{Queue, Ranking};

/// Queues that are tried for one message, as in the official SDKs.
const MAX_QUEUES: usize = 3;

/// Posts `text` to the first of `queues`, best first, that takes it.
pub(crate) async fn post(
    scope: &Scope,
    transport: &Transport,
    queues: &[Queue],
    ranking: &Ranking,
    text: &str,
    idempotent: bool,
) -> Result<()> {
    let mut failed = Failed::default();
    let mut patience = Patience::new();
    let mut scope = scope.clone();
    loop {
        for queue in queues.iter().take(MAX_QUEUES) {
            let Err(error) = post_to(&scope, transport, queue, text, idempotent).await else {
                ranking.record(queue.account(), true);
                return Ok(());
            };
            patience.begin();
            ranking.record(queue.account(), false);
            events::PostFailed {
                host: queue.host(),
                error: &error,
            }
            .emit(scope.repeats());
            let stop =
                (error.is_in_doubt() && !idempotent) || scope.check(Step::PostMessage).is_err();
            failed.add(error);
            if stop {
                return Err(failed.summary());
            }
        }
        let round = queues.len().min(MAX_QUEUES);
        match Box::pin(failed.wait(&scope, &mut patience, round)).await {
            Ok(true) => scope = scope.repeating(),
            Ok(false) => return Err(failed.summary()),
            Err(stopped) => {
                failed.add(stopped);
                return Err(failed.summary());
            }
        }
    }
}

/// The queues that failed.
#[derive(Default)]
struct Failed {
    errors: Vec<Error>,
    in_doubt: bool,
}

impl Failed {
    fn add(&mut self, error: Error) {
        self.in_doubt |= error.is_in_doubt();
        remember(&mut self.errors, error);
    }

    /// Pauses before another round; the last one had `round` errors. None follows when no queue could
    /// be reached: there may be others by now.
    async fn wait(&self, scope: &Scope, patience: &mut Patience, round: usize) -> Result<bool> {
        let round = last(&self.errors, round);
        if !self.in_doubt && round.iter().all(is_unreachable) {
            return Ok(false);
        }
        let host = round.last().and_then(Error::host).unwrap_or_default();
        patience.wait(scope, Step::PostMessage, host, round).await
    }

    fn summary(mut self) -> Error {
        match self.errors.pop() {
            None => Error::new(
                ErrorKind::Service,
                Step::FetchIngestionResources,
                "the service returned no queue to post to",
            ),
            Some(last) => last.with_in_doubt(self.in_doubt).after(self.errors),
        }
    }
}

async fn post_to(
    scope: &Scope,
    transport: &Transport,
    queue: &Queue,
    text: &str,
    idempotent: bool,
) -> Result<()> {
    let host = queue.host();
    let step = Step::PostMessage;
    let url = messages_url(queue)?;
    let body = Bytes::from(body(text));
    let put = || async {
        let request = request(Method::POST, url.clone())
            .fixed(ACCEPT, XML)
            .fixed(CONTENT_TYPE, XML)
            .body(body.clone())
            .once();
        let reply = send(transport, step, host, request).await?;
        match expect(step, host, &reply, CREATED) {
            Ok(()) => check_stored(host, &reply),
            // On a new connection a refusal of nobody is a gateway's that passed nothing on. On a
            // used one it may be left of an earlier request, and this one stored.
            Err(error) if reply.is_on_used_connection && !is_of_service(&reply) => {
                Err(error.with_in_doubt(true))
            }
            Err(error) => Err(error),
        }
    };
    let policy = RetryPolicy::STORAGE;
    if idempotent {
        retry_in_doubt(scope, step, host, policy, put).await
    } else {
        retry_until_in_doubt(scope, step, host, policy, put).await
    }
}

/// What is sent: the text, in which base64 leaves nothing to escape.
fn body(text: &str) -> String {
    debug_assert!(!text.contains(['<', '>', '&']));
    let (open, close) = (
        "<QueueMessage><MessageText>",
        "</MessageText></QueueMessage>",
    );
    [xml::PROLOG, open, text, close].concat()
}

/// The service answers with the message that it stored.
fn check_stored(host: &str, reply: &Reply) -> Result<()> {
    let body = std::str::from_utf8(&reply.body).unwrap_or_default();
    if xml::is_a(body, LIST) && xml::has(body, "QueueMessage", "MessageId") {
        return Ok(());
    }
    let error = inconclusive(
        Step::PostMessage,
        host,
        "the answer names no stored message",
    );
    Err(error.with_http_status(reply.status))
}

/// The status of a message that was stored.
const CREATED: u16 = 201;

/// The outermost element of messages.
const LIST: &str = "QueueMessagesList";

/// What the queue service speaks.
pub(crate) const XML: &str = "application/xml";

/// The address of a queue's messages.
pub(crate) fn messages_url(queue: &Queue) -> Result<Arc<url::Url>> {
    match queue.messages() {
        Some(url) => Ok(url.shared()),
        // With the reason.
        None => child_url(queue.url().expose(), &["messages"]).map(Arc::new),
    }
}

/// A message in an answer of the queue service; what it does not hold is empty.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) receipt: String,
    pub(crate) text: String,
}

impl Message {
    /// Whether it has an id that names this message in an address, and nothing else: `.` and `..` do
    /// not, and an address loses its tabs and line breaks. (The service's are UUIDs.)
    pub(crate) fn has_id(&self) -> bool {
        let id = self.id.as_str();
        !["", ".", ".."].contains(&id) && id.bytes().all(|byte| byte.is_ascii_graphic())
    }
}

/// The messages of an answer; `None` when it is no list of messages.
pub(crate) fn messages(reply: &Reply) -> Option<Vec<Message>> {
    let body = std::str::from_utf8(&reply.body).ok()?;
    let read = |members: xml::Members| {
        let mut message = Message::default();
        for (name, text) in members {
            match name.as_str() {
                "MessageId" => message.id = text,
                "PopReceipt" => message.receipt = text,
                "MessageText" => message.text = text,
                _ => {}
            }
        }
        message
    };
    if !xml::is_a(body, LIST) {
        return None;
    }
    let records = xml::records(body, "QueueMessage")?;
    Some(records.into_iter().map(read).collect())
}
