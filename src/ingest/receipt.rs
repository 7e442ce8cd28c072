//! The result of a call that handed data over.

use uuid::Uuid;

use crate::props::DataFormat;
use crate::track::TrackingToken;

/// Proof that data was handed over to the service. It is not ingested yet: the service batches.
/// [`Receipt::tracking_token`] is for reading its status.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    pub(crate) items: Vec<ReceiptItem>,
    pub(crate) token: TrackingToken,
    pub(crate) client_request_id: String,
}

/// One item of a call: the source, or one for each blob.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceiptItem {
    /// The id under which the outcome is reported.
    pub source_id: Uuid,
    /// The blob's address, without its signature.
    pub blob: String,
    /// Uncompressed size in bytes, when it was counted or given: never read from compressed data.
    pub bytes_raw: Option<u64>,
    /// Bytes that were uploaded; 0 for blobs that were already in storage.
    pub bytes_sent: u64,
    /// The format under which the service reads the data.
    pub format: DataFormat,
    /// Whether that is only the default: no format was given, and neither the source's name nor the
    /// mapping says one.
    pub format_assumed: bool,
}

impl Receipt {
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

    /// Uncompressed bytes of all items whose size is known.
    pub fn bytes_raw(&self) -> u64 {
        self.items.iter().filter_map(|item| item.bytes_raw).sum()
    }

    /// Bytes uploaded for all items.
    pub fn bytes_sent(&self) -> u64 {
        self.items.iter().map(|item| item.bytes_sent).sum()
    }
}
