//! A CSV like the one of the StormEvents tutorial, synthetic but the same on every run.
//!
//! It has everything that makes such files hard to read: quoted commas, doubled quotes and line
//! breaks in the narratives, JSON in the last column, empty fields, CRLF never and a header row
//! always. The tutorial's mapping takes the ordinals 0 to 14 and 16 to 22, so the file has 23
//! columns for the table's 22: the mapping skips `ForecastOffice`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Records of the tutorial's file, not counting the header row.
pub(crate) const RECORDS: u64 = 59_066;

const COLUMNS: [&str; 23] = [
    "StartTime",
    "EndTime",
    "EpisodeId",
    "EventId",
    "State",
    "EventType",
    "InjuriesDirect",
    "InjuriesIndirect",
    "DeathsDirect",
    "DeathsIndirect",
    "DamageProperty",
    "DamageCrops",
    "Source",
    "BeginLocation",
    "EndLocation",
    "ForecastOffice",
    "BeginLat",
    "BeginLon",
    "EndLat",
    "EndLon",
    "EpisodeNarrative",
    "EventNarrative",
    "StormSummary",
];

const STATES: [&str; 12] = [
    "ALABAMA",
    "COLORADO",
    "FLORIDA",
    "GEORGIA",
    "ILLINOIS",
    "INDIANA",
    "KANSAS",
    "MISSISSIPPI",
    "NEW YORK",
    "OHIO",
    "TEXAS",
    "GULF OF MEXICO",
];
const EVENT_TYPES: [&str; 9] = [
    "Thunderstorm Wind",
    "Hail",
    "Flash Flood",
    "Tornado",
    "Heavy Rain",
    "Winter Storm",
    "Drought",
    "Marine Thunderstorm Wind",
    "Coastal Flood",
];
const SOURCES: [&str; 6] = [
    "Trained Spotter",
    "Law Enforcement",
    "Public",
    "Broadcast Media",
    "COOP Observer",
    "Unknown",
];
const PLACES: [&str; 8] = [
    "",
    "PETERSBURG",
    "ST. MARY'S",
    "CEDAR KEY",
    "FORT WORTH",
    "O'BRIEN",
    "PUEBLO",
    "NEW MADRID",
];
/// `#` stands for a number of two digits.
const SENTENCES: [&str; 10] = [
    "A line of storms moved in from the west, strengthened over County Road #, and weakened after sunset.",
    "The river gage crested # inches above flood stage, which closed two county roads.",
    "A caller said \"the sky went green\" before hail of 1.# inches covered the yard.",
    "Trees, power lines and # barns came down; nobody was hurt, but the crews worked until the next morning.",
    "Winds were estimated at # mph by a trained spotter north of town, just before the lights went out.",
    "Water stood one foot deep in the low parts of the city for about # minutes.",
    "The sheriff's office, the fire department, and # callers reported the same damage.",
    "Rain totals of 3.# to 5.# inches fell in less than four hours, most of it before noon.",
    "A mesonet station measured a gust of # mph, \"the highest on record\" for that site.",
    "After # minutes snow turned to freezing rain overnight, then back to snow, and travel became very difficult.",
];

/// `cargo xtask storm FILE [records]`.
pub(crate) fn command(arguments: &[String]) -> Result<(), String> {
    let (file, records) = match arguments {
        [file] => (file, RECORDS),
        [file, records] => (
            file,
            records
                .parse()
                .map_err(|_| format!("records: {records:?} is no number"))?,
        ),
        _ => return Err("storm FILE [records]".into()),
    };
    let size = write_file(Path::new(file), records)?;
    println!("{file}: {records} records and a header row, {size} bytes");
    Ok(())
}

/// Writes the file and returns its size in bytes.
pub(crate) fn write_file(path: &Path, records: u64) -> Result<u64, String> {
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", path.display());
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).map_err(failed)?);
    let size = write_csv(&mut file, records).map_err(failed)?;
    file.flush().map_err(failed)?;
    Ok(size)
}

/// As [`write_file`], to anywhere.
pub(crate) fn write_csv(out: &mut impl Write, records: u64) -> std::io::Result<u64> {
    let mut line = COLUMNS.join(",");
    line.push('\n');
    out.write_all(line.as_bytes())?;
    let mut size = line.len() as u64;
    let mut dice = Dice::new(0x5707_2007);
    for number in 0..records {
        line.clear();
        push_record(&mut line, &record(&mut dice, number));
        out.write_all(line.as_bytes())?;
        size += line.len() as u64;
    }
    Ok(size)
}

fn record(dice: &mut Dice, number: u64) -> [String; 23] {
    let start = Moment::new(dice);
    let end = start.later(dice.below(20));
    let property = dice.below(4) / 3 * dice.below(500) * 1_000;
    let place = *dice.pick(&PLACES);
    let located = !place.is_empty();
    let event_type = *dice.pick(&EVENT_TYPES);
    let event_narrative = narrative(dice, 3);
    let mut coordinate = |degrees: i64| {
        if located {
            degree(dice, degrees)
        } else {
            String::new()
        }
    };
    let (begin_lat, begin_lon) = (coordinate(31), coordinate(-96));
    let (end_lat, end_lon) = (coordinate(32), coordinate(-95));
    let summary = summary(property, start, end, &event_narrative);
    [
        start.text(),
        end.text(),
        (1_000 + number / 4).to_string(),
        (10_000 + number).to_string(),
        (*dice.pick(&STATES)).to_owned(),
        event_type.to_owned(),
        (dice.below(40) / 37).to_string(),
        (dice.below(40) / 39).to_string(),
        (dice.below(90) / 88).to_string(),
        (dice.below(90) / 89).to_string(),
        property.to_string(),
        (dice.below(9) / 8 * dice.below(50) * 1_000).to_string(),
        (*dice.pick(&SOURCES)).to_owned(),
        place.to_owned(),
        place.to_owned(),
        format!("WFO {:02}", dice.below(60)),
        begin_lat,
        begin_lon,
        end_lat,
        end_lon,
        narrative(dice, 4),
        event_narrative,
        summary,
    ]
}

