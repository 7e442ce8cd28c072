//! `cargo xtask bench memory`: the peak of resident memory, for sources of any size.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::client::Client;
use super::measure::Meter;
use super::report;
use super::run::Run;
use super::scenario::{Action, INIT, Mode, Scenario};
use super::table::{figure, markdown};
use crate::{samples, workspace};

/// Of the text that is written again and again.
const PIECE: usize = 64 << 20;
/// The client's default, which the runs have.
const BUDGET: f64 = (64 << 20) as f64;
/// How much a process may hold beyond it.
const ALLOWANCE: f64 = 30e6;

/// The measurements: bytes of the file, and the use of it.
const CASES: [(u64, Scenario); 6] = [
    (1, of("file1g", "1 GB file", Action::File, 1, 1)),
    (5, of("file5g", "5 GB file", Action::File, 1, 1)),
    (
        1,
        of("stream1g", "1 GB from a reader", Action::Stream, 1, 1),
    ),
    (
        5,
        of("stream5g", "5 GB from a reader", Action::Stream, 1, 1),
    ),
    (
        1,
        of("file8x1g", "8 files of 1 GB at once", Action::File, 8, 8),
    ),
    (
        1,
        of(
            "stream8x1g",
            "8 readers of 1 GB at once",
            Action::Stream,
            8,
            8,
        ),
    ),
];

const fn of(
    name: &'static str,
    about: &'static str,
    action: Action,
    items: u64,
    concurrency: u32,
) -> Scenario {
    Scenario {
        name,
        about,
        action,
        items,
        concurrency,
        mode: Mode::Queued,
    }
}

pub(crate) fn command(arguments: &[String]) -> Result<(), String> {
    if !arguments.is_empty() {
        return Err("bench memory takes no arguments".into());
    }
    let clients = Client::own(&[])?;
    let meter = Meter::build()?;
    let one = logs(1)?;
    let five = logs(5)?;
    let mut rows = Vec::new();
    for client in &clients {
        let base = Run::of(client, &INIT, &one, &meter)?;
        rows.push(cells("client, nothing sent", client, &base));
    }
    for (gigabytes, scenario) in &CASES {
        println!("{}", scenario.about);
        let file = if *gigabytes == 1 { &one } else { &five };
        for client in &clients {
            let run = Run::of(client, scenario, file, &meter)?;
            rows.push(cells(scenario.about, client, &run));
        }
    }
    publish(&rows)
}

/// JSON logs of this many GB (10^9 bytes).
fn logs(gigabytes: u64) -> Result<PathBuf, String> {
    let path = workspace::scratch("bench")?.join(format!("logs-{gigabytes}g.json"));
    write_logs(&path, gigabytes * 1_000_000_000)
        .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(path)
}

fn write_logs(path: &Path, mut size: u64) -> std::io::Result<()> {
    let piece = samples::logs(PIECE);
    let mut file = File::create(path)?;
    while size > 0 {
        let length = piece.len().min(usize::try_from(size).unwrap_or(usize::MAX));
        file.write_all(&piece[..length])?;
        size -= length as u64;
    }
    Ok(())
}

fn cells(about: &str, client: &Client, run: &Run) -> [String; 7] {
    let peak = run.usage.peak as f64;
    let within = match &run.problem {
        Some(problem) => problem.clone(),
        None if peak <= BUDGET + ALLOWANCE => "yes".to_owned(),
        None => "no".to_owned(),
    };
    [
        about.to_owned(),
        client.name.to_owned(),
        figure(Some(peak / 1e6), 1),
        within,
        figure(Some(run.usage.wall), 1),
        figure(Some(run.usage.cpu), 1),
        figure(Some(run.traffic.bytes as f64 / 1e6), 0),
    ]
}

fn publish(rows: &[[String; 7]]) -> Result<(), String> {
    let head = [
        "source", "client", "peak MB", "within", "wall s", "CPU s", "sent MB",
    ];
    let text = format!(
        "# Memory\n\n{}\nPeak of the resident memory of the client's process; one run each. The limit is \
         the memory budget, 64 MiB by default, and {} MB for everything else: {:.1} MB. JSON logs with \
         ids that never repeat; MB is 10^6 bytes. A reader can be read only once, so what it gave is \
         kept for a failover as long as the budget lasts.\n\n{}",
        report::heading("cargo xtask bench memory"),
        ALLOWANCE / 1e6,
        (BUDGET + ALLOWANCE) / 1e6,
        markdown(head, rows),
    );
    println!("\n{text}");
    workspace::write(&workspace::root().join("benches/MEMORY.md"), &text)?;
    println!("Written to benches/MEMORY.md.");
    Ok(())
}
