//! The status of ingestions: read from the status table or the queues, returned as a
//! `kusto_report`.

use std::ffi::{c_char, c_void};
use std::sync::Arc;
use std::time::Duration;

use crate::callback::{UserData, kusto_drop_fn};
use crate::catalog::kusto_status;
use crate::client::{Call, kusto_client};
use crate::error::kusto_error;
use crate::guard::guarded;
use crate::handle::Out;
use crate::op::{Ended, Start, kusto_done_fn, kusto_op};
use crate::report::kusto_report;
use crate::text::{optional, text};
use kusto_ingest::error::{Error, Result};
use kusto_ingest::track::{Outcome, OutcomeQuery, TrackingToken};

/// The status of an ingestion, read from the status table now. The token is from
/// kusto_result_tracking_token, also of another process. An ingestion without a status table (see
/// kusto_props_set_reporting) stays KUSTO_ITEM_QUEUED, unless it was streamed. An outage of the table is waited out for the
/// setting "retry time"; a table that has moved is found where the service lends it now.
///
/// Ownership: the token is copied. The caller frees `*out` with kusto_report_free.
/// Threads: any, also several at once, but not in a callback.
/// Failure: KUSTO_E_INVALID_ARGUMENT for an invalid token, KUSTO_E_NOT_FOUND when the table has no
/// entry, those of a call over the network; `*out` is NULL then.
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
    guarded(err, || {
        let out = Out::required(out, "out")?;
        let call = Call::new(client, timeout_ms)?;
        let token: TrackingToken = text(token, token_len, "token")?.parse()?;
        let report = call.wait_for(|client, options| client.track(&token, options))?;
        out.give(kusto_report::new(Arc::new(report)));
        Ok(())
    })
}

/// Starts kusto_track and returns: kusto_op_report returns the report.
///
/// Ownership: the token is copied. Takes `user_data`, even when the call fails; `drop` is called
/// after `done`, which is called as kusto_ingest_start says. The caller frees `*out` with
/// kusto_op_free; `out` may be NULL if `done` is given.
/// Threads: any, also several at once, also in a callback.
/// Failure: KUSTO_E_INVALID_ARGUMENT, KUSTO_E_FORKED; any other failure is the operation's result.
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
    guarded(err, move || {
        let start = Start::new(client, timeout_ms, done, user_data, out)?;
        let token: TrackingToken = text(token, token_len, "token")?.parse()?;
        start.call(
            |client, options| client.track(&token, options),
            Ended::of_report,
        );
        Ok(())
    })
}

/// As kusto_track, repeated every `poll_ms` milliseconds until no item is pending. Failures to read the
/// status that may pass, such as an outage of the network, are waited out until the deadline of the call;
/// a call with KUSTO_FOREVER ends when they last for the setting `retry time`.
/// Data that was not streamed needs a status table (kusto_props_set_reporting): without one no end is ever seen.
///
/// Ownership: the token is copied. The caller frees `*out` with kusto_report_free.
/// Threads: any, also several at once, but not in a callback.
/// Failure: as kusto_track; KUSTO_E_TIMED_OUT when an item is still pending at the deadline; the
/// message says how many are. KUSTO_E_INVALID_STATE when the ingestion does not report to a status table.
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
    guarded(err, || {
        let out = Out::required(out, "out")?;
        let call = Call::new(client, timeout_ms)?;
        let token: TrackingToken = text(token, token_len, "token")?.parse()?;
        let poll = poll_interval(poll_ms)?;
        let report =
            call.wait_for(|client, options| client.track_until_final(&token, poll, options))?;
        out.give(kusto_report::new(Arc::new(report)));
        Ok(())
    })
}

