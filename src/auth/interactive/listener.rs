//! Where the browser comes back to: a small server on the loopback addresses, for one login. It takes one answer,
//! with the state of this login; any other is told no and changes nothing.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::pkce::Random;
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};
use crate::secret::{Secret, excerpt, identifier};

/// How long a connection may take for its request, and for its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Browsers open connections in advance.
const CONNECTIONS: usize = 16;
const MAX_HEAD: usize = 32 * 1024;
const MAX_BODY: usize = 64 * 1024;
/// Ports that are tried until one is free on both addresses.
const TRIES: usize = 8;

pub(super) struct Listener {
    v4: TcpListener,
    /// Browsers may take `localhost` for either address.
    v6: Option<TcpListener>,
    port: u16,
    state: Random,
}

/// What the browser brought.
pub(super) enum Returned {
    Code(Secret),
    Refused { error: String, text: Option<String> },
}

impl Listener {
    pub(super) async fn open(state: Random) -> Result<Self> {
        let failed = |error: io::Error| {
            let message = format!("no port of this machine can be listened on: {error}");
            Error::new(ErrorKind::Auth, Step::AcquireToken, message)
                .with_retry(RetryClass::Later)
                .with_source(error)
        };
        for _ in 0..TRIES {
            let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .await
                .map_err(failed)?;
            let port = v4.local_addr().map_err(failed)?.port();
            let v6 = match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
                Ok(v6) => Some(v6),
                // Whoever has it would get the code.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => continue,
                // A machine without IPv6.
                Err(_) => None,
            };
            return Ok(Self {
                v4,
                v6,
                port,
                state,
            });
        }
        Err(failed(io::ErrorKind::AddrInUse.into()))
    }

    pub(super) fn address(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Waits for the browser.
    pub(super) async fn returned(&self) -> Result<Returned> {
        let mut serving = JoinSet::new();
        loop {
            tokio::select! {
                Some(served) = serving.join_next(), if !serving.is_empty() => {
                    if let Ok(Some(returned)) = served {
                        return Ok(returned);
                    }
                }
                stream = self.accept(), if serving.len() < CONNECTIONS => {
                    let (state, port) = (self.state.clone(), self.port);
                    serving.spawn(async move {
                        let served = tokio::time::timeout(PATIENCE, serve(stream, &state, port));
                        served.await.ok().flatten()
                    });
                }
            }
        }
    }

    /// The next connection, of either address.
    async fn accept(&self) -> TcpStream {
        let other = async {
            match &self.v6 {
                Some(v6) => taken(v6).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            stream = taken(&self.v4) => stream,
            stream = other => stream,
        }
    }
}

/// The next connection that can be taken. One that failed before it was is none.
async fn taken(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // Out of descriptors, as a rule: not at full speed.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve(mut stream: TcpStream, state: &Random, port: u16) -> Option<Returned> {
    let request = read(&mut stream).await.ok().flatten();
    let (status, text, returned) = match request {
        None => ("400 Bad Request", "This is no answer of a login.", None),
        Some(request) => judge(&request, state, port),
    };
    // The login is over, whether its page is seen or not.
    let _ = answer(&mut stream, status, text).await;
    returned
}

type Judged = (&'static str, &'static str, Option<Returned>);

fn judge(request: &Request, state: &Random, port: u16) -> Judged {
    const STRANGE: Judged = (
        "400 Bad Request",
        "This is not the answer to this login.",
        None,
    );
    if request.path() != "/" {
        return ("404 Not Found", "There is nothing here.", None);
    }
    let hosts = ["localhost", "127.0.0.1", "[::1]"].map(|host| format!("{host}:{port}"));
    let field = |name: &str| request.field(name);
    if !hosts.contains(&request.host) || !field("state").is_some_and(|it| state.is(&it)) {
        return STRANGE;
    }
    if let Some(code) = field("code").filter(|code| !code.is_empty()) {
        let text = "You are logged in. You may close this page.";
        return ("200 OK", text, Some(Returned::Code(Secret::from(code))));
    }
    let Some(error) = field("error") else {
        return STRANGE;
    };
    let said = field("error_description").map(|text| excerpt(&text, 1000));
    let returned = Returned::Refused {
        error: identifier(&error).unwrap_or_else(|| "unknown".to_owned()),
        text: said,
    };
    let text = "The login was refused. The program says why; you may close this page.";
    ("200 OK", text, Some(returned))
}

/// A page that does nothing.
async fn answer(stream: &mut TcpStream, status: &str, text: &str) -> io::Result<()> {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Login</title></head>\
         <body><p>{text}</p></body></html>"
    );
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nContent-Security-Policy: default-src 'none'\r\n\
         Referrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        page.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(page.as_bytes()).await?;
    stream.shutdown().await
}

struct Request {
    target: String,
    host: String,
    /// Of a form; else empty.
    body: Vec<u8>,
}

impl Request {
    fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A field of the form, or of the query.
    fn field(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?').map(|(_, query)| query);
        let text = match self.body.is_empty() {
            true => query.unwrap_or_default().as_bytes(),
            false => &self.body,
        };
        let mut fields = url::form_urlencoded::parse(text);
        fields.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
    }
}

/// A GET or a form; `None` for anything else.
async fn read(stream: &mut TcpStream) -> io::Result<Option<Request>> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
            break end;
        }
        if bytes.len() > MAX_HEAD || stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let mut body = bytes.split_off(end + 4);
    let Some((mut request, length)) = head(&bytes) else {
        return Ok(None);
    };
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Ok(None);
        }
    }
    body.truncate(length);
    request.body = body;
    Ok(Some(request))
}

/// The request without its body, and the length of that.
fn head(bytes: &[u8]) -> Option<(Request, usize)> {
    // Programs on this machine share the cookies of `localhost`, and write them in any encoding.
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let header = |name: &str| {
        let mut lines = text.split("\r\n").skip(1);
        lines.find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    let length = match method {
        "GET" => 0,
        "POST" => header("content-length")?
            .parse()
            .ok()
            .filter(|it| *it <= MAX_BODY)?,
        _ => return None,
    };
    let request = Request {
        target: target.to_owned(),
        host: header("host")?.to_ascii_lowercase(),
        body: Vec::new(),
    };
    Some((request, length))
}

#[cfg(test)]
mod tests;
