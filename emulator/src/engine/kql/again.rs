//! What is computed at each use of a name, and what is computed once. A name stands for a calculation, says the reference:
//! one that draws lots gives something else at each use, but for `toscalar()`, `materialize()` and `hint.materialized`.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::ops::Range;

use super::lexer::{TokenKind, next_token};
use super::parser::Parsed;
use super::run::Run;
use super::user_functions::Evaluated;

/// What draws lots: an operator and functions.
const LOTS: [&str; 3] = ["sample", "rand", "new_guid"];

/// What was computed once.
#[derive(Default)]
pub(super) struct Memo {
    /// By the text that asks for it and the place in it.
    made: RefCell<HashMap<(String, usize), Evaluated>>,
    /// The cursor of the database.
    cursor: OnceCell<i64>,
}

/// Whether a part of a text draws lots, itself or by a name that is known to.
pub(super) fn draws(text: &str, part: &Range<usize>, by_name: impl Fn(&str) -> bool) -> bool {
    mentions(text, part, |word| LOTS.contains(&word) || by_name(word))
}

/// Whether a part of a text has such a word.
pub(super) fn mentions(text: &str, part: &Range<usize>, wanted: impl Fn(&str) -> bool) -> bool {
    let mut token = next_token(text, part.start);
    while token.start < part.end {
        if matches!(&token.kind, TokenKind::Word(word) if wanted(word)) {
            return true;
        }
        if token.end == token.start {
            break;
        }
        token = next_token(text, token.end);
    }
    false
}

impl Run<'_> {
    /// Whether what stands there draws lots.
    pub(super) fn draws(&self, part: &Range<usize>) -> bool {
        draws(self.text, part, |name| self.frame.draws(name))
    }

    /// The time of the latest ingestion into the database, in ticks. A query asks for it before it reads a table, so that no
    /// row is before the cursor that the query has not seen.
    pub(super) fn cursor(&self) -> i64 {
        *self.memo.cursor.get_or_init(|| {
            let engine = self.context.engine;
            let latest = engine.with_database(self.context.database, |database| {
                let extents = database.tables.values().flat_map(|table| &table.extents);
                extents.filter_map(|extent| extent.ingested).max()
            });
            latest.ok().flatten().unwrap_or(0)
        })
    }

    /// What is computed once for all calls of the function around that see the same.
    ///
    /// # Errors
    /// Those of the computation.
    pub(super) fn once(
        &self,
        at: usize,
        compute: impl FnOnce() -> Parsed<Evaluated>,
    ) -> Parsed<Evaluated> {
        if self.depth == 0 || !self.frame.is_plain() {
            return compute();
        }
        let key = (self.origin.to_owned(), at);
        if let Some(known) = self.memo.made.borrow().get(&key) {
            return Ok(known.clone());
        }
        let made = match compute()? {
            Evaluated::Table(table) => Evaluated::Table(table.shared()),
            scalar => scalar,
        };
        self.memo.made.borrow_mut().insert(key, made.clone());
        Ok(made)
    }
}
