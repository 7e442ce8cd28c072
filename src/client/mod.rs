//! The client of one cluster.

mod builder;
mod catalog;
mod settings;
mod table_check;

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use crate::clock::{Clock, SystemClock};
use crate::connection::ConnectionString;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::ingest::managed::ManagedIngestor;
use crate::ingest::queued::QueuedIngestor;
use crate::ingest::streaming::{Streamer, StreamingIngestor};
use crate::ingest::{Formats, Receipt};
use crate::log::events;
use crate::op::context::Context;
use crate::op::{Boxed, CallOptions, Operation, Scope};
use crate::pipeline::Pipeline;
use crate::props::{IngestionMode, IngestionProperties};
use crate::query::request::{Kind, Service};
use crate::query::{DataSet, RequestProperties};
use crate::resources::Resources;
use crate::source::Source;
use crate::track::tracker::Tracker;
use crate::track::{IngestionStatus, OutcomeQuery, Report, Route, TrackingToken};

use settings::CallSettings;

pub use crate::pipeline::CompressionLevel;
pub use builder::ClientBuilder;
pub use table_check::TableCheck;

/// A client of one cluster: ingests, reads the status of ingestions, runs commands and queries.
///
/// Create one and keep it: it holds the connections, the tokens and the ingestion resources. It is
/// cheap to clone, and all methods may be called from any number of tasks. A call begins when its
/// method is called: its deadline runs from there. When the last clone is dropped, calls under way
/// are cancelled; [`Client::close`] ends ingestions in order. All methods must be called inside a
/// tokio runtime.
#[derive(Clone)]
pub struct Client {
    core: Arc<Core>,
    _cancel_on_drop: Arc<DropGuard>,
}

struct Core {
    service: Arc<Service>,
    resources: Arc<Resources>,
    queued: Arc<QueuedIngestor>,
    streaming: StreamingIngestor,
    managed: ManagedIngestor,
    /// How data gets to the service, unless its properties say it.
    mode: IngestionMode,
    tracker: Tracker,
    default_database: String,
    /// Where the log of its calls goes.
    context: Context,
    /// How long an ingestion goes on after a failure that may pass.
    retry_time: Duration,
    /// Cancelled when calls under way must end.
    closing: CancellationToken,
    /// Set when new calls are rejected.
    closed: AtomicBool,
    /// Ingestions under way.
    calls: AtomicUsize,
    /// Rings when the last of them has ended.
    idle: Notify,
}

impl Client {
    fn new(
        service: Arc<Service>,
        pipeline: Pipeline,
        settings: CallSettings,
        default_database: String,
        context: Context,
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let resources = Arc::new(Resources::new(service.clone(), clock.clone()));
        let closing = CancellationToken::new();
        let formats = Arc::new(Formats::default());
        let streamer = Arc::new(Streamer::new(service.clone(), settings.streaming));
        let queued = Arc::new(QueuedIngestor::new(
            service.clone(),
            resources.clone(),
            clock,
            pipeline.clone(),
            formats.clone(),
        ));
        let core = Core {
            tracker: Tracker::new(service.transport().clone(), resources.clone()),
            managed: ManagedIngestor::new(
                streamer.clone(),
                queued.clone(),
                pipeline.clone(),
                formats.clone(),
                settings.size_factor,
            ),
            queued,
            streaming: StreamingIngestor::new(streamer, pipeline, formats),
            mode: settings.mode,
            service,
            resources,
            default_database,
            context,
            retry_time: settings.retry_time,
            closing: closing.clone(),
            closed: AtomicBool::new(false),
            calls: AtomicUsize::new(0),
            idle: Notify::new(),
        };
        Self {
            core: Arc::new(core),
            _cancel_on_drop: Arc::new(closing.drop_guard()),
        }
    }

    /// Settings for a client of the cluster that the connection string names.
    pub fn builder(connection_string: &str) -> Result<ClientBuilder> {
        Ok(ClientBuilder::new(ConnectionString::parse(
            connection_string,
        )?))
    }

    /// The database of the connection string, or `NetDefaultDB`.
    pub fn default_database(&self) -> &str {
        &self.core.default_database
    }

    /// The engine's address: where queries and commands go.
    pub fn engine_endpoint(&self) -> &Url {
        self.core.service.endpoints().engine()
    }

    /// The data management endpoint's address.
    pub fn ingestion_endpoint(&self) -> &Url {
        self.core.service.endpoints().data_management()
    }

