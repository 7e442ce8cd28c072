//! `cargo xtask bench`: our clients beside the official Python SDK, end to end, or beside each other.
//!
//! Nothing here fails because something is slow: a missed bar is a row, a missing peer a reason.

mod bars;
mod bindings;
mod client;
mod cost;
mod floor;
mod gzip;
mod machine;
mod measure;
mod memory;
mod options;
mod report;
mod row;
mod run;
mod scenario;
mod table;
mod traffic;

use client::{Client, Data};
use measure::Meter;
use options::Options;
use report::Report;
use row::Row;
use run::Run;
use scenario::Scenario;

/// `cargo xtask bench [--runs N] [--only SCENARIO]... [--set NAME=VALUE]...`, `bench bindings`,
/// `bench gzip`, or `bench memory`.
pub(crate) fn command(arguments: &[String]) -> Result<(), String> {
    match arguments.split_first() {
        Some((first, rest)) if first == "bindings" => return bindings::command(rest),
        Some((first, rest)) if first == "gzip" => return gzip::command(rest),
        Some((first, rest)) if first == "memory" => return memory::command(rest),
        _ => {}
    }
    let options = Options::parse(arguments)?;
    let (clients, mut missing) = Client::all(&options.settings)?;
    let bed = Bed {
        clients,
        data: Data::write()?,
        meter: Meter::build()?,
        runs: options.runs,
    };
    let mut rows = bed.bases();
    let wanted = |scenario: &&Scenario| options.wants(scenario.name);
    for scenario in scenario::ALL.iter().filter(wanted) {
        let more = bed.rows(scenario, &rows);
        rows.extend(more);
    }
    if options.wants(scenario::FLOOR) {
        let (more, reasons) = floor::rows(&bed.data, &bed.meter, options.runs);
        rows.extend(more);
        missing.extend(reasons);
    }
    let report = Report {
        command: report::spelled(arguments),
        versions: bed.versions(),
        missing,
        rows,
    };
    report.publish(options.only.is_empty())
}

/// Shared by all measurements.
struct Bed {
    clients: Vec<Client>,
    data: Data,
    meter: Meter,
    runs: usize,
}

impl Bed {
    fn versions(&self) -> Vec<(&'static str, String)> {
        let version = |client: &Client| (client.name, client.program.version.clone());
        self.clients.iter().map(version).collect()
    }

    /// The rows of `init`, the base of other figures. One round before them is not counted: it
    /// brings programs and libraries into the page cache.
    fn bases(&self) -> Vec<Row> {
        for client in &self.clients {
            // If this fails, so will the measured runs, which report it.
            let file = self.data.file(scenario::INIT.action);
            let _ = Run::of(client, &scenario::INIT, file, &self.meter);
        }
        self.rows(&scenario::INIT, &[])
    }

    /// Runs the clients in turn, so that a temporary disturbance of the machine affects all.
    fn rows(&self, scenario: &Scenario, bases: &[Row]) -> Vec<Row> {
        println!("{}: {}", scenario.name, scenario.about);
        let takes_part = |client: &&Client| client.does(scenario);
        let clients: Vec<&Client> = self.clients.iter().filter(takes_part).collect();
        let mut runs: Vec<Vec<Result<Run, String>>> = Vec::new();
        runs.resize_with(clients.len(), Vec::new);
        for _ in 0..self.runs {
            for (client, runs) in clients.iter().zip(&mut runs) {
                let file = self.data.file(scenario.action);
                runs.push(Run::of(client, scenario, file, &self.meter));
            }
        }
        let row = |(client, runs): (&Client, Vec<Result<Run, String>>)| {
            let is_base =
                |row: &&Row| row.scenario == scenario::INIT.name && row.client == client.name;
            Row::of(scenario, client.name, runs, bases.iter().find(is_base))
        };
        clients.into_iter().zip(runs).map(row).collect()
    }
}
