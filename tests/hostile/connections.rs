//! Connections that end, fail or never answer, and what is said about the request on them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kusto_ingest::prelude::*;

use crate::server::{Act, Request, Server, healthy, props, reply, row};

/// Recognises the requests of a step.
type Is = fn(&Request) -> bool;

const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

/// At every step: the deadline ends the call.
#[tokio::test]
async fn endless_interim_answers_end_at_the_deadline() {
    let steps: [Is; 4] = [
        |request| request.body.contains("ingestion resources"),
        |request| request.body.contains("identity token"),
        Request::is_upload,
        Request::is_post_of_message,
    ];
    for step in steps {
        let server = Server::start(move |request, base| match step(request) {
            true => Act::Repeat(CONTINUE.repeat(10_000)),
            false => Act::Send(healthy(request, base)),
        })
        .await;
        let client = server.builder().build().unwrap();
        let second = CallOptions::new().with_timeout(Duration::from_secs(1));
        let ingesting = client.ingest(row(), &props(), second);
        let patience = Duration::from_secs(60);
        let ended = tokio::time::timeout(patience, ingesting).await;
        let error = ended.expect("the deadline is long over").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    }
}

/// An answer that takes seconds to decompress is not decompressed to its end first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_answer_that_becomes_a_large_one_ends_at_the_deadline() {
    let server = Server::start(|_, _| Act::SendBytes(gibibyte_of_zeros())).await;
    let client = server.builder().build().unwrap();
    let soon = CallOptions::new().with_timeout(Duration::from_millis(300));
    let properties = RequestProperties::new();
    let error = client.query("D", "T", &properties, soon).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    assert_eq!(error.http_status(), None, "it was read to its end");
}

/// An answer whose body has about a mebibyte, and no end that anybody would reach.
fn gibibyte_of_zeros() -> Vec<u8> {
    use flate2::{Compress, Compression, FlushCompress};
    let mut mebibyte = Vec::with_capacity(1 << 16);
    let mut deflate = Compress::new(Compression::best(), false);
    let flush = FlushCompress::Full;
    deflate
        .compress_vec(&vec![0; 1 << 20], &mut mebibyte, flush)
        .unwrap();
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let body = [&gzip, &*mebibyte.repeat(1 << 10)].concat();
    let length = body.len();
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n");
    [head.into_bytes(), body].concat()
}

/// Posts on connections that the server closes after each answer, without saying so.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_closes_after_each_answer_leaves_no_doubt() {
    let server = Server::start(|request, base| Act::SendAndClose(healthy(request, base))).await;
    let client = server.builder().build().unwrap();
    let ingestions = 300;
    let mut doubts = 0;
    for _ in 0..ingestions {
        match client.ingest(row(), &props(), CallOptions::new()).await {
            Ok(_) => {}
            Err(error) if error.is_in_doubt() => doubts += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(doubts, 0);
    assert_eq!(server.count(Request::is_post_of_message), ingestions);
}

/// A date as `Retry-After` counts like seconds, at every step.
#[tokio::test]
async fn a_wish_to_wait_may_be_a_date() {
    const BUSY: &str = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
                        Retry-After: Sun, 06 Nov 1994 08:49:38 GMT\r\n";
    let steps: [Is; 5] = [
        |request| request.line.contains("/auth/metadata"),
        |request| request.body.contains("ingestion resources"),
        |request| request.body.contains("identity token"),
        Request::is_upload,
        Request::is_post_of_message,
    ];
    let mut runs = tokio::task::JoinSet::new();
    for (number, step) in steps.into_iter().enumerate() {
        runs.spawn(async move {
            let server = Server::start(move |request, base| match step(request) {
                true => Act::Send(reply(429, BUSY, "")),
                false => Act::Send(healthy(request, base)),
            })
            .await;
            let token = std::sync::Arc::new(kusto_ingest::auth::StaticToken::new("a-token"));
            let builder = server.builder().credential(token).retry_time(0).unwrap();
            let client = builder.build().unwrap();
            let ingesting = client.ingest(row(), &props(), CallOptions::new());
            let error = ingesting.await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Throttled, "{number}: {error}");
            assert_eq!(
                error.retry_after(),
                Some(Duration::from_secs(1)),
                "{number}"
            );
        });
    }
    while let Some(run) = runs.join_next().await {
        run.unwrap();
    }
}

