//! Across containers: a failed attempt begins again elsewhere with all bytes, or not at all.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::attempt::{self, BlobTarget};
use crate::error::{Error, ErrorKind, Result, Step};
use crate::op::Scope;
use crate::pipeline::{Blocks, Totals};
use crate::source::progress::Meter;

/// Containers that are tried for one blob, as in the official SDKs.
const MAX_CONTAINERS: usize = 3;
/// Blocks of a one-shot source that are kept for another attempt, in bytes after compression. It
/// is most of what one call holds in memory: a reader of 1 GB peaks at about 40 MB with it.
const KEEP_BYTES: usize = 32 * 1024 * 1024;

/// Containers to upload to, best first.
#[async_trait]
pub(crate) trait Containers: Send + Sync {
    /// Number of containers to choose from.
    fn len(&self) -> usize;
    /// The blob of attempt number `attempt`.
    fn target(&self, attempt: usize) -> Result<Arc<dyn BlobTarget>>;
    /// Learns how an attempt ended.
    async fn report(&self, attempt: usize, outcome: std::result::Result<(), &Error>);
}

/// Where the blocks come from, and whether they can come again.
pub(crate) enum BlockSource {
    /// Bytes or a file: each attempt reads from the start, nothing is kept.
    Rewindable(Box<dyn FnMut() -> Blocks + Send>),
    /// A reader: what it gave is kept, up to a limit, until the blob is committed.
    OneShot(Blocks),
}

/// The blob that was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Uploaded {
    /// Which of the containers took it.
    pub(crate) container: usize,
    /// What went through the pipeline.
    pub(crate) totals: Totals,
}

/// Uploads to the first container that takes the blob.
///
/// # Errors
/// Source errors end the call at once. When every attempt failed, the last attempt's error lists
/// them all. A one-shot source that can no longer be replayed ends the failover with an error
/// that says so.
pub(crate) async fn upload(
    scope: &Scope,
    source: BlockSource,
    containers: &dyn Containers,
    meter: &Meter,
) -> Result<Uploaded> {
    let mut feed = Feed::new(source);
    let mut failed: Vec<Error> = Vec::new();
    // The list may grow: after a 403 it is renewed.
    while failed.len() < containers.len().min(MAX_CONTAINERS) {
        let container = failed.len();
        if container > 0 {
            if let Err(lost) = feed.rewind() {
                return Err(lost.after(failed));
            }
            meter.restart_sent();
        }
        let target = containers.target(container)?;
        let host = target.host().to_owned();
        match attempt::send(scope, target, &mut feed, meter).await {
            Ok(acknowledged) => {
                let totals = feed.checked_totals(acknowledged)?;
                containers.report(container, Ok(())).await;
                return Ok(Uploaded { container, totals });
            }
            Err(error) if !is_storage_failure(&error) => return Err(error.after(failed)),
            Err(error) => {
                tracing::warn!(host, %error, "upload failed, trying the next container");
                containers.report(container, Err(&error)).await;
                failed.push(error);
            }
        }
    }
    Err(exhausted(failed))
}

/// Whether another container can help: not when the source failed or the call was ended.
fn is_storage_failure(error: &Error) -> bool {
    matches!(error.step(), Step::UploadBlob | Step::CommitBlob)
        && !matches!(
            error.kind(),
            ErrorKind::TimedOut | ErrorKind::Cancelled | ErrorKind::Internal
        )
        && error.service_code() != Some("RequestBodyTooLarge")
}

fn exhausted(mut failed: Vec<Error>) -> Error {
    match failed.pop() {
        None => Error::new(
            ErrorKind::Service,
            Step::FetchIngestionResources,
            "the service handed out no container to upload to",
        ),
        Some(last) => last.after(failed),
    }
}

/// The blocks of the current attempt: those kept from an earlier one first, then fresh ones.
pub(crate) struct Feed {
    source: BlockSource,
    current: Option<Blocks>,
    kept: Vec<Bytes>,
    kept_bytes: usize,
    /// Index of the next kept block to give again.
    replay: usize,
    /// Blocks went beyond what is kept: there is no second attempt.
    lost: bool,
}

impl Feed {
    pub(crate) fn new(mut source: BlockSource) -> Self {
        let current = match &mut source {
            BlockSource::Rewindable(open) => Some(open()),
            BlockSource::OneShot(_) => None,
        };
        Self {
            source,
            current,
            kept: Vec::new(),
            kept_bytes: 0,
            replay: 0,
            lost: false,
        }
    }

