//! For any faults in any order: all rows or none, and success only for all.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use kusto_emulator::FaultReport;
use kusto_ingest::prelude::*;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::bed::{Bed, Rows, WATCHDOG, props, soon};
use crate::data::{Data, Kind, hand, noise, packed, small};
use crate::fault::{Cut, Done, Fault};
use crate::target::{Position, Target};

/// Where CI looks; `PROPTEST_CASES` asks for more.
const CASES: u32 = 64;
/// The smallest memory budget that a client accepts.
const MIN_BUDGET: usize = 4 << 20;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

#[derive(Clone, Copy, Debug)]
enum Content {
    Small {
        rows: usize,
    },
    /// Compressed by the client, into one block or several.
    Noise {
        bytes: usize,
    },
    /// Already compressed.
    Packed {
        bytes: usize,
    },
}

/// A rule that fires a few times.
#[derive(Clone, Copy, Debug)]
struct Disturbance {
    target: Target,
    fault: Fault,
    skip: u64,
    times: u64,
}

/// The caller's actions.
#[derive(Clone, Copy, Debug)]
enum Caller {
    Waits,
    /// Cancels at this report of progress.
    CancelsAtReport(usize),
    /// Cancels when a request to this target has come, which is not answered.
    CancelsAtRequest(Target),
}

#[derive(Clone, Debug)]
struct Plan {
    content: Content,
    kind: Kind,
    budget: usize,
    level: &'static str,
    threads: usize,
    disturbances: Vec<Disturbance>,
    caller: Caller,
}

fn target() -> impl Strategy<Value = Target> {
    prop::sample::select(vec![
        Target::Metadata,
        Target::Resources,
        Target::IdentityToken,
        Target::PutBlob,
        Target::PutBlock(Position::First),
        Target::Commit,
        Target::StatusEntity,
        Target::PostMessage,
    ])
}

/// Faults with an answer: silence is left to the caller's actions.
fn fault() -> impl Strategy<Value = Fault> {
    let status = |status| Fault::Status {
        status,
        retry_after: false,
    };
    let mut all: Vec<Fault> = [429, 500, 503, 404, 403].map(status).into();
    all.extend([Cut::Before, Cut::During, Cut::After].map(Fault::Cut));
    all.extend([Fault::Late, Fault::Garbage]);
    prop::sample::select(all)
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        4 => (1..500_usize).prop_map(|rows| Content::Small { rows }),
        1 => (1..9_000_000_usize).prop_map(|bytes| Content::Noise { bytes }),
        2 => (1..14_000_000_usize).prop_map(|bytes| Content::Packed { bytes }),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    let disturbance = (target(), fault(), 0..4_u64, 1..4_u64);
    let disturbance = disturbance.prop_map(|(target, fault, skip, times)| Disturbance {
        target,
        fault,
        skip,
        times,
    });
    let caller = prop_oneof![
        3 => Just(Caller::Waits),
        1 => (1..8_usize).prop_map(Caller::CancelsAtReport),
        1 => target().prop_map(Caller::CancelsAtRequest),
    ];
    let kind = prop::sample::select(vec![Kind::Bytes, Kind::File, Kind::Reader]);
    let disturbances = prop::collection::vec(disturbance, 0..4);
    let level = prop::sample::select(vec!["fast", "balanced", "small"]);
    let settings = (MIN_BUDGET..64 << 20, level, 1..4_usize);
    (content(), kind, settings, disturbances, caller).prop_map(
        |(content, kind, (budget, level, threads), disturbances, caller)| Plan {
            content,
            kind,
            budget,
            level,
            threads,
            disturbances,
            caller,
        },
    )
}

fn config() -> ProptestConfig {
    let mut config = ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    config
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn all_rows_or_none_and_success_only_for_all(plan in plan()) {
        if let Err(problem) = RUNTIME.block_on(carry_out(&plan)) {
            return Err(TestCaseError::fail(problem));
        }
    }
}

async fn carry_out(plan: &Plan) -> Result<(), String> {
    let data = match plan.content {
        Content::Small { rows } => small(rows),
        Content::Noise { bytes } => noise(bytes),
        Content::Packed { bytes } => packed(bytes),
    };
    let bed = Bed::built_in().await;
    bed.table("T").await;
    for disturbance in &plan.disturbances {
        let mut rule = disturbance.target.wire(0);
        rule["fault"] = disturbance.fault.wire();
        rule["skip"] = disturbance.skip.into();
        rule["times"] = disturbance.times.into();
        bed.arm(&rule);
    }
    let id = Uuid::new_v4();
    let call = call(&bed, plan, &data, id);
    let Ok(result) = tokio::time::timeout(WATCHDOG, call).await else {
        return Err("the call never returned".to_owned());
    };
    let fired = bed.emulator.faults();
    bed.emulator.disarm_all();
    bed.settle().await;
    judge(&bed, &data, id, &result)
        .await
        .map_err(|problem| format!("{problem}; {}", told(&fired)))
}

fn told(rules: &[FaultReport]) -> String {
    let fired = rules
        .iter()
        .map(|r| format!("{:?} fired {}", r.rule, r.fired));
    fired.collect::<Vec<_>>().join(", ")
}

async fn call(bed: &Bed, plan: &Plan, data: &Data, id: Uuid) -> Result<Receipt, Error> {
    let cancel = CancelToken::new();
    let handed = hand(plan.kind, data);
    let mut source = handed.source.with_id(&id.to_string()).unwrap();
    if let Caller::CancelsAtReport(number) = plan.caller {
        let (reports, cancel) = (AtomicUsize::new(0), cancel.clone());
        source = source.with_progress(move |_| {
            if reports.fetch_add(1, Ordering::SeqCst) + 1 == number {
                cancel.cancel();
            }
        });
    }
    let client = bed.client_with(&[
        ("memory budget", plan.budget.to_string()),
        ("compression level", plan.level.to_owned()),
        ("compression threads", plan.threads.to_string()),
    ]);
    let properties = props("T");
    let ingesting = client.ingest(source, &properties, soon().with_cancel(cancel.clone()));
    let Caller::CancelsAtRequest(target) = plan.caller else {
        return ingesting.await;
    };
    let mut rule = target.wire(0);
    rule["fault"] = Fault::Deadline(Done::No).wire();
    let silence = bed.arm(&rule);
    tokio::pin!(ingesting);
    tokio::select! {
        result = &mut ingesting => return result,
        _ = bed.fires(silence) => cancel.cancel(),
    }
    ingesting.await
}

async fn judge(
    bed: &Bed,
    data: &Data,
    id: Uuid,
    result: &Result<Receipt, Error>,
) -> Result<(), String> {
    let rows = bed.rows("T");
    let (whole, none) = (rows == data.rows, rows == Rows::default());
    let fits = match result {
        Ok(_) => whole,
        Err(error) if error.is_in_doubt() => whole || none,
        Err(_) => none,
    };
    if !fits {
        let (some, all) = (rows.count, data.rows.count);
        return Err(format!(
            "{some} of {all} rows arrived, and the call said {result:?}"
        ));
    }
    for blob in bed.left("T", id).await.committed {
        if bed.content(&blob).await != data.text {
            return Err("a committed blob holds something else".to_owned());
        }
    }
    Ok(())
}
