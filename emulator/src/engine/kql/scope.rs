//! What names mean where an expression stands, and the conversions that every part of the binder makes.

use std::sync::Arc;

use super::super::error::KustoError;
use super::super::schema::Column;
use super::super::value::{ColumnType, Value};
use super::bound::Bound;
use super::cast::cast;
use super::run::Run;

/// What names mean where an expression stands.
#[derive(Clone, Copy)]
pub struct Scope<'s> {
    /// The row's columns.
    pub columns: &'s [Column],
    /// The names of `let` statements, which columns hide, and what runs queries inside expressions.
    pub run: Run<'s>,
    /// What `now()` answers, in ticks.
    pub now: i64,
    /// The text, for positions.
    pub text: &'s str,
    /// The operator around, for messages.
    pub operator: &'static str,
}

impl Scope<'_> {
    /// A semantic error at an expression.
    pub fn error(&self, code: &'static str, at: usize, message: impl Into<String>) -> KustoError {
        let message = format!("'{}' operator: {}", self.operator, message.into());
        KustoError::semantic(code, message).located(self.text, at)
    }

    /// That no column (or variable) has this name.
    pub fn unresolved(&self, name: &str, at: usize) -> KustoError {
        self.error(
            "SEM0100",
            at,
            format!("Failed to resolve column or scalar expression named '{name}'"),
        )
    }

    /// Where the column of this name stands.
    ///
    /// # Errors
    /// When there is none.
    pub fn column(&self, name: &str, at: usize) -> Result<usize, KustoError> {
        let mut columns = self.columns.iter();
        columns
            .position(|column| column.name == name)
            .ok_or_else(|| self.unresolved(name, at))
    }
}

/// Whether a column is one that a query's own text never sees: its name is none that a text can hold.
pub fn is_hidden(name: &str) -> bool {
    name.starts_with('\0')
}

/// `not(x)`: null stays null.
pub fn not(bound: Bound) -> Bound {
    let function = |values: &[std::borrow::Cow<'_, Value>]| match values[0].as_ref() {
        Value::Bool(value) => Value::Bool(!value),
        _ => Value::Null,
    };
    Bound::apply(ColumnType::Bool, vec![bound], Arc::new(function))
}

/// The expression as another type, by [`cast`].
pub fn convert(bound: Bound, ty: ColumnType) -> Bound {
    if bound.ty == ty {
        return bound;
    }
    Bound::apply(
        ty,
        vec![bound],
        Arc::new(move |values| cast(&values[0], ty)),
    )
}
