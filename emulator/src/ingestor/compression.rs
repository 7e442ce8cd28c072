//! From a blob's bytes to the uncompressed files in them.
//!
//! The name's suffix says how a blob is compressed (`.gz`, `.zip`, in any case) and the content must
//! agree: otherwise the blob is invalid (`BadRequest_InvalidBlob`, which the service lists under "bad
//! format"; the `Download_*` codes are about reaching the blob, and it was reached). An archive that
//! cannot be read or that is empty has codes of its own.
//!
//! Whether the service unpacks a blob that is gzip and does not say so is not documented: the suffix is what the
//! documentation asks for, and one official SDK sends such blobs when its streaming ingestion falls back to the
//! queue. What passes here must not fail there, so it is unpacked only when the emulator is told to.

use std::io::{Cursor, Read};

use flate2::bufread::GzDecoder;
use flate2::read::MultiGzDecoder;
use regex::Regex;
use zip::ZipArchive;

use super::failure::{ErrorCode, Failure};

const GZIP_MAGIC: &[u8] = &[0x1F, 0x8B];

/// What the message says about unpacking.
pub(crate) struct Unpacking<'a> {
    /// The blob's name, whose suffix tells the compression.
    pub(crate) blob_name: &'a str,
    /// Take a `.gz` name for a name like any other.
    pub(crate) gz_as_uncompressed: bool,
    /// Unpack gzip under any name.
    pub(crate) sniff: bool,
    /// Which entries of an archive to read; all when not given.
    pub(crate) zip_pattern: Option<&'a Regex>,
    /// The most uncompressed bytes a source may have.
    pub(crate) limit: u64,
}

