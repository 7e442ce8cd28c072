use std::io::Read;

use proptest::prelude::*;

use super::*;

const LEVELS: [CompressionLevel; 3] = [
    CompressionLevel::Fast,
    CompressionLevel::Balanced,
    CompressionLevel::Small,
];

/// The member that a run makes of these chunks.
fn member(gzip: &Gzip, chunks: &[&[u8]]) -> Vec<u8> {
    let mut out = HEADER.to_vec();
    let mut crc = Crc::new();
    let mut before = Bytes::new();
    for chunk in chunks {
        let encoded = gzip.encode(&before, chunk).unwrap();
        out.extend_from_slice(&encoded.data);
        crc.combine(&encoded.crc);
        before = window(&Bytes::copy_from_slice(chunk));
    }
    out.extend_from_slice(&trailer(&crc));
    out
}

/// The members of these chunks joined, and of all of it at once.
fn members(gzip: &Gzip, data: &[u8], size: usize) -> [Vec<u8>; 2] {
    let chunks: Vec<&[u8]> = data.chunks(size).collect();
    [member(gzip, &chunks), gzip.member(data).unwrap().to_vec()]
}

/// Reads one member and nothing behind it, as the readers do that ignore further members.
fn read_back(data: &[u8]) -> Vec<u8> {
    let mut decoder = flate2::bufread::GzDecoder::new(data);
    let mut back = Vec::new();
    decoder.read_to_end(&mut back).unwrap();
    assert!(decoder.into_inner().is_empty(), "bytes behind the member");
    back
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 7u64;
    (0..length)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        })
        .collect()
}

#[test]
fn chunks_of_every_kind_are_one_member() {
    let words = b"the same words again and again ".repeat(40_000);
    for data in [words, noise(700_000), vec![0; 2_000_000]] {
        for size in [1000, WINDOW - 1, WINDOW, WINDOW + 1, 512 * 1024] {
            for level in LEVELS {
                let gzip = Gzip::new(level, 1);
                for member in members(&gzip, &data, size) {
                    assert!(read_back(&member) == data, "{level} {size}");
                }
            }
        }
    }
}

/// An ingestion refuses an empty source, so `cargo xtask test gzip` has this sample from here.
#[test]
fn no_data_is_a_member_too() {
    let empty = member(&Gzip::new(CompressionLevel::default(), 1), &[]);
    assert!(read_back(&empty).is_empty());
    if let Some(directory) = std::env::var_os("KUSTO_TEST_GZIP") {
        let directory = std::path::PathBuf::from(directory);
        std::fs::write(directory.join("empty"), "").unwrap();
        std::fs::write(directory.join("empty.gz"), &empty).unwrap();
    }
}

#[test]
fn a_used_encoder_gives_the_same_bytes_as_a_new_one() {
    let (first, second) = (noise(100_000), b"other words ".repeat(9000));
    for level in LEVELS {
        let used = Gzip::new(level, 1);
        used.encode(&first, &second).unwrap();
        // Also with the output buffer of a smaller chunk.
        used.put(used.encode(&[], b"small").unwrap());
        let all = used.member(&first).unwrap();
        let fresh = Gzip::new(level, 1);
        assert!(all == fresh.member(&first).unwrap());
        used.member(b"small").unwrap();
        let again = used.encode(&second[..100], &first).unwrap().data;
        assert!(again == fresh.encode(&second[..100], &first).unwrap().data);
    }
}

#[test]
fn the_dictionary_is_used() {
    let data = noise(30_000);
    for level in LEVELS {
        let gzip = Gzip::new(level, 1);
        let with = gzip.encode(&data, &data).unwrap().data.len();
        let without = gzip.encode(&[], &data).unwrap().data.len();
        assert!(with < without / 4, "{level}: {with} and {without} bytes");
    }
}

#[test]
fn little_data_is_smaller_as_a_whole() {
    let data = b"the same words, and 1, 2, 3 others ".repeat(20);
    for level in LEVELS {
        let gzip = Gzip::new(level, 1);
        let [joined, whole] = members(&gzip, &data, data.len());
        assert!(whole.len() < joined.len(), "{level}: {}", whole.len());
    }
}

#[test]
fn what_cannot_be_compressed_hardly_grows() {
    let data = noise(512 * 1024);
    for level in LEVELS {
        let length = Gzip::new(level, 1).encode(&[], &data).unwrap().data.len();
        assert!(length < data.len() + data.len() / 100, "{level}: {length}");
    }
}

#[test]
fn levels_are_read_by_name() {
    for level in LEVELS {
        let name = level.to_string();
        assert_eq!(
            name.to_uppercase().parse::<CompressionLevel>().unwrap(),
            level
        );
    }
    let error = "best".parse::<CompressionLevel>().unwrap_err();
    assert_eq!(error.argument(), Some("compression level"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_data_in_any_chunks_reads_back(
        pieces in prop::collection::vec((any::<u8>(), 1usize..5000, any::<bool>()), 0..20),
        cut in 1usize..20_000,
        level in prop::sample::select(&LEVELS[..]),
    ) {
        let data: Vec<u8> = pieces
            .into_iter()
            .flat_map(|(byte, length, even)| match even {
                true => vec![byte; length],
                false => noise(length),
            })
            .collect();
        for member in members(&Gzip::new(level, 1), &data, cut) {
            prop_assert!(read_back(&member) == data);
        }
    }
}
