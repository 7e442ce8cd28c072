//! How much memory a query may take: values, texts, and the rows that an operator makes of them.

use serde_json::Value as Json;

use super::super::error::KustoError;
use super::super::table::Row;
use super::super::value::Value;
use super::super::watch;
use super::bound::{Bound, Node};
use super::frame::Binding;
use super::parser::{MAX_DEPTH, Parsed};

/// Most values that one operator may make.
const MOST_VALUES: usize = 20_000_000;
/// Most bytes of the texts and dynamics that one operator may make.
const MOST_BYTES: usize = 1 << 30;
/// Most bytes of a value: room for an array of as many texts as the service has at most in one.
const MOST_OF_VALUE: usize = 64 << 20;
/// How many times what an operator may make all `let` statements together may keep.
const KEPT: usize = 4;
/// Most levels of a dynamic: its memory is walked and freed by recursion.
const MOST_LEVELS: usize = 512;
/// Most parts of an expression that a name stands for: it may use another one twice, and so on.
const MOST_NODES: usize = 1_000_000;
/// What an element takes besides its text.
const ELEMENT: usize = 32;

/// The rows that an operator makes, as long as they fit.
#[derive(Default)]
pub(super) struct Made {
    rows: Vec<Row>,
    budget: Budget,
}

impl Made {
    /// One more.
    ///
    /// # Errors
    /// When it does not fit any more, or the request has come to its end.
    pub(super) fn push(&mut self, row: Row) -> Parsed<()> {
        self.budget.take(&row)?;
        self.rows.push(row);
        Ok(())
    }

    pub(super) fn into_rows(self) -> Vec<Row> {
        self.rows
    }
}

/// What is spent of one operator's memory.
#[derive(Default)]
pub(super) struct Budget {
    values: usize,
    bytes: usize,
}

impl Budget {
    /// Spends what the values need.
    ///
    /// # Errors
    /// When that is more than there is, or the request has come to its end.
    pub(super) fn take(&mut self, values: &[Value]) -> Parsed<()> {
        self.add(values);
        if self.values > MOST_VALUES || self.bytes > MOST_BYTES {
            return Err(exceeded());
        }
        match watch::goes_on() {
            true => Ok(()),
            false => watch::verdict(),
        }
    }

    /// Spends what a name of `let` keeps until the query ends.
    ///
    /// # Errors
    /// When that is more than there is.
    pub(super) fn keep(&mut self, binding: &Binding) -> Parsed<()> {
        match binding {
            Binding::Scalar(Bound {
                node: Node::Constant(value),
                ..
            }) => self.add(std::slice::from_ref(value)),
            Binding::Scalar(Bound { node, .. }) => {
                let mut left = MOST_NODES;
                if !node.is_within(MAX_DEPTH, &mut left) {
                    return Err(exceeded());
                }
                self.values += MOST_NODES - left;
            }
            Binding::Table(table) => table.own_rows().iter().for_each(|row| self.add(row)),
            Binding::Function(_) | Binding::Pattern(_) => {}
        }
        match self.values / KEPT > MOST_VALUES || self.bytes / KEPT > MOST_BYTES {
            true => Err(exceeded()),
            false => Ok(()),
        }
    }

    fn add(&mut self, values: &[Value]) {
        self.values += values.len();
        for value in values {
            self.bytes = self.bytes.saturating_add(weight(value));
        }
    }
}

/// An error when an operator cannot make as much, which is known before it makes any.
///
/// # Errors
/// It cannot.
pub(super) fn afford(rows: usize, columns: usize) -> Parsed<()> {
    match rows.saturating_mul(columns.max(1)) <= MOST_VALUES {
        true => Ok(()),
        false => Err(exceeded()),
    }
}

fn exceeded() -> KustoError {
    watch::runaway(&format!(
        "An operator has exceeded the memory budget of the emulator: {MOST_VALUES} values, or {MOST_BYTES} bytes of \
         text. Results might be incorrect or incomplete."
    ))
}

