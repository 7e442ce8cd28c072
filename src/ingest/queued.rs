//! Queued ingestion: upload, status entity, message.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Mutex;
use uuid::Uuid;

use super::blob_name::blob_name;
use super::catalog::message_flags;
use super::data::{Data, MAX_RAW_BYTES, Sent, known_size, open, work};
use super::item::{Item, Resolved, partial, receipt};
use super::receipt::Receipt;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::log::events;
use crate::op::{Scope, before_hand_over, context};
use crate::pipeline::Pipeline;
use crate::post::message::{self, Message, StatusInTable};
use crate::post::queue;
use crate::props::{IngestionProperties, ReportMethod};
use crate::query::request::Service;
use crate::resources::{IngestionResources, Queue, Resources, StatusTable};
use crate::secret::{Secret, SecretUrl};
use crate::source::Compression;
use crate::source::encoding::Encoding;
use crate::source::form;
use crate::source::progress::Meter;
use crate::source::{BlobSource, Content, Source};
use crate::track::table::{self, PendingEntity};
use crate::upload::{AzureContainers, Feed};
use crate::values::DateTime;

/// Queued ingestion for one client.
#[derive(Debug)]
pub(crate) struct QueuedIngestor {
    service: Arc<Service>,
    resources: Arc<Resources>,
    clock: Arc<dyn Clock>,
    pipeline: Pipeline,
    /// Whether the log says already that the default format was used.
    said_default: AtomicBool,
}

/// The fields that all messages of one call share.
struct Call<'a> {
    scope: &'a Scope,
    props: &'a IngestionProperties,
    identity_token: Arc<Secret>,
}

impl<'a> Call<'a> {
    /// The same call within another scope.
    fn within<'b>(&'b self, scope: &'b Scope) -> Call<'b> {
        Call {
            scope,
            props: self.props,
            identity_token: self.identity_token.clone(),
        }
    }
}

impl QueuedIngestor {
    pub(crate) fn new(
        service: Arc<Service>,
        resources: Arc<Resources>,
        clock: Arc<dyn Clock>,
        pipeline: Pipeline,
    ) -> Self {
        Self {
            service,
            resources,
            clock,
            pipeline,
            said_default: AtomicBool::new(false),
        }
    }

    /// Hands the source over. When it returns an error that is not in doubt, nothing was posted
    /// (except for [`ErrorKind::Partial`], which lists what was).
    pub(crate) async fn ingest(
        &self,
        scope: &Scope,
        source: Source,
        props: &IngestionProperties,
    ) -> Result<Receipt> {
        props.validate()?;
        match source.content {
            Content::Blobs(_) if source.has_local_settings() => Err(Error::invalid_argument(
                "source",
                "is blobs, whose ids and sizes are set on each blob: an id, a compression, a raw \
                 size or a name of the source as a whole means nothing",
            )),
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
        let sent = before_hand_over(Box::pin(self.send(scope, source, props))).await;
        let (call, sent) = sent.map_err(named)?;
        let sent = Mutex::new(sent);
        let handed_over = self.hand_over_sent(&call, &sent).await;
        let status_table = handed_over.map_err(named)?;
        Ok(receipt(props, status_table, vec![sent.into_inner().item]))
    }

    /// Sends the data to a container.
    async fn send<'a>(
        &self,
        scope: &'a Scope,
        source: Source,
        props: &'a IngestionProperties,
    ) -> Result<(Call<'a>, Sent)> {
        let name = source.name.as_deref().unwrap_or_default();
        let resolved = self.resolve(props, name, source.compression)?;
        let format = resolved.format;
        let encoding = Encoding::decide(source.compression, source.name.as_deref(), format);
        let source_id = source.id.unwrap_or_else(Uuid::new_v4);
        let name = blob_name(
            props.database(),
            props.table(),
            source_id,
            source.name.as_deref(),
            format,
            &encoding,
        );
        let call = self.begin(scope, props).await?;
        let lent = self.resources.get(scope).await?;
        let containers = AzureContainers::new(
            scope,
            self.service.transport(),
            &self.resources,
            lent.clone(),
            name,
        );
        self.check_draft(&call, &lent, &containers, source_id, resolved)?;
        let meter = Meter::new(source.progress.clone(), known_size(&source));
        let given_raw_size = source.raw_size;
        let work = work(&encoding, format, props);
        let blocks = open(&self.pipeline, source.content, work, meter.clone())?;
        let mut data = Data {
            feed: Feed::new(blocks),
            meter,
            encoding,
            given_raw_size,
            source_id,
            format: resolved,
        };
        let item = data.upload(scope, &containers).await?;
        let lent = containers.lent();
        let data = Some(data);
        Ok((call, Sent { item, data, lent }))
    }

