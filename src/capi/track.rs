//! `kusto_report`: what became of ingestions.

use std::ffi::{c_char, c_void};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::callback::{UserData, kusto_drop_fn};
use super::client::{Call, kusto_client};
use super::error::{KUSTO_RETRY_UNKNOWN, kusto_error, kusto_status, retry_of};
use super::guard::{self, guarded};
use super::handle::{self, Out};
use super::op::{Ended, Start, kusto_done_fn, kusto_op};
use super::text::{CText, lend_optional, optional, text};
use crate::error::{Error, Result};
use crate::track::{ItemState, Outcome, OutcomeQuery, Report, ReportItem, TrackingToken};

/// kusto_report_item_state: the service has the message and has not finished.
pub const KUSTO_ITEM_PENDING: i32 = 0;
/// kusto_report_item_state: ingested.
pub const KUSTO_ITEM_SUCCEEDED: i32 = 1;
/// kusto_report_item_state: not ingested; the error code tells why.
pub const KUSTO_ITEM_FAILED: i32 = 2;
/// kusto_report_item_state: the service stopped the ingestion.
pub const KUSTO_ITEM_CANCELLED: i32 = 3;
/// kusto_report_item_state: nothing to ingest, or an `ingest-by:` tag says that it is there already.
pub const KUSTO_ITEM_SKIPPED: i32 = 4;
/// kusto_report_item_state: some parts were ingested and some were not.
pub const KUSTO_ITEM_PARTIAL: i32 = 5;
/// kusto_report_item_state: handed over without a status table; only the queues can tell more.
pub const KUSTO_ITEM_QUEUED: i32 = 6;

/// kusto_outcomes_peek and _take: failures.
pub const KUSTO_OUTCOME_FAILURES: i32 = 1;
/// kusto_outcomes_peek and _take: successes.
pub const KUSTO_OUTCOME_SUCCESSES: i32 = 2;

/// What is known about some ingestions: items, one for each source. Immutable.
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
    fn new(item: &ReportItem) -> Self {
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
    pub(super) fn new(report: Arc<Report>) -> Self {
        Self {
            items: report.items().iter().map(Item::new).collect(),
            report,
            json: OnceLock::new(),
        }
    }
}

/// What became of an ingestion, read from the status table now. The token is that of
/// kusto_result_tracking_token, also of another process. An ingestion without a status table (see
/// kusto_props_set_reporting) stays KUSTO_ITEM_QUEUED.
///
/// Ownership: the token is copied. The caller frees `*out` with kusto_report_free.
/// Threads: any, also several at once, but not in a callback.
/// Failure: KUSTO_E_INVALID_ARGUMENT for what is no token, KUSTO_E_NOT_FOUND when the table knows
/// nothing, those of a call over the network; `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_track(
    client: *const kusto_client,
    token: *const c_char,
    token_len: usize,
    timeout_ms: i64,
    out: *mut *mut kusto_report,
    err: *mut *mut kusto_error,
) -> kusto_status {
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guarded(err, || {
            let out = Out::required(out, "out")?;
            let call = Call::new(client, timeout_ms)?;
            let token: TrackingToken = text(token, token_len, "token")?.parse()?;
            let report = call.wait_for(|client, options| client.status(&token, options))?;
            out.give(kusto_report::new(Arc::new(report)));
            Ok(())
        })
    }
}

/// Begins what kusto_track does and returns: kusto_op_report gives the report.
///
/// Ownership: the token is copied. Takes `user_data`, whatever it returns; `drop` is called after
/// `done`, which is called as kusto_ingest_start says. The caller frees `*out` with kusto_op_free;
/// `out` may be NULL if `done` is given.
/// Threads: any, also several at once, also in a callback.
/// Failure: KUSTO_E_INVALID_ARGUMENT, KUSTO_E_FORKED; everything else is the operation's result.
/// `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_track_start(
    client: *const kusto_client,
    token: *const c_char,
    token_len: usize,
    timeout_ms: i64,
    done: kusto_done_fn,
    user_data: *mut c_void,
    drop: kusto_drop_fn,
    out: *mut *mut kusto_op,
    err: *mut *mut kusto_error,
) -> kusto_status {
    let user_data = UserData::new(user_data, drop);
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guarded(err, move || {
            let start = Start::new(client, timeout_ms, done, user_data, out)?;
            let token: TrackingToken = text(token, token_len, "token")?.parse()?;
            start.call(
                |client, options| client.status(&token, options),
                Ended::of_report,
            );
            Ok(())
        })
    }
}

