//! Which events of several clients a receiver gets. The first occurrence of an event in a process decides
//! whether it is wanted, hence a separate test program, without a log of the process.

use std::sync::{Arc, Mutex};

use kusto_ingest::log::{self, LogLevel};
use kusto_ingest::prelude::*;

#[tokio::test]
async fn a_client_without_a_receiver_ends_no_event_of_another() {
    let names = Arc::<Mutex<Vec<String>>>::default();
    let kept = names.clone();
    let sink = move |record: &log::LogRecord<'_>| {
        kept.lock().unwrap().push(record.event.to_owned());
    };
    let receiver = log::receiver(LogLevel::Debug, Arc::new(sink));
    let emulator = kusto_emulator::Emulator::start(kusto_emulator::Options::default());
    let emulator = emulator.await.unwrap();
    let client = || {
        let builder = Client::builder(emulator.engine_url()).unwrap();
        builder
            .ingestion_endpoint(emulator.data_management_url())
            .unwrap()
    };
    let with = client().log(receiver).build().unwrap();
    let without = client().build().unwrap();
    let props = IngestionProperties::new("Demo", "T");
    for (client, expected) in [(&without, false), (&with, true)] {
        let data = Source::bytes(b"1,one\n".to_vec());
        client
            .ingest(data, &props, CallOptions::new())
            .await
            .unwrap();
        let seen = std::mem::take(&mut *names.lock().unwrap());
        for name in ["step_ended", "ingestion_queued"] {
            assert_eq!(seen.iter().any(|event| event == name), expected, "{seen:?}");
        }
    }
    // Asking again, as `log::set` does, changes nothing.
    log::set(LogLevel::Off, None).unwrap();
    let data = Source::bytes(b"2,two\n".to_vec());
    with.ingest(data, &props, CallOptions::new()).await.unwrap();
    assert!(
        names
            .lock()
            .unwrap()
            .iter()
            .any(|event| event == "step_ended")
    );
}

#[tokio::test]
async fn a_receiver_that_panics_loses_its_event_and_no_call() {
    let sink = |_: &log::LogRecord<'_>| panic!("on purpose");
    let emulator = kusto_emulator::Emulator::start(kusto_emulator::Options::default());
    let emulator = emulator.await.unwrap();
    let client = Client::builder(emulator.engine_url())
        .unwrap()
        .ingestion_endpoint(emulator.data_management_url())
        .unwrap()
        .log(log::receiver(LogLevel::Trace, Arc::new(sink)))
        .build()
        .unwrap();
    let props = IngestionProperties::new("Demo", "T");
    let data = Source::bytes(b"1,one\n".to_vec());
    let receipt = client.ingest(data, &props, CallOptions::new()).await;
    assert_eq!(receipt.unwrap().items().len(), 1);
}
