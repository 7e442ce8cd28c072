//! The login of a user on another device: the program shows a code, the user enters it in any browser.

use async_trait::async_trait;

use super::catalog::PromptKind;
use super::closure::LoginError;
use super::credential::{AccessToken, TokenCredential};
use super::entra::{DeviceGrant, Endpoint, Form, Grant, wait_for_user};
use super::prompt::{Prompt, Prompted, Prompter};
use super::request::TokenRequest;
use super::user::{Asked, UserLogin};
use crate::error::{Error, Result};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Logs in as a user, who enters a code in the browser of any device. Later tokens come without the user, as
/// long as Entra ID allows it; the credential keeps what that needs in memory.
///
/// The login waits for the user until the code expires, in general after 15 minutes. It belongs to the client
/// and not to one call: a call that reaches its deadline leaves, and another one joins it. It is given up 10
/// seconds after the last call has left.
///
/// ```
/// use std::sync::Arc;
///
/// use kusto_ingest::auth::{DeviceCode, Prompted};
/// use kusto_ingest::client::Client;
///
/// let login = DeviceCode::new(|prompt| {
///     println!("{}", prompt.message());
///     Ok(Prompted::Shown)
/// });
/// let client = Client::builder("https://mycluster.westeurope.kusto.windows.net")?
///     .credential(Arc::new(login))
///     .build()?;
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DeviceCode {
    login: UserLogin,
    prompter: Prompter,
}

impl DeviceCode {
    /// `prompt` shows the code. It is called once for each login, on a thread of its own; its failure fails the
    /// login.
    pub fn new(
        prompt: impl Fn(&Prompt) -> std::result::Result<Prompted, LoginError> + Send + Sync + 'static,
    ) -> Self {
        Self::with_prompter(Prompter::new(prompt))
    }

    /// Writes the service's message, which has the code in it, to the standard error stream.
    pub fn on_stderr() -> Self {
        Self::new(|prompt| {
            use std::io::Write;
            writeln!(std::io::stderr(), "{}", prompt.message())?;
            Ok(Prompted::Shown)
        })
    }

    pub(crate) fn with_prompter(prompter: Prompter) -> Self {
        Self {
            login: UserLogin::default(),
            prompter,
        }
    }

    /// The user's tenant. Without it, it is that of the connection string, or any organisation; a guest of the
    /// cluster's tenant needs that one.
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl Into<String>) -> Self {
        self.login.tenant = Some(tenant.into());
        self
    }

    /// The public client that asks, by default the one that the cluster names.
    #[must_use]
    pub fn with_client_id(mut self, id: impl Into<String>) -> Self {
        self.login.client_id = Some(id.into());
        self
    }

    /// Whether it may ask the user, which it may unless set: otherwise it fails where it would.
    #[must_use]
    pub fn with_prompts(mut self, allowed: bool) -> Self {
        self.login.is_silent = !allowed;
        self
    }
}

/// Before the words of the service, where it stands for a browser.
const PREFACE: &str = "No browser can be started on this machine. ";

/// Shows a code, and waits until its user has entered it. Where it stands for a browser that cannot be started,
/// `no_browser` is the error that says so: a prompt that knows browsers only gets it back, and nobody sees the code.
pub(super) async fn ask(
    prompter: &Prompter,
    asked: &Asked,
    no_browser: Option<Error>,
) -> Result<Grant> {
    let code = code(asked).await?;
    let endpoint = asked.token_endpoint()?;
    let question = || {
        Form::of_grant(GRANT)
            .field("client_id", &asked.account.client_id)
            .field("device_code", code.device_code.expose())
    };
    let prompt = Prompt {
        kind: PromptKind::DeviceCode,
        url: code.url.clone(),
        code: Some(code.user_code.expose().to_owned()),
        message: match &no_browser {
            Some(_) => format!("{PREFACE}{}", code.message),
            None => code.message.clone(),
        },
        expires_on: code.expires_on,
    };
    let shown = async {
        match (prompter.show(prompt).await?, no_browser) {
            (Prompted::OpenBrowser, Some(error)) => Err(error),
            _ => Ok(()),
        }
    };
    // A program may wait for its user inside the prompt: the user is done when the service says so.
    tokio::select! {
        grant = wait_for_user(&code, || endpoint.poll(question())) => grant,
        Err(error) = shown => Err(error),
    }
}

async fn code(asked: &Asked) -> Result<DeviceGrant> {
    let form = || {
        Ok::<_, Error>(
            Form::empty()
                .field("client_id", &asked.account.client_id)
                .field("scope", &asked.scope),
        )
    };
    Endpoint::device_code(&asked.request, &asked.account.tenant)?
        .device_grant(form)
        .await
}

#[async_trait]
impl TokenCredential for DeviceCode {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        let prompter = self.prompter.clone();
        let ask = |asked| async move { ask(&prompter, &asked, None).await };
        self.login.token(request, ask).await
    }
}
