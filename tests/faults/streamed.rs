//! Every fault of the streaming request, for every kind of source and every way to go on: what the call says is what is
//! in the table.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kusto_emulator::{
    CutPoint, Emulator, Fault, FaultRule, KustoAnswer, Options, ServiceKind, StallPoint, Streaming,
};
use kusto_ingest::client::Client;
use kusto_ingest::prelude::*;
use kusto_ingest::props::{InDoubt, IngestionMode};
use kusto_ingest::track::Route;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::bed::{DATABASE, WATCHDOG};
use crate::support;

/// Cases under way: most of their time they wait for pauses of the client to end.
const PARALLEL: usize = 32;
/// For calls whose request is never answered.
const SHORT: Duration = Duration::from_secs(2);
const ROWS: usize = 3;
const TEXT: &str = "1,x\n2,y\n3,z\n";

/// How a client goes on.
#[derive(Clone, Copy, Debug)]
enum Way {
    Streaming,
    Managed(InDoubt),
}

const WAYS: [Way; 4] = [
    Way::Streaming,
    Way::Managed(InDoubt::Fail),
    Way::Managed(InDoubt::Retry),
    Way::Managed(InDoubt::Queue),
];

const SOURCES: [&str; 5] = ["bytes", "file", "pipe", "push", "blob"];

/// One case: the first request of a call meets the fault.
#[derive(Clone)]
struct Case {
    way: Way,
    source: &'static str,
    fault: Fault,
    meaning: Meaning,
    table: String,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {}, {:?}", self.way, self.source, self.fault)
    }
}

/// An answer of the service.
fn kusto(status: u16, code: &str, permanent: bool) -> Fault {
    Fault::Kusto(KustoAnswer {
        status,
        code: Some(code.to_owned()),
        message: Some("a fault".to_owned()),
        permanent: Some(permanent),
        ..KustoAnswer::default()
    })
}

/// An answer of a gateway.
fn gateway(status: u16, retry_after: Option<u32>) -> Fault {
    Fault::Status {
        status,
        retry_after,
        code: None,
        body: Some(String::new()),
    }
}

/// What a request that met a fault says about its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// It is in the table.
    Done,
    /// It is not, and the next request may succeed.
    Again,
    /// It is not, and only the queue may succeed.
    Queue,
    /// It is not, and the queue would not take it either.
    Refused,
    /// Nobody knows; this is what happened.
    Doubt { is_there: bool },
    /// Nobody knows when the call's time is over.
    Silence { is_there: bool },
}

/// The faults, with the rows of docs/STREAMING.md.
fn faults() -> Vec<(Fault, Meaning)> {
    use Meaning::{Again, Done, Doubt, Queue, Refused, Silence};
    let lost = Doubt { is_there: false };
    let cut = |when| Fault::Cut(when);
    let stall = |when| Fault::Stall { when };
    vec![
        (cut(CutPoint::Before), lost),
        (cut(CutPoint::During { bytes: 1 }), lost),
        (cut(CutPoint::During { bytes: 10 }), lost),
        (cut(CutPoint::During { bytes: 1 << 20 }), lost),
        (cut(CutPoint::After), Doubt { is_there: true }),
        (stall(StallPoint::Before), Silence { is_there: false }),
        (stall(StallPoint::After), Silence { is_there: true }),
        (Fault::Late { millis: 100 }, Done),
        (Fault::Garbage, lost),
        (gateway(401, None), Refused),
        (gateway(403, None), Refused),
        (gateway(404, None), Queue),
        (kusto(404, "BadRequest_EntityNotFound", true), Refused),
        (gateway(408, None), lost),
        (kusto(413, "BadRequest_FileTooLarge", true), Queue),
        (gateway(429, None), Again),
        (gateway(429, Some(1)), Again),
        (gateway(500, None), lost),
        (kusto(500, "General_InternalServerError", false), Again),
        (gateway(503, None), lost),
        (
            kusto(503, "ServiceUnavailable_StreamingIngestionBusy", false),
            Queue,
        ),
        (kusto(503, "Stream_LowMemoryCondition", false), Again),
        (gateway(504, None), lost),
        (
            kusto(400, "BadRequest_StreamingIngestionPolicyNotEnabled", true),
            Queue,
        ),
        (kusto(400, "Stream_WrongNumberOfFields", true), Refused),
    ]
}

/// How a call ended, as it says.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    Streamed { attempts: u32, doubled: bool },
    Queued { doubled: bool },
    Failed { in_doubt: bool },
}

impl Ending {
    fn of(ended: &Result<Receipt, Error>) -> Self {
        match ended {
            Err(error) => Self::Failed {
                in_doubt: error.is_in_doubt(),
            },
            Ok(receipt) if receipt.route() == Route::Queued => Self::Queued {
                doubled: receipt.possibly_duplicated(),
            },
            Ok(receipt) => Self::Streamed {
                attempts: receipt.attempts(),
                doubled: receipt.possibly_duplicated(),
            },
        }
    }
}

