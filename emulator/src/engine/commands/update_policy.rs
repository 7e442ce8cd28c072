//! The update policy as JSON, and its checks before it is set.

use serde_json::{Map, Value as Json, json};

use super::super::database::Database;
use super::super::error::KustoError;
use super::super::kql::parser::Parsed;
use super::super::schema::TableSchema;
use super::super::table::UpdatePolicy;
use super::super::updates::Arrival;
use super::Target;
use super::row_level_security::secured_and_named;

/// Reads an array of policy objects.
///
/// # Errors
/// A bad request that names what is wrong.
pub(super) fn parse(text: &str) -> Result<Vec<UpdatePolicy>, KustoError> {
    let entry = |json: Json| match json {
        Json::Object(members) => read(&members),
        _ => Err(invalid("an entry is not a JSON object")),
    };
    match serde_json::from_str(text) {
        Ok(Json::Array(entries)) => entries.into_iter().map(entry).collect(),
        _ => Err(invalid("it is not an array of JSON objects")),
    }
}

fn read(members: &Map<String, Json>) -> Result<UpdatePolicy, KustoError> {
    let mut policy = UpdatePolicy {
        is_enabled: false,
        source: String::new(),
        source_is_wildcard: false,
        query: String::new(),
        is_transactional: false,
        propagates_properties: false,
        managed_identity: None,
    };
    for (name, value) in members {
        match name.to_ascii_lowercase().as_str() {
            "isenabled" => policy.is_enabled = flag(name, value)?,
            "source" => policy.source = string(name, value)?,
            "sourceiswildcard" => policy.source_is_wildcard = flag(name, value)?,
            "query" => policy.query = string(name, value)?,
            "istransactional" => policy.is_transactional = flag(name, value)?,
            "propagateingestionproperties" => policy.propagates_properties = flag(name, value)?,
            "managedidentity" if value.is_null() => {}
            "managedidentity" => policy.managed_identity = Some(string(name, value)?),
            _ => {
                let what = format!("'{name}' is not a member of the update policy");
                return Err(invalid(what));
            }
        }
    }
    for (name, value) in [("Source", &policy.source), ("Query", &policy.query)] {
        if value.trim().is_empty() {
            return Err(invalid(format!("'{name}' is missing")));
        }
    }
    Ok(policy)
}

/// The policy as the service prints it.
pub(super) fn print(entries: &[UpdatePolicy]) -> String {
    let entry = |policy: &UpdatePolicy| {
        json!({
            "IsEnabled": policy.is_enabled,
            "Source": policy.source,
            "SourceIsWildCard": policy.source_is_wildcard,
            "Query": policy.query,
            "IsTransactional": policy.is_transactional,
            "PropagateIngestionProperties": policy.propagates_properties,
            "ManagedIdentity": policy.managed_identity,
        })
    };
    Json::Array(entries.iter().map(entry).collect()).to_string()
}

fn invalid(what: impl Into<String>) -> KustoError {
    let what = what.into();
    KustoError::bad_request(format!("The update policy is invalid: {what}."))
}

fn flag(name: &str, value: &Json) -> Result<bool, KustoError> {
    let flag = value.as_bool();
    flag.ok_or_else(|| invalid(format!("'{name}' is neither true nor false")))
}

fn string(name: &str, value: &Json) -> Result<String, KustoError> {
    let text = value.as_str().map(str::to_owned);
    text.ok_or_else(|| invalid(format!("'{name}' is not a string")))
}

impl Target<'_> {
    /// Runs the queries of enabled entries over no rows, so that a wrong one is not set.
    ///
    /// # Errors
    /// A bad request when a source is not there, or a query is wrong or gives other columns than the table has.
    pub(super) fn check_update_policy(
        &self,
        database: &str,
        table: &str,
        text: &str,
    ) -> Parsed<()> {
        for policy in parse(text)?.iter().filter(|policy| policy.is_enabled) {
            for schema in self.sources(database, policy)? {
                let arrival = Arrival {
                    schema: &schema,
                    rows: &[],
                    tags: &[],
                    created: None,
                };
                let ran = self.engine.run_update(database, &arrival, table, policy);
                ran.map_err(|error| KustoError::bad_request(error.message))?;
            }
        }
        Ok(())
    }

    /// The tables that trigger the entry now.
    fn sources(&self, database: &str, policy: &UpdatePolicy) -> Parsed<Vec<TableSchema>> {
        self.engine.with_database(database, |found: &Database| {
            let names = found.tables.keys();
            let sources = names.filter(|name| policy.is_triggered_by(name));
            let sources: Vec<_> = sources.filter_map(|name| found.tables.get(name)).collect();
            if sources.is_empty() && !policy.source_is_wildcard {
                return Err(KustoError::not_found("Table", &policy.source));
            }
            let secured = sources.iter().map(|source| source.schema.name.as_str());
            let secured = secured.filter(|name| secured_and_named(found, name).is_some());
            let named = secured_and_named(found, &policy.query);
            if let Some(name) = secured.chain(named).next() {
                return Err(invalid(format!(
                    "the table '{name}' has a row level security policy, whose rows the emulator does not let an \
                     update see"
                )));
            }
            for source in &sources {
                let zero = source.policies.retention.is_some_and(|kept| kept.soft_delete == 0);
                if zero && !policy.is_transactional {
                    return Err(invalid(format!(
                        "the source '{}' has a retention of zero, so that 'IsTransactional' has to be true",
                        source.schema.name
                    )));
                }
            }
            let schemas = sources.iter().map(|source| source.schema.as_ref().clone());
            Ok(schemas.collect())
        })?
    }
}
