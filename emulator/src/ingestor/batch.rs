//! Gathering sources into batches: pure bookkeeping, the time is given.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::formats::DataFormat;
use super::properties::MappingChoice;

/// What sources of one batch have in common: they differ in nothing that one ingestion must have one of.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct BatchKey {
    /// In lower case: database names ignore case.
    pub(crate) database: String,
    pub(crate) table: String,
    pub(crate) format: DataFormat,
    pub(crate) mapping: MappingChoice,
}

/// When the table's policy wants a batch closed.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) time_span: Duration,
    pub(crate) max_items: usize,
    pub(crate) max_raw_bytes: u64,
}

struct OpenBatch<T> {
    deadline: Instant,
    raw_bytes: u64,
    items: Vec<T>,
}

/// A batch that waits, as others see it.
pub(crate) struct Waiting {
    pub(crate) deadline: Instant,
    pub(crate) raw_bytes: u64,
    pub(crate) sources: usize,
}

/// The batches that wait for more.
pub(crate) struct Batches<T> {
    open: HashMap<BatchKey, OpenBatch<T>>,
}

impl<T> Batches<T> {
    pub(crate) fn new() -> Batches<T> {
        Batches {
            open: HashMap::new(),
        }
    }

    /// Adds a source; gives the batch back when that closes it. The time span counts from the first source.
    pub(crate) fn add(
        &mut self,
        key: BatchKey,
        item: T,
        raw_bytes: u64,
        flush: bool,
        limits: Limits,
        now: Instant,
    ) -> Option<Vec<T>> {
        let batch = self.open.entry(key.clone()).or_insert_with(|| OpenBatch {
            deadline: now + limits.time_span,
            raw_bytes: 0,
            items: Vec::new(),
        });
        batch.items.push(item);
        batch.raw_bytes = batch.raw_bytes.saturating_add(raw_bytes);
        let is_full =
            batch.items.len() >= limits.max_items || batch.raw_bytes >= limits.max_raw_bytes;
        if flush || is_full || batch.deadline <= now {
            return self.open.remove(&key).map(|batch| batch.items);
        }
        None
    }

    /// When the next batch is due.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.open.values().map(|batch| batch.deadline).min()
    }

    /// The batches that wait.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (&BatchKey, Waiting)> {
        self.open.iter().map(|(key, batch)| {
            let waiting = Waiting {
                deadline: batch.deadline,
                raw_bytes: batch.raw_bytes,
                sources: batch.items.len(),
            };
            (key, waiting)
        })
    }

    /// The batches that are due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<Vec<T>> {
        let due = self.open.extract_if(|_, batch| batch.deadline <= now);
        due.map(|(_, batch)| batch.items).collect()
    }

    /// All batches, due or not.
    pub(crate) fn take_all(&mut self) -> Vec<Vec<T>> {
        self.open.drain().map(|(_, batch)| batch.items).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        time_span: Duration::from_secs(10),
        max_items: 3,
        max_raw_bytes: 100,
    };

    fn key(table: &str) -> BatchKey {
        BatchKey {
            database: "db".to_owned(),
            table: table.to_owned(),
            format: DataFormat::Csv,
            mapping: MappingChoice::Identity,
        }
    }

    #[test]
    fn a_batch_is_closed_by_time_from_its_first_source() {
        let start = Instant::now();
        let mut batches = Batches::new();
        assert_eq!(batches.add(key("a"), 1, 0, false, LIMITS, start), None);
        let later = start + Duration::from_secs(9);
        assert_eq!(batches.add(key("a"), 2, 0, false, LIMITS, later), None);
        assert_eq!(batches.add(key("b"), 3, 0, false, LIMITS, later), None);
        assert!(batches.take_due(later).is_empty());
        let due = start + Duration::from_secs(10);
        assert_eq!(batches.next_deadline(), Some(due));
        assert_eq!(batches.take_due(due), vec![vec![1, 2]]);
        assert_eq!(batches.take_all(), vec![vec![3]]);
        assert_eq!(batches.next_deadline(), None);
    }

    #[test]
    fn a_batch_is_closed_by_number_size_and_flush() {
        let now = Instant::now();
        let mut batches = Batches::new();
        assert_eq!(batches.add(key("a"), 1, 0, false, LIMITS, now), None);
        assert_eq!(batches.add(key("a"), 2, 0, false, LIMITS, now), None);
        assert_eq!(
            batches.add(key("a"), 3, 0, false, LIMITS, now),
            Some(vec![1, 2, 3])
        );
        assert_eq!(batches.add(key("a"), 4, 0, false, LIMITS, now), None);
        assert_eq!(
            batches.add(key("a"), 5, 0, true, LIMITS, now),
            Some(vec![4, 5])
        );
        assert_eq!(batches.add(key("a"), 6, 50, false, LIMITS, now), None);
        assert_eq!(
            batches.add(key("a"), 7, 50, false, LIMITS, now),
            Some(vec![6, 7])
        );
    }

    #[test]
    fn a_zero_time_span_waits_for_nobody() {
        let mut batches = Batches::new();
        let limits = Limits {
            time_span: Duration::ZERO,
            ..LIMITS
        };
        assert_eq!(
            batches.add(key("a"), 1, 0, false, limits, Instant::now()),
            Some(vec![1])
        );
    }
}
