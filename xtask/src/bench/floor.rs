//! The cost of compressing the file alone, with common tools.

use std::fs::File;
use std::process::Stdio;

use super::client::Data;
use super::measure::{self, Meter, Usage};
use super::row::Row;
use super::scenario::FLOOR;
use crate::{process, workspace};

const TOOLS: [(&str, &[&str]); 3] = [
    ("gzip", &["-1"]),
    ("gzip", &["-6"]),
    ("pigz", &["-6", "-p2"]),
];

/// The rows, and the reasons for those that are missing.
pub(crate) fn rows(data: &Data, meter: &Meter, runs: usize) -> (Vec<Row>, Vec<String>) {
    let (mut rows, mut missing) = (Vec::new(), Vec::new());
    for (tool, flags) in TOOLS {
        let name = format!("{tool} {}", flags.join(" "));
        match row(&name, tool, flags, data, meter, runs) {
            Ok(row) => rows.push(row),
            Err(reason) => missing.push(format!("{name}: {reason}")),
        }
    }
    (rows, missing)
}

fn row(
    name: &str,
    tool: &str,
    flags: &[&str],
    data: &Data,
    meter: &Meter,
    runs: usize,
) -> Result<Row, String> {
    if !process::found(tool) {
        return Err(format!("{tool} is not installed"));
    }
    let output = workspace::scratch("bench")?.join("floor.gz");
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", output.display());
    let mut usages: Vec<Usage> = Vec::new();
    for _ in 0..runs {
        let file = File::create(&output).map_err(failed)?;
        let mut command = meter.command(tool);
        command.args(flags).arg("-c").arg(&data.storm);
        usages.push(measure::run(command.stdout(Stdio::from(file)))?);
    }
    let size = std::fs::metadata(&output).map_err(failed)?.len();
    Ok(Row::of_tool(FLOOR, name, &usages, size))
}
