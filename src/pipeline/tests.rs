use std::io::Read;

use bytes::Bytes;

use super::*;
use crate::error::RetryClass;
use crate::source::Compression;

const PLAIN: Work = Work {
    gzip: false,
    declared: Declared::PLAIN,
    limit: None,
};
const GZIP: Work = Work {
    gzip: true,
    declared: Declared::PLAIN,
    limit: None,
};

fn meter() -> Meter {
    Meter::new(None, None)
}

fn pipeline() -> Pipeline {
    Pipeline::new(CompressionLevel::default(), 2, 64 * 1024 * 1024)
}

/// Chunks and blocks of a few bytes, and a budget of a few more.
fn tiny(chunk: usize, block: usize, budget: usize, threads: usize) -> Pipeline {
    Pipeline {
        shape: Shape { chunk, block },
        ..Pipeline::new(CompressionLevel::default(), threads, budget)
    }
}

async fn collect(input: Input, work: Work) -> Result<(Vec<Bytes>, Totals)> {
    collect_with(&pipeline(), input, work).await
}

async fn collect_with(
    pipeline: &Pipeline,
    input: Input,
    work: Work,
) -> Result<(Vec<Bytes>, Totals)> {
    let mut blocks = pipeline.start(input, work, meter());
    let mut all = Vec::new();
    while let Some(block) = blocks.next().await? {
        all.push(block.data().clone());
    }
    Ok((all, blocks.totals().unwrap()))
}

fn gunzip(data: &[u8]) -> Vec<u8> {
    let mut back = Vec::new();
    flate2::read::GzDecoder::new(data)
        .read_to_end(&mut back)
        .unwrap();
    back
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u32;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

#[tokio::test]
async fn sizes_around_every_boundary_come_through_unchanged() {
    for length in [
        1,
        INLINE_SIZE,
        INLINE_SIZE + 1,
        CHUNK_SIZE - 1,
        CHUNK_SIZE,
        CHUNK_SIZE + 1,
        BLOCK_SIZE - 1,
        BLOCK_SIZE,
        BLOCK_SIZE + 1,
        2 * BLOCK_SIZE,
        2 * BLOCK_SIZE + 17,
    ] {
        let data = noise(length);
        let (blocks, totals) = collect(Input::Bytes(data.clone().into()), PLAIN)
            .await
            .unwrap();
        assert!(
            blocks
                .iter()
                .rev()
                .skip(1)
                .all(|block| block.len() == BLOCK_SIZE)
        );
        assert!(blocks.iter().all(|block| !block.is_empty()));
        assert!(blocks.concat() == data, "{length}");
        assert_eq!(
            totals,
            Totals {
                read: length as u64,
                produced: length as u64
            }
        );
    }
}

#[tokio::test]
async fn gzip_reads_back_and_is_reproducible() {
    let data = noise(5_000_000);
    let (first, totals) = collect(Input::Bytes(data.clone().into()), GZIP)
        .await
        .unwrap();
    let reader = Box::new(std::io::Cursor::new(data.clone()));
    let (second, _) = collect(Input::Reader(reader), GZIP).await.unwrap();
    assert!(first.concat() == second.concat());
    assert_eq!(totals.produced as usize, first.concat().len());
    let mut back = Vec::new();
    flate2::read::GzDecoder::new(&first.concat()[..])
        .read_to_end(&mut back)
        .unwrap();
    assert!(back == data);
}

struct Failing {
    good: usize,
    panics: bool,
}

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.good == 0 {
            assert!(!self.panics, "boom");
            return Err(std::io::Error::other("disk on fire"));
        }
        let length = self.good.min(buffer.len()).min(1000);
        self.good -= length;
        buffer[..length].fill(b'x');
        Ok(length)
    }
}

#[tokio::test]
async fn a_source_error_at_any_offset_is_never_an_end() {
    for good in [0, 1, 999, 1000, 300_000, BLOCK_SIZE + 5] {
        for work in [PLAIN, GZIP] {
            let input = Input::Reader(Box::new(Failing {
                good,
                panics: false,
            }));
            let error = collect(input, work).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SourceIo, "{good}");
            assert!(error.to_string().contains("disk on fire"));
            let input = Input::Reader(Box::new(Failing { good, panics: true }));
            let mut blocks = pipeline().start(input, work, meter());
            let error = loop {
                match blocks.next().await {
                    Ok(block) => assert!(block.is_some(), "{good}"),
                    Err(error) => break error,
                }
            };
            assert!(blocks.next().await.is_err(), "an error stays one");
            assert_eq!(error.kind(), ErrorKind::Callback, "{good}");
            assert!(error.to_string().contains("boom"));
        }
    }
}

