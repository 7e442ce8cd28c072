//! A credential that is an async closure of the program.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::auth::callback::LONGEST_LOGIN;
use crate::auth::credential::{AccessToken, TokenCredential};
use crate::auth::request::TokenRequest;
use crate::auth::tries::{Tries, repeat, repeat_within};
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::http::failure::describe_chain;

/// What a login may fail with: `?` makes it from any error, and `.into()` from a text. A failure passes when
/// it, or what caused it, is an [`Error`] of this crate with [`RetryClass::Later`], or an [`std::io::Error`] of
/// a connection that broke, was refused or took too long. Of any other error that cannot be known: it is for good.
pub type LoginError = Box<dyn StdError + Send + Sync>;

/// Makes credentials for `ClientBuilder::credential`.
#[derive(Debug)]
pub enum Credential {}

impl Credential {
    /// A credential that calls `login` when no valid token is cached, once at a time for each scope and
    /// tenant; a failure that passes is asked again, three times in all. It may borrow what it has captured, and its future need not be `Send`: it runs on a thread
    /// of its own inside the client's runtime, and is dropped when the client is.
    ///
    /// A call waits for it until the call's own deadline. Without one a request for a token fails after 5 minutes
    /// with an error that is worth a retry: a query ends with it, and what the client repeats by itself, such as an
    /// ingestion, asks a few times more.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use kusto_ingest::auth::{AccessToken, Credential};
    /// use kusto_ingest::client::Client;
    ///
    /// # async fn fetch(_: &str, _: &str) -> std::io::Result<String> { Ok("eyJ0".to_owned()) }
    /// let secrets = "vault".to_owned();
    /// let login = Credential::from_fn(async move |request| {
    ///     let token = fetch(&secrets, request.scope()).await?;
    ///     Ok(AccessToken::valid_for(token, Duration::from_secs(3600)))
    /// });
    /// let client = Client::builder("https://mycluster.westeurope.kusto.windows.net")?
    ///     .credential(login)
    ///     .build()?;
    /// # Ok::<(), kusto_ingest::error::Error>(())
    /// ```
    pub fn from_fn<F>(login: F) -> Arc<dyn TokenCredential>
    where
        F: AsyncFn(TokenRequest) -> std::result::Result<AccessToken, LoginError>
            + Send
            + Sync
            + 'static,
    {
        Arc::new(Closure {
            login: Arc::new(login),
            limit: Some(LONGEST_LOGIN),
        })
    }
}

struct Closure<F> {
    login: Arc<F>,
    /// None in tests whose clock stands still: it would leap to the limit while the login's thread works.
    limit: Option<Duration>,
}

impl<F> fmt::Debug for Closure<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential::from_fn")
    }
}

#[async_trait]
impl<F> TokenCredential for Closure<F>
where
    F: AsyncFn(TokenRequest) -> std::result::Result<AccessToken, LoginError>
        + Send
        + Sync
        + 'static,
{
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        let Some(limit) = self.limit else {
            return repeat("", Tries::OF_PROGRAM, || self.log_in(request)).await;
        };
        // Around all of them, as with a callback. What is given up drops the receiver, which ends the login too.
        let late = || {
            let message = format!("the login did not end within {} s", limit.as_secs());
            failed(message).with_retry(RetryClass::Later)
        };
        repeat_within(limit, || self.log_in(request), late).await
    }
}

impl<F> Closure<F>
where
    F: AsyncFn(TokenRequest) -> std::result::Result<AccessToken, LoginError>
        + Send
        + Sync
        + 'static,
{
    async fn log_in(&self, request: &TokenRequest) -> Result<AccessToken> {
        let (mut answer, answered) = oneshot::channel();
        let (login, request, runtime) = (self.login.clone(), request.clone(), Handle::current());
        // Not a blocking thread of the runtime: sources may hold all of those while they wait for the
        // connection that the token is for.
        std::thread::Builder::new()
            .name("kusto-login".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        result = login(request) => {
                            // The receiver is gone when nobody needs the token any more.
                            let _ = answer.send(result);
                        }
                        () = answer.closed() => {}
                    }
                });
            })
            .map_err(|error| {
                failed(format!("cannot start a thread: {error}")).with_retry(RetryClass::Later)
            })?;
        match answered.await {
            Ok(result) => result.map_err(to_error),
            Err(_) => Err(failed("the login panicked")),
        }
    }
}

fn to_error(cause: LoginError) -> Error {
    match cause.downcast::<Error>() {
        Ok(error) => *error,
        Err(cause) => {
            let retry = retry_of(&*cause);
            failed(format!("the login failed: {}", describe_chain(&*cause))).with_retry(retry)
        }
    }
}

