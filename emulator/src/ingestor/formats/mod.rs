//! Data formats: their names and the readers that split a text into records.

pub(crate) mod delimited;
pub(crate) mod json;
pub(crate) mod lines;
mod relaxed;
pub(crate) mod tsve;

use std::borrow::Cow;

use super::failure::{ErrorCode, Failure};

/// A format the ingestor reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum DataFormat {
    Csv,
    Tsv,
    Tsve,
    Psv,
    Scsv,
    Sohsv,
    Txt,
    Raw,
    Json,
    SingleJson,
    MultiJson,
}

/// The two families of mappings the readable formats take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum MappingKind {
    Csv,
    Json,
}

impl MappingKind {
    /// The name in commands and in `ingestionMappingType` (which ignores case).
    pub(crate) fn name(self) -> &'static str {
        match self {
            MappingKind::Csv => "csv",
            MappingKind::Json => "json",
        }
    }
}

/// Formats that a cluster reads and this ingestor does not.
const UNREADABLE: [&str; 6] = [
    "avro",
    "apacheavro",
    "parquet",
    "orc",
    "sstream",
    "w3clogfile",
];

impl DataFormat {
    /// The format of a wire name, in any case.
    pub(crate) fn parse(name: &str) -> Result<DataFormat, Failure> {
        let lower = name.trim().to_ascii_lowercase();
        Self::readable(&lower).ok_or_else(|| {
            let details = if UNREADABLE.contains(&lower.as_str()) {
                format!("Format '{lower}' is a format of the service that the emulator cannot read (a limit of the emulator).")
            } else {
                format!("Format '{name}' is not known.")
            };
            Failure::new(ErrorCode::FormatNotSupported, details)
        })
    }

    fn readable(lower: &str) -> Option<DataFormat> {
        Some(match lower {
            "csv" => DataFormat::Csv,
            "tsv" => DataFormat::Tsv,
            "tsve" => DataFormat::Tsve,
            "psv" => DataFormat::Psv,
            "scsv" => DataFormat::Scsv,
            "sohsv" => DataFormat::Sohsv,
            "txt" => DataFormat::Txt,
            "raw" => DataFormat::Raw,
            "json" => DataFormat::Json,
            "singlejson" => DataFormat::SingleJson,
            "multijson" => DataFormat::MultiJson,
            _ => return None,
        })
    }

    /// The format a blob's name tells: its extension below `.zip` and `.gz`, csv when that says nothing.
    pub(crate) fn of_blob_name(name: &str) -> Result<DataFormat, Failure> {
        let mut name = name.to_ascii_lowercase();
        for suffix in [".zip", ".gz"] {
            if let Some(stripped) = name.strip_suffix(suffix) {
                name.truncate(stripped.len());
            }
        }
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        if UNREADABLE.contains(&extension) {
            return Self::parse(extension);
        }
        Ok(Self::readable(extension).unwrap_or(DataFormat::Csv))
    }

    /// The wire name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            DataFormat::Csv => "csv",
            DataFormat::Tsv => "tsv",
            DataFormat::Tsve => "tsve",
            DataFormat::Psv => "psv",
            DataFormat::Scsv => "scsv",
            DataFormat::Sohsv => "sohsv",
            DataFormat::Txt => "txt",
            DataFormat::Raw => "raw",
            DataFormat::Json => "json",
            DataFormat::SingleJson => "singlejson",
            DataFormat::MultiJson => "multijson",
        }
    }

    /// The kind of mapping the format takes.
    pub(crate) fn mapping_kind(self) -> MappingKind {
        match self {
            DataFormat::Json | DataFormat::SingleJson | DataFormat::MultiJson => MappingKind::Json,
            _ => MappingKind::Csv,
        }
    }

    /// Whether a record is a single field whatever it contains.
    pub(crate) fn is_single_field(self) -> bool {
        matches!(self, DataFormat::Txt | DataFormat::Raw)
    }
}

/// Splits a text into records of fields, reusing the caller's vector.
pub(crate) trait FieldReader<'a> {
    /// Fills `fields` with the next record and gives the line it starts on (from 1), or `None` at the end.
    fn next_record(&mut self, fields: &mut Vec<Cow<'a, str>>) -> Result<Option<u64>, Failure>;
}

/// The reader of a format of the csv family; `None` for the JSON formats.
pub(crate) fn field_reader<'a>(
    format: DataFormat,
    text: &'a str,
) -> Option<Box<dyn FieldReader<'a> + 'a>> {
    let delimiter = match format {
        DataFormat::Csv => b',',
        DataFormat::Tsv => b'\t',
        DataFormat::Psv => b'|',
        DataFormat::Scsv => b';',
        DataFormat::Sohsv => 1,
        DataFormat::Tsve => return Some(Box::new(tsve::TsveReader::new(text))),
        DataFormat::Txt => return Some(Box::new(lines::LineReader::new(text))),
        DataFormat::Raw => return Some(Box::new(lines::RawReader::new(text))),
        DataFormat::Json | DataFormat::SingleJson | DataFormat::MultiJson => return None,
    };
    Some(Box::new(delimited::DelimitedReader::new(text, delimiter)))
}

/// Text of a blob's bytes: the UTF-8 byte order mark goes, invalid sequences become U+FFFD.
pub(crate) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_case() {
        for name in [
            "csv",
            "tsv",
            "tsve",
            "psv",
            "scsv",
            "sohsv",
            "txt",
            "raw",
            "json",
            "singlejson",
            "multijson",
        ] {
            let format = DataFormat::parse(&name.to_ascii_uppercase()).unwrap();
            assert_eq!(format.name(), name);
        }
    }

    #[test]
    fn unreadable_formats_are_refused_as_the_emulators_limit() {
        for name in UNREADABLE {
            let failure = DataFormat::parse(name).unwrap_err();
            assert_eq!(failure.code, ErrorCode::FormatNotSupported);
            assert!(failure.details.contains("limit of the emulator"));
        }
        let failure = DataFormat::parse("xml").unwrap_err();
        assert_eq!(failure.code, ErrorCode::FormatNotSupported);
        assert!(failure.details.contains("'xml'"));
    }

    #[test]
    fn the_blob_name_tells_the_format() {
        let of = |name| DataFormat::of_blob_name(name).unwrap();
        assert_eq!(of("a.JSON.gz"), DataFormat::Json);
        assert_eq!(of("a.tsv.zip"), DataFormat::Tsv);
        assert_eq!(of("a.csv"), DataFormat::Csv);
        assert_eq!(of("a.gz"), DataFormat::Csv);
        assert_eq!(of("plain"), DataFormat::Csv);
        assert!(DataFormat::of_blob_name("a.parquet").is_err());
    }

    #[test]
    fn decoding_drops_the_mark_and_replaces_bad_bytes() {
        assert_eq!(decode(b"\xEF\xBB\xBFa"), "a");
        assert_eq!(decode(b"a\xFFb"), "a\u{FFFD}b");
    }
}
