//! Managed identities: the machine around the program lends tokens, at an address that depends on the
//! kind of machine.
//!
//! `azure_identity` says what is asked of virtual machines and of App Service; the requests themselves,
//! their repetition and their errors are this library's (`bridge`). Azure Arc and Cloud Shell, which that
//! crate does not know in its stable release, are here as well. No proxy is ever used: what is asked for a
//! token is this machine.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use async_trait::async_trait;

use super::credential::{AccessToken, TokenCredential};
use super::request::TokenRequest;
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::http::transport::Transport;

mod arc;
mod bridge;
mod lender;
mod place;

use super::default_login::{Failure, Link};
use lender::Lender;
use place::Place;
pub(super) use place::environment;

/// Which of the machine's identities.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdentityId {
    /// The one that belongs to the machine itself.
    #[default]
    System,
    /// One that a user assigned, by its client id.
    ClientId(String),
    /// One that a user assigned, by its object id, also called principal id.
    ObjectId(String),
    /// One that a user assigned, by its resource id (`/subscriptions/...`).
    ResourceId(String),
}

impl FromStr for IdentityId {
    type Err = Error;

    /// `system`, a client id, `objectid:` and an object id, or a resource id.
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let lower = text.to_ascii_lowercase();
        let plain = |id: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
            let fits = !id.is_empty() && id.len() <= 128 && id.chars().all(allowed);
            let message =
                "must be system, a client id, objectid: and an object id, or a resource id";
            match fits {
                true => Ok(id.to_owned()),
                false => Err(Error::invalid_argument("Managed Identity", message)),
            }
        };
        if matches!(lower.as_str(), "system" | "true") {
            return Ok(Self::System);
        }
        if lower.starts_with("/subscriptions/") {
            return Ok(Self::ResourceId(text.to_owned()));
        }
        match text.split_once(':') {
            Some((kind, id)) if kind.eq_ignore_ascii_case("objectid") => {
                Ok(Self::ObjectId(plain(id.trim())?))
            }
            Some((kind, id)) if kind.eq_ignore_ascii_case("clientid") => {
                Ok(Self::ClientId(plain(id.trim())?))
            }
            _ => Ok(Self::ClientId(plain(text)?)),
        }
    }
}

impl fmt::Display for IdentityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("the system's identity"),
            Self::ClientId(id) => write!(f, "the identity with the client id {id}"),
            Self::ObjectId(id) => write!(f, "the identity with the object id {id}"),
            Self::ResourceId(id) => write!(f, "the identity {id}"),
        }
    }
}

/// Logs in with a managed identity: on virtual machines and scale sets, App Service, Functions and
/// Container Apps, Azure Arc, and in Cloud Shell.
///
/// ```
/// use std::sync::Arc;
///
/// use kusto_ingest::auth::{IdentityId, ManagedIdentity};
/// use kusto_ingest::client::Client;
///
/// let login = ManagedIdentity::new(IdentityId::System);
/// let client = Client::builder("https://mycluster.westeurope.kusto.windows.net")?
///     .credential(Arc::new(login))
///     .build()?;
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct ManagedIdentity {
    id: IdentityId,
    /// Without proxies, made at the first use.
    transport: OnceLock<Transport>,
}

impl ManagedIdentity {
    /// Logs in with this identity.
    pub fn new(id: IdentityId) -> Self {
        Self {
            id,
            transport: OnceLock::new(),
        }
    }

    fn transport(&self) -> Result<Transport> {
        if let Some(transport) = self.transport.get() {
            return Ok(transport.clone());
        }
        let transport = Transport::direct()?;
        Ok(self.transport.get_or_init(|| transport).clone())
    }
}

impl ManagedIdentity {
    async fn lent(&self, request: &TokenRequest) -> Result<AccessToken> {
        let place = Place::of(&place::environment)?;
        let mut lender = Lender::new(self.transport()?, &place, request.is_hasty());
        let resource = request.resource();
        let lent = match &place {
            Place::VirtualMachine(_) | Place::AppService(_) => {
                if let Place::VirtualMachine(url) = &place {
                    lender.is_there(url).await?;
                }
                bridge::lent(lender, &place, &self.id, request).await
            }
            Place::Arc(url) => {
                only_system(&self.id, "an Azure Arc machine")?;
                arc::lent(&lender, url, resource).await
            }
            Place::CloudShell(url) => {
                only_system(&self.id, "Cloud Shell")?;
                lender.lent_to_form(url, resource).await
            }
        };
        lent.map_err(|error| about(&self.id, error))
    }
}

#[async_trait]
impl TokenCredential for ManagedIdentity {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        self.link(request).await.map_err(Failure::into_error)
    }
}

#[async_trait]
impl Link for ManagedIdentity {
    fn name(&self) -> &'static str {
        "managed identity"
    }

    async fn link(&self, request: &TokenRequest) -> std::result::Result<AccessToken, Failure> {
        let place = Place::of(&place::environment);
        let is_machine = matches!(place, Ok(Place::VirtualMachine(_)));
        self.lent(request)
            .await
            .map_err(|error| match is_absent(&error, is_machine) {
                true => Failure::Unavailable(error),
                false => Failure::Failed(error),
            })
    }
}

/// Whether nothing answers, the place is none that is known, or the machine has no such identity. At the
/// address of the metadata service, outside Azure, other clouds, containers and portals of networks answer
/// with statuses of their own: only a service that cannot now is one.
fn is_absent(error: &Error, is_machine: bool) -> bool {
    match error.http_status() {
        Some(status) if !is_machine => status == 400,
        _ => error.retry() != RetryClass::Later,
    }
}

/// What is refused is refused to one identity.
fn about(id: &IdentityId, error: Error) -> Error {
    // What a machine, and App Service, say of an identity that they do not know.
    let is_unknown = matches!(error.service_code(), None | Some("invalid_request"));
    match error.retry() {
        RetryClass::Never if error.http_status() == Some(400) && is_unknown => {
            error.with_hint(&format!(
                "is {id} assigned to this machine? Several identities can be: give the id of one"
            ))
        }
        _ => error,
    }
}

fn only_system(id: &IdentityId, place: &str) -> Result<()> {
    let message = format!("{place} lends the system's identity only");
    match id {
        IdentityId::System => Ok(()),
        _ => Err(Error::new(ErrorKind::Config, Step::AcquireToken, message)
            .with_argument("Managed Identity")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_named_in_the_ways_of_the_official_clients() {
        let guid = "11111111-2222-3333-4444-555555555555";
        let resource = "/subscriptions/s/resourceGroups/g/providers/x/y";
        for (text, id) in [
            ("system".to_owned(), IdentityId::System),
            (" System ".to_owned(), IdentityId::System),
            (guid.to_owned(), IdentityId::ClientId(guid.to_owned())),
            (
                format!("ClientId: {guid}"),
                IdentityId::ClientId(guid.to_owned()),
            ),
            (
                format!("objectid:{guid}"),
                IdentityId::ObjectId(guid.to_owned()),
            ),
            (
                resource.to_owned(),
                IdentityId::ResourceId(resource.to_owned()),
            ),
        ] {
            assert_eq!(text.parse::<IdentityId>().unwrap(), id, "{text}");
        }
        for text in [
            "",
            "a b",
            "objectid:",
            "other:x",
            "https://x",
            "/etc/passwd",
        ] {
            assert!(text.parse::<IdentityId>().is_err(), "{text}");
        }
    }
}
