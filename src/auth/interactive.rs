//! The login of a user in a browser on this machine (RFC 8252): the browser comes back to a listener here with a
//! code, which is exchanged for a token (RFC 7636).

use std::time::Duration;

use async_trait::async_trait;
use time::OffsetDateTime;
use url::Url;

use super::catalog::PromptKind;
use super::closure::LoginError;
use super::credential::{AccessToken, TokenCredential};
use super::device_code;
use super::entra::{Endpoint, Form, Grant, Refusal, Sending};
use super::prompt::{Prompt, Prompted, Prompter};
use super::request::TokenRequest;
use super::user::{Asked, UserLogin};
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};

mod browser;
mod listener;
mod pkce;

use listener::{Listener, Returned};
use pkce::Random;

/// How long the user has.
const LIMIT: Duration = Duration::from_secs(300);

/// Logs in as a user, in the system's browser. Later tokens come without the user, as long as Entra ID allows it; the
/// credential keeps what that needs in memory.
///
/// The browser comes back to this machine: to a listener on its loopback addresses, at a port of its own, which is
/// open for as long as the login waits, 5 minutes at the most. A call that reaches its deadline leaves the login, which
/// is given up 10 seconds after the last one. Nothing is opened before the first call that needs a token.
///
/// ```
/// use std::sync::Arc;
///
/// use kusto_ingest::auth::Interactive;
/// use kusto_ingest::client::Client;
///
/// let client = Client::builder("https://mycluster.westeurope.kusto.windows.net")?
///     .credential(Arc::new(Interactive::new()))
///     .build()?;
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Interactive {
    login: UserLogin,
    hint: Option<String>,
    prompter: Option<Prompter>,
    falls_back: bool,
}

impl Interactive {
    /// Opens the system's browser: the one that the variable `BROWSER` names, or what the system opens addresses
    /// with.
    pub fn new() -> Self {
        Self::default()
    }

    /// `prompt` gets the address. It opens it itself, or leaves that to the library. It is called once for each
    /// login, and a second time for a device's code where that is [allowed](Self::with_device_code); on a thread of its
    /// own. Its failure fails the login.
    #[must_use]
    pub fn with_prompt(
        self,
        prompt: impl Fn(&Prompt) -> std::result::Result<Prompted, LoginError> + Send + Sync + 'static,
    ) -> Self {
        self.with_prompter(Prompter::new(prompt))
    }

    #[must_use]
    pub(crate) fn with_prompter(mut self, prompter: Prompter) -> Self {
        self.prompter = Some(prompter);
        self
    }

    /// The user's name, which is filled in for the user.
    #[must_use]
    pub fn with_hint(mut self, user: impl Into<String>) -> Self {
        self.hint = Some(user.into());
        self
    }

    /// The user's tenant. Without it, it is that of the connection string, or any organisation; a guest of the
    /// cluster's tenant needs that one.
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl Into<String>) -> Self {
        self.login.tenant = Some(tenant.into());
        self
    }

    /// The public client that asks, by default the one that the cluster names. It must allow `http://localhost`.
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

    /// Whether, where no browser can be started, as on a machine without a screen, the prompt gets a device's code
    /// instead. It does not unless set; without a prompt it is an error in any case.
    #[must_use]
    pub fn with_device_code(mut self, allowed: bool) -> Self {
        self.falls_back = allowed;
        self
    }

    async fn ask(&self, asked: Asked) -> Result<Grant> {
        let error = match self.ask_in_browser(&asked).await {
            Ok(grant) => return Ok(grant),
            Err(Halt::Failed(error)) => return Err(error),
            Err(Halt::NoBrowser(error)) => error,
        };
        match self.prompter.as_ref().filter(|_| self.falls_back) {
            Some(prompter) => device_code::ask(prompter, &asked, Some(error)).await,
            None => Err(error),
        }
    }

    async fn ask_in_browser(&self, asked: &Asked) -> std::result::Result<Grant, Halt> {
        let (state, verifier) = (Random::new()?, Random::new()?);
        let mut url = Endpoint::authorize(&asked.request, &asked.account.tenant)?;
        let listener = Listener::open(state.clone()).await?;
        let redirect = listener.address();
        self.fill(&mut url, asked, &redirect, &state, &verifier)?;
        // The listener is closed when this ends, in whatever way.
        let returned = tokio::time::timeout(LIMIT, async {
            tokio::select! {
                returned = listener.returned() => Ok(returned?),
                Err(halt) = self.show(url) => Err(halt),
            }
        });
        let code = match returned.await.unwrap_or_else(|_| Err(nobody().into()))? {
            Returned::Code(code) => code,
            Returned::Refused { error, text } => {
                return Err(refused(&error, text.as_deref()).into());
            }
        };
        let form = || {
            Ok(Form::of_grant("authorization_code")
                .field("client_id", &asked.account.client_id)
                .field("code", code.expose())
                .field("redirect_uri", &redirect)
                .field("code_verifier", verifier.text())
                .field("scope", &asked.scope))
        };
        let endpoint = asked.token_endpoint()?;
        Ok(endpoint.token_for(Sending::Once, form).await?)
    }

    fn fill(
        &self,
        url: &mut Url,
        asked: &Asked,
        redirect: &str,
        state: &Random,
        verifier: &Random,
    ) -> Result<()> {
        let nonce = Random::new()?;
        let mut query = url.query_pairs_mut();
        query
            .append_pair("client_id", &asked.account.client_id)
            .append_pair("response_type", "code")
            .append_pair("redirect_uri", redirect)
            .append_pair("scope", &asked.scope)
            .append_pair("state", state.text())
            // The code in a form: not in the browser's history.
            .append_pair("response_mode", "form_post")
            .append_pair("code_challenge", &verifier.challenge())
            .append_pair("code_challenge_method", "S256")
            .append_pair("nonce", nonce.text())
            .append_pair("prompt", "select_account");
        if let Some(hint) = &self.hint {
            query.append_pair("login_hint", hint);
        }
        Ok(())
    }

    async fn show(&self, url: Url) -> std::result::Result<(), Halt> {
        let url = String::from(url);
        let done = match &self.prompter {
            Some(prompter) => prompter.show(prompt(&url)).await?,
            None => Prompted::OpenBrowser,
        };
        match done {
            Prompted::Shown => Ok(()),
            Prompted::OpenBrowser => browser::open(&url).await.map_err(Halt::NoBrowser),
        }
    }
}

