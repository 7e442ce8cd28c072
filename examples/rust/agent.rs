//! Ships the whole lines (CSV, a record each) that other programs append to a file: every line once.
//!
//! agent FILE --database D --table T [--batch-bytes N] [--batch-seconds S] [--drain-seconds S]
//! KUSTO_CONNECTION_STRING names the cluster.
//!
//! FILE.position holds two offsets in bytes, `START END`. What is before START has been handed over. START to
//! END was being sent when the program ended: it is sent again first, as the same bytes under the same key, of
//! which the service keeps one copy.

use std::collections::HashMap;
use std::fs::File;
use std::future::Future;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use kusto_ingest::bytes::Bytes;
use kusto_ingest::prelude::*;
use tokio::time::sleep;

type Failure = Box<dyn std::error::Error>;

const LOOK_EVERY: Duration = Duration::from_millis(200);
const CALL: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Exit statuses.
const FAILED: u8 = 1;
const WRONG_TABLE: u8 = 2;
const LEFT_OVER: u8 = 3;

struct Agent {
    client: Client,
    props: IngestionProperties,
    file: String,
    batch_bytes: usize,
    batch_time: Duration,
    drain_time: Duration,
    /// Cancelled by SIGTERM and Ctrl-C: no more waiting for lines.
    stop: CancelToken,
    /// Cancelled when the time to drain is over as well.
    over: CancelToken,
    lines: usize,
    batches: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut agent = match agent() {
        Ok(agent) => agent,
        Err(error) => return failed(FAILED, error),
    };
    tokio::spawn(stop_on_signals(
        agent.stop.clone(),
        agent.over.clone(),
        agent.drain_time,
    ));
    let mut status = WRONG_TABLE;
    let result = agent.run(&mut status).await;
    agent.client.close(Duration::ZERO).await;
    println!("{} lines in {} batches", agent.lines, agent.batches);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if agent.over.is_cancelled() => failed(LEFT_OVER, error),
        Err(error) => failed(status, error),
    }
}

fn failed(status: u8, error: Failure) -> ExitCode {
    eprintln!("{error}");
    ExitCode::from(status)
}

fn agent() -> Result<Agent, Failure> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments
        .next()
        .ok_or("usage: agent FILE --database D --table T ...")?;
    let mut options = HashMap::new();
    while let (Some(name), Some(value)) = (arguments.next(), arguments.next()) {
        options.insert(name, value);
    }
    let option = |name: &str, or: &str| options.get(name).cloned().unwrap_or(or.to_owned());
    let seconds = |name: &str, or: &str| -> Result<Duration, Failure> {
        Ok(Duration::try_from_secs_f64(option(name, or).parse()?)?)
    };
    let props = IngestionProperties::new(option("--database", ""), option("--table", ""));
    Ok(Agent {
        client: Client::builder(&std::env::var("KUSTO_CONNECTION_STRING")?)?.build()?,
        props: props.with_format(DataFormat::Csv),
        file,
        batch_bytes: option("--batch-bytes", "1048576").parse()?,
        batch_time: seconds("--batch-seconds", "5")?,
        drain_time: seconds("--drain-seconds", "10")?,
        stop: CancelToken::new(),
        over: CancelToken::new(),
        lines: 0,
        batches: 0,
    })
}

async fn stop_on_signals(stop: CancelToken, over: CancelToken, drain_time: Duration) {
    use tokio::signal::unix::{SignalKind, signal};
    if let Ok(mut terminate) = signal(SignalKind::terminate()) {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    }
    stop.cancel();
    sleep(drain_time).await;
    over.cancel();
}

