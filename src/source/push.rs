//! A source that the caller pushes into: a bounded channel with a reader at its other end.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use super::spare::Spare;
use crate::error::{Error, ErrorKind, Result, Step};

/// Largest chunk in the channel; larger writes are cut.
const CHUNK: usize = 256 * 1024;
/// Pieces in the channel. Together with one piece that the pipeline has taken out and waits for memory
/// for, and one that is kept for the next write, they are outside the client's memory budget: 1 MiB.
const DEPTH: usize = 2;

enum Message {
    Data(Piece),
    Finish,
    Fail(String),
}

/// The data of one write.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    pub(crate) data: Bytes,
    /// Where its memory is returned; none for memory that is not ours.
    pub(crate) spare: Option<Spare<BytesMut>>,
}

impl Piece {
    /// Moves the first `length` bytes to the end of `to`.
    pub(crate) fn move_to(&mut self, to: &mut BytesMut, length: usize) {
        to.extend_from_slice(&self.data[..length]);
        let used = self.data.split_to(length);
        if let Some(spare) = self.spare.take_if(|_| self.data.is_empty()) {
            spare.put_shared(used);
        }
    }
}

pub(crate) fn channel() -> (PushWriter, PushReader) {
    let (sender, receiver) = mpsc::channel(DEPTH);
    let spare = Spare::of(1);
    (
        PushWriter { sender, spare },
        PushReader {
            receiver,
            finished: false,
        },
    )
}

/// The writing end of [`Source::push`](super::Source::push). Dropping it without
/// [`PushWriter::finish`] aborts: the ingestion fails and nothing is posted.
#[derive(Debug)]
pub struct PushWriter {
    sender: mpsc::Sender<Message>,
    /// How much was read of the previous pieces.
    spare: Spare<BytesMut>,
}

impl PushWriter {
    /// Writes all of `data`, waiting while the pipeline is full.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidState`] when the ingestion has ended; its own error is the result of
    /// the operation.
    pub async fn write(&mut self, data: &[u8]) -> Result<()> {
        for chunk in data.chunks(CHUNK) {
            // Copied when there is room: until then only the caller's memory is held.
            let permit = self.sender.reserve().await.map_err(|_| ended())?;
            permit.send(self.copied(chunk));
        }
        Ok(())
    }

    /// Writes as much of `data` as fits now, without waiting; returns the number of bytes accepted,
    /// 0 when the pipeline is full.
    ///
    /// # Errors
    /// As [`PushWriter::write`].
    pub fn try_write(&mut self, data: &[u8]) -> Result<usize> {
        let mut taken = 0;
        for chunk in data.chunks(CHUNK) {
            match self.sender.try_reserve() {
                Ok(permit) => permit.send(self.copied(chunk)),
                Err(mpsc::error::TrySendError::Full(())) => break,
                Err(mpsc::error::TrySendError::Closed(())) => return Err(ended()),
            }
            taken += chunk.len();
        }
        Ok(taken)
    }

    /// Waits until the pipeline has room, then writes as much of `data` as fits; returns the number
    /// of bytes accepted, 0 only for empty data. Dropping the future before its end accepts
    /// nothing: for writers with their own deadline.
    ///
    /// # Errors
    /// As [`PushWriter::write`].
    pub async fn write_some(&mut self, data: &[u8]) -> Result<usize> {
        let Some(first) = data.chunks(CHUNK).next() else {
            return Ok(0);
        };
        let permit = self.sender.reserve().await.map_err(|_| ended())?;
        permit.send(self.copied(first));
        // Data that was sent counts even if the ingestion ended meanwhile: the next call reports
        // that.
        Ok(first.len() + self.try_write(&data[first.len()..]).unwrap_or(0))
    }

    /// As [`PushWriter::write`], for owned data: nothing is copied.
    ///
    /// # Errors
    /// As [`PushWriter::write`].
    pub async fn write_bytes(&mut self, mut data: Bytes) -> Result<()> {
        while !data.is_empty() {
            let data = data.split_to(data.len().min(CHUNK));
            self.send(Message::Data(Piece { data, spare: None }))
                .await?;
        }
        Ok(())
    }

    /// Ends the data: the written bytes are the whole source.
    ///
    /// # Errors
    /// As [`PushWriter::write`].
    pub async fn finish(self) -> Result<()> {
        self.send(Message::Finish).await
    }

    /// Fails the ingestion with the caller's cause, such as the error of its own stream.
    pub async fn fail(self, cause: impl Into<String>) {
        // The receiver is gone when the ingestion has already ended.
        let _ = self.send(Message::Fail(cause.into())).await;
    }

    fn copied(&self, data: &[u8]) -> Message {
        let mut buffer = self.spare.take();
        buffer.clear();
        buffer.extend_from_slice(data);
        Message::Data(Piece {
            data: buffer.freeze(),
            spare: Some(self.spare.clone()),
        })
    }

    async fn send(&self, message: Message) -> Result<()> {
        self.sender.send(message).await.map_err(|_| ended())
    }
}

