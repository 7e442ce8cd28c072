//! What the data management service lends out: containers, queues and the status table, with SAS.

use std::sync::Arc;
use std::time::Duration;

use hmac::Mac as _;
use time::OffsetDateTime;
use url::Url;
use uuid::Uuid;

use super::account::{Account, AccountKey};
use super::sas::{self, Grant};
use crate::clock::Clock;
use crate::engine::database::DataManagement;
use crate::services::Service;

/// Containers and input queues in each account.
const PER_ACCOUNT: usize = 2;
/// Signatures begin a little in the past, for clients whose clock is behind.
const CLOCK_SKEW: Duration = Duration::from_secs(300);
/// The ingestor's own signatures outlive every process.
const INGESTOR_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// What clients may do, following what the real service's fixtures show: they fill containers,
/// only add to input queues, only read and take from notification queues.
const CONTAINER_PERMISSIONS: &str = "rcwdl";
const INPUT_QUEUE_PERMISSIONS: &str = "a";
const NOTIFICATION_QUEUE_PERMISSIONS: &str = "rp";
const STATUS_TABLE_PERMISSIONS: &str = "raud";

/// The storage objects the ingestor works on, each URL with a SAS that allows everything.
///
/// The ingestor reaches them over HTTP like any client, so it does not know which storage is behind.
#[derive(Clone)]
pub struct StorageResources {
    /// Input queues (`SecuredReadyForAggregationQueue`).
    pub queues: Vec<Url>,
    /// Where failed ingestions are reported.
    pub failed_queue: Url,
    /// Where successful ingestions are reported.
    pub successful_queue: Url,
    /// The table of ingestion statuses.
    pub status_table: Url,
    /// Containers for uploads (`TempStorage`), and the `landing` containers.
    pub containers: Vec<Url>,
}

/// The names of an emulator's containers, queues and table.
pub(crate) struct Names {
    containers: Vec<String>,
    landing: String,
    queues: Vec<String>,
    failed: String,
    successful: String,
    status: String,
}

impl Names {
    /// `run` tells emulators apart that share one Azurite.
    pub(crate) fn new(run: Option<&str>) -> Self {
        let dashed = run.map(|run| format!("-{run}")).unwrap_or_default();
        let numbered = |stem: &str| {
            (0..PER_ACCOUNT)
                .map(|i| format!("{stem}{dashed}-{i}"))
                .collect()
        };
        Self {
            containers: numbered("ingestdata"),
            landing: format!("landing{dashed}"),
            queues: numbered("readyforaggregation-secured"),
            failed: format!("failed-ingestions{dashed}"),
            successful: format!("successful-ingestions{dashed}"),
            status: format!("ingestionsstatus{}", run.unwrap_or_default()),
        }
    }

    /// Everything one account holds. Both accounts hold the same names, whether used or not.
    pub(crate) fn of_account(&self) -> Vec<(Service, String)> {
        let of = |service, names: &[String]| {
            names
                .iter()
                .map(move |name| (service, name.clone()))
                .collect::<Vec<_>>()
        };
        let mut all = of(Service::Blob, &self.containers);
        all.extend(of(Service::Queue, &self.queues));
        all.push((Service::Blob, self.landing.clone()));
        all.extend([&self.failed, &self.successful].map(|name| (Service::Queue, name.clone())));
        all.push((Service::Table, self.status.clone()));
        all
    }
}

/// Where an account's services are reached.
#[derive(Clone, Debug)]
pub(crate) struct Endpoints {
    pub(crate) blob: String,
    pub(crate) queue: String,
    pub(crate) table: String,
}

impl Endpoints {
    fn of(&self, service: Service) -> &str {
        match service {
            Service::Blob => &self.blob,
            Service::Queue => &self.queue,
            Service::Table => &self.table,
        }
    }
}

/// The data management service's hands: it makes the signed URLs and the identity token.
pub(crate) struct Resources {
    accounts: Vec<(Arc<Account>, Endpoints)>,
    names: Names,
    clock: Clock,
    sas_lifetime: Duration,
    token: String,
}

impl Resources {
    /// `address` is that of data management.
    pub(crate) fn new(
        address: &str,
        accounts: Vec<(Arc<Account>, Endpoints)>,
        names: Names,
        clock: Clock,
        sas_lifetime: Duration,
    ) -> Self {
        let token = identity_token(&accounts, address);
        Self {
            accounts,
            names,
            clock,
            sas_lifetime,
            token,
        }
    }

    /// Whether a message's `authorizationContext` is the token this service gave out.
    pub(crate) fn identity_token_is_valid(&self, token: &str) -> bool {
        token == self.token
    }

    /// A container per account for blobs of the user's own, with a fresh SAS.
    pub(crate) fn landing_containers(&self) -> Vec<String> {
        self.signed(Service::Blob, &self.names.landing, CONTAINER_PERMISSIONS)
    }

    /// The queues that the ingestor empties, in every account, for looking at what waits in them.
    pub(crate) fn watched_queues(&self) -> Vec<String> {
        let names = self.names.queues.iter();
        names
            .flat_map(|name| self.signed(Service::Queue, name, "r"))
            .collect()
    }

