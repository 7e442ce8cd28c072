//! The machine and its other load. Without /proc little is known.

use std::process::Command;

use crate::process;

/// Of `/proc`'s processor times, on every Linux that Rust supports.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor, cores, memory and kernel, for the head of a report.
pub(crate) fn description() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processor =
        field("/proc/cpuinfo", "model name").unwrap_or_else(|| "processor unknown".into());
    let memory = field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.trim_end_matches(" kB").parse::<u64>().ok())
        .map_or_else(String::new, |kib| format!(", {} GB", kib / 1_000_000));
    let kernel = output(Command::new("uname").arg("-sr"));
    format!("{processor}, {cores} cores{memory}, {kernel}")
}

/// The day, in UTC.
pub(crate) fn date() -> String {
    output(Command::new("date").args(["-u", "+%Y-%m-%d"]))
}

/// First line of what the program prints, or `unknown`.
pub(crate) fn output(command: &mut Command) -> String {
    let text = process::capture(command).unwrap_or_default();
    let line = text.lines().next().unwrap_or_default().trim();
    if line.is_empty() {
        "unknown".into()
    } else {
        line.into()
    }
}

/// CPU seconds that all processes have used since the machine started.
pub(crate) fn busy() -> Option<f64> {
    parse_busy(&std::fs::read_to_string("/proc/stat").ok()?)
}

/// CPU seconds that a running process has used.
pub(crate) fn process_cpu(id: u32) -> Option<f64> {
    parse_process(&std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// user, nice, system, (idle, iowait,) irq, softirq: proc(5).
fn parse_busy(text: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with("cpu "))?;
    let ticks: Vec<f64> = line
        .split_whitespace()
        .skip(1)
        .map_while(|word| word.parse().ok())
        .collect();
    let busy = [0, 1, 2, 5, 6].iter().map(|at| ticks.get(*at));
    Some(busy.sum::<Option<f64>>()? / TICKS_PER_SECOND)
}

/// Fields 14 and 15; counted from behind the name, which may hold blanks and brackets.
fn parse_process(text: &str) -> Option<f64> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_times_are_read() {
        let stat = "cpu  100 20 30 9000 50 4 6 0 0 0\ncpu0 1 1 1 1 1 1 1 0 0 0\n";
        assert_eq!(parse_busy(stat), Some(1.6));
        assert_eq!(parse_busy("cpu  1 2\n"), None);
        let process = "12 (a (b) c) S 1 12 12 0 -1 4194560 5 0 0 0 150 50 0 0 20 0 1 0 7 0 0";
        assert_eq!(parse_process(process), Some(2.0));
        assert_eq!(parse_process(""), None);
    }
}