/// As kusto_track, again every `poll_ms` milliseconds until no item is pending.
///
/// Ownership: the token is copied. The caller frees `*out` with kusto_report_free.
/// Threads: any, also several at once, but not in a callback.
/// Failure: as kusto_track; KUSTO_E_TIMED_OUT when an item is still pending at the deadline.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_track_until_final(
    client: *const kusto_client,
    token: *const c_char,
    token_len: usize,
    poll_ms: i64,
    timeout_ms: i64,
    out: *mut *mut kusto_report,
    err: *mut *mut kusto_error,
) -> kusto_status {
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guarded(err, || {
            let out = Out::required(out, "out")?;
            let call = Call::new(client, timeout_ms)?;
            let token: TrackingToken = text(token, token_len, "token")?.parse()?;
            let poll = poll_interval(poll_ms)?;
            let report =
                call.wait_for(|client, options| client.wait_until_final(&token, poll, options))?;
            out.give(kusto_report::new(Arc::new(report)));
            Ok(())
        })
    }
}

/// Begins what kusto_track_until_final does and returns: kusto_op_report gives the report.
///
/// Ownership: the token is copied. Takes `user_data`, whatever it returns; `drop` is called after
/// `done`, which is called as kusto_ingest_start says. The caller frees `*out` with kusto_op_free;
/// `out` may be NULL if `done` is given.
/// Threads: any, also several at once, also in a callback.
/// Failure: KUSTO_E_INVALID_ARGUMENT, KUSTO_E_FORKED; everything else is the operation's result.
/// `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_track_until_final_start(
    client: *const kusto_client,
    token: *const c_char,
    token_len: usize,
    poll_ms: i64,
    timeout_ms: i64,
    done: kusto_done_fn,
    user_data: *mut c_void,
    drop: kusto_drop_fn,
    out: *mut *mut kusto_op,
    err: *mut *mut kusto_error,
) -> kusto_status {
    let user_data = UserData::new(user_data, drop);
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guarded(err, move || {
            let start = Start::new(client, timeout_ms, done, user_data, out)?;
            let token: TrackingToken = text(token, token_len, "token")?.parse()?;
            let poll = poll_interval(poll_ms)?;
            start.call(
                |client, options| client.wait_until_final(&token, poll, options),
                Ended::of_report,
            );
            Ok(())
        })
    }
}

/// Looks at notifications, KUSTO_OUTCOME_*, without removing them: at most `max`. With a tracking
/// token only those of its ingestion; NULL means all. The queues belong to all clients of the cluster.
///
/// Ownership: the token is copied. The caller frees `*out` with kusto_report_free.
/// Threads: any, also several at once, but not in a callback.
/// Failure: those of a call over the network; `*out` is NULL then. No notifications are none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_outcomes_peek(
    client: *const kusto_client,
    which: i32,
    token: *const c_char,
    token_len: usize,
    max: usize,
    timeout_ms: i64,
    out: *mut *mut kusto_report,
    err: *mut *mut kusto_error,
) -> kusto_status {
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guarded(err, || {
            let out = Out::required(out, "out")?;
            let call = Call::new(client, timeout_ms)?;
            let query = outcome_query(which, optional(token, token_len, "token")?, max)?;
            let report = call.wait_for(|client, options| client.peek_outcomes(&query, options))?;
            out.give(kusto_report::new(Arc::new(report)));
            Ok(())
        })
    }
}

