//! `kusto_result`: the receipt of data that was handed over.

use std::ffi::c_char;
use std::sync::OnceLock;

use crate::text::{CText, lend_optional};
use crate::{guard, handle, kusto_bool};
use kusto_ingest::ingest::Receipt;

/// Proof that data was handed over. It is not ingested yet: the service batches. Immutable.
pub struct kusto_result {
    receipt: Receipt,
    /// Written when somebody asks for it: few programs store it.
    token: OnceLock<CText>,
    client_request_id: CText,
    items: Vec<Item>,
    bytes_raw: u64,
    bytes_sent: u64,
}

struct Item {
    source_id: CText,
    blob: CText,
    format: CText,
    format_assumed: bool,
}

impl kusto_result {
    pub(crate) fn new(receipt: Receipt) -> Self {
        let item = |item: &kusto_ingest::ingest::ReceiptItem| Item {
            source_id: CText::new(item.source_id.to_string()),
            blob: CText::new(item.blob.as_str()),
            format: CText::new(item.format.wire_name()),
            format_assumed: item.format_assumed,
        };
        Self {
            client_request_id: CText::new(receipt.client_request_id()),
            items: receipt.items().iter().map(item).collect(),
            bytes_raw: receipt.bytes_raw(),
            bytes_sent: receipt.bytes_sent(),
            token: OnceLock::new(),
            receipt,
        }
    }

    fn token(&self) -> &CText {
        self.token
            .get_or_init(|| CText::new(self.receipt.tracking_token().to_string()))
    }
}

/// The reference with which kusto_track reads the status. It contains no secret: a program can store
/// it and use it after a restart.
///
/// Ownership: the text is borrowed from the result; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: returns NULL for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_result_tracking_token(
    result: *const kusto_result,
    len: *mut usize,
) -> *const c_char {
    lend_optional(result.as_ref().map(kusto_result::token), len)
}

/// The id of the ingestion in the service's logs: the property `clientRequestId`, or one that the library
/// made. The ids of all its requests begin with it.
///
/// Ownership: the text is borrowed from the result; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: returns NULL for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_result_client_request_id(
    result: *const kusto_result,
    len: *mut usize,
) -> *const c_char {
    lend_optional(result.as_ref().map(|result| &result.client_request_id), len)
}

/// The source id (a UUID) of the first item: the id of the call, unless it listed several blobs.
///
/// Ownership: the text is borrowed from the result; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: returns NULL for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_result_source_id(
    result: *const kusto_result,
    len: *mut usize,
) -> *const c_char {
    kusto_result_item_source_id(result, 0, len)
}

/// The number of items: one, or one for each blob, in their order.
///
/// Ownership: the result is borrowed.
/// Threads: any.
/// Failure: returns 0 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_result_len(result: *const kusto_result) -> usize {
    result.as_ref().map_or(0, |result| result.items.len())
}

/// The source id (a UUID) of an item, under which its outcome is reported.
///
/// Ownership: the text is borrowed from the result; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL if there is no such item.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_result_item_source_id(
    result: *const kusto_result,
    index: usize,
    len: *mut usize,
) -> *const c_char {
    let item = result.as_ref().and_then(|result| result.items.get(index));
    lend_optional(item.map(|item| &item.source_id), len)
}

/// The address of an item's blob, without its signature.
///
/// Ownership: the text is borrowed from the result; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL if there is no such item.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_result_item_blob(
    result: *const kusto_result,
    index: usize,
    len: *mut usize,
) -> *const c_char {
    let item = result.as_ref().and_then(|result| result.items.get(index));
    lend_optional(item.map(|item| &item.blob), len)
}

/// The name of the format under which the service reads an item, such as `csv`.
///
/// Ownership: the text is borrowed from the result; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL if there is no such item.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_result_item_format(
    result: *const kusto_result,
    index: usize,
    len: *mut usize,
) -> *const c_char {
    let item = result.as_ref().and_then(|result| result.items.get(index));
    lend_optional(item.map(|item| &item.format), len)
}

/// Whether an item's format is only the default: none was given, and neither the source's name nor the
/// mapping says one.
///
/// Ownership: the result is borrowed.
/// Threads: any.
/// Failure: 0 if there is no such item.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_result_item_format_assumed(
    result: *const kusto_result,
    index: usize,
) -> kusto_bool {
    let item = result.as_ref().and_then(|result| result.items.get(index));
    item.is_some_and(|item| item.format_assumed).into()
}

/// Uncompressed bytes of all items whose size is known: counted, or given for data that was compressed
/// already and for blobs.
///
/// Ownership: the result is borrowed.
/// Threads: any.
/// Failure: returns 0 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_result_bytes_raw(result: *const kusto_result) -> u64 {
    result.as_ref().map_or(0, |result| result.bytes_raw)
}

/// Bytes that were uploaded, after compression.
///
/// Ownership: the result is borrowed.
/// Threads: any.
/// Failure: returns 0 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_result_bytes_sent(result: *const kusto_result) -> u64 {
    result.as_ref().map_or(0, |result| result.bytes_sent)
}

/// Frees a result, with its texts.
///
/// Ownership: takes the result; NULL is allowed.
/// Threads: any, once the result is no longer in use.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_result_free(result: *mut kusto_result) {
    guard::value((), || drop(handle::take(result)));
}
