//! The `union` operator.

use std::collections::BTreeSet;

use super::super::super::database::Function;
use super::super::super::error::KustoError;
use super::super::super::schema::Column;
use super::super::super::value::{ColumnType, Value};
use super::super::ast::{ExprKind, Operator, Pattern, Pipeline, Source};
use super::super::budget::{Made, afford};
use super::super::frame::Binding;
use super::super::lexer::TokenKind;
use super::super::origin::bare;
use super::super::parser::{Parsed, Parser};
use super::super::relation::Relation;
use super::super::run::Run;
use super::add_column;

/// `union`
#[derive(Clone, Debug, PartialEq)]
pub struct Union {
    /// Only the columns that all have.
    inner: bool,
    source_column: Option<String>,
    fuzzy: bool,
    legs: Vec<Leg>,
    /// The name of the table that the rows before it come from.
    pub input: Option<String>,
}

/// What stands for one table or several.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Leg {
    /// A table or a query.
    Query(Pipeline),
    /// Tables and views whose names match.
    Wild(Pattern),
}

impl Parser<'_> {
    pub(in super::super) fn union(&mut self) -> Parsed<Union> {
        let settings = self.settings(&["kind", "withsource", "with_source", "isfuzzy"])?;
        let word = |name: &str| match settings.get(name).map(|value| &value.kind) {
            Some(ExprKind::Name(word)) => Some(word.clone()),
            Some(ExprKind::Literal(Value::Bool(value), _)) => Some(value.to_string()),
            Some(ExprKind::Literal(Value::String(word), _)) => Some(word.clone()),
            _ => None,
        };
        let inner = match word("kind").as_deref() {
            None | Some("outer") => false,
            Some("inner") => true,
            Some(_) => return Err(self.error("the kind of a union is inner or outer")),
        };
        Ok(Union {
            inner,
            source_column: word("withsource").or_else(|| word("with_source")),
            fuzzy: word("isfuzzy").as_deref() == Some("true"),
            legs: self.list(Self::leg)?,
            input: None,
        })
    }

    /// Takes a table, a query or a pattern of names.
    pub(super) fn leg(&mut self) -> Parsed<Leg> {
        match self.wild_pattern()? {
            Some(pattern) => Ok(Leg::Wild(pattern)),
            None => Ok(Leg::Query(self.table_operand()?)),
        }
    }

    /// A name with `*` in it, if that is next.
    pub(in super::super) fn wild_pattern(&mut self) -> Parsed<Option<Pattern>> {
        if !matches!(self.peek(), TokenKind::Word(_) | TokenKind::Symbol("*")) {
            return Ok(None);
        }
        let mut ahead = self.clone();
        match ahead.pattern() {
            Ok(pattern) if pattern.wild => {
                *self = ahead;
                Ok(Some(pattern))
            }
            _ => Ok(None),
        }
    }
}

/// Only such a function can be a view.
fn is_parameterless(function: &Function) -> bool {
    let parameters = function.parameters.trim_matches(['(', ')']);
    parameters.trim().is_empty()
}

