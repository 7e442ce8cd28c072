//! The front door of the storage accounts: the one function every storage request passes through.

use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Request, Response};
use tokio::sync::Notify;
use uuid::Uuid;

use super::account::Account;
use super::azurite::Azurite;
use super::blob::BlobService;
use super::error::StorageError;
use super::fault_answer::{FaultAnswer, fault_answer};
use super::operation::operation_of;
use super::query::Query;
use super::queue::QueueService;
use super::request::{Address, Call, header, host};
use super::sas::{self, Target};
use super::table::{self, TableService};
use super::xml::Document;
use crate::clock::Clock;
use crate::control::Control;
use crate::faults::{Fault, Met, Subject};
use crate::http::{Body, Cut, RequestBody, early, play, set, typed};
use crate::services::{Service, StorageOperation};
use crate::traffic::Connection;

/// By which the emulator knows its ingestor's requests to its own storage.
pub(crate) const OWN_USER_AGENT: &str = concat!("kusto-emulator/", env!("CARGO_PKG_VERSION"));
/// What answers `x-ms-version` when the request names none.
const DEFAULT_VERSION: &str = sas::VERSION;

/// One account with what stands behind it.
pub(crate) struct Storage {
    account: Arc<Account>,
    backend: Backend,
    control: Arc<Control>,
    clock: Clock,
    secure: bool,
    message_added: Arc<Notify>,
}

/// What stands behind the front door.
pub(crate) enum Backend {
    BuiltIn(BuiltIn),
    Azurite(Arc<Azurite>),
}

/// The emulator's own services of one account.
pub(crate) struct BuiltIn {
    blobs: BlobService,
    queues: QueueService,
    tables: TableService,
}

impl Backend {
    /// Empty stores with the account's containers, queues and tables.
    pub(crate) fn built_in(account: &Account) -> Self {
        Self::BuiltIn(BuiltIn {
            blobs: BlobService::new(account.names_of(Service::Blob)),
            queues: QueueService::new(account.names_of(Service::Queue)),
            tables: TableService::new(account.names_of(Service::Table)),
        })
    }
}

impl Storage {
    pub(crate) fn new(
        account: Arc<Account>,
        backend: Backend,
        control: Arc<Control>,
        clock: Clock,
        secure: bool,
        message_added: Arc<Notify>,
    ) -> Self {
        Self {
            account,
            backend,
            control,
            clock,
            secure,
            message_added,
        }
    }

    /// Answers one request, unless a fault rule says otherwise.
    pub(crate) async fn handle(
        &self,
        request: Request<Incoming>,
        connection: &Connection,
    ) -> Result<Response<Body>, Cut> {
        let (parts, body) = request.into_parts();
        let own = is_own(&parts);
        let address = Address::of(&self.account, host(&parts), parts.uri.path());
        let service = address
            .as_ref()
            .map_or(Service::Blob, |address| address.service);
        let meter = (!own).then(|| self.control.traffic.count(service.into(), connection));
        let body = RequestBody::new(body, meter);
        let reply = match address {
            Err(error) => Ok(early(self.refusal(service, &error, &parts), &parts, body)),
            Ok(address) => {
                let arrival = Arrival::new(address, &parts);
                let met = if own { None } else { self.meet(&arrival) };
                match met {
                    None => Ok(self.serve(&arrival, body).await),
                    Some(met) => {
                        let serve = |body| self.serve(&arrival, body);
                        let answer = || self.fault_reply(&met.fault, &arrival);
                        play(&self.control.faults, &met, body, serve, answer).await
                    }
                }
            }
        };
        self.log(service, &parts, own, reply.as_ref().ok());
        reply
    }

    /// Does the request.
    async fn serve(&self, arrival: &Arrival<'_>, mut body: RequestBody) -> Response<Body> {
        let (parts, service) = (arrival.parts, arrival.address.service);
        let reply = match &self.backend {
            Backend::Azurite(azurite) => {
                let account = self.account.name();
                azurite.forward(account, service, parts, body).await
            }
            Backend::BuiltIn(services) => {
                let reply = self.answer(services, arrival, &mut body).await;
                let reply = reply.map(|reply| with_common_headers(reply, parts));
                if self.account.service_of(&arrival.address.resource).is_none() {
                    let reply = reply.unwrap_or_else(|error| self.refusal(service, &error, parts));
                    return early(reply, parts, body);
                }
                discard_rest(parts, &mut body).await;
                reply
            }
        };
        let reply = reply.unwrap_or_else(|error| self.refusal(service, &error, parts));
        if arrival.operation == Some(StorageOperation::PutMessage) && reply.status().is_success() {
            self.message_added.notify_one();
        }
        reply
    }

    fn meet(&self, arrival: &Arrival<'_>) -> Option<Met> {
        self.control.faults.meet(&Subject {
            operation: arrival.operation,
            account: self.account.name(),
            resource: &arrival.address.resource,
            ..Subject::of(arrival.address.service.into())
        })
    }

