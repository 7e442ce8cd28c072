//! One blob into one container: Put Blob when it is one block, else Put Block and Put Block List.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::task::JoinSet;

use super::feed::Feed;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::http::retry::{RetryPolicy, retry};
use crate::op::{Scope, context};
use crate::pipeline::Block;
use crate::source::progress::Meter;

/// Put Block requests in flight for one blob.
const PARALLEL_BLOCKS: usize = 4;
/// Azure's limit of blocks in one blob.
const MAX_BLOCKS: usize = 50_000;

/// The blob of one attempt. Every call may be repeated: the name is this library's own, and a
/// block is known by its index.
#[async_trait]
pub(crate) trait BlobTarget: Send + Sync {
    /// Host and port, for errors.
    fn host(&self) -> &str;
    /// Writes the whole blob, replacing data of an earlier attempt.
    async fn put_blob(&self, data: Bytes) -> Result<()>;
    /// Stages block number `index`.
    async fn put_block(&self, index: usize, data: Bytes) -> Result<()>;
    /// Commits the first `count` staged blocks as the blob.
    async fn put_block_list(&self, count: usize) -> Result<()>;
}

/// Sends every block of `feed` to `target` and commits. Returns the bytes that storage has
/// acknowledged.
pub(crate) async fn send(
    scope: &Scope,
    target: Arc<dyn BlobTarget>,
    feed: &mut Feed,
    meter: &Meter,
) -> Result<u64> {
    let Some(first) = next_block(scope, feed).await? else {
        // The pipeline rejects empty sources; a feed without blocks is a defect.
        return Err(Error::new(
            ErrorKind::Internal,
            Step::UploadBlob,
            "no block to upload",
        ));
    };
    let second = tokio::select! {
        biased;
        second = next_block(scope, feed) => second?,
        // Others wait for the memory that this block holds.
        () = first.pressed() => return Box::pin(put_blocks(scope, target, feed, vec![first], meter)).await,
    };
    match second {
        None => put_whole(scope, target.as_ref(), first, meter).await,
        Some(second) => Box::pin(put_blocks(scope, target, feed, vec![first, second], meter)).await,
    }
}

async fn put_whole(
    scope: &Scope,
    target: &dyn BlobTarget,
    block: Block,
    meter: &Meter,
) -> Result<u64> {
    let _moving = block.moving();
    let length = block.data().len();
    retry(
        scope,
        Step::UploadBlob,
        target.host(),
        RetryPolicy::STORAGE,
        || target.put_blob(block.data().clone()),
    )
    .await?;
    meter.add_sent(length);
    Ok(length as u64)
}

async fn put_blocks(
    scope: &Scope,
    target: Arc<dyn BlobTarget>,
    feed: &mut Feed,
    first: Vec<Block>,
    meter: &Meter,
) -> Result<u64> {
    // Dropping the set, on any error, aborts the requests in flight.
    let mut in_flight: JoinSet<Result<usize>> = JoinSet::new();
    let mut waiting = first.into_iter();
    let mut acknowledged = 0;
    let mut count = 0;
    loop {
        let block = match waiting.next() {
            Some(block) => Some(block),
            None => tokio::select! {
                biased;
                // The source may be slow: results of the requests are handled meanwhile.
                joined = join_one(&mut in_flight, meter), if !in_flight.is_empty() => {
                    acknowledged += joined?;
                    continue;
                }
                block = next_block(scope, feed) => block?,
            },
        };
        let Some(block) = block else { break };
        if count == MAX_BLOCKS {
            return Err(too_many_blocks());
        }
        if in_flight.len() == PARALLEL_BLOCKS {
            acknowledged += join_one(&mut in_flight, meter).await?;
        }
        let putting = put_block(scope.clone(), target.clone(), count, block);
        in_flight.spawn(context::carried(putting));
        count += 1;
    }
    while !in_flight.is_empty() {
        acknowledged += join_one(&mut in_flight, meter).await?;
    }
    retry(
        scope,
        Step::CommitBlob,
        target.host(),
        RetryPolicy::STORAGE,
        || target.put_block_list(count),
    )
    .await?;
    Ok(acknowledged)
}

async fn put_block(
    scope: Scope,
    target: Arc<dyn BlobTarget>,
    index: usize,
    block: Block,
) -> Result<usize> {
    let _moving = block.moving();
    retry(
        &scope,
        Step::UploadBlob,
        target.host(),
        RetryPolicy::STORAGE,
        || target.put_block(index, block.data().clone()),
    )
    .await?;
    Ok(block.data().len())
}

async fn join_one(in_flight: &mut JoinSet<Result<usize>>, meter: &Meter) -> Result<u64> {
    let Some(joined) = in_flight.join_next().await else {
        return Ok(0);
    };
    let length = joined.map_err(|error| {
        Error::new(
            ErrorKind::Internal,
            Step::UploadBlob,
            format!("an upload task ended unexpectedly: {error}"),
        )
    })??;
    meter.add_sent(length);
    Ok(length as u64)
}

/// Not a storage step: another container has the same limit.
pub(super) fn too_many_blocks() -> Error {
    Error::new(
        ErrorKind::TooLarge,
        Step::ReadSource,
        format!("the data needs more than {MAX_BLOCKS} blocks"),
    )
}

async fn next_block(scope: &Scope, feed: &mut Feed) -> Result<Option<Block>> {
    scope.run(Step::ReadSource, "", feed.next()).await
}