/// Begins what kusto_outcomes_peek does and returns: kusto_op_report gives the report.
///
/// Ownership: the token is copied. Takes `user_data`, whatever it returns; `drop` is called after
/// `done`, which is called as kusto_ingest_start says. The caller frees `*out` with kusto_op_free;
/// `out` may be NULL if `done` is given.
/// Threads: any, also several at once, also in a callback.
/// Failure: KUSTO_E_INVALID_ARGUMENT, KUSTO_E_FORKED; everything else is the operation's result.
/// `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_outcomes_peek_start(
    client: *const kusto_client,
    which: i32,
    token: *const c_char,
    token_len: usize,
    max: usize,
    timeout_ms: i64,
    done: kusto_done_fn,
    user_data: *mut c_void,
    drop: kusto_drop_fn,
    out: *mut *mut kusto_op,
    err: *mut *mut kusto_error,
) -> kusto_status {
    let user_data = UserData::new(user_data, drop);
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guarded(err, move || {
            let start = Start::new(client, timeout_ms, done, user_data, out)?;
            let query = outcome_query(which, optional(token, token_len, "token")?, max)?;
            start.call(
                |client, options| client.peek_outcomes(&query, options),
                Ended::of_report,
            );
            Ok(())
        })
    }
}

/// Takes notifications, KUSTO_OUTCOME_*, out of their queues: at most `max`. With a tracking token
/// only those of its ingestion; without one those of other programs are taken from them too.
///
/// Ownership: the token is copied. The caller frees `*out` with kusto_report_free.
/// Threads: any, also several at once, but not in a callback.
/// Failure: those of a call over the network; `*out` is NULL then. No notifications are none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_outcomes_take(
    client: *const kusto_client,
    which: i32,
    token: *const c_char,
    token_len: usize,
    max: usize,
    timeout_ms: i64,
    out: *mut *mut kusto_report,
    err: *mut *mut kusto_error,
) -> kusto_status {
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guarded(err, || {
            let out = Out::required(out, "out")?;
            let call = Call::new(client, timeout_ms)?;
            let query = outcome_query(which, optional(token, token_len, "token")?, max)?;
            let report = call.wait_for(|client, options| client.take_outcomes(&query, options))?;
            out.give(kusto_report::new(Arc::new(report)));
            Ok(())
        })
    }
}

/// Begins what kusto_outcomes_take does and returns: kusto_op_report gives the report. Cancelling may leave
/// notifications that were taken and that nobody is told of.
///
/// Ownership: the token is copied. Takes `user_data`, whatever it returns; `drop` is called after
/// `done`, which is called as kusto_ingest_start says. The caller frees `*out` with kusto_op_free;
/// `out` may be NULL if `done` is given.
/// Threads: any, also several at once, also in a callback.
/// Failure: KUSTO_E_INVALID_ARGUMENT, KUSTO_E_FORKED; everything else is the operation's result.
/// `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_outcomes_take_start(
    client: *const kusto_client,
    which: i32,
    token: *const c_char,
    token_len: usize,
    max: usize,
    timeout_ms: i64,
    done: kusto_done_fn,
    user_data: *mut c_void,
    drop: kusto_drop_fn,
    out: *mut *mut kusto_op,
    err: *mut *mut kusto_error,
) -> kusto_status {
    let user_data = UserData::new(user_data, drop);
    // SAFETY: the caller keeps the contract of the header.
    unsafe {
        guarded(err, move || {
            let start = Start::new(client, timeout_ms, done, user_data, out)?;
            let query = outcome_query(which, optional(token, token_len, "token")?, max)?;
            start.call(
                |client, options| client.take_outcomes(&query, options),
                Ended::of_report,
            );
            Ok(())
        })
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
    // SAFETY: the caller keeps the contract of the header.
    let report = unsafe { report.as_ref() };
    let state = ItemState::ALL
        .into_iter()
        .find(|state| *state as i32 == item_state);
    match (report, state) {
        (Some(report), Some(state)) => report.report.count(state) as u64,
        _ => 0,
    }
}

/// How many items there are.
///
/// Ownership: the report is borrowed.
/// Threads: any.
/// Failure: 0 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_report_len(report: *const kusto_report) -> usize {
    // SAFETY: the caller keeps the contract of the header.
    unsafe { report.as_ref() }.map_or(0, |report| report.items.len())
}

/// The state of an item, counted from 0: KUSTO_ITEM_*. Treat a number you do not know as pending.
///
/// Ownership: the report is borrowed.
/// Threads: any.
/// Failure: -1 if there is no such item.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_report_item_state(report: *const kusto_report, index: usize) -> i32 {
    // SAFETY: the caller keeps the contract of the header.
    let item = unsafe { item_of(report, index) };
    item.and_then(|(item, _)| item.state)
        .map_or(-1, |state| state as i32)
}

