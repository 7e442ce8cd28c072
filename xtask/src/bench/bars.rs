//! The bars against the Python SDK, and whether they were met.

use super::client::{C, HYPER, PYTHON, RAW, RUST};
use super::row::Row;
use super::table::markdown;

/// A demand: theirs divided by ours (or ours by theirs, where more is better) is at least `times`.
struct Bar {
    about: &'static str,
    scenario: &'static str,
    value: fn(&Row) -> Option<f64>,
    more_is_better: bool,
    times: f64,
}

const BARS: [Bar; 8] = [
    Bar {
        about: "CPU of the 64 MB file, start-up included: at most 1/8",
        scenario: "file64",
        value: |row| row.cpu,
        more_is_better: false,
        times: 8.0,
    },
    Bar {
        about: "the same with the portable encoder: at most 1/4",
        scenario: "file64",
        value: |row| row.cpu,
        more_is_better: false,
        times: 4.0,
    },
    Bar {
        about: "peak memory over the base for the 64 MB stream: at most 1/5",
        scenario: "stream64",
        value: |row| row.over_base,
        more_is_better: false,
        times: 5.0,
    },
    Bar {
        about: "small items per second, 8 at a time: at least 10 x",
        scenario: "small-c8",
        value: |row| row.items_per_second,
        more_is_better: true,
        times: 10.0,
    },
    Bar {
        about: "CPU per small item, 8 at a time: at most 1/10",
        scenario: "small-c8",
        value: |row| row.cpu_per_item,
        more_is_better: false,
        times: 10.0,
    },
    Bar {
        about: "small items per second, streamed 8 at a time: at least 8 x",
        scenario: "streamed-c8",
        value: |row| row.items_per_second,
        more_is_better: true,
        times: 8.0,
    },
    Bar {
        about: "CPU per small item, streamed 8 at a time: at most 1/8",
        scenario: "streamed-c8",
        value: |row| row.cpu_per_item,
        more_is_better: false,
        times: 8.0,
    },
    Bar {
        about: "start-up, wall: at most 1/10",
        scenario: "init",
        value: |row| row.wall,
        more_is_better: false,
        times: 10.0,
    },
];

/// The bars as a table: how many times better each of our clients is.
pub(crate) fn table(rows: &[Row]) -> String {
    let cells: Vec<[String; 4]> = BARS
        .iter()
        .map(|bar| {
            [
                bar.about.to_owned(),
                format!("{:.0} x", bar.times),
                verdict(bar.reached(rows, C), bar.times),
                verdict(bar.reached(rows, RUST), bar.times),
            ]
        })
        .collect();
    markdown(["against the Python SDK", "bar", C, RUST], &cells)
}

/// CPU per small item: how many times that of `below` it may be.
struct Multiple {
    scenario: &'static str,
    of: &'static str,
    below: &'static str,
    /// `None` for what is only there to be compared.
    most: Option<f64>,
}

const MULTIPLES: [Multiple; 10] = [
    Multiple::new("small-c1", HYPER, RAW, None),
    Multiple::new("small-c8", HYPER, RAW, None),
    Multiple::new("small-c64", HYPER, RAW, None),
    Multiple::new("small-c1", C, RAW, None),
    Multiple::new("small-c8", C, RAW, Some(2.5)),
    Multiple::new("small-c64", C, RAW, Some(3.0)),
    Multiple::new("small-c8", RUST, RAW, Some(2.0)),
    Multiple::new("small-c64", RUST, RAW, Some(2.0)),
    Multiple::new("small-c8", C, RUST, Some(1.15)),
    Multiple::new("small-c64", C, RUST, Some(1.15)),
];

/// The bars of small items as multiples of what the requests alone cost, and of each other.
pub(crate) fn floor(rows: &[Row]) -> String {
    let cells: Vec<[String; 4]> = MULTIPLES
        .iter()
        .map(|bar| {
            let most = bar
                .most
                .map_or("-".to_owned(), |most| format!("at most {most:.2} x"));
            let about = format!("{} beside {}", bar.of, bar.below);
            let reached = at_most(bar.reached(rows), bar.most, " x");
            [bar.scenario.to_owned(), about, most, reached]
        })
        .collect();
    markdown(["CPU per item", "of", "bar", "reached"], &cells)
}