fn ended() -> Error {
    Error::new(
        ErrorKind::InvalidState,
        Step::ReadSource,
        "the ingestion that reads this stream has ended; its operation has the cause",
    )
}

/// The reading end.
pub(crate) struct PushReader {
    receiver: mpsc::Receiver<Message>,
    finished: bool,
}

impl PushReader {
    /// The next piece of the written data, or `None` once the writer has finished. The future may
    /// be dropped and the call repeated.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Piece>> {
        if self.finished {
            return Ok(None);
        }
        match self.receiver.recv().await {
            Some(Message::Data(piece)) => Ok(Some(piece)),
            Some(Message::Finish) => {
                self.finished = true;
                Ok(None)
            }
            Some(Message::Fail(cause)) => Err(io::Error::other(cause)),
            None => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the stream was dropped before it was finished",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_all(mut reader: PushReader) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        while let Some(piece) = reader.next().await? {
            out.extend_from_slice(&piece.data);
        }
        Ok(out)
    }

    #[tokio::test]
    async fn what_is_written_is_read_and_large_writes_are_cut() {
        let (mut writer, reader) = channel();
        let reading = tokio::spawn(read_all(reader));
        let data: Vec<u8> = (0..3_000_000u32).map(|n| n as u8).collect();
        writer.write(&data).await.unwrap();
        writer.write(b"").await.unwrap();
        writer.finish().await.unwrap();
        assert_eq!(reading.await.unwrap().unwrap(), data);
    }

    #[tokio::test]
    async fn bytes_that_are_given_away_are_not_copied() {
        let (mut writer, mut reader) = channel();
        let data = Bytes::from((0..300_000u32).map(|n| n as u8).collect::<Vec<u8>>());
        writer.write_bytes(Bytes::new()).await.unwrap();
        writer.write_bytes(data.clone()).await.unwrap();
        let first = reader.next().await.unwrap().unwrap();
        assert_eq!(
            (first.data.as_ptr(), first.data.len()),
            (data.as_ptr(), CHUNK)
        );
        assert!(first.spare.is_none(), "memory that is not ours is not kept");
        let second = reader.next().await.unwrap().unwrap();
        assert_eq!(second.data, data[CHUNK..]);
        drop(reader);
        let error = writer.write_bytes(data).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidState);
    }

    #[tokio::test]
    async fn memory_that_was_read_is_written_again() {
        let (mut writer, mut reader) = channel();
        let data = [7; CHUNK];
        writer.write(&data).await.unwrap();
        let mut first = reader.next().await.unwrap().unwrap();
        let address = first.data.as_ptr();
        let mut to = BytesMut::new();
        first.move_to(&mut to, 1000);
        assert!(first.spare.is_some(), "a part of it is still to be read");
        first.move_to(&mut to, CHUNK - 1000);
        assert_eq!(to, data[..]);
        writer.write(&data[1..]).await.unwrap();
        let second = reader.next().await.unwrap().unwrap();
        assert_eq!(second.data, data[1..]);
        assert_eq!(second.data.as_ptr(), address);
    }

    #[tokio::test]
    async fn a_dropped_or_failed_writer_is_an_error_not_an_end() {
        let (mut writer, reader) = channel();
        writer.write(b"half").await.unwrap();
        drop(writer);
        let read = read_all(reader).await;
        assert!(read.is_err());
        let (writer, reader) = channel();
        writer.fail("disk gone").await;
        let read = read_all(reader).await;
        assert_eq!(read.unwrap_err().to_string(), "disk gone");
    }

    #[tokio::test]
    async fn some_is_taken_as_soon_as_it_fits_and_a_dropped_wait_takes_none() {
        let (mut writer, reader) = channel();
        let data: Vec<u8> = (0..2_000_000u32).map(|n| n as u8).collect();
        assert_eq!(writer.write_some(b"").await.unwrap(), 0);
        let mut taken = writer.write_some(&data).await.unwrap();
        assert_eq!(taken, DEPTH * CHUNK);
        {
            let waiting = writer.write_some(&data[taken..]);
            tokio::pin!(waiting);
            assert!(poll_once(waiting.as_mut()).await.is_none());
        }
        let reading = tokio::spawn(read_all(reader));
        while taken < data.len() {
            taken += writer.write_some(&data[taken..]).await.unwrap();
        }
        writer.finish().await.unwrap();
        assert!(reading.await.unwrap().unwrap() == data);
    }

    async fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            value = future => Some(value),
            () = std::future::ready(()) => None,
        }
    }

    #[tokio::test]
    async fn a_full_pipeline_takes_nothing_without_waiting() {
        let (mut writer, reader) = channel();
        let data = vec![0; (DEPTH + 2) * CHUNK];
        assert_eq!(writer.try_write(&data).unwrap(), DEPTH * CHUNK);
        assert_eq!(writer.try_write(&data).unwrap(), 0);
        drop(reader);
        assert_eq!(
            writer.try_write(&data).unwrap_err().kind(),
            ErrorKind::InvalidState
        );
    }
}
