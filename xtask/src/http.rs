//! Just enough HTTP/1.1 to talk to the emulator on this machine.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// Status line and headers, in lower case.
    head: String,
}

impl Answer {
    /// A header's value, in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }
}

/// A name as a path of a URL writes it.
pub(crate) fn encode(name: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    name.bytes()
        .map(|byte| match plain(&byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

/// Sends one request over one connection. `body` must give exactly `length` bytes.
pub(crate) fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    length: u64,
    body: &mut impl Read,
) -> Result<Answer, String> {
    let shown = url.split('?').next().unwrap_or(url);
    let (host, path) = split(url).ok_or_else(|| format!("{shown} is not a plain http URL"))?;
    exchange(method, host, path, headers, length, body)
        .map_err(|error| format!("{method} {shown}: {error}"))
}

/// Host with port, and path with query.
fn split(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    let at = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at(at);
    Some((host, if path.is_empty() { "/" } else { path }))
}

fn exchange(
    method: &str,
    host: &str,
    path: &str,
    headers: &[(&str, &str)],
    length: u64,
    body: &mut impl Read,
) -> std::io::Result<Answer> {
    let mut connection = TcpStream::connect(host)?;
    connection.set_read_timeout(Some(Duration::from_secs(60)))?;
    connection.set_write_timeout(Some(Duration::from_secs(60)))?;
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n"
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    connection.write_all(head.as_bytes())?;
    std::io::copy(body, &mut connection)?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| std::io::Error::other("the answer is not HTTP"))
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end])
        .ok()?
        .to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let rest = &answer[end + 4..];
    let chunked = head
        .lines()
        .any(|line| line.starts_with("transfer-encoding:") && line.contains("chunked"));
    let body = if chunked {
        join_chunks(rest)?
    } else {
        rest.to_vec()
    };
    Some(Answer { status, body, head })
}

fn join_chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..end])
            .ok()?
            .split(';')
            .next()?
            .trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let chunk = rest.get(end + 2..end + 2 + size)?;
        body.extend_from_slice(chunk);
        rest = rest.get(end + 4 + size..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_split_into_host_and_path() {
        assert_eq!(
            split("http://127.0.0.1:80/a/b?sig=x"),
            Some(("127.0.0.1:80", "/a/b?sig=x"))
        );
        assert_eq!(
            split("http://localhost:8080"),
            Some(("localhost:8080", "/"))
        );
        assert_eq!(split("https://localhost/"), None);
    }

    #[test]
    fn names_are_encoded_for_a_path() {
        assert_eq!(encode("a b-é.csv"), "a%20b-%C3%A9.csv");
    }

    #[test]
    fn answers_are_read_plain_and_chunked() {
        let plain = parse(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok").unwrap();
        assert_eq!(
            (plain.status, plain.body.as_slice()),
            (201, b"ok".as_slice())
        );
        assert_eq!(plain.header("content-length"), Some("2"));
        assert_eq!(plain.header("etag"), None);
        let chunked =
            parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n").unwrap();
        assert_eq!(chunked.body, b"abcde");
        assert!(parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc").is_none());
        assert!(parse(b"garbage").is_none());
    }
}
