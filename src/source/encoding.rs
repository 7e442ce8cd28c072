//! The one place where compression, blob suffix and raw size are decided.

use super::catalog::Compression;
use crate::props::DataFormat;

impl Compression {
    /// The compression of a file by its name's suffix, in any case.
    pub fn from_name(name: &str) -> Self {
        let lower = name.to_ascii_lowercase();
        if lower.ends_with(".gzip") {
            return Compression::Gzip;
        }
        let mut kinds = Self::ALL.into_iter();
        let found = kinds.find(|kind| !kind.suffix().is_empty() && lower.ends_with(kind.suffix()));
        found.unwrap_or(Compression::None)
    }
}

/// What is done to the bytes and how the blob's name declares it to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    /// The compression of the source's bytes.
    pub(crate) source: Compression,
    /// Whether this library compresses them.
    pub(crate) gzip: bool,
    /// Appended to the blob's name: the service takes the compression from it.
    pub(crate) suffix: &'static str,
}

impl Encoding {
    /// Decides from the declared compression (or the name) and the format.
    pub(crate) fn decide(
        declared: Option<Compression>,
        name: Option<&str>,
        format: DataFormat,
    ) -> Self {
        let source = declared
            .or_else(|| name.map(Compression::from_name))
            .unwrap_or(Compression::None);
        let gzip = source == Compression::None && format.is_compressible();
        let suffix = match (source, gzip) {
            (Compression::Gzip, _) | (_, true) => ".gz",
            (Compression::Zip, _) => ".zip",
            (Compression::None, false) => "",
        };
        Self {
            source,
            gzip,
            suffix,
        }
    }

    /// The uncompressed size for the service: the counted size of a plain source, else the caller's
    /// value. What the end of gzip data says is not it: that speaks of the last member only, modulo 4 GiB,
    /// and is any four bytes where the data is cut short.
    pub(crate) fn raw_size(&self, counted: u64, given: Option<u64>) -> Option<u64> {
        match self.source {
            Compression::None => Some(counted),
            Compression::Gzip | Compression::Zip => given,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_suffix_and_bytes_agree() {
        for (declared, name, format, gzip, suffix) in [
            (None, None, DataFormat::Csv, true, ".gz"),
            (None, Some("a.csv"), DataFormat::Csv, true, ".gz"),
            (None, Some("a.csv.GZ"), DataFormat::Csv, false, ".gz"),
            (None, Some("a.csv.gzip"), DataFormat::Csv, false, ".gz"),
            (None, Some("a.zip"), DataFormat::Json, false, ".zip"),
            (None, Some("a.parquet"), DataFormat::Parquet, false, ""),
            (
                Some(Compression::Gzip),
                None,
                DataFormat::Json,
                false,
                ".gz",
            ),
            (
                Some(Compression::None),
                Some("a.gz"),
                DataFormat::Csv,
                true,
                ".gz",
            ),
        ] {
            let encoding = Encoding::decide(declared, name, format);
            assert_eq!(
                (encoding.gzip, encoding.suffix),
                (gzip, suffix),
                "{name:?} {format:?}"
            );
        }
    }

    #[test]
    fn raw_size_is_counted_or_given_but_never_guessed() {
        let plain = Encoding::decide(None, None, DataFormat::Csv);
        assert_eq!(plain.raw_size(7, Some(99)), Some(7));
        let packed = Encoding::decide(Some(Compression::Gzip), None, DataFormat::Csv);
        assert_eq!(packed.raw_size(7, None), None);
        assert_eq!(packed.raw_size(7, Some(99)), Some(99));
    }
}
