//! How accounts are addressed, and how refusals reach a client that still sends.

use reqwest::header::HOST;
use url::Url;

use kusto_emulator::{AzuriteOptions, Emulator, Options, StartError, StorageKind};

use crate::common::{World, on_each_storage};

#[tokio::test]
async fn an_account_is_in_the_path_or_left_out() {
    on_each_storage(async |world| {
        let handed_out = world.blob("both ways");
        let created = world
            .request("PUT", handed_out.clone())
            .header("x-ms-blob-type", "BlockBlob")
            .body("x")
            .send()
            .await
            .unwrap();
        assert_eq!(created.status(), 201);
        let path = handed_out.path();
        let at_root = path.strip_prefix("/kustoemu1").unwrap();
        let escaped = format!("/kustoemu1%2F{}", &at_root[1..]);
        for path in [path, at_root, &escaped] {
            let mut url = handed_out.clone();
            url.set_path(path);
            let read = world.request("GET", url).send().await.unwrap();
            assert_eq!(read.text().await.unwrap(), "x", "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn unknown_containers_queues_and_tables_are_not_found() {
    on_each_storage(async |world| {
        let base = &world.emulator.accounts()[0].blob;
        // Not signed for these names, which is found out first.
        for path in [
            "nope/blob",
            "nope/messages",
            "nope(PartitionKey='p',RowKey='r')",
        ] {
            let url = Url::parse(&format!("{base}/{path}")).unwrap();
            let reply = world.request("GET", url).send().await.unwrap();
            assert_eq!(reply.status().as_u16() / 100, 4, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_large_upload_is_told_that_it_is_refused() {
    on_each_storage(async |world| {
        let mut url = world.blob("refused");
        url.query_pairs_mut().append_pair("x", "y").clear();
        let body = vec![7_u8; 4 << 20];
        let reply = world
            .request("PUT", url)
            .header("x-ms-blob-type", "BlockBlob")
            .body(body)
            .send()
            .await;
        if world.built_in {
            assert_eq!(reply.unwrap().status(), 401);
        }
    })
    .await;
}

#[tokio::test]
async fn a_storage_domain_gives_host_style_urls() {
    let domain = Some("core.example.test".to_owned());
    let world = World::start(Options {
        storage_domain: domain,
        ..Options::default()
    })
    .await;
    let line = world.emulator.hosts_line().unwrap();
    assert!(
        line.starts_with("127.0.0.1 kustoemu1.blob.core.example.test "),
        "{line}"
    );
    assert_eq!(line.split(' ').count(), 7);
    let url = world.blob("by name");
    assert_eq!(url.host_str(), Some("kustoemu1.blob.core.example.test"));
    // The name is in no hosts file here, so it is sent as a header only.
    let mut direct = url.clone();
    direct.set_host(Some("127.0.0.1")).unwrap();
    let host = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let request = world
        .request("PUT", direct)
        .header(HOST, host)
        .header("x-ms-blob-type", "BlockBlob");
    assert_eq!(request.body("x").send().await.unwrap().status(), 201);
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn common_headers_echo_the_request() {
    on_each_storage(async |world| {
        let request = world
            .request("GET", world.blob("nobody"))
            .header("x-ms-client-request-id", "my-id");
        let reply = request.send().await.unwrap();
        if world.built_in {
            assert_eq!(reply.headers()["x-ms-client-request-id"], "my-id");
            assert_eq!(reply.headers()["x-ms-version"], "2026-04-06");
        }
        assert!(reply.headers().contains_key("x-ms-request-id"));
    })
    .await;
}

#[tokio::test]
async fn two_emulators_share_nothing() {
    let (one, two) = (
        World::start(Options::default()).await,
        World::start(Options::default()).await,
    );
    let request = one
        .request("PUT", one.blob("mine"))
        .header("x-ms-blob-type", "BlockBlob");
    assert_eq!(request.body("x").send().await.unwrap().status(), 201);
    let elsewhere = two.request("GET", two.blob("mine")).send().await.unwrap();
    two.refused(elsewhere, 404, "BlobNotFound").await;
    one.emulator.shutdown().await;
    two.emulator.shutdown().await;
}

#[tokio::test]
async fn an_azurite_that_is_not_there_stops_the_start() {
    // Bound, so that nobody else takes it, and nothing listens there.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    does_not_start(socket.local_addr().unwrap()).await;
}

/// The time is not that of a clock: it passes while nothing else happens.
#[tokio::test(start_paused = true)]
async fn an_azurite_that_never_answers_stops_the_start() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    does_not_start(silent.local_addr().unwrap()).await;
}

async fn does_not_start(azurite: std::net::SocketAddr) {
    let url = Url::parse(&format!("http://{azurite}")).unwrap();
    let storage = StorageKind::Azurite(AzuriteOptions {
        blob: url.clone(),
        queue: url.clone(),
        table: url,
    });
    let Err(error) = Emulator::start(Options {
        storage,
        ..Options::default()
    })
    .await
    else {
        panic!("started without its storage");
    };
    assert!(matches!(error, StartError::Azurite(_)), "{error}");
    assert!(!error.to_string().contains("sig="), "{error}");
}
