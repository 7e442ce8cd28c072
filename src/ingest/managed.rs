//! Managed ingestion: data is streamed where that is possible, and queued where it is not. The only one that knows both
//! ways in.

mod blob;

use std::sync::Arc;

use tokio::time::Instant;

use super::ahead;
use super::data::{Data, Unopened};
use super::item::{Formats, Item, naming, streamed};
use super::policy::size::{Size, is_beyond};
use super::policy::states::{Admission, Barrier, Name, TableStates, Ticket};
use super::policy::{Facts, Reason, decide};
use super::queued::QueuedIngestor;
use super::receipt::{Receipt, StreamingNotes};
use super::streaming::{Failure, Shipment, Streamer};
use crate::error::{Error, Result, RetryClass};
use crate::log::events;
use crate::op::{Scope, before_hand_over, context};
use crate::pipeline::Pipeline;
use crate::props::{Fallback, IngestionProperties};
use crate::source::{BlobSource, Compression, Content, Source};

/// What the ids of its streaming requests begin with, as those of the official SDKs do.
const ACTIVITY: &str = "KRC.executeManagedStreamingIngest";

/// Managed ingestion for one client.
#[derive(Debug)]
pub(crate) struct ManagedIngestor {
    streamer: Arc<Streamer>,
    queued: Arc<QueuedIngestor>,
    pipeline: Pipeline,
    formats: Arc<Formats>,
    states: TableStates,
    /// How much of the estimate's limit is used.
    size_factor: f64,
}

/// The table of a call, and what is known of it.
struct Target<'a> {
    props: &'a IngestionProperties,
    name: Name,
    /// How much of the estimate's limit it takes.
    factor: f64,
}

impl ManagedIngestor {
    pub(crate) fn new(
        streamer: Arc<Streamer>,
        queued: Arc<QueuedIngestor>,
        pipeline: Pipeline,
        formats: Arc<Formats>,
        size_factor: f64,
    ) -> Self {
        Self {
            streamer,
            queued,
            pipeline,
            formats,
            states: TableStates::default(),
            size_factor,
        }
    }

    /// Forgets what is known of a table.
    pub(crate) fn forget(&self, database: &str, table: &str) {
        self.states.forget(&Name::new(database, table));
    }

    /// Streams the source or queues it. When it returns an error that is not in doubt, nothing was ingested or posted
    /// (except for [`ErrorKind::Partial`](crate::error::ErrorKind::Partial), which lists what was).
    pub(crate) async fn ingest(
        &self,
        scope: &Scope,
        source: Source,
        props: &IngestionProperties,
    ) -> Result<Receipt> {
        props.validate()?;
        source.check()?;
        let name = Name::new(props.database(), props.table());
        let factor = self.size_factor * self.states.factor(&name, Instant::now());
        let target = Target {
            props,
            name,
            factor,
        };
        match source.content {
            Content::Blobs(blobs) => self.ingest_blobs(scope, blobs, &target).await,
            _ => self.ingest_local(scope, source, &target).await,
        }
    }

