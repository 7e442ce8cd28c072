//! How each fault is played on a connection.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::Body as HttpBody;

use super::body::Body;
use super::listener::Cut;
use crate::faults::{Book, CutPoint, Fault, Met, StallPoint};

/// Plays a fault on a request whose body is still to be read. `serve` does the request; `answer` makes the
/// answer of a fault that has one instead.
pub(crate) async fn play<B, Served>(
    book: &Book,
    met: &Met,
    mut body: B,
    serve: impl FnOnce(B) -> Served,
    answer: impl FnOnce() -> Response<Body>,
) -> Result<Response<Body>, Cut>
where
    B: HttpBody<Data = Bytes> + Unpin,
    Served: Future<Output = Response<Body>>,
{
    match &met.fault {
        Fault::Cut(CutPoint::Before) => Err(Cut),
        Fault::Cut(CutPoint::During { bytes }) => {
            read_away(&mut body, *bytes).await?;
            Err(Cut)
        }
        Fault::Cut(CutPoint::After) => {
            drop(serve(body).await);
            Err(Cut)
        }
        Fault::Reply { .. } => {
            let reply = serve(body).await;
            match reply.status().is_success() {
                true => Ok(answer()),
                false => Ok(reply),
            }
        }
        Fault::Late { millis } => {
            let reply = serve(body).await;
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(*millis)) => {}
                () = book.end.cancelled() => {}
            }
            Ok(reply)
        }
        Fault::Hold => {
            let reply = serve(body).await;
            tokio::select! {
                () = met.disarmed.cancelled() => {}
                () = book.end.cancelled() => {}
            }
            Ok(reply)
        }
        Fault::Stall { when } => {
            match when {
                // Only a connection that is read from shows that its client has left.
                StallPoint::Before => read_away(&mut body, u64::MAX).await?,
                StallPoint::After => drop(serve(body).await),
            }
            book.end.cancelled().await;
            Err(Cut)
        }
        Fault::Status { .. }
        | Fault::Kusto(_)
        | Fault::Garbage
        | Fault::ExpiredSas
        | Fault::WrongSas
        | Fault::InvalidBlockList => {
            // A client that still sends when it is answered would see its connection reset instead.
            read_away(&mut body, u64::MAX).await?;
            Ok(answer())
        }
    }
}

/// Reads until `bytes` were read or the body ends. A client that left in its middle is cut off.
async fn read_away<B: HttpBody<Data = Bytes> + Unpin>(body: &mut B, bytes: u64) -> Result<(), Cut> {
    let mut read = 0_u64;
    while read < bytes {
        let Some(frame) = body.frame().await else {
            break;
        };
        let frame = frame.map_err(|_| Cut)?;
        read += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok(())
}
