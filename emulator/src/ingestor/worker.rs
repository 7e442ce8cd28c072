//! The loop: takes messages, gathers batches, has them loaded, records and reports.
//!
//! A message stays in its queue, hidden, until its outcome is reported; one whose ingestor died comes
//! back. On shutdown no more messages are taken and what was taken is finished without waiting for more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Client;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use url::Url;
use uuid::Uuid;

use super::batch::{BatchKey, Batches, Limits};
use super::direct::Direct;
use super::failure::{Failure, FailureStatus};
use super::loader::{Loader, TokenCheck};
use super::message::{self, Envelope, Work};
use super::report::{Outcome, Report, Reporter};
use super::shown;
use super::storage_client::{MAX_TAKE, StorageClient, TakenMessage};
use crate::engine::database::Engine;
use crate::engine::datetime;
use crate::engine::records::{IngestionFailureRecord, OperationRecord};
use crate::ingestions::Ingestions;
use crate::storage::StorageResources;

/// Longer than a batch may wait (the policy's limit is 30 minutes) and be ingested.
const VISIBILITY: Duration = Duration::from_secs(3600);
/// The most messages that are taken and not yet finished.
const MAX_IN_FLIGHT: usize = 4096;
/// The most reports that are under way at a time.
const PARALLEL_REPORTS: usize = 16;
const OPERATION: &str = "DataIngestPull";

/// Everything the ingestor works with; [`Ingestor::spawn`] sets it to work.
pub struct Ingestor {
    /// Where the tables are.
    pub engine: Engine,
    /// The queues to take from and to report to, with signatures that last as long as the ingestor.
    pub resources: StorageResources,
    /// Whether an identity token is valid.
    pub token_check: TokenCheck,
    /// Speaks to storage. Must trust its certificate, and must not decompress answers (`no_gzip`): a
    /// blob stored with a content encoding would be taken for something it is not.
    pub http: Client,
    /// To be notified when a message was put on an input queue.
    pub wake: Arc<Notify>,
    /// Whether content that is gzip is unpacked whatever its blob's name.
    pub sniff_gzip: bool,
    /// Where what happens is shown, and where is asked for batches to be closed.
    pub(crate) ingestions: Arc<Ingestions>,
    /// How often to look without being notified.
    pub poll_interval: Duration,
}

impl Ingestor {
    /// Starts the ingestor on the current runtime. It ends when `shutdown` is cancelled and all it has taken is
    /// finished: storage must be there until then.
    pub fn spawn(self, shutdown: CancellationToken) -> JoinHandle<()> {
        let storage = StorageClient::new(self.http);
        let parallel = std::thread::available_parallelism().map_or(2, usize::from);
        let loader = Arc::new(Loader::new(
            self.engine.clone(),
            storage.clone(),
            self.token_check,
            self.sniff_gzip,
            parallel,
        ));
        Direct::offer(&self.engine, &loader, &self.ingestions);
        let hands = Hands {
            reporter: Reporter::new(storage.clone(), &self.resources),
            loader,
            engine: self.engine,
            storage,
            ingestions: self.ingestions,
            reports: Semaphore::new(PARALLEL_REPORTS),
        };
        let worker = Worker {
            hands: Arc::new(hands),
            queues: self.resources.queues,
            batches: Batches::new(),
            running: JoinSet::new(),
            in_flight: Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
        };
        tokio::spawn(worker.run(self.wake, self.poll_interval, shutdown))
    }
}

/// A message that was taken, with all that is needed to finish it.
struct Item {
    queue: Url,
    message: TakenMessage,
    envelope: Envelope,
    work: Result<Work, Failure>,
    /// Under which it is shown.
    number: u64,
    _in_flight: OwnedSemaphorePermit,
}

struct Worker {
    hands: Arc<Hands>,
    queues: Vec<Url>,
    batches: Batches<Item>,
    running: JoinSet<()>,
    in_flight: Arc<Semaphore>,
}

