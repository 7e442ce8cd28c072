//! Ships the whole lines (CSV, a record each) that other programs append to a file: each is handed over once.
//!
//! agent FILE --database D --table T [--batch-bytes N] [--batch-seconds S] [--drain-seconds S]
//! KUSTO_CONNECTION_STRING names the cluster.
//!
//! FILE.position holds `ID START END`: a random id, and two offsets in bytes. What is before START has been
//! handed over. START to END was being sent when the program ended: it is sent again first, as the same bytes
//! under the same key, of which the service keeps one copy. The key begins with the id, so that no other file,
//! here or on another machine, has the same.

use std::collections::HashMap;
use std::fs::File;
use std::future::Future;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, absolute};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use kusto_ingest::bytes::Bytes;
use kusto_ingest::prelude::*;
use kusto_ingest::uuid::Uuid;
use tokio::time::sleep;

type Failure = Box<dyn std::error::Error>;

const LOOK_EVERY: Duration = Duration::from_millis(200);
const CALL: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const USAGE: &str = "usage: agent FILE --database D --table T [--batch-bytes N] [--batch-seconds S] [--drain-seconds S]";
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
    id: String,
    /// Up to here everything was handed over.
    start: u64,
    /// Up to here it is being sent.
    end: u64,
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
    let file = arguments.next().ok_or(USAGE)?;
    let mut options = HashMap::new();
    while let (Some(name), Some(value)) = (arguments.next(), arguments.next()) {
        options.insert(name, value);
    }
    let option = |name: &str, or: &str| options.get(name).cloned().unwrap_or(or.to_owned());
    let seconds = |name: &str, or: &str| -> Result<Duration, Failure> {
        Ok(Duration::try_from_secs_f64(option(name, or).parse()?)?)
    };
    let (database, table) = (option("--database", ""), option("--table", ""));
    let batch_bytes: usize = option("--batch-bytes", "1048576").parse()?;
    if database.is_empty() || table.is_empty() || batch_bytes == 0 {
        return Err(USAGE.into());
    }
    let (id, start, end) = position(&file)?;
    let agent = Agent {
        client: Client::builder(&std::env::var("KUSTO_CONNECTION_STRING")?)?.build()?,
        props: IngestionProperties::new(database, table).with_format(DataFormat::Csv),
        file,
        batch_bytes,
        batch_time: seconds("--batch-seconds", "5")?,
        drain_time: seconds("--drain-seconds", "10")?,
        stop: CancelToken::new(),
        over: CancelToken::new(),
        id,
        start,
        end,
        lines: 0,
        batches: 0,
    };
    agent.read(0)?;
    Ok(agent)
}

/// Without a position file nothing is done yet, and the id is made.
fn position(file: &str) -> Result<(String, u64, u64), Failure> {
    let text = match std::fs::read_to_string(format!("{file}.position")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok((Uuid::new_v4().to_string(), 0, 0));
        }
        text => text?,
    };
    let bad = || format!("{file}.position is not ID START END");
    let [id, start, end] = text.split_whitespace().collect::<Vec<_>>()[..] else {
        return Err(bad().into());
    };
    let (start, end) = (start.parse()?, end.parse()?);
    match start <= end {
        true => Ok((id.to_owned(), start, end)),
        false => Err(bad().into()),
    }
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
        loop {
            if self.start == self.end {
                self.end = self.end_of_next_batch().await?;
            }
            if self.start == self.end {
                return Ok(());
            }
            let batch = Bytes::from(self.read((self.end - self.start) as usize)?);
            if (batch.len() as u64) < self.end - self.start {
                return Err(self.shorter());
            }
            self.save_position()?;
            let key = format!("{}:{}-{}", self.id, self.start, self.end);
            let props = self.props.clone().with_once(key);
            let send = || {
                let source = Source::bytes(batch.clone());
                self.client.ingest(source, &props, self.limits())
            };
            self.patiently(send).await?;
            self.start = self.end;
            self.save_position()?;
            self.lines += batch.iter().filter(|byte| **byte == b'\n').count();
            self.batches += 1;
        }
    }

    /// Behind the last whole line of a batch, which is closed by its size, its age, or the wish to stop;
    /// `start` when there is none.
    async fn end_of_next_batch(&self) -> Result<u64, Failure> {
        let mut opened = None;
        loop {
            // Before reading, so that what is in the file when the signal comes is sent.
            let last = self.stop.is_cancelled();
            let mut size = self.batch_bytes;
            let mut data = self.read(size)?;
            // A line may be longer than a batch.
            while data.len() == size && !data.contains(&b'\n') {
                size *= 2;
                data = self.read(size)?;
            }
            let newline = data.iter().rposition(|byte| *byte == b'\n');
            let end = self.start + newline.map_or(0, |newline| newline as u64 + 1);
            if end > self.start {
                opened = opened.or(Some(Instant::now()));
            }
            let is_old = opened.is_some_and(|opened| opened.elapsed() >= self.batch_time);
            if is_old || data.len() == size || last {
                return Ok(end);
            }
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                () = self.stop.cancelled() => {}
            }
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

    /// Up to `length` bytes from `start` on; fewer at the end of the file. Opened each time: a file that was put
    /// in its place is noticed if it is shorter.
    fn read(&self, length: usize) -> Result<Vec<u8>, Failure> {
        let mut file = File::open(&self.file).map_err(|error| format!("{}: {error}", self.file))?;
        if file.metadata()?.len() < self.start {
            return Err(self.shorter());
        }
        let mut data = Vec::new();
        file.seek(SeekFrom::Start(self.start))?;
        file.take(length as u64).read_to_end(&mut data)?;
        Ok(data)
    }

    fn shorter(&self) -> Failure {
        let file = &self.file;
        format!("{file} is shorter than its position: was it truncated or rotated?").into()
    }

    /// A new file, then a rename: a crash leaves one of the two. Both the file and its name are on the disk at
    /// the end.
    fn save_position(&self) -> io::Result<()> {
        let name = absolute(Path::new(&format!("{}.position", self.file)))?;
        let new = format!("{}.position.new", self.file);
        let mut file = File::create(&new)?;
        writeln!(file, "{} {} {}", self.id, self.start, self.end)?;
        file.sync_all()?;
        std::fs::rename(new, &name)?;
        match name.parent() {
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    }
}