/// Whether ingesting the same data again can succeed: KUSTO_RETRY_*.
///
/// Ownership: the report is borrowed.
/// Threads: any.
/// Failure: KUSTO_RETRY_UNKNOWN if there is no such item.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_report_item_retry(report: *const kusto_report, index: usize) -> i32 {
    // SAFETY: the caller keeps the contract of the header.
    let item = unsafe { item_of(report, index) };
    item.map_or(KUSTO_RETRY_UNKNOWN, |(item, _)| retry_of(item.retry()))
}

/// The source id (a UUID) that the ingestion was given.
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
    // SAFETY: the caller keeps the contract of the header.
    unsafe { lend_text(report, index, |item| &item.source_id, len) }
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
    // SAFETY: the caller keeps the contract of the header.
    unsafe { lend_text(report, index, |item| &item.source_path, len) }
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
    // SAFETY: the caller keeps the contract of the header.
    unsafe { lend_text(report, index, |item| &item.database, len) }
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
    // SAFETY: the caller keeps the contract of the header.
    unsafe { lend_text(report, index, |item| &item.table, len) }
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
    // SAFETY: the caller keeps the contract of the header.
    unsafe { lend_text(report, index, |item| &item.updated_on, len) }
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
    // SAFETY: the caller keeps the contract of the header.
    unsafe { lend_text(report, index, |item| &item.operation_id, len) }
}

/// The service's id of what it did, which its support asks for.
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
    // SAFETY: the caller keeps the contract of the header.
    unsafe { lend_text(report, index, |item| &item.activity_id, len) }
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
    // SAFETY: the caller keeps the contract of the header.
    unsafe { lend_text(report, index, |item| &item.error_code, len) }
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
    // SAFETY: the caller keeps the contract of the header.
    unsafe { lend_text(report, index, |item| &item.details, len) }
}

/// Everything about all items as a JSON array, under the service's names.
///
/// Ownership: the text is borrowed from the report; it ends with a NUL. `len` may be NULL.
/// Threads: any.
/// Failure: NULL for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_report_json(
    report: *const kusto_report,
    len: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the contract of the header.
    guard::value(std::ptr::null(), || unsafe {
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
/// Threads: any, once nobody uses the report.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_report_free(report: *mut kusto_report) {
    // SAFETY: the caller keeps the contract of the header.
    guard::value((), || drop(unsafe { handle::take(report) }));
}

/// # Safety
/// `report` is NULL or a report that outlives `'a`.
unsafe fn item_of<'a>(
    report: *const kusto_report,
    index: usize,
) -> Option<(&'a ReportItem, &'a Item)> {
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

fn poll_interval(milliseconds: i64) -> Result<Duration> {
    match u64::try_from(milliseconds) {
        // A loop without a pause would be a flood of requests.
        Ok(milliseconds) if milliseconds > 0 => Ok(Duration::from_millis(milliseconds)),
        _ => Err(Error::invalid_argument("poll_ms", "must be more than 0")),
    }
}

fn outcome_query(which: i32, token: Option<&str>, max: usize) -> Result<OutcomeQuery> {
    let outcome = match which {
        KUSTO_OUTCOME_FAILURES => Outcome::Failures,
        KUSTO_OUTCOME_SUCCESSES => Outcome::Successes,
        _ => {
            return Err(Error::invalid_argument(
                "which",
                "is none of KUSTO_OUTCOME_*",
            ));
        }
    };
    if max == 0 {
        return Err(Error::invalid_argument("max", "must be more than 0"));
    }
    let query = OutcomeQuery::new(outcome).with_limit(max);
    Ok(match token {
        Some(token) => {
            let token: TrackingToken = token.parse()?;
            query.only(token.source_ids().iter().copied())
        }
        None => query,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn floods_and_unknown_numbers_are_refused() {
        assert!(poll_interval(0).is_err() && poll_interval(-1).is_err());
        assert_eq!(
            outcome_query(3, None, 1).unwrap_err().argument(),
            Some("which")
        );
        assert_eq!(
            outcome_query(1, None, 0).unwrap_err().argument(),
            Some("max")
        );
        assert!(outcome_query(1, Some("no token"), 1).is_err());
    }
}
