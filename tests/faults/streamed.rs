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

fn faults() -> Vec<Fault> {
    vec![
        Fault::Cut(CutPoint::Before),
        Fault::Cut(CutPoint::During { bytes: 1 }),
        Fault::Cut(CutPoint::During { bytes: 10 }),
        Fault::Cut(CutPoint::During { bytes: 1 << 20 }),
        Fault::Cut(CutPoint::After),
        Fault::Stall {
            when: StallPoint::Before,
        },
        Fault::Stall {
            when: StallPoint::After,
        },
        Fault::Late { millis: 100 },
        Fault::Garbage,
        gateway(401, None),
        gateway(403, None),
        gateway(404, None),
        kusto(404, "BadRequest_EntityNotFound", true),
        gateway(408, None),
        kusto(413, "BadRequest_FileTooLarge", true),
        gateway(429, None),
        gateway(429, Some(1)),
        gateway(500, None),
        kusto(500, "General_InternalServerError", false),
        gateway(503, None),
        kusto(503, "ServiceUnavailable_StreamingIngestionBusy", false),
        kusto(503, "Stream_LowMemoryCondition", false),
        gateway(504, None),
        kusto(400, "BadRequest_StreamingIngestionPolicyNotEnabled", true),
        kusto(400, "Stream_WrongNumberOfFields", true),
    ]
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for way in WAYS {
        for source in SOURCES {
            for fault in faults() {
                let table = format!("T{}", cases.len());
                cases.push(Case {
                    way,
                    source,
                    fault,
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
    let possible = match &ended {
        Ok(receipt) => {
            if receipt.route() == Route::Queued {
                let poll = Duration::from_millis(20);
                let options = CallOptions::new().with_timeout(WATCHDOG);
                let waiting = client.track_until_final(receipt.tracking_token(), poll, options);
                waiting.await.map_err(|error| error.to_string())?;
            }
            match receipt.possibly_duplicated() {
                true => vec![ROWS, 2 * ROWS],
                false => vec![ROWS],
            }
        }
        Err(error) if error.is_in_doubt() => vec![0, ROWS],
        Err(_) => vec![0],
    };
    let rows = bed.rows(&case.table);
    match possible.contains(&rows) {
        true => Ok(()),
        false => Err(format!("{rows} rows after {ended:?}")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_streaming_request_ends_as_the_call_says() {
    let bed = Arc::new(Bed::start().await);
    let places = Arc::new(Semaphore::new(PARALLEL));
    let mut running = JoinSet::new();
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
    println!("{count} cases of streaming, all as they say");
}
