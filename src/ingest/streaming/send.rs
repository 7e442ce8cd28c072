//! The requests of one call: attempts, pauses, and what they end with.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;
use uuid::Uuid;

use super::answer;
use super::places::{Place, Places};
use crate::error::{Error, ErrorKind, RetryClass, Step};
use crate::http::retry::remember;
use crate::http::transport::Transport;
use crate::ingest::item::Item;
use crate::ingest::policy::states::Ticket;
use crate::ingest::policy::{
    Moment, Next, Reason, Rules, Seen, Verdict, classify, follow, is_in_time, time_to_wait,
};
use crate::ingest::receipt::{StreamingNotes, UpdatePolicy};
use crate::log::events;
use crate::op::Scope;
use crate::op::ids::chance;
use crate::pipeline::Block;
use crate::props::{DataFormat, IngestionProperties, MappingSource};
use crate::query::request::{Service, StreamRequest};
use crate::secret::Secret;

const STEP: Step = Step::StreamData;

/// How long the service may take for a request, after it has left.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
const THROTTLED: Verdict = Verdict::Retry(Reason::Throttled);

/// The settings of streaming.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) rules: Rules,
    /// How many requests are under way at once.
    pub(crate) concurrency: usize,
}

/// Sends the streaming requests of one client.
#[derive(Debug)]
pub(crate) struct Streamer {
    service: Arc<Service>,
    rules: Rules,
    places: Places,
}

/// What is to be sent.
pub(in crate::ingest) enum Load {
    /// All of the data.
    Data { blocks: Vec<Block>, is_gzip: bool },
    /// The address of a blob, with its authorization.
    Blob(Secret),
}

impl Load {
    /// Bytes of data that this client sends.
    pub(in crate::ingest) fn len(&self) -> usize {
        match self {
            Self::Data { blocks, .. } => blocks.iter().map(|block| block.data().len()).sum(),
            Self::Blob(_) => 0,
        }
    }

    /// The body of a request. Most data is one block, which is not copied.
    fn body(&self) -> Bytes {
        match self {
            Self::Data { blocks, .. } => match blocks.as_slice() {
                [block] => block.data().clone(),
                blocks => {
                    let mut body = BytesMut::with_capacity(self.len());
                    blocks
                        .iter()
                        .for_each(|block| body.extend_from_slice(block.data()));
                    body.freeze()
                }
            },
            Self::Blob(url) => {
                let body = serde_json::json!({ "SourceUri": url.expose() });
                Bytes::from(body.to_string())
            }
        }
    }
}

/// One item that is streamed.
pub(in crate::ingest) struct Shipment<'a> {
    database: &'a str,
    table: &'a str,
    mapping: Option<&'a str>,
    format: DataFormat,
    /// What the ids of its requests begin with; behind it comes the number of the attempt.
    id: String,
    pub(in crate::ingest) load: Load,
}

impl<'a> Shipment<'a> {
    pub(super) fn new(
        props: &'a IngestionProperties,
        item: &Item,
        activity: &str,
        load: Load,
    ) -> Self {
        let mapping = match props.mapping() {
            MappingSource::Reference { name, .. } => Some(name.as_str()),
            _ => None,
        };
        Self {
            database: props.database(),
            table: props.table(),
            mapping,
            format: item.format.format,
            id: id(
                props.client_request_id().unwrap_or(activity),
                item.source_id,
            ),
            load,
        }
    }

    fn parameters(&self) -> Vec<(&str, &str)> {
        let kind = matches!(self.load, Load::Blob(_)).then_some(("sourceKind", "uri"));
        let mapping = self.mapping.map(|name| ("mappingName", name));
        let format = ("streamFormat", self.format.wire_name());
        [Some(format), mapping, kind]
            .into_iter()
            .flatten()
            .collect()
    }
}

fn id(begin: &str, source_id: Uuid) -> String {
    format!("{begin};{}", source_id.hyphenated())
}

