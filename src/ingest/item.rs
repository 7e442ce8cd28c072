//! The items of an ingestion: one message each, and one line of its receipt.

use std::sync::atomic::{AtomicBool, Ordering};

use uuid::Uuid;

use super::data::MAX_RAW_BYTES;
use super::receipt::{Receipt, ReceiptItem};
use crate::error::{Error, ErrorKind, Result, Step};
use crate::log::events;
use crate::props::{DataFormat, IngestionProperties};
use crate::resources::IngestionResources;
use crate::secret::Secret;
use crate::source::{BlobSource, Compression, form};
use crate::track::TrackingToken;
use crate::upload::blob_in;

/// A format, and whether it is only the default.
#[derive(Clone, Copy)]
pub(super) struct Resolved {
    pub(super) format: DataFormat,
    pub(super) assumed: bool,
}

/// Decides formats, for one client.
#[derive(Debug, Default)]
pub(crate) struct Formats {
    /// Whether the log says already that the default format was used.
    said_default: AtomicBool,
}

impl Formats {
    /// The format of data with this name. The service believes the declaration: a name that says
    /// another form is refused, and the default is said once.
    pub(super) fn resolve(
        &self,
        props: &IngestionProperties,
        name: &str,
        compression: Option<Compression>,
    ) -> Result<Resolved> {
        let known = props.known_format(name);
        form::check_name(name, known, compression)?;
        let format = known.unwrap_or_default();
        props.check_format(format)?;
        let assumed = known.is_none();
        if assumed && !self.said_default.swap(true, Ordering::Relaxed) {
            events::FormatAssumed {
                format: format.wire_name(),
            }
            .emit();
        }
        Ok(Resolved { format, assumed })
    }

    /// The items of blobs, of which there must be one at least.
    pub(super) fn blob_items(
        &self,
        blobs: Vec<BlobSource>,
        props: &IngestionProperties,
    ) -> Result<Vec<Item>> {
        if blobs.is_empty() {
            return Err(Error::invalid_argument("source", "names no blob"));
        }
        let items = blobs.into_iter().map(|blob| self.blob_item(blob, props));
        items.collect()
    }

    fn blob_item(&self, blob: BlobSource, props: &IngestionProperties) -> Result<Item> {
        let path = blob.url.redacted().to_owned();
        let format = self.resolve(props, &path, None);
        let format = format.map_err(|error| naming(Some(&path), error))?;
        if let Some(size) = blob.raw_size.filter(|size| *size > MAX_RAW_BYTES)
            && !props.ignore_size_limit()
        {
            return Err(Error::new(
                ErrorKind::TooLarge,
                Step::CheckArguments,
                format!("{path} has {size} bytes, the service accepts {MAX_RAW_BYTES} per source"),
            )
            .with_argument("source"));
        }
        Ok(Item {
            source_id: blob.id.unwrap_or_else(Uuid::new_v4),
            blob: Secret::new(blob.url.expose()),
            blob_path: path,
            bytes_raw: blob.raw_size,
            bytes_sent: 0,
            format,
        })
    }
}

/// An error of the source's content names the file or the blob.
pub(super) fn naming(source: Option<&str>, error: Error) -> Error {
    let is_content = matches!(error.step(), Step::ReadSource | Step::Compress)
        || error.argument() == Some("source");
    match source {
        Some(source) if is_content => error.about(source),
        _ => error,
    }
}

/// The blob of one message, or what was streamed.
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
    let token = TrackingToken::new(props.database(), props.table(), status_table, ids(&items));
    with_token(props, items, token)
}

/// What the caller gets for items that were all streamed.
pub(super) fn streamed(props: &IngestionProperties, items: Vec<Item>) -> Receipt {
    let token = TrackingToken::streamed(props.database(), props.table(), ids(&items));
    with_token(props, items, token)
}

fn ids(items: &[Item]) -> Vec<Uuid> {
    items.iter().map(|item| item.source_id).collect()
}

fn with_token(props: &IngestionProperties, items: Vec<Item>, token: TrackingToken) -> Receipt {
    let first = items.first().map(|item| item.source_id).unwrap_or_default();
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
        streaming: None,
    }
}

/// The error when only the first `done` of them were.
pub(super) fn partial(items: &[Item], done: usize, cause: Error) -> Error {
    let step = match cause.step() {
        Step::StreamData => Step::StreamData,
        _ => Step::PostMessage,
    };
    let in_doubt = cause.is_in_doubt();
    let was_not = if in_doubt { "may have been" } else { "was not" };
    Error::new(
        ErrorKind::Partial,
        step,
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
