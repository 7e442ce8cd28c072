//! From the source's bytes to blocks ready for storage: chunks, gzip, blocks. No network here.
//!
//! The pipeline runs on a blocking thread, because readers block and gzip computes, and hands
//! blocks over a bounded channel: when nobody takes them, reading stops.

mod block;
mod chunk;

use std::io::Write;

use bytes::Bytes;
use flate2::GzBuilder;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::DropGuard;

use crate::error::{Error, ErrorKind, Result, Step};
use crate::source::progress::Meter;
use block::BlockWriter;
use chunk::Chunks;
pub(crate) use chunk::Input;

/// Size of a block: what one Put Block carries, and the most that one Put Blob carries.
pub(crate) const BLOCK_SIZE: usize = 4 * 1024 * 1024;
/// Blocks that wait in the channel while others are under way.
const QUEUED_BLOCKS: usize = 2;
/// The knee between speed and size for zlib-rs (measured: 139 MB/s per core at ratio 3.9).
const GZIP_LEVEL: u32 = 3;

/// What the pipeline does to the bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    /// Compress them.
    pub(crate) gzip: bool,
    /// The first bytes that declared-compressed data must have.
    pub(crate) magic: Option<&'static [u8]>,
    /// The most that may be read.
    pub(crate) limit: Option<u64>,
}

/// What went through, known at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Bytes read from the source.
    pub(crate) read: u64,
    /// Bytes in all blocks.
    pub(crate) produced: u64,
}

/// The blocks of one run through a source. Dropping it stops the run after its current read.
#[derive(Debug)]
pub(crate) struct Blocks {
    receiver: mpsc::Receiver<Bytes>,
    run: Option<JoinHandle<Result<Totals>>>,
    /// How the run ended, kept: asked again, a failed run must not look like an end.
    end: Option<Result<Totals>>,
    /// Wakes a reader that waits for its data.
    stop_reader: Option<DropGuard>,
}

impl Blocks {
    /// Starts reading `input`.
    pub(crate) fn start(input: Input, work: Work, meter: Meter) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUED_BLOCKS);
        let run = tokio::task::spawn_blocking(move || run(input, work, meter, sender));
        Self {
            receiver,
            run: Some(run),
            end: None,
            stop_reader: None,
        }
    }

    /// Lets this guard go together with the blocks: a reader that waits learns from it that nobody
    /// wants its data any more.
    pub(crate) fn stopping(mut self, reader: DropGuard) -> Self {
        self.stop_reader = Some(reader);
        self
    }

    /// The next block, or `None` at the end of a source that was read without an error. All
    /// blocks but the last have [`BLOCK_SIZE`] bytes; none is empty.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        if let Some(block) = self.receiver.recv().await {
            return Ok(Some(block));
        }
        if let Some(run) = &mut self.run {
            self.end = Some(run.await.unwrap_or_else(|error| Err(panicked(error))));
            self.run = None;
        }
        match &self.end {
            Some(Err(error)) => Err(error.clone()),
            _ => Ok(None),
        }
    }

    /// What went through, after [`Blocks::next`] returned `None`.
    pub(crate) fn totals(&self) -> Option<Totals> {
        self.end.as_ref()?.as_ref().ok().copied()
    }
}

fn panicked(error: tokio::task::JoinError) -> Error {
    let text = match error.try_into_panic() {
        Ok(panic) => panic_text(panic.as_ref()),
        Err(_) => "the runtime shut down".to_owned(),
    };
    Error::new(
        ErrorKind::Callback,
        Step::ReadSource,
        format!("the source panicked: {text}"),
    )
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

fn run(input: Input, work: Work, meter: Meter, sender: mpsc::Sender<Bytes>) -> Result<Totals> {
    let mut chunks = Chunks::open(input, work.limit, work.magic)?;
    let takers = sender.clone();
    let blocks = BlockWriter::new(sender, BLOCK_SIZE);
    let produced = if work.gzip {
        // No name and no time in the header: the same data gives the same bytes.
        let mut encoder = GzBuilder::new()
            .operating_system(255)
            .write(blocks, flate2::Compression::new(GZIP_LEVEL));
        copy(&mut chunks, &mut encoder, &meter, &takers)?;
        encoder
            .finish()
            .and_then(BlockWriter::finish)
            .map_err(abandoned)?
    } else {
        let mut blocks = blocks;
        copy(&mut chunks, &mut blocks, &meter, &takers)?;
        blocks.finish().map_err(abandoned)?
    };
    Ok(Totals {
        read: chunks.read(),
        produced,
    })
}

fn copy(
    chunks: &mut Chunks,
    out: &mut impl Write,
    meter: &Meter,
    takers: &mpsc::Sender<Bytes>,
) -> Result<()> {
    while let Some(chunk) = chunks.next()? {
        // Without this a run would go on until a whole block is full.
        if takers.is_closed() {
            return Err(abandoned(std::io::ErrorKind::BrokenPipe.into()));
        }
        out.write_all(chunk).map_err(abandoned)?;
        meter.add_read(chunk.len());
    }
    Ok(())
}

/// A write fails only when the receiving side is gone: then nobody sees this error.
fn abandoned(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Cancelled, Step::Compress, error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    const PLAIN: Work = Work {
        gzip: false,
        magic: None,
        limit: None,
    };
    const GZIP: Work = Work {
        gzip: true,
        magic: None,
        limit: None,
    };

    fn meter() -> Meter {
        Meter::new(None, None)
    }

    async fn collect(input: Input, work: Work) -> Result<(Vec<Bytes>, Totals)> {
        let mut blocks = Blocks::start(input, work, meter());
        let mut all = Vec::new();
        while let Some(block) = blocks.next().await? {
            all.push(block);
        }
        Ok((all, blocks.totals().unwrap()))
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
            chunk::CHUNK_SIZE - 1,
            chunk::CHUNK_SIZE,
            chunk::CHUNK_SIZE + 1,
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
            assert_eq!(blocks.concat(), data, "{length}");
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
        assert_eq!(first.concat(), second.concat());
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
                let mut blocks = Blocks::start(input, work, meter());
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

    /// Never ends; gives nothing before it is told to, and tells of every read.
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
            drop(Blocks::start(Input::Reader(reader), work, meter()));
            drop(start);
            // The iterator ends when the reader is dropped.
            let reads = tokio::task::spawn_blocking(move || reads.iter().count());
            assert_eq!(reads.await.unwrap(), 1);
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
            magic: Some(b"\x1f\x8b"),
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
    async fn a_file_that_is_missing_or_changes_is_a_source_error() {
        let error = collect(Input::Path("no/such/file".into()), PLAIN)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SourceIo);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        std::fs::write(&path, noise(1000)).unwrap();
        let mut chunks = Chunks::open(Input::Path(path.clone()), None, None).unwrap();
        std::fs::write(&path, noise(10)).unwrap();
        let error = loop {
            match chunks.next() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("a shrunken file must not look whole"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::SourceIo);
    }
}
