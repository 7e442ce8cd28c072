//! Who may ask the emulator, and how requests end that it does not want, over raw sockets.

use std::net::{IpAddr, Ipv4Addr};

use kusto_emulator::{Emulator, Options};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

/// A head of a request, and all that comes until the connection ends.
async fn exchange(port: u16, head: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .await
        .unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// A GET as a browser sends it, with these headers.
async fn get(port: u16, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut head = format!("GET {path} HTTP/1.1\r\nconnection: close\r\naccept: text/html\r\n");
    if headers.iter().all(|(name, _)| *name != "host") {
        head.push_str("host: localhost\r\n");
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let answer = exchange(port, &format!("{head}\r\n")).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

fn port(url: &str) -> u16 {
    Url::parse(url).unwrap().port().unwrap()
}

/// Each kind of port with an address on it and the status that it has for those who may ask.
fn doors(emulator: &Emulator) -> [(u16, &'static str, u16); 6] {
    [
        (port(emulator.engine_url()), "/", 200),
        (port(emulator.engine_url()), "/emulator/page.js", 200),
        (port(emulator.engine_url()), "/v1/rest/auth/metadata", 404),
        (port(emulator.engine_url()), "/emulator/v1/traffic", 200),
        (
            port(emulator.data_management_url()),
            "/emulator/v1/faults",
            200,
        ),
        (port(&emulator.accounts()[1].blob), "/landing/x", 401),
    ]
}

fn options() -> Options {
    Options {
        split_roles: true,
        ..Options::default()
    }
}

/// Checks the header on every kind of port.
async fn check(emulator: &Emulator, header: &str, value: &str, allowed: bool) {
    for (port, path, usual) in doors(emulator) {
        let host = ("host", "localhost");
        let given = (header, value);
        let headers = if header == "host" {
            &[given][..]
        } else {
            &[host, given][..]
        };
        let (status, body) = get(port, path, headers).await;
        if allowed {
            assert_eq!(status, usual, "{header}: {value} at {path}");
            continue;
        }
        assert_eq!(status, 403, "{header}: {value} at {path}");
        let body: Value = serde_json::from_str(&body).unwrap();
        let message = body["error"]["@message"].as_str().unwrap();
        for part in [header, "--allow-host"] {
            assert!(message.to_lowercase().contains(part), "{message}");
        }
    }
}

#[tokio::test]
async fn only_loopback_is_asked_for_by_default() {
    let emulator = Emulator::start(options()).await.unwrap();
    for (host, allowed) in [
        ("localhost", true),
        ("LocalHost:8080", true),
        ("localhost.", true),
        ("db.localhost:80", true),
        ("127.0.0.1", true),
        ("127.8.9.10:1", true),
        ("[::1]", true),
        ("[::1]:8080", true),
        ("ingest-localhost", true),
        ("ingest-127.0.0.1:1", true),
        ("", false),
        ("evil.example", false),
        ("evil.example:8080", false),
        ("localhost.evil.example", false),
        ("127.0.0.1.evil.example", false),
        ("notlocalhost", false),
        ("ingest-evil.example", false),
        ("ingest-ingest-localhost", false),
        ("10.0.0.1", false),
        ("128.0.0.1:80", false),
        ("[2001:db8::1]:80", false),
        ("localhost:evil.example", false),
        ("evil.example@localhost", false),
    ] {
        check(&emulator, "host", host, allowed).await;
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn no_foreign_page_gets_in() {
    let emulator = Emulator::start(options()).await.unwrap();
    for (origin, allowed) in [
        ("http://localhost", true),
        ("http://localhost:3000", true),
        ("https://127.0.0.1:8443", true),
        ("http://[::1]:8080", true),
        ("http://ingest-localhost", true),
        ("https://evil.example", false),
        ("http://localhost.evil.example:8080", false),
        ("http://10.0.0.1", false),
        ("null", false),
        ("file://", false),
        ("", false),
    ] {
        check(&emulator, "origin", origin, allowed).await;
    }
    emulator.shutdown().await;
}

/// What a form of a page sends: a browser lets it without asking first.
async fn form(port: u16, content_type: &str, headers: &[(&str, &str)]) -> u16 {
    let body = r#"{"csl": ".create table FromForm (a:long)"}"#;
    let mut head =
        String::from("POST /v1/rest/mgmt HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let length = body.len();
    let request =
        format!("{head}content-type: {content_type}\r\ncontent-length: {length}\r\n\r\n{body}");
    exchange(port, &request).await[9..12].parse().unwrap()
}

#[tokio::test]
async fn no_form_of_a_foreign_page_gets_in_without_an_origin() {
    let emulator = Emulator::start(Options::default()).await.unwrap();
    let port = port(emulator.engine_url());
    let types = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ];
    for content_type in types {
        for headers in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("referer", "https://evil.example/page?q=http://localhost/")],
            &[("referer", "http://localhost.evil.example")],
            &[
                ("sec-fetch-site", "none"),
                ("referer", "https://evil.example/"),
            ],
        ] {
            assert_eq!(form(port, content_type, headers).await, 403, "{headers:?}");
        }
    }
    let tables = |database: &kusto_emulator::engine::database::Database| database.tables.len();
    let engine = emulator.engine();
    assert_eq!(engine.with_database("NetDefaultDB", tables), Ok(0));
    // Programs (`curl -d` among them) send none of these headers, and pages that are known may send forms.
    for headers in [
        &[][..],
        &[("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "none")],
        &[("referer", "http://127.0.0.1:8080/page")],
        &[
            ("sec-fetch-site", "same-site"),
            ("origin", "http://localhost:3000"),
        ],
    ] {
        assert_eq!(form(port, types[1], headers).await, 200, "{headers:?}");
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn links_of_other_pages_show_and_change_nothing() {
    let emulator = Emulator::start(Options::default()).await.unwrap();
    let port = port(emulator.engine_url());
    let link = [
        ("host", "localhost"),
        ("accept", "text/html"),
        ("sec-fetch-site", "cross-site"),
        ("referer", "https://elsewhere.example/"),
    ];
    assert_eq!(get(port, "/?q=T", &link).await.0, 200);
    // What changes something takes no GET.
    for path in [
        "/v1/rest/mgmt",
        "/v1/rest/query",
        "/v2/rest/query",
        "/emulator/v1/flush",
    ] {
        assert_eq!(get(port, path, &link).await.0, 405, "{path}");
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn options_give_further_names() {
    let emulator = Emulator::start(Options {
        tls_names: vec!["kusto.test".to_owned()],
        allowed_hosts: ["My_Container", "10.1.2.3", "ingest-only.test"]
            .map(str::to_owned)
            .into(),
        storage_domain: Some("core.test".to_owned()),
        ..options()
    })
    .await
    .unwrap();
    for (host, allowed) in [
        ("kusto.test", true),
        ("ingest-kusto.test:8080", true),
        ("my_container:8080", true),
        ("ingest-my_container", true),
        ("10.1.2.3:80", true),
        ("kustoemu2.queue.core.test:80", true),
        ("127.0.0.1", true),
        ("ingest-only.test", true),
        ("only.test", false),
        ("core.test", false),
        ("x.kusto.test", false),
        ("10.1.2.4", false),
    ] {
        check(&emulator, "host", host, allowed).await;
        check(&emulator, "origin", &format!("http://{host}"), allowed).await;
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn the_address_that_a_connection_came_to_is_known() {
    // All of 127/8 leads to the loopback, so this needs no network.
    let bind = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let emulator = Emulator::start(Options { bind, ..options() })
        .await
        .unwrap();
    check(&emulator, "host", "127.0.0.1", true).await;
    check(&emulator, "host", "0.0.0.0", false).await;
    check(&emulator, "host", "evil.example", false).await;
    emulator.shutdown().await;
}

#[tokio::test]
async fn the_check_can_be_left_out() {
    let emulator = Emulator::start(Options {
        allow_any_host: true,
        ..options()
    })
    .await
    .unwrap();
    check(&emulator, "host", "any.example", true).await;
    check(&emulator, "origin", "https://any.example", true).await;
    emulator.shutdown().await;
}

#[tokio::test]
async fn every_name_in_a_request_counts() {
    let emulator = Emulator::start(Options::default()).await.unwrap();
    let port = port(emulator.engine_url());
    let path = "/emulator/v1/traffic";
    for (target, headers, status) in [
        (
            format!("http://evil.example{path}"),
            &[("host", "localhost")][..],
            403,
        ),
        (
            format!("http://localhost{path}"),
            &[("host", "evil.example")],
            403,
        ),
        (
            format!("http://localhost{path}"),
            &[("host", "localhost")],
            200,
        ),
        (
            path.to_owned(),
            &[("host", "localhost"), ("host", "evil.example")],
            403,
        ),
        // Every browser sends one.
        (path.to_owned(), &[], 200),
    ] {
        assert_eq!(get(port, &target, headers).await.0, status, "{target}");
    }
    assert_eq!(emulator.traffic().requests, 0);
    emulator.shutdown().await;
}

/// A request with a body that nobody wants, and its expected status.
fn unwanted(emulator: &Emulator) -> [(u16, String, u16); 5] {
    let head = |method: &str, path: &str, host: &str, length: u64| {
        format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n")
    };
    let engine = port(emulator.engine_url());
    let storage = port(&emulator.accounts()[0].blob);
    let length = 1 << 30;
    [
        (
            engine,
            head("POST", "/v1/rest/ingestion/queued/D/T", "localhost", length),
            404,
        ),
        (
            engine,
            head("PUT", "/v1/rest/query", "localhost", length),
            405,
        ),
        (
            engine,
            head("POST", "/v1/rest/query", "evil.example", length),
            403,
        ),
        (
            storage,
            head("PUT", "/nothing/of/that/name", "localhost", length),
            401,
        ),
        (storage, head("PUT", "/%FF", "localhost", length), 400),
    ]
}

#[tokio::test]
async fn an_answer_does_not_wait_for_a_body_that_nobody_wants() {
    let emulator = Emulator::start(Options::default()).await.unwrap();
    for (port, head, status) in unwanted(&emulator) {
        for expect in ["", "expect: 100-continue\r\n"] {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
                .await
                .unwrap();
            let request = format!("{head}{expect}\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(
                answer,
                *format!("HTTP/1.1 {status}").as_bytes(),
                "{request}"
            );
        }
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_client_that_reads_late_gets_the_answer_too() {
    let emulator = Emulator::start(Options::default()).await.unwrap();
    let piece = vec![b'x'; 1 << 20];
    for (port, head, status) in unwanted(&emulator) {
        let request = format!(
            "{}\r\n",
            head.replace(&(1 << 30).to_string(), &(64 << 20).to_string())
        );
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        for _ in 0..64 {
            stream.write_all(&piece).await.unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
        assert!(
            answer.to_lowercase().contains("connection: close"),
            "{answer}"
        );
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_body_that_is_cut_short_or_broken_is_a_bad_request() {
    let emulator = Emulator::start(Options::default()).await.unwrap();
    let port = port(emulator.engine_url());
    let head = "POST /v1/rest/query HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
    for rest in [
        "content-length: 9\r\n\r\n{",
        "transfer-encoding: chunked\r\n\r\nff\r\n{",
        "transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\nffffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
        let request = format!("{head}{rest}");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 400"), "{rest}: {answer}");
        assert!(answer.contains("cut short"), "{rest}: {answer}");
    }
}
