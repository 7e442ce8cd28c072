//! Queued ingestion: upload, status entity, message.

use std::sync::Arc;

use tokio::sync::Mutex;
use uuid::Uuid;

use super::catalog::message_flags;
use super::data::{Data, MAX_RAW_BYTES, Sent, Unopened};
use super::item::{Formats, Item, Resolved, naming, partial, receipt};
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
use crate::source::{BlobSource, Content, Source};
use crate::track::table::{self, PendingEntity};
use crate::upload::AzureContainers;
use crate::values::DateTime;

/// Queued ingestion for one client.
#[derive(Debug)]
pub(crate) struct QueuedIngestor {
    service: Arc<Service>,
    resources: Arc<Resources>,
    clock: Arc<dyn Clock>,
    pipeline: Pipeline,
    formats: Arc<Formats>,
}

/// The fields that all messages of one call share.
struct Call<'a> {
    scope: &'a Scope,
    props: &'a IngestionProperties,
    identity_token: Arc<Secret>,
}

/// What is said about data before it is read.
struct Named {
    /// The name of its blob.
    name: String,
    source_id: Uuid,
    format: Resolved,
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
        formats: Arc<Formats>,
    ) -> Self {
        Self {
            service,
            resources,
            clock,
            pipeline,
            formats,
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
        let unopened = Unopened::new(&self.formats, source, props)
            .map_err(|error| naming(path.as_deref(), error))?;
        self.ingest_unopened(scope, unopened, path.as_deref(), props)
            .await
    }

    /// Hands over data that nobody has read. `path` is that of its file, for errors.
    pub(super) async fn ingest_unopened(
        &self,
        scope: &Scope,
        unopened: Unopened,
        path: Option<&str>,
        props: &IngestionProperties,
    ) -> Result<Receipt> {
        let named = Named {
            name: unopened.blob_name(props),
            source_id: unopened.source_id,
            format: unopened.format,
        };
        let open = || unopened.open(&self.pipeline, props);
        self.hand_over_data(scope, named, open, path, props).await
    }

    /// Hands over data of which some was read ahead. Its blob has this name.
    pub(super) async fn ingest_data(
        &self,
        scope: &Scope,
        (data, name): (Data, String),
        path: Option<&str>,
        props: &IngestionProperties,
    ) -> Result<Receipt> {
        let named = Named {
            name,
            source_id: data.source_id,
            format: data.format,
        };
        self.hand_over_data(scope, named, || Ok(data), path, props)
            .await
    }

    async fn hand_over_data(
        &self,
        scope: &Scope,
        named: Named,
        open: impl FnOnce() -> Result<Data> + Send,
        path: Option<&str>,
        props: &IngestionProperties,
    ) -> Result<Receipt> {
        let sent = before_hand_over(Box::pin(self.send(scope, named, open, props))).await;
        let (call, sent) = sent.map_err(|error| naming(path, error))?;
        self.post(&call, sent, path).await
    }

    /// The message about data that is in a container.
    async fn post(&self, call: &Call<'_>, sent: Sent, path: Option<&str>) -> Result<Receipt> {
        let sent = Mutex::new(sent);
        let handed_over = self.hand_over_sent(call, &sent).await;
        let status_table = handed_over.map_err(|error| naming(path, error))?;
        Ok(receipt(
            call.props,
            status_table,
            vec![sent.into_inner().item],
        ))
    }

    /// Sends the data to a container. It is opened when there is one to send it to.
    async fn send<'a>(
        &self,
        scope: &'a Scope,
        named: Named,
        open: impl FnOnce() -> Result<Data> + Send,
        props: &'a IngestionProperties,
    ) -> Result<(Call<'a>, Sent)> {
        let call = self.begin(scope, props).await?;
        let lent = self.resources.get(scope).await?;
        let containers = AzureContainers::new(
            scope,
            self.service.transport(),
            &self.resources,
            lent.clone(),
            named.name,
        );
        self.check_draft(&call, &lent, &containers, named.source_id, named.format)?;
        let mut data = open()?;
        let item = data.upload(scope, &containers).await?;
        let lent = containers.lent();
        let data = Some(data);
        Ok((call, Sent { item, data, lent }))
    }

    pub(super) async fn ingest_blobs(
        &self,
        scope: &Scope,
        blobs: Vec<BlobSource>,
        props: &IngestionProperties,
    ) -> Result<Receipt> {
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
        let items = self.formats.blob_items(blobs, props)?;
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
}

/// Whether the source failed, not the storage and not the scope.
fn is_of_content(error: &Error) -> bool {
    matches!(error.step(), Step::ReadSource | Step::Compress)
        && !matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Cancelled)
}
