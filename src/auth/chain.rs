//! A chain of logins of the program's choice.

use std::fmt::Display;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;

use super::credential::{AccessToken, TokenCredential};
use super::request::TokenRequest;
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};

/// Logs in with the first of several logins that is at hand. The first that gives a token is used from then on.
/// One that is not configured here (a variable that is not set, a command line that nobody is logged in to, no
/// machine that lends tokens) makes room for the next; one that is configured and refused ends the search.
///
/// ```
/// use std::sync::Arc;
///
/// use kusto_ingest::auth::{Chain, CommandLine, EnvironmentLogin};
/// use kusto_ingest::client::Client;
///
/// let login = Chain::new()
///     .then(Arc::new(EnvironmentLogin::new()))
///     .then(Arc::new(CommandLine::azure_cli()));
/// let client = Client::builder("https://mycluster.westeurope.kusto.windows.net")?
///     .credential(Arc::new(login))
///     .build()?;
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Chain {
    links: Vec<Arc<dyn TokenCredential>>,
    winner: OnceLock<usize>,
}

impl Chain {
    /// A chain without logins.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same chain with another login at its end.
    #[must_use]
    pub fn then(mut self, login: Arc<dyn TokenCredential>) -> Self {
        self.links.push(login);
        self
    }
}

#[async_trait]
impl TokenCredential for Chain {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        if let Some(winner) = self.winner.get().and_then(|index| self.links.get(*index)) {
            return winner.get_token(request).await;
        }
        if self.links.is_empty() {
            let message = "the chain has no login";
            return Err(Error::new(ErrorKind::Config, Step::AcquireToken, message));
        }
        let mut absent = Vec::new();
        for (index, link) in self.links.iter().enumerate() {
            let request = request_to(request, index, self.links.len());
            match link.get_token(&request).await {
                Ok(token) => {
                    self.winner.get_or_init(|| index);
                    return Ok(token);
                }
                Err(error) if error.is_absent() => absent.push(((index + 1).to_string(), error)),
                Err(error) => {
                    return Err(error.with_hint(&format!("login {} of the chain", index + 1)));
                }
            }
        }
        Err(none_at_hand("no login of the chain is at hand", &absent))
    }
}

/// The request to the login at this place of so many: whether it is there at all is not waited for long where another
/// one follows.
pub(super) fn request_to(request: &TokenRequest, index: usize, count: usize) -> TokenRequest {
    match index + 1 < count {
        true => request.clone().hastily(),
        false => request.clone(),
    }
}

/// The error when no login is at hand: each says why.
pub(super) fn none_at_hand<N: Display>(message: &str, absent: &[(N, Error)]) -> Error {
    let reason = |(name, error): &(N, Error)| {
        let argument = error.argument().map(|it| format!("{it} "));
        let argument = argument.unwrap_or_default();
        format!("{name}: {argument}{}", error.message())
    };
    let reasons: Vec<_> = absent.iter().map(reason).collect();
    let message = format!("{message}: {}", reasons.join("; "));
    let error = Error::new(ErrorKind::Auth, Step::AcquireToken, message).of_absent();
    let may_pass = |(_, error): &(_, Error)| error.retry() != RetryClass::Never;
    match absent.iter().any(may_pass) {
        true => error.with_retry(RetryClass::Unknown),
        false => error,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Debug)]
    struct Fake(fn() -> Result<AccessToken>, AtomicUsize);

    #[async_trait]
    impl TokenCredential for Fake {
        async fn get_token(&self, _: &TokenRequest) -> Result<AccessToken> {
            self.1.fetch_add(1, Ordering::SeqCst);
            (self.0)()
        }
    }

    fn error(text: &str) -> Error {
        Error::new(ErrorKind::Auth, Step::AcquireToken, text)
    }

    async fn asked(outcomes: &[fn() -> Result<AccessToken>]) -> (Result<AccessToken>, Vec<usize>) {
        let fakes = outcomes
            .iter()
            .map(|it| Arc::new(Fake(*it, AtomicUsize::new(0))));
        let fakes: Vec<Arc<Fake>> = fakes.collect();
        let chain = fakes
            .iter()
            .fold(Chain::new(), |chain, fake| chain.then(fake.clone()));
        let request = TokenRequest::new("s", None);
        let _ = chain.get_token(&request).await;
        let result = chain.get_token(&request).await;
        (
            result,
            fakes
                .iter()
                .map(|fake| fake.1.load(Ordering::SeqCst))
                .collect(),
        )
    }

    #[tokio::test]
    async fn what_is_absent_makes_room_and_what_is_refused_ends_it() {
        let absent = || Err(error("absent").of_absent());
        let good = || Ok(AccessToken::new("t", None));
        let refused = || Err(error("refused"));
        let (token, counts) = asked(&[absent, good, good]).await;
        assert!(token.is_ok());
        assert_eq!(counts, [1, 2, 0]);
        let (token, counts) = asked(&[absent, refused, good]).await;
        assert!(token.unwrap_err().message().contains("login 2"));
        assert_eq!(counts, [2, 2, 0]);
        let (token, _) = asked(&[absent, absent]).await;
        assert!(
            token
                .unwrap_err()
                .message()
                .contains("1: absent; 2: absent")
        );
        let (token, _) = asked(&[]).await;
        assert_eq!(token.unwrap_err().kind(), ErrorKind::Config);
    }

    /// Remembers how it was asked.
    #[derive(Debug)]
    struct Hurried(Arc<std::sync::Mutex<Vec<bool>>>, bool);

    #[async_trait]
    impl TokenCredential for Hurried {
        async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
            self.0.lock().unwrap().push(request.is_hasty());
            match self.1 {
                true => Ok(AccessToken::new("t", None)),
                false => Err(error("absent").of_absent()),
            }
        }
    }

    /// Where nobody follows, and once one is chosen, nothing is given up early.
    #[tokio::test]
    async fn only_one_that_another_follows_is_asked_hastily() {
        let request = TokenRequest::new("s", None);
        let seen = Arc::<std::sync::Mutex<Vec<bool>>>::default();
        let hurried = |has| Arc::new(Hurried(seen.clone(), has));
        let alone = Chain::new().then(hurried(true));
        alone.get_token(&request).await.unwrap();
        assert_eq!(std::mem::take(&mut *seen.lock().unwrap()), [false]);
        let several = Chain::new().then(hurried(false)).then(hurried(true));
        several.get_token(&request).await.unwrap();
        several.get_token(&request).await.unwrap();
        assert_eq!(*seen.lock().unwrap(), [true, false, false]);
    }
}
