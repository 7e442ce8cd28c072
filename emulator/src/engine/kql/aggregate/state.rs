//! What one group has come to.

use std::collections::{BTreeSet, HashSet};

use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

use super::super::super::value::{ColumnType, Value};
use super::super::super::watch;
use super::super::cast::{as_decimal, as_long, as_real, push_key};
use super::super::sketch::{self, Digest};
use super::schema::Schema;

/// What one group has come to.
#[derive(Default)]
pub struct State {
    pub(super) count: i64,
    ticks: i128,
    real: f64,
    mean: f64,
    other_mean: f64,
    squares: f64,
    decimal: Decimal,
    overflow: bool,
    bits: Option<i64>,
    pub(super) best: Option<Vec<Value>>,
    pub(super) seen: HashSet<Vec<u8>>,
    pub(super) elements: Vec<Json>,
    pub(super) bag: Map<String, Json>,
    pub(super) weighed: Vec<(Value, i64)>,
    pub(super) hashes: BTreeSet<i64>,
    pub(super) schema: Schema,
}

impl State {
    pub(super) fn is_new(&mut self, value: &Value) -> bool {
        let mut key = Vec::new();
        push_key(value, &mut key);
        self.seen.insert(key)
    }

    /// Properties of a bag; of a key that comes again the first value stays.
    pub(super) fn merge(&mut self, value: &Value, limit: usize) {
        let Value::Dynamic(Json::Object(object)) = value else {
            return;
        };
        for (key, value) in object {
            if self.bag.len() < limit && !self.bag.contains_key(key) {
                self.bag.insert(key.clone(), value.clone());
            }
        }
    }

    /// The elements of an array that are not there yet.
    pub(super) fn unite(&mut self, value: &Value, limit: usize) {
        let Value::Dynamic(Json::Array(elements)) = value else {
            return;
        };
        for element in elements {
            if self.elements.len() < limit && self.is_new(&Value::Dynamic(element.clone())) {
                self.elements.push(element.clone());
            }
        }
    }

    /// The values of a sketch of `hll`.
    pub(super) fn merge_hashes(&mut self, value: &Value) {
        if let Value::Dynamic(sketch) = value {
            self.hashes
                .extend(sketch::hashes(sketch).unwrap_or_default());
        }
    }

    /// The values of a sketch of `tdigest`.
    pub(super) fn merge_digest(&mut self, value: &Value) {
        if let Value::Dynamic(sketch) = value {
            let items = Digest::read(sketch).unwrap_or_default().into_items();
            let items = items.into_iter();
            self.weighed
                .extend(items.map(|(value, weight)| (Value::Dynamic(value), weight)));
        }
    }

    /// The sketch of all values.
    pub(super) fn digest(self) -> Json {
        let items = self.weighed.into_iter();
        let items = items.map(|(value, weight)| (value.to_json(), weight));
        Digest::of(items.collect()).to_json()
    }

    pub(super) fn combine(&mut self, value: &Value, with: fn(i64, i64) -> i64) {
        if let Some(bits) = as_long(value) {
            self.bits = Some(self.bits.map_or(bits, |all| with(all, bits)));
        }
    }

    /// Null of no values, the default that the page of `summarize` gives to what it does not name.
    pub(super) fn bits(&self, ty: ColumnType) -> Value {
        match (self.bits, ty) {
            (None, _) => Value::Null,
            (Some(bits), ColumnType::Int) => i32::try_from(bits).map_or(Value::Null, Value::Int),
            (Some(bits), _) => Value::Long(bits),
        }
    }

    /// Welford's method: the mean, and the sum of squared distances from it.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn spread(&mut self, value: &Value) {
        if let Some(number) = as_real(value) {
            self.count += 1;
            let distance = number - self.mean;
            self.mean += distance / self.count as f64;
            self.squares += distance * (number - self.mean);
        }
    }

    /// The same of pairs: the sum of the products of both distances.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn spread_together(&mut self, value: &Value, other: &Value) {
        if let (Some(number), Some(other)) = (as_real(value), as_real(other)) {
            self.count += 1;
            let distance = number - self.mean;
            self.mean += distance / self.count as f64;
            self.other_mean += (other - self.other_mean) / self.count as f64;
            self.squares += distance * (other - self.other_mean);
        }
    }

    /// Of a sample of one value 0, and of none: 0 is a default that the page of `summarize` names.
    pub(super) fn variance(&self, sample: bool, root: bool) -> Value {
        match self.covariance(sample) {
            Value::Real(variance) if root => Value::Real(variance.sqrt()),
            Value::Null if sample => Value::Real(0.0),
            other => other,
        }
    }

    /// Null of no values, the default that the page of `summarize` gives to what it does not name.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn covariance(&self, sample: bool) -> Value {
        match self.count {
            0 => Value::Null,
            1 => Value::Real(0.0),
            count => Value::Real(self.squares / (count - i64::from(sample)) as f64),
        }
    }

    pub(super) fn accumulate(&mut self, value: &Value) {
        self.count += 1;
        match value {
            Value::Real(number) => self.real += number,
            Value::Decimal(_) => {
                let sum = as_decimal(value).and_then(|number| self.decimal.checked_add(number));
                self.overflow |= sum.is_none();
                self.decimal = sum.unwrap_or_default();
            }
            other => self.ticks += i128::from(as_long(other).unwrap_or(0)),
        }
    }

    pub(super) fn sum(&self, ty: ColumnType) -> Value {
        match ty {
            ColumnType::Real => Value::Real(self.real),
            ColumnType::Decimal if self.overflow => Value::Null,
            ColumnType::Decimal => Value::Decimal(self.decimal),
            ColumnType::DateTime if self.count > 0 => {
                watch::unknown("the sum of datetimes");
                Value::Null
            }
            _ => whole(self.ticks, ty),
        }
    }

    #[allow(clippy::cast_precision_loss)]
    pub(super) fn average(&self, ty: ColumnType) -> Value {
        match ty {
            // Of long columns: the sum is whole. Of none at all: NaN.
            ColumnType::Real => Value::Real(
                (self.real + self.ticks as f64) / as_real(&Value::Long(self.count)).unwrap_or(0.0),
            ),
            ColumnType::Decimal => self
                .decimal
                .checked_div(Decimal::from(self.count))
                .filter(|_| !self.overflow)
                .map_or(Value::Null, Value::Decimal),
            _ => self
                .ticks
                .checked_div(i128::from(self.count))
                .map_or(Value::Null, |mean| whole(mean, ty)),
        }
    }
}

fn whole(number: i128, ty: ColumnType) -> Value {
    let Ok(number) = i64::try_from(number) else {
        return Value::Null;
    };
    match ty {
        ColumnType::TimeSpan => Value::TimeSpan(number),
        ColumnType::DateTime => Value::DateTime(number),
        _ => Value::Long(number),
    }
}
