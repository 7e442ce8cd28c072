//! The data formats the service reads.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::props::catalog::DataFormat;
use crate::secret::redact_url;

impl DataFormat {
    /// The format with this wire name, in any case.
    pub fn from_wire_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|format| format.wire_name().eq_ignore_ascii_case(name.trim()))
    }

    /// The format of a file name, path or URL: by its extension, without `.gz`, `.gzip` or `.zip`.
    /// `None` for an unknown extension (`.log` is too ambiguous to mean W3C).
    ///
    /// ```
    /// use kusto_ingest::props::DataFormat;
    ///
    /// assert_eq!("MultiJSON".parse::<DataFormat>()?, DataFormat::MultiJson);
    /// assert_eq!(DataFormat::from_path("logs/a.csv.gz"), Some(DataFormat::Csv));
    /// assert!(!DataFormat::Parquet.is_compressible());
    /// # Ok::<(), kusto_ingest::error::Error>(())
    /// ```
    pub fn from_path(path: &str) -> Option<Self> {
        let lower = file_name(path).to_ascii_lowercase();
        let name = lower.strip_suffix(".zip").unwrap_or(&lower);
        let name = [".gz", ".gzip"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .unwrap_or(name);
        let (_, extension) = name.rsplit_once('.')?;
        Self::from_wire_name(extension).or_else(|| {
            Self::ALL
                .into_iter()
                .find(|format| format.more_extensions().contains(&extension))
        })
    }
}

/// The last segment of a path, or of a URL without its credentials.
pub(crate) fn file_name(path: &str) -> &str {
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
            ("a.json.gzip", Some(DataFormat::Json)),
            ("a.tab", Some(DataFormat::Tsv)),
            ("a.geojson", None),
            ("a.csv.bz2", None),
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
