//! Nothing secret in any output: logs at every level, errors, debug forms, receipts.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use kusto_emulator::Options;
use kusto_ingest::auth::StaticToken;
use kusto_ingest::prelude::*;

use crate::bed::{Bed, client_of, props, props_for, quick, soon};

const TOKEN: &str = "bearer-token-that-must-not-be-seen";

/// Everything that all tests of this process log from now on.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_token_and_no_signature_in_any_output() {
    // For the whole process: a subscriber of one thread misses call sites that other threads
    // reached first.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(|| Log)
        .init();

    let bed = Bed::start(Options {
        required_token: Some(TOKEN.into()),
        ..quick()
    })
    .await;
    let builder = client_of(&bed.emulator).credential(Arc::new(StaticToken::new(TOKEN)));
    let client = builder.build().unwrap();
    let mut printed = format!("{builder:?} {client:?}");
    let none = RequestProperties::new();
    let create = ".create table T (a:long, b:string)";
    client
        .execute("NetDefaultDB", create, &none, soon())
        .await
        .unwrap();
    let blob = bed.put_blob("b.csv", b"1,x\n").await;
    let sources = [
        (Source::bytes("1,x\n"), props()),
        (Source::bytes("1,x\n"), props_for("Nope")),
        (
            Source::blobs([BlobSource::new(blob.as_str()).unwrap()]),
            props(),
        ),
        (
            Source::blobs([BlobSource::new(&format!("{blob}x")).unwrap()]),
            props(),
        ),
    ];
    for (source, props) in sources {
        printed += &format!("{source:?} {props:?}");
        let receipt = client.ingest(source, &props, soon()).await.unwrap();
        let poll = std::time::Duration::from_millis(20);
        let report = client
            .track_until_final(receipt.tracking_token(), poll, soon())
            .await
            .unwrap();
        printed += &format!(
            "{receipt:?} {} {report:?} {}",
            receipt.tracking_token(),
            report.to_json()
        );
    }
    let get = ".get kusto identity token";
    let answer = client
        .execute("NetDefaultDB", get, &none, soon())
        .await
        .unwrap();
    let identity_token = answer.primary().unwrap().rows[0][0].to_text().unwrap();
    bed.emulator.shutdown().await;
    for _ in 0..2 {
        let options = CallOptions::new().with_timeout(std::time::Duration::from_millis(200));
        let error = client
            .ingest(Source::bytes("1,x\n"), &props(), options)
            .await
            .unwrap_err();
        printed += &format!("{error} {error:?}");
    }

    let logged = String::from_utf8_lossy(&LOG.lock().unwrap()).into_owned();
    assert!(logged.contains("queued"), "the log works");
    assert!(
        !logged.contains(&identity_token),
        "the log holds the identity token"
    );
    assert!(
        !printed.contains(&identity_token),
        "an output holds the identity token"
    );
    for (output, name) in [(&logged, "log"), (&printed, "printed")] {
        assert!(!output.contains(TOKEN), "{name} holds the bearer token");
        for line in output.lines() {
            assert!(
                !line.contains("sig=") || line.contains("sig=REDACTED"),
                "{name}: {line}"
            );
        }
    }
}
