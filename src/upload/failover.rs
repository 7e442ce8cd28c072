//! Failover between containers: a failed attempt starts again elsewhere with all bytes, or not at
//! all.

use std::sync::Arc;

use super::attempt::{self, BlobTarget};
use super::feed::Feed;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::http::retry::{Patience, is_unreachable, last, remember};
use crate::log::events;
use crate::op::Scope;
use crate::pipeline::Totals;
use crate::source::progress::Meter;
use async_trait::async_trait;

/// Containers that are tried for one blob, as in the official SDKs.
const MAX_CONTAINERS: usize = 3;

/// Containers to upload to, best first.
#[async_trait]
pub(crate) trait Containers: Send + Sync {
    /// Number of containers to choose from.
    fn len(&self) -> usize;
    /// None of the containers could be reached: others may be lent for another round.
    fn doubt(&self, error: &Error);
    /// Adds all containers that are lent now, for another round.
    async fn again(&self);
    /// The blob of attempt number `attempt`.
    fn target(&self, attempt: usize) -> Result<Arc<dyn BlobTarget>>;
    /// Records the result of an attempt.
    async fn report(&self, attempt: usize, outcome: std::result::Result<(), &Error>);
}

/// The blob that was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Uploaded {
    /// The container that accepted it.
    pub(crate) container: usize,
    /// The totals of the pipeline.
    pub(crate) totals: Totals,
}

/// Uploads to the first container that accepts the blob. `feed` is at its first block.
///
/// # Errors
/// Source errors end the call at once. When every attempt failed, the last attempt's error lists
/// them all. A one-shot source that can no longer be replayed ends the failover with an error
/// that says so.
pub(crate) async fn upload(
    scope: &Scope,
    feed: &mut Feed,
    containers: &dyn Containers,
    meter: &Meter,
) -> Result<Uploaded> {
    let mut failed: Vec<Error> = Vec::new();
    let mut patience = Patience::new();
    let mut round_from = 0;
    let mut scope = scope.clone();
    for container in 0.. {
        // The list may grow: after a 403 it is renewed.
        if container >= containers.len().min(round_from + MAX_CONTAINERS) {
            let round = last(&failed, container - round_from);
            let another = another_round(&scope, containers, feed, round, &mut patience);
            match Box::pin(another).await {
                Ok(true) => {
                    round_from = container;
                    scope = scope.repeating();
                }
                Ok(false) => break,
                Err(stopped) => return Err(stopped.after(failed)),
            }
        }
        if container > 0 {
            if let Err(lost) = feed.rewind() {
                return Err(lost.after(failed));
            }
            meter.restart_sent();
        }
        let target = match containers.target(container) {
            Ok(target) => target,
            Err(error) => return Err(error.after(failed)),
        };
        let host = target.host().to_owned();
        match attempt::send(&scope, target, feed, meter).await {
            Ok(acknowledged) => {
                let totals = feed.checked_totals(Step::CommitBlob, acknowledged)?;
                containers.report(container, Ok(())).await;
                return Ok(Uploaded { container, totals });
            }
            Err(error) if !is_storage_failure(&error) => return Err(error.after(failed)),
            Err(error) => {
                events::UploadFailed {
                    host: &host,
                    error: &error,
                }
                .emit(scope.repeats());
                containers.report(container, Err(&error)).await;
                patience.begin();
                remember(&mut failed, error);
            }
        }
    }
    Err(exhausted(failed))
}

/// Pauses before all containers are tried once more; `false` when they are not.
async fn another_round(
    scope: &Scope,
    containers: &dyn Containers,
    feed: &mut Feed,
    round: &[Error],
    patience: &mut Patience,
) -> Result<bool> {
    let Some(error) = round.last() else {
        return Ok(false);
    };
    if round.iter().all(is_unreachable) {
        containers.doubt(error);
    }
    if patience.goes_on(scope, round) {
        // Not after the pause: what is lost now does not return.
        feed.check()?;
    }
    let host = error.host().unwrap_or_default();
    let goes_on = patience.wait(scope, error.step(), host, round).await?;
    if goes_on {
        containers.again().await;
    }
    Ok(goes_on)
}

