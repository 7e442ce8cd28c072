//! A service that is killed and started again, between two ingestions of one client.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use kusto_emulator::{Emulator, Options};
use kusto_ingest::prelude::*;

use crate::bed::{DATABASE, props, quick, soon};

/// The ports of the engine and of storage, for the process that plays the service.
const PORTS: &str = "KUSTO_TEST_RESTART_PORTS";
const READY: &str = "the service listens";

/// A service in a process of its own.
struct Service(Child);

impl Service {
    /// Starts one, this test's own program, and waits until it listens.
    fn start(ports: (u16, u16)) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "restart::the_service_in_its_own_process",
                "--exact",
                "--nocapture",
            ])
            .env(PORTS, format!("{},{}", ports.0, ports.1))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains(READY)));
        // Its later lines are read and forgotten: a full pipe would hold it.
        std::thread::spawn(move || lines.count());
        Self(child)
    }

    /// Ends it without notice.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Nothing in the process of the tests; the service in the one that [`Service::start`] starts.
#[tokio::test]
async fn the_service_in_its_own_process() {
    let Ok(ports) = std::env::var(PORTS) else {
        return;
    };
    let (engine, storage) = ports.split_once(',').unwrap();
    let options = Options {
        port: engine.parse().unwrap(),
        storage_port: storage.parse().unwrap(),
        ..quick()
    };
    let _emulator = Emulator::start(options).await.unwrap();
    println!("{READY}");
    std::future::pending().await
}

/// Ports that nobody uses: one for the engine, and the first of a row for the accounts of storage.
/// Below those that the system gives to connections.
fn free_ports() -> (u16, u16) {
    const ROW: u16 = 24;
    let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let rows = (10_000..30_000).step_by(usize::from(ROW));
    // Tests that run at once in other processes begin elsewhere.
    let begin = std::process::id() as usize % rows.len();
    let mut rows = rows.clone().skip(begin).chain(rows);
    let first = rows
        .find(|first| (*first..first + ROW).all(is_free))
        .unwrap();
    (first, first + 1)
}

async fn rows(client: &Client) -> String {
    let none = RequestProperties::new();
    let counted = client.query(DATABASE, "T | count", &none, soon()).await;
    let counted = counted.unwrap();
    format!("{:?}", counted.primary().unwrap().rows[0][0])
}

#[tokio::test]
async fn an_ingestion_after_a_restart_of_the_service_loses_no_row() {
    let ports = free_ports();
    let service = Service::start(ports);
    let url = format!("http://127.0.0.1:{}", ports.0);
    let builder = Client::builder(&url).unwrap().ingestion_endpoint(&url);
    let client = builder.unwrap().retry_time(60).unwrap().build().unwrap();
    let props = props().with_report_method(ReportMethod::Table);
    let (none, create) = (
        RequestProperties::new(),
        ".create table T (a:long, b:string)",
    );
    let ingest_and_wait = async |rows: &'static str| {
        client
            .management(DATABASE, create, &none, soon())
            .await
            .unwrap();
        let receipt = client
            .ingest(Source::bytes(rows), &props, soon())
            .await
            .unwrap();
        let poll = std::time::Duration::from_millis(20);
        let waiting = client.track_until_final(receipt.tracking_token(), poll, soon());
        assert_eq!(waiting.await.unwrap().count(ItemState::Succeeded), 1);
    };
    ingest_and_wait("1,a\n2,b\n").await;
    assert_eq!(rows(&client).await, "Long(2)");

    service.kill();
    // It begins while nobody listens: its data is refused until the service is back.
    let meanwhile = client.start_ingest(Source::bytes("3,c\n"), &props, soon());
    let _service = Service::start(ports);
    // What the service had in memory is gone with it; what it is given from now on is not. The table
    // may be missing at first, which the status says.
    ingest_and_wait("4,d\n5,e\n6,f\n").await;
    let receipt = meanwhile.wait().await.unwrap();
    let poll = std::time::Duration::from_millis(20);
    let waiting = client.track_until_final(receipt.tracking_token(), poll, soon());
    let expected = match waiting.await.unwrap().items()[0].state {
        ItemState::Succeeded => "Long(4)",
        _ => "Long(3)",
    };
    assert_eq!(rows(&client).await, expected);
}