/// How many times the CPU of another scenario one may take.
struct Beside {
    about: &'static str,
    scenario: &'static str,
    other: &'static str,
    most: f64,
}

const BESIDE: [Beside; 2] = [
    Beside {
        about: "CPU of managed ingestion beside streaming: at most 1.10 x",
        scenario: "managed-c8",
        other: "streamed-c8",
        most: 1.1,
    },
    Beside {
        about: "CPU of managed ingestion beside queued, above the gate: at most 1.10 x",
        scenario: "managed64",
        other: "stream64",
        most: 1.1,
    },
];

/// The price of deciding between two ways.
pub(crate) fn modes(rows: &[Row]) -> String {
    let cells: Vec<[String; 3]> = BESIDE
        .iter()
        .map(|bar| {
            let of = |client: &str| {
                let cost = |scenario| sound(rows, scenario, client)?.cpu_per_item;
                let reached = cost(bar.scenario)
                    .zip(cost(bar.other))
                    .filter(|(_, other)| *other > 0.0)
                    .map(|(own, other)| own / other);
                at_most(reached, Some(bar.most), " x")
            };
            [bar.about.to_owned(), of(C), of(RUST)]
        })
        .collect();
    markdown(["beside another way", C, RUST], &cells)
}

/// A demand on each of our clients by itself: a figure is at most this.
struct Limit {
    about: &'static str,
    scenario: &'static str,
    value: fn(&Row) -> Option<f64>,
    most: f64,
    unit: &'static str,
}

const LIMITS: [Limit; 2] = [
    Limit {
        about: "start-up and end, CPU: at most 3 ms",
        scenario: "init",
        value: |row| row.cpu.map(|cpu| cpu * 1e3),
        most: 3.0,
        unit: " ms",
    },
    Limit {
        about: "99th percentile of a small item's time, 64 at a time: at most 4 x its median",
        scenario: "small-c64",
        value: |row| row.tail,
        most: 4.0,
        unit: " x",
    },
];

/// The bars that are not beside another program.
pub(crate) fn alone(rows: &[Row]) -> String {
    let cells: Vec<[String; 3]> = LIMITS
        .iter()
        .map(|limit| {
            let of = |client: &str| {
                let row = sound(rows, limit.scenario, client);
                at_most(row.and_then(limit.value), Some(limit.most), limit.unit)
            };
            [limit.about.to_owned(), of(C), of(RUST)]
        })
        .collect();
    markdown(["by itself", C, RUST], &cells)
}

/// A figure, and whether it is within its bar, if it has one.
fn at_most(reached: Option<f64>, most: Option<f64>, unit: &str) -> String {
    match (reached, most) {
        (None, _) => "not measured".to_owned(),
        (Some(figure), None) => format!("{figure:.2}{unit}"),
        (Some(figure), Some(most)) if figure <= most => format!("{figure:.2}{unit}, met"),
        (Some(figure), Some(_)) => format!("{figure:.2}{unit}, missed"),
    }
}

/// The row of a client whose runs went well.
fn sound<'a>(rows: &'a [Row], scenario: &str, client: &str) -> Option<&'a Row> {
    rows.iter()
        .find(|row| row.scenario == scenario && row.client == client && row.problems.is_empty())
}

impl Multiple {
    const fn new(
        scenario: &'static str,
        of: &'static str,
        below: &'static str,
        most: Option<f64>,
    ) -> Self {
        Self {
            scenario,
            of,
            below,
            most,
        }
    }

    fn reached(&self, rows: &[Row]) -> Option<f64> {
        let cost = |client: &str| sound(rows, self.scenario, client)?.cpu_per_item;
        let (ours, theirs) = (cost(self.of)?, cost(self.below)?);
        (theirs > 0.0).then(|| ours / theirs)
    }
}

impl Bar {
    /// How many times better the client is; infinity when its cost is too small to measure.
    fn reached(&self, rows: &[Row], client: &str) -> Option<f64> {
        let value = |client: &str| (self.value)(sound(rows, self.scenario, client)?);
        let (ours, theirs) = (value(client)?, value(PYTHON)?);
        Some(match self.more_is_better {
            true => ours / theirs,
            false => theirs / ours,
        })
    }
}