    /// Hands data over to the service, on the way that the properties or the client say ([`IngestionMode`]): by default
    /// it uploads the data unless it is already in storage, and posts a message. On success every byte was handed over
    /// as it was read.
    ///
    /// # Errors
    /// Nothing was posted, unless the error [is in doubt](Error::is_in_doubt) or is
    /// [`ErrorKind::Partial`]. Empty data (a file of 0 bytes, a reader at its end) is
    /// [`ErrorKind::InvalidArgument`].
    ///
    /// # Delivery
    /// At least once. The upload may be repeated: it replaces itself. The message that notifies the
    /// service is not repeated when it may have arrived: then the error is in doubt, and calling
    /// again may duplicate the data. With [`IngestionProperties::with_once`] the service skips the
    /// duplicate, which makes calling again safe and lets the library repeat the message itself;
    /// there it says what exactly is guaranteed.
    ///
    /// A streaming request of which nobody knows whether its data was ingested is not followed by another one, nor by
    /// the queue, unless [`ClientBuilder::in_doubt`] says so.
    pub fn ingest(
        &self,
        source: Source,
        props: &IngestionProperties,
        options: CallOptions,
    ) -> impl Future<Output = Result<Receipt>> + Send + use<> {
        self.core.clone().ingest(source, props.clone(), options)
    }

    /// As [`Client::ingest`], in the background. The properties are copied: changing them later
    /// does not affect the operation.
    pub fn start_ingest(
        &self,
        source: Source,
        props: &IngestionProperties,
        options: CallOptions,
    ) -> Operation<Receipt> {
        Operation::spawn(options, |options| self.ingest(source, props, options))
    }

    /// Lets managed ingestion stream to a table again at once, whatever it has learned about the table and the cluster:
    /// for after a change of a policy.
    pub fn forget_streaming_state(&self, database: &str, table: &str) {
        self.core.managed.forget(database, table);
    }

    /// The state of every item of an ingestion, read from the status table. Without a status table
    /// (see [`IngestionProperties::with_report_method`]) every item is
    /// [`Queued`](crate::track::ItemState::Queued). Failures to read it that may pass are waited out for
    /// the setting `retry time`, within the deadline. A table that has moved is found where the service
    /// lends it now.
    pub fn track(
        &self,
        token: &TrackingToken,
        options: CallOptions,
    ) -> impl Future<Output = Result<Report>> + Send + use<> {
        let token = token.clone();
        self.call(options, move |core, scope| async move {
            let scope = scope.patient(core.retry_time);
            let report = core.tracker.status(&scope, &token).await?;
            Ok(core.heeded(report).await)
        })
    }

    /// Reads the state every `poll` until no item is pending, or the deadline of `options` passes: the error
    /// says then how many are. Failures to read it that may pass, such as an outage of the network, are
    /// waited out until that deadline; a call without one ends when they last for the setting `retry time`.
    ///
    /// Needs a status table ([`ReportMethod::Table`](crate::props::ReportMethod::Table) or
    /// [`QueueAndTable`](crate::props::ReportMethod::QueueAndTable)): without it no end is ever seen, and the
    /// call fails with [`ErrorKind::InvalidState`]. A failed ingestion
    /// is a state, not an error: look at each.
    pub fn track_until_final(
        &self,
        token: &TrackingToken,
        poll: Duration,
        options: CallOptions,
    ) -> impl Future<Output = Result<Report>> + Send + use<> {
        let token = token.clone();
        self.call(options, move |core, scope| async move {
            let scope = scope.patient(core.retry_time);
            let report = core.tracker.until_final(&scope, &token, poll).await?;
            Ok(core.heeded(report).await)
        })
    }

    /// Reads failure or success notifications without removing them. Failures that may pass are waited
    /// out, as with [`Client::track`].
    pub fn peek_outcomes(
        &self,
        query: &OutcomeQuery,
        options: CallOptions,
    ) -> impl Future<Output = Result<Report>> + Send + use<> {
        let query = query.clone();
        self.call(options, move |core, scope| async move {
            let scope = scope.patient(core.retry_time);
            let report = core.tracker.peek_outcomes(&scope, &query).await?;
            Ok(core.heeded(report).await)
        })
    }

    /// Removes failure or success notifications from their queues. All clients of the cluster share
    /// the queues: see [`OutcomeQuery::only`]. Failures that may pass are waited out, as with
    /// [`Client::track`], while there are none to return.
    pub fn take_outcomes(
        &self,
        query: &OutcomeQuery,
        options: CallOptions,
    ) -> impl Future<Output = Result<Report>> + Send + use<> {
        let query = query.clone();
        self.call(options, move |core, scope| async move {
            let scope = scope.patient(core.retry_time);
            let report = core.tracker.take_outcomes(&scope, &query).await?;
            Ok(core.heeded(report).await)
        })
    }

