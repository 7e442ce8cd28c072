//! One case from its beginning to the four questions that are asked after each.

use std::time::{Duration, Instant};

use kusto_emulator::{FaultReport, StorageKind};
use kusto_ingest::error::Step;
use kusto_ingest::prelude::*;
use tokio::sync::OnceCell;
use url::Url;
use uuid::Uuid;

use crate::bed::{Bed, Left, Rows, TOKEN, WATCHDOG, props, soon};
use crate::case::Case;
use crate::data::{Kind, hand};
use crate::fault::{Fault, Nature};
use crate::oracle::{Expected, expected};
use crate::target::Target;

const TABLE: &str = "T";
/// How often a case is begun again because the client did not come by the fault: the client
/// chooses one of two accounts, so not once in 2^40 cases are these too few.
const TRIES: u32 = 40;
/// The first deadline of calls that are to end by one. It doubles until the fault is met in the
/// first half of it, so that no machine is too slow for the case.
const FIRST_DEADLINE: Duration = Duration::from_millis(500);

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ending {
    /// What the call said, in a few words.
    pub(crate) said: String,
    /// Whether all rows arrived; otherwise none did.
    pub(crate) whole: bool,
    /// Committed blobs that no message names.
    pub(crate) orphans: usize,
}

/// What was seen of one call.
struct Seen {
    result: Result<Option<Receipt>, Error>,
    elapsed: Duration,
    deadline: Duration,
    /// The fault came early enough in the call for the outcome to be the rule's.
    in_time: bool,
    fault: FaultReport,
    id: Uuid,
}

/// Runs the case until its fault was met. `Err` says what is wrong.
pub(crate) async fn run(case: Case, storage: StorageKind) -> Result<Ending, String> {
    let bed = Bed::start(storage).await;
    let blocks = match case.target.is_of_blocks() {
        true => count_blocks(&bed, &case).await,
        false => 0,
    };
    for attempt in 0..TRIES {
        bed.emulator.disarm_all();
        let table = format!("{TABLE}{attempt}");
        bed.table(&table).await;
        let deadline = FIRST_DEADLINE.saturating_mul(1 << attempt.min(8));
        let seen = call(&bed, &case, &table, blocks, deadline).await?;
        bed.emulator.disarm_all();
        bed.settle().await;
        if seen.fault.fired > 0 && seen.in_time {
            return judge(&bed, &case, &table, &seen).await;
        }
        if seen.fault.fired == 0 {
            check_unharmed(&bed, &case, &table, &seen)?;
        }
    }
    Err("the fault was never met".to_owned())
}

/// How many blocks a whole upload of the case's data has; counted once.
async fn count_blocks(bed: &Bed, case: &Case) -> u64 {
    static SMALLER: OnceCell<u64> = OnceCell::const_new();
    static LARGER: OnceCell<u64> = OnceCell::const_new();
    let counted = match case.kind {
        Kind::LargeReader => &LARGER,
        _ => &SMALLER,
    };
    *counted.get_or_init(|| upload_counting(bed, case)).await
}

async fn upload_counting(bed: &Bed, case: &Case) -> u64 {
    let counting = serde_json::json!({
        "service": "blob", "operation": "PutBlock", "fault": {"kind": "late", "millis": 0},
    });
    let id = bed.arm(&counting);
    bed.table("Count").await;
    let handed = hand(case.kind, case.data());
    let client = bed.client_with(&case.kind.settings());
    let counted = client.ingest(handed.source, &props("Count"), soon()).await;
    counted.expect("an upload without a fault");
    let blocks = bed.report(id).matched;
    assert!(blocks >= 3, "the data is meant to take blocks: {blocks}");
    blocks
}

/// The call that the fault is aimed at: the ingestion, or the look at what became of it.
async fn call(
    bed: &Bed,
    case: &Case,
    table: &str,
    blocks: u64,
    deadline: Duration,
) -> Result<Seen, String> {
    let handed = hand(case.kind, case.data());
    let id = Uuid::new_v4();
    let source = handed.source.with_id(&id.to_string()).unwrap();
    let client = bed.client_with(&case.kind.settings());
    let deadline = match case.fault {
        Fault::Deadline(_) => deadline,
        _ => WATCHDOG / 2,
    };
    let cancel = CancelToken::new();
    let options = CallOptions::new().with_timeout(deadline);
    let options = options.with_cancel(cancel.clone());
    let account = &bed.emulator.accounts()[0].name;
    let rule = case.rule(blocks, account);
    let mut watch = Watch {
        bed,
        case,
        id,
        armed: 0,
        deadline,
        cancel,
    };
    if case.target != Target::StatusPoll {
        watch.armed = bed.arm(&rule);
        let properties = props(table);
        let ingesting = client.ingest(source, &properties, options);
        return watch.over(async { ingesting.await.map(Some) }).await;
    }
    let ingested = client.ingest(source, &props(table), soon()).await;
    let receipt = ingested.map_err(|error| format!("before the fault: {error}"))?;
    bed.settle().await;
    watch.armed = bed.arm(&rule);
    let asking = client.status(receipt.tracking_token(), options);
    let asking = async { asking.await.map(|_| Some(receipt.clone())) };
    watch.over(asking).await
}

/// A call under the watchdog, beside a caller who may cancel it.
struct Watch<'a> {
    bed: &'a Bed,
    case: &'a Case,
    id: Uuid,
    armed: u64,
    deadline: Duration,
    cancel: CancelToken,
}

impl Watch<'_> {
    async fn over(
        self,
        call: impl Future<Output = Result<Option<Receipt>, Error>>,
    ) -> Result<Seen, String> {
        let started = Instant::now();
        let mut met = None;
        let watching = async {
            if self.case.fault.nature() == Nature::Silence && self.bed.fires(self.armed).await {
                met = Some(started.elapsed());
                if self.case.fault == Fault::Cancel {
                    self.cancel.cancel();
                }
            }
            std::future::pending::<()>().await;
        };
        let result = tokio::select! {
            result = call => result,
            () = watching => unreachable!("it never ends"),
            () = tokio::time::sleep(WATCHDOG) => return Err("the call never returned".to_owned()),
        };
        Ok(Seen {
            result,
            elapsed: started.elapsed(),
            deadline: self.deadline,
            in_time: match self.case.fault {
                Fault::Deadline(_) => met.is_some_and(|met| met < self.deadline / 2),
                _ => true,
            },
            fault: self.bed.report(self.armed),
            id: self.id,
        })
    }
}

/// A call that did not meet the fault has worked, or its deadline was too short.
fn check_unharmed(bed: &Bed, case: &Case, table: &str, seen: &Seen) -> Result<(), String> {
    match &seen.result {
        Ok(_) if bed.rows(table) == case.data().rows => Ok(()),
        Ok(_) => Err("success without the fault, and not every row".to_owned()),
        Err(error) if error.kind() == ErrorKind::TimedOut && !seen.in_time => Ok(()),
        Err(error) => Err(format!("failed without the fault: {error}")),
    }
}

/// The four questions: what was said, what arrived, what was left, how long it took.
async fn judge(bed: &Bed, case: &Case, table: &str, seen: &Seen) -> Result<Ending, String> {
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
    // What is wrong with the source comes on top and has no host.
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

/// Lists what is left. A blob that no message names is allowed, but only a whole one.
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
