//! `GET /v1/rest/auth/metadata`: which login endpoint a cluster belongs to (wire-v1 section 1.3).

use http::Method;
use http::header::ACCEPT;
use serde::Deserialize;
use url::Url;

use crate::connection::endpoint;
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::http::answer::AnswerKind;
use crate::http::body;
use crate::http::host::host_of;
use crate::http::request::Request;
use crate::http::retry::{RetryPolicy, retry};
use crate::http::transport::Transport;
use crate::op::Scope;

/// Of the public cloud.
pub(super) const DEFAULT_LOGIN_ENDPOINT: &str = "https://login.microsoftonline.com";
/// The public client of the service in all clouds, for the logins of users.
pub(super) const DEFAULT_CLIENT_ID: &str = "db662dc1-0cfe-4e1c-a843-19a68e65be58";
const DEFAULT_RESOURCE_ID: &str = "https://kusto.kusto.windows.net";

/// The cluster's settings for tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CloudMetadata {
    /// Of Entra ID; also the key of the list of trusted hosts.
    pub(crate) login_endpoint: String,
    /// The resource of the tokens.
    pub(crate) scope: String,
    /// The public client for the logins of users.
    pub(crate) client_id: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    #[serde(rename = "AzureAD")]
    azure_ad: Option<AzureAd>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct AzureAd {
    login_endpoint: Option<String>,
    login_mfa_required: bool,
    kusto_service_resource_id: Option<String>,
    kusto_client_app_id: Option<String>,
}

/// Queries the host of `base`. A host without the endpoint (404) or without the data has the public
/// cloud's values; any other failure is an error and must not be cached.
pub(crate) async fn fetch(
    scope: &Scope,
    transport: &Transport,
    base: &Url,
) -> Result<CloudMetadata> {
    let host = host_of(base);
    let url = endpoint::metadata_url(base);
    let step = Step::FetchCloudMetadata;
    retry(scope, step, &host, RetryPolicy::METADATA, || async {
        let request = Request::new(Method::GET, url.clone()).header(ACCEPT, "application/json");
        let reply = transport
            .send(step, &host, request, AnswerKind::METADATA)
            .await?;
        match reply.status {
            200 => parse(&reply.body, &host),
            404 => Ok(CloudMetadata::from(AzureAd::default())),
            status => {
                let error = refused(status, &host);
                Err(match (error.retry(), reply.retry_after()) {
                    (RetryClass::Later, Some(after)) => error.with_retry_after(after),
                    _ => error,
                })
            }
        }
    })
    .await
    .map_err(|error| error.with_in_doubt(false))
}

fn parse(text: &[u8], host: &str) -> Result<CloudMetadata> {
    let answer: Answer = serde_json::from_slice(text).map_err(|error| {
        Error::new(
            ErrorKind::Service,
            Step::FetchCloudMetadata,
            format!(
                "the answer ({}) is not the expected JSON: {}",
                body::describe(text),
                body::json_fault(&error)
            ),
        )
        .with_host(host)
        .with_http_status(200)
        .with_retry(RetryClass::Later)
    })?;
    Ok(answer.azure_ad.unwrap_or_default().into())
}

fn refused(status: u16, host: &str) -> Error {
    let (kind, retry) = match status {
        429 => (ErrorKind::Throttled, RetryClass::Later),
        408 | 500.. => (ErrorKind::Service, RetryClass::Later),
        _ => (ErrorKind::Service, RetryClass::Never),
    };
    Error::new(
        kind,
        Step::FetchCloudMetadata,
        "the host rejected the request for its cloud metadata",
    )
    .with_host(host)
    .with_http_status(status)
    .with_retry(retry)
}

impl From<AzureAd> for CloudMetadata {
    fn from(data: AzureAd) -> Self {
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let mut resource =
            given(data.kusto_service_resource_id).unwrap_or_else(|| DEFAULT_RESOURCE_ID.to_owned());
        if data.login_mfa_required {
            resource = resource.replacen(".kusto.", ".kustomfa.", 1);
        }
        Self {
            login_endpoint: given(data.login_endpoint)
                .unwrap_or_else(|| DEFAULT_LOGIN_ENDPOINT.to_owned()),
            scope: format!("{}/.default", resource.trim_end_matches('/')),
            client_id: given(data.kusto_client_app_id)
                .unwrap_or_else(|| DEFAULT_CLIENT_ID.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope_of(body: &str) -> (String, String) {
        let metadata = parse(body.as_bytes(), "h").unwrap();
        (metadata.login_endpoint, metadata.scope)
    }

    #[test]
    fn missing_members_have_the_public_clouds_values() {
        let public = (
            DEFAULT_LOGIN_ENDPOINT.to_owned(),
            "https://kusto.kusto.windows.net/.default".to_owned(),
        );
        for body in [
            "{}",
            r#"{"AzureAD":null}"#,
            r#"{"AzureAD":{"LoginEndpoint":""}}"#,
        ] {
            assert_eq!(scope_of(body), public, "{body}");
        }
    }

    #[test]
    fn a_sovereign_cloud_and_required_mfa_are_read() {
        let body = r#"{"AzureAD":{"LoginEndpoint":"https://login.microsoftonline.us",
            "LoginMfaRequired":true,"KustoServiceResourceId":"https://kusto.kusto.usgovcloudapi.net/",
            "New":1},"dSTS":{}}"#;
        assert_eq!(
            scope_of(body),
            (
                "https://login.microsoftonline.us".to_owned(),
                "https://kusto.kustomfa.usgovcloudapi.net/.default".to_owned()
            )
        );
    }

    #[test]
    fn an_answer_that_is_no_json_is_an_error() {
        assert!(parse(b"<html>", "h").is_err());
    }
}
