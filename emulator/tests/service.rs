//! The engine's and data management's addresses: routes, tokens, metadata, TLS; and the command.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use kusto_emulator::{Emulator, Options, StartError};
use reqwest::{Certificate, Client, ClientBuilder, Response};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;

/// A client that trusts the given CA and nobody else.
fn client(ca: Option<&str>) -> Client {
    builder(ca).build().unwrap()
}

fn builder(ca: Option<&str>) -> ClientBuilder {
    let mut roots = rustls::RootCertStore::empty();
    if let Some(pem) = ca {
        assert!(Certificate::from_pem(pem.as_bytes()).is_ok());
        roots
            .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
            .unwrap();
    }
    let tls = rustls::ClientConfig::builder_with_provider(
        rustls::crypto::ring::default_provider().into(),
    )
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_root_certificates(roots)
    .with_no_client_auth();
    let builder = Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(60));
    builder.tls_backend_preconfigured(tls)
}

async fn start(options: Options) -> (Emulator, Client) {
    let emulator = Emulator::start(options).await.unwrap();
    let client = client(emulator.ca_pem());
    (emulator, client)
}

async fn get(client: &Client, url: &str, path: &str) -> Response {
    client.get(format!("{url}{path}")).send().await.unwrap()
}

const SHOW_VERSION: &str = r#"{"db": "NetDefaultDB", "csl": ".show version"}"#;

