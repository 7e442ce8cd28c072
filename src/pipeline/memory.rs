//! The memory of one block.

use bytes::Bytes;
use memmap2::MmapMut;

/// From this size on memory is mapped.
const MAPPED: usize = 256 * 1024;
/// So much is allocated at once: a small source does not grow step by step.
const AT_ONCE: usize = 4 * 1024;

/// Grows up to a size that is known beforehand. Large ones are mapped instead of allocated from the
/// heap: the unfilled part takes no memory, and all of it is returned when the block is dropped.
/// With the heaps of several threads a process with eight sources held 25 MB more than was in use.
pub(super) enum Memory {
    Heap(Vec<u8>),
    Mapped { map: MmapMut, filled: usize },
}

impl Memory {
    /// Room for up to `size` bytes.
    pub(super) fn new(size: usize) -> Self {
        if size < MAPPED {
            return Self::Heap(Vec::with_capacity(size.min(AT_ONCE)));
        }
        match MmapMut::map_anon(size) {
            Ok(map) => Self::Mapped { map, filled: 0 },
            // The heap may still have memory.
            Err(_) => Self::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Heap(data) => data.len(),
            Self::Mapped { filled, .. } => *filled,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds `data`, which must fit.
    pub(super) fn extend(&mut self, data: &[u8]) {
        match self {
            Self::Heap(all) => all.extend_from_slice(data),
            Self::Mapped { map, filled } => {
                map[*filled..*filled + data.len()].copy_from_slice(data);
                *filled += data.len();
            }
        }
    }

    pub(super) fn freeze(self) -> Bytes {
        match self {
            Self::Heap(data) => data.into(),
            mapped @ Self::Mapped { .. } => Bytes::from_owner(mapped),
        }
    }
}

impl AsRef<[u8]> for Memory {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Heap(data) => data,
            Self::Mapped { map, filled } => &map[..*filled],
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::Heap(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_comes_out_from_the_heap_and_mapped() {
        for size in [10, MAPPED, MAPPED + 1, 4 * 1024 * 1024] {
            let mut memory = Memory::new(size);
            assert!(memory.is_empty());
            assert_eq!(matches!(memory, Memory::Mapped { .. }), size >= MAPPED);
            memory.extend(b"abc");
            memory.extend(&vec![b'd'; size - 3]);
            assert_eq!(memory.len(), size);
            let frozen = memory.freeze();
            assert_eq!((frozen.len(), &frozen[..4]), (size, &b"abcd"[..]));
        }
        let mut partial = Memory::new(MAPPED);
        partial.extend(b"x");
        assert_eq!(partial.freeze(), "x");
    }
}
