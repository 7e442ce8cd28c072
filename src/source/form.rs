//! Forms that data has by its first bytes or by its name, and whether they contradict what was
//! declared. The service does not look: it would ingest compressed bytes as rows of text.

use super::catalog::Compression;
use crate::error::{Error, Result};
use crate::props::{DataFormat, file_name};

/// As many first bytes as [`Declared::check`] needs.
pub(crate) const HEAD: usize = 12;

/// One known form of data.
#[derive(Debug)]
struct Form {
    name: &'static str,
    begins: fn(&[u8]) -> bool,
    /// Endings of file names, in small letters.
    endings: &'static [&'static str],
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Compressed in a way that the service reads.
    Packed(Compression),
    /// Compressed or an archive, which the service does not read.
    Foreign,
    /// An encoding of text, which the service does not read.
    Encoding,
    /// A binary format, which the service reads under its own name.
    Binary(&'static [DataFormat]),
    /// A document, which the service reads as text at most.
    Document,
}

const AVRO: &[DataFormat] = &[DataFormat::Avro, DataFormat::ApacheAvro];

/// UTF-32 before UTF-16, whose byte order mark begins it.
const FORMS: [Form; 20] = [
    form(
        "gzip",
        |head| head.starts_with(b"\x1f\x8b\x08"),
        &[],
        Kind::Packed(Compression::Gzip),
    ),
    form("zip", is_zip, &[], Kind::Packed(Compression::Zip)),
    form(
        "zstd",
        |head| head.starts_with(b"\x28\xb5\x2f\xfd"),
        &["zst", "zstd"],
        Kind::Foreign,
    ),
    form(
        "bzip2",
        is_bzip2,
        &["bz2", "bz", "bzip2", "tbz", "tbz2"],
        Kind::Foreign,
    ),
    form(
        "xz",
        |head| head.starts_with(b"\xfd7zXZ\0"),
        &["xz", "lzma", "txz"],
        Kind::Foreign,
    ),
    form(
        "compress (.Z)",
        |head| head.starts_with(b"\x1f\x9d"),
        &["z"],
        Kind::Foreign,
    ),
    form(
        "lz4",
        |head| head.starts_with(b"\x04\x22\x4d\x18"),
        &["lz4"],
        Kind::Foreign,
    ),
    form(
        "snappy",
        |head| head.starts_with(b"\xff\x06\x00\x00sNaPpY"),
        &["snappy", "sz"],
        Kind::Foreign,
    ),
    form(
        "7z",
        |head| head.starts_with(b"7z\xbc\xaf\x27\x1c"),
        &["7z"],
        Kind::Foreign,
    ),
    form(
        "rar",
        |head| head.starts_with(b"Rar!\x1a\x07"),
        &["rar"],
        Kind::Foreign,
    ),
    form("tar", never, &["tar", "tgz"], Kind::Foreign),
    form("brotli", never, &["br"], Kind::Foreign),
    form("UTF-32", is_utf32, &[], Kind::Encoding),
    form(
        "UTF-16",
        |head| head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff"),
        &[],
        Kind::Encoding,
    ),
    // Text may begin with the letters, but has no control character behind them.
    form(
        "Parquet",
        |head| head.starts_with(b"PAR1\x15"),
        &[],
        Kind::Binary(&[DataFormat::Parquet]),
    ),
    form(
        "Avro",
        |head| head.starts_with(b"Obj\x01"),
        &[],
        Kind::Binary(AVRO),
    ),
    form("ORC", is_orc, &[], Kind::Binary(&[DataFormat::Orc])),
    form(
        "Arrow",
        |head| head.starts_with(b"ARROW1\0\0"),
        &["arrow", "feather"],
        Kind::Document,
    ),
    form("GeoJSON", never, &["geojson"], Kind::Document),
    form(
        "a document",
        never,
        &[
            "xml", "html", "htm", "yaml", "yml", "xls", "xlsx", "ods", "pdf",
        ],
        Kind::Document,
    ),
];

const fn form(
    name: &'static str,
    begins: fn(&[u8]) -> bool,
    endings: &'static [&'static str],
    kind: Kind,
) -> Form {
    Form {
        name,
        begins,
        endings,
        kind,
    }
}

/// Without a mark of its own at the beginning.
fn never(_: &[u8]) -> bool {
    false
}