/// Why a call did not stream.
pub(in crate::ingest) struct Failure {
    pub(in crate::ingest) error: Error,
    /// Of the last request; `None` for what failed before one was sent.
    pub(in crate::ingest) reason: Option<Reason>,
    pub(in crate::ingest) retry_after: Option<Duration>,
    /// Whether the queue is next.
    pub(in crate::ingest) is_for_queue: bool,
    /// What a receipt says of the requests, if the queue takes the data.
    pub(in crate::ingest) notes: StreamingNotes,
}

/// One request that failed.
struct Failed {
    error: Error,
    /// `None` for what no other attempt is made after: the end of the scope, a login that fails.
    verdict: Option<Verdict>,
    retry_after: Option<Duration>,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self {
            error,
            verdict: None,
            retry_after: None,
        }
    }
}

fn busy() -> Error {
    let message =
        "the client's other streaming requests left no place for one in the time that the call has";
    Error::new(ErrorKind::TimedOut, STEP, message).with_retry(RetryClass::Later)
}

fn too_late() -> Error {
    let message = "the call's deadline is too near to send a request: nothing was sent";
    Error::new(ErrorKind::TimedOut, STEP, message)
}

/// The requests of a call so far.
#[derive(Default)]
struct Course {
    made: u32,
    failed: Vec<Error>,
    /// Whether one of them may have ingested the data.
    is_in_doubt: bool,
}

impl Streamer {
    pub(crate) fn new(service: Arc<Service>, settings: Settings) -> Self {
        Self {
            service,
            rules: settings.rules,
            places: Places::new(settings.concurrency),
        }
    }

    /// Host of the engine.
    pub(crate) fn host(&self) -> String {
        self.service.engine_host()
    }

    /// What decides about its calls.
    pub(in crate::ingest) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What its requests go through.
    pub(in crate::ingest) fn transport(&self) -> &Transport {
        self.service.transport()
    }

    /// Sends it as often as the rules allow. With a ticket, the queue can take the data instead.
    pub(in crate::ingest) async fn send(
        &self,
        scope: &Scope,
        shipment: &Shipment<'_>,
        ticket: Option<&Ticket<'_>>,
    ) -> std::result::Result<StreamingNotes, Box<Failure>> {
        let (mut course, begun, host) = (Course::default(), Instant::now(), self.host());
        loop {
            let failed = match Box::pin(self.turn(scope, shipment, ticket, &mut course)).await {
                Ok(update_policy) => return Ok(course.ended(&host, begun, update_policy)),
                Err(failed) => failed,
            };
            let moment = Moment {
                made: course.made,
                left: scope.remaining(),
                may_queue: ticket.is_some(),
                retry_after: failed.retry_after,
                chance: chance().f64(),
                is_in_doubt: course.is_in_doubt,
            };
            let next = failed
                .verdict
                .map_or(Next::Fail, |verdict| follow(verdict, &self.rules, &moment));
            let Next::Again(pause) = next else {
                return Err(course.failed(failed, next == Next::Queue));
            };
            events::Retry {
                step: STEP,
                host: &host,
                attempt: u64::from(course.made),
                failing_ms: begun.elapsed(),
                pause_ms: pause,
                error: &failed.error,
            }
            .emit(false);
            course.remember(failed.error);
            if let Err(stopped) = scope.sleep(STEP, &host, pause).await {
                return Err(course.failed(stopped.into(), false));
            }
        }
    }

    /// One request, when it is its turn.
    async fn turn(
        &self,
        scope: &Scope,
        shipment: &Shipment<'_>,
        ticket: Option<&Ticket<'_>>,
        course: &mut Course,
    ) -> std::result::Result<Option<UpdatePolicy>, Failed> {
        // A login can take long: nobody waits for its place meanwhile.
        let logged_in = self.service.log_in_to_stream(scope).await;
        logged_in.map_err(|error| self.unanswered(scope, error))?;
        let _place = self.place(scope, ticket.is_some()).await?;
        course.made += 1;
        let sent = self.attempt(scope, shipment, course.made - 1).await;
        sent.inspect_err(|failed| {
            if let (Some(ticket), Some(THROTTLED)) = (ticket, failed.verdict) {
                ticket.throttled(failed.retry_after, &failed.error, Instant::now());
            }
        })
    }

