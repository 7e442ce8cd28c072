//! The data formats the service reads.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::props::mapping::MappingKind;
use crate::secret::redact_url;

/// The format of the data, by the service's name. The numbers are those of the C API.
///
/// ```
/// use kusto_ingest::props::DataFormat;
///
/// assert_eq!("MultiJSON".parse::<DataFormat>()?, DataFormat::MultiJson);
/// assert_eq!(DataFormat::from_path("logs/a.csv.gz"), Some(DataFormat::Csv));
/// assert!(!DataFormat::Parquet.is_compressible());
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(i32)]
#[non_exhaustive]
pub enum DataFormat {
    /// Comma-separated values, RFC 4180.
    #[default]
    Csv = 1,
    /// Tab-separated values.
    Tsv = 2,
    /// Values separated by `|`.
    Psv = 3,
    /// Values separated by `;`.
    Scsv = 4,
    /// Values separated by the control character SOH.
    Sohsv = 5,
    /// Lines of text, one column each; empty lines are skipped.
    Txt = 6,
    /// The whole blob is one value.
    Raw = 7,
    /// Tab-separated values with backslash escapes.
    Tsve = 8,
    /// JSON Lines: one object per line.
    Json = 9,
    /// An array, or objects one after another, over any number of lines.
    MultiJson = 10,
    /// One JSON value; line breaks in it are white space.
    SingleJson = 11,
    /// Avro, with the service's legacy reader.
    Avro = 12,
    /// Avro, with the Apache reader (logical types).
    ApacheAvro = 13,
    /// Apache Parquet.
    Parquet = 14,
    /// Apache ORC.
    Orc = 15,
    /// Cosmos structured streams.
    SStream = 16,
    /// W3C extended log files.
    W3cLogFile = 17,
}

/// Other extensions of formats, beside the wire name itself.
const MORE_EXTENSIONS: [(&str, DataFormat); 3] = [
    ("jsonl", DataFormat::Json),
    ("ndjson", DataFormat::Json),
    ("ss", DataFormat::SStream),
];

impl DataFormat {
    /// Every format, in the order of its number.
    pub const ALL: [DataFormat; 17] = [
        DataFormat::Csv,
        DataFormat::Tsv,
        DataFormat::Psv,
        DataFormat::Scsv,
        DataFormat::Sohsv,
        DataFormat::Txt,
        DataFormat::Raw,
        DataFormat::Tsve,
        DataFormat::Json,
        DataFormat::MultiJson,
        DataFormat::SingleJson,
        DataFormat::Avro,
        DataFormat::ApacheAvro,
        DataFormat::Parquet,
        DataFormat::Orc,
        DataFormat::SStream,
        DataFormat::W3cLogFile,
    ];