impl Worker {
    async fn run(
        mut self,
        wake: Arc<Notify>,
        poll_interval: Duration,
        shutdown: CancellationToken,
    ) {
        while !shutdown.is_cancelled() {
            // Before the queues are read: the wish is about all that is in them.
            let flush = self.hands.ingestions.take_flush();
            let took = self.take_messages().await;
            let batches = match flush {
                true => self.batches.take_all(),
                false => self.batches.take_due(Instant::now()),
            };
            for batch in batches {
                self.start(batch);
            }
            if flush && took {
                self.hands.ingestions.flush();
            }
            let waiting = self.batches.waiting();
            let shown = waiting.map(|(key, waiting)| shown::batch(key, &waiting));
            self.hands.ingestions.waiting(shown);
            while self.running.try_join_next().is_some() {}
            if took {
                continue;
            }
            let pause = self.pause(poll_interval);
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = wake.notified() => {}
                () = self.hands.ingestions.flush_wanted() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        for batch in self.batches.take_all() {
            self.start(batch);
        }
        while self.running.join_next().await.is_some() {}
    }

    fn pause(&self, poll_interval: Duration) -> Duration {
        let due = self.batches.next_deadline();
        let until_due = due.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        until_due.map_or(poll_interval, |pause| pause.min(poll_interval))
    }

    /// Takes what the queues have, one request each; whether there was anything.
    async fn take_messages(&mut self) -> bool {
        let mut took = false;
        for queue in self.queues.clone() {
            let room = self.in_flight.available_permits().min(MAX_TAKE);
            if room == 0 {
                break;
            }
            match self
                .hands
                .storage
                .take_messages(&queue, room, VISIBILITY)
                .await
            {
                Ok(messages) => {
                    took |= !messages.is_empty();
                    for message in messages {
                        self.accept(queue.clone(), message);
                    }
                }
                Err(error) => debug!(%error, "an input queue could not be read"),
            }
        }
        took
    }

    /// Puts the message into its batch; one that cannot be ingested at all is finished at once.
    fn accept(&mut self, queue: Url, message: TakenMessage) {
        let Ok(permit) = Arc::clone(&self.in_flight).try_acquire_owned() else {
            // More messages than asked for: they come back when their time is over.
            return;
        };
        let (envelope, work) = message::parse(&message.text);
        let arrival = shown::arrival(&message.text, &envelope, &work);
        let item = Item {
            number: self.hands.ingestions.arrived(arrival),
            queue,
            message,
            envelope,
            work,
            _in_flight: permit,
        };
        let Ok(work) = &item.work else {
            return self.start(vec![item]);
        };
        if self.hands.loader.plan(&item.envelope, work).is_err() {
            return self.start(vec![item]);
        }
        let key = BatchKey {
            database: item.envelope.database.to_lowercase(),
            table: item.envelope.table.clone(),
            format: work.properties.format,
            mapping: work.properties.mapping.clone(),
        };
        let limits = self.hands.limits(&item.envelope);
        let (size, flush) = (work.raw_data_size, work.flush_immediately);
        let closed = self
            .batches
            .add(key, item, size, flush, limits, Instant::now());
        if let Some(batch) = closed {
            self.start(batch);
        }
    }

    fn start(&mut self, batch: Vec<Item>) {
        let hands = Arc::clone(&self.hands);
        for item in &batch {
            hands.ingestions.moved(item.number, shown::loading());
        }
        self.running.spawn(hands.ingest(batch));
    }
}

/// What the tasks of all batches share.
struct Hands {
    engine: Engine,
    storage: StorageClient,
    loader: Arc<Loader>,
    reporter: Reporter,
    ingestions: Arc<Ingestions>,
    reports: Semaphore,
}

/// A source whose outcome is known.
struct Decided {
    item: Item,
    outcome: Outcome,
    activity_id: Uuid,
    decided_on: i64,
}

impl Hands {
    fn limits(&self, envelope: &Envelope) -> Limits {
        let policy = self.engine.batching(&envelope.database, &envelope.table);
        Limits {
            max_raw_bytes: policy.max_raw_megabytes.saturating_mul(1 << 20),
            time_span: policy.time_span,
            max_items: policy.max_items,
        }
    }

    /// One operation: loads every source of the batch, then records and reports, so that who reads a report
    /// finds the operation.
    async fn ingest(self: Arc<Self>, batch: Vec<Item>) {
        let operation_id = Uuid::new_v4();
        let started_on = datetime::now();
        let mut loading = JoinSet::new();
        for item in batch {
            loading.spawn(Arc::clone(&self).decide(item));
        }
        let mut decided = Vec::new();
        while let Some(result) = loading.join_next().await {
            match result {
                Ok(one) => decided.push(one),
                Err(error) => warn!(%error, "a source was lost; its message comes back"),
            }
        }
        self.record(operation_id, started_on, &decided);
        let mut finishing = JoinSet::new();
        for one in decided {
            finishing.spawn(Arc::clone(&self).finish(operation_id, one));
        }
        while finishing.join_next().await.is_some() {}
    }

    async fn decide(self: Arc<Self>, item: Item) -> Decided {
        let outcome = match &item.work {
            Ok(work) => self.loader.load(&item.envelope, work).await,
            Err(failure) => Outcome::Failed(failure.clone()),
        };
        Decided {
            item,
            outcome,
            activity_id: Uuid::new_v4(),
            decided_on: datetime::now(),
        }
    }

