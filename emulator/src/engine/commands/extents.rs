//! Commands about extents.

use std::sync::Arc;

use uuid::Uuid;

use super::super::database::{Database, LookupError};
use super::super::error::KustoError;
use super::super::kql::parser::Parsed;
use super::super::kql::relation::Relation;
use super::super::table::{Extent, Row, Table};
use super::super::value::Value;
use super::Target;
use super::command::{ExtentChoice, ExtentFilter, ExtentPlace, TableNames, TagTest};
use super::rows::{long, table, text};

/// Columns of `.show ... extents`: those of the service's own grammar.
const EXTENTS: &str = "ExtentId: guid, DatabaseName: string, TableName: string, MaxCreatedOn: datetime, \
     OriginalSize: real, ExtentSize: real, CompressedSize: real, IndexSize: real, Blocks: long, Segments: long, \
     ExtentContainerId: string, RowCount: long, MinCreatedOn: datetime, Tags: string, Kind: string, \
     DeletedRowCount: long";

impl Target<'_> {
    pub(super) fn show_extents(
        &self,
        place: &ExtentPlace,
        filter: &ExtentFilter,
    ) -> Parsed<Relation> {
        let rows = match place {
            ExtentPlace::Cluster => self.engine.with_databases(|databases| {
                let each = databases.values();
                each.flat_map(|database| shown(database, database.tables.values(), filter))
                    .collect()
            }),
            ExtentPlace::Database(name) => {
                let name = name.as_deref().unwrap_or(self.database);
                self.engine.with_database(name, |database| {
                    shown(database, database.tables.values(), filter)
                })?
            }
            ExtentPlace::Tables(tables) => {
                let name = tables.database.as_deref().unwrap_or(self.database);
                self.engine.with_database(name, |database| {
                    let found = existing(database, &tables.names)?;
                    Ok::<_, KustoError>(shown(database, found, filter))
                })??
            }
        };
        Ok(table(EXTENTS, rows))
    }

    /// With `pretend` they stay, and the result is the same.
    pub(super) fn drop_extents(
        &self,
        choice: &ExtentChoice,
        tables: Option<&TableNames>,
        pretend: bool,
    ) -> Parsed<Relation> {
        let name = tables.and_then(|tables| tables.database.as_deref());
        let chosen = self.chosen(choice)?;
        let rows = self
            .engine
            .with_database_mut(name.unwrap_or(self.database), |database| {
                let names = match tables {
                    Some(tables) => tables.names.clone(),
                    None => database.tables.keys().cloned().collect(),
                };
                existing(database, &names)?;
                let mut rows = Vec::new();
                for name in &names {
                    if let Some(found) = database.tables.get_mut(name) {
                        rows.extend(dropped(found, &chosen, pretend));
                    }
                }
                Ok::<_, KustoError>(rows)
            })??;
        Ok(table(
            "ExtentId: guid, TableName: string, CreatedOn: datetime",
            rows,
        ))
    }

    fn chosen(&self, choice: &ExtentChoice) -> Parsed<Chosen> {
        Ok(match choice {
            ExtentChoice::Ids(ids) => Chosen::Ids(ids.iter().map(|id| (*id, None)).collect()),
            ExtentChoice::Age(None) => Chosen::OlderThan(i64::MAX),
            ExtentChoice::Age(Some(age)) => {
                Chosen::OlderThan(self.context.now.saturating_sub(*age))
            }
            ExtentChoice::Query(query) => Chosen::Ids(extents_of(&self.source(query)?)?),
        })
    }
}

/// The extents to drop.
enum Chosen {
    /// These, and the tables they are in when that is known.
    Ids(Vec<(Uuid, Option<String>)>),
    /// Those created before these ticks.
    OlderThan(i64),
}

impl Chosen {
    fn has(&self, table: &str, extent: &Extent) -> bool {
        match self {
            Self::OlderThan(ticks) => extent.created < *ticks,
            Self::Ids(ids) => ids
                .iter()
                .any(|(id, of)| *id == extent.id && of.as_deref().is_none_or(|of| of == table)),
        }
    }
}

/// What a query chooses: its columns `ExtentId` and `TableName`.
fn extents_of(chosen: &Relation) -> Parsed<Vec<(Uuid, Option<String>)>> {
    let (Some(id), Some(name)) = (chosen.position("ExtentId"), chosen.position("TableName")) else {
        return Err(KustoError::bad_request(
            "The query has to give the columns 'ExtentId' and 'TableName'.",
        ));
    };
    let extent = |row: &[Value]| match (&row[id], &row[name]) {
        (Value::Guid(id), Value::String(name)) => Ok((*id, Some(name.clone()))),
        (Value::String(id), Value::String(name)) if Uuid::parse_str(id).is_ok() => {
            Ok((Uuid::parse_str(id).unwrap_or_default(), Some(name.clone())))
        }
        _ => Err(KustoError::bad_request(
            "A row of the query does not hold the id of an extent and the name of a table.",
        )),
    };
    chosen.rows.iter().map(extent).collect()
}

fn existing<'d>(database: &'d Database, names: &[String]) -> Result<Vec<&'d Table>, LookupError> {
    let table = |name: &String| {
        let found = database.tables.get(name);
        found.ok_or_else(|| LookupError::Table(name.clone()))
    };
    names.iter().map(table).collect()
}

fn dropped(found: &mut Table, chosen: &Chosen, pretend: bool) -> Vec<Row> {
    let name = found.schema.name.clone();
    let (gone, kept): (Vec<_>, Vec<_>) = found
        .extents
        .iter()
        .cloned()
        .partition(|extent| chosen.has(&name, extent));
    if !pretend {
        found.extents = kept;
    }
    let row = |extent: &Arc<Extent>| {
        vec![
            Value::Guid(extent.id),
            text(&name),
            Value::DateTime(extent.created),
        ]
    };
    gone.iter().map(row).collect()
}

fn shown<'t>(
    database: &Database,
    tables: impl IntoIterator<Item = &'t Table>,
    filter: &ExtentFilter,
) -> Vec<Row> {
    let of_table = |found: &'t Table| {
        let extents = found.extents.iter().filter(|extent| filter.takes(extent));
        extents.map(|extent| extent_row(database, found, extent))
    };
    tables.into_iter().flat_map(of_table).collect()
}

/// Nothing is compressed or indexed here, so that sizes are not known.
fn extent_row(database: &Database, found: &Table, extent: &Extent) -> Row {
    vec![
        Value::Guid(extent.id),
        text(&database.name),
        text(&found.schema.name),
        Value::DateTime(extent.created),
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        text(""),
        long(extent.rows.len()),
        Value::DateTime(extent.created),
        text(extent.tags.join("\r\n")),
        text(""),
        long(0),
    ]
}

impl ExtentFilter {
    fn takes(&self, extent: &Extent) -> bool {
        (self.ids.is_empty() || self.ids.contains(&extent.id))
            && self.tags.iter().all(|test| test.holds(&extent.tags))
    }
}

impl TagTest {
    fn holds(&self, tags: &[String]) -> bool {
        let part = self.text.to_lowercase();
        let found = |tag: &String| match self.contains {
            true => tag.to_lowercase().contains(&part),
            false => *tag == self.text,
        };
        tags.iter().any(found) != self.negated
    }
}
