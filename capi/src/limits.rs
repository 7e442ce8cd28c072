//! What happens when the system refuses threads and descriptors. Each case is a process of its own:
//! this test program again, which limits itself, calls the library and prints what it reports.

use std::ffi::c_char;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::ptr::null_mut;

use crate::catalog::kusto_status;
use crate::client::{kusto_client, kusto_client_free, kusto_client_new, kusto_client_warm_up};
use crate::config::{kusto_config, kusto_config_free, kusto_config_parse};
use crate::error::kusto_error;
use crate::handle;
use crate::ingest::{kusto_ingest, kusto_ingest_bytes};
use crate::props::{kusto_props, kusto_props_free, kusto_props_new};
use crate::source::{Content, kusto_source};

const CHILD: &str = "KUSTO_LIMITS_CHILD";
const DEADLINE_MS: i64 = 60_000;

/// Runs the named test of this module in a process in which it is the child, and returns the lines
/// that it reported.
fn reported_by_child(test: &str) -> Vec<String> {
    let child = Command::new(std::env::current_exe().unwrap())
        .args([&format!("limits::{test}"), "--exact", "--nocapture"])
        .args(["--test-threads", "1"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&child.stdout).into_owned();
    let errors = String::from_utf8_lossy(&child.stderr).into_owned();
    assert!(child.status.success(), "{printed}{errors}");
    assert_eq!(errors, "", "the library printed something");
    let lines = printed
        .lines()
        .filter_map(|line| line.split_once("REPORT "));
    lines.map(|(_, report)| report.to_owned()).collect()
}

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// From here on the process gets no thread. Root is free of the limit, and becomes somebody else.
fn refuse_threads() {
    const NOBODY: libc::uid_t = 65534;
    let none = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: plain calls; the limit is initialised.
    unsafe {
        if libc::geteuid() == 0 {
            assert_eq!(libc::setuid(NOBODY), 0);
        }
        assert_eq!(libc::setrlimit(libc::RLIMIT_NPROC, &none), 0);
    }
    let refused = std::thread::Builder::new().spawn(|| {});
    assert!(refused.is_err(), "the limit does not hold");
}

fn refuse_descriptors() {
    let none = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: a plain call; the limit is initialised.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &none) }, 0);
}

/// Prints the status and the text of a call, and frees the error.
fn report(status: kusto_status, error: *mut kusto_error) {
    // SAFETY: NULL or an error that the call gave, freed once.
    match unsafe { handle::take(error) } {
        None => println!("REPORT {status:?}"),
        Some(error) => println!("REPORT {status:?} {}", error.error()),
    }
}

fn chars(text: &str) -> (*const c_char, usize) {
    (text.as_ptr().cast(), text.len())
}

fn new_client(address: &str) -> (*mut kusto_client, kusto_status, *mut kusto_error) {
    let (mut config, mut client, mut error) = (null_mut::<kusto_config>(), null_mut(), null_mut());
    let (text, length) = chars(address);
    // SAFETY: all outputs are writable; the config is freed once.
    unsafe {
        let status = kusto_config_parse(text, length, &mut config, null_mut());
        assert_eq!(status, kusto_status::KUSTO_OK);
        let status = kusto_client_new(config, &mut client, &mut error);
        kusto_config_free(config);
        (client, status, error)
    }
}

fn new_props() -> *mut kusto_props {
    let ((database, database_length), (table, table_length)) = (chars("D"), chars("T"));
    let mut props = null_mut();
    // SAFETY: the output is writable.
    let status = unsafe {
        kusto_props_new(
            database,
            database_length,
            table,
            table_length,
            &mut props,
            null_mut(),
        )
    };
    assert_eq!(status, kusto_status::KUSTO_OK);
    props
}

/// A service that lends a container and a queue at its own address, and stores nothing.
fn start_service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let base = address.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that goes away early is no failure of the service.
            let _ = stream.and_then(|stream| answer(stream, &base));
        }
    });
    address
}