/// Whether another container can help: not when the source failed or the call was cancelled or
/// timed out.
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
            "the service returned no container to upload to",
        ),
        Some(last) => last.after(failed),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use bytes::Bytes;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::op::CallOptions;
    use crate::pipeline::{BLOCK_SIZE, Blocks, CompressionLevel, Input, Pipeline, Work};
    use crate::source::form::Declared;
    use crate::upload::feed::BlockSource;

    #[derive(Default)]
    struct Store {
        staged: Mutex<BTreeMap<usize, Bytes>>,
        blob: Mutex<Option<Vec<u8>>>,
        /// Fails every request from this one on.
        fail_from: usize,
        /// With an error that may pass.
        passing: bool,
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
                let kind = match self.passing {
                    true => ErrorKind::Network,
                    false => ErrorKind::Auth,
                };
                let error = Error::new(kind, Step::UploadBlob, "account is gone");
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
        fn doubt(&self, _: &Error) {}
        async fn again(&self) {
            unreachable!("no scope here waits for another round");
        }
        fn target(&self, attempt: usize) -> Result<Arc<dyn BlobTarget>> {
            Ok(self.0[attempt].clone())
        }
        async fn report(&self, _: usize, _: std::result::Result<(), &Error>) {}
    }

    const PLAIN: Work = Work {
        gzip: false,
        declared: Declared::PLAIN,
        limit: None,
    };

    /// More than this cannot be kept.
    const BUDGET: usize = 32 * 1024 * 1024;

    fn pipeline() -> Pipeline {
        Pipeline::new(CompressionLevel::default(), 1, BUDGET)
    }

    fn start(pipeline: &Pipeline, input: Input) -> Blocks {
        pipeline.start(input, PLAIN, Meter::new(None, None))
    }

    fn one_shot(data: &[u8]) -> BlockSource {
        of_reader(std::io::Cursor::new(data.to_vec()))
    }

    fn of_reader(reader: impl std::io::Read + Send + 'static) -> BlockSource {
        let pipeline = pipeline();
        let blocks = start(&pipeline, Input::Reader(Box::new(reader)));
        BlockSource::OneShot(blocks, pipeline.budget().clone())
    }

    fn rewindable(data: &[u8]) -> BlockSource {
        let (pipeline, data) = (pipeline(), Bytes::copy_from_slice(data));
        BlockSource::Rewindable(Box::new(move || {
            start(&pipeline, Input::Bytes(data.clone()))
        }))
    }

    async fn run(source: BlockSource, stores: &Stores) -> Result<Uploaded> {
        let scope = Scope::new(&CallOptions::new(), CancellationToken::new());
        let mut feed = Feed::new(source);
        upload(&scope, &mut feed, stores, &Meter::new(None, None)).await
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
        let data = data(BUDGET + 2 * BLOCK_SIZE);
        let stores = |from| {
            Stores(vec![
                Store::failing_from(from),
                Store::failing_from(usize::MAX),
            ])
        };
        let late = BUDGET / BLOCK_SIZE + 1;
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
    async fn lost_data_is_noticed_before_the_pause() {
        let stores = Stores(vec![Arc::new(Store {
            fail_from: BUDGET / BLOCK_SIZE + 1,
            passing: true,
            ..Store::default()
        })]);
        let scope = Scope::new(&CallOptions::new(), CancellationToken::new());
        let scope = scope.patient(std::time::Duration::from_secs(30));
        let source = one_shot(&data(BUDGET + 2 * BLOCK_SIZE));
        let mut feed = Feed::new(source);
        let uploaded = upload(&scope, &mut feed, &stores, &Meter::new(None, None)).await;
        let text = uploaded.unwrap_err().to_string();
        assert!(text.contains("cannot be read again"), "{text}");
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
    async fn failures_are_noticed_while_the_source_pauses() {
        let pipeline = pipeline();
        let (mut writer, reader) = crate::source::push::channel();
        let blocks = start(&pipeline, Input::Push(reader));
        let source = BlockSource::OneShot(blocks, pipeline.budget().clone());
        let stores = Stores((0..2).map(|_| Store::failing_from(0)).collect());
        let pausing = tokio::spawn(async move {
            let _ = writer.write(&data(3 * BLOCK_SIZE)).await;
            std::future::pending::<()>().await;
        });
        let patience = std::time::Duration::from_secs(60);
        let ended = tokio::time::timeout(patience, run(source, &stores)).await;
        let error = ended.expect("the source still pauses").unwrap_err();
        assert_eq!(error.attempts().len(), 2);
        pausing.abort();
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
        let stores = Stores((0..2).map(|_| Store::failing_from(usize::MAX)).collect());
        let error = run(of_reader(std::io::Read::chain(some, Upstream)), &stores)
            .await
            .unwrap_err();
        assert_eq!(error.step(), Step::ReadSource);
        assert!(error.to_string().contains("of another call"), "{error}");
        assert_eq!(*stores.0[1].requests.lock().unwrap(), 0);
        assert!(stores.0[0].blob.lock().unwrap().is_none());
    }

    /// Readers, streams that pause, and bytes, on one budget that is one block, with containers
    /// that fail at any request.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn many_sources_on_the_least_budget_end_whole_or_with_an_error() {
        let pipeline = Pipeline::new(CompressionLevel::default(), 2, crate::pipeline::MIN_BUDGET);
        let mut runs = Vec::new();
        for n in 0..24usize {
            let data = data(1 + n * 397_123 % (2 * BLOCK_SIZE + 7));
            let pipeline = pipeline.clone();
            runs.push(tokio::spawn(async move {
                let source = match n % 3 {
                    0 => {
                        let reader = Box::new(std::io::Cursor::new(data.clone()));
                        let blocks = start(&pipeline, Input::Reader(reader));
                        BlockSource::OneShot(blocks, pipeline.budget().clone())
                    }
                    1 => {
                        let (mut writer, reader) = crate::source::push::channel();
                        let data = data.clone();
                        tokio::spawn(async move {
                            for piece in data.chunks(100_000) {
                                tokio::task::yield_now().await;
                                if writer.write(piece).await.is_err() {
                                    return;
                                }
                            }
                            let _ = writer.finish().await;
                        });
                        let blocks = start(&pipeline, Input::Push(reader));
                        BlockSource::OneShot(blocks, pipeline.budget().clone())
                    }
                    _ => {
                        let (pipeline, data) = (pipeline.clone(), Bytes::from(data.clone()));
                        BlockSource::Rewindable(Box::new(move || {
                            start(&pipeline, Input::Bytes(data.clone()))
                        }))
                    }
                };
                let stores = Stores(vec![
                    Store::failing_from(n % 4),
                    Store::failing_from(usize::MAX),
                ]);
                match run(source, &stores).await {
                    Ok(uploaded) => {
                        let blob = stores.0[uploaded.container].blob.lock().unwrap();
                        assert!(blob.as_deref() == Some(&data[..]));
                    }
                    Err(error) => {
                        assert!(n % 3 < 2, "{error}");
                        assert!(
                            error.to_string().contains("cannot be read again"),
                            "{error}"
                        );
                        assert!(stores.0[1].blob.lock().unwrap().is_none());
                    }
                }
            }));
        }
        for run in runs {
            run.await.unwrap();
        }
        let all = pipeline.budget().reserve(crate::pipeline::MIN_BUDGET);
        drop(all.await);
    }

    #[test]
    fn what_no_container_can_take_is_not_tried_elsewhere() {
        assert!(!is_storage_failure(&attempt::too_many_blocks()));
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
