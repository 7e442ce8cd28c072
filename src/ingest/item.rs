//! The items of an ingestion: one message each, and one line of its receipt.

use uuid::Uuid;

use super::receipt::{Receipt, ReceiptItem};
use crate::error::{Error, ErrorKind, Step};
use crate::props::{DataFormat, IngestionProperties};
use crate::resources::IngestionResources;
use crate::secret::Secret;
use crate::track::TrackingToken;
use crate::upload::blob_in;

/// A format, and whether it is only the default.
#[derive(Clone, Copy)]
pub(super) struct Resolved {
    pub(super) format: DataFormat,
    pub(super) assumed: bool,
}

/// The blob of one message.
pub(super) struct Item {
    pub(super) source_id: Uuid,
    /// With the authorization for the service.
    pub(super) blob: Secret,
    /// Without the authorization.
    pub(super) blob_path: String,
    pub(super) bytes_raw: Option<u64>,
    pub(super) bytes_sent: u64,
    pub(super) format: Resolved,
}

impl Item {
    /// The last part of the blob's path.
    pub(super) fn name(&self) -> &str {
        let end = self.blob_path.rsplit_once('/');
        end.map_or(&*self.blob_path, |(_, name)| name)
    }

    /// The blob's address as these resources sign it, if they hold its container.
    pub(super) fn signed_by(&self, lent: &IngestionResources) -> Option<Secret> {
        let mut containers = lent.containers.iter();
        let url = containers.find_map(|container| {
            let url = blob_in(container, self.name()).ok()?;
            (url.redacted() == self.blob_path).then_some(url)
        })?;
        Some(Secret::from(&url))
    }
}

/// What the caller gets for items that were all handed over.
pub(super) fn receipt(
    props: &IngestionProperties,
    status_table: Option<String>,
    items: Vec<Item>,
) -> Receipt {
    let ids: Vec<Uuid> = items.iter().map(|item| item.source_id).collect();
    let first = ids.first().copied().unwrap_or_default();
    let token = TrackingToken::new(props.database(), props.table(), status_table, ids);
    let items = items
        .into_iter()
        .map(|item| ReceiptItem {
            source_id: item.source_id,
            blob: item.blob_path,
            bytes_raw: item.bytes_raw,
            bytes_sent: item.bytes_sent,
            format: item.format.format,
            format_assumed: item.format.assumed,
        })
        .collect();
    Receipt {
        items,
        token,
        client_request_id: props.request_id(first),
    }
}

/// The error when only the first `done` of them were.
pub(super) fn partial(items: &[Item], done: usize, cause: Error) -> Error {
    let in_doubt = cause.is_in_doubt();
    let was_not = if in_doubt { "may have been" } else { "was not" };
    Error::new(
        ErrorKind::Partial,
        Step::PostMessage,
        format!(
            "{done} of {} blobs were handed over, the one with source id {} {was_not}, the rest was \
             not tried",
            items.len(),
            items[done].source_id
        ),
    )
    .with_in_doubt(in_doubt)
    .with_handed_over(items[..done].iter().map(|item| item.source_id).collect())
    .with_attempts(vec![cause])
}
