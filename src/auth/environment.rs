//! The login that the environment's variables name.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::application_key::ApplicationKey;
use super::certificate::{Certificate, PASSWORD_KEYWORD};
use super::credential::{AccessToken, TokenCredential};
use super::default_login::{Failure, Link};
use super::files::read_in_time;
use super::managed::environment;
use super::request::TokenRequest;
use super::user_password::UserPassword;
use super::workload::at_authority;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::secret::Secret;

/// More is no certificate with its chain.
const MAX_CERTIFICATE: usize = 1024 * 1024;

/// Logs in as the variables say that the official libraries read: `AZURE_TENANT_ID` and `AZURE_CLIENT_ID` with one
/// of
///
/// 1. `AZURE_CLIENT_SECRET`,
/// 2. `AZURE_CLIENT_CERTIFICATE_PATH` (PEM, or PFX with the feature `pfx`), with `AZURE_CLIENT_CERTIFICATE_PASSWORD` and
///    `AZURE_CLIENT_SEND_CERTIFICATE_CHAIN` (`true` or `1`),
/// 3. `AZURE_USERNAME` and `AZURE_PASSWORD`;
///
/// the tenant of a connection string comes before that of the environment. They are read at every login.
///
/// ```
/// use std::sync::Arc;
///
/// use kusto_ingest::auth::EnvironmentLogin;
/// use kusto_ingest::client::Client;
///
/// let client = Client::builder("https://mycluster.westeurope.kusto.windows.net")?
///     .credential(Arc::new(EnvironmentLogin::new()))
///     .build()?;
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct EnvironmentLogin {
    /// Kept, because it knows a password that was refused.
    user: Arc<Mutex<Option<Known>>>,
}

#[derive(Debug)]
struct Known {
    of: [String; 2],
    password: Secret,
    login: UserPassword,
}

impl EnvironmentLogin {
    /// Whatever the environment says at each login.
    pub fn new() -> Self {
        Self::default()
    }

    /// The login for a user, the same for the same values.
    fn user(&self, name: String, password: Secret, client_id: String) -> UserPassword {
        let mut known = self.user.lock().unwrap_or_else(PoisonError::into_inner);
        let of = [name, client_id];
        let same = known
            .as_ref()
            .filter(|it| it.of == of && it.password == password);
        if let Some(same) = same {
            return same.login.clone();
        }
        let [name, client_id] = of.clone();
        let login = UserPassword::new(name, password.clone()).with_client_id(client_id);
        *known = Some(Known {
            of,
            password,
            login: login.clone(),
        });
        login
    }
}

#[async_trait]
impl TokenCredential for EnvironmentLogin {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        self.link(request).await.map_err(Failure::into_error)
    }
}

#[async_trait]
impl Link for EnvironmentLogin {
    fn name(&self) -> &'static str {
        "environment"
    }

    async fn link(&self, request: &TokenRequest) -> std::result::Result<AccessToken, Failure> {
        let of =
            |name: &'static str| environment(name).ok_or_else(|| Failure::Unavailable(unset(name)));
        // With the application's id alone, it may be meant for a workload or a managed identity.
        let proofs = ["AZURE_CLIENT_SECRET", CERTIFICATE, "AZURE_USERNAME"];
        if proofs.into_iter().all(|name| environment(name).is_none()) {
            return Err(Failure::Unavailable(unset(proofs[0])));
        }
        let client_id = of("AZURE_CLIENT_ID")?;
        let login: Arc<dyn TokenCredential> = if let Some(key) = environment(proofs[0]) {
            Arc::new(ApplicationKey::new(client_id, key))
        } else if let Some(path) = environment(CERTIFICATE) {
            Arc::new(
                certificate(client_id, path)
                    .await
                    .map_err(Failure::Failed)?,
            )
        } else {
            let password = Secret::from(of("AZURE_PASSWORD")?);
            Arc::new(self.user(of("AZURE_USERNAME")?, password, client_id))
        };
        let mut request = at_authority(request);
        if request.tenant().is_none() {
            request = request.with_tenant(of("AZURE_TENANT_ID")?);
        }
        login.get_token(&request).await.map_err(Failure::Failed)
    }
}

const CERTIFICATE: &str = "AZURE_CLIENT_CERTIFICATE_PATH";
const PASSWORD: &str = "AZURE_CLIENT_CERTIFICATE_PASSWORD";

/// The error of a certificate, with the variable that is to be changed instead of the keyword that it stands for.
fn named(error: Error) -> Error {
    let variable = match error.argument() {
        Some(PASSWORD_KEYWORD) => PASSWORD,
        _ => CERTIFICATE,
    };
    error.with_argument(variable)
}

async fn certificate(client_id: String, path: String) -> Result<Certificate> {
    let what = format!("the certificate in {path}");
    let file = read_in_time(Path::new(&path).to_owned(), MAX_CERTIFICATE, what);
    let file = file.await.map_err(named)?;
    let password = environment(PASSWORD).map(Secret::from);
    let chain = environment("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN").unwrap_or_default();
    let sends_chain = matches!(chain.to_ascii_lowercase().as_str(), "true" | "1");
    // Keys of PFX files are derived slowly on purpose.
    let read =
        tokio::task::spawn_blocking(move || Certificate::new(client_id, &file, password.as_ref()));
    let read = read.await.map_err(|error| {
        named(Error::new(
            ErrorKind::Auth,
            Step::AcquireToken,
            error.to_string(),
        ))
    })?;
    let login = read.map_err(named)?.with_chain(sends_chain);
    login.check().map_err(named)?;
    Ok(login)
}

pub(super) fn unset(name: &str) -> Error {
    let message = "is not set";
    Error::new(ErrorKind::Config, Step::AcquireToken, message).with_argument(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_that_is_wrong_is_named() {
        let of = |keyword| named(unset("x").with_argument(keyword));
        assert_eq!(of(PASSWORD_KEYWORD).argument(), Some(PASSWORD));
        assert_eq!(
            of("Application Certificate Blob").argument(),
            Some(CERTIFICATE)
        );
    }
}