/// Fails the first requests of a step, more than its quick attempts.
async fn failing_first(step: Is, failures: usize) -> Server {
    let left = std::sync::Mutex::new(failures);
    Server::start(move |request, base| {
        let mut left = left.lock().unwrap();
        match step(request) && *left > 0 {
            true => {
                *left -= 1;
                Act::Send(reply(503, "", ""))
            }
            false => Act::Send(healthy(request, base)),
        }
    })
    .await
}

#[tokio::test]
async fn an_ingestion_outlasts_a_failure_of_a_while() {
    let steps: [(Is, usize); 3] = [
        (|request| request.body.contains("ingestion resources"), 5),
        (Request::is_upload, 7),
        (Request::is_post_of_message, 7),
    ];
    let mut runs = tokio::task::JoinSet::new();
    for (step, failures) in steps {
        runs.spawn(async move {
            let server = failing_first(step, failures).await;
            let client = server.builder().build().unwrap();
            let ingesting = client.ingest(row(), &props(), CallOptions::new());
            ingesting.await.unwrap();
            assert_eq!(
                server.count(Request::is_post_of_message),
                match step(&posted()) {
                    true => failures + 1,
                    false => 1,
                }
            );
            let server = failing_first(step, failures).await;
            let client = server.builder().retry_time(0).unwrap().build().unwrap();
            let ingesting = client.ingest(row(), &props(), CallOptions::new());
            let error = ingesting.await.unwrap_err();
            assert_eq!(error.http_status(), Some(503), "{error}");
        });
    }
    while let Some(run) = runs.join_next().await {
        run.unwrap();
    }
}

/// Some post of a message.
fn posted() -> Request {
    Request {
        line: "POST /queue/messages".to_owned(),
        head: String::new(),
        body: String::new(),
        is_behind_another: false,
    }
}

#[tokio::test]
async fn queries_and_the_warm_up_stay_quick() {
    let server = Server::start(|_, _| Act::Send(reply(503, "", ""))).await;
    let client = server.builder().build().unwrap();
    let properties = RequestProperties::new();
    let query = client.query("D", "T", &properties, CallOptions::new());
    assert!(query.await.is_err());
    assert_eq!(server.requests().len(), 1);
    assert!(client.warm_up(CallOptions::new()).await.is_err());
    assert_eq!(server.requests().len(), 1 + 4);
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_ends_the_attempts() {
    let options = kusto_emulator::Options {
        tls: true,
        ..Default::default()
    };
    let emulator = kusto_emulator::Emulator::start(options).await.unwrap();
    let service = emulator.data_management_url();
    let builder = Client::builder(service).unwrap();
    let client = builder
        .ingestion_endpoint(service)
        .unwrap()
        .build()
        .unwrap();
    let ingesting = client.ingest(row(), &props(), CallOptions::new());
    let error = ingesting.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    assert!(error.is_permanent() && !error.is_in_doubt(), "{error}");
    assert_eq!(error.attempts().len(), 0, "{error}");
}

/// A way to a host that counts its connections.
async fn counting_way_to(host: String) -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap().to_string();
    let count = Arc::<AtomicUsize>::default();
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut far = tokio::net::TcpStream::connect(&host).await.unwrap();
            tokio::spawn(async move {
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    (here, count)
}

#[tokio::test]
async fn callers_of_one_moment_share_one_certificate_error() {
    let options = kusto_emulator::Options {
        tls: true,
        ..Default::default()
    };
    let emulator = kusto_emulator::Emulator::start(options).await.unwrap();
    let host = emulator.data_management_url().replace("https://", "");
    let (way, connections) = counting_way_to(host.trim_end_matches('/').to_owned()).await;
    let service = format!("https://{way}");
    let builder = Client::builder(&service).unwrap();
    let builder = builder.ingestion_endpoint(&service).unwrap();
    let client = builder.retry_time(600).unwrap().build().unwrap();
    let calls = (0..8).map(|_| client.start_ingest(row(), &props(), CallOptions::new()));
    let calls: Vec<_> = calls.collect();
    for call in calls {
        let error = call.wait().await.unwrap_err();
        assert!(error.is_permanent() && !error.is_in_doubt(), "{error}");
        assert!(error.message().contains("certificate"), "{error}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}