    fn record(&self, operation_id: Uuid, started_on: i64, decided: &[Decided]) {
        for one in decided {
            let end = shown::end(&one.outcome, one.decided_on);
            self.ingestions.moved(one.item.number, end);
            if let Outcome::Failed(failure) = &one.outcome {
                self.engine
                    .record_failure(failure_record(operation_id, one, failure));
            }
        }
        let Some(first) = decided.first() else {
            return;
        };
        let failed = decided.iter().find_map(|one| match &one.outcome {
            Outcome::Failed(failure) => Some(failure),
            _ => None,
        });
        let state = operation_state(decided.iter().map(|one| &one.outcome));
        let envelope = &first.item.envelope;
        info!(
            database = envelope.database,
            table = envelope.table,
            sources = decided.len(),
            state,
            "ingested a batch"
        );
        self.engine.record_operation(OperationRecord {
            operation_id,
            operation: OPERATION.to_owned(),
            database: envelope.database.clone(),
            table: envelope.table.clone(),
            started_on,
            last_updated_on: datetime::now(),
            state: state.to_owned(),
            status: failed.map(|f| f.details.clone()).unwrap_or_default(),
            root_activity_id: first.activity_id,
            should_retry: failed.is_some_and(should_retry),
        });
    }

    async fn finish(self: Arc<Self>, operation_id: Uuid, one: Decided) {
        let _permit = self.reports.acquire().await;
        let item = &one.item;
        if let Ok(work) = &item.work {
            self.loader
                .clean_up(&item.envelope, work, &one.outcome)
                .await;
        }
        let report = Report {
            envelope: &item.envelope,
            outcome: &one.outcome,
            operation_id,
            activity_id: one.activity_id,
            decided_on: one.decided_on,
        };
        self.reporter.send(&report).await;
        let removed = self
            .storage
            .remove_message(&item.queue, &item.message)
            .await;
        if let Err(error) = removed {
            warn!(source = %item.envelope.id, %error, "a finished message could not be removed");
        }
    }
}

fn should_retry(failure: &Failure) -> bool {
    failure.code.status() == FailureStatus::Exhausted
}

fn failure_record(operation_id: Uuid, one: &Decided, failure: &Failure) -> IngestionFailureRecord {
    let envelope = &one.item.envelope;
    let properties = one
        .item
        .work
        .as_ref()
        .map(|work| work.properties.describe());
    let kind = match failure.code.status() {
        FailureStatus::Permanent => "Permanent",
        FailureStatus::Exhausted => "Transient",
    };
    IngestionFailureRecord {
        operation_id,
        database: envelope.database.clone(),
        table: envelope.table.clone(),
        failed_on: one.decided_on,
        source_path: envelope.source_path.clone(),
        details: failure.details.clone(),
        error_code: failure.code.name().to_owned(),
        failure_kind: kind.to_owned(),
        root_activity_id: one.activity_id,
        operation_kind: OPERATION.to_owned(),
        originates_from_update_policy: failure.code.is_of_update_policy(),
        should_retry: should_retry(failure),
        ingestion_properties: properties.unwrap_or_default(),
    }
}

/// The operation's state: that of its sources when they agree.
fn operation_state<'o>(outcomes: impl Iterator<Item = &'o Outcome>) -> &'static str {
    let (mut succeeded, mut failed) = (false, false);
    for outcome in outcomes {
        succeeded |= matches!(outcome, Outcome::Succeeded { .. });
        failed |= matches!(outcome, Outcome::Failed(_));
    }
    match (succeeded, failed) {
        (true, true) => "PartiallySucceeded",
        (true, false) => "Completed",
        (false, true) => "Failed",
        (false, false) => "Skipped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingestor::failure::ErrorCode;

    #[test]
    fn the_operation_is_what_its_sources_are() {
        let failure = Failure::new(ErrorCode::EmptyBlob, "");
        let failed = Outcome::Failed(failure.clone());
        let skipped = Outcome::Skipped(failure);
        let done = Outcome::Succeeded { rows: 1 };
        let state = |outcomes: &[&Outcome]| operation_state(outcomes.iter().copied());
        assert_eq!(state(&[&done, &done]), "Completed");
        assert_eq!(state(&[&done, &skipped]), "Completed");
        assert_eq!(state(&[&failed, &skipped]), "Failed");
        assert_eq!(state(&[&done, &failed]), "PartiallySucceeded");
        assert_eq!(state(&[&skipped]), "Skipped");
    }
}