/// The outermost error that answers the question decides.
fn retry_of(cause: &(dyn StdError + 'static)) -> RetryClass {
    let mut each = Some(cause);
    while let Some(error) = each {
        if let Some(known) = error.downcast_ref::<Error>() {
            return known.retry();
        }
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(is_broken_connection) {
            return RetryClass::Later;
        }
        // The source of an I/O error is that of the error in it.
        each = match io.and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    RetryClass::Never
}

fn is_broken_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable,
        NetworkDown, NetworkUnreachable, NotConnected, TimedOut, UnexpectedEof,
    };
    matches!(
        error.kind(),
        BrokenPipe
            | ConnectionAborted
            | ConnectionRefused
            | ConnectionReset
            | HostUnreachable
            | NetworkDown
            | NetworkUnreachable
            | NotConnected
            | TimedOut
            | UnexpectedEof
    )
}

fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Auth, Step::AcquireToken, message)
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    fn request() -> TokenRequest {
        TokenRequest::new("scope", None)
    }

    fn patient<F>(login: F) -> Closure<F> {
        let login = Arc::new(login);
        Closure { login, limit: None }
    }

    #[tokio::test]
    async fn a_closure_may_borrow_what_it_captured_and_hold_what_is_not_send() {
        let name = "token".to_owned();
        let login = Credential::from_fn(async move |request| {
            let held = Rc::new(&name);
            tokio::time::sleep(Duration::from_millis(1)).await;
            let text = format!("{held} for {}", request.scope());
            Ok(AccessToken::valid_for(text, Duration::from_secs(60)))
        });
        let token = login.get_token(&request()).await.unwrap();
        assert_eq!(token.secret().expose(), "token for scope");
        assert!(token.expires_on().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn any_error_fails_the_login_and_one_of_this_crate_keeps_its_class() {
        let login = patient(async |_| Err(std::io::Error::other("the vault refused: Bearer abc"))?);
        let error = login.get_token(&request()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
        assert!(error.is_permanent() && !error.is_retryable(), "{error}");
        assert!(error.message().contains("the vault refused") && !error.message().contains("abc"));

        let login = patient(async |_| Err(failed("busy").with_retry(RetryClass::Later))?);
        let error = login.get_token(&request()).await.unwrap_err();
        assert!(error.is_retryable() && error.message() == "busy", "{error}");
        assert_eq!(error.attempts().len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_connection_passes_and_a_missing_file_does_not() {
        use std::io::{Error as IoError, ErrorKind as IoErrorKind};
        for (kind, passes) in [
            (IoErrorKind::ConnectionReset, true),
            (IoErrorKind::TimedOut, true),
            (IoErrorKind::NotFound, false),
        ] {
            let login = patient(async move |_| Err(IoError::other(IoError::from(kind)))?);
            let error = login.get_token(&request()).await.unwrap_err();
            assert_eq!(error.is_retryable(), passes, "{error}");
        }
    }

    #[tokio::test]
    async fn a_closure_that_panics_is_an_error() {
        let login = Credential::from_fn(async |_| panic!("on purpose"));
        let error = login.get_token(&request()).await.unwrap_err();
        assert!(error.message().contains("panicked"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_that_never_ends_is_not_waited_for_for_ever() {
        let login = Credential::from_fn(async |_| std::future::pending().await);
        let error = login.get_token(&request()).await.unwrap_err();
        assert!(error.message().contains("within 300 s"), "{error}");
        assert!(error.is_retryable(), "{error}");
    }

    #[tokio::test]
    async fn a_login_that_nobody_waits_for_is_dropped() {
        struct Guard(std::sync::Mutex<Option<oneshot::Sender<()>>>);
        impl Drop for Guard {
            fn drop(&mut self) {
                let sender = self.0.lock().unwrap().take().unwrap();
                sender.send(()).unwrap();
            }
        }
        let (begun, mut begins) = tokio::sync::mpsc::channel(1);
        let (dropped, is_dropped) = oneshot::channel();
        let guard = std::sync::Mutex::new(Some(Guard(std::sync::Mutex::new(Some(dropped)))));
        let login = Credential::from_fn(async move |_| {
            let _guard = guard.lock().unwrap().take();
            begun.send(()).await?;
            std::future::pending().await
        });
        let waiting = tokio::spawn(async move { login.get_token(&request()).await });
        begins.recv().await.unwrap();
        waiting.abort();
        is_dropped.await.unwrap();
    }
}
