//! The failure and success queues: peeking at messages, and removing them.
//!
//! All clients of the cluster share the queues: a removed message is removed for all of them.
//! [`OutcomeQuery::only`] leaves the messages of other ingestions.

use std::collections::HashSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::ACCEPT;
use serde_json::Value;
use uuid::Uuid;

use super::catalog::{ItemState, Outcome};
use super::report::IngestionStatus;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::http::body::describe;
use crate::http::retry::{RetryPolicy, retry, retry_in_doubt};
use crate::http::storage::{child_url, expect, is_of_service, request, send};
use crate::http::transport::Transport;
use crate::log::events;
use crate::op::Scope;
use crate::post::queue::{Message, XML, messages, messages_url};
use crate::resources::Queue;

/// Azure's limit of messages in one answer.
const MAX_MESSAGES: usize = 32;
/// The statuses of messages that were read, and of one that was deleted.
const READ: u16 = 200;
const DELETED: u16 = 204;
/// How long received messages are hidden from other clients, in seconds.
const VISIBILITY_SECONDS: usize = 30;

/// Which notifications are requested, and how many.
#[derive(Clone, Debug)]
pub struct OutcomeQuery {
    pub(crate) outcome: Outcome,
    limit: usize,
    source_ids: Option<Vec<Uuid>>,
}

impl OutcomeQuery {
    /// Up to 32 notifications of this outcome.
    pub fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            limit: MAX_MESSAGES,
            source_ids: None,
        }
    }

    /// Up to this many.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Only those of these source ids. Taking leaves other messages in the queue, though hidden
    /// from other clients for half a minute; peeking sees only the 32 at the head of each queue.
    #[must_use]
    pub fn only(mut self, source_ids: impl IntoIterator<Item = Uuid>) -> Self {
        self.source_ids = Some(source_ids.into_iter().collect());
        self
    }

    fn wants(&self, item: &IngestionStatus) -> bool {
        match (&self.source_ids, item.source_id) {
            (None, _) => true,
            (Some(wanted), Some(id)) => wanted.contains(&id),
            (Some(_), None) => false,
        }
    }

    /// How many messages to request when `missing` more are needed: the maximum when most of them
    /// are skipped.
    fn batch(&self, missing: usize) -> usize {
        match self.source_ids {
            Some(_) => MAX_MESSAGES,
            None => missing.min(MAX_MESSAGES),
        }
    }

    fn default_state(&self) -> ItemState {
        match self.outcome {
            Outcome::Failures => ItemState::Failed,
            Outcome::Successes => ItemState::Succeeded,
        }
    }
}

/// Peeks at the heads of the queues and removes nothing. Each queue is read once: peeking again
/// returns the same messages.
pub(crate) async fn peek(
    scope: &Scope,
    transport: &Transport,
    queues: &[Queue],
    query: &OutcomeQuery,
) -> Result<Vec<IngestionStatus>> {
    let mut items = Vec::new();
    for queue in queues {
        if items.len() >= query.limit {
            break;
        }
        let peek = [("peekonly", "true"), ("numofmessages", "32")];
        let messages = get(scope, transport, queue, &peek).await?;
        let texts = messages.iter().map(|message| &message.text);
        let found = texts.map(|text| parse(text, query.default_state()));
        items.extend(found.filter(|item| query.wants(item)));
    }
    items.truncate(query.limit);
    Ok(items)
}

/// Receives messages and deletes them. An outage is waited out only while there are none: after an error the items so far are returned instead of the
/// error: no deleted message is lost.
pub(crate) async fn take(
    scope: &Scope,
    transport: &Transport,
    queues: &[Queue],
    query: &OutcomeQuery,
) -> Result<Vec<IngestionStatus>> {
    let mut items: Vec<IngestionStatus> = Vec::new();
    for queue in queues {
        let taken = take_from(scope, transport, queue, query, &mut items).await;
        match taken {
            Ok(()) => {}
            Err(error) if items.is_empty() => return Err(error),
            Err(error) => {
                events::OutcomesEndedEarly {
                    host: error.host().unwrap_or_default(),
                    error: &error,
                }
                .emit();
                break;
            }
        }
    }
    Ok(items)
}

