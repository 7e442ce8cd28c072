//! What no client sends, over raw sockets: each port refuses it or ends the connection, and goes on.

use std::net::Ipv4Addr;
use std::time::Duration;

use kusto_emulator::{Emulator, Options};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

/// Far longer than anything here takes: a connection that is still there hangs.
const DEADLINE: Duration = Duration::from_secs(60);

/// A port, and the line of a request with a body that it takes.
struct Door {
    port: u16,
    line: String,
}

fn doors(emulator: &Emulator) -> Vec<Door> {
    let port = |url: &str| Url::parse(url).unwrap().port().unwrap();
    let engine = port(emulator.engine_url());
    let mut doors = vec![
        Door {
            port: engine,
            line: "POST /v1/rest/query".to_owned(),
        },
        Door {
            port: engine,
            line: "POST /emulator/v1/faults".to_owned(),
        },
        Door {
            port: port(emulator.data_management_url()),
            line: "POST /v1/rest/mgmt".to_owned(),
        },
    ];
    let resources = emulator.engine().data_management().ingestion_resources();
    for (kind, method, tail) in [
        ("TempStorage", "PUT", "/x"),
        ("SecuredReadyForAggregationQueue", "POST", "/messages"),
        ("IngestionsStatusTable", "POST", ""),
    ] {
        let (_, root) = resources.iter().find(|(name, _)| name == kind).unwrap();
        let url = Url::parse(root).unwrap();
        doors.push(Door {
            port: url.port().unwrap(),
            line: format!("{method} {}{tail}?{}", url.path(), url.query().unwrap()),
        });
    }
    doors
}

/// Sends bytes, ends the sending side, and gives what comes until the connection ends.
async fn exchange(port: u16, bytes: &[u8]) -> String {
    let talk = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
        // The other side may have ended the connection before all is sent, or while it is read.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
    tokio::time::timeout(DEADLINE, talk)
        .await
        .unwrap_or_else(|_| panic!("{port} hangs on {shown:?}"))
}

/// Sends each and checks that it is refused, then that the port still answers.
async fn refused(door: &Door, attacks: &[Vec<u8>]) {
    for attack in attacks {
        let answer = exchange(door.port, attack).await;
        let shown = String::from_utf8_lossy(&attack[..attack.len().min(200)]);
        let status = answer.get(9..12).unwrap_or_default();
        assert!(
            answer.is_empty() || (answer.starts_with("HTTP/1.1 4") && status != "404"),
            "{shown:?}: {answer}"
        );
    }
    let usual = "GET /nothing HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let answer = exchange(door.port, usual.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
}

#[tokio::test]
async fn requests_that_are_none() {
    let emulator = Emulator::start(Options::default()).await.unwrap();
    for door in doors(&emulator) {
        let line = &door.line;
        let headers = |text: &str| format!("{line} HTTP/1.1\r\nhost: localhost\r\n{text}\r\n\r\n");
        let attacks = [
            "\r\n\r\n\r\n".to_owned(),
            "GARBAGE\r\n\r\n".to_owned(),
            "GET\r\n\r\n".to_owned(),
            format!("{line}\r\n\r\n"),
            format!("{line} HTTP/9.9\r\nhost: localhost\r\n\r\n"),
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
            "GET /\0 HTTP/1.1\r\nhost: localhost\r\n\r\n".to_owned(),
            "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}".to_owned(),
            format!(
                "GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n",
                "a".repeat(1 << 20)
            ),
            headers("no colon"),
            headers("bad name: 1"),
            headers("nul: \0"),
            headers(&format!("long: {}", "x".repeat(1 << 20))),
            headers(&vec!["many: 1"; 5000].join("\r\n")),
        ];
        refused(&door, &attacks.map(String::into_bytes)).await;
    }
    emulator.shutdown().await;
}

#[tokio::test]
async fn a_request_says_once_which_host_it_is_for() {
    let any_host = Options {
        allow_any_host: true,
        ..Options::default()
    };
    for options in [Options::default(), any_host] {
        let emulator = Emulator::start(options).await.unwrap();
        for door in doors(&emulator) {
            let line = &door.line;
            for hosts in ["", "host: localhost\r\nhost: localhost\r\n"] {
                let request = format!("{line} HTTP/1.1\r\n{hosts}content-length: 0\r\n\r\n");
                let answer = exchange(door.port, request.as_bytes()).await;
                assert!(answer.starts_with("HTTP/1.1 400 "), "{line}: {answer}");
            }
            let old = format!("{line} HTTP/1.0\r\ncontent-length: 0\r\n\r\n");
            let answer = exchange(door.port, old.as_bytes()).await;
            assert!(!answer.contains("one header Host"), "{line}: {answer}");
        }
        emulator.shutdown().await;
    }
}

#[tokio::test]
async fn bodies_whose_length_is_nonsense() {
    let emulator = Emulator::start(Options::default()).await.unwrap();
    for door in doors(&emulator) {
        let line = &door.line;
        let body = |headers: &str, body: &str| {
            format!("{line} HTTP/1.1\r\nhost: localhost\r\nx-ms-blob-type: BlockBlob\r\n{headers}\r\n\r\n{body}")
                .into_bytes()
        };
        let chunks = |text: &str| body("transfer-encoding: chunked", text);
        let attacks = [
            body("content-length: -1", "x"),
            body("content-length: +1", "x"),
            body("content-length: 0x1", "x"),
            body("content-length: 1e9", "x"),
            body("content-length: 99999999999999999999", "x"),
            // Nothing is kept ready for what may come.
            body("content-length: 9007199254740992", "x"),
            body("content-length: 1\r\ncontent-length: 2", "xy"),
            body("content-length: 5", "x"),
            body("transfer-encoding: nonsense", "x"),
            chunks("zz\r\nx\r\n0\r\n\r\n"),
            chunks("-1\r\nx\r\n0\r\n\r\n"),
            chunks("fffffffffffffffff\r\nx"),
            chunks("ffffffffffffffff\r\nx"),
            chunks("5\r\nx"),
            chunks("1\r\nxyz\r\n0\r\n\r\n"),
            chunks(&format!("1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(1 << 20))),
            chunks(&format!(
                "1\r\nx\r\n0\r\n{}\r\n",
                "t: 1\r\n".repeat(100_000)
            )),
        ];
        refused(&door, &attacks).await;
    }
    emulator.shutdown().await;
}