/// Calls `file` with every uncompressed file in the blob, one after the other so that only one is in memory.
pub(crate) fn for_each_file(
    blob: Vec<u8>,
    unpacking: &Unpacking<'_>,
    file: &mut dyn FnMut(Vec<u8>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let name = unpacking.blob_name.to_ascii_lowercase();
    if name.ends_with(".zip") {
        return unzip(blob, unpacking, file);
    }
    if unpacking.gz_as_uncompressed {
        return file(blob);
    }
    let is_gzip = blob.starts_with(GZIP_MAGIC);
    match (name.ends_with(".gz"), is_gzip) {
        (true, false) => Err(Failure::new(
            ErrorCode::InvalidBlob,
            "The blob's name ends with '.gz' but its content is not gzip.",
        )),
        (false, true) if !unpacking.sniff => Err(Failure::new(
            ErrorCode::InvalidBlob,
            "The blob's content is gzip but its name does not end with '.gz' (the emulator unpacks it with --sniff-gzip).",
        )),
        (_, true) => file(gunzip(&blob, unpacking.limit)?),
        (false, false) => file(blob),
    }
}

/// All members of a gzip stream.
fn gunzip(blob: &[u8], limit: u64) -> Result<Vec<u8>, Failure> {
    let mut content = Vec::new();
    MultiGzDecoder::new(blob)
        .take(limit.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(|e| {
            Failure::new(
                ErrorCode::InvalidBlob,
                format!("The blob's gzip stream is damaged or cut off: {e}."),
            )
        })?;
    check_size(content.len() as u64, limit)?;
    Ok(content)
}

/// Whether something stands behind the first member of a gzip stream.
pub(super) fn has_more_members(stream: &[u8], limit: u64) -> bool {
    let mut member = GzDecoder::new(stream);
    let unpacked = std::io::copy(&mut member.by_ref().take(limit), &mut std::io::sink());
    unpacked.is_ok_and(|bytes| bytes < limit) && !member.into_inner().is_empty()
}

fn unzip(
    blob: Vec<u8>,
    unpacking: &Unpacking<'_>,
    file: &mut dyn FnMut(Vec<u8>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let invalid = |e: &dyn std::fmt::Display| {
        Failure::new(
            ErrorCode::InvalidArchive,
            format!("The zip archive cannot be read: {e}."),
        )
    };
    let mut archive = ZipArchive::new(Cursor::new(blob)).map_err(|e| invalid(&e))?;
    // Of two entries with one name the library below shows one only.
    if archive.has_duplicate_names() {
        return Err(invalid(&"two of its entries have the same name"));
    }
    let mut left = unpacking.limit;
    let mut files = 0;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|e| invalid(&e))?;
        let name = entry.name().map_err(|e| invalid(&e))?;
        let wanted = unpacking.zip_pattern.is_none_or(|p| p.is_match(&name));
        if entry.is_dir() || !wanted {
            continue;
        }
        let mut content = Vec::new();
        (&mut entry)
            .take(left.saturating_add(1))
            .read_to_end(&mut content)
            .map_err(|e| invalid(&e))?;
        check_size(content.len() as u64, left)?;
        left -= content.len() as u64;
        files += 1;
        file(content)?;
    }
    if files == 0 {
        return Err(Failure::new(
            ErrorCode::EmptyArchive,
            "The zip archive holds no file to ingest.",
        ));
    }
    Ok(())
}

fn check_size(size: u64, limit: u64) -> Result<(), Failure> {
    if size > limit {
        return Err(Failure::new(
            ErrorCode::FileTooLarge,
            "The uncompressed data is larger than the service accepts in one source.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn zip(files: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            let options = SimpleFileOptions::default();
            writer.start_file(*name, options).unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn no_entry_of_a_name_that_is_there_twice_is_lost_in_silence() {
        // Two names of one length: the second becomes the first, in both of its places.
        let mut blob = zip(&[("a.csv", "1"), ("b.csv", "2")]);
        for at in 0..blob.len() - 5 {
            if blob[at..].starts_with(b"b.csv") {
                blob[at] = b'a';
            }
        }
        let failure = files(blob, &named("x.zip")).unwrap_err();
        assert_eq!(failure.code, ErrorCode::InvalidArchive);
        assert!(failure.details.contains("same name"), "{failure}");
    }

    fn files(blob: Vec<u8>, unpacking: &Unpacking<'_>) -> Result<Vec<String>, Failure> {
        let mut files = Vec::new();
        for_each_file(blob, unpacking, &mut |content| {
            files.push(String::from_utf8(content).unwrap());
            Ok(())
        })?;
        Ok(files)
    }

    fn named(blob_name: &str) -> Unpacking<'_> {
        Unpacking {
            blob_name,
            gz_as_uncompressed: false,
            sniff: false,
            zip_pattern: None,
            limit: 1000,
        }
    }

    fn code(blob: Vec<u8>, unpacking: &Unpacking<'_>) -> ErrorCode {
        files(blob, unpacking).unwrap_err().code
    }

    #[test]
    fn plain_and_gzip() {
        assert_eq!(files(b"a".to_vec(), &named("x.csv")).unwrap(), ["a"]);
        assert_eq!(files(gzip(b"a"), &named("x.csv.GZ")).unwrap(), ["a"]);
        assert_eq!(code(gzip(b"a"), &named("x.csv")), ErrorCode::InvalidBlob);
        let sniffing = Unpacking {
            sniff: true,
            ..named("x.csv")
        };
        assert_eq!(files(gzip(b"a"), &sniffing).unwrap(), ["a"]);
        assert_eq!(files(b"a".to_vec(), &sniffing).unwrap(), ["a"]);
    }

    #[test]
    fn all_gzip_members_are_read() {
        let blob = [gzip(b"one,"), gzip(b""), gzip(b"two")].concat();
        assert_eq!(files(blob, &named("x.gz")).unwrap(), ["one,two"]);
    }

    #[test]
    fn a_gz_name_wants_gzip_content() {
        assert_eq!(
            code(b"plain".to_vec(), &named("x.gz")),
            ErrorCode::InvalidBlob
        );
        let mut cut = gzip(b"some text that is long enough");
        cut.truncate(cut.len() - 6);
        assert_eq!(code(cut, &named("x.gz")), ErrorCode::InvalidBlob);
        let mut damaged = gzip(b"some text that is long enough");
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0xFF;
        assert_eq!(code(damaged, &named("x.gz")), ErrorCode::InvalidBlob);
    }

    #[test]
    fn gz_can_be_just_a_name() {
        let unpacking = Unpacking {
            gz_as_uncompressed: true,
            ..named("x.gz")
        };
        assert_eq!(files(b"plain".to_vec(), &unpacking).unwrap(), ["plain"]);
    }

    #[test]
    fn archives() {
        let archive = zip(&[("a.csv", "1"), ("b.txt", "2"), ("dir/c.csv", "3")]);
        assert_eq!(
            files(archive.clone(), &named("x.zip")).unwrap(),
            ["1", "2", "3"]
        );
        let pattern = Regex::new(r"\.csv$").unwrap();
        let unpacking = Unpacking {
            zip_pattern: Some(&pattern),
            ..named("x.zip")
        };
        assert_eq!(files(archive, &unpacking).unwrap(), ["1", "3"]);
        assert_eq!(code(zip(&[]), &named("x.zip")), ErrorCode::EmptyArchive);
        assert_eq!(
            code(b"PK".to_vec(), &named("x.zip")),
            ErrorCode::InvalidArchive
        );
    }

    #[test]
    fn the_limit_is_on_the_uncompressed_size() {
        let big = vec![b'a'; 1001];
        assert_eq!(code(gzip(&big), &named("x.gz")), ErrorCode::FileTooLarge);
        let half = "b".repeat(501);
        let archive = zip(&[("a", &half), ("b", &half)]);
        assert_eq!(code(archive, &named("x.zip")), ErrorCode::FileTooLarge);
        assert!(files(gzip(&big[1..]), &named("x.gz")).is_ok());
    }
}
