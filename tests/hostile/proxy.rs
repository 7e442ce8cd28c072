//! What goes through a proxy, and what never does. The variables of a proxy are the process's: each
//! test runs its client in a process of its own.

use std::process::Stdio;
use std::sync::Arc;

use kusto_ingest::auth::StaticToken;
use kusto_ingest::error::Step;
use kusto_ingest::prelude::*;

use crate::server::{Act, Server, healthy, props, row};

const CHILD: &str = "KUSTO_HOSTILE_SERVICE";

/// The parent's side: runs the test of this name again with these variables.
async fn in_child(test: &str, service: &str, variables: &[(&str, &str)]) {
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    command
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, service)
        .envs(variables.iter().copied())
        .stdin(Stdio::null());
    let status = command.status().await.unwrap();
    assert!(status.success(), "{test} failed in its own process");
}

/// The address of a port that nothing listens on.
async fn dead_address() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test]
async fn this_machine_is_not_reached_through_a_proxy() {
    if let Ok(service) = std::env::var(CHILD) {
        let token = Arc::new(StaticToken::new("a-token"));
        let builder = Client::builder(&service).unwrap();
        let builder = builder.ingestion_endpoint(&service).unwrap();
        let client = builder.credential(token).build().unwrap();
        client
            .ingest(row(), &props(), CallOptions::new())
            .await
            .unwrap();
        return;
    }
    let proxy = Server::start(|_, _| Act::SendAndClose(crate::server::reply(502, "", ""))).await;
    let service = Server::start(|request, base| Act::Send(healthy(request, base))).await;
    in_child(
        "proxy::this_machine_is_not_reached_through_a_proxy",
        &service.url,
        &[
            ("HTTP_PROXY", proxy.url.as_str()),
            ("HTTPS_PROXY", &proxy.url),
            ("ALL_PROXY", &proxy.url),
            ("NO_PROXY", ""),
        ],
    )
    .await;
    assert_eq!(proxy.count(|_| true), 0, "{:?}", proxy.requests());
    assert_eq!(
        service.count(|r| r.head.contains("Bearer a-token") || r.head.contains("bearer a-token")),
        2
    );
}

#[tokio::test]
async fn the_failure_of_a_proxy_names_it() {
    if let Ok(proxy) = std::env::var(CHILD) {
        let client = Client::builder("https://c.kusto.windows.net")
            .unwrap()
            .build()
            .unwrap();
        let properties = RequestProperties::new();
        let query = client.query("D", "T", &properties, CallOptions::new());
        let error = query.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network);
        assert_eq!(error.host(), Some("c.kusto.windows.net"));
        assert!(
            error.message().contains(&format!("the proxy {proxy}")),
            "{error}"
        );
        assert!(!error.to_string().contains("hunter2"), "{error}");
        return;
    }
    let proxy = dead_address().await;
    let variable = format!("http://user:hunter2@{proxy}");
    in_child(
        "proxy::the_failure_of_a_proxy_names_it",
        &proxy,
        &[("HTTPS_PROXY", &variable), ("NO_PROXY", "")],
    )
    .await;
}

#[tokio::test]
async fn a_proxy_that_requires_a_login_is_named() {
    if let Ok(proxy) = std::env::var(CHILD) {
        let client = Client::builder("http://cluster.example").unwrap();
        let client = client.build().unwrap();
        let properties = RequestProperties::new();
        let query = client.query("D", "T", &properties, CallOptions::new());
        let error = query.await.unwrap_err();
        assert_eq!(error.http_status(), Some(407), "{error}");
        assert_eq!(error.host(), Some("cluster.example"));
        assert_eq!(error.retry(), RetryClass::Never);
        assert!(!error.is_in_doubt());
        let name = format!("the proxy {proxy}");
        assert!(error.message().contains(&name), "{error}");
        return;
    }
    let proxy = Server::start(|_, _| Act::Send(crate::server::reply(407, "", ""))).await;
    let address = proxy.url.trim_start_matches("http://");
    in_child(
        "proxy::a_proxy_that_requires_a_login_is_named",
        address,
        &[("HTTP_PROXY", proxy.url.as_str()), ("NO_PROXY", "")],
    )
    .await;
    assert!(proxy.count(|_| true) > 0);
}

#[tokio::test]
async fn a_proxy_of_an_unknown_kind_is_not_gone_around() {
    if std::env::var(CHILD).is_ok() {
        let client = Client::builder("https://c.kusto.windows.net")
            .unwrap()
            .build()
            .unwrap();
        let properties = RequestProperties::new();
        let query = client.query("D", "T", &properties, CallOptions::new());
        let error = query.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.message().contains("socks5"), "{error}");
        return;
    }
    in_child(
        "proxy::a_proxy_of_an_unknown_kind_is_not_gone_around",
        "-",
        &[
            ("ALL_PROXY", "socks5://127.0.0.1:9"),
            ("HTTPS_PROXY", ""),
            ("NO_PROXY", ""),
        ],
    )
    .await;
}

/// The proxy plays a service of another machine, whose storage addresses are nobody's.
#[tokio::test]
async fn storage_of_a_foreign_host_is_refused_before_a_byte_is_sent_there() {
    if std::env::var(CHILD).is_ok() {
        let builder = Client::builder("http://kusto.corp.example").unwrap();
        let builder = builder
            .ingestion_endpoint("http://kusto.corp.example")
            .unwrap();
        let client = builder.build().unwrap();
        let ingesting = client.ingest(row(), &props(), CallOptions::new());
        let error = ingesting.await.unwrap_err();
        assert_eq!(
            (error.kind(), error.step()),
            (ErrorKind::Config, Step::CheckTrust)
        );
        assert_eq!(error.host(), Some("evil.example"));
        assert!(!error.is_in_doubt() && error.is_permanent());
        let builder = Client::builder("http://kusto.corp.example").unwrap();
        let builder = builder
            .ingestion_endpoint("http://kusto.corp.example")
            .unwrap();
        let client = builder
            .trusted_host("evil.example")
            .unwrap()
            .build()
            .unwrap();
        client
            .ingest(row(), &props(), CallOptions::new())
            .await
            .unwrap();
        return;
    }
    let proxy =
        Server::start(|request, _| Act::Send(healthy(request, "http://evil.example"))).await;
    in_child(
        "proxy::storage_of_a_foreign_host_is_refused_before_a_byte_is_sent_there",
        "-",
        &[("HTTP_PROXY", &proxy.url), ("NO_PROXY", "")],
    )
    .await;
    let to_storage: Vec<_> = proxy
        .requests()
        .into_iter()
        .filter(|r| r.line.contains("evil.example"))
        .collect();
    assert_eq!(to_storage.len(), 2, "the second client's: {to_storage:?}");
}
