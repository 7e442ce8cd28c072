//! `kusto_report`: the status of ingestions.

use std::ffi::c_char;
use std::sync::{Arc, OnceLock};

use crate::catalog::KUSTO_RETRY_UNKNOWN;
use crate::guard;
use crate::handle;
use crate::text::{CText, lend_optional};
use kusto_ingest::track::{IngestionStatus, ItemState, Report};

/// The status of ingestions: items, one for each source. Immutable.
pub struct kusto_report {
    report: Arc<Report>,
    items: Vec<Item>,
    json: OnceLock<CText>,
}

struct Item {
    source_id: Option<CText>,
    source_path: Option<CText>,
    database: Option<CText>,
    table: Option<CText>,
    updated_on: Option<CText>,
    operation_id: Option<CText>,
    activity_id: Option<CText>,
    error_code: Option<CText>,
    details: Option<CText>,
}

impl Item {
    fn new(item: &IngestionStatus) -> Self {
        let text = |text: &Option<String>| text.as_deref().map(CText::new);
        Self {
            source_id: item.source_id.map(|id| CText::new(id.to_string())),
            source_path: text(&item.source_path),
            database: text(&item.database),
            table: text(&item.table),
            updated_on: text(&item.updated_on),
            operation_id: text(&item.operation_id),
            activity_id: text(&item.activity_id),
            error_code: text(&item.error_code),
            details: text(&item.details),
        }
    }
}

impl kusto_report {
    pub(crate) fn new(report: Arc<Report>) -> Self {
        Self {
            items: report.items().iter().map(Item::new).collect(),
            report,
            json: OnceLock::new(),
        }
    }
}

/// How many items are in a state, KUSTO_ITEM_*.
///
/// Ownership: the report is borrowed.
/// Threads: any.
/// Failure: 0 for NULL and for an unknown state.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_report_count(report: *const kusto_report, item_state: i32) -> u64 {
    let report = report.as_ref();
    let state = ItemState::from_number(item_state);
    match (report, state) {
        (Some(report), Some(state)) => report.report.count(state) as u64,
        _ => 0,
    }
}

/// How many items there are.
///
/// Ownership: the report is borrowed.
/// Threads: any.
/// Failure: returns 0 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_report_len(report: *const kusto_report) -> usize {
    report.as_ref().map_or(0, |report| report.items.len())
}

/// The state of an item, counted from 0: KUSTO_ITEM_*. Treat a number you do not know as pending.
///
/// Ownership: the report is borrowed.
/// Threads: any.
/// Failure: -1 if there is no such item.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_report_item_state(report: *const kusto_report, index: usize) -> i32 {
    let item = item_of(report, index);
    item.map_or(-1, |(item, _)| item.state as i32)
}

/// Whether ingesting the same data again can succeed: KUSTO_RETRY_*.
///
/// Ownership: the report is borrowed.
/// Threads: any.
/// Failure: KUSTO_RETRY_UNKNOWN if there is no such item.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_report_item_retry(report: *const kusto_report, index: usize) -> i32 {
    let item = item_of(report, index);
    item.map_or(KUSTO_RETRY_UNKNOWN, |(item, _)| item.retry() as i32)
}

/// The source id (a UUID) of the ingestion.
///
/// Ownership: the text is borrowed from the report; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL if there is none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_report_item_source_id(
    report: *const kusto_report,
    index: usize,
    len: *mut usize,
) -> *const c_char {
    lend_text(report, index, |item| &item.source_id, len)
}

/// The address of the item's blob, without its signature.
///
/// Ownership: the text is borrowed from the report; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL if there is none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_report_item_source_path(
    report: *const kusto_report,
    index: usize,
    len: *mut usize,
) -> *const c_char {
    lend_text(report, index, |item| &item.source_path, len)
}

/// The database.
///
/// Ownership: the text is borrowed from the report; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL if there is none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_report_item_database(
    report: *const kusto_report,
    index: usize,
    len: *mut usize,
) -> *const c_char {
    lend_text(report, index, |item| &item.database, len)
}