/// Starts kusto_track_until_final and returns: kusto_op_report returns the report.
///
/// Ownership: the token is copied. Takes `user_data`, even when the call fails; `drop` is called
/// after `done`, which is called as kusto_ingest_start says. The caller frees `*out` with
/// kusto_op_free; `out` may be NULL if `done` is given.
/// Threads: any, also several at once, also in a callback.
/// Failure: KUSTO_E_INVALID_ARGUMENT, KUSTO_E_FORKED; any other failure is the operation's result.
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
    guarded(err, move || {
        let start = Start::new(client, timeout_ms, done, user_data, out)?;
        let token: TrackingToken = text(token, token_len, "token")?.parse()?;
        let poll = poll_interval(poll_ms)?;
        start.call(
            |client, options| client.track_until_final(&token, poll, options),
            Ended::of_report,
        );
        Ok(())
    })
}

/// Reads notifications, KUSTO_OUTCOME_*, without removing them: at most `max`. With a tracking token
/// only those of its ingestion; NULL means all. All clients of the cluster share the queues. An outage
/// of them is waited out for the setting "retry time".
///
/// Ownership: the token is copied. The caller frees `*out` with kusto_report_free.
/// Threads: any, also several at once, but not in a callback.
/// Failure: those of a call over the network; `*out` is NULL then. An empty report is not a
/// failure.
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
    guarded(err, || {
        let out = Out::required(out, "out")?;
        let call = Call::new(client, timeout_ms)?;
        let query = outcome_query(which, optional(token, token_len, "token")?, max)?;
        let report = call.wait_for(|client, options| client.peek_outcomes(&query, options))?;
        out.give(kusto_report::new(Arc::new(report)));
        Ok(())
    })
}

/// Starts kusto_outcomes_peek and returns: kusto_op_report returns the report.
///
/// Ownership: the token is copied. Takes `user_data`, even when the call fails; `drop` is called
/// after `done`, which is called as kusto_ingest_start says. The caller frees `*out` with
/// kusto_op_free; `out` may be NULL if `done` is given.
/// Threads: any, also several at once, also in a callback.
/// Failure: KUSTO_E_INVALID_ARGUMENT, KUSTO_E_FORKED; any other failure is the operation's result.
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

/// Removes notifications, KUSTO_OUTCOME_*, from their queues: at most `max`. With a tracking token
/// only those of its ingestion; without one also those that other programs wait for. An outage is
/// waited out for the setting "retry time", while there are none to return.
///
/// Ownership: the token is copied. The caller frees `*out` with kusto_report_free.
/// Threads: any, also several at once, but not in a callback.
/// Failure: those of a call over the network; `*out` is NULL then. An empty report is not a
/// failure.
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
    guarded(err, || {
        let out = Out::required(out, "out")?;
        let call = Call::new(client, timeout_ms)?;
        let query = outcome_query(which, optional(token, token_len, "token")?, max)?;
        let report = call.wait_for(|client, options| client.take_outcomes(&query, options))?;
        out.give(kusto_report::new(Arc::new(report)));
        Ok(())
    })
}

/// Starts kusto_outcomes_take and returns: kusto_op_report returns the report. Cancelling may lose
/// notifications that were removed but not delivered.
///
/// Ownership: the token is copied. Takes `user_data`, even when the call fails; `drop` is called
/// after `done`, which is called as kusto_ingest_start says. The caller frees `*out` with
/// kusto_op_free; `out` may be NULL if `done` is given.
/// Threads: any, also several at once, also in a callback.
/// Failure: KUSTO_E_INVALID_ARGUMENT, KUSTO_E_FORKED; any other failure is the operation's result.
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

fn poll_interval(milliseconds: i64) -> Result<Duration> {
    match u64::try_from(milliseconds) {
        // A loop without a pause would flood the service with requests.
        Ok(milliseconds) if milliseconds > 0 => Ok(Duration::from_millis(milliseconds)),
        _ => Err(Error::invalid_argument("poll_ms", "must be more than 0")),
    }
}

fn outcome_query(which: i32, token: Option<&str>, max: usize) -> Result<OutcomeQuery> {
    let outcome = Outcome::from_number(which).ok_or_else(|| {
        Error::invalid_argument("which", "is not the number of a kind of outcome")
    })?;
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
