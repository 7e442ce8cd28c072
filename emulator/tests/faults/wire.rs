//! What stands on the wire, byte by byte.

use kusto_emulator::{CutPoint, Fault, StallPoint, StorageOperation as Op};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::common::World;
use crate::requests::on;

/// A connection on which a whole Put Blob was sent.
async fn sent(world: &World) -> TcpStream {
    let url = world.blob("b");
    let (host, port) = (url.host_str().unwrap(), url.port().unwrap());
    let mut stream = TcpStream::connect((host, port)).await.unwrap();
    let (path, query) = (url.path(), url.query().unwrap());
    let head = format!(
        "PUT {path}?{query} HTTP/1.1\r\nhost: {host}\r\nx-ms-blob-type: BlockBlob\r\ncontent-length: 1\r\n\r\nx"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// Everything until the connection ends, in whatever way.
async fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut received = Vec::new();
    let _ = stream.read_to_end(&mut received).await;
    received
}

#[tokio::test]
async fn a_cut_connection_has_no_byte_of_an_answer() {
    let world = World::start(Default::default()).await;
    for point in [
        CutPoint::Before,
        CutPoint::During { bytes: 1 },
        CutPoint::After,
    ] {
        world.emulator.disarm_all();
        world.emulator.arm(on(Op::PutBlob, Fault::Cut(point)));
        assert_eq!(rest(sent(&world).await).await, b"", "{point:?}");
        assert_eq!(world.counts(), (1, 1));
    }
    world.emulator.shutdown().await;
}

#[tokio::test]
async fn a_stalled_request_ends_when_its_client_leaves() {
    let world = World::start(Default::default()).await;
    for when in [StallPoint::Before, StallPoint::After] {
        world.emulator.disarm_all();
        world.emulator.arm(on(Op::PutBlob, Fault::Stall { when }));
        let mut stream = sent(&world).await;
        while world.counts().1 == 0 {
            tokio::task::yield_now().await;
        }
        // The emulator closes its side then, which this client still sees.
        stream.shutdown().await.unwrap();
        assert_eq!(rest(stream).await, b"", "{when:?}");
    }
    world.emulator.shutdown().await;
}
