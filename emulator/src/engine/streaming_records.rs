//! What the service remembers of streaming: the rows of `.show streamingingestion statistics` and of
//! `.show streamingingestion failures`, in which what is alike and of the same minute is counted together.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use uuid::Uuid;

use super::sources::Streamed;
use super::streaming::StreamError;

/// How long what is alike is counted together, in ticks. The service has "buckets of short periods of time".
const BUCKET: i64 = 60 * 10_000_000;

/// How many buckets are remembered of each kind; the oldest go first.
const REMEMBERED: usize = 10_000;

/// A request for streaming ingestion that was answered. Times are ticks (100 ns since 0001-01-01 UTC).
#[derive(Clone, Debug)]
pub struct StreamingRecord {
    /// Database and table as the request named them.
    pub target: (String, String),
    /// What the request says of its data.
    pub properties: Json,
    /// When it came.
    pub started_on: i64,
    /// When it was answered.
    pub ended_on: i64,
    /// The activity in its reply.
    pub activity_id: Uuid,
    /// What it led to.
    pub result: Result<Streamed, StreamError>,
}

/// What is alike: the start of the bucket, database, table, properties as text, and the status or the error's kind and
/// type.
type Key = (i64, String, String, String, String);

/// One row of `.show streamingingestion statistics`.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct StreamingStatistic {
    pub target: (String, String),
    pub properties: Json,
    /// `Success` or a kind of failure.
    pub status: &'static str,
    pub started_on: i64,
    pub ended_on: i64,
    pub count: i64,
    pub durations: Range,
    pub bytes: Range,
    pub rows: Range,
}

/// One row of `.show streamingingestion failures`.
#[derive(Clone, Debug)]
pub struct StreamingFailures {
    /// The last one, as all are alike.
    pub last: StreamingRecord,
    /// Its error.
    pub error: StreamError,
    /// When the first one came.
    pub first_on: i64,
    /// How many.
    pub count: i64,
}

/// The extremes and the sum of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Range {
    pub least: i64,
    pub most: i64,
    pub sum: i64,
}

impl Range {
    fn of(number: i64) -> Self {
        Self {
            least: number,
            most: number,
            sum: number,
        }
    }

    fn add(&mut self, other: Self) {
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
        self.sum = self.sum.saturating_add(other.sum);
    }
}

/// All that is remembered.
#[derive(Debug, Default)]
pub struct StreamingRecords {
    statistics: BTreeMap<Key, StreamingStatistic>,
    failures: BTreeMap<Key, StreamingFailures>,
}

impl StreamingRecords {
    /// Counts a request.
    pub fn add(&mut self, record: StreamingRecord) {
        let statistic = statistic(&record);
        let place = key(&record, statistic.status);
        let known = self.statistics.entry(place);
        known
            .and_modify(|known| known.add(&statistic))
            .or_insert(statistic);
        bound(&mut self.statistics);
        let Err(error) = record.result.clone() else {
            return;
        };
        let kind = format!("{} {}", error.is_permanent, error.exception);
        let place = key(&record, &kind);
        let failures = StreamingFailures {
            first_on: record.ended_on,
            last: record,
            error,
            count: 1,
        };
        match self.failures.get_mut(&place) {
            Some(known) => known.add(failures),
            None => _ = self.failures.insert(place, failures),
        }
        bound(&mut self.failures);
    }

    /// The statistics, oldest first.
    pub fn statistics(&self) -> Vec<StreamingStatistic> {
        self.statistics.values().cloned().collect()
    }

    /// The failures, oldest first.
    pub fn failures(&self) -> Vec<StreamingFailures> {
        self.failures.values().cloned().collect()
    }
}

impl StreamingStatistic {
    fn add(&mut self, other: &Self) {
        self.started_on = self.started_on.min(other.started_on);
        self.ended_on = self.ended_on.max(other.ended_on);
        self.count += other.count;
        self.durations.add(other.durations);
        self.bytes.add(other.bytes);
        self.rows.add(other.rows);
    }
}

