//! `.show principal access`: whether a principal may ingest.

use super::super::error::KustoError;
use super::super::kql::PRINCIPAL;
use super::super::kql::parser::Parsed;
use super::super::kql::relation::Relation;
use super::super::table::Principal;
use super::super::value::Value;
use super::Target;
use super::command::Properties;
use super::principals::{parts, same};
use super::rows::{table, text};

/// The reference does not have the command. That the fourth column is a bool is known from Microsoft's connector for
/// Kafka, which sends it; the names are the emulator's.
const ACCESS: &str = "Principal: string, AccessType: string, Resource: string, IsAllowed: bool";

/// The roles that include ingestion.
const MAY_INGEST: [&str; 2] = ["admins", "ingestors"];

/// What `with (...)` asks.
struct Question {
    principal: String,
    database: Option<String>,
    table: Option<String>,
}

impl Question {
    /// # Errors
    /// A bad request that names the property that is missing, unknown or has a value that is not supported.
    fn of(properties: &Properties) -> Parsed<Self> {
        let (mut kind, mut database, mut table) = (None, None, None);
        let mut principal = PRINCIPAL.to_owned();
        for (name, value) in properties {
            let value = value.to_text();
            match name.to_ascii_lowercase().as_str() {
                "principal" => principal = value,
                "accesstype" => kind = Some(value),
                "database" => database = Some(value),
                "table" => table = Some(value),
                _ => {
                    return Err(KustoError::bad_request(format!(
                        "'{name}' is no property of the command."
                    )));
                }
            }
        }
        if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("ingest")) {
            return Err(KustoError::bad_request(
                "The property 'accesstype' must be 'ingest': no other access is known here.",
            ));
        }
        Ok(Self {
            principal,
            database,
            table,
        })
    }
}

impl Target<'_> {
    /// Who has a role that includes ingestion may ingest. Where nobody has one, everybody may: nobody signs in here.
    pub(super) fn access(&self, properties: &Properties) -> Parsed<Relation> {
        let question = Question::of(properties)?;
        parts(&question.principal)?;
        let named = question.database.as_deref().unwrap_or(self.database);
        let (resource, allowed) = self.engine.with_database(named, |database| {
            let of_database = database.principals.iter();
            match &question.table {
                None => {
                    let allowed = may_ingest(of_database, &question.principal);
                    Ok((database.name.clone(), allowed))
                }
                Some(name) => match database.tables.get(name) {
                    None => Err(KustoError::not_found("Table", name)),
                    Some(found) => {
                        let all = of_database.chain(&found.principals);
                        let allowed = may_ingest(all, &question.principal);
                        Ok((format!("{}.{name}", database.name), allowed))
                    }
                },
            }
        })??;
        let row = vec![
            text(question.principal),
            text("Ingest"),
            text(resource),
            Value::Bool(allowed),
        ];
        Ok(table(ACCESS, vec![row]))
    }
}

fn may_ingest<'p>(principals: impl Iterator<Item = &'p Principal>, wanted: &str) -> bool {
    let role = |found: &&Principal| MAY_INGEST.contains(&found.role.as_str());
    let mut with_role = principals.filter(role).peekable();
    with_role.peek().is_none() || with_role.any(|found| same(&found.fqn, wanted))
}
