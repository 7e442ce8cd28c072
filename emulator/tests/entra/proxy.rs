//! The proxy that leads the public cloud's names to the emulator.

use std::net::Ipv4Addr;
use std::sync::Arc;

use kusto_emulator::{Emulator, Options, StartError};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

use super::{APP, SCOPE, TENANT, read, text};

const CLUSTER: &str = "help.kusto.windows.net";

async fn start() -> Emulator {
    let options = Options {
        entra: true,
        tls: true,
        tls_names: vec![CLUSTER.to_owned()],
        login_proxy_port: Some(0),
        ..Options::default()
    };
    Emulator::start(options).await.unwrap()
}

/// A client that goes through the proxy and trusts the emulator's CA.
fn client(emulator: &Emulator) -> reqwest::Client {
    let mut roots = rustls::RootCertStore::empty();
    let pem = emulator.ca_pem().unwrap().as_bytes();
    roots
        .add(CertificateDer::from_pem_slice(pem).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let proxy = reqwest::Proxy::https(emulator.login_proxy_url().unwrap()).unwrap();
    let builder = reqwest::Client::builder().proxy(proxy);
    builder.tls_backend_preconfigured(tls).build().unwrap()
}

#[tokio::test]
async fn the_names_of_the_cloud_lead_here() {
    let emulator = start().await;
    let http = client(&emulator);
    let metadata = format!("https://{CLUSTER}/v1/rest/auth/metadata");
    let (_, metadata) = read(http.get(metadata)).await;
    let login = text(&metadata["AzureAD"], "LoginEndpoint");
    assert_eq!(login, "https://login.microsoftonline.com");
    let form = format!(
        "grant_type=client_credentials&client_id={APP}&client_secret=secret1&scope={SCOPE}"
    );
    let url = format!("{login}/{TENANT}/oauth2/v2.0/token");
    let (status, answer) = read(http.post(url).body(form)).await;
    assert_eq!(status, 200, "{answer}");
    for host in [CLUSTER.to_owned(), format!("ingest-{CLUSTER}")] {
        let query = http
            .post(format!("https://{host}/v1/rest/mgmt"))
            .bearer_auth(text(&answer, "access_token"))
            .body(json!({"db": "NetDefaultDB", "csl": ".show version"}).to_string());
        assert_eq!(read(query).await.0, 200, "{host}");
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn no_other_name_and_no_other_request_passes() {
    let emulator = start().await;
    let port = Url::parse(emulator.login_proxy_url().unwrap())
        .unwrap()
        .port();
    for head in [
        "CONNECT example.test:443 HTTP/1.1\r\n\r\n",
        "CONNECT login.microsoftonline.com:80 HTTP/1.1\r\n\r\n",
        "CONNECT 127.0.0.1:443 HTTP/1.1\r\n\r\n",
        "CONNECT x.login.microsoftonline.com:443 HTTP/1.1\r\n\r\n",
        "GET http://help.kusto.windows.net/ HTTP/1.1\r\n\r\n",
        "CONNECT\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port.unwrap()))
            .await
            .unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 403"), "{head}: {answer}");
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn it_needs_the_login_host_and_tls() {
    let options = Options {
        login_proxy_port: Some(0),
        entra: true,
        ..Options::default()
    };
    let refused = Emulator::start(options).await;
    assert!(matches!(refused, Err(StartError::Option(text)) if text.contains("login_proxy_port")));
}
