//! The last ingestions and the batches that wait, kept for a look; and the wish that batches wait no longer.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};
use serde_json::Value as Json;
use tokio::sync::Notify;

/// As many ingestions are kept, and as many batches shown, so that an emulator that runs for days keeps few.
const KEPT: usize = 200;

/// How far an ingestion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum State {
    /// Its batch waits for more.
    Waiting,
    Loading,
    Succeeded,
    Failed,
    Skipped,
}

/// What is known of an ingestion when its message is taken from the queue.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Arrival {
    pub(crate) source_id: String,
    pub(crate) database: String,
    pub(crate) table: String,
    /// The blob's address without its credentials.
    pub(crate) source: String,
    pub(crate) format: Option<&'static str>,
    pub(crate) mapping: Option<String>,
    /// Uncompressed bytes as the sender says.
    pub(crate) raw_data_size: u64,
    pub(crate) received_on: String,
    /// The message without its secrets. As it may be large, only who asks for this one ingestion gets it.
    #[serde(skip)]
    pub(crate) message: Json,
}

/// How far an ingestion has come.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Progress {
    pub(crate) state: State,
    /// Since when.
    pub(crate) since: String,
    /// Those it brought into its table.
    pub(crate) rows: Option<usize>,
    pub(crate) error_code: Option<&'static str>,
    pub(crate) details: Option<String>,
}

impl Progress {
    /// In this state, which has nothing more to tell.
    pub(crate) fn new(state: State, since: String) -> Self {
        Self {
            state,
            since,
            rows: None,
            error_code: None,
            details: None,
        }
    }
}

/// One ingestion.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Ingestion {
    number: u64,
    /// The number of its last change; the changes of all ingestions are counted together.
    changed: u64,
    #[serde(flatten)]
    arrival: Arrival,
    #[serde(flatten)]
    progress: Progress,
}

/// One ingestion with its message.
#[derive(Serialize)]
pub(crate) struct Whole {
    message: Json,
    #[serde(flatten)]
    ingestion: Ingestion,
}

/// A batch that waits for more.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WaitingBatch {
    pub(crate) database: String,
    pub(crate) table: String,
    pub(crate) format: &'static str,
    pub(crate) mapping: Option<String>,
    pub(crate) sources: usize,
    pub(crate) raw_data_size: u64,
    #[serde(rename = "dueInMillis", serialize_with = "millis_until")]
    pub(crate) due: Instant,
}

/// What is new since somebody looked last, and the batches of now.
#[derive(Serialize)]
pub(crate) struct News {
    /// The number of the last change: what to ask with the next time.
    changed: u64,
    ingestions: Vec<Ingestion>,
    batches: Vec<WaitingBatch>,
}

#[derive(Default)]
struct Kept {
    arrived: u64,
    changed: u64,
    last: VecDeque<Ingestion>,
    batches: Vec<WaitingBatch>,
}

/// The ingestions of one emulator.
#[derive(Default)]
pub(crate) struct Ingestions {
    kept: Mutex<Kept>,
    flush: AtomicBool,
    flush_wanted: Notify,
}

impl Ingestions {
    /// Notes a new one, which waits; gives its number.
    pub(crate) fn arrived(&self, arrival: Arrival) -> u64 {
        let mut kept = self.lock();
        kept.arrived += 1;
        kept.changed += 1;
        let ingestion = Ingestion {
            number: kept.arrived,
            changed: kept.changed,
            progress: Progress::new(State::Waiting, arrival.received_on.clone()),
            arrival,
        };
        if kept.last.len() == KEPT {
            kept.last.pop_front();
        }
        kept.last.push_back(ingestion);
        kept.arrived
    }

    /// Notes how far it is, if it is still kept.
    pub(crate) fn moved(&self, number: u64, progress: Progress) {
        let kept = &mut *self.lock();
        if let Some(ingestion) = kept.last.iter_mut().find(|one| one.number == number) {
            kept.changed += 1;
            ingestion.changed = kept.changed;
            ingestion.progress = progress;
        }
    }

    /// Notes which batches wait.
    pub(crate) fn waiting(&self, batches: impl Iterator<Item = WaitingBatch>) {
        self.lock().batches = batches.take(KEPT).collect();
    }

    /// The ingestions that changed after the change of that number, oldest first.
    pub(crate) fn news(&self, after: u64) -> News {
        let kept = self.lock();
        let changed = kept.last.iter().filter(|one| one.changed > after);
        News {
            changed: kept.changed,
            ingestions: changed.cloned().collect(),
            batches: kept.batches.clone(),
        }
    }

    /// One of them, if it is still kept.
    pub(crate) fn whole(&self, number: u64) -> Option<Whole> {
        let kept = self.lock();
        let ingestion = kept.last.iter().find(|one| one.number == number)?.clone();
        Some(Whole {
            message: ingestion.arrival.message.clone(),
            ingestion,
        })
    }

    /// All that is in the queues and in batches now is to be loaded without waiting for more.
    pub(crate) fn flush(&self) {
        self.flush.store(true, Ordering::SeqCst);
        self.flush_wanted.notify_one();
    }

    /// Whether that is wished; the wish is gone then.
    pub(crate) fn take_flush(&self) -> bool {
        self.flush.swap(false, Ordering::SeqCst)
    }

    /// Waits for the wish.
    pub(crate) async fn flush_wanted(&self) {
        self.flush_wanted.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis_until<S: Serializer>(due: &Instant, serializer: S) -> Result<S::Ok, S::Error> {
    let left: Duration = due.saturating_duration_since(Instant::now());
    serializer.serialize_u64(u64::try_from(left.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(news: &News) -> Vec<u64> {
        news.ingestions.iter().map(|one| one.number).collect()
    }

    #[test]
    fn only_changes_are_news() {
        let ingestions = Ingestions::default();
        let first = ingestions.arrived(Arrival::default());
        let second = ingestions.arrived(Arrival::default());
        let news = ingestions.news(0);
        assert_eq!(numbers(&news), [first, second]);
        assert!(ingestions.news(news.changed).ingestions.is_empty());
        ingestions.moved(first, Progress::new(State::Failed, String::new()));
        let next = ingestions.news(news.changed);
        assert_eq!(numbers(&next), [first]);
        assert_eq!(next.ingestions[0].progress.state, State::Failed);
    }

    #[test]
    fn the_last_are_kept() {
        let ingestions = Ingestions::default();
        for _ in 0..=KEPT {
            ingestions.arrived(Arrival::default());
        }
        ingestions.moved(1, Progress::new(State::Loading, String::new()));
        let news = ingestions.news(0);
        assert_eq!(
            (news.ingestions.len(), news.ingestions[0].number),
            (KEPT, 2)
        );
        assert!(ingestions.whole(1).is_none());
        assert!(ingestions.whole(2).is_some());
    }

    #[test]
    fn a_wish_is_fulfilled_once() {
        let ingestions = Ingestions::default();
        assert!(!ingestions.take_flush());
        ingestions.flush();
        assert!(ingestions.take_flush());
        assert!(!ingestions.take_flush());
    }
}
