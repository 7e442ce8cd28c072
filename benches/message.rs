//! Building the text of a queue message.

use criterion::{Criterion, criterion_group, criterion_main};
use kusto_ingest::bench;
use serde_json::{Map, Value, json};

const BLOB: &str = "https://account.blob.core.windows.net/20260101-ingestdata-0/\
    Database__Table__3f0a6f2e-7c53-4d0c-9a0f-5a1f3f0e0f11__stream.json.gz?sv=2018-03-28&sr=c&\
    sig=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%3D&se=2026-01-05T00%3A00%3A00Z&sp=rw";

fn properties(columns: usize) -> Map<String, Value> {
    let mapping: Vec<Value> = (0..columns)
        .map(|number| {
            let name = format!("Column{number}");
            json!({ "column": name, "Properties": { "Path": format!("$.{name}") } })
        })
        .collect();
    let mut all = Map::new();
    all.insert("authorizationContext".into(), "x".repeat(600).into());
    all.insert("format".into(), "json".into());
    if columns > 0 {
        all.insert(
            "ingestionMapping".into(),
            Value::from(mapping).to_string().into(),
        );
    }
    all
}

fn message(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("message");
    for (name, columns) in [("plain", 0), ("inline mapping of 40 columns", 40)] {
        let properties = properties(columns);
        group.bench_function(name, |bencher| {
            bencher.iter(|| bench::message(BLOB, properties.clone()));
        });
    }
    group.finish();
}

criterion_group!(all, message);
criterion_main!(all);