    /// Runs a management command (a text that begins with a dot). It is sent once: only its author
    /// knows whether it may be repeated.
    pub fn management(
        &self,
        database: &str,
        command: &str,
        properties: &RequestProperties,
        options: CallOptions,
    ) -> impl Future<Output = Result<DataSet>> + Send + use<> {
        self.run(Kind::Command, database, command, properties, options)
    }

    /// Runs a query.
    pub fn query(
        &self,
        database: &str,
        query: &str,
        properties: &RequestProperties,
        options: CallOptions,
    ) -> impl Future<Output = Result<DataSet>> + Send + use<> {
        self.run(Kind::Query, database, query, properties, options)
    }

    /// Runs a text: a management command when it begins with a dot, else a query. Comments and
    /// invisible characters in front do not count.
    pub fn execute(
        &self,
        database: &str,
        text: &str,
        properties: &RequestProperties,
        options: CallOptions,
    ) -> impl Future<Output = Result<DataSet>> + Send + use<> {
        self.run(Kind::of(text), database, text, properties, options)
    }

    fn run(
        &self,
        kind: Kind,
        database: &str,
        text: &str,
        properties: &RequestProperties,
        options: CallOptions,
    ) -> impl Future<Output = Result<DataSet>> + Send + use<> {
        let (database, text) = (database.to_owned(), text.to_owned());
        let properties = properties.clone();
        self.call(options, move |core, scope| async move {
            check_text(kind, &text)?;
            core.service
                .run(&scope, kind, &database, &text, &properties)
                .await
        })
    }

    /// Fetches the token, ingestion resources and identity token now, for programs that want to
    /// fail early. Optional.
    pub fn warm_up(&self, options: CallOptions) -> impl Future<Output = Result<()>> + Send + use<> {
        self.call(options, move |core, scope| async move {
            core.resources.get(&scope).await?;
            core.resources.identity_token(&scope).await?;
            Ok(())
        })
    }

    /// As [`Client::warm_up`], and checks what the properties name: that the database, the table and
    /// the mapping (if one is referenced) exist, and that this login may ingest. Queued ingestion
    /// itself reports such mistakes only later, as its status. For streaming ingestion it checks the
    /// policy of the table or its database as well, an error of [`ErrorKind::Config`]; managed ingestion
    /// queues where that is off.
    ///
    /// It reads `.show table T cslschema`, `.show tables`, `.show databases`, `.show table T
    /// ingestion mappings`, `.show database D ingestion mappings`, `current_principal()` and `.show
    /// principal access`, and for streaming `.show table T policy streamingingestion` and that of the
    /// database. A login that may ingest need not be allowed to read these (`.show`
    /// commands need the roles viewer or monitor of the database): what it may not read is in
    /// [`TableCheck::unchecked`] and in the log as a warning, and is no error.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] says what is missing, with the name it was probably meant to be;
    /// [`ErrorKind::Auth`] says that the login may not ingest; any error of [`Client::warm_up`] and
    /// of the requests.
    pub fn warm_up_table(
        &self,
        props: &IngestionProperties,
        options: CallOptions,
    ) -> impl Future<Output = Result<TableCheck>> + Send + use<> {
        let props = props.clone();
        self.call(options, move |core, scope| async move {
            core.resources.get(&scope).await?;
            core.resources.identity_token(&scope).await?;
            table_check::Checking::run(&core, &scope, &props).await
        })
    }

    /// A call of this client. It begins here, not at its first poll: its deadline starts now. It
    /// holds only the core, so that dropping the last client cancels it.
    fn call<T, Work, Call>(
        &self,
        options: CallOptions,
        work: Call,
    ) -> impl Future<Output = Result<T>> + Send + use<T, Work, Call>
    where
        Work: Future<Output = Result<T>> + Send,
        Call: FnOnce(Arc<Core>, Scope) -> Work + Send,
    {
        let core = self.core.clone();
        let scope = core.scope(&options);
        async move {
            let context = core.context.clone();
            context.run(Box::pin(work(core, scope?))).await
        }
    }

