//! Commands that change columns.

use std::sync::Arc;

use super::super::error::KustoError;
use super::super::kql::parser::Parsed;
use super::super::kql::relation::Relation;
use super::super::schema::{Column, TableSchema};
use super::super::table::Table;
use super::super::value::ColumnType;
use super::Target;
use super::command::ColumnName;
use super::rows::{table, text};
use super::tables::check_columns;

impl Target<'_> {
    /// Gives a column another type; the values it has are lost, as they are in the service.
    pub(super) fn alter_column(&self, column: &ColumnName, ty: ColumnType) -> Parsed<Relation> {
        let name = &column.column;
        let target = self.of(&column.table);
        target.change_table(&column.table.name, |found| {
            let place = position(&found.schema, name)?;
            let columns = found.schema.columns.iter().cloned().enumerate();
            let changed = columns.map(|(at, column)| match at == place && column.ty != ty {
                true => (Column { ty, ..column }, None),
                false => (column, Some(at)),
            });
            let changed = changed.collect();
            found.reshape(changed);
            Ok(())
        })?;
        Ok(target.columns_shown(&column.table.name, &[(name.clone(), ty)]))
    }

    /// All at once, so that names can be swapped.
    pub(super) fn rename_columns(&self, renamings: &[(String, ColumnName)]) -> Parsed<Relation> {
        let Some((_, first)) = renamings.first() else {
            return Err(KustoError::bad_request("No column is renamed."));
        };
        if renamings.iter().any(|(_, old)| old.table != first.table) {
            let message = "Columns of several tables cannot be renamed at once.";
            return Err(KustoError::bad_request(message));
        }
        let target = self.of(&first.table);
        let mut renamed = Vec::new();
        target.change_table(&first.table.name, |found| {
            let mut columns = found.schema.columns.clone();
            for (new, old) in renamings {
                let place = position(&found.schema, &old.column)?;
                columns[place].name = new.clone();
                renamed.push((new.clone(), columns[place].ty));
            }
            check_columns(&columns)?;
            rename_docs(found, renamings);
            Arc::make_mut(&mut found.schema).columns = columns;
            Ok(())
        })?;
        Ok(target.columns_shown(&first.table.name, &renamed))
    }

    pub(super) fn describe_columns(
        &self,
        name: &str,
        docs: &[(String, String)],
        merge: bool,
    ) -> Parsed<Relation> {
        self.change_table(name, |found| {
            if !merge {
                found.column_docs.clear();
            }
            for (column, doc) in docs {
                position(&found.schema, column)?;
                found.column_docs.insert(column.clone(), doc.clone());
            }
            Ok(())
        })
    }

    pub(super) fn drop_columns(
        &self,
        name: &str,
        columns: &[String],
        if_exists: bool,
    ) -> Parsed<Relation> {
        self.change_table(name, |found| {
            for column in columns.iter().filter(|_| !if_exists) {
                position(&found.schema, column)?;
            }
            remove(found, columns)
        })
    }

    fn columns_shown(&self, name: &str, columns: &[(String, ColumnType)]) -> Relation {
        let row = |(column, ty): &(String, ColumnType)| {
            let entity = format!("[{}].[{name}].[{column}]", self.database);
            vec![text(entity), text(ty.dotnet_full_name()), text("")]
        };
        table(
            "EntityName: string, DataType: string, Policy: string",
            columns.iter().map(row).collect(),
        )
    }
}

/// Gives the docstrings of renamed columns their new names.
fn rename_docs(found: &mut Table, renamings: &[(String, ColumnName)]) {
    let docs = std::mem::take(&mut found.column_docs);
    let renamed = docs.into_iter().map(|(column, doc)| {
        let new = renamings.iter().find(|(_, old)| old.column == column);
        (new.map_or(column, |(new, _)| new.clone()), doc)
    });
    found.column_docs = renamed.collect();
}

fn position(schema: &TableSchema, column: &str) -> Parsed<usize> {
    schema
        .position(column)
        .ok_or_else(|| KustoError::not_found("Column", column))
}

fn remove(found: &mut Table, columns: &[String]) -> Parsed<()> {
    let kept: Vec<_> = found
        .schema
        .columns
        .iter()
        .cloned()
        .enumerate()
        .filter(|(_, column)| !columns.contains(&column.name))
        .map(|(at, column)| (column, Some(at)))
        .collect();
    if kept.is_empty() {
        let message = "A table needs at least one column.";
        return Err(KustoError::bad_request(message));
    }
    found.reshape(kept);
    Ok(())
}
