//! What fits in one streaming request.
//!
//! The service takes 10 MiB as they are sent, and 4 MiB of rows as its row store holds them. How many bytes of a format
//! those are, it does not publish; the factors are those of its own clients.

use crate::props::DataFormat;

/// The most bytes of a request as they are sent. The service has no exception.
pub(crate) const MAX_WIRE: u64 = 10 << 20;
/// The most that the rows of a request may take in the row store.
const ROW_STORE: f64 = (4 << 20) as f64;

/// What is counted or known of data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    /// Uncompressed bytes, where they are known.
    pub(crate) raw: Option<u64>,
    /// Bytes as they are sent.
    pub(crate) wire: u64,
}

/// Whether data of this format is beyond what managed ingestion streams. `factor` raises or lowers the estimate's
/// limit, never that of the bytes sent.
pub(crate) fn is_beyond(size: Size, format: DataFormat, compressed: bool, factor: f64) -> bool {
    size.wire > MAX_WIRE || estimate(size, format, compressed) > ROW_STORE * factor
}

/// How many bytes of the row store the data takes, about.
fn estimate(size: Size, format: DataFormat, compressed: bool) -> f64 {
    match size.raw {
        // Better than what its compressed size lets guess.
        Some(raw) => raw as f64 * plain_factor(format),
        None if compressed => size.wire as f64 * packed_factor(format),
        None => size.wire as f64 * plain_factor(format),
    }
}

/// Bytes of the row store for a byte of the format.
fn plain_factor(format: DataFormat) -> f64 {
    match format {
        DataFormat::Csv
        | DataFormat::Tsv
        | DataFormat::Tsve
        | DataFormat::Psv
        | DataFormat::Scsv
        | DataFormat::Sohsv => 0.45,
        DataFormat::Json | DataFormat::SingleJson => 0.33,
        DataFormat::Txt => 0.15,
        DataFormat::Avro | DataFormat::ApacheAvro => 0.55,
        DataFormat::Parquet => 3.35,
        _ => 1.0,
    }
}

/// The same for a byte of compressed data.
fn packed_factor(format: DataFormat) -> f64 {
    match format {
        DataFormat::Csv
        | DataFormat::Tsv
        | DataFormat::Tsve
        | DataFormat::Scsv
        | DataFormat::Sohsv
        | DataFormat::Json
        | DataFormat::SingleJson => 3.6,
        DataFormat::MultiJson => 5.15,
        DataFormat::Txt => 1.8,
        DataFormat::Psv => 1.5,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn the_gate_is_at_the_byte() {
        for (format, compressed, raw, wire, factor) in [
            (DataFormat::MultiJson, false, Some(4 * MIB), 100, 1.0),
            (DataFormat::MultiJson, false, None, 4 * MIB, 1.0),
            (DataFormat::Avro, true, None, 4 * MIB, 1.0),
            (DataFormat::Raw, true, None, 2 * MIB, 0.5),
            (DataFormat::Csv, true, Some(0), MAX_WIRE, 1.0),
        ] {
            let size = |more| Size {
                raw: raw.map(|raw| raw + more),
                wire: wire + more,
            };
            assert!(
                !is_beyond(size(0), format, compressed, factor),
                "{format:?}"
            );
            assert!(is_beyond(size(1), format, compressed, factor), "{format:?}");
        }
    }

    #[test]
    fn counted_bytes_say_more_than_compressed_ones() {
        let is_beyond = |raw, wire| is_beyond(Size { raw, wire }, DataFormat::Csv, true, 1.0);
        assert!(!is_beyond(Some(9_300_000), 2 * MIB));
        assert!(is_beyond(None, 2 * MIB));
        // gzip of 100:1
        assert!(is_beyond(Some(100 * MIB), MIB));
        assert!(!is_beyond(None, MIB));
    }

    #[test]
    fn no_factor_lets_more_be_sent() {
        let size = Size {
            raw: Some(1),
            wire: MAX_WIRE + 1,
        };
        assert!(is_beyond(size, DataFormat::Txt, false, 4.0));
    }
}
