//! A proxy's tunnel to a host of https: the method `CONNECT` (RFC 9110, section 9.3.6).

use std::fmt;
use std::io::ErrorKind;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

use super::connect::Stream;
use super::failure::Failure;
use super::transport::AGENT;

/// The largest answer to `CONNECT`: a status and a few headers.
const MAX_HEAD: usize = 16 * 1024;

/// Why a proxy opened no tunnel.
#[derive(Debug)]
pub(super) enum Closed {
    LoginRequired,
    Refused(u16),
    NotHttp,
    NoAnswer,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoginRequired => f.write_str("the proxy requires a user name and a password"),
            Self::Refused(status) => {
                write!(
                    f,
                    "the proxy refused to connect to the host (status {status})"
                )
            }
            Self::NotHttp => f.write_str("the proxy's answer is not HTTP"),
            Self::NoAnswer => f.write_str("the proxy closed the connection without an answer"),
        }
    }
}

impl std::error::Error for Closed {}

/// The value of `Proxy-Authorization` for the user name and password in the proxy's address.
pub(super) fn login(proxy: &Url) -> Option<String> {
    if proxy.username().is_empty() && proxy.password().is_none() {
        return None;
    }
    let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
    let mut pair = decoded(proxy.username());
    pair.push(b':');
    pair.extend(decoded(proxy.password().unwrap_or_default()));
    Some(format!("Basic {}", STANDARD.encode(pair)))
}

/// Opens the tunnel to the host of `url`; TLS begins behind it.
pub(super) async fn open(
    mut stream: Box<dyn Stream>,
    url: &Url,
    proxy: &Url,
) -> Result<Box<dyn Stream>, Failure> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    let mut head =
        format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: {AGENT}\r\n");
    if let Some(login) = login(proxy) {
        head.push_str(&format!("Proxy-Authorization: {login}\r\n"));
    }
    head.push_str("\r\n");
    let sent = stream.write_all(head.as_bytes()).await;
    sent.map_err(Failure::connect)?;
    stream.flush().await.map_err(Failure::connect)?;
    match read_status(&mut stream).await? {
        200..=299 => Ok(stream),
        407 => Err(Failure::connect(Closed::LoginRequired)),
        status => Err(Failure::connect(Closed::Refused(status))),
    }
}

/// The status of the answer, whose head is read to its end and not a byte beyond: what follows is
/// the host's.
async fn read_status(stream: &mut Box<dyn Stream>) -> Result<u16, Failure> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAX_HEAD {
            return Err(Failure::connect(Closed::NotHttp));
        }
        let byte = stream.read_u8().await;
        head.push(byte.map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => Failure::connect(Closed::NoAnswer),
            _ => Failure::connect(error),
        })?);
    }
    let text = String::from_utf8_lossy(&head);
    let status = text.strip_prefix("HTTP/1.").and_then(|rest| {
        let mut words = rest.split_ascii_whitespace();
        words.nth(1)?.parse().ok()
    });
    status.ok_or_else(|| Failure::connect(Closed::NotHttp))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn opened(answer: &[u8]) -> (Result<Box<dyn Stream>, Failure>, String) {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        theirs.write_all(answer).await.unwrap();
        let url = Url::parse("https://a.example/x?sig=1").unwrap();
        let proxy = Url::parse("http://us%40er:p%3Aw@proxy:1").unwrap();
        let opened = open(Box::new(ours), &url, &proxy).await;
        let mut asked = vec![0; 4096];
        let length = theirs.read(&mut asked).await.unwrap();
        asked.truncate(length);
        (opened, String::from_utf8(asked).unwrap())
    }

    #[tokio::test]
    async fn what_follows_the_proxys_answer_is_the_hosts() {
        let (stream, asked) = opened(b"HTTP/1.1 200 OK\r\nVia: p\r\n\r\nhost").await;
        let mut stream = stream.ok().unwrap();
        let mut first = [0; 4];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"host");
        assert!(asked.starts_with("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n"));
        // us@er:p:w
        assert!(
            asked.contains("Proxy-Authorization: Basic dXNAZXI6cDp3\r\n"),
            "{asked}"
        );
        assert!(!asked.contains("sig"), "{asked}");
    }

    #[tokio::test]
    async fn a_refusal_says_why() {
        for (answer, why) in [
            (&b"HTTP/1.1 407 Login\r\n\r\n"[..], "user name"),
            (b"HTTP/1.0 403 No\r\n\r\n", "status 403"),
            (b"SSH-2.0\r\n\r\n", "not HTTP"),
        ] {
            let (opened, _) = opened(answer).await;
            let failure = opened.err().unwrap().to_string();
            assert!(failure.contains(why), "{failure}");
        }
        let long = [b'x'; MAX_HEAD + 1];
        assert!(opened(&long).await.0.is_err());
    }
}
