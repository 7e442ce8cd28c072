//! `cargo xtask bench gzip`: CPU time, ratio and wall time of compression alone.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::measure::{self, Meter, Usage, median};
use super::table::{figure, markdown};
use super::{machine, report};
use crate::{artifacts, isal, process, samples, workspace};

/// Of each kind of data.
const SIZE: usize = 64 << 20;
/// How often one process compresses it: enough that its start does not count.
const TIMES: u32 = 4;
const RUNS: usize = 3;

pub(crate) fn command(arguments: &[String]) -> Result<(), String> {
    if !arguments.is_empty() {
        return Err("bench gzip takes no arguments".into());
    }
    let meter = Meter::build()?;
    let programs = [build("all", isal::features())?, build("portable", &[])?];
    let contenders = contenders(&programs)?;
    let mut rows = Vec::new();
    for (kind, sample) in samples::KINDS {
        println!("{kind}");
        let data = workspace::scratch("bench")?.join(format!("{kind}.data"));
        std::fs::write(&data, sample(SIZE))
            .map_err(|error| format!("cannot write {}: {error}", data.display()))?;
        for contender in &contenders {
            let of =
                |level: &str, threads| Cost::of(&meter, &contender.program, &data, level, threads);
            let base = of("none", 1)?;
            let costs = [1, 2].map(|threads| of(&contender.level, threads));
            rows.push(cells(kind, contender, costs, &base));
        }
    }
    publish(&rows)
}

/// A level of one of the builds.
struct Contender {
    program: PathBuf,
    level: String,
    encoder: String,
}

/// Each encoder once.
fn contenders(programs: &[PathBuf]) -> Result<Vec<Contender>, String> {
    let mut found: Vec<Contender> = Vec::new();
    for program in programs {
        let levels = process::capture(Command::new(program).arg("levels"))?;
        for (level, encoder) in levels.lines().filter_map(|line| line.split_once(' ')) {
            if found.iter().all(|known| known.encoder != encoder) {
                found.push(Contender {
                    program: program.clone(),
                    level: level.to_owned(),
                    encoder: encoder.to_owned(),
                });
            }
        }
    }
    Ok(found)
}

/// With access to private parts of the library; a copy for each choice of features.
fn build(name: &str, features: &[&str]) -> Result<PathBuf, String> {
    let more = [
        "--package",
        "kusto-ingest-bench",
        "--features",
        "kusto-ingest-bench/rooms",
        "--bin",
        "bench_gzip",
    ];
    process::run(process::cargo(artifacts::RELEASE).args(more).args(features))?;
    let built = workspace::target().join("release/bench_gzip");
    let kept = workspace::scratch("bench")?.join(format!("bench_gzip-{name}"));
    std::fs::copy(&built, &kept)
        .map_err(|error| format!("cannot copy {}: {error}", built.display()))?;
    Ok(kept)
}

/// The cost of one process that compresses the data [`TIMES`] times.
struct Cost {
    wall: f64,
    cpu: f64,
    /// Bytes of one result.
    size: u64,
}

impl Cost {
    fn of(
        meter: &Meter,
        program: &Path,
        data: &Path,
        level: &str,
        threads: u32,
    ) -> Result<Cost, String> {
        let threads = threads.to_string();
        let once = [level, &threads, "1"];
        let said = process::capture(Command::new(program).arg(data).args(once))?;
        let times = [level, &threads, &TIMES.to_string()];
        let usages = (0..RUNS)
            .map(|_| {
                let mut command = meter.command(program);
                measure::run(command.arg(data).args(times).stdout(Stdio::null()))
            })
            .collect::<Result<Vec<Usage>, String>>()?;
        let of_usages = |value: fn(&Usage) -> f64| median(usages.iter().map(value)).unwrap_or(0.0);
        Ok(Cost {
            wall: of_usages(|usage| usage.wall),
            cpu: of_usages(|usage| usage.cpu),
            size: said
                .trim()
                .parse()
                .map_err(|_| format!("no size in {said:?}"))?,
        })
    }

    /// Seconds per GB (10^9 bytes) of data, without the fixed cost of the process.
    fn per_gb(&self, base: &Cost, value: fn(&Cost) -> f64) -> f64 {
        (value(self) - value(base)) / f64::from(TIMES) / (SIZE as f64 / 1e9)
    }
}

/// One row. What failed shows as `-`.
fn cells(
    kind: &str,
    contender: &Contender,
    costs: [Result<Cost, String>; 2],
    base: &Cost,
) -> [String; 8] {
    let Contender { level, encoder, .. } = contender;
    let [one, two] = costs.map(|cost| {
        cost.map_err(|reason| println!("SKIP {kind} {level}: {reason}"))
            .ok()
    });
    let per_gb =
        |cost: &Option<Cost>, value| figure(cost.as_ref().map(|cost| cost.per_gb(base, value)), 2);
    let size = one.as_ref().or(two.as_ref()).map(|cost| cost.size as f64);
    [
        kind.to_owned(),
        level.clone(),
        encoder.clone(),
        figure(size.map(|size| SIZE as f64 / size), 2),
        per_gb(&one, |cost| cost.cpu),
        per_gb(&one, |cost| cost.wall),
        per_gb(&two, |cost| cost.cpu),
        per_gb(&two, |cost| cost.wall),
    ]
}

fn publish(rows: &[[String; 8]]) -> Result<(), String> {
    let head = [
        "data",
        "level",
        "encoder",
        "ratio",
        "CPU s/GB, 1 thread",
        "wall s/GB",
        "CPU s/GB, 2 threads",
        "wall s/GB",
    ];
    let text = format!(
        "# Compression\n\n{}- Compiler: {}\n\n{} MiB of each kind of data, from memory to blocks, \
         {TIMES} times in one process; medians of {RUNS}, without what the process costs anyway. GB is \
         10^9 bytes before compression. Kinds: `storm` is CSV with repeating text, `logs` JSON lines \
         with ids that never repeat, `random` cannot be compressed.\n\n{}",
        report::heading("cargo xtask bench gzip"),
        machine::output(Command::new("rustc").arg("--version")),
        SIZE >> 20,
        markdown(head, rows),
    );
    println!("\n{text}");
    workspace::write(&workspace::root().join("benches/GZIP.md"), &text)?;
    println!("Written to benches/GZIP.md.");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_itself_is_taken_out_and_what_cannot_be_done_is_a_dash() {
        let data = SIZE as f64 / 1e9 * f64::from(TIMES);
        let base = Cost {
            wall: 0.5,
            cpu: 0.25,
            size: SIZE as u64,
        };
        let one = Cost {
            wall: 0.5 + 8.0 * data,
            cpu: 0.25 + 7.0 * data,
            size: SIZE as u64 / 4,
        };
        let contender = Contender {
            program: PathBuf::new(),
            level: "balanced".into(),
            encoder: "zlib-rs 3".into(),
        };
        let costs = [Ok(one), Err("it failed".into())];
        let row = cells("storm", &contender, costs, &base);
        assert_eq!(
            row,
            [
                "storm",
                "balanced",
                "zlib-rs 3",
                "4.00",
                "7.00",
                "8.00",
                "-",
                "-"
            ]
        );
    }
}
