//! Tables' shapes.

use super::value::ColumnType;

/// A column: its name (case-sensitive) and its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name, unquoted.
    pub name: String,
    /// The scalar type.
    pub ty: ColumnType,
}

impl Column {
    /// A column of this name and type.
    pub fn new(name: impl Into<String>, ty: ColumnType) -> Self {
        Self {
            name: name.into(),
            ty,
        }
    }
}

/// A table's name and its columns in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSchema {
    /// The table's name (case-sensitive).
    pub name: String,
    /// The columns in the order in which rows hold their values.
    pub columns: Vec<Column>,
}

impl TableSchema {
    /// Where the column of this name stands, if there is one.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == column)
    }
}