/// Whether a value of this size may be made; otherwise the query ends.
pub(super) fn may_be_made(bytes: usize) -> bool {
    if bytes > MOST_OF_VALUE {
        watch::too_much(&format!(
            "A value would have more than {MOST_OF_VALUE} bytes or {MOST_LEVELS} levels."
        ));
    }
    bytes <= MOST_OF_VALUE
}

/// The bytes that a value takes outside of its row.
pub(super) fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Dynamic(json) => weight_of(json),
        _ => 0,
    }
}

/// The bytes that a dynamic takes; of one that is nested too deeply, more than any may.
pub(super) fn weight_of(json: &Json) -> usize {
    fn walk(json: &Json, levels: usize) -> usize {
        let Some(levels) = levels.checked_sub(1) else {
            return usize::MAX;
        };
        match json {
            Json::String(text) => text.len(),
            Json::Array(elements) => elements.iter().fold(0, |sum: usize, element| {
                sum.saturating_add(ELEMENT)
                    .saturating_add(walk(element, levels))
            }),
            Json::Object(bag) => bag.iter().fold(0, |sum: usize, (key, element)| {
                sum.saturating_add(ELEMENT + key.len())
                    .saturating_add(walk(element, levels))
            }),
            _ => 0,
        }
    }
    walk(json, MOST_LEVELS)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::error::ErrorKind;
    use super::super::super::value::ColumnType;
    use super::super::relation::Relation;
    use super::*;

    #[test]
    fn an_operator_has_a_budget_of_values_and_of_bytes() {
        let text = Value::String("x".repeat(1 << 20));
        let mut budget = Budget::default();
        for _ in 0..MOST_BYTES >> 20 {
            budget.take(std::slice::from_ref(&text)).unwrap();
        }
        let error = budget.take(&[text]).unwrap_err();
        assert_eq!(error.kind, ErrorKind::LimitsExceeded);

        let values = vec![Value::Null; 1 << 20];
        let mut budget = Budget::default();
        for _ in 0..MOST_VALUES >> 20 {
            budget.take(&values).unwrap();
        }
        let error = budget.take(&values).unwrap_err();
        assert_eq!(error.kind, ErrorKind::LimitsExceeded);
        assert!(afford(MOST_VALUES / 5, 5).is_ok());
        assert!(afford(MOST_VALUES / 5 + 1, 5).is_err());
        assert!(afford(usize::MAX, usize::MAX).is_err());
    }

    #[test]
    fn what_is_kept_has_a_budget_too() {
        let text = Value::String("x".repeat(1 << 26));
        let text = Binding::Scalar(Bound::constant(text, ColumnType::String));
        let mut budget = Budget::default();
        for _ in 0..(KEPT * MOST_BYTES) >> 26 {
            budget.keep(&text).unwrap();
        }
        // A rest of the division is let pass.
        let error = (0..100).find_map(|_| budget.keep(&text).err()).unwrap();
        assert_eq!(error.kind, ErrorKind::LimitsExceeded);

        let rows = vec![vec![Value::Null; 8]; 1 << 17];
        let own = Binding::Table(Relation::new(Vec::new(), rows).shared());
        let mut budget = Budget::default();
        for _ in 0..(KEPT * MOST_VALUES) >> 20 {
            budget.keep(&own).unwrap();
        }
        assert!((0..100).any(|_| budget.keep(&own).is_err()));
    }

    #[test]
    fn a_dynamic_weighs_what_is_in_it() {
        assert_eq!(weight_of(&json!("four")), 4);
        assert_eq!(weight_of(&json!([1, "four"])), 2 * ELEMENT + 4);
        assert_eq!(weight_of(&json!({"key": ["four"]})), 2 * ELEMENT + 7);
        let nested = |levels: usize| (0..levels).fold(Json::Null, |inner, _| json!([inner]));
        assert!(weight_of(&nested(MOST_LEVELS - 1)) < MOST_OF_VALUE);
        assert_eq!(weight_of(&nested(MOST_LEVELS)), usize::MAX);
    }
}