    /// The name on the wire, lower case, such as `multijson`.
    pub const fn wire_name(self) -> &'static str {
        match self {
            DataFormat::Csv => "csv",
            DataFormat::Tsv => "tsv",
            DataFormat::Psv => "psv",
            DataFormat::Scsv => "scsv",
            DataFormat::Sohsv => "sohsv",
            DataFormat::Txt => "txt",
            DataFormat::Raw => "raw",
            DataFormat::Tsve => "tsve",
            DataFormat::Json => "json",
            DataFormat::MultiJson => "multijson",
            DataFormat::SingleJson => "singlejson",
            DataFormat::Avro => "avro",
            DataFormat::ApacheAvro => "apacheavro",
            DataFormat::Parquet => "parquet",
            DataFormat::Orc => "orc",
            DataFormat::SStream => "sstream",
            DataFormat::W3cLogFile => "w3clogfile",
        }
    }

    /// The format with this wire name, whatever its case.
    pub fn from_wire_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|format| format.wire_name().eq_ignore_ascii_case(name.trim()))
    }

    /// The format with this number in the C API.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|format| *format as i32 == number)
    }

    /// The kind of mapping that applies to this format.
    pub const fn mapping_kind(self) -> MappingKind {
        match self {
            DataFormat::Csv
            | DataFormat::Tsv
            | DataFormat::Psv
            | DataFormat::Scsv
            | DataFormat::Sohsv
            | DataFormat::Txt
            | DataFormat::Raw
            | DataFormat::Tsve => MappingKind::Csv,
            DataFormat::Json | DataFormat::MultiJson | DataFormat::SingleJson => MappingKind::Json,
            DataFormat::Avro => MappingKind::Avro,
            DataFormat::ApacheAvro => MappingKind::ApacheAvro,
            DataFormat::Parquet => MappingKind::Parquet,
            DataFormat::Orc => MappingKind::Orc,
            DataFormat::SStream => MappingKind::SStream,
            DataFormat::W3cLogFile => MappingKind::W3cLogFile,
        }
    }

    /// Whether gzip helps. The binary formats are compressed inside, and the service does not
    /// expect them in gzip.
    pub const fn is_compressible(self) -> bool {
        !matches!(
            self,
            DataFormat::Avro
                | DataFormat::ApacheAvro
                | DataFormat::Parquet
                | DataFormat::Orc
                | DataFormat::SStream
        )
    }

    /// The format a file name, path or URL speaks of: its extension, after `.gz` or `.zip` is
    /// taken off. `None` when the extension says nothing (`.log` is too ambiguous to mean W3C).
    pub fn from_path(path: &str) -> Option<Self> {
        let lower = file_name(path).to_ascii_lowercase();
        let name = lower.strip_suffix(".zip").unwrap_or(&lower);
        let name = name.strip_suffix(".gz").unwrap_or(name);
        let (_, extension) = name.rsplit_once('.')?;
        Self::from_wire_name(extension).or_else(|| {
            MORE_EXTENSIONS
                .into_iter()
                .find_map(|(known, format)| (known == extension).then_some(format))
        })
    }
}

/// The last segment of a path, or of a URL without its credentials.
fn file_name(path: &str) -> &str {
    let path = if path.contains("://") {
        let path = redact_url(path);
        path.split('#').next().unwrap_or(path)
    } else {
        path
    };
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

impl fmt::Display for DataFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wire_name())
    }
}

impl FromStr for DataFormat {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::from_wire_name(name).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|f| f.wire_name()).collect();
            Error::invalid_argument(
                "format",
                format!("'{name}' is not one of {}", known.join(", ")),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_c_api_and_names_are_read_in_any_case() {
        for (index, format) in DataFormat::ALL.into_iter().enumerate() {
            let number = i32::try_from(index).unwrap() + 1;
            assert_eq!(format as i32, number, "{format}");
            assert_eq!(DataFormat::from_number(number), Some(format));
            let upper = format.wire_name().to_uppercase();
            assert_eq!(DataFormat::from_wire_name(&upper), Some(format));
        }
        assert_eq!(DataFormat::from_number(0), None);
        assert_eq!(DataFormat::from_number(18), None);
        let error = "xml".parse::<DataFormat>().unwrap_err();
        assert_eq!(error.argument(), Some("format"));
    }

    #[test]
    fn names_speak_of_formats() {
        let cases = [
            ("a.csv", Some(DataFormat::Csv)),
            ("a.JSON.GZ", Some(DataFormat::Json)),
            ("a.tsv.zip", Some(DataFormat::Tsv)),
            ("a.csv.gz.zip", Some(DataFormat::Csv)),
            ("dir.json/a.parquet", Some(DataFormat::Parquet)),
            ("dir.csv/a", None),
            (r"C:\logs.csv\a.orc", Some(DataFormat::Orc)),
            ("a.ndjson", Some(DataFormat::Json)),
            ("https://h/c/a.avro?sig=a.csv", Some(DataFormat::Avro)),
            ("https://h/c/a.psv;key.csv", Some(DataFormat::Psv)),
            ("what?.txt", Some(DataFormat::Txt)),
            ("a.log", None),
            ("csv", None),
            ("a.gz", None),
            ("a.", None),
            ("", None),
        ];
        for (path, format) in cases {
            assert_eq!(DataFormat::from_path(path), format, "{path}");
        }
    }
}