/// The table.
///
/// Ownership: the text is borrowed from the report; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL if there is none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_report_item_table(
    report: *const kusto_report,
    index: usize,
    len: *mut usize,
) -> *const c_char {
    lend_text(report, index, |item| &item.table, len)
}

/// When the state was reached, in the service's notation (UTC).
///
/// Ownership: the text is borrowed from the report; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL if there is none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_report_item_updated_on(
    report: *const kusto_report,
    index: usize,
    len: *mut usize,
) -> *const c_char {
    lend_text(report, index, |item| &item.updated_on, len)
}

/// The service's operation, for `.show operations`.
///
/// Ownership: the text is borrowed from the report; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL if there is none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_report_item_operation_id(
    report: *const kusto_report,
    index: usize,
    len: *mut usize,
) -> *const c_char {
    lend_text(report, index, |item| &item.operation_id, len)
}

/// The service's id of its activity, which its support asks for.
///
/// Ownership: the text is borrowed from the report; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL if there is none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_report_item_activity_id(
    report: *const kusto_report,
    index: usize,
    len: *mut usize,
) -> *const c_char {
    lend_text(report, index, |item| &item.activity_id, len)
}

/// The service's error code, such as "BadRequest_EmptyBlob".
///
/// Ownership: the text is borrowed from the report; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL if there is none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_report_item_error_code(
    report: *const kusto_report,
    index: usize,
    len: *mut usize,
) -> *const c_char {
    lend_text(report, index, |item| &item.error_code, len)
}

/// The service's text about the item.
///
/// Ownership: the text is borrowed from the report; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL if there is none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_report_item_details(
    report: *const kusto_report,
    index: usize,
    len: *mut usize,
) -> *const c_char {
    lend_text(report, index, |item| &item.details, len)
}

/// All items with all fields as a JSON array, under the service's names.
///
/// Ownership: the text is borrowed from the report; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: returns NULL for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_report_json(
    report: *const kusto_report,
    len: *mut usize,
) -> *const c_char {
    guard::value(std::ptr::null(), || {
        let report = report.as_ref();
        let to_json = |report: &kusto_report| CText::new(report.report.to_json().to_string());
        lend_optional(
            report.map(|report| report.json.get_or_init(|| to_json(report))),
            len,
        )
    })
}

/// Frees a report, with its texts.
///
/// Ownership: takes the report; NULL is allowed.
/// Threads: any, once the report is no longer in use.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_report_free(report: *mut kusto_report) {
    guard::value((), || drop(handle::take(report)));
}

/// # Safety
/// `report` is NULL or a report that outlives `'a`.
unsafe fn item_of<'a>(
    report: *const kusto_report,
    index: usize,
) -> Option<(&'a IngestionStatus, &'a Item)> {
    // SAFETY: as promised by the caller.
    let report = unsafe { report.as_ref() }?;
    Some((report.report.items().get(index)?, report.items.get(index)?))
}

/// # Safety
/// `report` is NULL or a report, `len` is NULL or writable.
unsafe fn lend_text(
    report: *const kusto_report,
    index: usize,
    field: impl FnOnce(&Item) -> &Option<CText>,
    len: *mut usize,
) -> *const c_char {
    // SAFETY: as promised by the caller.
    unsafe {
        let item = item_of(report, index);
        lend_optional(item.and_then(|(_, item)| field(item).as_ref()), len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::*;

    #[test]
    fn numbers_are_those_of_the_core() {
        assert_eq!(ItemState::Pending as i32, KUSTO_ITEM_PENDING);
        assert_eq!(ItemState::Succeeded as i32, KUSTO_ITEM_SUCCEEDED);
        assert_eq!(ItemState::Failed as i32, KUSTO_ITEM_FAILED);
        assert_eq!(ItemState::Cancelled as i32, KUSTO_ITEM_CANCELLED);
        assert_eq!(ItemState::Skipped as i32, KUSTO_ITEM_SKIPPED);
        assert_eq!(ItemState::PartiallySucceeded as i32, KUSTO_ITEM_PARTIAL);
        assert_eq!(ItemState::Queued as i32, KUSTO_ITEM_QUEUED);
    }
}
