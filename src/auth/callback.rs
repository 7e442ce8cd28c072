//! A credential that requests tokens from the host program, which may answer later and from any
//! thread.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;

use crate::auth::credential::{AccessToken, TokenCredential};
use crate::auth::request::TokenRequest;
use crate::auth::tries::repeat_within;
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::secret::redact_beginning;

/// How long a login of the program may take, unless [`TokenCallback::with_timeout`] changes it.
pub(super) const LONGEST_LOGIN: Duration = Duration::from_secs(300);

/// Obtains tokens from a function of the caller.
///
/// The function must return at once; the answer is given through the [`PendingToken`], then or
/// later, from any thread. At most one request per scope, tenant and login host is pending
/// at a time. A failure that may pass is asked again, three times in all with pauses of a few seconds.
///
/// ```
/// use kusto_ingest::auth::{AccessToken, TokenCallback};
///
/// let credential = TokenCallback::new(|pending| {
///     std::thread::spawn(move || {
///         let token = format!("token for {}", pending.scope());
///         pending.complete(AccessToken::new(token, None));
///     });
/// });
/// ```
pub struct TokenCallback {
    ask: Box<dyn Fn(PendingToken) + Send + Sync>,
    timeout: Duration,
}

impl TokenCallback {
    /// A credential that calls `ask` for every token.
    pub fn new(ask: impl Fn(PendingToken) + Send + Sync + 'static) -> Self {
        Self {
            ask: Box::new(ask),
            timeout: LONGEST_LOGIN,
        }
    }

    /// How long to wait for an answer, with its repetitions, 5 minutes unless set. It matters to calls without a
    /// deadline: otherwise a forgotten answer would block them for ever.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl TokenCallback {
    async fn ask_once(&self, request: &TokenRequest) -> Result<AccessToken> {
        let (answer, answered) = oneshot::channel();
        (self.ask)(PendingToken {
            request: request.clone(),
            answer,
        });
        let dropped = |_| auth_error("the token callback dropped the request without an answer");
        answered.await.map_err(dropped)?
    }
}

impl fmt::Debug for TokenCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCallback")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenCredential for TokenCallback {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        // Around all of them: an answer that never comes is not waited for again.
        let late = || {
            let limit = self.timeout.as_millis();
            let message = format!("the token callback did not answer within {limit} ms");
            auth_error(message).with_retry(RetryClass::Later)
        };
        repeat_within(self.timeout, || self.ask_once(request), late).await
    }
}

fn auth_error(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Auth, Step::AcquireToken, message)
}

/// One pending request for a token. Answer it with [`PendingToken::complete`] or
/// [`PendingToken::fail`]; dropping it unanswered fails the waiting calls at once.
pub struct PendingToken {
    request: TokenRequest,
    answer: oneshot::Sender<Result<AccessToken>>,
}

impl PendingToken {
    /// The requested scope, such as `https://kusto.kusto.windows.net/.default`.
    pub fn scope(&self) -> &str {
        self.request.scope()
    }

    /// The Entra tenant, if the connection string names one.
    pub fn tenant(&self) -> Option<&str> {
        self.request.tenant()
    }

    /// Answers with a token. Does nothing if no call waits any more.
    pub fn complete(self, token: AccessToken) {
        // The receiver is gone when the timeout has passed: the answer came too late.
        let _ = self.answer.send(Ok(token));
    }

    /// Answers that no token could be obtained. `retryable`: whether a later request may succeed.
    pub fn fail(self, retryable: bool, message: &str) {
        let retry = if retryable {
            RetryClass::Later
        } else {
            RetryClass::Never
        };
        let message = format!("the token callback failed: {}", redact_beginning(message));
        let _ = self.answer.send(Err(auth_error(message).with_retry(retry)));
    }
}

impl fmt::Debug for PendingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingToken")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn request() -> TokenRequest {
        TokenRequest::new("scope", Some("tenant".to_owned()))
    }

    #[tokio::test]
    async fn an_answer_may_come_later_from_another_thread() {
        let credential = TokenCallback::new(|pending| {
            std::thread::spawn(move || {
                let text = format!("{}-{}", pending.scope(), pending.tenant().unwrap_or("none"));
                pending.complete(AccessToken::new(text, None));
            });
        });
        let token = credential.get_token(&request()).await.unwrap();
        assert_eq!(token.secret().expose(), "scope-tenant");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_passes_is_asked_again() {
        let asked = std::sync::atomic::AtomicU32::new(0);
        let credential = TokenCallback::new(move |pending| {
            match asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
                0 | 1 => pending.fail(true, "busy"),
                _ => pending.complete(AccessToken::new("at last", None)),
            }
        });
        let token = credential.get_token(&request()).await.unwrap();
        assert_eq!(token.secret().expose(), "at last");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_callback_said_is_not_lost_at_the_limit() {
        let credential = TokenCallback::new(|pending| pending.fail(true, "busy"))
            .with_timeout(Duration::from_millis(100));
        let error = credential.get_token(&request()).await.unwrap_err();
        assert!(error.message().contains("busy"), "{error}");
        assert_eq!(error.retry(), RetryClass::Later);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_carries_its_message_and_retry_class() {
        for (retryable, expected) in [(true, RetryClass::Later), (false, RetryClass::Never)] {
            let credential = TokenCallback::new(move |pending| {
                pending.fail(retryable, "refused: Bearer abc");
            });
            let error = credential.get_token(&request()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Auth);
            assert_eq!(error.retry(), expected);
            assert!(error.message().contains("refused") && !error.message().contains("abc"));
        }
    }

    #[tokio::test]
    async fn dropping_the_request_fails_at_once() {
        let error = TokenCallback::new(drop)
            .get_token(&request())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_never_comes_is_not_waited_for_for_ever() {
        let kept = std::sync::Arc::new(Mutex::new(Vec::new()));
        let keep = kept.clone();
        let credential = TokenCallback::new(move |pending| keep.lock().unwrap().push(pending))
            .with_timeout(Duration::from_secs(7));
        let error = credential.get_token(&request()).await.unwrap_err();
        assert!(error.message().contains("7000 ms"), "{error}");
        assert_eq!(error.retry(), RetryClass::Later);
        // Too late: no receiver is left, and nothing breaks.
        for pending in kept.lock().unwrap().drain(..) {
            pending.complete(AccessToken::new("late", None));
        }
    }
}
