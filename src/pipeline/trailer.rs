//! The size that a gzip stream says it unpacks to, where that can be believed.

/// Magic, method, flags, time, extra flags, system.
const HEADER: usize = 10;
/// A stream that shrinks by less than this much is taken at its word. The trailer counts modulo
/// 4 GiB: a source that really is 4 GiB larger would have to shrink by more.
const PLAUSIBLE_RATIO: u64 = 100;
/// How much longer than its content one member may be: deflate stores 5 bytes for each 16 KiB that
/// it cannot compress, and header and trailer may hold names.
const OVERHEAD: u64 = 64 * 1024;

/// Watches a stream that is declared as gzip.
#[derive(Debug, Default)]
pub(super) struct Trailer {
    /// The last bytes: enough for a header that two chunks share.
    tail: Vec<u8>,
    length: u64,
    /// Whether something after the beginning looks like the header of another member, whose trailer
    /// would speak of that member only. Compressed data looks so by chance about once in 100 GB.
    several: bool,
}

impl Trailer {
    pub(super) fn add(&mut self, data: &[u8]) {
        let start = usize::from(self.length == 0);
        self.length += data.len() as u64;
        if !self.several {
            let joint = HEADER - 1;
            let mut across = std::mem::take(&mut self.tail);
            let known = across.len().min(joint);
            across.drain(..across.len() - known);
            across.extend_from_slice(&data[..data.len().min(joint)]);
            // The stream's own header, while it is still in front, is no second one.
            let own = usize::from(self.length - data.len() as u64 == known as u64);
            self.several = holds_header(across.get(own..).unwrap_or_default())
                || holds_header(data.get(start..).unwrap_or_default());
            self.tail = across;
            self.tail.truncate(known);
        }
        let kept = data.len().min(HEADER - 1);
        self.tail.extend_from_slice(&data[data.len() - kept..]);
        let extra = self.tail.len().saturating_sub(HEADER - 1);
        self.tail.drain(..extra);
    }

    /// The size of the content, after the whole stream was seen: `None` where the trailer may speak of
    /// a part only, or of something else.
    pub(super) fn unpacked(&self) -> Option<u64> {
        let last = self.tail.last_chunk::<4>()?;
        let size = u64::from(u32::from_le_bytes(*last));
        let shrinks_too_much = (size + (1 << 32)) / PLAUSIBLE_RATIO < self.length;
        let is_too_short = size + size / 3000 + OVERHEAD < self.length;
        let believable = !self.several && !shrinks_too_much && !is_too_short && size > 0;
        believable.then_some(size)
    }
}

/// Whether the header of a gzip member, as its writers make it, is somewhere in the data.
fn holds_header(data: &[u8]) -> bool {
    data.windows(HEADER).any(|header| {
        header[0] == 0x1f
            && header[1..3] == *b"\x8b\x08"
            && header[3] & 0xe0 == 0
            && matches!(header[8], 0 | 2 | 4)
            && matches!(header[9], 0..=13 | 255)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    /// In pieces of every size that matters.
    fn unpacked(stream: &[u8]) -> Option<u64> {
        let mut sizes: Vec<_> = [1, 3, 9, 10, 11, stream.len().max(1)]
            .into_iter()
            .map(|size| {
                let mut trailer = Trailer::default();
                stream.chunks(size).for_each(|piece| trailer.add(piece));
                trailer.unpacked()
            })
            .collect();
        sizes.dedup();
        assert_eq!(sizes.len(), 1, "{sizes:?}");
        sizes[0]
    }

    #[test]
    fn one_member_says_its_size() {
        for length in [1, 4, 1000, 100_000] {
            assert_eq!(unpacked(&gzip(&vec![b'x'; length])), Some(length as u64));
        }
    }

    #[test]
    fn what_may_be_a_part_is_left_out() {
        let member = gzip(b"1,a\n2,b\n");
        let several = [member.clone(), member.clone()].concat();
        assert_eq!(unpacked(&several), None, "two members");
        let empty_last = [member.clone(), gzip(b"")].concat();
        assert_eq!(
            unpacked(&empty_last),
            None,
            "an empty last member, as bgzip writes"
        );
        let padded = [member.clone(), vec![0; 512]].concat();
        assert_eq!(unpacked(&padded), None, "padding behind the member");
        assert_eq!(unpacked(&gzip(b"")), None, "no content");
        assert_eq!(unpacked(b"\x1f\x8b"), None, "cut");
        assert_eq!(unpacked(b""), None);
    }

    #[test]
    fn a_size_that_may_have_passed_4_gib_is_left_out() {
        let said = |size: u32, length: u64| {
            let mut trailer = Trailer::default();
            trailer.add(&size.to_le_bytes());
            trailer.length = length;
            trailer.unpacked()
        };
        assert_eq!(said(400_000_000, 40_000_000), Some(400_000_000));
        assert_eq!(said(u32::MAX, 80_000_000), Some(u64::from(u32::MAX)));
        assert_eq!(said(400_000_000, 60_000_000), None);
        assert_eq!(said(1000, 10_000_000), None);
    }
}