    /// A place among the requests, if there comes one in time.
    async fn place(
        &self,
        scope: &Scope,
        may_queue: bool,
    ) -> std::result::Result<Place<'_>, Failed> {
        let host = self.host();
        let taking = async { Ok(self.places.take().await) };
        let waiting = scope.run(STEP, &host, taking);
        let place = match time_to_wait(scope.remaining(), may_queue) {
            Some(patience) => match tokio::time::timeout(patience, waiting).await {
                Ok(place) => place?,
                Err(_) => return Err(self.explained(busy(), Verdict::Queue(Reason::Busy), None)),
            },
            None => waiting.await?,
        };
        match is_in_time(scope.remaining()) {
            true => Ok(place),
            false => Err(too_late().with_host(host).into()),
        }
    }

    /// One request.
    async fn attempt(
        &self,
        scope: &Scope,
        shipment: &Shipment<'_>,
        number: u32,
    ) -> std::result::Result<Option<UpdatePolicy>, Failed> {
        // Here, so that copies are as few as the places.
        let body = shipment.load.body();
        let _moving = shipment.load.moving();
        let (content_type, is_gzip) = match shipment.load {
            Load::Data { is_gzip, .. } => ("application/octet-stream", is_gzip),
            Load::Blob(_) => ("application/json", false),
        };
        let request = StreamRequest {
            database: shipment.database,
            table: shipment.table,
            parameters: &shipment.parameters(),
            content_type,
            is_gzip,
            body,
            id: &format!("{};{number}", shipment.id),
            limit: ANSWER_LIMIT,
        };
        match self.service.stream(scope, &request).await {
            Ok(reply) => {
                let (answer, update_policy) = answer::read(&reply);
                let retry_after = answer.retry_after;
                let verdict = classify(&Seen::Answer(answer));
                self.learn(verdict);
                if verdict == Verdict::Done {
                    note(&update_policy, shipment);
                    return Ok(update_policy);
                }
                let error = self.service.stream_error(&request, &reply);
                Err(self.explained(error, verdict, retry_after))
            }
            Err(error) => Err(self.unanswered(scope, error)),
        }
    }

    fn learn(&self, verdict: Verdict) {
        match verdict {
            Verdict::Done => self.places.succeeded(),
            THROTTLED => self.places.throttled(Instant::now()),
            _ => {}
        }
    }

    /// What a request without a whole answer means.
    fn unanswered(&self, scope: &Scope, error: Error) -> Failed {
        let is_of_request = error.step() == STEP
            && matches!(error.kind(), ErrorKind::Network | ErrorKind::TooLarge);
        // The engine says where to log in, and its host may be the one that is down: the queue asks another one.
        let is_of_login = matches!(error.step(), Step::FetchCloudMetadata | Step::AcquireToken)
            && error.retry() == RetryClass::Later;
        if !(is_of_request || is_of_login) || scope.check(STEP).is_err() {
            return error.into();
        }
        let seen = Seen::NoAnswer {
            may_have_arrived: is_of_request && error.is_in_doubt(),
            // What was tried often enough already.
            is_permanent: is_of_login || error.retry() == RetryClass::Never,
        };
        self.explained(error, classify(&seen), None)
    }

    /// The error says what the verdict means for the caller.
    fn explained(&self, error: Error, verdict: Verdict, retry_after: Option<Duration>) -> Failed {
        let error = error.with_in_doubt(matches!(verdict, Verdict::Doubt(_)));
        let error = match verdict {
            Verdict::Doubt(_) => error.with_retry(RetryClass::Unknown).with_hint(DOUBT),
            Verdict::Retry(_) | Verdict::Queue(Reason::ClusterPaused | Reason::Busy) => {
                error.with_retry(RetryClass::Later)
            }
            _ => error,
        };
        // The codes say it where the status does not.
        let error = match verdict {
            Verdict::Queue(Reason::TooLarge) => {
                error.with_kind(ErrorKind::TooLarge).with_hint(TOO_LARGE)
            }
            Verdict::Refused(Reason::NotFound) => error.with_kind(ErrorKind::NotFound),
            Verdict::Retry(Reason::Throttled) => error.with_kind(ErrorKind::Throttled),
            Verdict::Queue(Reason::TableOff) => error.with_hint(TABLE_OFF),
            Verdict::Queue(Reason::ClusterOff) => error.with_hint(CLUSTER_OFF),
            Verdict::Queue(Reason::NoEndpoint) => {
                let role = self.service.stream_role_hint();
                error.with_hint(role.as_deref().unwrap_or(NO_ENDPOINT))
            }
            _ => error,
        };
        Failed {
            error,
            verdict: Some(verdict),
            retry_after,
        }
    }
}

