//! The result of a call that handed data over.

use uuid::Uuid;

use crate::error::Error;
use crate::props::DataFormat;
use crate::track::{Route, TrackingToken};

/// Proof that data was handed over to the service. Unless it was [streamed](Receipt::route), it is not ingested yet:
/// the service batches. [`Receipt::tracking_token`] is for reading its status.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub(crate) items: Vec<ReceiptItem>,
    pub(crate) token: TrackingToken,
    pub(crate) client_request_id: String,
    /// Boxed: most receipts have none.
    pub(crate) streaming: Option<Box<StreamingNotes>>,
}

/// What a receipt says about streaming.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamingNotes {
    pub(crate) attempts: u32,
    pub(crate) update_policy: Option<UpdatePolicy>,
    pub(crate) possibly_duplicated: bool,
    pub(crate) fallback_cause: Option<Error>,
}

/// What an update policy of the table made of streamed data, in the service's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdatePolicy {
    /// Its status, such as `Inactive` where the table has none.
    pub status: String,
    /// The code of its failure; `Unknown` where there is none.
    pub failure_code: Option<String>,
    /// Why it failed.
    pub failure_reason: Option<String>,
}

impl UpdatePolicy {
    /// Whether it failed: the rows are in the table, and what the policy makes of them may not be in the others.
    pub fn is_failure(&self) -> bool {
        let says = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        self.status.eq_ignore_ascii_case("failed") || says(&self.failure_reason)
    }
}

/// One item of a call: the source, or one for each blob.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiptItem {
    /// The id under which the outcome is reported.
    pub source_id: Uuid,
    /// The blob's address, without its signature; empty for data that was streamed: it is in no blob.
    pub blob: String,
    /// Uncompressed size in bytes, when it was counted or given: never read from compressed data.
    pub bytes_raw: Option<u64>,
    /// Bytes that were uploaded or streamed; 0 for blobs that were already in storage.
    pub bytes_sent: u64,
    /// The format under which the service reads the data.
    pub format: DataFormat,
    /// Whether that is only the default: no format was given, and neither the source's name nor the
    /// mapping says one.
    pub format_assumed: bool,
}

impl Receipt {
    /// The same, with what is said about streaming.
    pub(super) fn with_notes(mut self, notes: StreamingNotes) -> Self {
        self.streaming = Some(Box::new(notes));
        self
    }

    /// The items, in the order of the sources; at least one.
    pub fn items(&self) -> &[ReceiptItem] {
        &self.items
    }

    /// The source id of the first item: the id of the call, unless it listed several blobs.
    pub fn source_id(&self) -> Uuid {
        self.items
            .first()
            .map(|item| item.source_id)
            .unwrap_or_default()
    }

    /// The id of the ingestion in the service's logs: the one of the properties, or the library's. The ids of
    /// its requests begin with it.
    pub fn client_request_id(&self) -> &str {
        &self.client_request_id
    }

    /// The reference for reading the status.
    pub fn tracking_token(&self) -> &TrackingToken {
        &self.token
    }

    /// How the data got to the service.
    pub fn route(&self) -> Route {
        self.token.route()
    }

    /// How many streaming requests were sent; 0 when none was tried.
    pub fn attempts(&self) -> u32 {
        self.streaming.as_ref().map_or(0, |notes| notes.attempts)
    }

    /// Why managed ingestion queued data that it would have streamed: the error of this call's last streaming
    /// request, or that of an earlier call because of which the table is not tried for a while. `None` for what was
    /// decided without a request: data that is too large to be streamed, has properties that cannot be, is a zip archive
    /// or gzip of several members, is several blobs or one of unknown size, or met a memory budget that was spent.
    pub fn fallback_cause(&self) -> Option<&Error> {
        self.streaming.as_ref()?.fallback_cause.as_ref()
    }

    /// What the update policy of the table made of streamed data, if the service said it. A failure of it is no
    /// error of the call: the rows are in the table.
    pub fn update_policy(&self) -> Option<&UpdatePolicy> {
        self.streaming.as_ref()?.update_policy.as_ref()
    }

    /// Whether a request of which nobody knows whether its data was ingested was followed by another one or by the
    /// queue, as [`InDoubt`](crate::props::InDoubt) can ask: the data may be in the table twice.
    pub fn possibly_duplicated(&self) -> bool {
        self.streaming
            .as_ref()
            .is_some_and(|notes| notes.possibly_duplicated)
    }

    /// Uncompressed bytes of all items whose size is known.
    pub fn bytes_raw(&self) -> u64 {
        self.items.iter().filter_map(|item| item.bytes_raw).sum()
    }

    /// Bytes uploaded or streamed for all items.
    pub fn bytes_sent(&self) -> u64 {
        self.items.iter().map(|item| item.bytes_sent).sum()
    }
}
