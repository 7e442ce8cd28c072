//! Workload identity: an application proves itself with a token that its surroundings (Kubernetes, a
//! pipeline) have signed and written to a file (RFC 7523, 2.2).

use std::path::PathBuf;

use async_trait::async_trait;

use super::credential::{AccessToken, TokenCredential};
use super::default_login::{Failure, Link};
use super::entra::{Endpoint, Form, Sending, application_tenant};
use super::federated::assertion_of;
use super::files::read_in_time;
use super::managed::environment;
use super::request::{NamedBy, TokenRequest};
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::secret::Secret;

/// No header would hold a longer one.
const MAX_ASSERTION: usize = 64 * 1024;

/// Logs in as an application with a federated token, read anew for every request: it is rotated. What is
/// not set here comes from the variables `AZURE_CLIENT_ID`, `AZURE_TENANT_ID` and
/// `AZURE_FEDERATED_TOKEN_FILE`, as AKS sets them; the tenant of a connection string comes before that
/// of the environment.
///
/// ```
/// use std::sync::Arc;
///
/// use kusto_ingest::auth::WorkloadIdentity;
/// use kusto_ingest::client::Client;
///
/// let client = Client::builder("https://mycluster.westeurope.kusto.windows.net")?
///     .credential(Arc::new(WorkloadIdentity::new()))
///     .build()?;
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct WorkloadIdentity {
    client_id: Option<String>,
    tenant: Option<String>,
    file: Option<PathBuf>,
}

impl WorkloadIdentity {
    /// All from the environment.
    pub fn new() -> Self {
        Self::default()
    }

    /// The application's id.
    #[must_use]
    pub fn with_client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = Some(id.into());
        self
    }

    /// The application's tenant.
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// The file with the federated token.
    #[must_use]
    pub fn with_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.file = Some(file.into());
        self
    }

    fn file(&self) -> Option<PathBuf> {
        let named = || environment("AZURE_FEDERATED_TOKEN_FILE").map(PathBuf::from);
        self.file.clone().or_else(named)
    }

    fn client_id(&self) -> Option<String> {
        self.client_id
            .clone()
            .or_else(|| environment("AZURE_CLIENT_ID"))
    }
}

impl WorkloadIdentity {
    async fn exchanged(&self, request: &TokenRequest) -> Result<AccessToken> {
        let client_id = self.client_id().ok_or_else(|| missing("AZURE_CLIENT_ID"))?;
        let file = self
            .file()
            .ok_or_else(|| missing("AZURE_FEDERATED_TOKEN_FILE"))?;
        let named = self.tenant.clone().or(request.tenant().map(str::to_owned));
        let tenant = named.or_else(|| environment("AZURE_TENANT_ID"));
        let tenant = application_tenant(tenant.as_deref(), request)?;
        let request = at_authority(request);
        let endpoint = Endpoint::token(&request, tenant)?;
        // After the check of the login host: nothing of the file is read for another one.
        let assertion = read(file).await?;
        let form = || {
            Ok(Form::of_grant("client_credentials")
                .field("client_id", &client_id)
                .assertion(&assertion)
                .field("scope", request.scope()))
        };
        let grant = endpoint.token_for(Sending::Repeatable, form).await?;
        Ok(grant.access)
    }
}

#[async_trait]
impl TokenCredential for WorkloadIdentity {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        self.link(request).await.map_err(Failure::into_error)
    }
}

#[async_trait]
impl Link for WorkloadIdentity {
    fn name(&self) -> &'static str {
        "workload identity"
    }

    async fn link(&self, request: &TokenRequest) -> std::result::Result<AccessToken, Failure> {
        let absent = |name| Err(Failure::Unavailable(missing(name)));
        match (self.client_id(), self.file()) {
            (None, _) => return absent("AZURE_CLIENT_ID"),
            (_, None) => return absent("AZURE_FEDERATED_TOKEN_FILE"),
            _ => {}
        }
        self.exchanged(request).await.map_err(Failure::Failed)
    }
}

/// The environment may name the cloud's login host, with or without its scheme, where the caller has not. It
/// is checked as the cluster's is.
pub(super) fn at_authority(request: &TokenRequest) -> TokenRequest {
    const NAME: &str = "AZURE_AUTHORITY_HOST";
    let request = request.clone();
    let named = environment(NAME).filter(|_| request.named_by() != NamedBy::Caller);
    let Some(host) = named else {
        return request;
    };
    let url = match host.contains("://") {
        true => host,
        false => format!("https://{host}"),
    };
    request.with_login_endpoint_of(NamedBy::Environment(NAME), url)
}

/// The token in a file.
async fn read(file: PathBuf) -> Result<Secret> {
    let what = format!("the federated token in {}", file.display());
    let bytes = read_in_time(file, MAX_ASSERTION, what.clone()).await?;
    let text = String::from_utf8(bytes).map_err(|_| wrong(format!("{what} is no text")))?;
    assertion_of(&text)
        .ok_or_else(|| wrong(format!("{what} is empty")).with_retry(RetryClass::Later))
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Auth, Step::AcquireToken, message)
}

fn missing(name: &str) -> Error {
    let message = "is neither set nor in the environment: workload identity needs it";
    Error::new(ErrorKind::Config, Step::AcquireToken, message).with_argument(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_is_the_text_of_a_file_that_may_come_later() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        assert!(read(file.clone()).await.unwrap_err().is_retryable());
        for (text, token) in [
            ("a.b.c\n".to_owned(), Some("a.b.c")),
            ("\u{FEFF}a.b.c\r\n".to_owned(), Some("a.b.c")),
            (" \n".to_owned(), None),
            ("t".repeat(64 * 1024 + 1), None),
        ] {
            std::fs::write(&file, text).unwrap();
            let read = read(file.clone()).await.ok();
            assert_eq!(read.as_ref().map(Secret::expose), token);
        }
        assert!(
            read(directory.path().to_owned())
                .await
                .unwrap_err()
                .is_permanent()
        );
    }

    /// Nobody writes to it.
    #[cfg(unix)]
    #[tokio::test]
    async fn a_pipe_is_not_waited_for() {
        use std::os::unix::ffi::OsStrExt;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pipe");
        let name = std::ffi::CString::new(file.as_os_str().as_bytes()).unwrap();
        // SAFETY: the name ends with a zero and outlives the call.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        assert!(
            read(file.clone())
                .await
                .unwrap_err()
                .message()
                .contains("no file")
        );
    }
}
