//! Which proxies a C# program honours: those of the environment that it was started with.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use super::build::Build;
use crate::process;

/// No name server knows it: only a proxy can be asked for it.
const CLUSTER: &str = "cluster.invalid";

/// A request to a cluster elsewhere goes to the proxy of `HTTP_PROXY`.
pub(super) fn environment_is_honoured(build: &Build) -> Result<(), String> {
    let proxy = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let address = proxy.local_addr().map_err(|error| error.to_string())?;
    let asked = std::thread::spawn(move || first_line(&proxy));
    let mut program = build.command("first");
    program
        .env("HTTP_PROXY", format!("http://{address}"))
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .env(
            "KUSTO_CONNECTION_STRING",
            format!("Data Source=http://{CLUSTER};Fed=False"),
        );
    let said = process::tee(&mut program, Duration::from_secs(60))?;
    // One that went another way leaves the proxy waiting: this ends it.
    drop(std::net::TcpStream::connect(address));
    let asked = asked.join().map_err(|_| "the proxy panicked")?;
    let asked = asked.map_err(|error| error.to_string())?;
    match asked.contains(CLUSTER) && said.text.contains("proxy") {
        true => Ok(()),
        false => Err(format!("the proxy was asked for {asked:?}")),
    }
}

/// Of the first request, which is refused for good.
fn first_line(proxy: &TcpListener) -> std::io::Result<String> {
    let (stream, _) = proxy.accept()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    reader
        .get_mut()
        .write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    Ok(line)
}
