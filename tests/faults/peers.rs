//! The faults through which the official Python SDK is sent too (peers.py): this library's
//! outcomes.

use std::fmt::Write as _;

use kusto_ingest::prelude::*;
use serde_json::Value;

use crate::bed::{Bed, Rows, props, soon};
use crate::data::{Kind, SMALL, gzipped, hand};

/// As peers.py names them.
const SOURCES: [&str; 3] = ["stream", "file", ".gz file"];
/// A fault of one account is met by every second call.
const TRIES: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn no_row_is_lost_where_the_python_sdk_goes_too() {
    let faults: Vec<Value> = serde_json::from_str(include_str!("peers.json")).unwrap();
    let mut told = String::new();
    for fault in &faults {
        for source in SOURCES {
            let name = fault["name"].as_str().unwrap();
            let ending = ending(&fault["rule"], source).await;
            writeln!(told, "{name}|{source}|{ending}").unwrap();
        }
    }
    print!("{told}");
    if let Some(file) = std::env::var_os("KUSTO_FAULTS_PEERS") {
        std::fs::write(file, told).unwrap();
    }
}

async fn ending(rule: &Value, source: &str) -> String {
    let bed = Bed::built_in().await;
    for attempt in 0..TRIES {
        let table = format!("T{attempt}");
        bed.table(&table).await;
        let fault = bed.arm(rule);
        let result = ingest(&bed, source, &table).await;
        let fired = bed.report(fault).fired;
        bed.emulator.disarm_all();
        bed.settle().await;
        let rows = bed.rows(&table);
        let (whole, none) = (rows == SMALL.rows, rows == Rows::default());
        match result {
            Ok(_) => assert!(whole, "{rule}, {source}: {} rows", rows.count),
            Err(_) if fired == 0 => panic!("failed without a fault"),
            Err(error) if error.is_in_doubt() && whole => {
                return format!("in doubt: {}; all rows", error.kind().name());
            }
            Err(error) if error.is_in_doubt() && none => {
                return format!("in doubt: {}; none", error.kind().name());
            }
            Err(error) => {
                assert!(none, "{rule}, {source}: {} rows, and {error}", rows.count);
                return format!("error: {}", error.kind().name());
            }
        }
        if fired > 0 {
            return "all rows".to_owned();
        }
    }
    panic!("{rule} was never met");
}

async fn ingest(bed: &Bed, source: &str, table: &str) -> Result<Receipt, Error> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.csv.gz");
    let handed = match source {
        "stream" => hand(Kind::Reader, &SMALL).source,
        "file" => {
            let handed = hand(Kind::File, &SMALL);
            return bed
                .client()
                .ingest(handed.source, &props(table), soon())
                .await;
        }
        _ => {
            std::fs::write(&path, gzipped(&SMALL.text)).unwrap();
            Source::file(&path)
        }
    };
    bed.client().ingest(handed, &props(table), soon()).await
}