async fn take_from(
    scope: &Scope,
    transport: &Transport,
    queue: &Queue,
    query: &OutcomeQuery,
    items: &mut Vec<IngestionStatus>,
) -> Result<()> {
    let visibility = VISIBILITY_SECONDS.to_string();
    let mut seen = HashSet::new();
    while items.len() < query.limit {
        let count = query.batch(query.limit - items.len()).to_string();
        // A lost answer hides its messages for a while; nothing is deleted.
        let receive = [
            ("numofmessages", &*count),
            ("visibilitytimeout", &visibility),
        ];
        let patience = match items.is_empty() {
            true => scope.patience(),
            false => Duration::ZERO,
        };
        let scope = scope.clone().patient(patience);
        let received = get(&scope, transport, queue, &receive).await?;
        if received.is_empty() {
            return Ok(());
        }
        if !received.iter().all(has_own_address) {
            let message = "the queue holds a message without an id or a receipt";
            let error = Error::new(ErrorKind::Service, Step::ReadOutcomes, message);
            return Err(error.with_host(queue.host()));
        }
        for message in received {
            if !seen.insert(message.id.clone()) {
                // A skipped message is visible again: the whole queue has been read.
                return Ok(());
            }
            let item = parse(&message.text, query.default_state());
            if items.len() < query.limit && query.wants(&item) {
                let deleted = delete(&scope, transport, queue, &message).await;
                if !is_certainly_kept(&deleted) {
                    items.push(item);
                }
                deleted?;
            }
        }
    }
    Ok(())
}

/// Reads messages, with these parameters behind those of the signature.
async fn get(
    scope: &Scope,
    transport: &Transport,
    queue: &Queue,
    parameters: &[(&str, &str)],
) -> Result<Vec<Message>> {
    let (step, host) = (Step::ReadOutcomes, queue.host());
    let mut url = (*messages_url(queue)?).clone();
    url.query_pairs_mut().extend_pairs(parameters);
    retry(scope, step, host, RetryPolicy::ONLY_STORAGE, || async {
        let request = request(Method::GET, url.clone()).header(ACCEPT, XML);
        let reply = send(transport, step, host, request).await?;
        expect(step, host, &reply, READ)?;
        messages(&reply).ok_or_else(|| {
            let message = format!(
                "the queue answered with no list of messages, but with {}",
                describe(&reply.body)
            );
            let error = Error::new(ErrorKind::Service, step, message);
            error.with_host(host).with_http_status(reply.status)
        })
    })
    .await
}

/// Deletes a message. Repeated: a second 404 means that the first request did it.
async fn delete(
    scope: &Scope,
    transport: &Transport,
    queue: &Queue,
    message: &Message,
) -> Result<()> {
    let (step, host) = (Step::ReadOutcomes, queue.host());
    let mut url = child_url(&*messages_url(queue)?, &[&message.id])?;
    url.query_pairs_mut()
        .append_pair("popreceipt", &message.receipt);
    retry_in_doubt(scope, step, host, RetryPolicy::STORAGE, || async {
        let request = request(Method::DELETE, url.clone());
        let reply = send(transport, step, host, request).await?;
        match expect(step, host, &reply, DELETED) {
            Err(_) if reply.status == 404 && is_of_service(&reply) => Ok(()),
            // It may be left of an earlier request on the connection, and this message deleted.
            Err(error) if !is_of_service(&reply) => Err(error.with_in_doubt(true)),
            ended => ended,
        }
    })
    .await
}

/// Whether a deletion meets this message only. One without an id would be for all messages of the
/// queue.
fn has_own_address(message: &Message) -> bool {
    message.has_id() && !message.receipt.is_empty()
}

/// Whether the message is still in its queue. One whose deletion got no answer, or none that shows
/// its result, may be deleted, so the caller receives it: twice is better than never.
fn is_certainly_kept(deleted: &Result<()>) -> bool {
    deleted.as_ref().is_err_and(|error| !error.is_in_doubt())
}

/// Messages are base64 of UTF-8 JSON; plain JSON is read too. Anything else becomes an item whose
/// details are the text, so that it is visible and does not block the queue.
pub(crate) fn parse(text: &str, default_state: ItemState) -> IngestionStatus {
    let decoded = STANDARD
        .decode(text.trim())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .unwrap_or_else(|| text.to_owned());
    match serde_json::from_str::<Value>(decoded.trim_start_matches('\u{feff}')) {
        Ok(Value::Object(object)) => IngestionStatus::from_json(&object, default_state),
        _ => IngestionStatus {
            state: default_state,
            details: Some(crate::secret::redact_beginning(&decoded)),
            ..IngestionStatus::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_base64_utf8_or_plain_and_never_lost() {
        let json =
            r#"{"Details":"größer 表","IngestionSourceId":"7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001"}"#;
        for text in [STANDARD.encode(json), json.to_owned()] {
            let item = parse(&text, ItemState::Failed);
            assert_eq!(item.details.as_deref(), Some("größer 表"));
            assert!(item.source_id.is_some());
        }
        let odd = parse("hello", ItemState::Failed);
        assert_eq!(
            (odd.state, odd.details.as_deref()),
            (ItemState::Failed, Some("hello"))
        );
    }
}
