//! Shared by the test programs that start emulators.

use std::time::Duration;

use kusto_emulator::{AzuriteOptions, Emulator, Options, StorageKind};
use kusto_ingest::client::{Client, ClientBuilder};
use url::Url;

/// The emulator's own storage, and Azurite when `KUSTO_TEST_AZURITE` names its three addresses.
pub(crate) fn storages() -> Vec<StorageKind> {
    let mut storages = vec![StorageKind::BuiltIn];
    if let Ok(urls) = std::env::var("KUSTO_TEST_AZURITE") {
        let urls: Vec<Url> = urls
            .split(',')
            .map(|url| Url::parse(url).unwrap())
            .collect();
        let [blob, queue, table] = urls
            .try_into()
            .expect("KUSTO_TEST_AZURITE names three URLs");
        storages.push(StorageKind::Azurite(AzuriteOptions { blob, queue, table }));
    }
    storages
}

/// Options of an emulator whose batches hardly wait.
pub(crate) fn quick() -> Options {
    Options {
        batching: Duration::from_millis(20),
        ..Options::default()
    }
}

/// Settings of a client of the emulator. It gives up after its quick attempts: the faults of the
/// tests do not pass.
pub(crate) fn client_of(emulator: &Emulator) -> ClientBuilder {
    Client::builder(&emulator.connection_string())
        .unwrap()
        .ingestion_endpoint(emulator.data_management_url())
        .and_then(|builder| builder.retry_time(0))
        .unwrap()
}

/// A plain HTTP client; no TLS provider is installed in the test process.
pub(crate) fn reqwest_client() -> reqwest::Client {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .build()
        .unwrap()
}
