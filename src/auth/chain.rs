//! The default chain: what the surroundings of the program offer, in the order of the official libraries.

use std::fmt::Debug;
use std::sync::OnceLock;

use async_trait::async_trait;

use super::application_key::ApplicationKey;
use super::command_line::CommandLine;
use super::credential::{AccessToken, TokenCredential};
use super::managed::{IdentityId, ManagedIdentity, environment};
use super::request::TokenRequest;
use super::workload::{WorkloadIdentity, at_authority};
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};

/// Why a link of a chain gave no token.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is not configured here: the next one is asked.
    Unavailable(Error),
    /// It is, and it was refused: another one would log in as somebody else.
    Failed(Error),
}

impl Failure {
    fn into_error(self) -> Error {
        match self {
            Self::Unavailable(error) | Self::Failed(error) => error,
        }
    }
}

/// A login that can be part of a chain.
#[async_trait]
pub(super) trait Link: Send + Sync + Debug {
    fn name(&self) -> &'static str;

    async fn link(&self, request: &TokenRequest) -> std::result::Result<AccessToken, Failure>;
}

/// Logs in with what is at hand: the environment's variables, workload identity, managed identity, the
/// Azure CLI, the Azure Developer CLI. The first that gives a token is used from then on; one that is
/// configured and refused ends the search. `AZURE_TOKEN_CREDENTIALS` narrows the choice: `prod` (the first three), `dev` (the others).
///
/// ```
/// use std::sync::Arc;
///
/// use kusto_ingest::auth::DefaultLogin;
/// use kusto_ingest::client::Client;
///
/// let client = Client::builder("https://mycluster.westeurope.kusto.windows.net")?
///     .credential(Arc::new(DefaultLogin::new()))
///     .build()?;
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Debug)]
pub struct DefaultLogin {
    links: Vec<Box<dyn Link>>,
    winner: OnceLock<usize>,
}

impl Default for DefaultLogin {
    fn default() -> Self {
        Self::new()
    }
}

impl DefaultLogin {
    /// The chain, as the environment chooses it now.
    pub fn new() -> Self {
        let choice = environment("AZURE_TOKEN_CREDENTIALS").unwrap_or_default();
        let identity = environment("AZURE_CLIENT_ID").map(IdentityId::ClientId);
        let production: [Box<dyn Link>; 3] = [
            Box::new(EnvironmentLogin),
            Box::new(WorkloadIdentity::new()),
            Box::new(ManagedIdentity::new(identity.unwrap_or_default()).hasty()),
        ];
        let development: [Box<dyn Link>; 2] = [
            Box::new(CommandLine::azure_cli()),
            Box::new(CommandLine::azure_developer_cli()),
        ];
        let links = match choice.to_ascii_lowercase().as_str() {
            "prod" => production.into(),
            "dev" => development.into(),
            _ => production.into_iter().chain(development).collect(),
        };
        Self::of(links)
    }

    fn of(links: Vec<Box<dyn Link>>) -> Self {
        Self {
            links,
            winner: OnceLock::new(),
        }
    }
}

#[async_trait]
impl TokenCredential for DefaultLogin {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        if let Some(winner) = self.winner.get().and_then(|index| self.links.get(*index)) {
            return winner.link(request).await.map_err(Failure::into_error);
        }
        let mut unavailable = Vec::new();
        for (index, link) in self.links.iter().enumerate() {
            match link.link(request).await {
                Ok(token) => {
                    self.winner.get_or_init(|| index);
                    return Ok(token);
                }
                Err(Failure::Failed(error)) => {
                    let hint = format!("the default login chose: {}", link.name());
                    return Err(error.with_hint(&hint));
                }
                Err(Failure::Unavailable(error)) => unavailable.push((link.name(), error)),
            }
        }
        Err(none(&unavailable))
    }
}

