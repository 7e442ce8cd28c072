//! What `hll` and `tdigest` give: sketches of many values as a dynamic, to be merged and asked later. The reference leaves
//! what is inside open but for its shape. The emulator keeps every value, so that its counts and percentiles are exact.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use xxhash_rust::xxh64::xxh64;

use super::super::value::{ColumnType, Value};
use super::cast::{compare, push_key, scalar};

/// The parts of every sketch stand behind its header, as in the pages' examples.
const HLL_HEADER: [i64; 2] = [1024, 14];
const DIGEST_HEADER: [i64; 1] = [7];

/// What `hll` keeps of a value.
pub(super) fn hash_of(value: &Value) -> i64 {
    let mut key = Vec::new();
    push_key(value, &mut key);
    xxh64(&key, 0).cast_signed()
}

/// The sketch of the values with these hashes.
pub(super) fn hll(hashes: &BTreeSet<i64>) -> Json {
    let hashes: Vec<String> = hashes.iter().map(i64::to_string).collect();
    json!([HLL_HEADER, hashes, []])
}

/// The hashes in a sketch of `hll`; none in anything else.
pub(super) fn hashes(sketch: &Json) -> Option<BTreeSet<i64>> {
    let hashes = sketch.get(1)?.as_array()?.iter();
    let hash = |hash: &Json| hash.as_str()?.parse().ok();
    sketch.get(2)?.as_array()?;
    hashes.map(hash).collect()
}

/// Values with the number of times that each is there, the least first.
#[derive(Clone, Debug, Default)]
pub(super) struct Digest(Vec<(Json, i64)>);

impl Digest {
    /// Of values in any order, which may come again.
    pub(super) fn of(mut items: Vec<(Json, i64)>) -> Self {
        items.sort_by(|l, r| order(&l.0, &r.0));
        items.dedup_by(|next, kept| {
            let same = order(&next.0, &kept.0).is_eq();
            if same {
                kept.1 = kept.1.saturating_add(next.1);
            }
            same
        });
        Self(items)
    }

    /// Reads what [`Digest::to_json`] has written.
    pub(super) fn read(sketch: &Json) -> Option<Self> {
        let (values, weights) = (sketch.get(1)?.as_array()?, sketch.get(2)?.as_array()?);
        let pair = |(value, weight): (&Json, &Json)| Some((value.clone(), weight.as_i64()?));
        let pairs: Option<Vec<_>> = values.iter().zip(weights).map(pair).collect();
        (values.len() == weights.len()).then_some(())?;
        pairs.map(Self::of)
    }

    pub(super) fn to_json(&self) -> Json {
        let (values, weights): (Vec<_>, Vec<_>) = self.0.iter().cloned().unzip();
        json!([DIGEST_HEADER, values, weights])
    }

    pub(super) fn into_items(self) -> Vec<(Json, i64)> {
        self.0
    }

    /// How many values there are.
    fn total(&self) -> i128 {
        self.0.iter().map(|(_, weight)| i128::from(*weight)).sum()
    }

    /// The least value that at least so many per cent of all do not exceed.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn percentile(&self, rank: f64) -> Option<&Json> {
        let wanted = rank / 100.0 * self.total() as f64;
        let mut sum = 0_i128;
        let found = self.0.iter().find(|(_, weight)| {
            sum += i128::from(*weight);
            sum as f64 >= wanted
        });
        found.or(self.0.last()).map(|(value, _)| value)
    }

    /// How many values do not exceed this one, and how many there are.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn rank(&self, of: &Json) -> (f64, f64) {
        let below = self
            .0
            .iter()
            .take_while(|(value, _)| order(value, of).is_le());
        let below: i128 = below.map(|(_, weight)| i128::from(*weight)).sum();
        (below as f64, self.total() as f64)
    }
}

/// Numbers, and times, which JSON has as texts.
fn order(left: &Json, right: &Json) -> Ordering {
    let value = |json: &Json| match json {
        Json::String(text) => Value::from_text(ColumnType::DateTime, text)
            .or_else(|_| Value::from_text(ColumnType::TimeSpan, text))
            .unwrap_or_else(|_| Value::String(text.clone())),
        other => scalar(&Value::Dynamic(other.clone()), ColumnType::Dynamic),
    };
    compare(&value(left), &value(right)).unwrap_or(Ordering::Equal)
}