fn answer(mut stream: TcpStream, base: &str) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    let done = |request: &[u8]| {
        let text = String::from_utf8_lossy(request);
        text.contains("identity token\"") || text.contains("ingestion resources\"")
    };
    while !done(&request) {
        match stream.read(&mut piece)? {
            0 => return Ok(()),
            length => request.extend_from_slice(&piece[..length]),
        }
    }
    let column = |name: &str| format!(r#"{{"ColumnName":"{name}","DataType":"String"}}"#);
    let (columns, rows) = match String::from_utf8_lossy(&request).contains("identity token") {
        true => (column("AuthorizationContext"), r#"["token"]"#.to_owned()),
        false => (
            format!("{},{}", column("ResourceTypeName"), column("StorageRoot")),
            format!(
                r#"["TempStorage","{base}/c?sig=s"],["SecuredReadyForAggregationQueue","{base}/q?sig=s"]"#
            ),
        ),
    };
    let table = format!(r#"{{"TableName":"T","Columns":[{columns}],"Rows":[{rows}]}}"#);
    let body = format!(r#"{{"Tables":[{table}]}}"#);
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn ingestions_without_another_thread_fail_and_give_the_memory_back() {
    if !is_child() {
        let test = "ingestions_without_another_thread_fail_and_give_the_memory_back";
        let reports = reported_by_child(test);
        assert_eq!(reports.len(), 4, "{reports:?}");
        assert_eq!(reports[0], "KUSTO_OK");
        for report in &reports[1..] {
            assert!(report.contains("cannot start a thread: "), "{report}");
            assert!(!report.contains("panicked"), "{report}");
        }
        return;
    }
    let (client, status, error) = new_client(&start_service());
    assert_eq!((status, error), (kusto_status::KUSTO_OK, null_mut()));
    let props = new_props();
    let data = b"1,x\n".repeat(10_000_000);
    let mut error = null_mut();
    // SAFETY: the client and the properties live; the sources are given away.
    unsafe {
        let status = kusto_client_warm_up(client, DEADLINE_MS, &mut error);
        report(status, error);
        refuse_threads();
        let length = data.len();
        let status = kusto_ingest_bytes(
            client,
            props,
            data.as_ptr(),
            length,
            DEADLINE_MS,
            null_mut(),
            &mut error,
        );
        report(status, error);
        let file = std::env::current_exe().unwrap();
        let copy = bytes::Bytes::from(data);
        for content in [Content::Path(file), Content::Bytes(copy)] {
            let source = handle::into_raw(kusto_source::new(content));
            let status = kusto_ingest(client, props, source, DEADLINE_MS, null_mut(), &mut error);
            report(status, error);
        }
        kusto_props_free(props);
        kusto_client_free(client);
    }
}

#[test]
fn a_client_without_threads_is_an_error() {
    if !is_child() {
        let reports = reported_by_child("a_client_without_threads_is_an_error");
        let [report] = &reports[..] else {
            panic!("{reports:?}")
        };
        assert!(report.contains("the library cannot start: cannot start a thread: "));
        return;
    }
    refuse_threads();
    let (_, status, error) = new_client("http://127.0.0.1:1");
    report(status, error);
}

#[test]
fn a_client_without_descriptors_is_an_error() {
    if !is_child() {
        let reports = reported_by_child("a_client_without_descriptors_is_an_error");
        let [first, second] = &reports[..] else {
            panic!("{reports:?}")
        };
        assert!(first.contains("the library cannot start: "), "{first}");
        assert!(first.contains("Too many open files"), "{first}");
        assert!(second.contains("too many open files"), "{second}");
        return;
    }
    // The first client of a process needs some itself, and every one to connect.
    let soft = |limit| {
        let mut now = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: plain calls; the limit is initialised.
        unsafe {
            libc::getrlimit(libc::RLIMIT_NOFILE, &mut now);
            let before = now.rlim_cur;
            now.rlim_cur = limit;
            assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &now), 0);
            before
        }
    };
    let before = soft(0);
    let (_, status, error) = new_client("http://127.0.0.1:1");
    report(status, error);
    soft(before);
    let (client, _, _) = new_client("https://127.0.0.1:1");
    refuse_descriptors();
    let mut error = null_mut();
    // SAFETY: the client lives until it is freed, once.
    unsafe {
        let status = kusto_client_warm_up(client, DEADLINE_MS, &mut error);
        report(status, error);
        kusto_client_free(client);
    }
}