fn none(unavailable: &[(&'static str, Error)]) -> Error {
    let reason = |(name, error): &(&str, Error)| {
        let argument = error
            .argument()
            .map(|it| format!("{it} "))
            .unwrap_or_default();
        format!("{name}: {argument}{}", error.message())
    };
    let reasons: Vec<_> = unavailable.iter().map(reason).collect();
    let message = format!("the default login found none: {}", reasons.join("; "));
    let may_pass = |(_, error): &(_, Error)| error.retry() != RetryClass::Never;
    let error = Error::new(ErrorKind::Auth, Step::AcquireToken, message);
    match unavailable.iter().any(may_pass) {
        true => error.with_retry(RetryClass::Unknown),
        false => error,
    }
}

/// Logs in as the variables `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET` say; the tenant of
/// a connection string comes before that of the environment.
///
/// ```
/// use std::sync::Arc;
///
/// use kusto_ingest::auth::EnvironmentLogin;
/// use kusto_ingest::client::Client;
///
/// let client = Client::builder("https://mycluster.westeurope.kusto.windows.net")?
///     .credential(Arc::new(EnvironmentLogin))
///     .build()?;
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct EnvironmentLogin;

#[async_trait]
impl TokenCredential for EnvironmentLogin {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        self.link(request).await.map_err(Failure::into_error)
    }
}

#[async_trait]
impl Link for EnvironmentLogin {
    fn name(&self) -> &'static str {
        "environment"
    }

    async fn link(&self, request: &TokenRequest) -> std::result::Result<AccessToken, Failure> {
        let of =
            |name: &'static str| environment(name).ok_or_else(|| Failure::Unavailable(unset(name)));
        // Without the other two, it may be meant for a workload or a managed identity.
        let key = of("AZURE_CLIENT_SECRET")?;
        let login = ApplicationKey::new(of("AZURE_CLIENT_ID")?, key);
        let login = match request.tenant() {
            Some(_) => login,
            None => login.with_tenant(of("AZURE_TENANT_ID")?),
        };
        let token = login.get_token(&at_authority(request)).await;
        token.map_err(Failure::Failed)
    }
}

fn unset(name: &str) -> Error {
    let message = "is not set";
    Error::new(ErrorKind::Config, Step::AcquireToken, message).with_argument(name)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Debug)]
    struct Fake(
        fn() -> std::result::Result<AccessToken, Failure>,
        Arc<AtomicUsize>,
    );

    #[async_trait]
    impl Link for Fake {
        fn name(&self) -> &'static str {
            "fake"
        }

        async fn link(&self, _: &TokenRequest) -> std::result::Result<AccessToken, Failure> {
            self.1.fetch_add(1, Ordering::SeqCst);
            (self.0)()
        }
    }

    type Outcome = fn() -> std::result::Result<AccessToken, Failure>;
    const ABSENT: Outcome = || Err(Failure::Unavailable(unset("X")));
    const REFUSED: Outcome = || Err(Failure::Failed(unset("Y")));
    const GOOD: Outcome = || Ok(AccessToken::new("t", None));

    async fn results(
        outcomes: &[Outcome],
    ) -> (Result<AccessToken>, Result<AccessToken>, Vec<usize>) {
        let counts: Vec<_> = outcomes
            .iter()
            .map(|_| Arc::<AtomicUsize>::default())
            .collect();
        let links = outcomes.iter().zip(&counts);
        let links = links.map(|(outcome, count)| Box::new(Fake(*outcome, count.clone())) as _);
        let chain = DefaultLogin::of(links.collect());
        let request = TokenRequest::new("s", None);
        let (first, second) = (
            chain.get_token(&request).await,
            chain.get_token(&request).await,
        );
        let counts = counts.iter().map(|count| count.load(Ordering::SeqCst));
        (first, second, counts.collect())
    }

    #[tokio::test]
    async fn the_first_that_is_there_is_used_from_then_on() {
        let (first, second, asked) = results(&[ABSENT, GOOD, GOOD]).await;
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(asked, [1, 2, 0]);
    }

    #[tokio::test]
    async fn one_that_is_refused_ends_the_search() {
        let (first, _, asked) = results(&[ABSENT, REFUSED, GOOD]).await;
        assert_eq!(first.unwrap_err().argument(), Some("Y"));
        assert_eq!(asked, [2, 2, 0]);
    }

    #[tokio::test]
    async fn without_any_each_says_why() {
        let (first, _, _) = results(&[ABSENT, ABSENT]).await;
        let error = first.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
        assert_eq!(
            error.message().matches("fake: X is not set").count(),
            2,
            "{error}"
        );
    }
}
