//! The front door of the storage accounts: the one function every storage request passes through.

use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Request, Response};
use tokio::sync::Notify;
use uuid::Uuid;

use super::account::{Account, Service};
use super::azurite::Azurite;
use super::blob::BlobService;
use super::error::StorageError;
use super::queue::{QueueService, adds_message};
use super::request::{Address, Call, Query, header, host};
use super::sas::{self, Target};
use super::table::{self, TableService};
use super::xml::Document;
use crate::clock::Clock;
use crate::emulator::OWN_USER_AGENT;
use crate::server::body::{Body, set, typed};

/// What answers `x-ms-version` when the request names none.
const DEFAULT_VERSION: &str = sas::VERSION;

/// One account with what stands behind it.
pub(crate) struct Storage {
    account: Arc<Account>,
    backend: Backend,
    clock: Clock,
    secure: bool,
    message_added: Arc<Notify>,
}

/// What stands behind the front door.
pub(crate) enum Backend {
    BuiltIn {
        blobs: BlobService,
        queues: QueueService,
        tables: TableService,
    },
    Azurite(Arc<Azurite>),
}

impl Backend {
    /// Empty stores with the account's containers, queues and tables.
    pub(crate) fn built_in(account: &Account) -> Self {
        Self::BuiltIn {
            blobs: BlobService::new(account.names_of(Service::Blob)),
            queues: QueueService::new(account.names_of(Service::Queue)),
            tables: TableService::new(account.names_of(Service::Table)),
        }
    }
}

impl Storage {
    pub(crate) fn new(
        account: Arc<Account>,
        backend: Backend,
        clock: Clock,
        secure: bool,
        message_added: Arc<Notify>,
    ) -> Self {
        Self {
            account,
            backend,
            clock,
            secure,
            message_added,
        }
    }

    /// Answers one request.
    pub(crate) async fn handle(&self, request: Request<Incoming>) -> Response<Body> {
        let (parts, mut body) = request.into_parts();
        let address = Address::of(&self.account, host(&parts), parts.uri.path());
        let service = address
            .as_ref()
            .map_or(Service::Blob, |address| address.service);
        let adds_message = address
            .as_ref()
            .is_ok_and(|a| a.service == Service::Queue && adds_message(&parts.method, &a.rest));
        let reply = match (address, &self.backend) {
            (Err(error), _) => Err(error),
            (Ok(address), Backend::Azurite(azurite)) => {
                azurite
                    .forward(self.account.name(), address.service, &parts, body)
                    .await
            }
            (Ok(address), _) => {
                let reply = self.answer(&address, &parts, &mut body).await;
                discard_rest(&parts, &mut body).await;
                reply.map(|reply| with_common_headers(reply, &parts))
            }
        };
        let reply = reply.unwrap_or_else(|error| {
            with_common_headers(error_reply(service, &error, &self.clock), &parts)
        });
        if adds_message && reply.status().is_success() {
            self.message_added.notify_one();
        }
        self.log(service, &parts, &reply);
        reply
    }

    /// The path goes into the log, the query with its signature does not.
    fn log(&self, service: Service, parts: &Parts, reply: &Response<Body>) {
        let own = header(&parts.headers, "user-agent") == Some(OWN_USER_AGENT);
        let (account, service, status) =
            (self.account.name(), service.name(), reply.status().as_u16());
        let (method, path) = (&parts.method, parts.uri.path());
        if own {
            tracing::debug!(account, service, %method, path, status, "ingestor to storage");
        } else {
            tracing::info!(account, service, %method, path, status, "storage");
        }
    }

    /// The built-in services' answer.
    async fn answer(
        &self,
        address: &Address,
        parts: &Parts,
        body: &mut Incoming,
    ) -> Result<Response<Body>, StorageError> {
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let now = self.clock.now();
        let target = Target {
            service: address.service,
            resource: &address.resource,
            blob: &address.rest,
            secure: self.secure,
        };
        let permissions = sas::verify(&self.account.key, &target, &query, now)?;
        let call = Call {
            method: &parts.method,
            resource: &address.resource,
            rest: &address.rest,
            query: &query,
            headers: &parts.headers,
            permissions,
            now,
        };
        match (&self.backend, address.service) {
            (Backend::BuiltIn { blobs, .. }, Service::Blob) => blobs.handle(&call, body).await,
            (Backend::BuiltIn { queues, .. }, Service::Queue) => queues.handle(&call, body).await,
            (Backend::BuiltIn { tables, .. }, Service::Table) => tables.handle(&call, body).await,
            (Backend::Azurite(_), _) => Err(StorageError::service_unavailable(
                "The request belongs to Azurite.",
            )),
        }
    }
}

/// Reads what the client still sends, so that it gets the refusal instead of a cut connection. A
/// client that waits for `100 Continue` has sent nothing yet.
async fn discard_rest(parts: &Parts, body: &mut Incoming) {
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
    set(&mut reply, "x-ms-error-code", error.code);
    reply
}

fn error_xml(error: &StorageError, clock: &Clock) -> String {
    let mut document = Document::new();
    document.open("Error");
    document.element("Code", error.code);
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
