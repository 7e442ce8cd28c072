//! Answers that come before their requests have left.

use kusto_ingest::prelude::*;
use kusto_ingest::source::Compression;
use tokio::net::TcpListener;

use crate::server::{Act, Request, Server, healthy, of_storage, props};

/// A listener whose connections hold little that nobody has read.
fn narrow() -> TcpListener {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    socket.listen(64).unwrap()
}

fn is_block(request: &Request) -> bool {
    request.line.contains("comp=block&")
}

fn is_commit(request: &Request) -> bool {
    request.line.contains("comp=blocklist")
}

/// Blocks of more bytes than the system takes while nobody reads them. Nothing looks into what says
/// that it is compressed.
fn blocks() -> Source {
    let mut data = vec![0x1f, 0x8b, 8];
    data.resize(12 * 1024 * 1024, 0);
    Source::bytes(data).with_compression(Compression::Gzip)
}

/// A storage that says to have stored what it has not read.
#[tokio::test]
async fn a_success_before_the_body_has_left_is_no_success() {
    let server = Server::hasty(narrow(), is_block, |request, base| {
        let answer = healthy(request, base);
        match is_block(request) {
            true => Act::SendAndStop(answer),
            false => Act::Send(answer),
        }
    });
    let client = server.builder().retry_time(0).unwrap().build().unwrap();
    let ingesting = client.ingest(blocks(), &props(), CallOptions::new());
    let error = ingesting.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    let step = (error.step().name(), error.is_in_doubt());
    assert_eq!(step, ("upload blob", false), "{error}");
    assert!(error.message().contains("before the request"), "{error}");
    assert!(error.attempts().len() >= 2, "it is repeated: {error}");
    let finished = |request: &Request| is_commit(request) || request.is_post_of_message();
    assert_eq!(server.count(finished), 0, "{error}");
}

/// Why it reads no more is what the call ends with.
#[tokio::test]
async fn a_refusal_before_the_body_has_left_is_what_it_says() {
    let refused = |request: &Request| of_storage(request, 409, "<Error><Code>Full</Code></Error>");
    let server = Server::hasty(narrow(), is_block, move |request, base| {
        match is_block(request) {
            true => Act::SendAndStop(refused(request)),
            false => Act::Send(healthy(request, base)),
        }
    });
    let client = server.builder().retry_time(0).unwrap().build().unwrap();
    let ingesting = client.ingest(blocks(), &props(), CallOptions::new());
    let error = ingesting.await.unwrap_err();
    let shown = (error.http_status(), error.service_code());
    assert_eq!(shown, (Some(409), Some("Full")), "{error}");
}
