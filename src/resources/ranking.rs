//! Ranks storage accounts by recent success (wire-v1 section 4.3).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;

use super::discovery::StorageResource;
use crate::clock::Clock;
use crate::op::ids::chance;

/// A minute of history in six buckets, the newest with the most weight.
const BUCKETS: usize = 6;
const BUCKET_SECONDS: i64 = 10;
/// Accounts of one tier are equals; their order is random, so that clients spread.
const TIERS: [f64; 4] = [0.9, 0.7, 0.3, 0.0];

/// The recent success of every storage account, shared by containers and queues.
#[derive(Debug)]
pub(crate) struct Ranking {
    clock: Arc<dyn Clock>,
    start: OffsetDateTime,
    accounts: Mutex<HashMap<String, History>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    successes: u32,
    failures: u32,
}

#[derive(Debug, Default)]
struct History {
    /// Number, since the start, of the bucket at index 0, the newest.
    newest: i64,
    buckets: [Bucket; BUCKETS],
}

/// Where a resource stands in the order: the first ones of all accounts before the second ones, and among
/// them by the tier of their account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    round: usize,
    tier: usize,
    /// The first resource of the account, which tells equals apart.
    account: usize,
}

impl Ranking {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            start: clock.now(),
            clock,
            accounts: Mutex::new(HashMap::new()),
        }
    }

    /// Records the result of a use of the account.
    pub(crate) fn record(&self, account: &str, success: bool) {
        let now = self.bucket_number();
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if !accounts.contains_key(account) {
            accounts.insert(account.to_owned(), History::default());
        }
        let Some(history) = accounts.get_mut(account) else {
            return;
        };
        history.advance(now);
        let bucket = &mut history.buckets[0];
        if success {
            bucket.successes += 1;
        } else {
            bucket.failures += 1;
        }
    }

    /// The resources in the order to try them: accounts by tier, within a tier at random, and one
    /// resource of each account before the second of any, so that a failing account is left
    /// quickly.
    pub(crate) fn order(&self, resources: &[StorageResource]) -> Vec<StorageResource> {
        let mut ordered = resources.to_vec();
        chance().shuffle(&mut ordered);
        let mut placed = self.placed(ordered);
        placed.sort_unstable_by_key(|(place, _)| *place);
        placed.into_iter().map(|(_, resource)| resource).collect()
    }

    /// The resources, which are in any order, with their places.
    fn placed(&self, resources: Vec<StorageResource>) -> Vec<(Place, StorageResource)> {
        let mut placed: Vec<(Place, StorageResource)> = Vec::with_capacity(resources.len());
        for (account, resource) in resources.into_iter().enumerate() {
            let same =
                |(_, other): &&(Place, _)| StorageResource::account(other) == resource.account();
            let place = match placed.iter().rev().find(same) {
                Some((before, _)) => Place {
                    round: before.round + 1,
                    ..*before
                },
                None => Place {
                    round: 0,
                    tier: self.tier(resource.account()),
                    account,
                },
            };
            placed.push((place, resource));
        }
        placed
    }

    fn tier(&self, account: &str) -> usize {
        let rank = self.rank(account);
        TIERS
            .iter()
            .position(|tier| rank >= *tier)
            .unwrap_or(TIERS.len())
    }

    /// Weighted success rate from 0 to 1; 1 without history.
    fn rank(&self, account: &str) -> f64 {
        let now = self.bucket_number();
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(history) = accounts.get_mut(account) else {
            return 1.0;
        };
        // Reading ages the history too: an account that failed once is not avoided for ever.
        history.advance(now);
        history.rate()
    }

    fn bucket_number(&self) -> i64 {
        (self.clock.now() - self.start).whole_seconds() / BUCKET_SECONDS
    }
}

impl History {
    fn advance(&mut self, now: i64) {
        let steps = usize::try_from(now - self.newest).unwrap_or(0).min(BUCKETS);
        self.buckets.rotate_right(steps);
        self.buckets[..steps].fill(Bucket::default());
        self.newest = self.newest.max(now);
    }

    fn rate(&self) -> f64 {
        let (mut weighted, mut weights) = (0.0, 0.0);
        for (age, bucket) in self.buckets.iter().enumerate() {
            let total = bucket.successes + bucket.failures;
            if total > 0 {
                let weight = (BUCKETS - age) as f64;
                weighted += weight * f64::from(bucket.successes) / f64::from(total);
                weights += weight;
            }
        }
        if weights == 0.0 {
            1.0
        } else {
            weighted / weights
        }
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::super::discovery::tests_support::resource;
    use super::*;
    use crate::clock::testing::ManualClock;

    fn ranking() -> (Arc<ManualClock>, Ranking) {
        let clock = Arc::new(ManualClock::default());
        (clock.clone(), Ranking::new(clock))
    }

    fn accounts(ranking: &Ranking, resources: &[StorageResource]) -> Vec<String> {
        ranking
            .order(resources)
            .iter()
            .map(|r| r.account().to_owned())
            .collect()
    }

    #[test]
    fn accounts_alternate_and_nothing_is_lost() {
        let (_, ranking) = ranking();
        let resources: Vec<_> = ["a1", "a2", "a3", "b1"].map(resource).to_vec();
        for _ in 0..20 {
            let order = accounts(&ranking, &resources);
            assert_eq!(order.len(), 4);
            assert_ne!(
                order[0], order[1],
                "the second attempt goes to another account"
            );
        }
    }

    #[test]
    fn a_failing_account_comes_last_and_recovers_with_time() {
        let (clock, ranking) = ranking();
        let resources: Vec<_> = ["a1", "b1"].map(resource).to_vec();
        ranking.record("a", false);
        for _ in 0..20 {
            assert_eq!(accounts(&ranking, &resources), ["b", "a"]);
        }
        clock.advance(Duration::seconds(61));
        let firsts: std::collections::HashSet<_> = (0..200)
            .map(|_| accounts(&ranking, &resources)[0].clone())
            .collect();
        assert_eq!(firsts.len(), 2, "forgotten after a minute without use");
    }

    #[test]
    fn newer_buckets_weigh_more() {
        let (clock, ranking) = ranking();
        ranking.record("a", false);
        clock.advance(Duration::seconds(30));
        ranking.record("a", true);
        assert!(ranking.rank("a") > 0.5);
    }
}