impl Case {
    /// How the call has to end, and the rows that are in the table then.
    fn expected(&self) -> (Ending, usize) {
        let streamed = |attempts, doubled| Ending::Streamed { attempts, doubled };
        let failed = |in_doubt| Ending::Failed { in_doubt };
        match (self.meaning, self.way) {
            (Meaning::Done, _) => (streamed(1, false), ROWS),
            (Meaning::Again, _) => (streamed(2, false), ROWS),
            (Meaning::Queue, Way::Streaming) | (Meaning::Refused, _) => (failed(false), 0),
            (Meaning::Queue, Way::Managed(_)) => (Ending::Queued { doubled: false }, ROWS),
            (Meaning::Silence { is_there }, _)
            | (Meaning::Doubt { is_there }, Way::Streaming | Way::Managed(InDoubt::Fail)) => {
                (failed(true), usize::from(is_there) * ROWS)
            }
            (Meaning::Doubt { is_there }, Way::Managed(then)) => {
                let rows = (1 + usize::from(is_there)) * ROWS;
                match then {
                    InDoubt::Queue => (Ending::Queued { doubled: true }, rows),
                    _ => (streamed(2, true), rows),
                }
            }
        }
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for way in WAYS {
        for source in SOURCES {
            for (fault, meaning) in faults() {
                let table = format!("T{}", cases.len());
                cases.push(Case {
                    way,
                    source,
                    fault,
                    meaning,
                    table,
                });
            }
        }
    }
    cases
}

/// The emulator of all cases, and a client for each way.
struct Bed {
    emulator: Emulator,
    directory: tempfile::TempDir,
    blob: String,
}

impl Bed {
    async fn start() -> Self {
        let options = Options {
            streaming: Streaming::Always,
            ..support::quick()
        };
        let emulator = Emulator::start(options).await.unwrap();
        let mut blob = emulator.storage_resources().unwrap().containers[0].clone();
        blob.path_segments_mut().unwrap().push("data.csv");
        let put = support::reqwest_client()
            .put(blob.clone())
            .header("x-ms-blob-type", "BlockBlob")
            .header("x-ms-version", "2021-12-02")
            .body(TEXT);
        assert_eq!(put.send().await.unwrap().status().as_u16(), 201);
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("data.csv"), TEXT).unwrap();
        Self {
            emulator,
            directory,
            blob: blob.into(),
        }
    }

    /// A client of the case's own: what one learns about the cluster is no other case's.
    fn client(&self, way: Way) -> Client {
        let builder = support::client_of(&self.emulator);
        let builder = match way {
            Way::Streaming => builder.mode(IngestionMode::Streaming),
            Way::Managed(in_doubt) => builder.mode(IngestionMode::Managed).in_doubt(in_doubt),
        };
        builder.build().unwrap()
    }

    async fn source(&self, kind: &str) -> Source {
        match kind {
            "bytes" => Source::bytes(TEXT),
            "file" => Source::file(self.directory.path().join("data.csv")),
            "pipe" => Source::reader(std::io::Cursor::new(TEXT)),
            "push" => {
                let (mut writer, source) = Source::push();
                tokio::spawn(async move {
                    writer.write(TEXT.as_bytes()).await.unwrap();
                    writer.finish().await.unwrap();
                });
                source
            }
            _ => Source::blobs([BlobSource::new(&self.blob).unwrap()]),
        }
    }

    fn rows(&self, table: &str) -> usize {
        let rows = self.emulator.engine().with_table(DATABASE, table, |table| {
            let extents = table.extents.iter();
            extents.map(|extent| extent.rows.len()).sum()
        });
        rows.unwrap()
    }
}

/// Runs a case; what is wrong with its ending, if anything is.
async fn run(bed: &Bed, case: &Case) -> Result<(), String> {
    let client = bed.client(case.way);
    let none = RequestProperties::new();
    let create = format!(".create table {} (a:long, b:string)", case.table);
    let created = client.management(DATABASE, &create, &none, CallOptions::new());
    created.await.map_err(|error| error.to_string())?;
    bed.emulator.arm(FaultRule {
        table: Some(case.table.clone()),
        times: Some(1),
        ..FaultRule::new(ServiceKind::Ingest, case.fault.clone())
    });
    let props = IngestionProperties::new(DATABASE, &*case.table)
        .with_format(DataFormat::Csv)
        .with_report_method(ReportMethod::Table);
    let patience = match case.fault {
        Fault::Stall { .. } => SHORT,
        _ => WATCHDOG,
    };
    let options = CallOptions::new().with_timeout(patience);
    let source = bed.source(case.source).await;
    let ended = client.ingest(source, &props, options).await;
    if let Ok(receipt) = &ended
        && receipt.route() == Route::Queued
    {
        let poll = Duration::from_millis(20);
        let options = CallOptions::new().with_timeout(WATCHDOG);
        let waiting = client.track_until_final(receipt.tracking_token(), poll, options);
        waiting.await.map_err(|error| error.to_string())?;
    }
    let (ending, rows) = (Ending::of(&ended), bed.rows(&case.table));
    match case.expected() == (ending, rows) {
        true => Ok(()),
        false => Err(format!(
            "{rows} rows after {ended:?}, expected {:?}",
            case.expected()
        )),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_streaming_request_ends_as_the_call_says() {
    let bed = Arc::new(Bed::start().await);
    let places = Arc::new(Semaphore::new(PARALLEL));
    let mut running = JoinSet::new();
    let queued = |case: &Case| matches!(case.expected().0, Ending::Queued { .. });
    let queued = cases().iter().filter(|case| queued(case)).count();
    for case in cases() {
        let (bed, places) = (bed.clone(), places.clone());
        running.spawn(async move {
            let _place = places.acquire().await.unwrap();
            let ended = run(&bed, &case).await;
            ended.map_err(|wrong| format!("{case}: {wrong}"))
        });
    }
    let (mut count, mut wrong) = (0, Vec::new());
    while let Some(ended) = running.join_next().await {
        count += 1;
        wrong.extend(ended.unwrap().err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // No message but those of receipts.
    assert_eq!(bed.emulator.posted().posted, queued as u64);
    println!("{count} cases of streaming, all as they say");
}
