//! The copies of the schema from which streaming nodes work. They know a new table or mapping after a while, or as soon
//! as a command renews them (<https://learn.microsoft.com/kusto/management/data-ingestion/streaming-ingestion-schema-changes>).

use super::database::{Database, Engine, LookupError};
use super::datetime;
use super::table::Table;

impl Engine {
    /// Checks that copies which hold what was made until a time, in ticks, hold this table.
    ///
    /// # Errors
    /// When there is no such database or table, or it was made later.
    pub fn find_cached(&self, db: &str, table: &str, until: i64) -> Result<(), LookupError> {
        let is_known = self.with_database(db, |database| {
            let found = database.tables.get(table);
            found.is_some_and(|found| found.made <= newest(database, Some(found), until))
        })?;
        match is_known {
            true => Ok(()),
            false => Err(LookupError::Table(table.to_owned())),
        }
    }

    /// Whether such copies hold this mapping of the table or of its database. `kind` is lower case.
    pub fn has_cached_mapping(
        &self,
        db: &str,
        table: &str,
        (kind, name): (&str, &str),
        until: i64,
    ) -> bool {
        let key = (kind.to_owned(), name.to_owned());
        let is_known = self.with_database(db, |database| {
            let found = database.tables.get(table);
            let until = newest(database, found, until);
            let of_table = found.and_then(|found| found.mappings.get(&key));
            let mapping = of_table.or_else(|| database.mappings.get(&key));
            mapping.is_some_and(|mapping| mapping.updated <= until)
        });
        is_known.unwrap_or(false)
    }

    /// Renews what the copies hold of a table, or of the whole database.
    ///
    /// # Errors
    /// When there is no such database or table.
    pub fn renew_cached(&self, db: &str, table: Option<&str>) -> Result<(), LookupError> {
        let now = datetime::now();
        match table {
            Some(table) => self.with_table_mut(db, table, |table| table.cached = now),
            None => self.with_database_mut(db, |database| database.cached = now),
        }
    }
}

/// The time until which the copies hold everything of this table.
fn newest(database: &Database, table: Option<&Table>, until: i64) -> i64 {
    let of_table = table.map_or(0, |table| table.cached);
    until.max(database.cached).max(of_table)
}

#[cfg(test)]
mod tests {
    use super::super::database::tests::engine_with_table;
    use super::super::table::Mapping;
    use super::*;

    const KEY: (&str, &str) = ("json", "m");

    /// An engine whose table was made at 100 and whose mapping at 200.
    fn engine() -> Engine {
        let engine = engine_with_table();
        let mapping = Mapping {
            json: "[]".to_owned(),
            updated: 200,
        };
        let place = |table: &mut Table| {
            table.made = 100;
            let key = (KEY.0.to_owned(), KEY.1.to_owned());
            table.mappings.insert(key, mapping);
        };
        engine.with_table_mut("Db", "T", place).unwrap();
        engine
    }

    #[test]
    fn what_was_made_later_is_not_known() {
        let engine = engine();
        let missing = Err(LookupError::Table("T".to_owned()));
        assert_eq!(engine.find_cached("Db", "T", 99), missing);
        assert_eq!(engine.find_cached("db", "T", 100), Ok(()));
        assert!(engine.find_cached("Db", "No", 100).is_err());
        assert!(engine.find_cached("No", "T", 100).is_err());
        assert!(!engine.has_cached_mapping("Db", "T", KEY, 199));
        assert!(engine.has_cached_mapping("Db", "T", KEY, 200));
        assert!(!engine.has_cached_mapping("Db", "T", ("csv", "m"), 200));
    }

    #[test]
    fn a_command_renews_a_table_or_a_database() {
        for table in [Some("T"), None] {
            let engine = engine();
            engine.renew_cached("Db", table).unwrap();
            assert_eq!(engine.find_cached("Db", "T", 0), Ok(()));
            assert!(engine.has_cached_mapping("Db", "T", KEY, 0));
            assert!(engine.renew_cached("Db", Some("No")).is_err());
            assert!(engine.renew_cached("No", None).is_err());
        }
    }
}
