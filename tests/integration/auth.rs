//! Which hosts may receive a token, and what happens when it is rejected.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kusto_emulator::Options;
use kusto_ingest::auth::{AccessToken, PendingToken, StaticToken, TokenCallback};
use kusto_ingest::error::Step;
use kusto_ingest::prelude::*;
use tokio::net::TcpListener;

use crate::bed::{Bed, client_of, props, quick, soon};
use crate::fake::{Answer, Fake};

const TOKEN: &str = "header.payload.signature";

fn demanding() -> Options {
    Options {
        required_token: Some(TOKEN.into()),
        ..quick()
    }
}

#[tokio::test]
async fn the_right_token_opens_and_a_wrong_one_is_an_auth_error() {
    let bed = Bed::start(demanding()).await;
    let none = RequestProperties::new();
    let with = |token: &str| {
        client_of(&bed.emulator)
            .credential(Arc::new(StaticToken::new(token)))
            .build()
            .unwrap()
    };
    let client = with(TOKEN);
    client
        .execute(
            "NetDefaultDB",
            ".create table T (a:long, b:string)",
            &none,
            soon(),
        )
        .await
        .unwrap();
    let receipt = client
        .ingest(Source::bytes("1,x\n"), &props(), soon())
        .await
        .unwrap();
    let poll = std::time::Duration::from_millis(20);
    let report = client
        .track_until_final(receipt.tracking_token(), poll, soon())
        .await
        .unwrap();
    assert_eq!(report.count(ItemState::Succeeded), 1);
    for client in [with("wrong"), client_of(&bed.emulator).build().unwrap()] {
        let error = client
            .ingest(Source::bytes("1,x\n"), &props(), soon())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
        assert_eq!(error.http_status(), Some(401));
        assert_eq!(error.step(), Step::FetchIdentityToken);
        assert!(error.is_permanent());
        assert!(!error.to_string().contains("wrong"));
    }
}

#[tokio::test]
async fn a_login_that_never_ends_holds_no_call_beyond_its_deadline() {
    let bed = Bed::built_in().await;
    let client = client_of(&bed.emulator)
        .credential(Credential::from_fn(async |_| std::future::pending().await))
        .build()
        .unwrap();
    let brief = || CallOptions::new().with_timeout(Duration::from_millis(200));
    // The second one waits for the login that the first has begun.
    for _ in 0..2 {
        let ingesting = client.ingest(Source::bytes("1,x\n"), &props(), brief());
        let error = ingesting.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
        assert_eq!(error.step(), Step::AcquireToken);
        assert!(!error.is_in_doubt());
    }
}