fn narrative(dice: &mut Dice, sentences: u64) -> String {
    let mut text = String::new();
    for _ in 0..sentences - dice.below(2) {
        if !text.is_empty() {
            text.push(if dice.below(8) == 0 { '\n' } else { ' ' });
        }
        let number = 10 + dice.below(90);
        text.push_str(&dice.pick(&SENTENCES).replace('#', &number.to_string()));
    }
    text
}

/// The last column: a JSON object over several lines, as in the tutorial's file. Written out,
/// because the order of a `json!` object depends on a feature of serde_json.
fn summary(damages: u64, start: Moment, end: Moment, description: &str) -> String {
    let description = serde_json::Value::from(description);
    format!(
        "{{\n  \"TotalDamages\": {damages},\n  \"StartTime\": \"{}\",\n  \"EndTime\": \"{}\",\n  \
         \"Details\": {{\n    \"Description\": {description}\n  }}\n}}",
        start.text(),
        end.text(),
    )
}

fn degree(dice: &mut Dice, degrees: i64) -> String {
    format!("{degrees}.{:04}", dice.below(10_000))
}

fn push_record(line: &mut String, fields: &[String]) {
    for (column, field) in fields.iter().enumerate() {
        if column > 0 {
            line.push(',');
        }
        if field.contains(['"', ',', '\n']) {
            line.push('"');
            line.push_str(&field.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(field);
        }
    }
    line.push('\n');
}

/// A minute of the year 2007, the tutorial's year.
#[derive(Clone, Copy)]
struct Moment {
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
}

impl Moment {
    fn new(dice: &mut Dice) -> Self {
        // Days end at 27 so that an event of a day still ends in the same month.
        Moment {
            month: 1 + dice.below(12),
            day: 1 + dice.below(27),
            hour: dice.below(24),
            minute: dice.below(60),
        }
    }

    fn later(self, hours: u64) -> Self {
        let hour = self.hour + hours;
        Moment {
            day: self.day + hour / 24,
            hour: hour % 24,
            ..self
        }
    }

    fn text(self) -> String {
        format!(
            "2007-{:02}-{:02}T{:02}:{:02}:00Z",
            self.month, self.day, self.hour, self.minute
        )
    }
}

/// SplitMix64: small, well known, and the same everywhere.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let index = self.below(choices.len() as u64) as usize;
        &choices[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(records: u64) -> String {
        let mut bytes = Vec::new();
        let size = write_csv(&mut bytes, records).unwrap();
        assert_eq!(size, bytes.len() as u64);
        String::from_utf8(bytes).unwrap()
    }

    /// RFC 4180, written apart from the writer above.
    fn parse(text: &str) -> Vec<Vec<String>> {
        let (mut records, mut record, mut field) = (Vec::new(), Vec::new(), String::new());
        let mut quoted = false;
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match (quoted, character) {
                (true, '"') if characters.peek() == Some(&'"') => {
                    field.push(characters.next().unwrap())
                }
                (_, '"') => quoted = !quoted,
                (false, ',') => record.push(std::mem::take(&mut field)),
                (false, '\n') => {
                    record.push(std::mem::take(&mut field));
                    records.push(std::mem::take(&mut record));
                }
                _ => field.push(character),
            }
        }
        assert!(
            !quoted && field.is_empty() && record.is_empty(),
            "the file must end with a whole record"
        );
        records
    }

    /// FNV-1a.
    fn hash(text: &str) -> u64 {
        text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        })
    }

    #[test]
    fn every_record_has_all_columns_and_json_at_the_end() {
        let records = parse(&csv(2_000));
        assert_eq!(records.len(), 2_001);
        assert_eq!(records[0], COLUMNS);
        for record in &records[1..] {
            assert_eq!(record.len(), COLUMNS.len());
            let summary: serde_json::Value = serde_json::from_str(&record[22]).unwrap();
            assert_eq!(summary["Details"]["Description"], record[21].as_str());
            assert!(record[0] <= record[1], "an event ends after it starts");
        }
        assert_eq!(
            COLUMNS[15], "ForecastOffice",
            "the tutorial's mapping has no ordinal 15"
        );
    }

    #[test]
    fn the_hard_cases_are_in_it() {
        let text = csv(500);
        let records = parse(&text);
        let narratives: Vec<&String> = records[1..].iter().map(|record| &record[20]).collect();
        for hard in [",", "\"", "\n"] {
            assert!(
                narratives.iter().any(|narrative| narrative.contains(hard)),
                "no narrative with {hard:?}"
            );
        }
        assert!(
            records.iter().any(|record| record[16].is_empty()),
            "no record without a place"
        );
        assert!(!text.contains('\r'));
    }

    #[test]
    fn the_bytes_never_change() {
        assert_eq!(
            hash(&csv(300)),
            0xe22f_d1fb_4b79_8085,
            "changing the generator changes every measurement made with it"
        );
    }
}
