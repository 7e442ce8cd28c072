//! Nothing secret in any output: logs at every level, errors, debug forms, receipts.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use kusto_emulator::Options;
use kusto_ingest::auth::StaticToken;
use kusto_ingest::prelude::*;

use crate::bed::{Bed, client_of, props, props_for, quick, soon};

const TOKEN: &str = "bearer-token-that-must-not-be-seen";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// One thread: the subscriber is the thread's own, so other tests do not write into this log.
#[tokio::test(flavor = "current_thread")]
async fn no_token_and_no_signature_in_any_output() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

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
            .wait_until_final(receipt.tracking_token(), poll, soon())
            .await
            .unwrap();
        printed += &format!(
            "{receipt:?} {} {report:?} {}",
            receipt.tracking_token(),
            report.to_json()
        );
    }
    let resources = bed.emulator.ingestion_resources();
    bed.emulator.shutdown().await;
    for _ in 0..2 {
        let options = CallOptions::new().with_timeout(std::time::Duration::from_millis(200));
        let error = client
            .ingest(Source::bytes("1,x\n"), &props(), options)
            .await
            .unwrap_err();
        printed += &format!("{error} {error:?}");
    }

    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("queued"), "the log works");
    let identity_token = resources.iter().find(|(kind, _)| kind == "IdentityToken");
    assert!(identity_token.is_none(), "the token is no resource");
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
