use std::io::{Read, Write};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::error::Error;
use crate::op::run_here;

/// A host that sends back what it receives.
fn echo() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = [0; 1 << 16];
        while let Ok(length @ 1..) = stream.read(&mut bytes) {
            stream.write_all(&bytes[..length]).unwrap();
        }
    });
    address
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}

fn connected(runtime: &tokio::runtime::Runtime, to: std::net::SocketAddr) -> Socket {
    Socket::new(runtime.block_on(TcpStream::connect(to)).unwrap())
}

/// Gives the socket back after an exchange of so many bytes, more than any buffer holds at once.
async fn exchange(mut socket: Socket, length: usize) -> Result<Socket, Error> {
    let sent = vec![7; length];
    let mut received = vec![0; length];
    let (mut reading, mut writing) = tokio::io::split(&mut socket);
    let (read, written) = tokio::join!(reading.read_exact(&mut received), writing.write_all(&sent));
    assert!(read.is_ok() && written.is_ok());
    assert_eq!(received, sent);
    Ok(socket)
}

#[test]
fn a_connection_serves_threads_of_both_kinds_in_turn() {
    let runtime = runtime();
    let mut socket = connected(&runtime, echo());
    for length in [3, 4 << 20, 1] {
        socket = run_here(runtime.handle(), exchange(socket, length)).unwrap();
        socket = runtime.block_on(exchange(socket, length)).unwrap();
    }
}

/// Who reads must come to look at the deadline, also while more arrives than can be read.
#[test]
fn data_that_is_there_is_not_read_without_a_pause() {
    let runtime = runtime();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut socket = connected(&runtime, listener.local_addr().unwrap());
    let (mut peer, _) = listener.accept().unwrap();
    let sent = 64 * usize::from(READS);
    peer.write_all(&vec![7; sent]).unwrap();
    let (mut received, mut most) = (0, 0);
    let reading = std::future::poll_fn(move |context| {
        for reads in 0.. {
            most = most.max(reads);
            if received == sent {
                return Poll::Ready(Ok(most));
            }
            let mut piece = [0; 16];
            let mut buffer = ReadBuf::new(&mut piece);
            let read = Pin::new(&mut socket).poll_read(context, &mut buffer);
            if read.is_pending() {
                break;
            }
            received += buffer.filled().len();
        }
        Poll::Pending
    });
    let most = run_here(runtime.handle(), reading).unwrap();
    assert_eq!(most, READS);
}

/// SIGPIPE would end a program that does not ignore it, and here the thread is the program's.
#[test]
fn writing_to_a_closed_connection_raises_no_signal() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let runtime = runtime();
    let mut socket = connected(&runtime, listener.local_addr().unwrap());
    drop(listener.accept().unwrap());
    drop(listener);
    // SAFETY: the sets are plain data that the calls fill in.
    let is_pending = || unsafe {
        let mut set = std::mem::zeroed();
        libc::sigpending(&mut set);
        libc::sigismember(&set, libc::SIGPIPE) == 1
    };
    // SAFETY: as above. Blocked, it would stay pending for this thread.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGPIPE);
        libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
    }
    let writing = async move {
        loop {
            if let Err(error) = socket.write_all(b"data").await {
                return Ok(error.kind());
            }
        }
    };
    let broke = run_here(runtime.handle(), writing).unwrap();
    assert!(
        matches!(
            broke,
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
        ),
        "{broke}"
    );
    assert!(!is_pending());
}
