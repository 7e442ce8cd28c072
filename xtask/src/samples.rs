//! Data to measure with, the same on every run. The criterion benches include this file too.

use std::fmt::Write as _;

use crate::storm::{self, Dice};

/// A kind of data: its name, and the function that generates that many bytes of it.
pub(crate) type Kind = (&'static str, fn(usize) -> Vec<u8>);

/// From well to badly compressible.
pub(crate) const KINDS: [Kind; 3] = [("storm", storm), ("logs", logs), ("random", noise)];

/// Storm events as CSV; the last record may be cut.
pub(crate) fn storm(size: usize) -> Vec<u8> {
    let mut data = vec![0; size];
    // Its only error is intended here: the slice is full.
    let _ = storm::write_csv(&mut data.as_mut_slice(), u64::MAX);
    data
}

/// Log entries as JSON lines, each with ids that no other has; the last may be cut.
pub(crate) fn logs(size: usize) -> Vec<u8> {
    let mut dice = Dice::new(0x1065);
    let mut text = String::with_capacity(size + 512);
    for number in 0.. {
        if text.len() >= size {
            break;
        }
        push_entry(&mut text, &mut dice, number);
        text.push('\n');
    }
    text.truncate(size);
    text.into_bytes()
}

/// Incompressible bytes.
pub(crate) fn noise(size: usize) -> Vec<u8> {
    let mut dice = Dice::new(0x2015);
    let mut data = Vec::with_capacity(size + 8);
    while data.len() < size {
        data.extend_from_slice(&dice.next().to_le_bytes());
    }
    data.truncate(size);
    data
}

fn push_entry(text: &mut String, dice: &mut Dice, number: u64) {
    const LEVELS: [&str; 4] = ["Information", "Information", "Warning", "Error"];
    const PATHS: [&str; 5] = [
        "/api/orders",
        "/api/customers",
        "/api/stock/reserve",
        "/health",
        "/api/orders/export",
    ];
    const WHAT: [&str; 4] = [
        "request completed",
        "upstream answered slowly, retrying",
        "cache entry expired",
        "connection pool exhausted, waiting for a free connection",
    ];
    let (second, millisecond) = (number / 40 % 86_400, dice.below(1000));
    let time = format!(
        "2026-01-01T{:02}:{:02}:{:02}.{millisecond:03}Z",
        second / 3600,
        second / 60 % 60,
        second % 60
    );
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "{{\"Timestamp\":\"{time}\",\"Level\":\"{}\",\"TraceId\":\"{:016x}{:016x}\",\"SpanId\":\"{:016x}\",\
         \"Host\":\"web-{:03}\",\"Path\":\"{}/{}\",\"Status\":{},\"DurationMs\":{}.{:03},\"Message\":\"{}\"}}",
        dice.pick(&LEVELS),
        dice.next(),
        dice.next(),
        dice.next(),
        dice.below(64),
        dice.pick(&PATHS),
        dice.below(1_000_000),
        dice.pick(&[200, 200, 200, 404, 500]),
        dice.below(900),
        dice.below(1000),
        dice.pick(&WHAT),
    );
}

/// A JSON document of exactly 2,048 bytes, as small events are.
pub(crate) fn document() -> Vec<u8> {
    const SIZE: usize = 2048;
    let mut text = String::from("{\"Entries\":[");
    let mut dice = Dice::new(0xD0C5);
    let mut entry = String::new();
    for number in 0.. {
        entry.clear();
        push_entry(&mut entry, &mut dice, number);
        if text.len() + entry.len() + 64 > SIZE {
            break;
        }
        text.push_str(if number > 0 { "," } else { "" });
        text.push_str(&entry);
    }
    text.push_str("],\"Padding\":\"");
    let padding = SIZE - text.len() - "\"}".len();
    text.extend((0..padding).map(|_| (b'a' + dice.below(26) as u8) as char));
    text.push_str("\"}");
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_kind_has_the_size_asked_for_and_never_changes() {
        for (kind, sample) in KINDS {
            for size in [0, 1, 7, 100_001] {
                assert_eq!(sample(size).len(), size, "{kind}");
            }
            assert_eq!(sample(5_000), sample(100_000)[..5_000], "{kind}");
        }
    }

    #[test]
    fn log_lines_are_json_with_ids_of_their_own() {
        let data = String::from_utf8(logs(50_000)).unwrap();
        let (whole, _) = data.rsplit_once('\n').unwrap();
        let mut ids: Vec<String> = whole
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["TraceId"].to_string())
            .collect();
        let count = ids.len();
        assert!(count > 100, "{count}");
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }

    #[test]
    fn the_document_is_json_of_two_kilobytes() {
        let document = document();
        assert_eq!(document.len(), 2048);
        let value: Value = serde_json::from_slice(&document).unwrap();
        assert!(value["Entries"].as_array().unwrap().len() > 4);
    }
}