/// With entries, empty, or in parts.
fn is_zip(head: &[u8]) -> bool {
    [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"]
        .iter()
        .any(|magic| head.starts_with(*magic))
}

/// The mark of the first block too: `BZh9` alone may be text.
fn is_bzip2(head: &[u8]) -> bool {
    let block = head.get(4..10);
    head.starts_with(b"BZh")
        && (block == Some(b"1AY&SY") || block == Some(b"\x17\x72\x45\x38\x50\x90"))
}

/// The letters may begin a text. What follows them is the header of a compressed chunk, or the index of
/// the first stripe, with bytes that no text has.
fn is_orc(head: &[u8]) -> bool {
    let rest = head.strip_prefix(b"ORC").unwrap_or_default();
    rest.iter()
        .any(|byte| *byte < b' ' && !b"\x01\t\n\r".contains(byte))
}

fn is_utf32(head: &[u8]) -> bool {
    head.starts_with(b"\xff\xfe\0\0") || head.starts_with(b"\0\0\xfe\xff")
}

/// What the data was declared to be: by settings, by its name, or by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) compression: Compression,
    pub(crate) format: DataFormat,
}

impl Declared {
    /// Uncompressed, in the default format.
    #[cfg(any(test, feature = "bench"))]
    pub(crate) const PLAIN: Self = Self {
        compression: Compression::None,
        format: DataFormat::Csv,
    };

    /// Compares with the first bytes of the data, [`HEAD`] of them or all.
    pub(crate) fn check(self, head: &[u8]) -> Result<()> {
        let found = FORMS.iter().find(|form| (form.begins)(head));
        match (self.compression, found) {
            (Compression::None, None) => Ok(()),
            (Compression::None, Some(found)) => self.check_plain(found),
            (packed, Some(found)) if found.kind == Kind::Packed(packed) => Ok(()),
            (packed, found) => {
                let declared = name_of(packed);
                Err(contradiction(match found {
                    Some(found) => format!(
                        "is declared (or named) as {declared}, but is {}",
                        found.name
                    ),
                    None => {
                        format!("is declared (or named) as {declared}, but does not begin as such")
                    }
                }))
            }
        }
    }

    fn check_plain(self, found: &Form) -> Result<()> {
        let (name, format) = (found.name, self.format);
        Err(contradiction(match found.kind {
            Kind::Packed(packed) => format!(
                "is {name}, but is declared (or named) as uncompressed {format}: set its \
                 compression to {}",
                name_of(packed)
            ),
            Kind::Binary(formats) if formats.contains(&format) => return Ok(()),
            Kind::Binary(formats) => format!(
                "is {name}, but is declared (or named) as {format}: set its format to {}",
                formats[0]
            ),
            Kind::Encoding => format!("is {name}: the service reads UTF-8 only"),
            Kind::Foreign | Kind::Document => format!(
                "is {name}, but is declared (or named) as uncompressed {format}: the service does \
                 not read {name}, unpack it first"
            ),
        }))
    }
}

/// Fails for a name that says a form which the service does not read. `format` is the format by
/// anything but the default, `compression` whether the caller declared one: then the name does not
/// count.
pub(crate) fn check_name(
    name: &str,
    format: Option<DataFormat>,
    compression: Option<Compression>,
) -> Result<()> {
    let lower = file_name(name).to_ascii_lowercase();
    let inner = [".gz", ".gzip", ".zip"]
        .iter()
        .find_map(|suffix| lower.strip_suffix(suffix))
        .unwrap_or(&lower);
    let Some((_, ending)) = inner.rsplit_once('.') else {
        return Ok(());
    };
    let found = FORMS.iter().find(|form| form.endings.contains(&ending));
    match found.map(|form| (form.kind, form.name)) {
        Some((Kind::Document, name)) if format.is_none() => Err(Error::invalid_argument(
            "format",
            format!("is not given, and the name's ending .{ending} means {name}: set the format"),
        )),
        Some((Kind::Foreign, form)) if compression.is_none() => Err(contradiction(format!(
            "is {form} by its name's ending .{ending}, which the service does not read: unpack it \
             first, or set the compression if the name is wrong"
        ))),
        _ => Ok(()),
    }
}

fn name_of(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "none",
        Compression::Gzip => "gzip",
        Compression::Zip => "zip",
    }
}