impl StreamingFailures {
    fn add(&mut self, other: Self) {
        *self = Self {
            first_on: self.first_on,
            count: self.count + other.count,
            ..other
        };
    }
}

fn key(record: &StreamingRecord, status: &str) -> Key {
    let (database, table) = record.target.clone();
    let bucket = record.started_on - record.started_on.rem_euclid(BUCKET);
    let properties = record.properties.to_string();
    (bucket, database, table, properties, status.to_owned())
}

fn bound<T>(buckets: &mut BTreeMap<Key, T>) {
    while buckets.len() > REMEMBERED {
        buckets.pop_first();
    }
}

fn statistic(record: &StreamingRecord) -> StreamingStatistic {
    let (status, streamed) = match &record.result {
        Ok(streamed) => ("Success", *streamed),
        // The page about the command shows the first two. Of the third nothing is documented but that it must differ.
        Err(error) if error.status >= 500 => ("FailureInternalError", Streamed::default()),
        Err(_) => ("FailureBadRequest", Streamed::default()),
    };
    let range = |number: u64| Range::of(i64::try_from(number).unwrap_or(i64::MAX));
    StreamingStatistic {
        target: record.target.clone(),
        properties: record.properties.clone(),
        status,
        started_on: record.started_on,
        ended_on: record.ended_on,
        count: 1,
        durations: Range::of(record.ended_on.saturating_sub(record.started_on).max(0)),
        bytes: range(streamed.bytes),
        rows: range(streamed.rows),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(table: &str, started_on: i64, result: Result<u64, StreamError>) -> StreamingRecord {
        StreamingRecord {
            target: ("Db".to_owned(), table.to_owned()),
            properties: json!({ "Format": "csv" }),
            started_on,
            ended_on: started_on + 5,
            activity_id: Uuid::nil(),
            result: result.map(|rows| Streamed {
                rows,
                bytes: 10 * rows,
            }),
        }
    }

    #[test]
    fn what_is_alike_and_of_one_minute_is_counted_together() {
        let mut records = StreamingRecords::default();
        for (at, rows) in [(10, 2), (20, 3), (BUCKET, 4)] {
            records.add(record("T", at, Ok(rows)));
        }
        records.add(record("U", 10, Ok(1)));
        let found = records.statistics();
        let counts: Vec<_> = found
            .iter()
            .map(|found| (found.count, found.rows))
            .collect();
        let both = Range {
            least: 2,
            most: 3,
            sum: 5,
        };
        assert_eq!(counts, [(2, both), (1, Range::of(1)), (1, Range::of(4))]);
        assert_eq!((found[0].started_on, found[0].ended_on), (10, 25));
        assert!(records.failures().is_empty());
    }

    #[test]
    fn failures_are_counted_by_the_type_of_their_error() {
        let mut records = StreamingRecords::default();
        let busy = StreamError {
            status: 500,
            is_permanent: false,
            ..StreamError::bad_request("busy")
        };
        for (at, error) in [
            (1, StreamError::bad_request("first")),
            (2, StreamError::bad_request("second")),
            (3, StreamError::payload_too_large()),
            (BUCKET, busy),
        ] {
            records.add(record("T", at, Err(error)));
        }
        let counts = records.failures().into_iter();
        let counts: Vec<_> = counts
            .map(|found| (found.error.details, found.first_on, found.count))
            .collect();
        let too_large = StreamError::payload_too_large().details;
        let expected = [
            (too_large, 8, 1),
            ("second".to_owned(), 6, 2),
            ("busy".to_owned(), BUCKET + 5, 1),
        ];
        assert_eq!(counts, expected);
        let statuses: Vec<_> = records.statistics().iter().map(|s| s.status).collect();
        assert_eq!(statuses, ["FailureBadRequest", "FailureInternalError"]);
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut records = StreamingRecords::default();
        for bucket in 0..=REMEMBERED {
            records.add(record("T", i64::try_from(bucket).unwrap() * BUCKET, Ok(1)));
        }
        let found = records.statistics();
        assert_eq!((found.len(), found[0].started_on), (REMEMBERED, BUCKET));
    }
}