    async fn ingest_local(
        &self,
        scope: &Scope,
        source: Source,
        target: &Target<'_>,
    ) -> Result<Receipt> {
        let path = source.path();
        let (path, props) = (path.as_deref(), target.props);
        let unopened = Unopened::new(&self.formats, source, props);
        let unopened = unopened.map_err(|error| naming(path, error))?;
        let is_gzip = unopened.encoding.source == Compression::Gzip;
        let format = unopened.format.format;
        let is_large = |size| is_beyond(size, format, is_gzip, target.factor);
        let facts = Facts {
            property: props.cannot_stream(false),
            zipped: unopened.encoding.source == Compression::Zip,
            is_large: is_large(unopened.known_size()),
            ..Facts::default()
        };
        if let Some(cause) = self.obstacle(&facts, target) {
            let queueing = self.queued.ingest_unopened(scope, unopened, path, props);
            return Ok(queueing.await?.with_notes(because_of(cause)));
        }
        let name = unopened.blob_name(props);
        let reading = async {
            let mut data = unopened.open(&self.pipeline, props)?;
            let ahead = ahead::read(scope, &mut data, is_large).await?;
            let facts = Facts {
                has_more_members: ahead.is_whole() && data.has_more_members(scope).await?,
                ..Facts::default()
            };
            let can_stream = ahead.is_whole() && decide(&facts).is_none();
            Ok((data, can_stream))
        };
        let read = before_hand_over(Box::pin(reading)).await;
        let (mut data, can_stream) = read.map_err(|error| naming(path, error))?;
        let notes = match can_stream {
            true => match self.stream(scope, &mut data, target).await {
                Ok(Streamed::Done(receipt)) => return Ok(*receipt),
                Ok(Streamed::ForQueue(notes)) => notes,
                Err(error) => return Err(naming(path, error)),
            },
            false => StreamingNotes::default(),
        };
        let queueing = self.queued.ingest_data(scope, (data, name), path, props);
        after(notes, queueing.await)
    }

    /// Whether something is known to be against streaming; with it the error of an earlier call, if that is what.
    fn obstacle(&self, facts: &Facts<'_>, target: &Target<'_>) -> Option<Option<Error>> {
        if decide(facts).is_some() {
            return Some(None);
        }
        let closed = self
            .states
            .closed(&target.name, self.heeds_off(), Instant::now());
        closed.map(|barrier| Some(known(barrier, target.props)))
    }

    /// Whether a table is queued without another try while streaming is known to be off.
    fn heeds_off(&self) -> bool {
        self.streamer.rules().unavailable == Fallback::Queue
    }

    /// Streams what was read, which is all of it.
    async fn stream(
        &self,
        scope: &Scope,
        data: &mut Data,
        target: &Target<'_>,
    ) -> Result<Streamed> {
        let (shipment, item) = data.shipment(target.props, ACTIVITY)?;
        let streamed = self.send(scope, item, &shipment, target).await?;
        if matches!(streamed, Streamed::Done(_)) {
            data.meter.add_sent(shipment.load.len());
        }
        Ok(streamed)
    }

    async fn send(
        &self,
        scope: &Scope,
        item: Item,
        shipment: &Shipment<'_>,
        target: &Target<'_>,
    ) -> Result<Streamed> {
        let admitted = self
            .states
            .admit(target.name.clone(), self.heeds_off(), Instant::now());
        let ticket = match admitted {
            Admission::Open(ticket) => ticket,
            Admission::Closed(barrier) => {
                let cause = known(barrier, target.props);
                return Ok(Streamed::ForQueue(because_of(Some(cause))));
            }
        };
        let sending = self.streamer.send(scope, shipment, Some(&ticket));
        match context::for_item(item.source_id, sending).await {
            Ok(notes) => {
                ticket.succeeded();
                let receipt = streamed(target.props, vec![item]).with_notes(notes);
                Ok(Streamed::Done(Box::new(receipt)))
            }
            Err(failure) => conclude(*failure, ticket, target).map(Streamed::ForQueue),
        }
    }

    async fn ingest_blobs(
        &self,
        scope: &Scope,
        blobs: Vec<BlobSource>,
        target: &Target<'_>,
    ) -> Result<Receipt> {
        let props = target.props;
        let mut items = self.formats.blob_items(blobs.clone(), props)?;
        let facts = Facts {
            property: props.cannot_stream(true),
            sources: items.len(),
            ..Facts::default()
        };
        let notes = match (self.obstacle(&facts, target), items.pop()) {
            // The only one: more than one are an obstacle.
            (None, Some(item)) => match Box::pin(self.stream_blob(scope, item, target)).await? {
                Streamed::Done(receipt) => return Ok(*receipt),
                Streamed::ForQueue(notes) => notes,
            },
            (cause, _) => because_of(cause.flatten()),
        };
        let queueing = self.queued.ingest_blobs(scope, blobs, props);
        after(notes, queueing.await)
    }

