//! One run of a client against a separate emulator.

use std::path::Path;

use super::client::Client;
use super::machine;
use super::measure::{self, Meter, Usage};
use super::scenario::{Action, Scenario};
use super::traffic::Traffic;
use crate::emulator::Emulator;

/// The cost of one run, and the requests that storage counted.
pub(crate) struct Run {
    pub(crate) usage: Usage,
    pub(crate) traffic: Traffic,
    /// CPU seconds of the emulator meanwhile.
    pub(crate) emulator_cpu: Option<f64>,
    /// Cores that others kept busy meanwhile; `None` for runs too short to tell.
    pub(crate) other_load: Option<f64>,
    /// The fault of the data that storage received.
    pub(crate) problem: Option<String>,
}

/// Too short for processor times that count in hundredths.
const SHORT: f64 = 0.1;

impl Run {
    pub(crate) fn of(
        client: &Client,
        scenario: &Scenario,
        file: &Path,
        meter: &Meter,
    ) -> Result<Run, String> {
        // A new one each time: data of earlier runs in its memory must not slow this one down.
        let emulator = match scenario.is_streamed() {
            true => streaming()?,
            false => Emulator::start_without_ingestion()?,
        };
        let mut command = client.command(scenario, file, &emulator, meter)?;
        let emulator_before = machine::process_cpu(emulator.process_id());
        let busy_before = machine::busy();
        let usage = measure::run(&mut command)?;
        let busy = difference(busy_before, machine::busy());
        let emulator_cpu = difference(emulator_before, machine::process_cpu(emulator.process_id()));
        let traffic = Traffic::parse(&emulator.control("traffic")?)?;
        emulator.stop()?;
        Ok(Run {
            usage,
            traffic,
            emulator_cpu,
            other_load: other_load(usage, busy, emulator_cpu),
            problem: match scenario.action {
                // The clients count the rows themselves.
                Action::Query => None,
                _ => traffic.check(scenario).err(),
            },
        })
    }
}

/// One whose table `Bench` takes streaming ingestion.
fn streaming() -> Result<Emulator, String> {
    let emulator = Emulator::start_to_stream()?;
    emulator.command(".create table Bench (Entries:dynamic, Padding:string)")?;
    emulator.tell_control("DELETE", "traffic", "")?;
    Ok(emulator)
}

fn difference(before: Option<f64>, after: Option<f64>) -> Option<f64> {
    Some(after? - before?)
}

fn other_load(usage: Usage, busy: Option<f64>, emulator: Option<f64>) -> Option<f64> {
    let others = busy? - usage.cpu - emulator?;
    (usage.wall >= SHORT).then(|| (others / usage.wall).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_who_is_neither_client_nor_storage() {
        let usage = |wall| Usage {
            wall,
            cpu: 1.0,
            peak: 0,
            tail: None,
        };
        assert_eq!(other_load(usage(2.0), Some(3.0), Some(0.5)), Some(0.75));
        assert_eq!(other_load(usage(2.0), Some(1.2), Some(0.5)), Some(0.0));
        assert_eq!(other_load(usage(0.01), Some(3.0), Some(0.5)), None);
        assert_eq!(other_load(usage(2.0), None, Some(0.5)), None);
    }
}
