use tokio_util::sync::CancellationToken;

use super::*;
use crate::ingest::item::Formats;
use crate::op::CallOptions;
use crate::pipeline::{CompressionLevel, Pipeline};
use crate::props::{DataFormat, IngestionProperties};
use crate::source::Source;

const MIB: usize = 1 << 20;

fn scope() -> Scope {
    Scope::new(&CallOptions::new(), CancellationToken::new())
}

fn pipeline(budget: usize) -> Pipeline {
    Pipeline::new(CompressionLevel::Fast, 1, budget)
}

fn unopened(source: Source, format: DataFormat) -> Unopened {
    let props = IngestionProperties::new("Db", "T").with_format(format);
    Unopened::new(&Formats::default(), source, &props).unwrap()
}

/// Data that is not compressed: its blocks are its bytes.
fn open(source: Source, pipeline: &Pipeline) -> Data {
    let props = IngestionProperties::new("Db", "T");
    let unopened = unopened(source, DataFormat::Avro);
    unopened.open(pipeline, &props).unwrap()
}

fn reader(bytes: usize) -> Source {
    Source::reader(std::io::Cursor::new(vec![7; bytes]))
}

#[tokio::test]
async fn all_is_read_or_as_much_as_is_enough() {
    let pipeline = pipeline(64 * MIB);
    for (bytes, most) in [
        (1, 1),
        (5 * MIB, 5 * MIB),
        (5 * MIB, 5 * MIB - 1),
        (9 * MIB, MIB),
    ] {
        let mut data = open(reader(bytes), &pipeline);
        let found = read(&scope(), &mut data, |size| size.wire > most as u64).await;
        let expected = match bytes > most {
            true => Ahead::Beyond,
            false => Ahead::Whole(Size {
                raw: Some(bytes as u64),
                wire: bytes as u64,
            }),
        };
        assert_eq!(found.unwrap(), expected, "{bytes}");
        // Nothing is lost: what was read ahead comes first, and the rest behind it.
        let mut count = 0;
        while let Some(block) = data.feed.next().await.unwrap() {
            count += block.data().len();
        }
        assert_eq!(count, bytes);
    }
}

/// What compresses well is long in one block: the count of what was read says first that it is too much.
#[tokio::test]
async fn a_stream_that_stays_open_is_known_to_be_too_large() {
    let (mut writer, pushed) = Source::push();
    let pipeline = pipeline(64 * MIB);
    let props = IngestionProperties::new("Db", "T");
    let mut data = unopened(pushed, DataFormat::Csv)
        .open(&pipeline, &props)
        .unwrap();
    let scope = scope();
    let reading = read(&scope, &mut data, |size| size.raw > Some(9 * MIB as u64));
    let writing = async {
        for _ in 0..40 {
            writer.write(&vec![b'x'; MIB / 4]).await.unwrap();
        }
        writer
    };
    let (found, _open) = tokio::join!(reading, writing);
    assert_eq!(found.unwrap(), Ahead::Beyond);
}

/// A request of which bytes are missing would be a success with rows missing.
#[tokio::test]
async fn a_request_has_all_that_was_read_or_there_is_none() {
    let pipeline = pipeline(64 * MIB);
    let props = IngestionProperties::new("Db", "T");
    let mut data = open(reader(9 * MIB), &pipeline);
    assert!(data.shipment(&props, "A").is_err(), "it is not read yet");
    read(&scope(), &mut data, |_| false).await.unwrap();
    assert!(data.shipment(&props, "A").is_ok());
    data.feed.next().await.unwrap();
    let error = data.shipment(&props, "A").err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Internal);
}

/// Others wait for memory, and nothing moves.
#[tokio::test]
async fn blocks_that_others_wait_for_go_beside_the_budget_while_there_is_room() {
    let pipeline = pipeline(8 * MIB);
    let uncounted = Uncounted::new(8 * MIB);
    let scope = scope();
    let most = |size: Size| size.wire > MAX_WIRE;
    let mut data = open(reader(9 * MIB), &pipeline);
    assert_eq!(read(&scope, &mut data, most).await.unwrap(), Ahead::Pressed);
    // At least one body fits, whatever the budget is.
    let mut share = uncounted.share(&scope, MAX_WIRE as usize).await.unwrap();
    loop {
        match read(&scope, &mut data, most).await.unwrap() {
            Ahead::Pressed => share.take_ahead(&mut data).unwrap(),
            found => break assert!(found.is_whole()),
        }
    }
    let mut other = open(reader(9 * MIB), &pipeline);
    assert_eq!(
        read(&scope, &mut other, most).await.unwrap(),
        Ahead::Pressed
    );
    let mut none = uncounted.share(&scope, 0).await.unwrap();
    let error = none.take_ahead(&mut other).unwrap_err();
    assert_eq!(
        (error.kind(), error.is_retryable()),
        (ErrorKind::TooLarge, true)
    );
    // Only what is in use is kept, and it comes back.
    share.settle();
    drop(none);
    let free = uncounted.free.available_permits();
    assert!(free >= MAX_WIRE as usize - 9 * MIB, "{free}");
    drop(share);
    assert_eq!(uncounted.free.available_permits(), MAX_WIRE as usize);
}

#[tokio::test]
async fn memory_is_set_aside_for_what_has_to_be_held() {
    let need = |source| unopened(source, DataFormat::Avro).need();
    assert_eq!(need(Source::bytes(vec![1; 1000])), Some(0));
    assert_eq!(need(Source::bytes(vec![1; 8 * MIB])), Some(9 * MIB));
    assert_eq!(
        need(Source::bytes(vec![1; 20 * MIB])),
        Some(MAX_WIRE as usize)
    );
    assert_eq!(need(reader(1)), Some(MAX_WIRE as usize));
    let (_writer, pushed) = Source::push();
    assert_eq!(need(pushed), None);
}

#[tokio::test]
async fn calls_wait_for_their_part_in_turn() {
    let uncounted = Uncounted::new(1);
    let (scope, all) = (scope(), MAX_WIRE as usize);
    let first = uncounted.share(&scope, all).await.unwrap();
    let mut second = std::pin::pin!(uncounted.share(&scope, all));
    let waits = std::future::poll_fn(|context| {
        std::task::Poll::Ready(second.as_mut().poll(context).is_pending())
    });
    assert!(waits.await);
    drop(first);
    assert!(second.await.is_ok());
}
