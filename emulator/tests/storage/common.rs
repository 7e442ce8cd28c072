//! One emulator per test and storage, and requests to it.

use std::time::Duration;

use kusto_emulator::storage::StorageResources;
use kusto_emulator::{AzuriteOptions, Clock, Emulator, Options, StorageKind};
use reqwest::{Client, Method, RequestBuilder, Response};
use time::OffsetDateTime;
use url::Url;

/// A running emulator with what a test needs to talk to its storage.
pub(crate) struct World {
    pub(crate) emulator: Emulator,
    pub(crate) http: Client,
    pub(crate) resources: StorageResources,
    /// Whether answers are the emulator's own.
    pub(crate) built_in: bool,
    /// Stands still on the built-in storage.
    pub(crate) clock: Clock,
}

/// Runs a test on every storage there is.
pub(crate) async fn on_each_storage(test: impl AsyncFn(&World)) {
    let start = OffsetDateTime::now_utc();
    let built_in = World::start(Options {
        clock: Clock::manual(start),
        ..Options::default()
    })
    .await;
    test(&built_in).await;
    built_in.emulator.shutdown().await;
    if let Some(storage) = azurite() {
        let azurite = World::start(Options {
            storage,
            ..Options::default()
        })
        .await;
        test(&azurite).await;
        azurite.emulator.shutdown().await;
    }
}

/// The Azurite the environment names.
pub(crate) fn azurite() -> Option<StorageKind> {
    let urls = std::env::var("KUSTO_TEST_AZURITE").ok()?;
    let urls: Vec<Url> = urls
        .split(',')
        .map(|url| Url::parse(url).unwrap())
        .collect();
    let [blob, queue, table] = urls
        .try_into()
        .expect("KUSTO_TEST_AZURITE names three URLs");
    Some(StorageKind::Azurite(AzuriteOptions { blob, queue, table }))
}

impl World {
    pub(crate) async fn start(options: Options) -> Self {
        let built_in = matches!(options.storage, StorageKind::BuiltIn);
        let clock = options.clock.clone();
        let emulator = Emulator::start(options).await.unwrap();
        let resources = emulator.storage_resources().unwrap();
        Self {
            emulator,
            http: client(),
            resources,
            built_in,
            clock,
        }
    }

    pub(crate) fn request(&self, method: &str, url: Url) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.http
            .request(method, url)
            .header("x-ms-version", "2026-04-06")
    }

    /// A blob of the landing container.
    pub(crate) fn blob(&self, name: &str) -> Url {
        below(&self.resources.containers[0], name)
    }

    /// The code of a refusal, which both storages must agree on in its status.
    pub(crate) async fn refused(&self, response: Response, status: u16, code: &str) {
        assert_eq!(response.status().as_u16(), status, "{code}");
        if self.built_in {
            assert_eq!(response.headers()["x-ms-error-code"], code);
            let body = response.text().await.unwrap();
            assert!(body.contains(code), "{body}");
        }
    }
}

pub(crate) fn client() -> Client {
    // The tests use no TLS here, but the client wants to know how it would.
    let tls = rustls::ClientConfig::builder_with_provider(
        rustls::crypto::ring::default_provider().into(),
    )
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_root_certificates(rustls::RootCertStore::empty())
    .with_no_client_auth();
    Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(60))
        .tls_backend_preconfigured(tls)
        .build()
        .unwrap()
}

/// The URL with more path, its query kept.
pub(crate) fn below(url: &Url, path: &str) -> Url {
    let mut url = url.clone();
    let whole = format!("{}/{}", url.path(), path.replace('%', "%25"));
    url.set_path(&whole);
    url
}

/// The URL with more parameters.
pub(crate) fn with(url: &Url, parameters: &[(&str, &str)]) -> Url {
    let mut url = url.clone();
    url.query_pairs_mut().extend_pairs(parameters);
    url
}

/// The texts of all elements of a name in a flat look at XML.
pub(crate) fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&open)
        .skip(1)
        .filter_map(|rest| rest.split_once(&close))
        .map(|(text, _)| text.to_owned())
        .collect()
}
