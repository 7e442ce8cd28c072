//! The queue service: messages that are taken for a while and deleted with a receipt.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::{Response, StatusCode};
use time::OffsetDateTime;
use uuid::Uuid;

use super::content::read_limited;
use super::error::StorageError;
use super::http_date;
use super::request::Call;
use super::xml::{self, Document};
use crate::http::{Body, RequestBody, empty, set, typed};
use crate::services::StorageOperation;

/// Azure's limit of a message's text, in bytes.
const MESSAGE_LIMIT: usize = 64 << 10;
/// XML escaping makes a character up to six bytes; the element names come on top.
const BODY_LIMIT: usize = 6 * MESSAGE_LIMIT + 4096;
const WEEK: i64 = 7 * 24 * 3600;
const MOST_MESSAGES: i64 = 32;
/// "Never" in the time stamps of the service.
const NEVER: OffsetDateTime = time::macros::datetime!(9999-12-31 23:59:59 UTC);

/// All queues of one account.
pub(crate) struct QueueService {
    queues: Mutex<HashMap<String, Queue>>,
}

/// One queue's messages in the order of their arrival.
struct Queue {
    messages: VecDeque<Message>,
    /// No message expires before this, so that calls need not look at all of them.
    first_expiry: OffsetDateTime,
}

struct Message {
    id: Uuid,
    text: String,
    inserted: OffsetDateTime,
    expires: OffsetDateTime,
    visible: OffsetDateTime,
    receipt: String,
    dequeued: u32,
}

impl Queue {
    fn empty() -> Self {
        Self {
            messages: VecDeque::new(),
            first_expiry: NEVER,
        }
    }

    fn push(&mut self, message: Message) {
        self.first_expiry = self.first_expiry.min(message.expires);
        self.messages.push_back(message);
    }

    fn drop_expired(&mut self, now: OffsetDateTime) {
        if now < self.first_expiry {
            return;
        }
        self.messages.retain(|message| message.expires > now);
        let expiries = self.messages.iter().map(|message| message.expires);
        self.first_expiry = expiries.min().unwrap_or(NEVER);
    }
}

impl Message {
    fn is_visible(&self, now: OffsetDateTime) -> bool {
        self.visible <= now
    }
}

type Reply = Result<Response<Body>, StorageError>;

impl QueueService {
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let queues = names
            .map(|name| (name.to_owned(), Queue::empty()))
            .collect();
        Self {
            queues: Mutex::new(queues),
        }
    }

    pub(crate) async fn handle(&self, call: &Call<'_>, body: &mut RequestBody) -> Reply {
        let (what, id) = call.rest.split_once('/').unwrap_or((call.rest, ""));
        match call.operation {
            Some(StorageOperation::GetQueueMetadata) => self.metadata(call),
            Some(StorageOperation::PutMessage) => self.put(call, body).await,
            Some(StorageOperation::GetMessages) => self.get(call),
            Some(StorageOperation::PeekMessages) => self.peek(call),
            Some(StorageOperation::ClearMessages) => self.clear(call),
            Some(StorageOperation::DeleteMessage) => self.delete(call, id),
            Some(StorageOperation::UpdateMessage) => self.update(call, id, body).await,
            _ if matches!(what, "" | "messages") => {
                Err(StorageError::not_implemented("this queue operation"))
            }
            _ => Err(StorageError::invalid_uri()),
        }
    }

    /// Runs `action` on the call's queue after the expired messages have left it.
    fn with_queue<T>(
        &self,
        call: &Call<'_>,
        action: impl FnOnce(&mut Queue) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queues
            .get_mut(call.resource)
            .ok_or_else(StorageError::queue_not_found)?;
        queue.drop_expired(call.now);
        action(queue)
    }

    fn metadata(&self, call: &Call<'_>) -> Reply {
        call.permissions.require_any("r")?;
        let count = self.with_queue(call, |queue| Ok(queue.messages.len()))?;
        let mut response = empty(StatusCode::OK);
        set(
            &mut response,
            "x-ms-approximate-messages-count",
            &count.to_string(),
        );
        Ok(response)
    }

    async fn put(&self, call: &Call<'_>, body: &mut RequestBody) -> Reply {
        call.permissions.require_any("a")?;
        let hidden = call.query.number("visibilitytimeout", 0, 0, WEEK)?;
        let lifetime = call
            .query
            .number("messagettl", WEEK, -1, i64::from(i32::MAX))?;
        if lifetime == 0 || (lifetime > 0 && hidden >= lifetime) {
            let (name, value) = if lifetime == 0 {
                ("messagettl", 0)
            } else {
                ("visibilitytimeout", hidden)
            };
            return Err(StorageError::parameter_out_of_range(
                name,
                value.to_string(),
                1,
                WEEK,
            ));
        }
        let text = message_text(body).await?;
        let message = Message {
            id: Uuid::new_v4(),
            text,
            inserted: call.now,
            expires: if lifetime < 0 {
                NEVER
            } else {
                call.now + seconds(lifetime)
            },
            visible: call.now + seconds(hidden),
            receipt: new_receipt(),
            dequeued: 0,
        };
        let reply = list_reply(StatusCode::CREATED, [&message], &["receipt"]);
        self.with_queue(call, |queue| {
            // Before the ingestor can take it: who sees that it was ingested sees it here.
            if let Some(messages) = call.messages {
                messages.note(&message.text);
            }
            queue.push(message);
            Ok(reply)
        })
    }

    fn peek(&self, call: &Call<'_>) -> Reply {
        call.permissions.require_any("r")?;
        let count = count(call)?;
        self.with_queue(call, |queue| {
            let visible = queue
                .messages
                .iter()
                .filter(|message| message.is_visible(call.now));
            Ok(list_reply(StatusCode::OK, visible.take(count), &["text"]))
        })
    }

    fn get(&self, call: &Call<'_>) -> Reply {
        let count = count(call)?;
        call.permissions.require_any("p")?;
        let hidden = seconds(call.query.number("visibilitytimeout", 30, 0, WEEK)?);
        self.with_queue(call, |queue| {
            let mut taken = Vec::new();
            for message in queue
                .messages
                .iter_mut()
                .filter(|m| m.is_visible(call.now))
                .take(count)
            {
                message.visible = call.now + hidden;
                message.receipt = new_receipt();
                message.dequeued += 1;
                taken.push(&*message);
            }
            Ok(list_reply(StatusCode::OK, taken, &["receipt", "text"]))
        })
    }

    fn clear(&self, call: &Call<'_>) -> Reply {
        call.permissions.require_any("p")?;
        self.with_queue(call, |queue| {
            queue.messages.clear();
            Ok(empty(StatusCode::NO_CONTENT))
        })
    }

    fn delete(&self, call: &Call<'_>, id: &str) -> Reply {
        call.permissions.require_any("p")?;
        let receipt = receipt(call)?;
        self.with_queue(call, |queue| {
            let position = find(&queue.messages, id, receipt)?;
            queue.messages.remove(position);
            Ok(empty(StatusCode::NO_CONTENT))
        })
    }

    /// Update Message: a new time of visibility and, with a body, a new text.
    async fn update(&self, call: &Call<'_>, id: &str, body: &mut RequestBody) -> Reply {
        call.permissions.require_any("u")?;
        let receipt = receipt(call)?;
        if call.query.get("visibilitytimeout").is_none() {
            return Err(StorageError::missing_parameter("visibilitytimeout"));
        }
        let hidden = seconds(call.query.number("visibilitytimeout", 0, 0, WEEK)?);
        let has_text = call
            .header("content-length")
            .is_some_and(|length| length != "0");
        let text = if has_text {
            Some(message_text(body).await?)
        } else {
            None
        };
        self.with_queue(call, |queue| {
            let position = find(&queue.messages, id, receipt)?;
            let message = queue
                .messages
                .get_mut(position)
                .ok_or_else(StorageError::message_not_found)?;
            message.visible = call.now + hidden;
            message.receipt = new_receipt();
            if let Some(text) = text {
                message.text = text;
            }
            let mut response = empty(StatusCode::NO_CONTENT);
            set(&mut response, "x-ms-popreceipt", &message.receipt);
            set(
                &mut response,
                "x-ms-time-next-visible",
                &http_date(message.visible),
            );
            Ok(response)
        })
    }
}

