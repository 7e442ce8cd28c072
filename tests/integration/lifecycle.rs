//! Deadlines, cancellation, concurrency, expiry, closing.

use std::time::Duration;

use kusto_emulator::{Fault, FaultRule, Options, ServiceKind, StallPoint};
use kusto_ingest::prelude::*;

use crate::bed::{Bed, on_each_storage, props, quick, soon};

#[tokio::test]
async fn a_dead_host_is_a_network_error_that_names_it() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let client = Client::builder(&format!("http://127.0.0.1:{port}"))
        .unwrap()
        .retry_time(0)
        .unwrap()
        .build()
        .unwrap();
    let error = client
        .ingest(Source::bytes("1\n"), &props(), soon())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    assert_eq!(error.host(), Some(format!("127.0.0.1:{port}").as_str()));
    assert!(
        error.attempts().len() > 1,
        "passing faults are repeated: {error}"
    );
    assert!(!error.is_in_doubt());
    assert_eq!(error.retry(), RetryClass::Later);
}

#[tokio::test]
async fn a_silent_host_ends_at_the_deadline() {
    // Accepts connections and never answers.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = Client::builder(&url).unwrap().build().unwrap();
    let options = CallOptions::new().with_timeout(Duration::from_millis(50));
    let error = client
        .ingest(Source::bytes("1\n"), &props(), options)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    assert!(!error.is_in_doubt(), "nothing was posted: {error}");
    // Time for a busy machine to send it.
    let options = CallOptions::new().with_timeout(Duration::from_millis(500));
    let none = RequestProperties::new();
    let error = client
        .management("d", ".drop table T", &none, options)
        .await
        .unwrap_err();
    assert!(
        error.is_in_doubt(),
        "the command may have been run: {error}"
    );
}

