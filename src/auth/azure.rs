//! Credentials of the Azure SDK for Rust behind this library's trait.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential as SdkCredential;
use azure_core::error::{Error as SdkError, ErrorKind as SdkErrorKind};
use azure_core::http::RawResponse;
use azure_core::http::headers::HeaderName;

use super::callback::LONGEST_LOGIN;
use super::credential::{AccessToken, TokenCredential};
use super::request::TokenRequest;
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::http::date;
use crate::http::failure::{chain, describe_chain};

/// Logs in with a credential of the crate `azure_core`, such as those of `azure_identity`. Its requests
/// go its own way: the client's certificates and proxies do not apply to them.
///
/// ```
/// use std::sync::Arc;
///
/// use kusto_ingest::auth::AzureCredential;
/// use kusto_ingest::client::Client;
///
/// # fn example(credential: Arc<dyn kusto_ingest::azure_core::credentials::TokenCredential>) -> kusto_ingest::error::Result<()> {
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
        match tokio::time::timeout(LONGEST_LOGIN, lent(&*self.0, request)).await {
            Ok(lent) => lent.map_err(|error| to_error(&error)),
            Err(_) => {
                let message = format!(
                    "the credential gave no answer within {} s",
                    LONGEST_LOGIN.as_secs()
                );
                Err(Error::new(ErrorKind::Auth, Step::AcquireToken, message)
                    .with_retry(RetryClass::Later))
            }
        }
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
    match cause(error) {
        SdkErrorKind::HttpResponse {
            status,
            raw_response,
            ..
        } => {
            let status = u16::from(*status);
            let own = own.with_http_status(status);
            match (status, raw_response.as_deref().and_then(asked_pause)) {
                (408 | 429 | 500.., Some(pause)) => own.with_retry_after(pause),
                (408 | 429 | 500.., None) => own.with_retry(RetryClass::Later),
                _ => own,
            }
        }
        SdkErrorKind::Io | SdkErrorKind::Connection => own.with_retry(RetryClass::Later),
        // An answer that is none, such as a gateway's page; its status is not passed on.
        SdkErrorKind::DataConversion => own.with_retry(RetryClass::Unknown),
        _ => own,
    }
}

/// The kind of the innermost error: each credential of `azure_identity` wraps it in one that says no more than
/// that it failed.
fn cause(error: &SdkError) -> &SdkErrorKind {
    let errors = chain(error).filter_map(|cause| cause.downcast_ref::<SdkError>());
    let says_more = |kind: &&SdkErrorKind| !matches!(kind, SdkErrorKind::Credential);
    let kinds = errors.map(SdkError::kind);
    kinds.filter(says_more).last().unwrap_or(error.kind())
}

fn asked_pause(answer: &RawResponse) -> Option<Duration> {
    let header = |name| {
        answer
            .headers()
            .get_optional_str(&HeaderName::from_static(name))
    };
    date::retry_after(header("retry-after"), header("date"))
}

#[cfg(test)]
mod tests {
    use azure_core::Bytes;
    use azure_core::credentials::{AccessToken as SdkToken, TokenRequestOptions};
    use azure_core::http::StatusCode;
    use azure_core::http::headers::Headers;
    use time::OffsetDateTime;

    use super::*;

    type Kinds = &'static [fn() -> SdkErrorKind];

    /// Fails with an error of the last kind inside one of the one before, and so on.
    #[derive(Debug)]
    struct Fake(Kinds);

    #[async_trait]
    impl SdkCredential for Fake {
        async fn get_token(
            &self,
            scopes: &[&str],
            _: Option<TokenRequestOptions<'_>>,
        ) -> azure_core::Result<SdkToken> {
            let [outer @ .., inner] = self.0 else {
                let scope = scopes[0].to_owned();
                return Ok(SdkToken::new(scope, OffsetDateTime::UNIX_EPOCH));
            };
            let error = SdkError::with_message(inner(), "Bearer abcdefgh is wrong");
            Err(outer.iter().rev().fold(error, |error, kind| {
                SdkError::with_error(kind(), error, "the login failed")
            }))
        }
    }

    async fn get(kinds: Kinds) -> Result<AccessToken> {
        let credential = AzureCredential::new(Arc::new(Fake(kinds)));
        credential
            .get_token(&TokenRequest::new("s/.default", None))
            .await
    }

    fn response(status: StatusCode) -> SdkErrorKind {
        let mut headers = Headers::new();
        headers.insert("retry-after", "7");
        let answer = RawResponse::from_bytes(status, headers, Bytes::new());
        SdkErrorKind::HttpResponse {
            status,
            error_code: None,
            raw_response: Some(Box::new(answer)),
        }
    }

    #[tokio::test]
    async fn its_tokens_and_its_errors_are_passed_on() {
        let token = get(&[]).await.unwrap();
        assert_eq!(token.secret().expose(), "s/.default");
        assert_eq!(token.expires_on(), Some(OffsetDateTime::UNIX_EPOCH));
        let refused = get(&[|| SdkErrorKind::Credential]).await.unwrap_err();
        assert!(refused.is_permanent() && refused.kind() == ErrorKind::Auth);
        assert!(!refused.message().contains("abcdefgh"), "{refused}");
        let broken = get(&[|| SdkErrorKind::Io]).await.unwrap_err();
        assert!(broken.is_retryable(), "{broken}");
    }

    /// As the credentials of `azure_identity` wrap every error.
    #[tokio::test]
    async fn what_is_inside_decides_whether_it_passes() {
        const WRAPPED: fn() -> SdkErrorKind = || SdkErrorKind::Credential;
        let passing: [Kinds; 4] = [
            &[WRAPPED, || SdkErrorKind::Io],
            &[WRAPPED, WRAPPED, || SdkErrorKind::Connection],
            &[WRAPPED, || response(StatusCode::ServiceUnavailable)],
            &[WRAPPED, || response(StatusCode::TooManyRequests)],
        ];
        for kinds in passing {
            let error = get(kinds).await.unwrap_err();
            assert!(error.is_retryable(), "{error}");
        }
        let busy = get(passing[3]).await.unwrap_err();
        assert_eq!(busy.retry_after(), Some(Duration::from_secs(7)));
        assert_eq!(busy.http_status(), Some(429));
        let refused = get(&[WRAPPED, || response(StatusCode::Unauthorized)]).await;
        assert!(refused.unwrap_err().is_permanent());
        let page = get(&[WRAPPED, || SdkErrorKind::DataConversion]).await;
        assert_eq!(page.unwrap_err().retry(), RetryClass::Unknown);
    }

    #[derive(Debug)]
    struct Silent;

    #[async_trait]
    impl SdkCredential for Silent {
        async fn get_token(
            &self,
            _: &[&str],
            _: Option<TokenRequestOptions<'_>>,
        ) -> azure_core::Result<SdkToken> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_never_answers_is_left() {
        let credential = AzureCredential::new(Arc::new(Silent));
        let request = TokenRequest::new("s", None);
        let error = credential.get_token(&request).await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
    }
}
