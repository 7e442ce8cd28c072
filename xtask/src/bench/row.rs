//! The results of one client in one scenario.

use super::measure::{Usage, median};
use super::run::Run;
use super::scenario::Scenario;
use super::table::{count, figure, markdown};

/// Medians. `None` was not measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) scenario: &'static str,
    pub(crate) client: String,
    /// Seconds.
    pub(crate) wall: Option<f64>,
    /// Seconds, of the client's process only.
    pub(crate) cpu: Option<f64>,
    /// Megabytes (10^6) of resident memory at the peak.
    pub(crate) peak: Option<f64>,
    /// `peak` less that of `init`.
    pub(crate) over_base: Option<f64>,
    pub(crate) bytes_sent: Option<f64>,
    pub(crate) requests: Option<f64>,
    pub(crate) connections: Option<f64>,
    /// Without the time of `init`.
    pub(crate) items_per_second: Option<f64>,
    /// Milliseconds, without the CPU time of `init`.
    pub(crate) cpu_per_item: Option<f64>,
    /// How many times the median of its items' times their 99th percentile was.
    pub(crate) tail: Option<f64>,
    /// Seconds of the emulator.
    pub(crate) emulator_cpu: Option<f64>,
    /// Cores that others kept busy.
    pub(crate) other_load: Option<f64>,
    /// The failures, once for each kind.
    pub(crate) problems: Vec<String>,
}

impl Row {
    /// `base` is the same client's row of `init`, which has none itself.
    pub(crate) fn of(
        scenario: &Scenario,
        client: &str,
        runs: Vec<Result<Run, String>>,
        base: Option<&Row>,
    ) -> Row {
        let mut problems = Vec::new();
        let good: Vec<Run> = runs
            .into_iter()
            .filter_map(|run| run.map_err(|problem| problems.push(problem)).ok())
            .collect();
        problems.extend(good.iter().filter_map(|run| run.problem.clone()));
        problems.sort();
        problems.dedup();
        let of_runs = |value: &dyn Fn(&Run) -> Option<f64>| median(good.iter().filter_map(value));
        let row = Row {
            scenario: scenario.name,
            client: client.to_owned(),
            bytes_sent: of_runs(&|run| Some(run.traffic.bytes as f64)),
            requests: of_runs(&|run| Some(run.traffic.requests as f64)),
            connections: of_runs(&|run| Some(run.traffic.connections as f64)),
            emulator_cpu: of_runs(&|run| run.emulator_cpu),
            other_load: of_runs(&|run| run.other_load),
            tail: of_runs(&|run| run.usage.tail),
            problems,
            ..Row::of_usage(good.iter().map(|run| run.usage))
        };
        row.over(base, scenario.items)
    }

    /// For programs without a service.
    pub(crate) fn of_tool(scenario: &'static str, tool: &str, usages: &[Usage], size: u64) -> Row {
        Row {
            scenario,
            client: tool.to_owned(),
            bytes_sent: Some(size as f64),
            ..Row::of_usage(usages.iter().copied())
        }
    }

    fn of_usage(usages: impl Iterator<Item = Usage> + Clone) -> Row {
        let of_usages = |value: fn(Usage) -> f64| median(usages.clone().map(value));
        Row {
            wall: of_usages(|usage| usage.wall),
            cpu: of_usages(|usage| usage.cpu),
            peak: of_usages(|usage| usage.peak as f64 / 1e6),
            ..Row::default()
        }
    }

    fn over(mut self, base: Option<&Row>, items: u64) -> Row {
        let more = |of: fn(&Row) -> Option<f64>| Some((of(&self)? - of(base?)?).max(0.0));
        let (wall, cpu, peak) = (
            more(|row| row.wall),
            more(|row| row.cpu),
            more(|row| row.peak),
        );
        let items = items as f64;
        self.over_base = peak;
        self.items_per_second = wall.filter(|wall| *wall > 0.0).map(|wall| items / wall);
        self.cpu_per_item = cpu.map(|cpu| cpu * 1e3 / items);
        self
    }

