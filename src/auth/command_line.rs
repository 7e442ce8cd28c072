//! The logins of the Azure command lines: whoever is logged in there lends a token.
//!
//! `azure_identity` knows the commands and reads what they print; the process is this library's, so that
//! it ends within its limit.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential as SdkCredential;
use azure_core::error::Error as SdkError;
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, AzureDeveloperCliCredential,
    AzureDeveloperCliCredentialOptions, Executor,
};

use super::azure;
use super::credential::{AccessToken, TokenCredential};
use super::default_login::{Failure, Link};
use super::process;
use super::request::TokenRequest;
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::http::body;
use crate::http::failure::{chain, describe_chain};
use crate::secret::excerpt;

/// How long a command may take: the Azure CLI needs seconds to begin.
const LIMIT: Duration = Duration::from_secs(10);
/// How much of its complaint is kept.
const MAX_CHARS: usize = 800;
/// What a shell answers when there is no such command.
const NO_SUCH_COMMAND: i32 = 127;

/// Logs in as whoever is logged in to a command line of Azure.
///
/// ```
/// use std::sync::Arc;
///
/// use kusto_ingest::auth::CommandLine;
/// use kusto_ingest::client::Client;
///
/// let client = Client::builder("https://mycluster.westeurope.kusto.windows.net")?
///     .credential(Arc::new(CommandLine::azure_cli()))
///     .build()?;
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CommandLine {
    tool: Tool,
    limit: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tool {
    Az,
    Azd,
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Self::Az => "az",
            Self::Azd => "azd",
        }
    }

    fn login(self) -> &'static str {
        match self {
            Self::Az => "az login",
            Self::Azd => "azd auth login",
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Az => "the Azure CLI (az)",
            Self::Azd => "the Azure Developer CLI (azd)",
        })
    }
}

impl CommandLine {
    /// The Azure CLI, `az`, of version 2.54 or later.
    pub fn azure_cli() -> Self {
        Self {
            tool: Tool::Az,
            limit: LIMIT,
        }
    }

    /// The Azure Developer CLI, `azd`.
    pub fn azure_developer_cli() -> Self {
        Self {
            tool: Tool::Azd,
            limit: LIMIT,
        }
    }

    /// How long a command may take, 10 seconds unless set.
    #[must_use]
    pub fn with_timeout(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    fn credential(
        &self,
        runner: &Arc<Runner>,
        request: &TokenRequest,
    ) -> azure_core::Result<Arc<dyn SdkCredential>> {
        let executor: Option<Arc<dyn Executor>> = Some(runner.clone());
        let tenant_id = request.tenant().map(str::to_owned);
        Ok(match self.tool {
            Tool::Az => AzureCliCredential::new(Some(AzureCliCredentialOptions {
                executor,
                tenant_id,
                ..AzureCliCredentialOptions::default()
            }))?,
            Tool::Azd => {
                AzureDeveloperCliCredential::new(Some(AzureDeveloperCliCredentialOptions {
                    executor,
                    tenant_id,
                }))?
            }
        })
    }

    fn error(&self, runner: &Runner, cause: &SdkError) -> Error {
        let tool = self.tool;
        let failed = |message: String| Error::new(ErrorKind::Auth, Step::AcquireToken, message);
        match runner.take() {
            Some(Ended::NotFound) => failed(format!("{tool} is not installed, or not on the PATH")),
            Some(Ended::Hung) => {
                let limit = self.limit.as_millis();
                failed(format!("{tool} gave no answer within {limit} ms"))
                    .with_retry(RetryClass::Unknown)
            }
            Some(Ended::Refused(text)) => {
                let hint = format!("log in with `{}`", tool.login());
                let retry = match text.contains(tool.login()) {
                    true => RetryClass::Never,
                    // The network, or a service that is busy, fails in the same way.
                    false => RetryClass::Unknown,
                };
                let message = format!("{tool} gave no token: {text}");
                failed(message).with_hint(&hint).with_retry(retry)
            }
            Some(Ended::Unstartable(why)) => {
                failed(format!("{tool} cannot be started: {why}")).with_retry(RetryClass::Unknown)
            }
            None => failed(format!("{tool} gave no token: {}", strange(cause))),
        }
    }
}

impl CommandLine {
    async fn lent(&self, request: &TokenRequest) -> Result<AccessToken> {
        let runner = Arc::new(Runner {
            limit: self.limit,
            ended: Mutex::default(),
        });
        let error = |cause: SdkError| self.error(&runner, &cause);
        let credential = self.credential(&runner, request).map_err(error)?;
        azure::lent(&*credential, request).await.map_err(error)
    }
}

#[async_trait]
impl TokenCredential for CommandLine {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        self.link(request).await.map_err(Failure::into_error)
    }
}

#[async_trait]
impl Link for CommandLine {
    fn name(&self) -> &'static str {
        self.tool.name()
    }

    /// Whoever is not logged in there may be elsewhere.
    async fn link(&self, request: &TokenRequest) -> std::result::Result<AccessToken, Failure> {
        self.lent(request).await.map_err(Failure::Unavailable)
    }
}

/// Runs a command for a credential of `azure_identity`, and keeps why it gave nothing.
#[derive(Debug)]
struct Runner {
    limit: Duration,
    ended: Mutex<Option<Ended>>,
}

#[derive(Debug)]
enum Ended {
    NotFound,
    Hung,
    /// With what it complained of.
    Refused(String),
    Unstartable(String),
}

impl Runner {
    fn take(&self) -> Option<Ended> {
        self.ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    fn keep(&self, ended: Ended) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
    }
}

#[async_trait]
impl Executor for Runner {
    async fn run(&self, program: &OsStr, args: &[&OsStr]) -> io::Result<Output> {
        let mut command = Command::new(program);
        command.args(args);
        let output = process::run(command, self.limit).await;
        match &output {
            Ok(output) if output.status.success() => {}
            Ok(output) => self.keep(complaint(output)),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => self.keep(Ended::Hung),
            Err(error) => self.keep(Ended::Unstartable(error.to_string())),
        }
        output
    }
}

/// What is wrong with what was printed. A text that is none of the expected form is not shown: it may be a
/// token.
fn strange(error: &SdkError) -> String {
    let json = chain(error).find_map(|cause| cause.downcast_ref::<serde_json::Error>());
    json.map_or_else(|| describe_chain(error), body::json_fault)
}

fn complaint(output: &Output) -> Ended {
    let text = String::from_utf8_lossy(&output.stderr);
    // The second is what Windows says.
    if output.status.code() == Some(NO_SUCH_COMMAND) || text.contains("' is not recognized") {
        return Ended::NotFound;
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Ended::Refused(match line.is_empty() {
        true => output.status.to_string(),
        false => excerpt(&line, MAX_CHARS),
    })
}
