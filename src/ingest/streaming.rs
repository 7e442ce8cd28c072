//! Streaming ingestion: the data of a call in one request to the engine.

mod answer;
mod places;
mod send;

use std::sync::Arc;

use super::ahead::{self, Ahead, Share, Uncounted};
use super::data::{Data, Unopened};
use super::item::{Formats, Item, naming, partial, streamed};
use super::policy::{self, Facts, size};
use super::receipt::{Receipt, StreamingNotes};
use crate::error::{Result, Step};
use crate::op::{Scope, before_hand_over, context};
use crate::pipeline::Pipeline;
use crate::props::IngestionProperties;
use crate::secret::Secret;
use crate::source::{BlobSource, Compression, Content, Source};

#[cfg(any(test, feature = "fuzz"))]
pub(crate) use super::policy::Content as AnswerContent;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) use answer::content as answer_content;
#[cfg(test)]
pub(super) use answer::read;
pub(super) use send::{Failure, Load, Shipment};
pub(crate) use send::{Settings, Streamer};

/// Streaming ingestion for one client.
#[derive(Debug)]
pub(crate) struct StreamingIngestor {
    streamer: Arc<Streamer>,
    pipeline: Pipeline,
    formats: Arc<Formats>,
    uncounted: Uncounted,
}

impl StreamingIngestor {
    pub(crate) fn new(streamer: Arc<Streamer>, pipeline: Pipeline, formats: Arc<Formats>) -> Self {
        let uncounted = Uncounted::new(pipeline.budget().total());
        Self {
            streamer,
            pipeline,
            formats,
            uncounted,
        }
    }

    /// Host of the engine.
    pub(crate) fn host(&self) -> String {
        self.streamer.host()
    }

    /// Streams the source. When it returns an error that is not in doubt, nothing was ingested (except for
    /// [`ErrorKind::Partial`](crate::error::ErrorKind::Partial), which lists what was).
    pub(crate) async fn ingest(
        &self,
        scope: &Scope,
        source: Source,
        props: &IngestionProperties,
    ) -> Result<Receipt> {
        props.validate()?;
        source.check()?;
        match source.content {
            Content::Blobs(blobs) => self.ingest_blobs(scope, blobs, props).await,
            _ => self.ingest_local(scope, source, props).await,
        }
    }

    async fn ingest_local(
        &self,
        scope: &Scope,
        source: Source,
        props: &IngestionProperties,
    ) -> Result<Receipt> {
        let path = source.path();
        let named = |error| naming(path.as_deref(), error);
        let reading = Box::pin(self.read(scope, source, props));
        let (data, _share) = before_hand_over(reading).await.map_err(named)?;
        let (shipment, item) = data.shipment(props, ACTIVITY).map_err(named)?;
        let sent = self.streamer.send(scope, &shipment, None).await;
        let notes = sent.map_err(|failure| named(failure.error))?;
        data.meter.add_sent(shipment.load.len());
        Ok(streamed(props, vec![item]).with_notes(notes))
    }

    /// All of the data, in memory; with its part of what is beside the budget.
    async fn read(
        &self,
        scope: &Scope,
        source: Source,
        props: &IngestionProperties,
    ) -> Result<(Data, Share<'_>)> {
        let unopened = Unopened::new(&self.formats, source, props)?;
        let facts = Facts {
            property: props.cannot_stream(false),
            zipped: unopened.encoding.source == Compression::Zip,
            ..Facts::default()
        };
        if let Some(refusal) = policy::refusal(&facts) {
            return Err(refusal);
        }
        let need = unopened.need().unwrap_or_default();
        let mut share = self.uncounted.share(scope, need).await?;
        let mut data = unopened.open(&self.pipeline, props)?;
        loop {
            let most = |size: size::Size| size.wire > size::MAX_WIRE;
            match ahead::read(scope, &mut data, most).await? {
                Ahead::Whole(_) => break,
                Ahead::Beyond => return Err(policy::too_large()),
                Ahead::Pressed => share.take_ahead(&mut data)?,
            }
        }
        share.settle();
        let facts = Facts {
            has_more_members: data.has_more_members(scope).await?,
            ..Facts::default()
        };
        match policy::refusal(&facts) {
            Some(refusal) => Err(refusal),
            None => Ok((data, share)),
        }
    }

    /// A request for each blob, one after another.
    async fn ingest_blobs(
        &self,
        scope: &Scope,
        blobs: Vec<BlobSource>,
        props: &IngestionProperties,
    ) -> Result<Receipt> {
        let items = self.formats.blob_items(blobs, props)?;
        let facts = Facts {
            property: props.cannot_stream(true),
            zipped: items.iter().any(Item::is_zip),
            ..Facts::default()
        };
        if let Some(refusal) = policy::refusal(&facts) {
            return Err(refusal);
        }
        let mut notes = StreamingNotes::default();
        for (done, item) in items.iter().enumerate() {
            let shipment = item.shipment(props, ACTIVITY);
            let sending = self.streamer.send(scope, &shipment, None);
            match context::for_item(item.source_id, sending).await {
                Ok(of_item) => notes.add(of_item),
                Err(failure) if done == 0 => return Err(failure.error),
                Err(failure) => {
                    let in_doubt = failure.error.is_in_doubt() || notes.possibly_duplicated;
                    let error = partial(&items, done, failure.error);
                    return Err(error.with_in_doubt(in_doubt));
                }
            }
        }
        Ok(streamed(props, items).with_notes(notes))
    }
}

/// What the ids of its requests begin with, as those of the official SDKs do.
const ACTIVITY: &str = "KRC.executeStreamingIngest";

impl Data {
    /// What was read ahead, which is all of it, as one request; and what the receipt says about it.
    ///
    /// # Errors
    /// When it is not all: nothing may be sent of it then.
    pub(super) fn shipment<'a>(
        &self,
        props: &'a IngestionProperties,
        activity: &'static str,
    ) -> Result<(Shipment<'a>, Item)> {
        let load = Load::Data {
            blocks: self.feed.ahead().iter().cloned().collect(),
            is_gzip: self.encoding.gzip || self.encoding.source == Compression::Gzip,
        };
        let totals = self
            .feed
            .checked_totals(Step::StreamData, load.len() as u64)?;
        let item = Item {
            source_id: self.source_id,
            blob: Secret::new(""),
            blob_path: String::new(),
            bytes_raw: self.encoding.raw_size(totals.read, self.given_raw_size),
            bytes_sent: totals.produced,
            format: self.format,
        };
        Ok((Shipment::new(props, &item, activity, load), item))
    }
}

impl Item {
    /// Whether its blob is a zip archive, by its name.
    pub(super) fn is_zip(&self) -> bool {
        Compression::from_name(&self.blob_path) == Compression::Zip
    }

    /// A request for the service to read the blob.
    pub(super) fn shipment<'a>(
        &self,
        props: &'a IngestionProperties,
        activity: &'static str,
    ) -> Shipment<'a> {
        Shipment::new(props, self, activity, Load::Blob(self.blob.clone()))
    }
}

impl StreamingNotes {
    /// Those of one more item of the call.
    fn add(&mut self, other: Self) {
        self.attempts += other.attempts;
        self.possibly_duplicated |= other.possibly_duplicated;
        let failed = |policy: &&super::UpdatePolicy| policy.is_failure();
        // The first that failed, or the last.
        if self.update_policy.as_ref().filter(failed).is_none() {
            self.update_policy = other.update_policy;
        }
    }
}