const DOUBT: &str = "the data may be in the table: look there before it is sent again, or ingest it queued with a key \
                     (`once`), under which the service skips a copy";
const TABLE_OFF: &str = "streaming ingestion needs a policy of the table or its database: \
                         `.alter table TABLE policy streamingingestion enable`";
const TOO_LARGE: &str =
    "one streaming request takes up to 4 MB of rows: ingest it queued or managed, or in parts";
const CLUSTER_OFF: &str =
    "streaming ingestion is turned off for the whole cluster, in its configuration";
const NO_ENDPOINT: &str = "either the cluster does not have streaming ingestion, or the address is not that of its engine";

/// A failure of the update policy is no error, but nobody should have to look for it.
fn note(update_policy: &Option<UpdatePolicy>, shipment: &Shipment<'_>) {
    let Some(failed) = update_policy.as_ref().filter(|policy| policy.is_failure()) else {
        return;
    };
    let reason = failed.failure_reason.as_deref().unwrap_or(&failed.status);
    events::UpdatePolicyFailed {
        database: shipment.database,
        table: shipment.table,
        what: reason,
    }
    .emit();
}

impl Load {
    /// To be held while it is sent: its memory is about to be given back.
    fn moving(&self) -> Vec<impl Sized + use<>> {
        match self {
            Self::Data { blocks, .. } => blocks.iter().map(Block::moving).collect(),
            Self::Blob(_) => Vec::new(),
        }
    }
}

impl Course {
    fn remember(&mut self, error: Error) {
        self.is_in_doubt |= error.is_in_doubt();
        remember(&mut self.failed, error);
    }

    fn notes(&self, made: u32, update_policy: Option<UpdatePolicy>) -> StreamingNotes {
        StreamingNotes {
            attempts: made,
            update_policy,
            possibly_duplicated: self.is_in_doubt,
            fallback_cause: None,
        }
    }

    /// It succeeded.
    fn ended(
        self,
        host: &str,
        begun: Instant,
        update_policy: Option<UpdatePolicy>,
    ) -> StreamingNotes {
        let made = self.made;
        events::StepEnded {
            step: STEP,
            host,
            attempts: u64::from(made),
            duration_ms: begun.elapsed(),
        }
        .emit();
        self.notes(made, update_policy)
    }

    /// It failed, in the end with this.
    fn failed(mut self, last: Failed, is_for_queue: bool) -> Box<Failure> {
        self.is_in_doubt |= last.error.is_in_doubt();
        let reason = last.verdict.and_then(Verdict::reason);
        let notes = self.notes(self.made, None);
        let mut error = last.error.after(self.failed);
        if self.is_in_doubt && !error.is_in_doubt() {
            error = error
                .with_in_doubt(true)
                .with_retry(RetryClass::Unknown)
                .with_hint(DOUBT);
        }
        Box::new(Failure {
            error,
            reason,
            retry_after: last.retry_after,
            is_for_queue,
            notes,
        })
    }
}
