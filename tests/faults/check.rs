//! The four checks after a case.

use std::time::Duration;

use kusto_emulator::FaultReport;
use kusto_ingest::error::Step;
use kusto_ingest::prelude::*;
use url::Url;
use uuid::Uuid;

use crate::bed::{Bed, Left, Rows, TOKEN};
use crate::case::Case;
use crate::fault::Nature;
use crate::oracle::{Expected, expected};
use crate::target::Target;

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ending {
    /// The call's result, in a few words.
    pub(crate) said: String,
    /// Whether all rows arrived; otherwise none did.
    pub(crate) whole: bool,
    /// Committed blobs that no message names.
    pub(crate) orphans: usize,
}

/// The observations of one call.
pub(crate) struct Seen {
    pub(crate) result: Result<Option<Receipt>, Error>,
    pub(crate) elapsed: Duration,
    pub(crate) deadline: Duration,
    /// The fault came early enough in the call for the outcome to be the rule's.
    pub(crate) in_time: bool,
    pub(crate) fault: FaultReport,
    pub(crate) id: Uuid,
}

/// A call that did not meet the fault has succeeded, or its deadline was too short.
pub(crate) fn check_unharmed(
    bed: &Bed,
    case: &Case,
    table: &str,
    seen: &Seen,
) -> Result<(), String> {
    match &seen.result {
        Ok(_) if bed.rows(table) == case.data().rows => Ok(()),
        Ok(_) => Err("success without the fault, and not every row".to_owned()),
        Err(error) if error.kind() == ErrorKind::TimedOut && !seen.in_time => Ok(()),
        Err(error) => Err(format!("failed without the fault: {error}")),
    }
}

/// The four checks: the result, the rows, the leftovers, the time.
pub(crate) async fn judge(
    bed: &Bed,
    case: &Case,
    table: &str,
    seen: &Seen,
) -> Result<Ending, String> {
    let said = check_words(case, seen)?;
    let whole = check_rows(bed, case, table, seen)?;
    let orphans = check_left(bed, case, table, seen, whole).await?;
    let timed_out = matches!(&seen.result, Err(e) if e.kind() == ErrorKind::TimedOut);
    if timed_out && seen.elapsed < seen.deadline {
        return Err(format!(
            "timed out after {:?} of {:?}",
            seen.elapsed, seen.deadline
        ));
    }
    Ok(Ending {
        said,
        whole,
        orphans,
    })
}

fn check_words(case: &Case, seen: &Seen) -> Result<String, String> {
    let error = match (&seen.result, expected(case)) {
        (Ok(_), Expected::Whole) => return Ok("ok".to_owned()),
        (Ok(_), expected) => return Err(format!("success instead of {expected:?}")),
        (Err(error), Expected::Whole) => return Err(format!("failed: {error}")),
        (Err(error), expected) => {
            let fits = match expected {
                Expected::Whole => false,
                Expected::Failed(kinds) => kinds.contains(&error.kind()) && !error.is_in_doubt(),
                Expected::InDoubt(kinds) => kinds.contains(&error.kind()) && error.is_in_doubt(),
                Expected::Unrepeatable => is_unrepeatable(error) && !error.is_in_doubt(),
            };
            if !fits || !step_fits(case, error) {
                return Err(format!("{expected:?} was expected, and it was {error:?}"));
            }
            error
        }
    };
    check_attempts(case, seen, error)?;
    check_secrets(error)?;
    Ok(words(error))
}

/// While blocks are under way, others are read: a call that is ended is at either step. A source
/// that is gone fails at its own.
fn step_fits(case: &Case, error: &Error) -> bool {
    let reading = case.fault.nature() == Nature::Silence || is_unrepeatable(error);
    let upload = |step| match step {
        Step::UploadBlob | Step::CommitBlob => true,
        Step::ReadSource => reading,
        _ => false,
    };
    error.step() == case.target.step() || (upload(error.step()) && upload(case.target.step()))
}