/// How many messages a call wants.
fn count(call: &Call<'_>) -> Result<usize, StorageError> {
    let count = call.query.number("numofmessages", 1, 1, MOST_MESSAGES)?;
    Ok(usize::try_from(count).unwrap_or(1))
}

fn seconds(count: i64) -> Duration {
    Duration::from_secs(count.unsigned_abs())
}

/// Letters and digits only, so that it needs no escaping in a query.
fn new_receipt() -> String {
    Uuid::new_v4().simple().to_string()
}

fn receipt<'a>(call: &'a Call<'_>) -> Result<&'a str, StorageError> {
    call.query
        .get("popreceipt")
        .ok_or_else(|| StorageError::missing_parameter("popreceipt"))
}

fn find(messages: &VecDeque<Message>, id: &str, receipt: &str) -> Result<usize, StorageError> {
    let id = Uuid::parse_str(id).map_err(|_| StorageError::message_not_found())?;
    let position = messages.iter().position(|message| message.id == id);
    let position = position.ok_or_else(StorageError::message_not_found)?;
    if messages
        .get(position)
        .is_some_and(|message| message.receipt == receipt)
    {
        Ok(position)
    } else {
        Err(StorageError::pop_receipt_mismatch())
    }
}

async fn message_text(body: &mut RequestBody) -> Result<String, StorageError> {
    let body = read_limited(body, BODY_LIMIT).await.map_err(|error| {
        if error.status == StatusCode::PAYLOAD_TOO_LARGE {
            StorageError::body_too_large(MESSAGE_LIMIT as u64)
        } else {
            error
        }
    })?;
    let body = String::from_utf8(body).map_err(|_| StorageError::invalid_xml())?;
    let text = xml::children(&body, "QueueMessage")?
        .into_iter()
        .find_map(|(name, text)| (name == "MessageText").then_some(text))
        .ok_or_else(StorageError::invalid_xml)?;
    if text.len() > MESSAGE_LIMIT {
        return Err(StorageError::body_too_large(MESSAGE_LIMIT as u64));
    }
    Ok(text)
}

/// A `QueueMessagesList`; receipts and texts only where the operation shows them.
fn list_reply<'a>(
    status: StatusCode,
    messages: impl IntoIterator<Item = &'a Message>,
    shown: &[&str],
) -> Response<Body> {
    let mut document = Document::new();
    document.open("QueueMessagesList");
    for message in messages {
        document.open("QueueMessage");
        document.element("MessageId", &message.id.to_string());
        document.element("InsertionTime", &http_date(message.inserted));
        document.element("ExpirationTime", &http_date(message.expires));
        if shown.contains(&"receipt") {
            document.element("PopReceipt", &message.receipt);
            document.element("TimeNextVisible", &http_date(message.visible));
        }
        if shown.contains(&"text") {
            document.element("DequeueCount", &message.dequeued.to_string());
            document.element("MessageText", &message.text);
        }
        document.close("QueueMessage");
    }
    document.close("QueueMessagesList");
    typed(status, "application/xml", document.finish())
}
