//! The command `kusto-emulator` as a process.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_kusto-emulator"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Reads what the command announces, up to its line for programs.
fn announced(child: &mut Child) -> (String, Value) {
    let mut text = String::new();
    for line in BufReader::new(child.stdout.as_mut().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(json) = line.strip_prefix("READY ") {
            return (text, serde_json::from_str(json).unwrap());
        }
        text.push_str(&line);
        text.push('\n');
    }
    panic!("ended without READY: {text}");
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([format!("-{name}"), child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

#[test]
fn it_says_where_it_is_and_ends_cleanly_on_either_signal() {
    for name in ["INT", "TERM"] {
        let mut child = start(&["--port", "0"]);
        let (text, ready) = announced(&mut child);
        let engine = ready["engine"].as_str().unwrap();
        assert!(
            text.contains(engine) && engine.starts_with("http://127.0.0.1:"),
            "{text}"
        );
        assert_eq!(ready["data_management"], ready["engine"]);
        assert!(
            ready["connection_string"]
                .as_str()
                .unwrap()
                .contains(engine)
        );
        assert_eq!(ready["accounts"].as_array().unwrap().len(), 2);
        assert_eq!(ready["ca_file"], Value::Null);
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    }
}

#[test]
fn the_log_is_on_standard_error_and_keeps_secrets() {
    let mut child = start(&[
        "--port",
        "0",
        "-vv",
        "--token",
        "s3cret",
        "--tls",
        "--split-roles",
    ]);
    let (text, ready) = announced(&mut child);
    assert!(std::path::Path::new(ready["ca_file"].as_str().unwrap()).exists());
    assert_ne!(ready["data_management"], ready["engine"]);
    // The ingestor looks at its queues at once, which is logged.
    let mut log = String::new();
    let mut reader = BufReader::new(child.stderr.take().unwrap());
    while !log.contains("readyforaggregation") {
        assert_ne!(reader.read_line(&mut log).unwrap(), 0, "{log}");
    }
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    reader.read_to_string(&mut log).unwrap();
    for output in [text, log, ready.to_string()] {
        assert!(
            !output.contains("s3cret") && !output.contains("sig="),
            "{output}"
        );
    }
}

#[test]
fn a_second_signal_does_not_wait() {
    let mut child = start(&["--port", "0", "-v"]);
    let (_, ready) = announced(&mut child);
    // A request that never ends, in time for the first signal once the emulator asks for its body.
    let address = ready["engine"].as_str().unwrap();
    let mut request = TcpStream::connect(address.trim_start_matches("http://")).unwrap();
    request
        .write_all(b"POST /v1/rest/mgmt HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n")
        .unwrap();
    let mut asked = [0; 12];
    request.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100");
    let mut log = String::new();
    let mut reader = BufReader::new(child.stderr.take().unwrap());
    signal(&child, "INT");
    while !log.contains("another signal") {
        assert_ne!(reader.read_line(&mut log).unwrap(), 0, "{log}");
    }
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(1));
    reader.read_to_string(&mut log).unwrap();
    assert!(log.contains("before everything was finished"), "{log}");
}

/// Sends a query that computes for hours.
fn endless_query(ready: &Value) -> TcpStream {
    let body = r#"{"csl": "print set_difference(range(1, 1000000), range(-1000000, -1))"}"#;
    let address = ready["engine"].as_str().unwrap();
    let mut request = TcpStream::connect(address.trim_start_matches("http://")).unwrap();
    let head = format!(
        "POST /v1/rest/query HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    request.write_all(head.as_bytes()).unwrap();
    let mut asked = [0; 12];
    request.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100");
    request.write_all(body.as_bytes()).unwrap();
    request
}

fn read_until(log: &mut impl std::io::BufRead, wanted: &str) {
    let mut text = String::new();
    while !text.contains(wanted) {
        assert_ne!(log.read_line(&mut text).unwrap(), 0, "{text}");
    }
}

#[test]
fn a_query_ends_when_its_client_leaves() {
    let mut child = start(&["--port", "0", "-vv"]);
    let (_, ready) = announced(&mut child);
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let request = endless_query(&ready);
    read_until(&mut log, "a request is computed");
    drop(request);
    read_until(&mut log, "a request was given up");
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_query_does_not_keep_the_emulator_from_ending() {
    let mut child = start(&["--port", "0", "-vv"]);
    let (_, ready) = announced(&mut child);
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let _request = endless_query(&ready);
    read_until(&mut log, "a request is computed");
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// The status of a request for this host.
fn status(ready: &Value, host: &str) -> String {
    let address = ready["engine"].as_str().unwrap();
    let mut request = TcpStream::connect(address.trim_start_matches("http://")).unwrap();
    let head =
        format!("GET /emulator/v1/faults HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    request.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    request.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn flags_open_it_for_further_hosts() {
    for (arguments, known, foreign) in [
        (&[][..], "200", "403"),
        (&["--allow-host", "db.test"], "200", "403"),
        (&["--allow-any-host"], "200", "200"),
    ] {
        let mut child = start(&[&["--port", "0"], arguments].concat());
        let (_, ready) = announced(&mut child);
        let host = match arguments.is_empty() {
            true => "localhost",
            false => "ingest-db.test:8080",
        };
        assert_eq!(status(&ready, host), known, "{arguments:?}");
        assert_eq!(status(&ready, "evil.test"), foreign, "{arguments:?}");
        signal(&child, "TERM");
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn wrong_arguments_are_named() {
    for (arguments, word) in [
        (
            &["--port", "0", "--azurite-account", "one:a2V5"][..],
            "--azurite-account",
        ),
        (
            &[
                "--port",
                "0",
                "--azurite-account",
                "one:hidden!",
                "--azurite-account",
                "two:a2V5",
            ],
            "--azurite-account",
        ),
        (&["--dm-port", "1"], "--split-roles"),
        (&["--tls-name", "kusto.test"], "--tls"),
        (
            &["--port", "0", "--allow-host", "http://kusto.test"],
            "allowed_hosts",
        ),
        (
            &["--port", "0", "--storage-domain", "no domain"],
            "storage_domain",
        ),
        (&["--port", "0", "--database", ""], "databases"),
        (&["--port", "0", "--token", ""], "token"),
    ] {
        let output = start(arguments).wait_with_output().unwrap();
        assert_ne!(output.status.code(), Some(0));
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(
            message.contains(word) && !message.contains("hidden"),
            "{message}"
        );
    }
}

/// What the README has people type, as arguments.
fn typed() -> Vec<Vec<String>> {
    let readme = include_str!("../README.md");
    let lines = readme.lines().filter_map(|line| {
        let line = line.strip_prefix("$ ")?;
        let own = line.strip_prefix("kusto-emulator ");
        own.or_else(|| line.strip_prefix("cargo run -p kusto-emulator -- "))
    });
    // In the table of SDKs.
    let parts = readme.split('`');
    let spans = parts.filter_map(|part| part.strip_prefix("kusto-emulator --"));
    let commands = lines
        .map(str::to_owned)
        .chain(spans.map(|rest| format!("--{rest}")));
    let words = |command: String| {
        let words = command.split_whitespace().filter(|word| *word != "&");
        words.map(str::to_owned).collect()
    };
    commands.map(words).collect()
}

#[test]
fn the_lines_of_the_readme_can_be_typed() {
    let commands = typed();
    assert!(commands.len() >= 7, "{commands:?}");
    for command in commands {
        let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        // It is read up to here, and nothing is started.
        arguments.push("--help");
        let output = start(&arguments).wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{command:?}");
    }
}

/// Calls that the README names beside an SDK stand in the tests of the SDK.
#[test]
fn the_calls_of_the_readme_are_those_of_the_sdks_tests() {
    let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    let rows = include_str!("../README.md").lines();
    let mut checked = 0;
    for (sdk, files) in [
        (
            "| Python",
            &[
                "python/test_official_sdk.py",
                "python/test_streaming.py",
                "python/conftest.py",
            ][..],
        ),
        ("| Node", &["sdks/node/official.test.mjs"]),
        (
            "| Go",
            &["sdks/go/official_test.go", "sdks/go/streaming_test.go"],
        ),
        ("| Java", &["sdks/java/src/test/java/OfficialTest.java"]),
    ] {
        let text: String = files
            .iter()
            .map(|file| std::fs::read_to_string(tests.join(file)).unwrap())
            .collect();
        for call in rows
            .clone()
            .filter(|row| row.starts_with(sdk))
            .flat_map(calls)
        {
            assert!(
                text.contains(&call),
                "{sdk}: {call} is in none of {files:?}"
            );
            checked += 1;
        }
    }
    assert!(checked >= 12, "only {checked} calls were found");
}

/// The names before parentheses in the code of a line.
fn calls(row: &str) -> Vec<String> {
    let code = row.split('`').skip(1).step_by(2);
    let name = |before: &str| {
        let start = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        before[start.map_or(0, |at| at + 1)..].to_owned()
    };
    code.flat_map(|code| {
        code.match_indices('(')
            .map(move |(at, _)| name(&code[..at]))
    })
    .filter(|name| !name.is_empty())
    .collect()
}