    fn cells(&self) -> [String; 14] {
        let check = match (self.problems.is_empty(), self.requests) {
            (false, _) => "failed, see below",
            (true, None) => "-",
            (true, Some(_)) => "ok",
        };
        [
            self.scenario.to_owned(),
            self.client.clone(),
            figure(self.wall, 3),
            figure(self.cpu, 3),
            figure(self.peak, 1),
            figure(self.over_base, 1),
            count(self.bytes_sent),
            count(self.requests),
            count(self.connections),
            figure(self.items_per_second, 1),
            figure(self.cpu_per_item, 2),
            figure(self.emulator_cpu, 2),
            figure(self.other_load, 1),
            check.to_owned(),
        ]
    }
}

/// The table of all rows, and below it the failures.
pub(crate) fn table(rows: &[Row]) -> String {
    let head = [
        "scenario",
        "client",
        "wall s",
        "CPU s",
        "peak MB",
        "over base MB",
        "bytes sent",
        "requests",
        "connections",
        "items/s",
        "CPU ms/item",
        "storage CPU s",
        "other load",
        "check",
    ];
    let cells: Vec<[String; 14]> = rows.iter().map(Row::cells).collect();
    let mut text = markdown(head, &cells);
    for row in rows {
        for problem in &row.problems {
            text += &format!("\n- {}, {}: {problem}", row.scenario, row.client);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bench::scenario::{ALL, INIT};
    use crate::bench::traffic::Traffic;

    fn run(wall: f64, cpu: f64, problem: Option<&str>) -> Result<Run, String> {
        let counters = json!({
            "connections": 2, "requests": 2000, "bytesReceived": 5_000_000,
            "services": {
                "blob": { "requests": 1000 }, "queue": { "requests": 1000 }, "ingest": { "requests": 0 },
            },
        });
        Ok(Run {
            usage: Usage {
                wall,
                cpu,
                peak: 20_000_000,
                tail: None,
            },
            traffic: Traffic::parse(&counters).unwrap(),
            emulator_cpu: Some(0.5),
            other_load: None,
            problem: problem.map(str::to_owned),
        })
    }

    #[test]
    fn start_up_is_taken_out_of_the_figures_of_items() {
        let base = Row {
            wall: Some(0.5),
            cpu: Some(0.25),
            peak: Some(15.0),
            ..Row::default()
        };
        let runs = vec![
            run(9.0, 9.0, None),
            run(2.5, 1.25, None),
            run(1.0, 0.5, None),
        ];
        let row = Row::of(&ALL[4], "x", runs, Some(&base));
        assert_eq!(row.items_per_second, Some(500.0));
        assert_eq!(row.cpu_per_item, Some(1.0));
        assert_eq!(row.over_base, Some(5.0));
        assert_eq!((row.wall, row.cpu), (Some(2.5), Some(1.25)));
        let cells = row.cells();
        assert_eq!(cells[2..5], ["2.500", "1.250", "20.0"]);
        assert_eq!(cells[6..9], ["5000000", "2000", "2"]);
        assert_eq!(cells[12..], ["-", "ok"]);
    }

    #[test]
    fn the_base_itself_has_no_items() {
        let row = Row::of(&INIT, "x", vec![run(0.5, 0.25, None)], None);
        assert_eq!(
            (row.wall, row.items_per_second, row.cpu_per_item),
            (Some(0.5), None, None)
        );
    }

    #[test]
    fn failed_runs_are_left_out_and_told_once() {
        let broken = || Err("connection refused".to_owned());
        let runs = vec![
            broken(),
            run(2.0, 1.0, Some("999 messages for 1000 items")),
            broken(),
        ];
        let row = Row::of(&ALL[4], "x", runs, None);
        assert_eq!(row.wall, Some(2.0));
        assert_eq!(
            row.problems,
            ["999 messages for 1000 items", "connection refused"]
        );
        let text = table(&[row]);
        assert!(
            text.contains("failed, see below") && text.contains("small-c8, x: 999 messages"),
            "{text}"
        );
        let nothing = Row::of(&ALL[4], "x", vec![broken()], None);
        assert_eq!(nothing.cells()[2], "-");
    }
}
