//! Bodies of replies in gzip, for clients that ask for it.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::HeaderMap;
use hyper::header::ACCEPT_ENCODING;

/// How much is compressed at once.
const PIECE: usize = 64 << 10;

/// A body that is compressed while it is sent.
pub(crate) struct Gzip {
    plain: Bytes,
    /// None: it is at its end.
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl Gzip {
    pub(crate) fn new(plain: impl Into<Bytes>) -> Self {
        Self {
            plain: plain.into(),
            encoder: Some(GzEncoder::new(Vec::new(), Compression::fast())),
        }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.encoder.is_none()
    }

    /// The next bytes; none at the end.
    pub(super) fn next(&mut self) -> std::io::Result<Option<Bytes>> {
        while let Some(encoder) = &mut self.encoder {
            if self.plain.is_empty() {
                let rest = self.encoder.take().map(GzEncoder::finish).transpose()?;
                return Ok(rest.map(Bytes::from));
            }
            encoder.write_all(&self.plain.split_to(PIECE.min(self.plain.len())))?;
            let made = std::mem::take(encoder.get_mut());
            if !made.is_empty() {
                return Ok(Some(made.into()));
            }
        }
        Ok(None)
    }
}

/// Whether the client names gzip among the encodings it takes.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(ACCEPT_ENCODING).iter();
    lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','))
        .any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
            let refused = weight.parse() == Ok(0.0);
            name.trim().eq_ignore_ascii_case("gzip") && !refused
        })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn pieces_together_are_the_whole() {
        for length in [0, 1, PIECE, PIECE * 3 + 1] {
            let plain: Vec<u8> = (0..length).map(|at| (at * 31 % 251) as u8).collect();
            let mut body = Gzip::new(plain.clone());
            let mut sent = Vec::new();
            while let Some(piece) = body.next().unwrap() {
                sent.extend_from_slice(&piece);
            }
            assert!(body.is_at_end());
            let mut unpacked = Vec::new();
            GzDecoder::new(&sent[..])
                .read_to_end(&mut unpacked)
                .unwrap();
            assert_eq!(unpacked, plain);
        }
    }

    #[test]
    fn only_clients_that_name_gzip_get_it() {
        for (list, accepted) in [
            ("gzip", true),
            ("gzip,deflate", true),
            ("br;q=1.0, GZIP;q=0.8, *;q=0.1", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000", false),
            ("identity", false),
            ("*", false),
            ("xgzip", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(list));
            assert_eq!(accepts_gzip(&headers), accepted, "{list}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
