//! `kusto_result`: the receipt of data that was handed over.

use std::ffi::c_char;
use std::sync::OnceLock;

use crate::error::kusto_error;
use crate::text::{CText, lend_optional};
use crate::{guard, handle, kusto_bool};
use kusto_ingest::ingest::{Receipt, UpdatePolicy};

/// Proof that data was handed over. Unless it was streamed (kusto_result_route), it is not ingested yet: the service
/// batches. Immutable.
pub struct kusto_result {
    receipt: Receipt,
    /// Written when somebody asks for it: few programs store it.
    token: OnceLock<CText>,
    client_request_id: CText,
    items: Vec<Item>,
    bytes_raw: u64,
    bytes_sent: u64,
    fallback_cause: Option<kusto_error>,
    update_policy: Option<UpdatePolicyTexts>,
}

struct UpdatePolicyTexts {
    status: CText,
    code: Option<CText>,
    reason: Option<CText>,
}

struct Item {
    source_id: CText,
    blob: CText,
    format: CText,
    format_assumed: bool,
}

impl UpdatePolicyTexts {
    fn new(policy: &UpdatePolicy) -> Self {
        let text = |text: &Option<String>| text.as_deref().map(CText::new);
        Self {
            status: CText::new(policy.status.as_str()),
            code: text(&policy.failure_code),
            reason: text(&policy.failure_reason),
        }
    }
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
            fallback_cause: receipt.fallback_cause().cloned().map(kusto_error::new),
            update_policy: receipt.update_policy().map(UpdatePolicyTexts::new),
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
/// made. The ids of its requests begin with it; where the library made it, those of streaming requests begin with
/// "KRC.executeStreamingIngest;" or "KRC.executeManagedStreamingIngest;" and the source id.
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

/// The address of an item's blob, without its signature; empty for data that was streamed from this program.
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

/// Bytes that were uploaded or streamed, after compression.
///
/// Ownership: the result is borrowed.
/// Threads: any.
/// Failure: returns 0 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_result_bytes_sent(result: *const kusto_result) -> u64 {
    result.as_ref().map_or(0, |result| result.bytes_sent)
}

/// How the data got to the service: KUSTO_ROUTE_*. Streamed data is ingested when the call returns.
///
/// Ownership: the result is borrowed.
/// Threads: any.
/// Failure: returns 0 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_result_route(result: *const kusto_result) -> i32 {
    result
        .as_ref()
        .map_or(0, |result| result.receipt.route() as i32)
}

/// How many streaming requests were sent; 0 when none was tried.
///
/// Ownership: the result is borrowed.
/// Threads: any.
/// Failure: returns 0 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_result_attempts(result: *const kusto_result) -> u32 {
    result
        .as_ref()
        .map_or(0, |result| result.receipt.attempts())
}

/// Why managed ingestion queued data that it would have streamed: the error of this call's last streaming request, or
/// that of an earlier call because of which the table is not tried for a while.
///
/// Ownership: the error is borrowed from the result: do not free it.
/// Threads: any.
/// Failure: NULL for other data, also for what managed ingestion does not try to stream: too large or of unknown size,
/// several blobs, a zip archive, gzip of several members, properties that streaming cannot have, or more than the memory
/// budget can hold now.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_result_fallback_cause(
    result: *const kusto_result,
) -> *const kusto_error {
    let cause = result
        .as_ref()
        .and_then(|result| result.fallback_cause.as_ref());
    cause.map_or(std::ptr::null(), std::ptr::from_ref)
}

/// Whether a request of which nobody knows whether its data was ingested was followed by another one or by the queue, as
/// the setting "in doubt" can ask: the data may be in the table twice.
///
/// Ownership: the result is borrowed.
/// Threads: any.
/// Failure: returns 0 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_result_possibly_duplicated(
    result: *const kusto_result,
) -> kusto_bool {
    let result = result.as_ref();
    result
        .is_some_and(|result| result.receipt.possibly_duplicated())
        .into()
}

/// What the update policy of the table made of streamed data, in the service's words, such as "Inactive" where there is
/// none.
///
/// Ownership: the text is borrowed from the result; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL if the service did not say it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_result_update_policy(
    result: *const kusto_result,
    len: *mut usize,
) -> *const c_char {
    lend_optional(policy_of(result).map(|policy| &policy.status), len)
}

/// Whether the update policy of the table failed on streamed data. That is no failure of the call: the rows are in the
/// table, and what the policy makes of them may not be in the others.
///
/// Ownership: the result is borrowed.
/// Threads: any.
/// Failure: returns 0 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_result_update_policy_failed(
    result: *const kusto_result,
) -> kusto_bool {
    let policy = result
        .as_ref()
        .and_then(|result| result.receipt.update_policy());
    policy.is_some_and(UpdatePolicy::is_failure).into()
}

/// The service's code of that failure; "Unknown" where there is none.
///
/// Ownership: the text is borrowed from the result; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL if the service did not say it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_result_update_policy_code(
    result: *const kusto_result,
    len: *mut usize,
) -> *const c_char {
    lend_optional(
        policy_of(result).and_then(|policy| policy.code.as_ref()),
        len,
    )
}

/// Why it failed, in the service's words.
///
/// Ownership: the text is borrowed from the result; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL if the service did not say it.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_result_update_policy_reason(
    result: *const kusto_result,
    len: *mut usize,
) -> *const c_char {
    lend_optional(
        policy_of(result).and_then(|policy| policy.reason.as_ref()),
        len,
    )
}

/// # Safety
/// `result` is NULL or a handle.
unsafe fn policy_of<'r>(result: *const kusto_result) -> Option<&'r UpdatePolicyTexts> {
    // SAFETY: as promised by the caller.
    unsafe { result.as_ref() }.and_then(|result| result.update_policy.as_ref())
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