impl Run<'_> {
    pub(in super::super) fn union_step(
        &self,
        input: Option<Relation>,
        union: &Union,
    ) -> Parsed<Relation> {
        let mut legs: Vec<(String, Relation)> = Vec::new();
        if let Some(input) = input {
            let name = union.input.clone();
            legs.push((name.unwrap_or_else(|| "union_arg0".to_owned()), input));
        }
        for leg in &union.legs {
            match leg {
                Leg::Wild(pattern) => {
                    let found = self.matching(pattern)?;
                    if found.is_empty() && !union.fuzzy {
                        return Err(self.unknown_table(&pattern.text, pattern.at));
                    }
                    legs.extend(found);
                }
                Leg::Query(query) if union.fuzzy && !self.resolves(query)? => {}
                Leg::Query(query) => {
                    let name =
                        source_name(query).unwrap_or_else(|| format!("union_arg{}", legs.len()));
                    legs.push((name, self.pipeline(query)?));
                }
            }
        }
        if legs.is_empty() {
            let message = "'union' operator: no table of the union could be resolved";
            return Err(KustoError::semantic("SEM0100", message));
        }
        self.united(union.source_column.as_deref(), union.inner, &legs)
    }

    /// The rows of each table that is named.
    pub(super) fn legs(&self, legs: &[Leg]) -> Parsed<Vec<(String, Relation)>> {
        let mut tables: Vec<(String, Relation)> = Vec::new();
        for leg in legs {
            match leg {
                Leg::Wild(pattern) => match self.matching(pattern)? {
                    found if found.is_empty() => {
                        return Err(self.unknown_table(&pattern.text, pattern.at));
                    }
                    found => tables.extend(found),
                },
                Leg::Query(query) => {
                    let name = source_name(query).unwrap_or_default();
                    tables.push((name, self.pipeline(query)?));
                }
            }
        }
        Ok(tables)
    }

    /// Tables and views of the database and views of the query whose names match, with their rows. Of a view and a table
    /// with one name the view is meant; a function that is no view, or a scalar, hides no table.
    pub(in super::super) fn matching(&self, pattern: &Pattern) -> Parsed<Vec<(String, Relation)>> {
        let database = self.context.database;
        let (mut names, mut views) = self
            .context
            .engine
            .with_database(database, |database| {
                let functions = database.functions.values();
                let views = functions.filter(|found| found.view && is_parameterless(found));
                let views = views.map(|found| found.name.clone());
                let views: Vec<String> = views.filter(|name| pattern.matches(name)).collect();
                let tables = database.tables.keys().filter(|name| pattern.matches(name));
                let names: BTreeSet<String> = tables.chain(&views).cloned().collect();
                (Vec::from_iter(names), views)
            })
            .map_err(|_| KustoError::not_found("Database", database))?;
        names.retain(|name| self.sees(database, name));
        // A view never finds itself: within it the name is that of a table.
        views.retain(|name| name != self.origin);
        let bound = self.frame.all(|name| pattern.matches(name)).into_iter();
        for (name, binding) in bound {
            if !matches!(binding, Binding::Function(function) if function.view) {
                continue;
            }
            views.push(name.to_owned());
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        let mut tables = Vec::new();
        for name in names {
            // What gives no rows is no view.
            let view = match views.contains(&name) {
                true => self.known_table(&name)?,
                false => None,
            };
            let table = match view {
                Some(view) => Some(view),
                None => self.stored_table(database, &name)?,
            };
            tables.extend(table.map(|table| (name, bare(table))));
        }
        Ok(tables)
    }

    /// Whether the query's table exists.
    fn resolves(&self, query: &Pipeline) -> Parsed<bool> {
        match &query.source {
            Source::Table(name, _) => Ok(self.known_table(name)?.is_some()),
            Source::Query(inner) => self.resolves(inner),
            _ => Ok(true),
        }
    }

    /// The rows of all tables below each other.
    pub(in super::super) fn united(
        &self,
        source_column: Option<&str>,
        inner: bool,
        legs: &[(String, Relation)],
    ) -> Parsed<Relation> {
        let kept = kept_columns(inner, legs);
        let mut columns = Vec::new();
        if let Some(name) = source_column {
            columns.push(Column::new(name, ColumnType::String));
        }
        for column in shown(&kept) {
            add_column(&mut columns, &column.name, column.ty);
        }
        let total = legs.iter().map(|(_, leg)| leg.rows.len()).sum();
        afford(total, columns.len())?;
        let mut made = Made::default();
        for (name, leg) in legs {
            let places: Vec<Option<usize>> = kept
                .iter()
                .map(|column| leg.columns.iter().position(|own| own == column))
                .collect();
            for row in leg.rows.iter() {
                let source = source_column.map(|_| Value::String(name.clone()));
                let values = places.iter().zip(&kept).map(|(place, column)| {
                    place.map_or_else(|| Value::absent(column.ty), |place| row[place].clone())
                });
                made.push(source.into_iter().chain(values).collect())?;
            }
        }
        Ok(Relation::new(columns, made.into_rows()))
    }
}

/// The name of the table that a query begins with, or the one that `as` gives it.
pub(in super::super) fn source_name(query: &Pipeline) -> Option<String> {
    let named = query.operators.iter().rev().find_map(|step| match step {
        Operator::As(named) => Some(named.name.clone()),
        _ => None,
    });
    named.or_else(|| match &query.source {
        Source::Table(name, _) | Source::Call(name, ..) => Some(name.clone()),
        Source::Foreign { table, .. } => Some(table.clone()),
        Source::Pattern(invocation) => Some(invocation.name.clone()),
        Source::Query(inner) => source_name(inner),
        _ => None,
    })
}

/// Each name and type once, in the order in which the names come.
fn kept_columns(inner: bool, legs: &[(String, Relation)]) -> Vec<Column> {
    let mut kept: Vec<Column> = Vec::new();
    for column in legs.iter().flat_map(|(_, leg)| &leg.columns) {
        let common = !inner || legs.iter().all(|(_, leg)| leg.columns.contains(column));
        if common && !kept.contains(column) {
            let same = kept.iter().rposition(|known| known.name == column.name);
            kept.insert(same.map_or(kept.len(), |at| at + 1), column.clone());
        }
    }
    kept
}

/// The columns under the names they get: a name with two types has its type in each name.
pub(super) fn shown(kept: &[Column]) -> Vec<Column> {
    let shared = |name: &str| kept.iter().filter(|column| column.name == name).count() > 1;
    let mut taken: Vec<String> = kept
        .iter()
        .filter(|column| !shared(&column.name))
        .map(|column| column.name.clone())
        .collect();
    let named = kept.iter().map(|column| {
        if !shared(&column.name) {
            return column.clone();
        }
        let typed = format!("{}_{}", column.name, column.ty.kusto_name());
        let mut name = typed.clone();
        let mut number = 1_usize;
        while taken.contains(&name) {
            name = format!("{typed}{number}");
            number += 1;
        }
        taken.push(name.clone());
        Column::new(name, column.ty)
    });
    named.collect()
}