#[tokio::test]
async fn a_callback_is_asked_once_for_many_and_again_after_a_refusal() {
    let bed = Bed::start(demanding()).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    // The first answer is a token that the service rejects: it is replaced within the call.
    let callback = TokenCallback::new(move |pending: PendingToken| {
        let first = counter.fetch_add(1, Ordering::SeqCst) == 0;
        assert!(pending.scope().ends_with("/.default"));
        let expires = time::OffsetDateTime::now_utc() + time::Duration::hours(1);
        let token = if first { "revoked" } else { TOKEN };
        std::thread::spawn(move || pending.complete(AccessToken::new(token, Some(expires))));
    });
    let client = client_of(&bed.emulator)
        .credential(Arc::new(callback))
        .build()
        .unwrap();
    client.warm_up(soon()).await.unwrap();
    let calls = (0..20).map(|_| {
        let client = client.clone();
        tokio::spawn(async move {
            client
                .query("NetDefaultDB", "print 1", &RequestProperties::new(), soon())
                .await
                .unwrap();
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_failing_callback_is_an_auth_error_at_the_token_step() {
    let bed = Bed::start(demanding()).await;
    let callback =
        TokenCallback::new(|pending: PendingToken| pending.fail(false, "no login today"));
    let client = client_of(&bed.emulator)
        .credential(Arc::new(callback))
        .build()
        .unwrap();
    let error = client.warm_up(soon()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.step()),
        (ErrorKind::Auth, Step::AcquireToken)
    );
    assert!(error.to_string().contains("no login today"));
    let silent = TokenCallback::new(drop);
    let client = client_of(&bed.emulator)
        .credential(Arc::new(silent))
        .build()
        .unwrap();
    assert_eq!(
        client.warm_up(soon()).await.unwrap_err().kind(),
        ErrorKind::Auth
    );
}

#[tokio::test]
async fn an_untrusted_host_is_neither_called_nor_is_a_token_asked_for() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let callback = Arc::new(TokenCallback::new(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    }));
    for (data_source, step) in [
        // `.invalid` never resolves: a network error would mean that it was tried.
        ("https://cluster.invalid", Step::CheckTrust),
        ("https://kusto.windows.net.evil.invalid", Step::CheckTrust),
        ("http://cluster.kusto.windows.net", Step::CheckTrust),
    ] {
        let client = Client::builder(data_source)
            .unwrap()
            .credential(callback.clone())
            .build()
            .unwrap();
        let error = client.warm_up(soon()).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.step()),
            (ErrorKind::Config, step),
            "{data_source}: {error}"
        );
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[test]
fn an_endpoint_with_a_password_is_refused_and_not_printed() {
    let builder = Client::builder("https://c.kusto.windows.net").unwrap();
    let error = builder.engine_endpoint("https://me:s3cr3t@c.kusto.windows.net");
    let error = error.unwrap_err();
    assert_eq!(error.argument(), Some("engine endpoint"));
    assert!(!format!("{error:?}").contains("s3cr3t"));
}

#[tokio::test]
async fn tls_with_a_ca_of_our_own() {
    let bed_options = Options {
        tls: true,
        ..quick()
    };
    let emulator = kusto_emulator::Emulator::start(bed_options).await.unwrap();
    let none = RequestProperties::new();
    let untrusting = client_of(&emulator).build().unwrap();
    let error = untrusting
        .query("NetDefaultDB", "print 1", &none, soon())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    let pem = emulator.ca_pem().unwrap().as_bytes().to_vec();
    let client = client_of(&emulator).ca_certificates(pem).build().unwrap();
    client
        .execute(
            "NetDefaultDB",
            ".create table T (a:long, b:string)",
            &none,
            soon(),
        )
        .await
        .unwrap();
    let receipt = client
        .ingest(Source::bytes("1,x\n"), &props(), soon())
        .await
        .unwrap();
    let poll = std::time::Duration::from_millis(20);
    let report = client
        .track_until_final(receipt.tracking_token(), poll, soon())
        .await
        .unwrap();
    assert_eq!(report.count(ItemState::Succeeded), 1);
}

#[tokio::test]
async fn a_redirect_is_an_error_and_takes_the_token_nowhere() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = elsewhere.local_addr().unwrap();
    let called = Arc::new(AtomicUsize::new(0));
    let counter = called.clone();
    tokio::spawn(async move {
        while elsewhere.accept().await.is_ok() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    for status in [301, 302, 307, 308] {
        let location = format!("http://{target}/v1/rest/mgmt");
        let fake = Fake::start(move |request| match request.starts_with("GET ") {
            true => Answer::Status(404),
            false => Answer::Redirect(status, location.clone()),
        })
        .await;
        let client = Client::builder(&fake.url)
            .unwrap()
            .credential(Arc::new(StaticToken::new(TOKEN)))
            .build()
            .unwrap();
        let none = RequestProperties::new();
        let error = client
            .management("d", ".show tables", &none, soon())
            .await
            .unwrap_err();
        assert_eq!(error.http_status(), Some(status), "{error}");
        assert!(error.is_permanent(), "{error}");
    }
    // A followed redirect would have preceded the error.
    assert_eq!(called.load(Ordering::SeqCst), 0);
}
