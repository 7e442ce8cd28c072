//! A program outside of this repository, which depends on nothing but kusto-ingest and tokio. It names every type of
//! another crate that stands in a public signature, by the re-exports alone; `cargo xtask test rust-examples`
//! builds it in a package of its own and runs it.

use std::sync::Arc;
use std::time::Duration;

use kusto_ingest::auth::{AzureCredential, Certificate, TokenCredential, TokenRequest};
use kusto_ingest::azure_core::credentials::TokenCredential as AzureTokens;
use kusto_ingest::bytes::Bytes;
use kusto_ingest::connection::{ConnectionString, Endpoints};
use kusto_ingest::log::{Dispatch, LogLevel, receiver};
use kusto_ingest::prelude::*;
use kusto_ingest::query::{DateTime, Dynamic, Value};
use kusto_ingest::secret::SecretUrl;
use kusto_ingest::serde_json::{Value as Json, json};
use kusto_ingest::source::PushWriter;
use kusto_ingest::time::OffsetDateTime;
use kusto_ingest::url::Url;
use kusto_ingest::uuid::Uuid;

/// A login of its own, by the trait.
#[derive(Debug)]
struct Vault;

#[kusto_ingest::async_trait]
impl TokenCredential for Vault {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        let ends: OffsetDateTime = OffsetDateTime::now_utc() + Duration::from_secs(600);
        let token = format!("token for {}", request.scope());
        Ok(AccessToken::new(token, Some(ends)).with_refresh_on(ends))
    }
}

/// What takes a type of another crate.
#[allow(dead_code)]
async fn give(
    azure: Arc<dyn AzureTokens>,
    mut writer: PushWriter,
) -> Result<(), kusto_ingest::Error> {
    let _ = AzureCredential::new(azure);
    writer.write_bytes(Bytes::from_static(b"1,a\n")).await
}

/// What returns one.
#[allow(dead_code)]
fn take(client: &Client, receipt: &Receipt, error: &Error, token: &AccessToken) -> [String; 2] {
    let endpoint: &Url = client.engine_endpoint();
    let id: Uuid = receipt.source_id();
    let posted: &[Uuid] = error.handed_over();
    let tracked: &[Uuid] = receipt.tracking_token().source_ids();
    let ends: Option<OffsetDateTime> = token.expires_on();
    [
        endpoint.to_string(),
        format!("{id} {posted:?} {tracked:?} {ends:?}"),
    ]
}

fn values() -> Result<(), Box<dyn std::error::Error>> {
    let at = DateTime::try_from(OffsetDateTime::UNIX_EPOCH)?;
    assert_eq!(OffsetDateTime::from(at), OffsetDateTime::UNIX_EPOCH);
    let shown: Json = Value::Long(1).to_json();
    assert_eq!(shown, json!(1));
    let _: fn(&Dynamic) -> Json = Dynamic::to_json;
    let _ = RequestProperties::new().with_parameter("since", json!("now"));
    let _ = IngestionProperties::new("D", "T").with_creation_time(OffsetDateTime::now_utc());
    let url = Url::parse("https://mycluster.kusto.windows.net")?;
    assert!(Endpoints::derive(&url).engine().host_str().is_some());
    let blob = SecretUrl::new(url.join("container/blob.csv")?);
    let _ = BlobSource::from_secret_url(&blob)?;
    Ok(())
}

/// This package does not turn it on, unlike the tests, which have the features of the C library.
fn pfx_needs_its_feature() {
    // How every one begins: a sequence, and the version 3.
    let pfx = [0x30, 0x82, 0x0a, 0x4f, 0x02, 0x01, 0x03];
    let error = Certificate::new("app-id", &pfx, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.message().contains("feature `pfx`"), "{error}");
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    values()?;
    let log: Dispatch = receiver(LogLevel::Info, Arc::new(|_| {}));
    let name = "closure".to_owned();
    let login = Credential::from_fn(async move |request| {
        tokio::task::yield_now().await;
        let token = format!("{name} for {}", request.scope());
        Ok(AccessToken::valid_for(token, Duration::from_secs(60)))
    });
    let request = TokenRequest::new("scope", None);
    let token = login.get_token(&request).await?;
    assert_eq!(token.secret().expose(), "closure for scope");

    let connection: ConnectionString = "https://mycluster.kusto.windows.net".parse()?;
    let client = ClientBuilder::new(connection).credential(login).log(log);
    client.build()?;
    client.credential(Arc::new(Vault)).build()?;

    let busy = Credential::from_fn(async |_| {
        let busy = Vault.get_token(&TokenRequest::new("", None)).await;
        busy.map_err(Into::into).and_then(|_| Err("gone".into()))
    });
    let error = busy.get_token(&request).await.unwrap_err();
    assert!(!error.is_retryable() && error.retry() == RetryClass::Never);
    pfx_needs_its_feature();
    println!("every type has a name");
    Ok(())
}