/// Why a login in the browser does not go on.
enum Halt {
    /// No browser can be started.
    NoBrowser(Error),
    Failed(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

fn prompt(url: &str) -> Prompt {
    Prompt {
        kind: PromptKind::Browser,
        url: url.to_owned(),
        code: None,
        message: format!("To sign in, open this address in a browser on this machine: {url}"),
        expires_on: OffsetDateTime::now_utc()
            .saturating_add(time::Duration::try_from(LIMIT).unwrap_or_default()),
    }
}

fn nobody() -> Error {
    let minutes = LIMIT.as_secs() / 60;
    let message = format!("nobody has logged in in the browser within {minutes} minutes");
    Error::new(ErrorKind::Auth, Step::AcquireToken, message)
        .with_hint(&format!("if no browser has opened, {}", browser::ADVICE))
}

/// What the login host says through the browser.
fn refused(error: &str, text: Option<&str>) -> Error {
    let refusal = Refusal::said(error, text.unwrap_or_default());
    let said = refusal.text().map(crate::secret::redact);
    let said = said.unwrap_or_else(|| format!("its reason is {error}"));
    let message = format!("the login in the browser was refused: {said}");
    let code = refusal.code().unwrap_or_else(|| error.to_owned());
    let answer = Error::new(ErrorKind::Auth, Step::AcquireToken, message)
        .with_service_code(code)
        .with_retry(RetryClass::Never);
    match refusal.advice() {
        Some(advice) => answer.with_hint(advice),
        None => answer,
    }
}

#[async_trait]
impl TokenCredential for Interactive {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        let own = self.clone();
        let ask = |asked| async move { own.ask(asked).await };
        self.login.token(request, ask).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::user::Account;
    use super::*;

    /// The address of the browser for a request of a client that nobody configured.
    #[test]
    fn the_address_has_what_the_protocol_needs() {
        let request = TokenRequest::new("https://c/.default", None);
        let mut url = Endpoint::authorize(&request, "organizations").unwrap();
        let asked = Asked {
            account: Account::of(None, Some("id"), &request).unwrap(),
            request: request.clone(),
            scope: "s offline_access".to_owned(),
        };
        let login = Interactive::new().with_hint("alice@contoso.test");
        let (state, verifier) = (Random::new().unwrap(), Random::new().unwrap());
        let redirect = "http://localhost:5";
        login
            .fill(&mut url, &asked, redirect, &state, &verifier)
            .unwrap();
        assert_eq!(
            &url.as_str()[..url.as_str().find('?').unwrap()],
            "https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize"
        );
        let all: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!(all["redirect_uri"], redirect);
        assert_eq!(all["response_mode"], "form_post");
        assert_eq!(all["code_challenge"], verifier.challenge());
        assert_eq!(all["state"], state.text());
        assert_eq!(all["login_hint"], "alice@contoso.test");
        assert!(!url.as_str().contains(verifier.text()));
    }

    #[test]
    fn a_refusal_through_the_browser_has_its_number_and_what_to_do() {
        let text = "AADSTS50020: User account from identity provider does not exist. Trace ID: 1";
        let error = refused("access_denied", Some(text));
        assert_eq!(error.service_code(), Some("AADSTS50020"));
        assert!(error.message().contains("guest"), "{error}");
        assert!(!error.message().contains("Trace ID"), "{error}");
        let plain = refused("access_denied", None);
        assert_eq!(plain.service_code(), Some("access_denied"));
        assert!(plain.message().contains("declined"), "{plain}");
    }
}