    /// Lets the engine read the blob, if it is known not to be too large for that.
    async fn stream_blob(
        &self,
        scope: &Scope,
        item: Item,
        target: &Target<'_>,
    ) -> Result<Streamed> {
        let compression = Compression::from_name(&item.blob_path);
        let stored = match item.bytes_raw {
            Some(_) => None,
            None => blob::size(scope, self.streamer.transport(), item.blob.expose()).await,
        };
        let size = Size {
            raw: item.bytes_raw,
            wire: stored.unwrap_or_default(),
        };
        let (format, is_gzip) = (item.format.format, compression == Compression::Gzip);
        let facts = Facts {
            zipped: item.is_zip(),
            is_large: is_beyond(size, format, is_gzip, target.factor),
            is_of_unknown_size: item.bytes_raw.is_none() && stored.is_none(),
            ..Facts::default()
        };
        if decide(&facts).is_some() {
            return Ok(Streamed::ForQueue(StreamingNotes::default()));
        }
        let shipment = item.shipment(target.props, ACTIVITY);
        self.send(scope, item, &shipment, target).await
    }
}

/// How an attempt to stream ended.
enum Streamed {
    Done(Box<Receipt>),
    /// The queue is next, and what its receipt says of the attempt.
    ForQueue(StreamingNotes),
}

/// What a failure to stream means for the table, and for the receipt of the queue.
///
/// # Errors
/// When the queue is not next.
fn conclude(failure: Failure, ticket: Ticket<'_>, target: &Target<'_>) -> Result<StreamingNotes> {
    let Failure {
        error,
        reason,
        retry_after,
        is_for_queue,
        mut notes,
    } = failure;
    // A table that was not found is awaited, and an engine that cannot be reached is left alone, only where the queue is
    // to take the data meanwhile.
    let is_awaited = |reason| !matches!(reason, Reason::NotFound | Reason::Unreached);
    let reason = reason.filter(|reason| is_for_queue || is_awaited(*reason));
    let is_first = reason.is_some_and(|reason| {
        ticket.failed((reason, is_for_queue), retry_after, &error, Instant::now())
    });
    if !is_for_queue {
        return Err(error);
    }
    if is_first {
        note(&error, target.props);
    }
    notes.fallback_cause = Some(error);
    Ok(notes)
}

/// The error of an earlier call because of which this one is queued.
fn known(barrier: Barrier, props: &IngestionProperties) -> Error {
    if barrier.is_first {
        note(&barrier.cause, props);
    }
    barrier.cause
}

/// Says that data is queued for a while.
fn note(error: &Error, props: &IngestionProperties) {
    events::StreamingFallback {
        database: props.database(),
        table: props.table(),
        host: error.host().unwrap_or_default(),
        error,
    }
    .emit();
}

/// The notes of a call that did not try to stream.
fn because_of(cause: Option<Error>) -> StreamingNotes {
    StreamingNotes {
        fallback_cause: cause,
        ..StreamingNotes::default()
    }
}

/// What the queue ended with, after streaming had failed.
fn after(notes: StreamingNotes, queued: Result<Receipt>) -> Result<Receipt> {
    match queued {
        Ok(receipt) => Ok(receipt.with_notes(notes)),
        Err(error) => {
            let mut attempts: Vec<Error> = notes.fallback_cause.into_iter().collect();
            attempts.extend_from_slice(error.attempts());
            let error = match error.attempts().is_empty() {
                true => error.after(attempts),
                false => error.with_attempts(attempts),
            };
            Err(match notes.possibly_duplicated {
                true => error.with_in_doubt(true).with_retry(RetryClass::Unknown),
                false => error,
            })
        }
    }
}
