//! The policy of row level security as JSON, and its checks before it is set.

use serde_json::{Value as Json, json};

use super::super::database::Database;
use super::super::error::KustoError;
use super::super::kql::parser::Parsed;
use super::super::kql::run::Context;
use super::super::kql::security::{check, names};
use super::super::table::RowLevelSecurity;
use super::Target;

/// Reads the policy.
///
/// # Errors
/// A bad request when it is none.
pub(super) fn parse(text: &str) -> Parsed<RowLevelSecurity> {
    let json: Json = serde_json::from_str(text).map_err(|_| invalid("it is not JSON"))?;
    match (json["IsEnabled"].as_bool(), json["Query"].as_str()) {
        (Some(is_enabled), Some(query)) if !query.trim().is_empty() => Ok(RowLevelSecurity {
            is_enabled,
            query: query.to_owned(),
        }),
        _ => Err(invalid("it needs a query")),
    }
}

/// The policy as the service prints it.
pub(super) fn print(policy: &RowLevelSecurity) -> String {
    json!({"IsEnabled": policy.is_enabled, "Query": policy.query}).to_string()
}

fn invalid(what: &str) -> KustoError {
    KustoError::bad_request(format!("The row level security policy is invalid: {what}."))
}

/// A table whose policy is enabled and that the text names.
pub(super) fn secured_and_named<'d>(database: &'d Database, query: &str) -> Option<&'d str> {
    let mut tables = database.tables.values();
    let found = tables.find(|table| {
        let policy = table.policies.row_level_security.as_ref();
        policy.is_some_and(|policy| policy.is_enabled) && names(query, &table.schema.name)
    });
    found.map(|table| table.schema.name.as_str())
}

impl Target<'_> {
    /// # Errors
    /// A bad request where the page says that the policy cannot be enabled, and the errors of the query.
    pub(super) fn check_row_level_security(
        &self,
        database: &str,
        table: &str,
        text: &str,
    ) -> Parsed<()> {
        let policy = parse(text)?;
        self.engine.with_database(database, |found| {
            if !found.tables.contains_key(table) {
                return Err(KustoError::not_found("Table", table));
            }
            match policy.is_enabled {
                true => may_be_enabled(found, table),
                false => Ok(()),
            }
        })??;
        let context = Context {
            database,
            ..*self.context
        };
        check(&context, table, &policy.query)
    }
}

fn may_be_enabled(database: &Database, table: &str) -> Parsed<()> {
    for found in database.tables.values() {
        let entries = found.policies.update.iter().flatten();
        for entry in entries {
            if entry.is_triggered_by(table) || names(&entry.query, table) {
                return Err(invalid(&format!(
                    "the update policy of the table '{}' uses the table '{table}'",
                    found.schema.name
                )));
            }
        }
    }
    let policies = database.tables.get(table).map(|found| &found.policies.kept);
    let restricted = policies.and_then(|kept| kept.get("RestrictedViewAccessPolicy"));
    let restricted = restricted.and_then(|text| serde_json::from_str::<Json>(text).ok());
    match restricted.is_some_and(|policy| policy["IsEnabled"] == true) {
        true => Err(invalid("the table has a restricted view access policy")),
        false => Ok(()),
    }
}
