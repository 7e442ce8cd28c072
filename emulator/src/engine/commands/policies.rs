//! Commands about policies of tables and databases.

use super::super::database::{Database, LookupError};
use super::super::kql::parser::Parsed;
use super::super::kql::relation::Relation;
use super::super::table::{BatchingPolicy, Policies, Row};
use super::Target;
use super::command::{PolicyKind, PolicyOwner};
use super::policy::{name, printed, set, unset};
use super::rows::{table, text};

impl Target<'_> {
    pub(super) fn alter_policy(
        &self,
        owner: &PolicyOwner,
        kind: PolicyKind,
        json: &str,
        merge: bool,
    ) -> Parsed<Relation> {
        let defaults = BatchingPolicy {
            time_span: self.engine.default_batching(),
            max_items: BatchingPolicy::MAX_ITEMS,
            max_raw_megabytes: BatchingPolicy::MAX_RAW_MEGABYTES,
        };
        for name in self.named_tables(owner)? {
            match kind {
                PolicyKind::Update => {
                    self.check_update_policy(self.owning(owner), &name, json)?;
                }
                PolicyKind::RowLevelSecurity => {
                    self.check_row_level_security(self.owning(owner), &name, json)?;
                }
                _ => {}
            }
        }
        self.change_policies(owner, |policies| set(policies, kind, json, merge, defaults))?;
        self.show_policy(owner, kind)
    }

    pub(super) fn delete_policy(&self, owner: &PolicyOwner, kind: PolicyKind) -> Parsed<Relation> {
        self.change_policies(owner, |policies| {
            unset(policies, kind);
            Ok(())
        })?;
        self.show_policy(owner, kind)
    }

    pub(super) fn show_policy(&self, owner: &PolicyOwner, kind: PolicyKind) -> Parsed<Relation> {
        let rows = self.engine.with_database(self.owning(owner), |database| {
            let of_table = |table: &String| {
                let found = database.tables.get(table);
                let found = found.ok_or_else(|| LookupError::Table(table.clone()))?;
                let entity = format!("[{}].[{table}]", database.name);
                Ok(row(kind, &found.policies, entity, "Table"))
            };
            match owner {
                PolicyOwner::Cluster => {
                    let unset = Policies::default();
                    Ok(vec![row(kind, &unset, String::new(), "Cluster")])
                }
                PolicyOwner::Database(_) => {
                    let entity = database.name.clone();
                    Ok(vec![row(kind, &database.policies, entity, "Database")])
                }
                _ => tables(owner, database).iter().map(of_table).collect(),
            }
        })?;
        Ok(table(
            "PolicyName: string, EntityName: string, Policy: string, ChildEntities: string, EntityType: string",
            rows.map_err(|error: LookupError| error)?,
        ))
    }

    /// Changes the policies of all or, after an error, of none.
    fn change_policies(
        &self,
        owner: &PolicyOwner,
        change: impl Fn(&mut Policies) -> Parsed<()>,
    ) -> Parsed<()> {
        self.engine
            .with_database_mut(self.owning(owner), |database| {
                if let PolicyOwner::Database(_) = owner {
                    return change(&mut database.policies);
                }
                let names = tables(owner, database);
                let mut changed = Vec::new();
                for name in &names {
                    let found = database.tables.get(name);
                    let found = found.ok_or_else(|| LookupError::Table(name.clone()))?;
                    let mut policies = found.policies.clone();
                    change(&mut policies)?;
                    changed.push(policies);
                }
                for (name, policies) in names.iter().zip(changed) {
                    if let Some(found) = database.tables.get_mut(name) {
                        found.policies = policies;
                    }
                }
                Ok(())
            })?
    }

    fn named_tables(&self, owner: &PolicyOwner) -> Parsed<Vec<String>> {
        if let PolicyOwner::Database(_) | PolicyOwner::Cluster = owner {
            return Ok(Vec::new());
        }
        Ok(self
            .engine
            .with_database(self.owning(owner), |database| tables(owner, database))?)
    }

    fn owning<'o>(&'o self, owner: &'o PolicyOwner) -> &'o str {
        let named = match owner {
            PolicyOwner::Tables(tables) => tables.database.as_deref(),
            PolicyOwner::Database(name) => name.as_deref(),
            PolicyOwner::AllTables | PolicyOwner::Cluster => None,
        };
        named.unwrap_or(self.database)
    }
}

fn tables(owner: &PolicyOwner, database: &Database) -> Vec<String> {
    match owner {
        PolicyOwner::Tables(tables) => tables.names.clone(),
        _ => database.tables.keys().cloned().collect(),
    }
}

fn row(kind: PolicyKind, policies: &Policies, entity: String, entity_type: &str) -> Row {
    let policy = printed(policies, kind).unwrap_or_else(|| "null".to_owned());
    vec![
        text(name(kind)),
        text(entity),
        text(policy),
        text(""),
        text(entity_type),
    ]
}
