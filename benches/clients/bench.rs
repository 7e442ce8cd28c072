//! One measured run through the Rust API.
//!
//! `bench_client init|file|stream|bytes|query FILE ITEMS CONCURRENCY [NAME=VALUE...]`: the settings go to
//! `ClientBuilder::set`; KUSTO_CONNECTION_STRING and KUSTO_DATABASE as in the examples. It ends well
//! only when every item was queued.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kusto_ingest::prelude::*;
use tokio::task::JoinSet;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "init|file|stream|bytes|query FILE ITEMS CONCURRENCY [NAME=VALUE...]";

/// What is ingested again and again.
enum Load {
    File(String),
    Stream(String),
    /// Read once before the first item, as a program has it in memory.
    Bytes(Bytes),
}

impl Load {
    fn of(action: &str, path: &str) -> Result<Load, Failure> {
        match action {
            "file" => Ok(Load::File(path.to_owned())),
            "stream" => Ok(Load::Stream(path.to_owned())),
            "bytes" => Ok(Load::Bytes(std::fs::read(path)?.into())),
            _ => Err(USAGE.into()),
        }
    }

    fn source(&self) -> std::io::Result<Source> {
        Ok(match self {
            Load::File(path) => Source::file(path),
            // A reader that the library knows nothing about.
            Load::Stream(path) => Source::reader(std::io::BufReader::new(File::open(path)?)),
            Load::Bytes(data) => Source::bytes(data.clone()),
        })
    }

    fn format(&self) -> DataFormat {
        match self {
            Load::Bytes(_) => DataFormat::Json,
            _ => DataFormat::Csv,
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [action, path, items, concurrency, settings @ ..] = arguments.as_slice() else {
        return Err(USAGE.into());
    };
    let client = connect(settings)?;
    if action == "init" {
        return Ok(());
    }
    if action == "query" {
        return query(&client, &std::fs::read_to_string(path)?).await;
    }
    let load = Arc::new(Load::of(action, path)?);
    let props = IngestionProperties::new(std::env::var("KUSTO_DATABASE")?, "Bench")
        .with_format(load.format());
    let left = Arc::new(AtomicU64::new(items.parse()?));
    let mut workers = JoinSet::new();
    for _ in 0..concurrency.parse::<usize>()? {
        workers.spawn(work(
            client.clone(),
            props.clone(),
            load.clone(),
            left.clone(),
        ));
    }
    let mut times = Vec::new();
    while let Some(ended) = workers.join_next().await {
        times.extend(ended??);
    }
    tell(times);
    Ok(())
}

/// For `cargo xtask bench`: the median and the 99th percentile of the items' times, in microseconds.
fn tell(mut times: Vec<Duration>) {
    times.sort();
    let at = |percent: usize| {
        times
            .get(times.len() * percent / 100)
            .map(Duration::as_micros)
    };
    if let (Some(median), Some(p99)) = (at(50), at(99)) {
        eprintln!("latency {median} {p99}");
    }
}

fn connect(settings: &[String]) -> Result<Client, Failure> {
    let mut builder = Client::builder(&std::env::var("KUSTO_CONNECTION_STRING")?)?;
    for setting in settings {
        let (name, value) = setting.split_once('=').ok_or(USAGE)?;
        builder = builder.set(name, value)?;
    }
    Ok(builder.build()?)
}

/// Reads every value of the answer.
async fn query(client: &Client, text: &str) -> Result<(), Failure> {
    let database = std::env::var("KUSTO_DATABASE")?;
    let options = CallOptions::new().with_timeout(Duration::from_secs(600));
    let properties = RequestProperties::new().with_option("notruncation", true);
    let data = client.query(&database, text, &properties, options).await?;
    let rows = &data.primary().ok_or("there is no table")?.rows;
    let (mut count, mut nulls) = (0, 0);
    for row in rows {
        count += 1;
        nulls += row.iter().filter(|value| value.is_null()).count();
    }
    match (count, nulls) {
        (1_000_000, 0) => Ok(()),
        other => Err(format!("rows and nulls: {other:?}").into()),
    }
}

/// Takes items until none is left. What each of them took.
async fn work(
    client: Client,
    props: IngestionProperties,
    load: Arc<Load>,
    left: Arc<AtomicU64>,
) -> Result<Vec<Duration>, Failure> {
    let mut times = Vec::new();
    let take = |left: u64| left.checked_sub(1);
    while left
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
        .is_ok()
    {
        let options = CallOptions::new().with_timeout(Duration::from_secs(600));
        let begun = Instant::now();
        client.ingest(load.source()?, &props, options).await?;
        times.push(begun.elapsed());
    }
    Ok(times)
}