#[tokio::test]
async fn metadata_is_absent_with_an_empty_body_or_as_a_cluster_answers() {
    let (emulator, client) = start(Options::default()).await;
    let absent = get(&client, emulator.engine_url(), "/v1/rest/auth/metadata").await;
    assert_eq!(absent.status(), 404);
    assert_eq!(absent.text().await.unwrap(), "");
    emulator.shutdown().await;

    let options = Options {
        cluster_metadata: true,
        required_token: Some("t".into()),
        ..Options::default()
    };
    let (emulator, client) = start(options).await;
    let metadata = get(&client, emulator.engine_url(), "/v1/rest/auth/metadata").await;
    assert_eq!(metadata.status(), 200);
    let metadata: Value = metadata.json().await.unwrap();
    assert_eq!(metadata["AzureAD"]["LoginMfaRequired"], Value::Bool(false));
    assert_eq!(
        metadata["AzureAD"]["KustoServiceResourceId"],
        "https://kusto.kusto.windows.net"
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told() {
    let (emulator, client) = start(Options::default()).await;
    let unknown = get(&client, emulator.engine_url(), "/v3/nothing").await;
    assert_eq!(unknown.status(), 404);
    let body: Value = unknown.json().await.unwrap();
    assert!(
        body["error"]["@message"]
            .as_str()
            .unwrap()
            .contains("/v3/nothing")
    );
    let wrong = get(&client, emulator.engine_url(), "/v1/rest/mgmt").await;
    assert_eq!(
        (
            wrong.status().as_u16(),
            wrong.headers()["allow"].to_str().unwrap()
        ),
        (405, "POST")
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn the_cluster_is_named_as_the_request_names_it() {
    let (emulator, client) = start(Options::default()).await;
    let port = emulator.engine_url().rsplit_once(':').unwrap().1;
    let port = port.trim_end_matches('/');
    for host in ["127.0.0.1", "localhost"] {
        let query = r#"{"db": "NetDefaultDB", "csl": "print current_cluster_endpoint()"}"#;
        let url = format!("http://{host}:{port}/v1/rest/query");
        let reply = client.post(&url).body(query).send().await.unwrap();
        let reply: Value = reply.json().await.unwrap();
        assert_eq!(reply["Tables"][0]["Rows"][0][0], host);
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn browsers_get_a_page_and_others_what_they_got() {
    let (emulator, client) = start(Options {
        required_token: Some("s3cret".into()),
        ..Options::default()
    })
    .await;
    let plain = get(&client, emulator.engine_url(), "/").await;
    assert_eq!(plain.status(), 404);
    let answer: Value = plain.json().await.unwrap();
    assert_eq!(answer["error"]["code"], "NotFound");

    let browser = client.get(emulator.engine_url());
    let accepted = "text/html,application/xhtml+xml,*/*;q=0.8";
    let page = browser.header("accept", accepted).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'self';") && !policy.contains("unsafe"));
    let html = page.text().await.unwrap();
    for (path, content_type) in [
        ("/emulator/page.js", "text/javascript; charset=utf-8"),
        ("/emulator/page.css", "text/css; charset=utf-8"),
    ] {
        assert!(html.contains(path));
        let file = get(&client, emulator.engine_url(), path).await;
        assert_eq!(file.status(), 200);
        assert_eq!(file.headers()["content-type"], content_type);
    }
    // What the page shows is not for everybody.
    let tables = get(&client, emulator.engine_url(), "/emulator/v1/tables").await;
    assert_eq!(tables.status(), 401);
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_demanded_token_is_demanded() {
    let (emulator, client) = start(Options {
        required_token: Some("s3cret".into()),
        ..Options::default()
    })
    .await;
    let url = format!("{}/v1/rest/mgmt", emulator.engine_url());
    for authorization in [
        None,
        Some("Bearer other"),
        Some("Basic s3cret"),
        Some("s3cret"),
    ] {
        let mut request = client.post(&url).body(SHOW_VERSION);
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        let refused = request.send().await.unwrap();
        assert_eq!(refused.status(), 401, "{authorization:?}");
        assert!(
            refused.headers()["www-authenticate"]
                .to_str()
                .unwrap()
                .starts_with("Bearer ")
        );
    }
    assert_eq!(
        get(&client, emulator.engine_url(), "/emulator/v1/resources")
            .await
            .status(),
        401
    );
    let allowed = client
        .post(&url)
        .bearer_auth("s3cret")
        .body(SHOW_VERSION)
        .send()
        .await
        .unwrap();
    assert_ne!(allowed.status(), 401);
    assert!(!emulator.connection_string().contains("s3cret"));
    emulator.shutdown().await;
}

#[tokio::test]
async fn gzip_bodies_are_read() {
    let (emulator, client) = start(Options::default()).await;
    let url = format!("{}/v1/rest/mgmt", emulator.engine_url());
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(SHOW_VERSION.as_bytes()).unwrap();
    let zipped = client
        .post(&url)
        .header("content-encoding", "gzip")
        .body(encoder.finish().unwrap())
        .send()
        .await
        .unwrap();
    let plain = client.post(&url).body(SHOW_VERSION).send().await.unwrap();
    assert_eq!(zipped.status(), plain.status());
    assert_eq!(zipped.text().await.unwrap(), plain.text().await.unwrap());
    for (encoding, body) in [("gzip", "no gzip"), ("br", "x")] {
        let refused = client
            .post(&url)
            .header("content-encoding", encoding)
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(refused.status(), 400, "{encoding}");
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn replies_are_compressed_for_clients_that_ask() {
    let (emulator, _) = start(Options::default()).await;
    let client = builder(None).no_gzip().build().unwrap();
    for (path, csl) in [
        ("/v1/rest/mgmt", ".show version"),
        ("/v1/rest/query", "print 1"),
        // Far more than is compressed at once.
        ("/v2/rest/query", "range x from 1 to 50000 step 1"),
        ("/v2/rest/query", "no such table"),
    ] {
        let url = format!("{}{path}", emulator.engine_url());
        let ask = |encodings: &'static str| {
            let request = client.post(&url).header("accept-encoding", encodings);
            request
                .body(serde_json::json!({ "csl": csl }).to_string())
                .send()
        };
        let plain = ask("identity").await.unwrap();
        assert_eq!(plain.headers().get("content-encoding"), None, "{csl}");
        let zipped = ask("gzip,deflate").await.unwrap();
        assert_eq!(zipped.headers()["content-encoding"], "gzip", "{csl}");
        assert_eq!(zipped.status(), plain.status(), "{csl}");
        assert_eq!(
            zipped.headers()["content-type"],
            plain.headers()["content-type"]
        );
        let zipped = zipped.bytes().await.unwrap();
        let unpacked: Value = serde_json::from_reader(GzDecoder::new(&zipped[..])).unwrap();
        let plain: Value = serde_json::from_slice(&plain.bytes().await.unwrap()).unwrap();
        let shown = |reply: &Value| reply["error"]["@message"].as_str().map(str::to_owned);
        match shown(&plain) {
            None => assert_eq!(rows(&unpacked), rows(&plain), "{csl}"),
            message => assert_eq!(shown(&unpacked), message, "{csl}"),
        }
    }
    emulator.shutdown().await;
}

/// The rows of a reply's first or primary table.
fn rows(reply: &Value) -> Value {
    let frames = reply.as_array();
    let primary = frames.and_then(|frames| {
        frames
            .iter()
            .find(|frame| frame["TableKind"] == "PrimaryResult")
    });
    primary
        .map_or(&reply["Tables"][0]["Rows"], |table| &table["Rows"])
        .clone()
}

#[tokio::test]
async fn waiting_messages_can_be_counted_and_not_taken() {
    let options = Options {
        ingestion: false,
        ..Options::default()
    };
    let (emulator, client) = start(options).await;
    let resources: Value = get(&client, emulator.engine_url(), "/emulator/v1/resources")
        .await
        .json()
        .await
        .unwrap();
    let queues = resources["queues"].as_array().unwrap();
    let mine = emulator.storage_resources().unwrap().queues;
    assert_eq!(queues.len(), mine.len());
    let message = "<QueueMessage><MessageText>x</MessageText></QueueMessage>";
    let mut post = mine[0].clone();
    post.set_path(&format!("{}/messages", post.path()));
    let posted = client.post(post).body(message).send().await.unwrap();
    assert_eq!(posted.status(), 201);
    let mut waiting = 0;
    for queue in queues {
        let queue = queue.as_str().unwrap();
        let counted = client.get(format!("{queue}&comp=metadata")).send().await;
        let counted = counted.unwrap();
        let count = &counted.headers()["x-ms-approximate-messages-count"];
        waiting += count.to_str().unwrap().parse::<u32>().unwrap();
        let (address, access) = queue.split_once('?').unwrap();
        let taken = client.get(format!("{address}/messages?{access}"));
        assert_eq!(taken.send().await.unwrap().status(), 403);
    }
    assert_eq!(waiting, 1);
    emulator.shutdown().await;
}

#[tokio::test]
async fn landing_containers_take_and_give_blobs() {
    let (emulator, client) = start(Options::default()).await;
    let resources: Value = get(&client, emulator.engine_url(), "/emulator/v1/resources")
        .await
        .json()
        .await
        .unwrap();
    let containers = resources["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 2);
    let (base, sas) = containers[1].as_str().unwrap().split_once('?').unwrap();
    let blob = format!("{base}/data.csv?{sas}");
    let created = client
        .put(&blob)
        .header("x-ms-blob-type", "BlockBlob")
        .body("1,2\n")
        .send()
        .await
        .unwrap();
    assert_eq!(created.status(), 201);
    assert_eq!(
        client
            .get(&blob)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        "1,2\n"
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn split_roles_have_two_addresses() {
    let (emulator, client) = start(Options {
        split_roles: true,
        ..Options::default()
    })
    .await;
    assert_ne!(emulator.engine_url(), emulator.data_management_url());
    for url in [emulator.engine_url(), emulator.data_management_url()] {
        assert_eq!(
            get(&client, url, "/v1/rest/auth/metadata").await.status(),
            404
        );
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn tls_serves_everything_under_its_own_ca() {
    let options = Options {
        tls: true,
        storage_domain: Some("core.example.test".to_owned()),
        ..Options::default()
    };
    let (emulator, trusting) = start(options).await;
    let path = emulator.ca_pem_path().unwrap().to_owned();
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        emulator.ca_pem().unwrap()
    );

    assert!(emulator.engine_url().starts_with("https://127.0.0.1:"));
    for host in ["127.0.0.1", "localhost"] {
        let url = emulator.engine_url().replace("127.0.0.1", host);
        assert_eq!(
            get(&trusting, &url, "/v1/rest/auth/metadata")
                .await
                .status(),
            404,
            "{host}"
        );
    }
    for account in emulator.accounts() {
        assert!(account.table.starts_with("https://"));
        let direct = account.blob.replace(
            &format!("{}.blob.core.example.test", account.name),
            "127.0.0.1",
        );
        assert_eq!(get(&trusting, &direct, "/landing/x").await.status(), 401);
    }
    let stranger = client(None).get(emulator.engine_url()).send().await;
    assert!(stranger.unwrap_err().is_connect());
    emulator.shutdown().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn the_certificate_has_the_names_that_are_asked_for() {
    let (emulator, _) = start(Options {
        tls: true,
        tls_names: vec!["kusto.test".to_owned(), "127.0.0.2".to_owned()],
        ..Options::default()
    })
    .await;
    let line = emulator.hosts_line().unwrap();
    assert_eq!(line, "127.0.0.1 kusto.test ingest-kusto.test");
    let engine = url::Url::parse(emulator.engine_url()).unwrap();
    let port = engine.port().unwrap();
    for (host, named) in [
        ("kusto.test", true),
        ("ingest-kusto.test", true),
        ("other.test", false),
    ] {
        // Instead of the line in the hosts file.
        let client = builder(emulator.ca_pem())
            .resolve(host, ([127, 0, 0, 1], port).into())
            .build()
            .unwrap();
        let url = format!("https://{host}:{port}/v1/rest/auth/metadata");
        match client.get(url).send().await {
            Ok(reply) => assert!(named && reply.status() == 404, "{host}: {reply:?}"),
            Err(error) => assert!(!named && error.is_connect(), "{host}: {error}"),
        }
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn after_the_shutdown_nobody_listens() {
    let (emulator, client) = start(Options::default()).await;
    let url = emulator.engine_url().to_owned();
    // Leaves a connection open that the shutdown must close.
    get(&client, &url, "/v1/rest/auth/metadata").await;
    emulator.shutdown().await;
    assert!(client.get(&url).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_says_so() {
    let (emulator, _) = start(Options::default()).await;
    let port = emulator
        .engine_url()
        .rsplit(':')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let Err(error) = Emulator::start(Options {
        port,
        ..Options::default()
    })
    .await
    else {
        panic!("two emulators on one port");
    };
    assert!(matches!(error, StartError::Bind { .. }));
    assert!(
        error
            .to_string()
            .contains(&format!("the engine cannot listen on 127.0.0.1:{port}")),
        "{error}"
    );
    emulator.shutdown().await;
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused() {
    for (options, word) in [
        (
            Options {
                accounts: Vec::new(),
                ..Options::default()
            },
            "accounts",
        ),
        (
            Options {
                storage_domain: Some("no domain".to_owned()),
                ..Options::default()
            },
            "storage_domain",
        ),
        (
            Options {
                storage_domain: Some("a..b".to_owned()),
                ..Options::default()
            },
            "storage_domain",
        ),
        (
            Options {
                tls_names: vec!["*.example.test".to_owned()],
                ..Options::default()
            },
            "tls_names",
        ),
        (
            Options {
                allowed_hosts: vec!["kusto:8080".to_owned()],
                ..Options::default()
            },
            "allowed_hosts",
        ),
        (
            Options {
                batching: Duration::from_secs(1801),
                ..Options::default()
            },
            "batching",
        ),
        (
            Options {
                sas_lifetime: Duration::MAX,
                ..Options::default()
            },
            "sas_lifetime",
        ),
        (
            Options {
                databases: vec![" ".to_owned()],
                ..Options::default()
            },
            "databases",
        ),
        (
            Options {
                required_token: Some("".into()),
                ..Options::default()
            },
            "token",
        ),
    ] {
        let Err(error) = Emulator::start(options).await else {
            panic!("started with wrong {word}")
        };
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn secrets_are_not_printed() {
    let options = Options {
        required_token: Some("s3cret".into()),
        ..Options::default()
    };
    assert!(!format!("{options:?}").contains("s3cret"));
}