    fn fault_reply(&self, fault: &Fault, arrival: &Arrival<'_>) -> Response<Body> {
        let target = self.target(&arrival.address);
        let (key, now) = (&self.account.key, self.clock.now());
        let answer = fault_answer(fault, arrival.operation, key, &target, &arrival.query, now);
        match answer {
            FaultAnswer::Whole(reply) => reply,
            FaultAnswer::Error {
                error,
                body,
                retry_after,
            } => {
                let mut reply = self.refusal(target.service, &error, arrival.parts);
                if let Some(body) = body {
                    *reply.body_mut() = body.into();
                }
                if let Some(seconds) = retry_after {
                    set(&mut reply, "retry-after", &seconds.to_string());
                }
                reply
            }
        }
    }

    fn refusal(&self, service: Service, error: &StorageError, parts: &Parts) -> Response<Body> {
        with_common_headers(error_reply(service, error, &self.clock), parts)
    }

    /// The path goes into the log, the query with its signature does not.
    fn log(&self, service: Service, parts: &Parts, own: bool, reply: Option<&Response<Body>>) {
        let (account, service) = (self.account.name(), service.name());
        let status = reply.map_or(0, |reply| reply.status().as_u16());
        let (method, path) = (&parts.method, parts.uri.path());
        if own {
            tracing::debug!(account, service, %method, path, status, "ingestor to storage");
        } else {
            tracing::info!(account, service, %method, path, status, "storage");
        }
    }

    fn target<'a>(&self, address: &'a Address) -> Target<'a> {
        Target {
            service: address.service,
            resource: &address.resource,
            blob: &address.rest,
            secure: self.secure,
        }
    }

    /// The built-in services' answer.
    async fn answer(
        &self,
        services: &BuiltIn,
        arrival: &Arrival<'_>,
        body: &mut RequestBody,
    ) -> Result<Response<Body>, StorageError> {
        let Arrival {
            address,
            parts,
            query,
            operation,
        } = arrival;
        let now = self.clock.now();
        let permissions = sas::verify(&self.account.key, &self.target(address), query, now)?;
        let call = Call {
            method: &parts.method,
            operation: *operation,
            resource: &address.resource,
            rest: &address.rest,
            query,
            headers: &parts.headers,
            permissions,
            secure: self.secure,
            now,
            messages: (!is_own(parts)).then_some(&self.control.messages),
        };
        match address.service {
            Service::Blob => services.blobs.handle(&call, body).await,
            Service::Queue => services.queues.handle(&call, body).await,
            Service::Table => services.tables.handle(&call, body).await,
        }
    }
}

/// Whether it is the emulator's ingestor that asks.
fn is_own(parts: &Parts) -> bool {
    header(&parts.headers, "user-agent") == Some(OWN_USER_AGENT)
}

/// A request of which only the body is still to come.
struct Arrival<'a> {
    address: Address,
    parts: &'a Parts,
    query: Query,
    operation: Option<StorageOperation>,
}

impl<'a> Arrival<'a> {
    fn new(address: Address, parts: &'a Parts) -> Self {
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let operation = operation_of(&address, parts, &query);
        Self {
            address,
            parts,
            query,
            operation,
        }
    }
}

/// Reads what the client still sends, so that it gets the refusal instead of a cut connection. A
/// client that waits for `100 Continue` has sent nothing yet.
async fn discard_rest(parts: &Parts, body: &mut RequestBody) {
    if parts.headers.contains_key("expect") {
        return;
    }
    while let Some(Ok(_)) = body.frame().await {}
}

fn with_common_headers(mut reply: Response<Body>, parts: &Parts) -> Response<Body> {
    set(&mut reply, "x-ms-request-id", &Uuid::new_v4().to_string());
    set(
        &mut reply,
        "x-ms-version",
        header(&parts.headers, "x-ms-version").unwrap_or(DEFAULT_VERSION),
    );
    if let Some(id) = header(&parts.headers, "x-ms-client-request-id") {
        set(&mut reply, "x-ms-client-request-id", id);
    }
    reply
}

fn error_reply(service: Service, error: &StorageError, clock: &Clock) -> Response<Body> {
    let mut reply = match service {
        Service::Table => typed(
            error.status,
            "application/json;odata=minimalmetadata;streaming=true;charset=utf-8",
            table::error_body(error),
        ),
        Service::Blob | Service::Queue => {
            typed(error.status, "application/xml", error_xml(error, clock))
        }
    };
    if error.status == hyper::StatusCode::NOT_MODIFIED {
        *reply.body_mut() = Body::empty();
    }
    if error.status == hyper::StatusCode::UNAUTHORIZED {
        set(
            &mut reply,
            "www-authenticate",
            "Bearer authorization_uri=https://login.microsoftonline.com/common/oauth2/authorize resource_id=https://storage.azure.com",
        );
    }
    set(&mut reply, "x-ms-error-code", &error.code);
    reply
}

fn error_xml(error: &StorageError, clock: &Clock) -> String {
    let mut document = Document::new();
    document.open("Error");
    document.element("Code", &error.code);
    let time = clock
        .now()
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap_or_default();
    document.element("Message", &format!("{}\nTime:{time}", error.message));
    for (name, value) in &error.details {
        document.element(name, value);
    }
    document.close("Error");
    document.finish()
}