/// Gives three bytes, then an end, as a terminal does: it would give more when asked again.
#[derive(Default)]
struct Terminal(usize);

impl Read for Terminal {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0 += 1;
        match self.0 {
            1 => buffer[..3].fill(b'x'),
            2 => return Ok(0),
            _ => panic!("read after its end"),
        }
        Ok(3)
    }
}

#[tokio::test]
async fn a_reader_is_not_asked_again_after_its_end() {
    let input = Input::Reader(Box::new(Terminal::default()));
    let (blocks, _) = collect(input, PLAIN).await.unwrap();
    assert_eq!(blocks.concat(), b"xxx");
}

#[tokio::test]
async fn memory_of_the_callers_is_not_kept_for_later() {
    for work in [PLAIN, GZIP] {
        let data = noise(CHUNK_SIZE + 100);
        let own = data.as_ptr_range();
        let pipeline = pipeline();
        collect_with(&pipeline, Input::Bytes(data.into()), work)
            .await
            .unwrap();
        let spare = pipeline.spare.take();
        assert!(
            !own.contains(&spare.as_ptr()),
            "the caller's whole buffer is held"
        );
    }
}

#[tokio::test]
async fn a_short_chunk_holds_no_more_memory_than_is_counted() {
    let reading = chunk::Reading {
        chunk: CHUNK_SIZE,
        transformed: true,
        limit: None,
        declared: Declared::PLAIN,
    };
    let budget = Budget::new(BLOCK_SIZE);
    let mut chunks = chunk::Chunks::open(
        Input::Reader(Box::new(std::io::Cursor::new(noise(2000)))),
        reading,
        budget.clone(),
        tokio_util::sync::CancellationToken::new(),
        Spare::of(1),
    )
    .await
    .unwrap();
    let chunk = chunks.next().await.unwrap().unwrap();
    // While it waits for a compressor.
    assert!(budget.try_reserve(BLOCK_SIZE - 4000).is_some());
    let capacity = chunk.data.try_into_mut().unwrap().capacity();
    assert!(
        capacity <= 4000,
        "{capacity} bytes are held, 4000 are counted"
    );
}

#[tokio::test]
async fn little_data_may_need_more_than_one_block_in_a_small_shape() {
    let pipeline = tiny(3000, 50, 20_000, 1);
    let data = noise(100);
    let (blocks, _) = collect_with(&pipeline, Input::Bytes(data.clone().into()), PLAIN)
        .await
        .unwrap();
    assert!(blocks.concat() == data);
}

/// Never ends; returns nothing until released, and reports every read.
struct Endless {
    go: std::sync::mpsc::Receiver<()>,
    reads: std::sync::mpsc::Sender<()>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.reads.send(()).unwrap();
        // Only the first read waits: then the other end is gone.
        let _ = self.go.recv();
        buffer.fill(b'x');
        Ok(buffer.len())
    }
}

#[tokio::test]
async fn a_run_that_is_given_up_stops_after_its_current_read() {
    for work in [PLAIN, GZIP] {
        let (sender, reads) = std::sync::mpsc::channel();
        let (start, go) = std::sync::mpsc::channel();
        let reader = Box::new(Endless { go, reads: sender });
        let mut blocks = pipeline().start(Input::Reader(reader), work, meter());
        // The first read is under way when it is given up.
        let first = tokio::task::spawn_blocking(move || {
            reads.recv().unwrap();
            reads
        });
        let reads = tokio::select! {
            reads = first => reads.unwrap(),
            _ = blocks.next() => unreachable!("nothing can be read"),
        };
        drop(blocks);
        drop(start);
        // The iterator ends when the reader is dropped.
        let reads = tokio::task::spawn_blocking(move || reads.iter().count());
        assert_eq!(reads.await.unwrap(), 0);
    }
}