fn verdict(reached: Option<f64>, times: f64) -> String {
    match reached {
        None => "not measured".to_owned(),
        Some(reached) if reached.is_nan() => "not measured".to_owned(),
        Some(reached) if reached.is_infinite() => "too small to measure, met".to_owned(),
        Some(reached) if reached >= times => format!("{reached:.1} x, met"),
        Some(reached) => format!("{reached:.1} x, missed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managed_ingestion_stands_beside_the_way_that_it_takes() {
        let rows = [
            row("streamed-c8", C, 2.0),
            row("managed-c8", C, 2.1),
            row("stream64", RUST, 2.0),
            row("managed64", RUST, 3.0),
        ];
        let text = modes(&rows);
        for part in ["1.05 x, met", "1.50 x, missed", "not measured"] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    fn row(scenario: &'static str, client: &str, figure: f64) -> Row {
        Row {
            scenario,
            client: client.to_owned(),
            wall: Some(figure),
            cpu: Some(figure),
            over_base: Some(figure),
            items_per_second: Some(figure),
            cpu_per_item: Some(figure),
            ..Row::default()
        }
    }

    fn reached(bar: &Bar, ours: f64, theirs: f64) -> Option<f64> {
        let rows = [
            row(bar.scenario, C, ours),
            row(bar.scenario, PYTHON, theirs),
        ];
        bar.reached(&rows, C)
    }

    #[test]
    fn ratios_say_how_many_times_better_we_are() {
        assert_eq!(reached(&BARS[0], 0.5, 4.0), Some(8.0));
        assert_eq!(reached(&BARS[3], 1000.0, 250.0), Some(4.0));
        assert_eq!(reached(&BARS[2], 0.0, 70.0), Some(f64::INFINITY));
    }

    #[test]
    fn exactly_the_bar_is_met() {
        assert_eq!(verdict(Some(8.0), 8.0), "8.0 x, met");
        assert_eq!(verdict(Some(7.94), 8.0), "7.9 x, missed");
        assert_eq!(
            verdict(Some(f64::INFINITY), 8.0),
            "too small to measure, met"
        );
        assert_eq!(verdict(None, 8.0), "not measured");
        assert_eq!(verdict(Some(f64::NAN), 8.0), "not measured");
    }

    #[test]
    fn small_items_are_multiples_of_the_floor() {
        let rows = [row("small-c8", C, 0.5), row("small-c8", RAW, 0.2)];
        let of = |of, below| {
            let mut bars = MULTIPLES.iter().filter(|bar| bar.scenario == "small-c8");
            bars.find(|bar| bar.of == of && bar.below == below).unwrap()
        };
        assert_eq!(of(C, RAW).reached(&rows), Some(2.5));
        assert_eq!(of(C, RUST).reached(&rows), None);
        let text = floor(&rows);
        assert!(
            text.contains("2.50 x, met") && text.contains("not measured"),
            "{text}"
        );
        let over = [row("small-c8", C, 0.6), row("small-c8", RAW, 0.2)];
        assert!(floor(&over).contains("3.00 x, missed"));
    }

    #[test]
    fn a_limit_is_of_the_client_itself() {
        let mut rows = [row("init", C, 0.003), row("small-c64", RUST, 1.0)];
        rows[1].tail = Some(4.5);
        let text = alone(&rows);
        assert!(text.contains("3.00 ms, met"), "{text}");
        assert!(text.contains("4.50 x, missed"), "{text}");
        rows[0].problems.push("0 messages for 1 items".into());
        assert!(!alone(&rows).contains("met"));
    }

    #[test]
    fn without_a_peer_or_with_a_failed_check_nothing_is_claimed() {
        let mut rows = [row("file64", C, 1.0), row("file64", PYTHON, 9.0)];
        assert!(table(&rows).contains("9.0 x, met"));
        rows[0].problems.push("0 messages for 1 items".into());
        assert!(!table(&rows).contains("met"));
        assert!(!table(&rows[..1]).contains("met"));
    }
}
