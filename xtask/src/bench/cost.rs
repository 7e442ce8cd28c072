//! The cost of a language relative to C, and whether it meets the bar.

use super::client::C;
use super::row::Row;
use super::scenario::INIT;
use super::table::{figure, markdown};

/// The maximum CPU time of a language for an item, as a multiple of C's, without start-up.
const BARS: [(&str, f64); 3] = [("stream64", 1.15), ("stream64x8", 1.15), ("small-c8", 2.0)];

/// One line for each client and scenario.
pub(crate) fn table(rows: &[Row]) -> String {
    let head = [
        "scenario",
        "client",
        "CPU ms/item",
        "x C",
        "bar",
        "with start-up: CPU s",
        "x C",
        "wall x C",
        "over base MB",
    ];
    let of_work = rows.iter().filter(|row| row.scenario != INIT.name);
    let cells: Vec<[String; 9]> = of_work.map(|row| cells(row, rows)).collect();
    markdown(head, &cells)
}

fn cells(row: &Row, rows: &[Row]) -> [String; 9] {
    let is_c = |c: &&Row| c.scenario == row.scenario && c.client == C && c.problems.is_empty();
    let c = rows.iter().find(is_c).filter(|_| row.problems.is_empty());
    let times = |value: fn(&Row) -> Option<f64>| ratio(value(row), c.and_then(value));
    let work = times(|row| row.cpu_per_item);
    // More items in a second are less time.
    let wall = times(|row| row.items_per_second.map(f64::recip));
    [
        row.scenario.to_owned(),
        row.client.clone(),
        figure(row.cpu_per_item, 3),
        figure(work, 2),
        if row.client == C {
            "-".to_owned()
        } else {
            verdict(row.scenario, work)
        },
        figure(row.cpu, 3),
        figure(times(|row| row.cpu), 2),
        figure(wall, 2),
        figure(row.over_base, 1),
    ]
}

/// `None` for a value that was not measured, or was too small to be measured in C.
fn ratio(theirs: Option<f64>, c: Option<f64>) -> Option<f64> {
    Some(theirs? / c.filter(|c| *c > 0.0)?)
}

fn verdict(scenario: &str, times: Option<f64>) -> String {
    let bar = BARS.iter().find(|(name, _)| *name == scenario);
    match (times, bar) {
        (_, None) => "-".to_owned(),
        (None, _) => "not measured".to_owned(),
        (Some(times), Some((_, bar))) if times <= *bar => format!("{bar:.2}, met"),
        (_, Some((_, bar))) => format!("**{bar:.2}, missed**"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::scenario::BINDINGS;

    fn row(client: &str, cpu: f64, per_item: f64, items_per_second: f64) -> Row {
        Row {
            scenario: "small-c8",
            client: client.to_owned(),
            cpu: Some(cpu),
            cpu_per_item: Some(per_item),
            items_per_second: Some(items_per_second),
            over_base: Some(4.0),
            ..Row::default()
        }
    }

    #[test]
    fn a_language_is_a_multiple_of_c_with_and_without_its_start_up() {
        let rows = [row(C, 0.5, 0.25, 2000.0), row("Go", 0.75, 0.5, 1000.0)];
        let go = cells(&rows[1], &rows);
        let expected = [
            "small-c8",
            "Go",
            "0.500",
            "2.00",
            "2.00, met",
            "0.750",
            "1.50",
            "2.00",
            "4.0",
        ];
        assert_eq!(go, expected);
        assert_eq!(cells(&rows[0], &rows)[3..5], ["1.00", "-"]);
    }

    #[test]
    fn a_missed_bar_is_marked() {
        assert_eq!(verdict("small-c8", Some(2.01)), "**2.00, missed**");
        assert_eq!(verdict("stream64", Some(1.15)), "1.15, met");
        assert_eq!(verdict("stream64", Some(1.16)), "**1.15, missed**");
        for scenario in &BINDINGS {
            assert_eq!(verdict(scenario.name, None), "not measured");
        }
    }

    #[test]
    fn nothing_is_claimed_of_runs_that_went_wrong_or_without_c() {
        let mut rows = [row(C, 0.5, 0.25, 2000.0), row("Go", 0.75, 0.5, 1000.0)];
        assert_eq!(cells(&rows[1], &rows[1..])[3..5], ["-", "not measured"]);
        for wrong in [0, 1] {
            rows[wrong]
                .problems
                .push("999 messages for 1000 items".into());
            assert_eq!(cells(&rows[1], &rows)[3..5], ["-", "not measured"]);
            rows[wrong].problems.clear();
        }
        assert_eq!(ratio(Some(1.0), Some(0.0)), None);
    }

    #[test]
    fn the_base_has_no_line() {
        let base = Row {
            scenario: INIT.name,
            client: C.to_owned(),
            ..Row::default()
        };
        assert_eq!(table(&[base]).lines().count(), 2);
    }
}
