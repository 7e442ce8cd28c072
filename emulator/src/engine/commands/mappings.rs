//! Commands about ingestion mappings.

use super::super::datetime;
use super::super::error::KustoError;
use super::super::kql::parser::Parsed;
use super::super::kql::relation::Relation;
use super::super::table::{Mapping, Mappings, Row};
use super::super::value::Value;
use super::Target;
use super::command::Owner;
use super::mapping::validate;
use super::rows::{table, text};
use super::tables::check_name;

const COLUMNS: &str =
    "Name: string, Kind: string, Mapping: string, LastUpdatedOn: datetime, Database: string";

impl Target<'_> {
    fn with_mappings<R>(
        &self,
        owner: &Owner,
        change: impl FnOnce(&mut Mappings) -> R,
    ) -> Parsed<R> {
        Ok(match owner {
            Owner::Table(table) => {
                let database = table.database.as_deref().unwrap_or(self.database);
                self.engine
                    .with_table_mut(database, &table.name, |table| change(&mut table.mappings))
            }
            Owner::Database(name) => self
                .engine
                .with_database_mut(name, |database| change(&mut database.mappings)),
        }?)
    }

    pub(super) fn create_mapping(
        &self,
        owner: &Owner,
        kind: &str,
        name: &str,
        json: String,
        alter: bool,
    ) -> Parsed<Relation> {
        check_name("mapping", name)?;
        validate(kind, &json)?;
        let key = (kind.to_owned(), name.to_owned());
        let mapping = Mapping {
            json,
            updated: datetime::now(),
        };
        let row = self.row(owner, &key, &mapping);
        let created = self.with_mappings(owner, |mappings| {
            let created = alter || !mappings.contains_key(&key);
            if created {
                mappings.insert(key, mapping);
            }
            created
        })?;
        if !created {
            return Err(KustoError::exists("MappingPersistent", name));
        }
        Ok(relation(owner, vec![row]))
    }

    pub(super) fn show_mappings(
        &self,
        owner: &Owner,
        kind: Option<&str>,
        name: Option<&str>,
    ) -> Parsed<Relation> {
        let found: Mappings = self.with_mappings(owner, |mappings| mappings.clone())?;
        let wanted = |key: &(String, String)| {
            kind.is_none_or(|kind| kind == key.0) && name.is_none_or(|name| name == key.1)
        };
        let rows: Vec<Row> = found
            .iter()
            .filter(|(key, _)| wanted(key))
            .map(|(key, mapping)| self.row(owner, key, mapping))
            .collect();
        match name {
            Some(name) if rows.is_empty() => Err(KustoError::not_found("MappingPersistent", name)),
            _ => Ok(relation(owner, rows)),
        }
    }

    pub(super) fn drop_mapping(
        &self,
        owner: &Owner,
        kind: String,
        name: String,
    ) -> Parsed<Relation> {
        let key = (kind, name);
        let removed = self.with_mappings(owner, |mappings| mappings.remove(&key))?;
        match removed {
            Some(mapping) => Ok(relation(owner, vec![self.row(owner, &key, &mapping)])),
            None => Err(KustoError::not_found("MappingPersistent", &key.1)),
        }
    }

    fn row(&self, owner: &Owner, (kind, name): &(String, String), mapping: &Mapping) -> Row {
        let database = match owner {
            Owner::Table(table) => table.database.as_deref().unwrap_or(self.database),
            Owner::Database(name) => name,
        };
        let mut row = vec![
            text(name),
            text(kind_name(kind)),
            text(&mapping.json),
            Value::DateTime(mapping.updated),
            text(database),
        ];
        if let Owner::Table(table) = owner {
            row.push(text(&table.name));
        }
        row
    }
}

fn relation(owner: &Owner, rows: Vec<Row>) -> Relation {
    match owner {
        Owner::Table(_) => table(&format!("{COLUMNS}, Table: string"), rows),
        Owner::Database(_) => table(COLUMNS, rows),
    }
}

/// The kind as results spell it.
fn kind_name(kind: &str) -> &str {
    match kind {
        "csv" => "Csv",
        "json" => "Json",
        "avro" => "Avro",
        "apacheavro" => "ApacheAvro",
        "parquet" => "Parquet",
        "sstream" => "SStream",
        "orc" => "Orc",
        "w3clogfile" => "W3CLogFile",
        "azmonstream" => "AzMonStream",
        other => other,
    }
}