#[tokio::test]
async fn cancelling_ends_a_call_that_waits_for_its_source() {
    let bed = Bed::built_in().await;
    bed.table().await;
    let (mut writer, source) = Source::push();
    writer.write(b"1,x\n").await.unwrap();
    let operation = bed.client.start_ingest(source, &props(), soon());
    assert_eq!(operation.state(), OperationState::Running);
    operation.cancel();
    let error = operation.wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(operation.state(), OperationState::Cancelled);
    // The token of the caller works as well, for any call.
    let cancel = CancelToken::new();
    cancel.cancel();
    let options = soon().with_cancel(cancel);
    let error = bed
        .client
        .ingest(Source::bytes("1,x\n"), &props(), options)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let item = bed.outcome(Source::bytes("2,after\n"), &props()).await;
    assert_eq!(item.state, ItemState::Succeeded);
    assert_eq!(bed.count("T").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_small_ingestions_at_once() {
    on_each_storage(async |bed: Bed| {
        bed.table().await;
        let calls: Vec<_> = (0..200)
            .map(|n| {
                let source = Source::bytes(format!("{n},x\n"));
                bed.client.start_ingest(source, &props(), soon())
            })
            .collect();
        for call in calls {
            let receipt = call.wait().await.unwrap();
            assert_eq!(bed.wait(&receipt).await.state, ItemState::Succeeded);
        }
        let sum = bed.query("T | summarize count(), sum(a)").await;
        let expected = [200, 199 * 100].map(kusto_ingest::query::Value::Long);
        assert_eq!(sum.primary().unwrap().rows[0], expected);
    })
    .await;
}

#[test]
fn two_threads_with_runtimes_of_their_own_share_a_client() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let service = runtime();
    let bed = service.block_on(Bed::built_in());
    service.block_on(bed.table());
    std::thread::scope(|scope| {
        for name in ["a", "b"] {
            let bed = &bed;
            scope.spawn(move || {
                runtime().block_on(async {
                    for n in 0..10 {
                        let source = Source::bytes(format!("{n},{name}\n"));
                        let item = bed.outcome(source, &props()).await;
                        assert_eq!(item.state, ItemState::Succeeded);
                    }
                });
            });
        }
    });
    assert_eq!(service.block_on(bed.count("T")), 20);
}

#[tokio::test]
async fn expired_signatures_are_replaced_before_and_after_storage_refuses() {
    // One lifetime is below the margin within which a signature is not used at all.
    for lifetime in [Duration::from_secs(2), Duration::from_secs(3600)] {
        let (clock, options) = moving_clock(Options {
            sas_lifetime: lifetime,
            ..quick()
        });
        let bed = Bed::start(options).await;
        bed.table().await;
        let item = bed.outcome(Source::bytes("1,x\n"), &props()).await;
        assert_eq!(item.state, ItemState::Succeeded);
        // For storage the signatures have expired; the client's clock has not moved, so a 403
        // reports it.
        clock.advance(lifetime + Duration::from_secs(1));
        let item = bed.outcome(Source::bytes("2,y\n"), &props()).await;
        assert_eq!(item.state, ItemState::Succeeded);
        assert_eq!(bed.count("T").await, 2);
    }
}

fn moving_clock(options: Options) -> (kusto_emulator::Clock, Options) {
    let clock = kusto_emulator::Clock::manual(time::OffsetDateTime::now_utc());
    (clock.clone(), Options { clock, ..options })
}

#[tokio::test]
async fn closing_waits_then_cancels_then_refuses() {
    let bed = Bed::built_in().await;
    bed.table().await;
    let receipt = bed
        .client
        .start_ingest(Source::bytes("1,x\n"), &props(), soon());
    assert_eq!(bed.client.close(Duration::from_secs(60)).await, 0);
    assert_eq!(receipt.state(), OperationState::Succeeded);
    let error = bed
        .client
        .ingest(Source::bytes("1,x\n"), &props(), soon())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    let client = crate::bed::client_of(&bed.emulator).build().unwrap();
    let (_writer, source) = Source::push();
    let stuck = client.start_ingest(source, &props(), soon());
    assert_eq!(client.close(Duration::ZERO).await, 1);
    assert_eq!(stuck.wait().await.unwrap_err().kind(), ErrorKind::Cancelled);
}

#[tokio::test]
async fn dropping_the_last_client_cancels_what_it_began() {
    let bed = Bed::built_in().await;
    let client = crate::bed::client_of(&bed.emulator).build().unwrap();
    let (_writer, source) = Source::push();
    let operation = client.start_ingest(source, &props(), soon());
    drop(client);
    assert_eq!(
        operation.wait().await.unwrap_err().kind(),
        ErrorKind::Cancelled
    );
}

#[tokio::test]
async fn dropping_the_last_client_cancels_calls_in_the_background() {
    let bed = Bed::built_in().await;
    bed.emulator.arm(FaultRule::new(
        ServiceKind::Query,
        Fault::Stall {
            when: StallPoint::Before,
        },
    ));
    let client = crate::bed::client_of(&bed.emulator).build().unwrap();
    let operation = Operation::spawn(CallOptions::new(), |options| {
        client.query(
            "NetDefaultDB",
            "print 1",
            &RequestProperties::new(),
            options,
        )
    });
    drop(client);
    assert_eq!(
        operation.wait().await.unwrap_err().kind(),
        ErrorKind::Cancelled
    );
}

#[test]
fn sources_that_hold_every_blocking_thread_do_not_keep_others_from_connecting() {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all();
    let service = builder.build().unwrap();
    let runtime = builder.max_blocking_threads(1).build().unwrap();
    let bed = service.block_on(Bed::built_in());
    let (mut writer, source) = Source::push();
    runtime.block_on(async {
        let stuck = bed.client.start_ingest(source, &props(), soon());
        // More than the channel holds: once it is taken, the source has the only thread.
        writer.write(&[b'x'; 3_000_000]).await.unwrap();
        let port = bed.client.engine_endpoint().port().unwrap();
        let by_name = Client::builder(&format!("http://localhost:{port}")).unwrap();
        let by_name = by_name.build().unwrap();
        let none = RequestProperties::new();
        let answer = by_name.query("NetDefaultDB", "print 1", &none, soon());
        assert!(answer.await.is_ok());
        assert_eq!(stuck.state(), OperationState::Running);
        stuck.cancel();
        assert!(stuck.wait().await.is_err());
    });
    // The writer still lives, and the runtime ends nevertheless.
    drop(runtime);
    drop(writer);
}
