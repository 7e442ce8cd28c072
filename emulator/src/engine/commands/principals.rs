//! Principals and their roles. They are kept and shown: nobody signs in here, so that no role lets anybody do more.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::super::database::Database;
use super::super::error::KustoError;
use super::super::kql::PRINCIPAL;
use super::super::kql::parser::Parsed;
use super::super::kql::relation::Relation;
use super::super::table::{Principal, Row};
use super::Target;
use super::command::{Owner, RoleChange, RoleVerb};
use super::rows::{table, text};

/// Columns of every result about principals.
pub(super) const PRINCIPALS: &str = "Role: string, PrincipalType: string, PrincipalDisplayName: string, \
     PrincipalObjectId: string, PrincipalFQN: string, Notes: string, RoleAssignmentIdentifier: string";

/// The roles of databases as commands and as results name them.
const OF_DATABASES: [(&str, &str); 6] = [
    ("admins", "Admin"),
    ("users", "User"),
    ("viewers", "Viewer"),
    ("unrestrictedviewers", "UnrestrictedViewer"),
    ("ingestors", "Ingestor"),
    ("monitors", "Monitor"),
];

/// Those of tables.
const OF_TABLES: [&str; 2] = ["admins", "ingestors"];

/// What a principal begins with, and its kind as rows and as JSON name it.
const KINDS: [(&str, &str, &str); 4] = [
    ("aaduser", "Microsoft Entra user", "AAD User"),
    ("aadgroup", "Microsoft Entra group", "AAD Group"),
    ("aadapp", "Microsoft Entra app", "AAD Service Principal"),
    ("msauser", "Microsoft Account", "MSA User"),
];

/// Columns of the roles of whoever asks.
pub(super) const ROLES: &str =
    "Scope: string, DisplayName: string, AADObjectID: string, Role: string";

/// Whether a role is one of a table (or of a database).
pub(super) fn is_role(word: &str, of_table: bool) -> bool {
    match of_table {
        true => OF_TABLES.contains(&word),
        false => OF_DATABASES.iter().any(|(role, _)| *role == word),
    }
}

impl Target<'_> {
    pub(super) fn principals(&self, owner: &Owner) -> Parsed<Relation> {
        let rows = self.with_principals(owner, |name, principals| {
            principals.iter().map(|found| row(name, found)).collect()
        })?;
        Ok(table(PRINCIPALS, rows))
    }

    /// The roles of the principal that asks: of a table, of a database or, when neither is named, of all. Commands give
    /// no role of the whole cluster.
    pub(super) fn own_roles(&self, owner: Option<&Owner>) -> Parsed<Relation> {
        let rows = match owner {
            Some(owner) => {
                self.with_principals(owner, |name, principals| own_roles(name, &*principals))?
            }
            None => self.engine.with_databases(|all| {
                let of_database = |database: &Database| {
                    let of_itself = own_roles(&scope(database), &database.principals);
                    let tables = database.tables.iter();
                    let of_tables = tables.flat_map(|(name, found)| {
                        own_roles(&format!("Table {name}"), &found.principals)
                    });
                    of_itself.into_iter().chain(of_tables).collect::<Vec<_>>()
                };
                all.values().flat_map(of_database).collect()
            }),
        };
        Ok(table(ROLES, rows))
    }

    pub(super) fn change_role(&self, change: &RoleChange) -> Parsed<Relation> {
        let new = change.principals.iter().map(|fqn| {
            parts(fqn)?;
            Ok(Principal {
                role: change.role.clone(),
                fqn: fqn.clone(),
                notes: change.notes.clone(),
                id: Uuid::new_v4(),
            })
        });
        let new = new.collect::<Parsed<Vec<_>>>()?;
        let rows = self.with_principals(&change.owner, |name, principals| {
            let named = |found: &Principal| {
                let same = |fqn: &String| fqn.eq_ignore_ascii_case(&found.fqn);
                found.role == change.role && change.principals.iter().any(same)
            };
            match change.verb {
                RoleVerb::Add | RoleVerb::Drop => principals.retain(|found| !named(found)),
                RoleVerb::Set => principals.retain(|found| found.role != change.role),
            }
            if change.verb != RoleVerb::Drop {
                principals.extend(new);
            }
            match change.skip_results {
                true => Vec::new(),
                false => principals.iter().map(|found| row(name, found)).collect(),
            }
        })?;
        Ok(table(PRINCIPALS, rows))
    }

    /// Those of a table or a database, and how results name it: `Table T`.
    fn with_principals<R>(
        &self,
        owner: &Owner,
        then: impl FnOnce(&str, &mut Vec<Principal>) -> R,
    ) -> Parsed<R> {
        Ok(match owner {
            Owner::Table(named) => {
                let database = named.database.as_deref().unwrap_or(self.database);
                let name = format!("Table {}", named.name);
                self.engine.with_table_mut(database, &named.name, |found| {
                    then(&name, &mut found.principals)
                })?
            }
            Owner::Database(named) => self
                .engine
                .with_database_mut(named, |found| then(&scope(found), &mut found.principals))?,
        })
    }
}

