//! One case, from its own emulator to the call that meets the fault.

use std::time::{Duration, Instant};

use kusto_emulator::StorageKind;
use kusto_ingest::prelude::*;
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::bed::{Bed, WATCHDOG, props, soon};
use crate::case::Case;
use crate::check::{Ending, Seen, check_unharmed, judge};
use crate::data::{Kind, hand};
use crate::fault::{Fault, Nature};
use crate::target::Target;

const TABLE: &str = "T";
/// How often a case is restarted because the client did not meet the fault: the client chooses one
/// of two accounts, so not once in 2^40 cases are these too few.
const TRIES: u32 = 40;
/// The first deadline of calls that are to end by one. It doubles until the fault is met in the
/// first half of it, so that no machine is too slow for the case.
const FIRST_DEADLINE: Duration = Duration::from_millis(500);

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

/// The call that the fault is aimed at: the ingestion, or the read of its status.
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
    let asking = client.track(receipt.tracking_token(), options);
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
