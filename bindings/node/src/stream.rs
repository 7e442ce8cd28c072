//! A source that JavaScript pushes data into.

use std::sync::Arc;

use bytes::Bytes;
use kusto_ingest::error::{Error, ErrorKind, Result, Step};
use kusto_ingest::source::{PushWriter, Source};
use napi::bindgen_prelude::Uint8ArraySlice;
use napi_derive::napi;

use crate::failure::OrThrow as _;
use crate::realm::{NativeRealm, Realm};
use crate::source::NativeSource;

/// How much is gathered before it is handed over: small pieces would cost an event each. The crate
/// takes pieces of this size as they are.
const PIECE: usize = 256 * 1024;

/// The writing end of a stream. If it is collected before it was finished, its ingestion fails.
#[napi]
pub struct NativeStream {
    realm: Arc<Realm>,
    gathered: Vec<u8>,
    /// Locked while a piece waits for room.
    writer: Arc<tokio::sync::Mutex<Option<PushWriter>>>,
    source: Option<Source>,
}

impl NativeStream {
    /// Runs `last` with the writer, which it consumes.
    fn end<F>(&self, last: impl FnOnce(PushWriter) -> F + Send + 'static) -> Result<u32>
    where
        F: Future<Output = Result<()>> + Send,
    {
        let (id, writer) = (self.realm.next_id(), self.writer.clone());
        self.realm.run(id, async move {
            let writer = writer.lock().await.take().ok_or_else(ended)?;
            last(writer).await.map(|()| "null".to_owned())
        })?;
        Ok(id)
    }

    /// Hands over as much of the whole pieces in `data` as there is room for now, and returns how much. A
    /// stream that has ended takes nothing; the waiting form returns the error.
    fn hand_over_now(&self, data: &[u8]) -> usize {
        let whole = data.len() / PIECE * PIECE;
        match self.writer.try_lock() {
            Ok(mut writer) => writer
                .as_mut()
                .map_or(0, |writer| writer.try_write(&data[..whole]).unwrap_or(0)),
            // The last piece is still waiting.
            Err(_) => 0,
        }
    }

    /// The gathered whole pieces, without the rest.
    fn whole_pieces(&mut self) -> Bytes {
        let whole = self.gathered.len() / PIECE * PIECE;
        self.gathered.drain(..whole).collect::<Vec<u8>>().into()
    }

    fn hand_over(&self, piece: Bytes) -> Result<u32> {
        let (id, writer) = (self.realm.next_id(), self.writer.clone());
        self.realm.run(id, async move {
            let mut writer = writer.lock().await;
            let writer = writer.as_mut().ok_or_else(ended)?;
            writer.write_bytes(piece).await.map(|()| "null".to_owned())
        })?;
        Ok(id)
    }
}

#[napi]
impl NativeStream {
    /// A stream; `source` is its reading end.
    #[napi(constructor, catch_unwind)]
    pub fn new(realm: &NativeRealm) -> Self {
        let (writer, source) = Source::push();
        Self {
            realm: realm.realm.clone(),
            gathered: Vec::new(),
            writer: Arc::new(tokio::sync::Mutex::new(Some(writer))),
            source: Some(source),
        }
    }

    /// The reading end, once.
    #[napi(catch_unwind)]
    pub fn source(&mut self) -> napi::Result<NativeSource> {
        self.source
            .take()
            .map(NativeSource::new)
            .ok_or_else(ended)
            .or_throw()
    }

    /// Adds a copy of these bytes. While there is room they are handed over in pieces; the result is then
    /// 0. Else it is the id of the event that reports room; do not push before it.
    #[napi(catch_unwind)]
    pub fn push(&mut self, data: Uint8ArraySlice<'_>) -> napi::Result<u32> {
        if self.gathered.is_empty() {
            let taken = self.hand_over_now(&data);
            self.gathered.extend_from_slice(&data[taken..]);
        } else {
            self.gathered.extend_from_slice(&data);
            let taken = self.hand_over_now(&self.gathered);
            self.gathered.drain(..taken);
        }
        if self.gathered.len() < PIECE {
            return Ok(0);
        }
        let pieces = self.whole_pieces();
        self.hand_over(pieces).or_throw()
    }

    /// Ends the data; returns the id of the event that confirms it.
    #[napi(catch_unwind)]
    pub fn finish(&mut self) -> napi::Result<u32> {
        let rest = Bytes::from(std::mem::take(&mut self.gathered));
        self.end(|mut writer| async move {
            writer.write_bytes(rest).await?;
            writer.finish().await
        })
        .or_throw()
    }

    /// Fails the ingestion; returns the id of the event that confirms it.
    #[napi(catch_unwind)]
    pub fn fail(&mut self, cause: String) -> napi::Result<u32> {
        self.gathered = Vec::new();
        self.end(|writer| async move {
            writer.fail(cause).await;
            Ok(())
        })
        .or_throw()
    }
}

fn ended() -> Error {
    Error::new(
        ErrorKind::InvalidState,
        Step::ReadSource,
        "the stream has already ended",
    )
}