    /// What the ingestor works on.
    ///
    /// # Errors
    /// When an endpoint is no URL.
    pub(crate) fn for_ingestor(&self) -> Result<StorageResources, url::ParseError> {
        let urls = |service, name: &str, permissions| {
            let signed = self.signed_for(service, name, permissions, INGESTOR_LIFETIME);
            signed
                .iter()
                .map(|url| Url::parse(url))
                .collect::<Result<Vec<_>, _>>()
        };
        let mut resources = StorageResources {
            queues: Vec::new(),
            failed_queue: first(urls(Service::Queue, &self.names.failed, "raup")?)?,
            successful_queue: first(urls(Service::Queue, &self.names.successful, "raup")?)?,
            status_table: first(urls(Service::Table, &self.names.status, "raud")?)?,
            containers: urls(Service::Blob, &self.names.landing, "racwdl")?,
        };
        for name in &self.names.queues {
            resources.queues.extend(urls(Service::Queue, name, "raup")?);
        }
        for name in &self.names.containers {
            resources
                .containers
                .extend(urls(Service::Blob, name, "racwdl")?);
        }
        Ok(resources)
    }

    fn signed(&self, service: Service, name: &str, permissions: &str) -> Vec<String> {
        self.signed_for(service, name, permissions, self.sas_lifetime)
    }

    /// The URL of `name` in every account.
    fn signed_for(
        &self,
        service: Service,
        name: &str,
        permissions: &str,
        lifetime: Duration,
    ) -> Vec<String> {
        let now = self.clock.now();
        let sign = |(account, endpoints): &(Arc<Account>, Endpoints)| {
            signed_url(
                &account.key,
                endpoints,
                service,
                name,
                permissions,
                now,
                lifetime,
            )
        };
        self.accounts.iter().map(sign).collect()
    }
}

/// A token outlives a restart, as the signatures do: it is made of the keys and the address, and not of
/// chance. That of an emulator at another address is another cluster's.
fn identity_token(accounts: &[(Arc<Account>, Endpoints)], address: &str) -> String {
    let text = format!("identity token of {address}");
    let signed = accounts
        .iter()
        .flat_map(|(account, _)| sas::mac(&account.key, &text).finalize().into_bytes());
    let hash = signed.fold(0_u128, |hash, byte| hash.rotate_left(8) ^ u128::from(byte));
    format!("kusto-emulator-identity.{}", Uuid::from_u128(hash).simple())
}

fn signed_url(
    account: &AccountKey,
    endpoints: &Endpoints,
    service: Service,
    name: &str,
    permissions: &str,
    now: OffsetDateTime,
    lifetime: Duration,
) -> String {
    let grant = Grant {
        service,
        resource: name,
        permissions,
        start: now - CLOCK_SKEW,
        expiry: now + lifetime,
    };
    format!(
        "{}/{name}?{}",
        endpoints.of(service),
        sas::service_sas(account, &grant)
    )
}

fn first(urls: Vec<Url>) -> Result<Url, url::ParseError> {
    urls.into_iter().next().ok_or(url::ParseError::EmptyHost)
}

impl DataManagement for Resources {
    fn ingestion_resources(&self) -> Vec<(String, String)> {
        let mut rows = Vec::new();
        let mut add = |kind: &str, urls: Vec<String>| {
            rows.extend(urls.into_iter().map(|url| (kind.to_owned(), url)))
        };
        for name in &self.names.queues {
            add(
                "SecuredReadyForAggregationQueue",
                self.signed(Service::Queue, name, INPUT_QUEUE_PERMISSIONS),
            );
        }
        for name in &self.names.containers {
            add(
                "TempStorage",
                self.signed(Service::Blob, name, CONTAINER_PERMISSIONS),
            );
        }
        // One of each, as most clients look at the first only.
        let one = |mut urls: Vec<String>| {
            urls.truncate(1);
            urls
        };
        let notify =
            |name: &str| one(self.signed(Service::Queue, name, NOTIFICATION_QUEUE_PERMISSIONS));
        add("FailedIngestionsQueue", notify(&self.names.failed));
        add("SuccessfulIngestionsQueue", notify(&self.names.successful));
        add(
            "IngestionsStatusTable",
            one(self.signed(Service::Table, &self.names.status, STATUS_TABLE_PERMISSIONS)),
        );
        rows
    }

    fn identity_token(&self) -> String {
        self.token.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token_at(address: &str) -> String {
        let names = Names::new(None);
        let account = |key: AccountKey| {
            let endpoints = Endpoints {
                blob: address.to_owned(),
                queue: address.to_owned(),
                table: address.to_owned(),
            };
            (Arc::new(Account::new(key, &names.of_account())), endpoints)
        };
        let accounts = AccountKey::built_in().into_iter().map(account).collect();
        let lifetime = Duration::from_secs(60);
        let resources = Resources::new(address, accounts, names, Clock::default(), lifetime);
        let token = DataManagement::identity_token(&resources);
        assert!(resources.identity_token_is_valid(&token));
        token
    }

    #[test]
    fn a_token_outlives_a_restart_and_is_no_other_clusters() {
        assert_eq!(
            token_at("http://127.0.0.1:1"),
            token_at("http://127.0.0.1:1")
        );
        assert_ne!(
            token_at("http://127.0.0.1:1"),
            token_at("http://127.0.0.1:2")
        );
    }
}