impl Agent {
    /// Checks the table, then sends batch after batch, until all whole lines are handed over after the wish to
    /// stop. `status` is the exit status of a failure.
    async fn run(&mut self, status: &mut u8) -> Result<(), Failure> {
        self.patiently(|| self.client.warm_up_table(&self.props, self.limits()))
            .await?;
        *status = FAILED;
        let (mut start, mut end) = self.position()?;
        loop {
            if start == end {
                end = self.end_of_next_batch(start).await?;
            }
            if start == end {
                return Ok(());
            }
            let batch = Bytes::from(self.read(start, (end - start) as usize)?);
            if (batch.len() as u64) < end - start {
                return Err(format!("{0} is shorter than {0}.position says", self.file).into());
            }
            self.set_position(start, end)?;
            let name = Path::new(&self.file)
                .file_name()
                .unwrap_or_default()
                .display();
            let props = self
                .props
                .clone()
                .with_once(format!("{name}:{start}-{end}"));
            let send = || {
                self.client
                    .ingest(Source::bytes(batch.clone()), &props, self.limits())
            };
            self.patiently(send).await?;
            self.set_position(end, end)?;
            self.lines += batch.iter().filter(|byte| **byte == b'\n').count();
            self.batches += 1;
            start = end;
        }
    }

    /// Behind the last whole line of a batch, which is closed by its size, its age, or the wish to stop;
    /// `start` when there is none.
    async fn end_of_next_batch(&self, start: u64) -> Result<u64, Failure> {
        let mut opened = None;
        loop {
            let mut size = self.batch_bytes;
            let mut data = self.read(start, size)?;
            // A line may be longer than a batch.
            while data.len() == size && !data.contains(&b'\n') {
                size *= 2;
                data = self.read(start, size)?;
            }
            let last = data.iter().rposition(|byte| *byte == b'\n');
            let end = start + last.map_or(0, |last| last as u64 + 1);
            if end > start {
                opened = opened.or(Some(Instant::now()));
            }
            let is_old = opened.is_some_and(|opened| opened.elapsed() >= self.batch_time);
            if is_old || data.len() == size || self.stop.is_cancelled() {
                return Ok(end);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Repeats work that failed for a transient reason or is in doubt: with the same bytes and the same key
    /// that is harmless. The error of any other failure, and of one that outlasts the time to drain, is the
    /// caller's.
    async fn patiently<T, Work>(&self, work: impl Fn() -> Work) -> Result<T, Error>
    where
        Work: Future<Output = Result<T, Error>>,
    {
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match work().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let again = error.is_retryable() || error.is_in_doubt();
            if !again || self.over.is_cancelled() {
                return Err(error);
            }
            let wait = pause.max(error.retry_after().unwrap_or_default());
            eprintln!("again in {wait:?}: {error}");
            tokio::select! {
                () = sleep(wait) => {}
                () = self.over.cancelled() => {}
            }
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    fn limits(&self) -> CallOptions {
        CallOptions::new()
            .with_timeout(CALL)
            .with_cancel(self.over.clone())
    }

    /// Up to `length` bytes of the file from an offset; none while the file does not exist.
    fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut data = Vec::new();
        if let Some(mut file) = if_exists(File::open(&self.file))? {
            file.seek(SeekFrom::Start(offset))?;
            file.take(length as u64).read_to_end(&mut data)?;
        }
        Ok(data)
    }

    fn position(&self) -> Result<(u64, u64), Failure> {
        let text = if_exists(std::fs::read_to_string(format!("{}.position", self.file)))?;
        let text = text.unwrap_or("0 0".to_owned());
        let offsets: Result<Vec<u64>, _> = text.split_whitespace().map(str::parse).collect();
        match offsets?[..] {
            [start, end] if start <= end => Ok((start, end)),
            _ => Err(format!("{}.position is not two offsets", self.file).into()),
        }
    }

    /// A new file, then a rename: whenever the program ends, the old position or the new one is there.
    fn set_position(&self, start: u64, end: u64) -> io::Result<()> {
        let new = format!("{}.position.new", self.file);
        let mut file = File::create(&new)?;
        writeln!(file, "{start} {end}")?;
        file.sync_all()?;
        std::fs::rename(new, format!("{}.position", self.file))
    }
}

fn if_exists<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}
