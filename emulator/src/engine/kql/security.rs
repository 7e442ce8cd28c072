//! Row level security: the query of a table's policy stands for the table, whoever asks.

use super::super::error::KustoError;
use super::super::table::RowLevelSecurity;
use super::super::value::Value;
use super::again::{Memo, mentions};
use super::deep;
use super::frame::Frame;
use super::parser::Parsed;
use super::relation::Relation;
use super::run::{Context, Run};
use super::statements::parse_query;

/// The option with which policies that are not enabled hold as well.
const FORCE: &str = "query_force_row_level_security";

/// The code of an error of `assert()`.
const ASSERTION: &str = "SEM0301";

/// Which policies hold.
#[derive(Clone, Copy, Debug)]
pub enum Security<'t> {
    /// Those that are enabled.
    Enabled,
    /// All.
    Forced,
    /// None of this table, whose policy's query it is. It may use no other table that has one.
    Within(&'t str),
}

impl Security<'_> {
    /// What the options of a query ask for.
    pub(super) fn of(options: &[(String, Value)]) -> Self {
        let is_set = |(name, value): &(String, Value)| {
            name == FORCE && value.to_text().eq_ignore_ascii_case("true")
        };
        match options.iter().any(is_set) {
            true => Self::Forced,
            false => Self::Enabled,
        }
    }
}

impl Run<'_> {
    /// The table as queries see it.
    pub(super) fn secured(
        &self,
        database: &str,
        name: &str,
        table: Relation,
        policy: Option<RowLevelSecurity>,
    ) -> Parsed<Relation> {
        let Some(policy) = policy else {
            return Ok(table);
        };
        match self.security {
            Security::Within(own) if own == name => return Ok(table),
            Security::Within(own) if policy.is_enabled => {
                return Err(KustoError::bad_request(format!(
                    "The row level security policy of the table '{own}' uses the table '{name}', which has such a \
                     policy as well."
                )));
            }
            Security::Forced => {}
            _ if !policy.is_enabled => return Ok(table),
            _ => {}
        }
        let context = Context {
            database,
            ..*self.context
        };
        only_table(&context, name, &policy.query, self.without_rows)
    }

    /// A policy's query stays within its database.
    pub(super) fn may_leave(&self, database: &str, at: usize) -> Parsed<()> {
        let is_own = database.eq_ignore_ascii_case(self.context.database);
        match self.security {
            Security::Within(_) if !is_own => {
                let message = "A row level security policy cannot use other databases.";
                Err(KustoError::bad_request(message).located(self.text, at))
            }
            _ => Ok(()),
        }
    }
}

/// Runs the query of the table's policy.
fn only_table(
    context: &Context<'_>,
    name: &str,
    text: &str,
    without_rows: bool,
) -> Parsed<Relation> {
    let query = parse_query(text)?;
    let (frame, memo) = (Frame::default(), Memo::default());
    let run = Run {
        security: Security::Within(name),
        without_rows,
        ..Run::new(context, text, &frame, &memo)
    };
    let mut tables = deep(|| run.statements(&query))?;
    match (tables.pop(), tables.is_empty()) {
        (Some(only), true) => Ok(only.relation),
        _ => Err(KustoError::bad_request(
            "The query of a row level security policy has to give exactly one table.",
        )),
    }
}

/// Checks the query of a policy that is to be set.
///
/// # Errors
/// Those of the query.
pub(in super::super) fn check(context: &Context<'_>, table: &str, query: &str) -> Parsed<()> {
    match only_table(context, table, query, true) {
        // Whoever asks later may be one for whom the assertion holds.
        Err(error) if error.code == ASSERTION => Ok(()),
        result => result.map(|_| ()),
    }
}

/// Whether a query has the table's name in it.
pub(in super::super) fn names(query: &str, table: &str) -> bool {
    let quoted = [format!("['{table}']"), format!("[\"{table}\"]")];
    quoted.iter().any(|name| query.contains(name))
        || mentions(query, &(0..query.len()), |word| word == table)
}
