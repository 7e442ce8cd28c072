//! The data that is ingested, and the kinds of source for it.

use std::io::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use kusto_ingest::source::Source;

use crate::bed::Rows;
use crate::random::Random;

/// The memory budget of a client whose source is larger than it.
const BUDGET: usize = 8 * 1024 * 1024;
/// Size of a block in storage.
const BLOCK: usize = 4 * 1024 * 1024;
/// Noise in one row of the sets that need blocks.
const NOISE_PER_ROW: usize = 6 * 1024;

/// Rows of `T(a:long, b:string)` as CSV, with their count and sum.
pub(crate) struct Data {
    pub(crate) text: Bytes,
    /// As gzip, which is handed over instead of the text where there is any.
    packed: Option<Bytes>,
    pub(crate) rows: Rows,
}

/// One block, and little of it.
pub(crate) static SMALL: LazyLock<Data> = LazyLock::new(|| small(200));
/// Three blocks, of which a client may hold all. Packed, because compressing it anew in every case
/// would take most of the time.
pub(crate) static BLOCKS: LazyLock<Data> = LazyLock::new(|| packed(2 * BLOCK + BLOCK / 4));
/// More than a client may hold.
pub(crate) static LARGE: LazyLock<Data> = LazyLock::new(|| packed(2 * BUDGET + BLOCK / 2));
/// Three blocks after the client has compressed them.
pub(crate) static NOISE: LazyLock<Data> = LazyLock::new(|| noise(2 * BLOCK + BLOCK / 4));

/// This many short rows.
pub(crate) fn small(rows: usize) -> Data {
    data((0..rows).map(|n| format!("row {n}")))
}

fn data(texts: impl Iterator<Item = String>) -> Data {
    let (mut text, mut rows) = (Vec::new(), Rows::default());
    for (number, value) in texts.enumerate() {
        writeln!(text, "{number},{value}").unwrap();
        rows.add(number as i64, &value);
    }
    Data {
        text: text.into(),
        packed: None,
        rows,
    }
}

/// Rows of this many bytes, as gzip that is not smaller.
pub(crate) fn packed(size: usize) -> Data {
    const WIDTH: usize = 8 * 1024;
    let mut data = data((0..size.div_ceil(WIDTH)).map(|n| format!("{n:x>WIDTH$}")));
    data.packed = Some(gzipped(&data.text));
    data
}

/// As gzip that is not smaller.
pub(crate) fn gzipped(text: &[u8]) -> Bytes {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
    gzip.write_all(text).unwrap();
    gzip.finish().unwrap().into()
}

/// Rows whose texts do not become smaller than `compressed` bytes in all.
pub(crate) fn noise(compressed: usize) -> Data {
    let mut random = Random::new(1);
    data((0..compressed.div_ceil(NOISE_PER_ROW)).map(|_| {
        let bytes: Vec<u8> = (0..NOISE_PER_ROW / 8)
            .flat_map(|_| random.next().to_le_bytes())
            .collect();
        STANDARD_NO_PAD.encode(bytes)
    }))
}

/// The form in which data is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Bytes,
    File,
    /// One-shot, within what the client may hold.
    Reader,
    /// One-shot, and more than that.
    LargeReader,
}

impl Kind {
    pub(crate) const ALL: [Kind; 4] = [Kind::Bytes, Kind::File, Kind::Reader, Kind::LargeReader];

    /// Settings of the client that ingests it.
    pub(crate) fn settings(self) -> Vec<(&'static str, String)> {
        match self {
            Kind::LargeReader => vec![("memory budget", BUDGET.to_string())],
            _ => Vec::new(),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Bytes => "bytes",
            Kind::File => "file",
            Kind::Reader => "reader",
            Kind::LargeReader => "reader over budget",
        }
    }
}

/// A source, with the objects that must outlive it.
pub(crate) struct Handed {
    pub(crate) source: Source,
    _directory: Option<tempfile::TempDir>,
}

/// `data` in the form of `kind`, named `data.csv`, or `data.csv.gz` where it is packed.
pub(crate) fn hand(kind: Kind, data: &Data) -> Handed {
    let (name, content) = match &data.packed {
        Some(packed) => ("data.csv.gz", packed),
        None => ("data.csv", &data.text),
    };
    let in_memory = |source: Source| Handed {
        source: source.with_name(name),
        _directory: None,
    };
    match kind {
        Kind::Bytes => in_memory(Source::bytes(content.clone())),
        Kind::Reader | Kind::LargeReader => {
            in_memory(Source::reader(std::io::Cursor::new(content.clone())))
        }
        Kind::File => {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join(name);
            std::fs::write(&path, content).unwrap();
            Handed {
                source: Source::file(path),
                _directory: Some(directory),
            }
        }
    }
}
