//! Whether gzip data is one member: what some readers take for all of it, without an error.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

use super::Block;

/// The most that is unpacked to find the end of a member: far more than one streaming request may bring.
const MOST: u64 = 128 << 20;

/// Whether something stands, or may stand, behind the first member of this gzip data: another member, padding, or anything
/// else. Nobody looks beyond [`MOST`]. Of data that is damaged or cut short that is not said: whoever is sent it rejects it.
pub(crate) fn has_more_than_one(blocks: &[Block]) -> bool {
    let parts = blocks.iter().map(|block| &block.data()[..]).collect();
    let mut member = GzDecoder::new(Parts { parts, current: 0 });
    let unpacked = io::copy(&mut member.by_ref().take(MOST), &mut io::sink());
    match unpacked {
        Ok(MOST) => true,
        Ok(_) => {
            let mut rest = member.into_inner();
            rest.fill_buf().is_ok_and(|rest| !rest.is_empty())
        }
        Err(_) => false,
    }
}

/// Bytes that lie in several pieces.
struct Parts<'a> {
    parts: Vec<&'a [u8]>,
    current: usize,
}

impl BufRead for Parts<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self
            .parts
            .get(self.current)
            .is_some_and(|part| part.is_empty())
        {
            self.current += 1;
        }
        Ok(self.parts.get(self.current).copied().unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        if let Some(part) = self.parts.get_mut(self.current) {
            *part = &part[count.min(part.len())..];
        }
    }
}

impl Read for Parts<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use bytes::Bytes;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::super::Budget;
    use super::*;

    fn member(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    /// Wherever the bytes are cut into blocks.
    fn has_more(data: &[u8]) -> bool {
        let budget = Budget::new(1);
        let block = |part: &[u8]| Block::new(Bytes::copy_from_slice(part), budget.clone(), None);
        let answers: Vec<bool> = (1..data.len())
            .map(|size| {
                let blocks: Vec<Block> = data.chunks(size).map(block).collect();
                has_more_than_one(&blocks)
            })
            .collect();
        assert!(
            answers.iter().all(|answer| *answer == answers[0]),
            "{answers:?}"
        );
        answers[0]
    }

    #[test]
    fn what_stands_behind_the_first_member_is_seen() {
        let one = member(b"1,x\n");
        assert!(!has_more(&one));
        for behind in [member(b"2,y\n"), member(b""), vec![0], b"x".to_vec()] {
            assert!(has_more(&[one.clone(), behind].concat()));
        }
        // The next reader says what is wrong.
        assert!(!has_more(&one[..one.len() - 1]));
        assert!(!has_more(b"no gzip"));
    }

    #[test]
    fn no_more_is_unpacked_than_a_request_may_bring() {
        let mut bomb = GzEncoder::new(Vec::new(), Compression::fast());
        let zeros = vec![0; 1 << 20];
        (0..=MOST >> 20).for_each(|_| bomb.write_all(&zeros).unwrap());
        let data = [bomb.finish().unwrap(), member(b"")].concat();
        let block = Block::new(Bytes::from(data), Budget::new(1), None);
        assert!(has_more_than_one(&[block]));
    }
}