#[tokio::test]
async fn empty_oversized_and_mislabelled_sources_are_refused() {
    let error = collect(Input::Bytes(Bytes::new()), GZIP).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let small = Work {
        limit: Some(10),
        ..PLAIN
    };
    let error = collect(Input::Bytes(noise(11).into()), small)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(collect(Input::Bytes(noise(10).into()), small).await.is_ok());
    let gz = Work {
        declared: Declared {
            compression: Compression::Gzip,
            ..Declared::PLAIN
        },
        ..PLAIN
    };
    let error = collect(Input::Bytes("a,b\n".into()), gz).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(
        collect(Input::Bytes(Bytes::from_static(b"\x1f\x8b\x08")), gz)
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn foreign_bytes_are_refused_from_every_source_however_they_arrive() {
    let foreign = b"\x28\xb5\x2f\xfd and more than enough".as_slice();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("f.csv");
    std::fs::write(&path, foreign).unwrap();
    for work in [PLAIN, GZIP] {
        let (mut writer, pushed) = crate::source::push::channel();
        let pushing = tokio::spawn(async move {
            for byte in foreign {
                writer.write(&[*byte]).await?;
            }
            writer.finish().await
        });
        for input in [
            Input::Bytes(Bytes::from_static(foreign)),
            Input::Reader(Box::new(foreign)),
            Input::Path(SameFile::new(path.clone())),
            Input::Push(pushed),
        ] {
            // Chunks smaller than the first bytes that are looked at.
            let error = collect_with(&tiny(5, 64, 100_000, 1), input, work).await;
            let error = error.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.to_string().contains("zstd"), "{error}");
        }
        // The ingestion may have ended before the last byte was accepted.
        let _ = pushing.await.unwrap();
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_whose_size_says_nothing_is_read_to_its_end() {
    for work in [PLAIN, GZIP] {
        // The one says 0 bytes, the other a page.
        for path in [
            "/proc/self/limits",
            "/sys/kernel/mm/transparent_hugepage/enabled",
        ] {
            let Ok(content) = std::fs::read(path) else {
                assert!(path.starts_with("/sys"), "not every machine has {path}");
                continue;
            };
            let (blocks, totals) = collect(Input::Path(SameFile::new(path)), work)
                .await
                .unwrap();
            let blocks = blocks.concat();
            let back = if work.gzip { gunzip(&blocks) } else { blocks };
            assert!(back == content, "{path}");
            assert_eq!(totals.read, content.len() as u64);
        }
    }
}

#[tokio::test]
async fn a_file_that_is_missing_or_changes_is_a_source_error() {
    let error = collect(Input::Path(SameFile::new("no/such/file")), PLAIN)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SourceIo);
    assert_eq!(error.retry(), RetryClass::Never);
    let directory = tempfile::tempdir().unwrap();
    let error = collect(Input::Path(SameFile::new(directory.path())), PLAIN).await;
    assert_eq!(error.unwrap_err().retry(), RetryClass::Never);
    let path = directory.path().join("f");
    std::fs::write(&path, noise(1000)).unwrap();
    // A file that changes between its opening and its end: through a reader of the same room.
    for length in [10, 2000] {
        let reading = chunk::Reading {
            chunk: 300,
            transformed: false,
            limit: None,
            declared: Declared::PLAIN,
        };
        std::fs::write(&path, noise(1000)).unwrap();
        let mut chunks = chunk::Chunks::open(
            Input::Path(SameFile::new(path.clone())),
            reading,
            Budget::new(10_000),
            tokio_util::sync::CancellationToken::new(),
            Spare::of(1),
        )
        .await
        .unwrap();
        std::fs::write(&path, noise(length)).unwrap();
        let error = loop {
            match chunks.next().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("a changed file must not look whole"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::SourceIo, "{length}");
    }
}

#[tokio::test]
async fn gzip_is_the_same_for_any_threads_and_kind_of_source() {
    let data = noise(1_000_000).repeat(3);
    let mut seen: Option<Vec<u8>> = None;
    for threads in [1, 2, 4] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        std::fs::write(&path, &data).unwrap();
        let (mut writer, pushed) = crate::source::push::channel();
        let pieces = data.clone();
        let writing = tokio::spawn(async move {
            for piece in pieces.chunks(77_777) {
                writer.write(piece).await.unwrap();
            }
            writer.finish().await.unwrap();
        });
        for input in [
            Input::Bytes(data.clone().into()),
            Input::Path(SameFile::new(path)),
            Input::Reader(Box::new(std::io::Cursor::new(data.clone()))),
            Input::Push(pushed),
        ] {
            let pipeline = tiny(CHUNK_SIZE, BLOCK_SIZE, 64 * 1024 * 1024, threads);
            let (blocks, totals) = collect_with(&pipeline, input, GZIP).await.unwrap();
            let all = blocks.concat();
            assert_eq!(
                (totals.read, totals.produced),
                (data.len() as u64, all.len() as u64)
            );
            assert!(gunzip(&all) == data);
            assert!(*seen.get_or_insert(all.clone()) == all, "{threads}");
        }
        writing.await.unwrap();
    }
}

/// Readers of other languages are tried on these in tests/gzip.
#[tokio::test]
async fn sizes_around_the_boundaries_of_gzip_read_back() {
    for length in [
        1,
        INLINE_SIZE,
        INLINE_SIZE + 1,
        CHUNK_SIZE - 1,
        CHUNK_SIZE,
        CHUNK_SIZE + 1,
    ] {
        let data = noise(length);
        let (blocks, _) = collect(Input::Bytes(data.clone().into()), GZIP)
            .await
            .unwrap();
        assert!(gunzip(&blocks.concat()) == data, "{length}");
    }
}

#[tokio::test]
async fn a_budget_of_one_chunk_is_enough_for_many_sources_at_once() {
    let pipeline = tiny(1000, 5000, 2000, 2);
    let runs: Vec<_> = (0..20usize)
        .map(|n| {
            let (pipeline, data) = (pipeline.clone(), noise(n * 997 + 1));
            tokio::spawn(async move {
                let input = Input::Reader(Box::new(std::io::Cursor::new(data.clone())));
                let work = if n % 2 == 0 { PLAIN } else { GZIP };
                let (blocks, _) = collect_with(&pipeline, input, work).await.unwrap();
                let all = blocks.concat();
                assert!(data == if work.gzip { gunzip(&all) } else { all }, "{n}");
            })
        })
        .collect();
    for run in runs {
        run.await.unwrap();
    }
    assert!(
        pipeline.budget.try_reserve(2000).is_some(),
        "all was given back"
    );
}

#[tokio::test]
async fn streams_that_pause_give_way_to_others() {
    // Each of them holds a part of the budget, and all of it is held.
    let pipeline = tiny(1000, 5000, 2000, 2);
    let mut paused = Vec::new();
    for _ in 0..4 {
        let (mut writer, reader) = crate::source::push::channel();
        writer.write(&noise(500)).await.unwrap();
        let mut blocks = pipeline.start(Input::Push(reader), PLAIN, meter());
        let reading = tokio::spawn(async move {
            let mut all = Vec::new();
            while let Some(block) = blocks.next().await? {
                all.extend_from_slice(block.data());
            }
            Ok::<_, Error>(all)
        });
        paused.push((writer, reading));
    }
    let data = noise(10_000);
    let input = Input::Reader(Box::new(std::io::Cursor::new(data.clone())));
    let (blocks, _) = collect_with(&pipeline, input, PLAIN).await.unwrap();
    assert!(blocks.concat() == data);
    for (writer, reading) in paused {
        writer.finish().await.unwrap();
        assert!(reading.await.unwrap().unwrap() == noise(500));
    }
}

#[tokio::test]
async fn reading_stops_when_the_blocks_are_not_consumed() {
    let pipeline = tiny(1000, 1000, 20_000, 2);
    let read = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    struct Counting(std::sync::Arc<std::sync::atomic::AtomicUsize>);
    impl Read for Counting {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let ordering = std::sync::atomic::Ordering::SeqCst;
            self.0.fetch_add(buffer.len(), ordering);
            buffer.fill(b'x');
            Ok(buffer.len())
        }
    }
    let reader = Box::new(Counting(read.clone()));
    let mut blocks = pipeline.start(Input::Reader(reader), PLAIN, meter());
    let taken: Vec<Block> = {
        let mut taken = Vec::new();
        // Twenty blocks are the whole budget: one more cannot come while they are held.
        while taken.len() < 20 {
            taken.push(blocks.next().await.unwrap().unwrap());
        }
        taken
    };
    assert_eq!(read.load(std::sync::atomic::Ordering::SeqCst), 20_000);
    drop(taken);
    assert!(blocks.next().await.unwrap().is_some());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(100))]
    #[test]
    fn any_source_comes_through_whole_in_any_shape(
        length in 1usize..60_000,
        chunk in 1usize..3000,
        block in 1usize..8000,
        budget in 1usize..20_000,
        threads in 1usize..5,
        kind in 0usize..3,
        gzip in proptest::prelude::any::<bool>(),
    ) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().build().unwrap();
        runtime.block_on(async {
            let data = noise(length);
            let pipeline = tiny(chunk.max(length / 200), block, budget, threads);
            let input = match kind {
                0 => Input::Bytes(data.clone().into()),
                1 => Input::Reader(Box::new(std::io::Cursor::new(data.clone()))),
                _ => {
                    let (mut writer, pushed) = crate::source::push::channel();
                    let data = data.clone();
                    tokio::spawn(async move {
                        writer.write(&data).await.unwrap();
                        writer.finish().await.unwrap();
                    });
                    Input::Push(pushed)
                }
            };
            let work = if gzip { GZIP } else { PLAIN };
            let (blocks, totals) = collect_with(&pipeline, input, work).await.unwrap();
            let all = blocks.concat();
            assert_eq!((totals.read, totals.produced), (length as u64, all.len() as u64));
            assert!(data == if gzip { gunzip(&all) } else { all });
            assert!(blocks.iter().all(|b| !b.is_empty() && b.len() <= block));
            assert!(pipeline.budget.try_reserve(budget).is_some());
        });
    }
}