fn scope(database: &Database) -> String {
    format!("Database {}", database.name)
}

/// A principal's parts.
#[derive(Default)]
pub(super) struct Parts<'f> {
    /// The kind, as results name it.
    pub(super) kind: &'static str,
    pub(super) who: &'f str,
    /// What follows `;`
    pub(super) tenant: Option<&'f str>,
}

/// Takes a principal apart: `aadapp=ID;TENANT`.
///
/// # Errors
/// A bad request when it is none.
pub(super) fn parts(fqn: &str) -> Parsed<Parts<'_>> {
    let parts = fqn.split_once('=').filter(|(_, who)| !who.is_empty());
    let found = parts.and_then(|(prefix, who)| {
        let mut kinds = KINDS.iter();
        let (_, kind, _) = kinds.find(|(known, ..)| known.eq_ignore_ascii_case(prefix))?;
        let (who, tenant) = match who.split_once(';') {
            Some((who, tenant)) => (who, Some(tenant)),
            None => (who, None),
        };
        Some(Parts { kind, who, tenant })
    });
    found.ok_or_else(|| {
        let shown: String = fqn.chars().take(80).collect();
        KustoError::bad_request(format!(
            "'{shown}' is not a principal: aaduser=, aadgroup=, aadapp= or msauser= and who it is."
        ))
    })
}

fn row(owner: &str, found: &Principal) -> Row {
    let Parts { kind, who, .. } = parts(&found.fqn).unwrap_or_default();
    vec![
        text(format!("{owner} {}", role(found))),
        text(kind),
        text(who),
        text(object(who)),
        text(&found.fqn),
        text(&found.notes),
        text(found.id.to_string()),
    ]
}

/// The role as results name it.
fn role(found: &Principal) -> &'static str {
    let mut roles = OF_DATABASES.iter();
    let role = roles.find(|(role, _)| *role == found.role);
    role.map_or("", |(_, shown)| *shown)
}

/// The id of who has one.
fn object(who: &str) -> String {
    Uuid::parse_str(who).map_or(String::new(), |id| id.to_string())
}

/// The principals as `AuthorizedPrincipals` has them, which names their kinds in another way.
pub(super) fn json(principals: &[Principal]) -> String {
    let one = |found: &Principal| {
        let Parts { kind, who, .. } = parts(&found.fqn).unwrap_or_default();
        let mut kinds = KINDS.iter().filter(|(_, of_rows, _)| *of_rows == kind);
        json!({
            "Type": kinds.next().map_or("", |(.., of_json)| of_json),
            "DisplayName": who,
            "ObjectId": object(who),
            "FQN": found.fqn,
            "Notes": found.notes,
            "RoleAssignmentIdentifier": found.id,
        })
    };
    Json::Array(principals.iter().map(one).collect()).to_string()
}

/// What the principal that asks has.
fn own_roles<'p>(scope: &str, principals: impl IntoIterator<Item = &'p Principal>) -> Vec<Row> {
    let of_caller = principals
        .into_iter()
        .filter(|found| same(&found.fqn, PRINCIPAL));
    let row = |found: &Principal| -> Row {
        let Parts { who, .. } = parts(&found.fqn).unwrap_or_default();
        vec![text(scope), text(who), text(object(who)), text(role(found))]
    };
    of_caller.map(row).collect()
}

/// Whether both name one principal. A tenant that one of them leaves out is taken to be the other's.
pub(super) fn same(one: &str, other: &str) -> bool {
    let (Ok(one), Ok(other)) = (parts(one), parts(other)) else {
        return false;
    };
    let tenants = one.tenant.zip(other.tenant);
    one.kind == other.kind
        && one.who.eq_ignore_ascii_case(other.who)
        && tenants.is_none_or(|(one, other)| one.eq_ignore_ascii_case(other))
}