    /// Rejects new calls, waits for ingestions under way up to `timeout`, then cancels the rest.
    /// Returns how many were cancelled.
    pub async fn close(&self, timeout: Duration) -> usize {
        self.core.closed.store(true, Ordering::SeqCst);
        let finished = tokio::time::timeout(timeout, self.core.finished()).await;
        let left = match finished {
            Ok(()) => 0,
            Err(_) => self.core.calls.load(Ordering::SeqCst),
        };
        self.core.closing.cancel();
        left
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.engine_endpoint())
    }
}

impl Core {
    /// A report, after acting on what it says about this client.
    async fn heeded(&self, report: Report) -> Report {
        if report.items().iter().any(IngestionStatus::is_token_refused) {
            self.resources.give_up_token().await;
        }
        report
    }

    /// Ends once no ingestion is under way.
    async fn finished(&self) {
        loop {
            let mut idle = pin!(self.idle.notified());
            // From here on it hears of each end.
            idle.as_mut().enable();
            if self.calls.load(Ordering::SeqCst) == 0 {
                return;
            }
            idle.await;
        }
    }

    fn scope(&self, options: &CallOptions) -> Result<Scope> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(Error::new(
                ErrorKind::InvalidState,
                Step::CheckArguments,
                "the client is closed",
            ));
        }
        let scope = Scope::new(options, self.closing.clone());
        scope.check(Step::CheckArguments)?;
        Ok(scope)
    }

    /// The way that the properties or the client say.
    fn hand_over<'a>(
        &'a self,
        scope: &'a Scope,
        source: Source,
        props: &'a IngestionProperties,
    ) -> Boxed<'a, Receipt> {
        match props.mode().unwrap_or(self.mode) {
            IngestionMode::Queued => Box::pin(self.queued.ingest(scope, source, props)),
            IngestionMode::Streaming => Box::pin(self.streaming.ingest(scope, source, props)),
            IngestionMode::Managed => Box::pin(self.managed.ingest(scope, source, props)),
        }
    }

    /// The line of an ingestion in the log.
    fn note(&self, props: &IngestionProperties, duration_ms: Duration, result: &Result<Receipt>) {
        let (database, table) = (props.database(), props.table());
        match result {
            Ok(receipt) if receipt.route() == Route::Streamed => events::IngestionStreamed {
                database,
                table,
                raw_bytes: receipt.bytes_raw(),
                sent_bytes: receipt.bytes_sent(),
                sources: receipt.items().len() as u64,
                attempts: receipt.attempts().into(),
                duration_ms,
                host: &self.streaming.host(),
            }
            .emit(),
            Ok(receipt) => events::IngestionQueued {
                database,
                table,
                raw_bytes: receipt.bytes_raw(),
                sent_bytes: receipt.bytes_sent(),
                sources: receipt.items().len() as u64,
                duration_ms,
                host: self.resources.host(),
            }
            .emit(),
            Err(error) => events::IngestionFailed {
                database,
                table,
                duration_ms,
                host: error.host().unwrap_or(self.resources.host()),
                error,
            }
            .emit(),
        }
    }

    fn ingest(
        self: Arc<Self>,
        mut source: Source,
        props: IngestionProperties,
        options: CallOptions,
    ) -> impl Future<Output = Result<Receipt>> + Send + 'static {
        // Counted and checked here, not at the first poll: `close` lets calls finish that began
        // before it, and the deadline runs from the call.
        let call = CallGuard::begin(self);
        let scope = call.0.scope(&options);
        // Boxed at once, as every layer above would hold it in its own.
        Box::pin(async move {
            let core = &call.0;
            let scope = scope?.patient(core.retry_time);
            let source_id = source.identify();
            let id = props.request_id(source_id);
            let ingesting = Box::pin(async {
                let begun = Instant::now();
                let result = core.hand_over(&scope, source, &props).await;
                let result = result.map_err(|error| match error.client_request_id() {
                    Some(_) => error,
                    None => error.with_client_request_id(&id),
                });
                core.note(&props, begun.elapsed(), &result);
                result
            });
            let context = core.context.of_ingestion(&id, source_id);
            context.run(ingesting).await
        })
    }
}

/// Counts an ingestion while it lives.
struct CallGuard(Arc<Core>);

impl CallGuard {
    fn begin(core: Arc<Core>) -> Self {
        core.calls.fetch_add(1, Ordering::SeqCst);
        Self(core)
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        if self.0.calls.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

fn check_text(kind: Kind, text: &str) -> Result<()> {
    let argument = match kind {
        Kind::Command => "command",
        Kind::Query => "query",
    };
    match text.trim().is_empty() {
        true => Err(Error::invalid_argument(argument, "must not be empty")),
        false => Ok(()),
    }
}
