//! What a login asks of the user, and who shows it.

use std::fmt;
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::{Mutex, oneshot};

use super::catalog::PromptKind;
use super::closure::LoginError;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::http::failure::describe_chain;
use crate::secret::redact;

/// What a login asks of the user. Its texts are for the user alone and do not belong in a log: whoever has the
/// code or the address can take part in the login.
#[derive(Clone)]
pub struct Prompt {
    pub(super) kind: PromptKind,
    pub(super) url: String,
    pub(super) code: Option<String>,
    pub(super) message: String,
    pub(super) expires_on: OffsetDateTime,
}

impl Prompt {
    /// What the user is to do.
    pub fn kind(&self) -> PromptKind {
        self.kind
    }

    /// The address to open.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The code to enter there; a browser needs none.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// All of it in one text for people, for a device code in the words of the service. It is shown, not
    /// parsed.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Until when the login waits.
    pub fn expires_on(&self) -> OffsetDateTime {
        self.expires_on
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt")
            .field("kind", &self.kind)
            .field("expires_on", &self.expires_on)
            .finish_non_exhaustive()
    }
}

/// What the program has done with a [`Prompt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompted {
    /// It has shown the code, or has opened the address itself.
    Shown,
    /// The library is to open the address in the system's browser. For a device code the same as
    /// [`Prompted::Shown`]; for one that stands for a browser it means that nobody has seen the code, and the login
    /// fails.
    OpenBrowser,
}

type ShowPrompt = dyn Fn(&Prompt) -> std::result::Result<Prompted, LoginError> + Send + Sync;

/// Shows prompts, through the program.
#[derive(Clone)]
pub(crate) struct Prompter {
    show: Arc<ShowPrompt>,
    /// Held by the thread that shows one, which may outlive its login: the next one waits for it.
    turn: Arc<Mutex<()>>,
}

impl fmt::Debug for Prompter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prompter")
    }
}

impl Prompter {
    pub(crate) fn new(
        show: impl Fn(&Prompt) -> std::result::Result<Prompted, LoginError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            show: Arc::new(show),
            turn: Arc::default(),
        }
    }

    /// Has it shown, on a thread of its own: a program may wait there for its user. One at a time.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`] with what the program says, or when it panics.
    pub(super) async fn show(&self, prompt: Prompt) -> Result<Prompted> {
        let (answer, answered) = oneshot::channel();
        let show = self.show.clone();
        let turn = self.turn.clone().lock_owned().await;
        std::thread::Builder::new()
            .name("kusto-prompt".to_owned())
            .spawn(move || {
                // The login may be over by now.
                let _ = answer.send(show(&prompt));
                drop(turn);
            })
            .map_err(|error| failed(format!("cannot start a thread: {error}")))?;
        match answered.await {
            Ok(answer) => answer.map_err(to_error),
            Err(_) => Err(failed("the prompt of the login panicked")),
        }
    }
}

fn to_error(cause: LoginError) -> Error {
    match cause.downcast::<Error>() {
        Ok(error) if error.kind() == ErrorKind::Auth => *error,
        Ok(error) => {
            let said = redact(&describe_chain(&*error));
            failed(format!("the prompt of the login failed: {said}")).with_retry(error.retry())
        }
        Err(cause) => {
            let said = redact(&describe_chain(&*cause));
            failed(format!("the prompt of the login failed: {said}"))
        }
    }
}

fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Auth, Step::AcquireToken, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt() -> Prompt {
        Prompt {
            kind: PromptKind::DeviceCode,
            url: "https://login.example/device".to_owned(),
            code: Some("ABCD-EFGH".to_owned()),
            message: "enter ABCD-EFGH".to_owned(),
            expires_on: OffsetDateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn its_debug_form_takes_no_part_in_the_login() {
        let text = format!("{:?}", prompt());
        assert!(
            !text.contains("ABCD") && !text.contains("login.example"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn what_the_program_says_is_the_cause() {
        let shown = Prompter::new(|_| Ok(Prompted::OpenBrowser));
        assert_eq!(shown.show(prompt()).await.unwrap(), Prompted::OpenBrowser);
        let failing = Prompter::new(|_| Err("no terminal here".into()));
        let error = failing.show(prompt()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
        assert!(error.message().contains("no terminal here"), "{error}");
        let panicking = Prompter::new(|_| panic!("on purpose"));
        let error = panicking.show(prompt()).await.unwrap_err();
        assert!(error.message().contains("panicked"), "{error}");
    }

    /// The program still shows the one of a login that was given up.
    #[tokio::test]
    async fn the_next_prompt_waits_until_the_program_is_done_with_the_last() {
        let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let released = std::sync::Mutex::new(released);
        let showing = Prompter::new(move |_| {
            begun.send(())?;
            released.lock().unwrap().recv()?;
            Ok(Prompted::Shown)
        });
        let mut first = Box::pin(showing.show(prompt()));
        tokio::select! {
            biased;
            _ = &mut first => unreachable!("it is not released"),
            _ = begins.recv() => {}
        }
        drop(first);
        let mut second = Box::pin(showing.show(prompt()));
        assert!(is_pending_after_a_poll(&mut second).await);
        assert!(begins.try_recv().is_err());
        release.send(()).unwrap();
        release.send(()).unwrap();
        assert_eq!(second.await.unwrap(), Prompted::Shown);
        begins.recv().await.unwrap();
    }

    async fn is_pending_after_a_poll<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_pending())
        })
        .await
    }
}