fn contradiction(why: String) -> Error {
    Error::invalid_argument("source", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(compression: Compression, format: DataFormat, head: &[u8]) -> Result<()> {
        Declared {
            compression,
            format,
        }
        .check(head)
    }

    /// The first bytes of real data, and a word of the error under a text format.
    const FOREIGN: [(&[u8], &str); 20] = [
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "compression to gzip"),
        (b"PK\x03\x04\x14\0\0\0", "compression to zip"),
        (b"PK\x05\x06\0\0\0\0", "compression to zip"),
        (b"\x28\xb5\x2f\xfd\x24\x05", "zstd"),
        (b"BZh91AY&SY\x12\x34", "bzip2"),
        (b"BZh9\x17\x72\x45\x38\x50\x90\0\0", "bzip2"),
        (b"\xfd7zXZ\0\0\x04", "xz"),
        (b"\x1f\x9d\x90a", "compress"),
        (b"\x04\x22\x4d\x18\x64", "lz4"),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "7z"),
        (b"Rar!\x1a\x07\x01\0", "rar"),
        (b"\xff\xfe1\0,\0", "UTF-16"),
        (b"\xfe\xff\x001\0,", "UTF-16"),
        (b"\xff\xfe\0\x001\0\0\0", "UTF-32"),
        (b"PAR1\x15\x04", "format to parquet"),
        (b"Obj\x01\x04\x14", "format to avro"),
        (b"ORC\x08\x03", "format to orc"),
        (b"ORC\x0a\x06\x12\x04\x08\x03\x50\0", "format to orc"),
        (b"ORC\x11\0\0\x0a\x06\x12\x04", "format to orc"),
        (b"ARROW1\0\0\xff\xff", "Arrow"),
    ];

    #[test]
    fn every_text_format_refuses_bytes_of_another_form() {
        let text = DataFormat::ALL
            .into_iter()
            .filter(|format| format.is_compressible());
        for format in text {
            for (head, word) in FOREIGN {
                let error = check(Compression::None, format, head).unwrap_err();
                assert_eq!(error.argument(), Some("source"));
                assert!(error.to_string().contains(word), "{format}: {error}");
            }
        }
    }

    #[test]
    fn text_that_looks_like_a_form_is_text() {
        let texts: [&[u8]; 13] = [
            b"",
            b"1",
            b"\xef\xbb\xbf1,a\n",
            b"BZh9,a,b,c,d\n",
            b"PK,1\n",
            b"PAR1,2\n",
            b"ORC,2\n",
            b"ORC\t2\n",
            b"ORC\n1\r\n2\n",
            b"ORC\x012\x013\n",
            b"ORCHARD,2\n",
            b"ARROW1,2\n",
            b"\xff,latin 1",
        ];
        for text in texts {
            check(Compression::None, DataFormat::Csv, text).unwrap();
        }
    }

    #[test]
    fn a_binary_format_refuses_another_form_only() {
        for (format, head) in [
            (DataFormat::Parquet, &b"PAR1\x15\x04"[..]),
            (DataFormat::Avro, b"Obj\x01\x04"),
            (DataFormat::ApacheAvro, b"Obj\x01\x04"),
            (DataFormat::Orc, b"ORC\x08\x03"),
            (DataFormat::SStream, b"anything"),
        ] {
            check(Compression::None, format, head).unwrap();
            let others = FOREIGN.iter().filter(|(other, _)| other[..3] != head[..3]);
            for (other, _) in others {
                check(Compression::None, format, other).unwrap_err();
            }
        }
    }

    #[test]
    fn declared_compression_is_what_the_bytes_are() {
        check(Compression::Gzip, DataFormat::Csv, FOREIGN[0].0).unwrap();
        check(Compression::Zip, DataFormat::Csv, FOREIGN[1].0).unwrap();
        for wrong in [&b"1,a\n"[..], b"", b"\x1f", b"PK,1\n", FOREIGN[3].0] {
            for packed in [Compression::Gzip, Compression::Zip] {
                let error = check(packed, DataFormat::Csv, wrong).unwrap_err();
                assert!(error.to_string().contains("declared"), "{error}");
            }
        }
        let error = check(Compression::Gzip, DataFormat::Csv, FOREIGN[1].0).unwrap_err();
        assert!(error.to_string().contains("but is zip"), "{error}");
    }

    #[test]
    fn names_of_other_forms_are_refused() {
        let csv = Some(DataFormat::Csv);
        for (name, word) in [
            ("f.csv.bz2", "bzip2"),
            ("dir/f.tgz", "tar"),
            ("f.tar.gz", "tar"),
            ("f.csv.xz", "xz"),
            ("f.csv.ZST", "zstd"),
            ("f.csv.Z", "compress"),
            ("f.7z", "7z"),
            ("f.rar", "rar"),
            ("https://h/c/f.json.lz4?sig=a.csv", "lz4"),
        ] {
            for format in [None, csv] {
                let error = check_name(name, format, None).unwrap_err();
                assert!(error.to_string().contains(word), "{name}: {error}");
            }
            check_name(name, csv, Some(Compression::None)).unwrap();
        }
        for name in ["f.geojson", "f.xml", "f.xlsx", "f.geojson.gz"] {
            let error = check_name(name, None, None).unwrap_err();
            assert_eq!(error.argument(), Some("format"), "{name}");
            check_name(name, csv, None).unwrap();
        }
        for name in [
            "",
            "f",
            "f.csv",
            "f.log",
            "f.dat",
            "f.csv.gz",
            "f.json.gzip",
            "dir.bz2/f",
        ] {
            check_name(name, None, None).unwrap();
        }
    }
}
