//! Principals and their roles. They are kept and shown: nobody signs in here, so that no role lets anybody do more.

use uuid::Uuid;

use super::super::error::KustoError;
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

/// What a principal begins with, and its kind as results name it.
const KINDS: [(&str, &str); 4] = [
    ("aaduser", "Microsoft Entra user"),
    ("aadgroup", "Microsoft Entra group"),
    ("aadapp", "Microsoft Entra app"),
    ("msauser", "Microsoft Account"),
];

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
            Owner::Database(named) => self.engine.with_database_mut(named, |found| {
                let name = format!("Database {}", found.name);
                then(&name, &mut found.principals)
            })?,
        })
    }
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
        let (_, kind) = kinds.find(|(known, _)| known.eq_ignore_ascii_case(prefix))?;
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
    let mut roles = OF_DATABASES.iter();
    let role = roles.find(|(role, _)| *role == found.role);
    let role = role.map_or("", |(_, shown)| *shown);
    let object = Uuid::parse_str(who).map_or(String::new(), |id| id.to_string());
    vec![
        text(format!("{owner} {role}")),
        text(kind),
        text(who),
        text(object),
        text(&found.fqn),
        text(&found.notes),
        text(found.id.to_string()),
    ]
}
