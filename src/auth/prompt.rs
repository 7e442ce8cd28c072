//! What a login asks of the user, and who shows it.

use std::fmt;
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::oneshot;

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
    /// [`Prompted::Shown`].
    OpenBrowser,
}

type ShowPrompt = dyn Fn(&Prompt) -> std::result::Result<Prompted, LoginError> + Send + Sync;

/// Shows prompts, through the program.
#[derive(Clone)]
pub(crate) struct Prompter(Arc<ShowPrompt>);

impl fmt::Debug for Prompter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prompter")
    }
}

impl Prompter {
    pub(crate) fn new(
        show: impl Fn(&Prompt) -> std::result::Result<Prompted, LoginError> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(show))
    }

    /// Has it shown, on a thread of its own: a program may wait there for its user.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`] with what the program says, or when it panics.
    pub(super) async fn show(&self, prompt: Prompt) -> Result<Prompted> {
        let (answer, answered) = oneshot::channel();
        let show = self.0.clone();
        std::thread::Builder::new()
            .name("kusto-prompt".to_owned())
            .spawn(move || {
                // The login may be over by now.
                let _ = answer.send(show(&prompt));
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
        Ok(error) => *error,
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
}