    async fn ingest_blobs(
        &self,
        scope: &Scope,
        blobs: Vec<BlobSource>,
        props: &IngestionProperties,
    ) -> Result<Receipt> {
        if blobs.is_empty() {
            return Err(Error::invalid_argument("source", "names no blob"));
        }
        if blobs.len() > 1
            && let Some(argument) = props.skips_all_but_the_first()
        {
            return Err(Error::invalid_argument(
                argument,
                format!(
                    "a key is for one source: of {} blobs the service would skip all but the first",
                    blobs.len()
                ),
            ));
        }
        let items = blobs
            .into_iter()
            .map(|blob| self.blob_item(blob, props))
            .collect::<Result<Vec<Item>>>()?;
        let call = before_hand_over(Box::pin(self.begin(scope, props))).await?;
        let mut status_table = None;
        for (done, item) in items.iter().enumerate() {
            let handing_over = self.hand_over(&call, item);
            match context::for_item(item.source_id, handing_over).await {
                Ok(table) => status_table = table,
                Err(error) if done == 0 => return Err(error),
                Err(error) => return Err(partial(&items, done, error)),
            }
        }
        Ok(receipt(props, status_table, items))
    }

    async fn begin<'a>(
        &self,
        scope: &'a Scope,
        props: &'a IngestionProperties,
    ) -> Result<Call<'a>> {
        let identity_token = self.resources.identity_token(scope).await?;
        Ok(Call {
            scope,
            props,
            identity_token,
        })
    }

    /// As [`hand_over`](Self::hand_over), for data that this client has uploaded: it goes along when
    /// the service lends other storage meanwhile.
    async fn hand_over_sent(&self, call: &Call<'_>, sent: &Mutex<Sent>) -> Result<Option<String>> {
        self.resources
            .with_fresh(call.scope, |scope, lent| async move {
                let mut sent = sent.lock().await;
                if !Arc::ptr_eq(&sent.lent, &lent) {
                    before_hand_over(Box::pin(self.follow(&scope, &lent, &mut sent))).await?;
                }
                self.hand_over_with(&call.within(&scope), &sent.item, lent)
                    .await
            })
            .await
    }

    /// Gives the item the signature of what is lent now. If its container is lent no longer, after
    /// the message was refused or no queue could be reached, the data is uploaded again: the service
    /// may not find it there. Data that cannot be read again, as a file that has changed, stays where
    /// it is: it is complete there.
    async fn follow(
        &self,
        scope: &Scope,
        lent: &Arc<IngestionResources>,
        sent: &mut Sent,
    ) -> Result<()> {
        if let Some(blob) = sent.item.signed_by(lent) {
            sent.item.blob = blob;
            sent.lent = lent.clone();
            return Ok(());
        }
        // What was lent before is good for a while: a change of the list alone says nothing.
        let Some(data) = sent.data.as_mut().filter(|_| scope.repeats()) else {
            return Ok(());
        };
        let containers = AzureContainers::new(
            scope,
            self.service.transport(),
            &self.resources,
            lent.clone(),
            sent.item.name().to_owned(),
        );
        let progress = data.meter.progress();
        match data.upload_again(scope, &containers).await {
            Ok(item) => {
                sent.item = item;
                sent.lent = containers.lent();
            }
            Err(error) if is_of_content(&error) => {
                events::UploadKept { error: &error }.emit();
                data.meter.restore(progress);
                sent.data = None;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Status entity and message. Returns the status table's address when it is used.
    async fn hand_over(&self, call: &Call<'_>, item: &Item) -> Result<Option<String>> {
        self.resources
            .with_fresh(call.scope, |scope, lent| async move {
                self.hand_over_with(&call.within(&scope), item, lent).await
            })
            .await
    }

    async fn hand_over_with(
        &self,
        call: &Call<'_>,
        item: &Item,
        lent: Arc<IngestionResources>,
    ) -> Result<Option<String>> {
        let transport = self.service.transport();
        let (input_queues, status_table, text) =
            before_hand_over(Box::pin(self.announce(call, item, &lent))).await?;
        let ranking = self.resources.ranking();
        let queues = ranking.order(input_queues);
        let idempotent = call.props.is_idempotent();
        let posting = queue::post(call.scope, transport, &queues, &ranking, &text, idempotent);
        let posted = Box::pin(posting).await;
        if let (Err(error), Some(status_table)) = (&posted, status_table)
            && !error.is_in_doubt()
        {
            let removing = table::remove(call.scope, transport, status_table, item.source_id);
            if let Err(left) = Box::pin(removing).await {
                events::StatusLeftBehind {
                    host: left.host().unwrap_or_default(),
                    error: &left,
                }
                .emit();
            }
        }
        posted.map(|()| status_table.map(|table| table.url().redacted().to_owned()))
    }

    /// The queues for the message, its text, and the status table, which has the item's entity then.
    async fn announce<'a>(
        &self,
        call: &Call<'_>,
        item: &Item,
        lent: &'a IngestionResources,
    ) -> Result<(&'a [Queue], Option<&'a StatusTable>, String)> {
        let input_queues = self.input_queues(lent)?;
        let status_table = self.status_table(call.props, lent)?;
        // Built before anything is written: a message that is too large must leave nothing behind.
        let text = self.message(call, item, status_table)?;
        if let Some(status_table) = status_table {
            let entity = PendingEntity {
                source_id: item.source_id,
                source_path: &item.blob_path,
                database: call.props.database(),
                table: call.props.table(),
                now: self.now()?,
            };
            let transport = self.service.transport();
            Box::pin(table::insert_pending(
                call.scope,
                transport,
                status_table,
                &entity,
            ))
            .await?;
        }
        Ok((input_queues, status_table, text))
    }

    fn input_queues<'a>(&self, lent: &'a IngestionResources) -> Result<&'a [Queue]> {
        if lent.input_queues.is_empty() {
            return Err(self.resources.missing("queue to post to"));
        }
        Ok(&lent.input_queues)
    }

    fn status_table<'a>(
        &self,
        props: &IngestionProperties,
        lent: &'a IngestionResources,
    ) -> Result<Option<&'a StatusTable>> {
        match props.report_method() {
            ReportMethod::Queue => Ok(None),
            ReportMethod::Table | ReportMethod::QueueAndTable => match lent.status_tables.first() {
                Some(table) => Ok(Some(table)),
                None => Err(self.resources.missing("status table")),
            },
        }
    }

    /// The text of the item's message.
    fn message(
        &self,
        call: &Call<'_>,
        item: &Item,
        status_table: Option<&StatusTable>,
    ) -> Result<String> {
        let (props, identity) = (call.props, self.service.identity());
        let message = Message {
            id: item.source_id,
            blob_path: item.blob.expose(),
            raw_data_size: item.bytes_raw,
            database_name: props.database(),
            table_name: props.table(),
            flags: message_flags(props),
            report_level: props.report_level() as i32,
            report_method: props.report_method() as i32,
            source_message_creation_time: self.now()?,
            application_for_tracing: identity.application(),
            client_version_for_tracing: identity.version(),
            ingestion_status_in_table: status_table.map(|table| StatusInTable {
                table_connection_string: table.url().expose().as_str(),
                partition_key: item.source_id,
                row_key: item.source_id,
            }),
            additional_properties: props
                .additional_properties_wire(&call.identity_token, item.format.format),
        };
        message.to_text()
    }

    /// A message that is too large for the queue, or has no queue, is rejected before anything is
    /// uploaded. The one for the first container is built if it can be too large.
    fn check_draft(
        &self,
        call: &Call<'_>,
        lent: &IngestionResources,
        containers: &AzureContainers<'_>,
        source_id: Uuid,
        format: Resolved,
    ) -> Result<()> {
        let url = containers
            .blob_url(0)
            .map_err(|_| self.resources.missing("container to upload to"))?;
        self.input_queues(lent)?;
        let status_table = self.status_table(call.props, lent)?;
        if self.surely_fits(call, &url, status_table) {
            return Ok(());
        }
        let item = Item {
            source_id,
            blob: Secret::from(&url),
            blob_path: String::new(),
            bytes_raw: Some(MAX_RAW_BYTES),
            bytes_sent: 0,
            format,
        };
        self.message(call, &item, status_table).map(drop)
    }

    /// Whether the message about this blob is small enough, whatever its texts are made of.
    fn surely_fits(
        &self,
        call: &Call<'_>,
        blob: &SecretUrl,
        status_table: Option<&StatusTable>,
    ) -> bool {
        let identity = self.service.identity();
        call.props.bounded_texts().is_some_and(|own| {
            let table = status_table.map_or("", |table| table.url().expose().as_str());
            let others = [
                blob.expose().as_str(),
                call.identity_token.expose(),
                identity.application(),
                identity.version(),
                table,
            ];
            let others = others.iter().map(|text| text.len()).sum::<usize>();
            message::surely_fits(own.saturating_add(others))
        })
    }

    fn now(&self) -> Result<DateTime> {
        DateTime::try_from(self.clock.now())
    }

    /// The format of data with this name. The service believes the declaration: a name that says
    /// another form is refused, and the default is said once.
    fn resolve(
        &self,
        props: &IngestionProperties,
        name: &str,
        compression: Option<Compression>,
    ) -> Result<Resolved> {
        let known = props.known_format(name);
        form::check_name(name, known, compression)?;
        let format = known.unwrap_or_default();
        props.check_format(format)?;
        let assumed = known.is_none();
        if assumed && !self.said_default.swap(true, Ordering::Relaxed) {
            events::FormatAssumed {
                format: format.wire_name(),
            }
            .emit();
        }
        Ok(Resolved { format, assumed })
    }

    fn blob_item(&self, blob: BlobSource, props: &IngestionProperties) -> Result<Item> {
        let path = blob.url.redacted().to_owned();
        let format = self.resolve(props, &path, None);
        let format = format.map_err(|error| naming(Some(&path), error))?;
        if let Some(size) = blob.raw_size.filter(|size| *size > MAX_RAW_BYTES)
            && !props.ignore_size_limit()
        {
            return Err(Error::new(
                ErrorKind::TooLarge,
                Step::CheckArguments,
                format!("{path} has {size} bytes, the service accepts {MAX_RAW_BYTES} per source"),
            )
            .with_argument("source"));
        }
        Ok(Item {
            source_id: blob.id.unwrap_or_else(Uuid::new_v4),
            blob: Secret::new(blob.url.expose()),
            blob_path: path,
            bytes_raw: blob.raw_size,
            bytes_sent: 0,
            format,
        })
    }
}

/// Whether the source failed, not the storage and not the scope.
fn is_of_content(error: &Error) -> bool {
    matches!(error.step(), Step::ReadSource | Step::Compress)
        && !matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Cancelled)
}

/// An error of the source's content names the file or the blob.
fn naming(source: Option<&str>, error: Error) -> Error {
    let is_content = matches!(error.step(), Step::ReadSource | Step::Compress)
        || error.argument() == Some("source");
    match source {
        Some(source) if is_content => error.about(source),
        _ => error,
    }
}
