//! The default chain: what the surroundings of the program offer, in the order of the official libraries.

use std::fmt::Debug;
use std::sync::OnceLock;

use async_trait::async_trait;

use super::chain::{none_at_hand, request_to};
use super::command_line::CommandLine;
use super::credential::{AccessToken, TokenCredential};
use super::environment::EnvironmentLogin;
use super::managed::{IdentityId, ManagedIdentity, environment};
use super::request::TokenRequest;
use super::workload::WorkloadIdentity;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::secret::excerpt;

/// Why a link of a chain gave no token.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is not configured here: the next one is asked.
    Unavailable(Error),
    /// It is, and it was refused: another one would log in as somebody else.
    Failed(Error),
}

impl Failure {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Unavailable(error) => error.of_absent(),
            Self::Failed(error) => error,
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
/// configured and refused ends the search. `AZURE_TOKEN_CREDENTIALS` narrows the choice: `prod` (the first
/// three), `dev` (the others), or the name of one as the official libraries spell it, such as
/// `ManagedIdentityCredential`. Any other value makes every request for a token fail.
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
    links: Result<Vec<Box<dyn Link>>>,
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
        let identity = Box::new(ManagedIdentity::new(identity.unwrap_or_default()));
        let environment: Box<dyn Link> = Box::new(EnvironmentLogin::new());
        let workload: Box<dyn Link> = Box::new(WorkloadIdentity::new());
        let az: Box<dyn Link> = Box::new(CommandLine::azure_cli());
        let azd: Box<dyn Link> = Box::new(CommandLine::azure_developer_cli());
        let links: Vec<Box<dyn Link>> = match choice.trim().to_ascii_lowercase().as_str() {
            "" => vec![environment, workload, identity, az, azd],
            "prod" => vec![environment, workload, identity],
            "dev" => vec![az, azd],
            "environmentcredential" => vec![environment],
            "workloadidentitycredential" => vec![workload],
            "managedidentitycredential" => vec![identity],
            "azureclicredential" => vec![az],
            "azuredeveloperclicredential" => vec![azd],
            _ => return Self::of(Err(unknown_choice(&choice))),
        };
        Self::of(Ok(links))
    }

    fn of(links: Result<Vec<Box<dyn Link>>>) -> Self {
        Self {
            links,
            winner: OnceLock::new(),
        }
    }
}

#[async_trait]
impl TokenCredential for DefaultLogin {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        let links = self.links.as_ref().map_err(Error::clone)?;
        if let Some(winner) = self.winner.get().and_then(|index| links.get(*index)) {
            return winner.link(request).await.map_err(Failure::into_error);
        }
        let mut unavailable = Vec::new();
        for (index, link) in links.iter().enumerate() {
            let request = request_to(request, index, links.len());
            match link.link(&request).await {
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
        Err(none_at_hand("the default login found none", &unavailable))
    }
}

fn unknown_choice(choice: &str) -> Error {
    let message = format!(
        "'{}' is none of this library's: prod, dev, EnvironmentCredential, WorkloadIdentityCredential, \
         ManagedIdentityCredential, AzureCliCredential, AzureDeveloperCliCredential",
        excerpt(choice, 100)
    );
    let error = Error::new(ErrorKind::Config, Step::AcquireToken, message);
    error.with_argument("AZURE_TOKEN_CREDENTIALS")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::environment::unset;
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
        let chain = DefaultLogin::of(Ok(links.collect()));
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