fn words(error: &Error) -> String {
    if is_unrepeatable(error) {
        return "source cannot be read again".to_owned();
    }
    let doubt = if error.is_in_doubt() {
        "in doubt, "
    } else {
        ""
    };
    format!("{doubt}{}", error.kind().name())
}

/// Every failed request is listed with its host. Those of blocks that were under way when another
/// one gave up the upload are not waited for.
fn check_attempts(case: &Case, seen: &Seen, error: &Error) -> Result<(), String> {
    let mut all = Vec::new();
    leaves(error, &mut all);
    // A source's error is added and has no host.
    all.retain(|attempt| attempt.step() != Step::ReadSource && !is_unrepeatable(attempt));
    if let Some(nowhere) = all.iter().find(|attempt| attempt.host().is_none()) {
        return Err(format!("an attempt without a host: {nowhere}"));
    }
    let (listed, fired) = (all.len() as u64, seen.fault.fired);
    let all_listed = match case.target {
        Target::PutBlock(_) => listed <= fired,
        _ => listed == fired,
    };
    match all_listed {
        true => Ok(()),
        false => Err(format!(
            "{fired} requests failed, {listed} are listed: {error}"
        )),
    }
}

fn leaves<'e>(error: &'e Error, all: &mut Vec<&'e Error>) {
    match error.attempts() {
        [] => all.push(error),
        attempts => attempts.iter().for_each(|attempt| leaves(attempt, all)),
    }
}

fn is_unrepeatable(error: &Error) -> bool {
    error.message().contains("cannot be read again")
}

fn check_secrets(error: &Error) -> Result<(), String> {
    let text = format!("{error} {error:?}");
    for secret in [TOKEN, "sig=", "kusto-emulator-identity"] {
        if text.contains(secret) {
            return Err(format!("the error tells {secret}"));
        }
    }
    Ok(())
}

/// All rows once, or none. A status that cannot be read says nothing about the rows.
fn check_rows(bed: &Bed, case: &Case, table: &str, seen: &Seen) -> Result<bool, String> {
    let (rows, wanted) = (bed.rows(table), case.data().rows);
    let whole = rows == wanted;
    if !whole && rows != Rows::default() {
        return Err(format!("{} of {} rows arrived", rows.count, wanted.count));
    }
    let must_be = match expected(case) {
        _ if case.target == Target::StatusPoll => true,
        Expected::Whole => true,
        Expected::InDoubt(_) => case.fault.is_done(),
        Expected::Failed(_) | Expected::Unrepeatable => false,
    };
    match whole == must_be {
        true => Ok(whole),
        false => Err(format!(
            "{} rows arrived, and the call said {:?}",
            rows.count, seen.result
        )),
    }
}

/// Lists the leftovers. A blob that no message names is allowed, but only a complete one.
async fn check_left(
    bed: &Bed,
    case: &Case,
    table: &str,
    seen: &Seen,
    whole: bool,
) -> Result<usize, String> {
    let Left {
        committed,
        uncommitted,
    } = bed.left(table, seen.id).await;
    let named = match &seen.result {
        Ok(Some(receipt)) => Some(receipt.items()[0].blob.clone()),
        _ => None,
    };
    let is_named = |blob: &&Url| {
        named
            .as_ref()
            .is_some_and(|named| *named == without_query(blob))
    };
    if whole && named.is_some() && !committed.iter().any(|blob| is_named(&blob)) {
        return Err("the blob that the message names is not there".to_owned());
    }
    for blob in committed.iter().filter(|blob| !is_named(blob)) {
        if bed.content(blob).await != case.data().text {
            return Err(format!("{} holds something else", without_query(blob)));
        }
    }
    let Some(orphans) = committed.len().checked_sub(usize::from(whole)) else {
        return Err("rows without a blob".to_owned());
    };
    if orphans + uncommitted > 0 {
        println!("left by {case}: {orphans} blobs, {uncommitted} blocks");
    }
    Ok(orphans)
}

fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.into()
}