    /// The next block of this attempt.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        if let Some(block) = self.kept.get(self.replay) {
            self.replay += 1;
            return Ok(Some(block.clone()));
        }
        let block = self.blocks().next().await?;
        if let Some(block) = &block {
            self.keep(block);
        }
        Ok(block)
    }

    fn blocks(&mut self) -> &mut Blocks {
        match (&mut self.source, &mut self.current) {
            (BlockSource::OneShot(blocks), _) => blocks,
            (BlockSource::Rewindable(open), current) => current.get_or_insert_with(open),
        }
    }

    fn keep(&mut self, block: &Bytes) {
        if self.lost || matches!(self.source, BlockSource::Rewindable(_)) {
            return;
        }
        self.kept_bytes += block.len();
        if self.kept_bytes > KEEP_BYTES {
            self.lost = true;
            self.kept = Vec::new();
            self.replay = 0;
        } else {
            self.kept.push(block.clone());
            self.replay = self.kept.len();
        }
    }

    /// Back to the first block.
    fn rewind(&mut self) -> Result<()> {
        if self.lost {
            return Err(Error::new(
                ErrorKind::Network,
                Step::UploadBlob,
                format!(
                    "the container failed after more than {KEEP_BYTES} bytes of a source that \
                     cannot be read again; nothing was posted"
                ),
            ));
        }
        self.replay = 0;
        if let BlockSource::Rewindable(open) = &mut self.source {
            self.current = Some(open());
        }
        Ok(())
    }

    /// The totals of the run, if storage acknowledged every byte that was produced.
    fn checked_totals(&mut self, acknowledged: u64) -> Result<Totals> {
        let totals = self.blocks().totals();
        match totals {
            Some(totals) if totals.produced == acknowledged => Ok(totals),
            _ => Err(Error::new(
                ErrorKind::Internal,
                Step::CommitBlob,
                format!("storage acknowledged {acknowledged} bytes of {totals:?}"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::op::CallOptions;
    use crate::pipeline::{BLOCK_SIZE, Input, Work};

    #[derive(Default)]
    struct Store {
        staged: Mutex<BTreeMap<usize, Bytes>>,
        blob: Mutex<Option<Vec<u8>>>,
        /// Fails every request from this one on.
        fail_from: usize,
        requests: Mutex<usize>,
    }

    impl Store {
        fn failing_from(fail_from: usize) -> Arc<Self> {
            Arc::new(Self {
                fail_from,
                ..Self::default()
            })
        }

        fn request(&self) -> Result<()> {
            let mut requests = self.requests.lock().unwrap();
            *requests += 1;
            if *requests > self.fail_from {
                let error = Error::new(ErrorKind::Auth, Step::UploadBlob, "account is gone");
                return Err(error.with_host("dead"));
            }
            Ok(())
        }
    }

    #[async_trait]
    impl BlobTarget for Store {
        fn host(&self) -> &str {
            "store"
        }
        async fn put_blob(&self, data: Bytes) -> Result<()> {
            self.request()?;
            *self.blob.lock().unwrap() = Some(data.to_vec());
            Ok(())
        }
        async fn put_block(&self, index: usize, data: Bytes) -> Result<()> {
            self.request()?;
            self.staged.lock().unwrap().insert(index, data);
            Ok(())
        }
        async fn put_block_list(&self, count: usize) -> Result<()> {
            self.request()?;
            let staged = self.staged.lock().unwrap();
            let blocks: Vec<Bytes> = (0..count).map(|index| staged[&index].clone()).collect();
            *self.blob.lock().unwrap() = Some(blocks.concat());
            Ok(())
        }
    }

    struct Stores(Vec<Arc<Store>>);

    #[async_trait]
    impl Containers for Stores {
        fn len(&self) -> usize {
            self.0.len()
        }
        fn target(&self, attempt: usize) -> Result<Arc<dyn BlobTarget>> {
            Ok(self.0[attempt].clone())
        }
        async fn report(&self, _: usize, _: std::result::Result<(), &Error>) {}
    }

    const PLAIN: Work = Work {
        gzip: false,
        magic: None,
        limit: None,
    };

    fn one_shot(data: &[u8]) -> BlockSource {
        let reader = Box::new(std::io::Cursor::new(data.to_vec()));
        BlockSource::OneShot(Blocks::start(
            Input::Reader(reader),
            PLAIN,
            Meter::new(None, None),
        ))
    }

    fn rewindable(data: &[u8]) -> BlockSource {
        let data = Bytes::copy_from_slice(data);
        BlockSource::Rewindable(Box::new(move || {
            Blocks::start(Input::Bytes(data.clone()), PLAIN, Meter::new(None, None))
        }))
    }

    async fn run(source: BlockSource, stores: &Stores) -> Result<Uploaded> {
        let scope = Scope::new(&CallOptions::new(), CancellationToken::new());
        upload(&scope, source, stores, &Meter::new(None, None)).await
    }

    fn data(length: usize) -> Vec<u8> {
        (0..length).map(|n| (n % 251) as u8).collect()
    }

    #[tokio::test]
    async fn every_failing_request_leads_to_the_next_container_with_all_bytes() {
        for length in [1, BLOCK_SIZE, BLOCK_SIZE + 1, 5 * BLOCK_SIZE + 3] {
            let data = data(length);
            let requests = if length <= BLOCK_SIZE {
                1
            } else {
                length.div_ceil(BLOCK_SIZE) + 1
            };
            for fail_from in 0..requests {
                for source in [one_shot(&data), rewindable(&data)] {
                    let stores = Stores(vec![
                        Store::failing_from(fail_from),
                        Store::failing_from(usize::MAX),
                    ]);
                    let uploaded = run(source, &stores).await.unwrap();
                    assert_eq!(uploaded.container, 1);
                    assert_eq!(uploaded.totals.produced, length as u64);
                    assert!(stores.0[0].blob.lock().unwrap().is_none());
                    assert!(stores.0[1].blob.lock().unwrap().as_deref() == Some(&data[..]));
                }
            }
        }
    }

    #[tokio::test]
    async fn a_one_shot_source_beyond_what_is_kept_fails_loudly() {
        let data = data(KEEP_BYTES + 2 * BLOCK_SIZE);
        let stores = |from| {
            Stores(vec![
                Store::failing_from(from),
                Store::failing_from(usize::MAX),
            ])
        };
        let late = KEEP_BYTES / BLOCK_SIZE + 1;
        let failing = stores(late);
        let error = run(one_shot(&data), &failing).await.unwrap_err();
        assert!(
            error.to_string().contains("cannot be read again"),
            "{error}"
        );
        assert_eq!(error.attempts().len(), 2);
        assert!(
            failing
                .0
                .iter()
                .all(|store| store.blob.lock().unwrap().is_none())
        );
        let failing = stores(late);
        assert_eq!(run(rewindable(&data), &failing).await.unwrap().container, 1);
    }

    #[tokio::test]
    async fn when_all_fail_the_error_lists_every_attempt() {
        let stores = Stores((0..5).map(|_| Store::failing_from(0)).collect());
        let error = run(one_shot(b"x"), &stores).await.unwrap_err();
        assert_eq!(error.attempts().len(), MAX_CONTAINERS);
        let error = run(one_shot(b"x"), &Stores(Vec::new())).await.unwrap_err();
        assert_eq!(error.step(), Step::FetchIngestionResources);
    }

    #[tokio::test]
    async fn a_source_error_that_looks_like_one_of_storage_is_not_tried_elsewhere_either() {
        struct Upstream;
        impl std::io::Read for Upstream {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                let error = Error::new(ErrorKind::Network, Step::UploadBlob, "of another call");
                Err(std::io::Error::other(error))
            }
        }
        let some = std::io::Cursor::new(data(2 * BLOCK_SIZE));
        let input = Input::Reader(Box::new(std::io::Read::chain(some, Upstream)));
        let blocks = Blocks::start(input, PLAIN, Meter::new(None, None));
        let stores = Stores((0..2).map(|_| Store::failing_from(usize::MAX)).collect());
        let error = run(BlockSource::OneShot(blocks), &stores)
            .await
            .unwrap_err();
        assert_eq!(error.step(), Step::ReadSource);
        assert!(error.to_string().contains("of another call"), "{error}");
        assert_eq!(*stores.0[1].requests.lock().unwrap(), 0);
        assert!(stores.0[0].blob.lock().unwrap().is_none());
    }

    #[tokio::test]
    async fn a_source_error_is_not_tried_elsewhere() {
        let stores = Stores((0..2).map(|_| Store::failing_from(usize::MAX)).collect());
        let error = run(one_shot(b""), &stores).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(
            stores
                .0
                .iter()
                .all(|store| *store.requests.lock().unwrap() == 0)
        );
    }
}
