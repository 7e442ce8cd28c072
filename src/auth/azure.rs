//! Credentials of the Azure SDK for Rust behind this library's trait.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential as SdkCredential;
use azure_core::error::{Error as SdkError, ErrorKind as SdkErrorKind};

use super::credential::{AccessToken, TokenCredential};
use super::request::TokenRequest;
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::http::failure::describe_chain;

/// Logs in with a credential of the crate `azure_core`, such as those of `azure_identity`. Its requests
/// go its own way: the client's certificates and proxies do not apply to them.
///
/// ```
/// use std::sync::Arc;
///
/// use kusto_ingest::auth::AzureCredential;
/// use kusto_ingest::client::Client;
///
/// # fn example(credential: Arc<dyn azure_core::credentials::TokenCredential>) -> kusto_ingest::error::Result<()> {
/// let client = Client::builder("https://mycluster.westeurope.kusto.windows.net")?
///     .credential(Arc::new(AzureCredential::new(credential)))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AzureCredential(Arc<dyn SdkCredential>);

impl AzureCredential {
    /// Takes a credential, which is shared.
    pub fn new(credential: Arc<dyn SdkCredential>) -> Self {
        Self(credential)
    }
}

#[async_trait]
impl TokenCredential for AzureCredential {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        lent(&*self.0, request)
            .await
            .map_err(|error| to_error(&error))
    }
}

/// A token of such a credential.
pub(super) async fn lent(
    credential: &dyn SdkCredential,
    request: &TokenRequest,
) -> std::result::Result<AccessToken, SdkError> {
    let token = credential.get_token(&[request.scope()], None).await?;
    let expires_on = Some(token.expires_on);
    Ok(AccessToken::new(token.token.secret(), expires_on))
}

fn to_error(error: &SdkError) -> Error {
    let message = format!("the credential failed: {}", describe_chain(error));
    let own = Error::new(ErrorKind::Auth, Step::AcquireToken, message);
    match error.kind() {
        SdkErrorKind::HttpResponse { status, .. } => {
            let status = u16::from(*status);
            let own = own.with_http_status(status);
            match status {
                408 | 429 | 500.. => own.with_retry(RetryClass::Later),
                _ => own,
            }
        }
        SdkErrorKind::Io | SdkErrorKind::Connection => own.with_retry(RetryClass::Later),
        _ => own,
    }
}

#[cfg(test)]
mod tests {
    use azure_core::credentials::{AccessToken as SdkToken, TokenRequestOptions};
    use time::OffsetDateTime;

    use super::*;

    #[derive(Debug)]
    struct Fake(Option<SdkErrorKind>);

    #[async_trait]
    impl SdkCredential for Fake {
        async fn get_token(
            &self,
            scopes: &[&str],
            _: Option<TokenRequestOptions<'_>>,
        ) -> azure_core::Result<SdkToken> {
            match &self.0 {
                None => Ok(SdkToken::new(
                    scopes[0].to_owned(),
                    OffsetDateTime::UNIX_EPOCH,
                )),
                Some(kind) => Err(SdkError::with_message(
                    kind.clone(),
                    "Bearer abcdefgh is wrong",
                )),
            }
        }
    }

    async fn get(kind: Option<SdkErrorKind>) -> Result<AccessToken> {
        let credential = AzureCredential::new(Arc::new(Fake(kind)));
        credential
            .get_token(&TokenRequest::new("s/.default", None))
            .await
    }

    #[tokio::test]
    async fn its_tokens_and_its_errors_are_passed_on() {
        let token = get(None).await.unwrap();
        assert_eq!(token.secret().expose(), "s/.default");
        assert_eq!(token.expires_on(), Some(OffsetDateTime::UNIX_EPOCH));
        let refused = get(Some(SdkErrorKind::Credential)).await.unwrap_err();
        assert!(refused.is_permanent() && refused.kind() == ErrorKind::Auth);
        assert!(!refused.message().contains("abcdefgh"), "{refused}");
        let broken = get(Some(SdkErrorKind::Io)).await.unwrap_err();
        assert!(broken.is_retryable(), "{broken}");
    }
}
