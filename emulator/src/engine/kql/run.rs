//! Running queries: variables, sources and the simple steps.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::super::database::Engine;
use super::super::error::KustoError;
use super::super::schema::Column;
use super::super::table::Row;
use super::super::value::{ColumnType, Value};
use super::ast::{
    Expr, LetValue, Named, Operator, Parameter, Pattern, Pipeline, Query, SortKey, Source,
};
use super::bound::{Bound, is_true};
use super::cast::{as_long, cast, compare};
use super::functions::result_name;
use super::lexer::{Token, TokenKind, literal_value, next_token};
use super::parser::{Parsed, parse_query};
use super::relation::{Relation, Rows};
use super::scope::{Scope, Variables};
use super::summarize::{self, push_column};

/// Most rows `range` makes.
const MAX_RANGE: usize = 10_000_000;

/// What a query may see.
pub struct Context<'c> {
    /// The data.
    pub engine: &'c Engine,
    /// The database whose tables bare names mean.
    pub database: &'c str,
    /// What `now()` answers, in ticks.
    pub now: i64,
    /// Values of declared parameters, as JSON or as KQL literals in strings.
    pub parameters: &'c serde_json::Map<String, serde_json::Value>,
}

/// A query's result, and the `set` statements it began with.
pub struct Outcome {
    /// The rows.
    pub relation: Relation,
    /// `set` statements.
    pub options: Vec<(String, Value)>,
}

/// Runs a query.
///
/// # Errors
/// A syntax or semantic error, or a missing database.
pub fn run_query(context: &Context<'_>, text: &str) -> Parsed<Outcome> {
    let query = parse_query(text)?;
    context
        .engine
        .with_database(context.database, |_| ())
        .map_err(|_| missing_database(context))?;
    let mut run = Run {
        context,
        text,
        variables: Variables::new(),
        tables: HashMap::new(),
    };
    run.prepare(&query)?;
    let relation = run.pipeline(&query.pipeline)?;
    Ok(Outcome {
        relation,
        options: query.options,
    })
}

fn missing_database(context: &Context<'_>) -> KustoError {
    KustoError::not_found("Database", context.database)
}

/// Runs the steps after a command's result.
///
/// # Errors
/// A semantic error.
pub fn run_steps(
    context: &Context<'_>,
    text: &str,
    relation: Relation,
    steps: &[Operator],
) -> Parsed<Relation> {
    let run = Run {
        context,
        text,
        variables: Variables::new(),
        tables: HashMap::new(),
    };
    steps
        .iter()
        .try_fold(relation, |relation, step| run.step(relation, step))
}

struct Run<'r> {
    context: &'r Context<'r>,
    text: &'r str,
    variables: Variables,
    tables: HashMap<String, Relation>,
}

impl Run<'_> {
    fn scope<'s>(&'s self, columns: &'s [Column], operator: &'static str) -> Scope<'s> {
        Scope {
            columns,
            variables: &self.variables,
            now: self.context.now,
            text: self.text,
            operator,
        }
    }

    fn prepare(&mut self, query: &Query) -> Parsed<()> {
        for parameter in &query.parameters {
            let value = self.parameter(parameter)?;
            self.variables
                .insert(parameter.column.name.clone(), (value, parameter.column.ty));
        }
        for (name, value) in &query.lets {
            self.bind_let(name, value)?;
        }
        Ok(())
    }

    fn parameter(&self, parameter: &Parameter) -> Parsed<Value> {
        let Column { name, ty } = &parameter.column;
        let Some(given) = self.context.parameters.get(name) else {
            return parameter
                .default
                .as_ref()
                .map(|default| cast(default, *ty))
                .ok_or_else(|| {
                    let message =
                        format!("The query parameter '{name}' has neither a value nor a default.");
                    KustoError::semantic("SEM0207", message).located(self.text, parameter.at)
                });
        };
        parameter_value(*ty, given).ok_or_else(|| {
            let message = format!(
                "The value of the query parameter '{name}' is not a {}.",
                ty.kusto_name()
            );
            KustoError::semantic("SEM0208", message).located(self.text, parameter.at)
        })
    }

    fn bind_let(&mut self, name: &str, value: &LetValue) -> Parsed<()> {
        match value {
            LetValue::Tabular(pipeline) => {
                let relation = self.pipeline(pipeline)?;
                self.tables.insert(name.to_owned(), relation);
            }
            LetValue::Scalar(Expr {
                kind: super::ast::ExprKind::Name(table),
                at,
            }) if !self.variables.contains_key(table) => {
                let relation = self.table(table, *at)?;
                self.tables.insert(name.to_owned(), relation);
            }
            LetValue::Scalar(expr) => {
                let bound = self.scope(&[], "let").bind(expr)?;
                let value = bound.eval(&[]).into_owned();
                self.variables.insert(name.to_owned(), (value, bound.ty));
            }
        }
        Ok(())
    }

    fn pipeline(&self, pipeline: &Pipeline) -> Parsed<Relation> {
        let source = self.source(&pipeline.source)?;
        pipeline
            .operators
            .iter()
            .try_fold(source, |relation, step| self.step(relation, step))
    }

    fn source(&self, source: &Source) -> Parsed<Relation> {
        match source {
            Source::Table(name, at) => self.table(name, *at),
            Source::Print(values) => self.print(values),
            Source::DataTable(columns, values, at) => self.data_table(columns, values, *at),
            Source::Range(name, bounds) => self.range(name, bounds),
        }
    }

    fn table(&self, name: &str, at: usize) -> Parsed<Relation> {
        if let Some(relation) = self.tables.get(name) {
            return Ok(relation.clone());
        }
        let found = self
            .context
            .engine
            .with_database(self.context.database, |database| {
                database.tables.get(name).map(|table| Relation {
                    columns: table.schema.columns.clone(),
                    rows: Rows::Stored(table.extents.clone()),
                })
            });
        let found = found.map_err(|_| missing_database(self.context))?;
        found.ok_or_else(|| {
            let message = format!(
                "'{name}' operator: Failed to resolve table or column expression named '{name}'"
            );
            KustoError::semantic("SEM0100", message).located(self.text, at)
        })
    }

    fn print(&self, values: &[Named]) -> Parsed<Relation> {
        let scope = self.scope(&[], "print");
        let (mut columns, mut row) = (Vec::new(), Row::new());
        for (at, named) in values.iter().enumerate() {
            let bound = scope.bind(&named.expr)?;
            let name = named.name.clone().unwrap_or_else(|| format!("print_{at}"));
            push_column(&mut columns, Some(name), &bound);
            row.push(bound.eval(&[]).into_owned());
        }
        Ok(Relation::new(columns, vec![row]))
    }

    fn data_table(&self, columns: &[Column], values: &[Expr], at: usize) -> Parsed<Relation> {
        let scope = self.scope(&[], "datatable");
        if columns.is_empty() || !values.len().is_multiple_of(columns.len()) {
            return Err(scope.error(
                "SEM0035",
                at,
                "the number of values is not a multiple of the number of columns",
            ));
        }
        let mut rows = Vec::new();
        for chunk in values.chunks(columns.len()) {
            let cells = chunk.iter().zip(columns);
            rows.push(
                cells
                    .map(|(expr, column)| Ok(cast(&scope.bind(expr)?.eval(&[]), column.ty)))
                    .collect::<Parsed<_>>()?,
            );
        }
        Ok(Relation::new(columns.to_vec(), rows))
    }

    fn range(&self, name: &str, bounds: &[Expr; 3]) -> Parsed<Relation> {
        let scope = self.scope(&[], "range");
        let [from, to, step] = [
            scope.bind(&bounds[0])?,
            scope.bind(&bounds[1])?,
            scope.bind(&bounds[2])?,
        ];
        let made: fn(i64) -> Value = match (from.ty, to.ty, step.ty) {
            (ColumnType::Long, ColumnType::Long, ColumnType::Long) => Value::Long,
            (ColumnType::DateTime, ColumnType::DateTime, ColumnType::TimeSpan) => Value::DateTime,
            (ColumnType::TimeSpan, ColumnType::TimeSpan, ColumnType::TimeSpan) => Value::TimeSpan,
            _ => {
                return Err(scope.error(
                    "SEM0046",
                    bounds[0].at,
                    "range works on longs, datetimes and timespans",
                ));
            }
        };
        let number = |bound: &Bound| as_long(&bound.eval(&[]));
        let (Some(start), Some(end), Some(width)) = (number(&from), number(&to), number(&step))
        else {
            return Err(scope.error("SEM0046", bounds[0].at, "a bound of the range is null"));
        };
        if width == 0 {
            return Err(scope.error("SEM0046", bounds[2].at, "the step is zero"));
        }
        let inside = |at: &i64| if width > 0 { *at <= end } else { *at >= end };
        let values =
            std::iter::successors(Some(start), |at| at.checked_add(width)).take_while(inside);
        // Counted before any is made: rows take memory.
        if values.clone().nth(MAX_RANGE).is_some() {
            return Err(scope.error("SEM0046", bounds[1].at, "the range has too many values"));
        }
        let rows: Vec<Row> = values.map(|at| vec![made(at)]).collect();
        Ok(Relation::new(vec![Column::new(name, from.ty)], rows))
    }

    fn step(&self, relation: Relation, step: &Operator) -> Parsed<Relation> {
        let Relation { columns, rows } = relation;
        match step {
            Operator::Count => Ok(count(rows.len())),
            Operator::Take(number) => {
                let number = self.scope(&[], "take").bind_count(number)?;
                Ok(Relation {
                    columns,
                    rows: rows.first(number),
                })
            }
            Operator::Where(predicate) => {
                let bound = self.scope(&columns, "where").bind_predicate(predicate)?;
                Ok(Relation {
                    rows: rows.filtered(|row| is_true(&bound.eval(row))),
                    columns,
                })
            }
            Operator::Project(list) => self.project(&columns, &rows, list),
            Operator::Extend(list) => self.extend(columns, rows, list),
            Operator::ProjectAway(patterns) => self.select(columns, &rows, patterns, false),
            Operator::ProjectKeep(patterns) => self.select(columns, &rows, patterns, true),
            Operator::ProjectRename(names) => self.rename(columns, rows, names),
            Operator::Summarize { aggregates, by } => {
                summarize::run(&self.scope(&columns, "summarize"), &rows, aggregates, by)
            }
            Operator::Distinct(list) => {
                summarize::distinct(&self.scope(&columns, "distinct"), &rows, list.as_deref())
            }
            Operator::Sort(keys) => self.sort(columns, rows, keys),
            Operator::Top(number, key) => {
                let number = self.scope(&[], "top").bind_count(number)?;
                let Relation { columns, rows } =
                    self.sort(columns, rows, std::slice::from_ref(key))?;
                Ok(Relation {
                    columns,
                    rows: rows.first(number),
                })
            }
            Operator::GetSchema => Ok(schema(&columns)),
        }
    }

    fn project(&self, columns: &[Column], rows: &Rows, list: &[Named]) -> Parsed<Relation> {
        let scope = self.scope(columns, "project");
        let (mut projected, mut bounds) = (Vec::new(), Vec::new());
        for named in list {
            let bound = scope.bind(&named.expr)?;
            push_column(
                &mut projected,
                named.name.clone().or_else(|| result_name(&named.expr)),
                &bound,
            );
            bounds.push(bound);
        }
        let project = |row: &[Value]| {
            bounds
                .iter()
                .map(|bound| bound.eval(row).into_owned())
                .collect()
        };
        Ok(Relation::new(projected, rows.iter().map(project).collect()))
    }

    /// All expressions see the columns as they were before the step.
    fn extend(&self, columns: Vec<Column>, rows: Rows, list: &[Named]) -> Parsed<Relation> {
        let scope = self.scope(&columns, "extend");
        let mut extended = columns.clone();
        let mut targets: Vec<(usize, Bound)> = Vec::new();
        for named in list {
            let bound = scope.bind(&named.expr)?;
            let name = named.name.clone();
            let place = name
                .as_ref()
                .and_then(|name| extended.iter().position(|column| column.name == *name));
            match place {
                Some(place) => extended[place].ty = bound.ty,
                None => push_column(
                    &mut extended,
                    name.or_else(|| result_name(&named.expr)),
                    &bound,
                ),
            }
            targets.push((place.unwrap_or(extended.len() - 1), bound));
        }
        let width = extended.len();
        let mut all = rows.into_vec();
        for row in &mut all {
            let values: Vec<Value> = targets
                .iter()
                .map(|(_, bound)| bound.eval(row).into_owned())
                .collect();
            row.resize(width, Value::Null);
            for ((place, _), value) in targets.iter().zip(values) {
                row[*place] = value;
            }
        }
        Ok(Relation::new(extended, all))
    }

    fn select(
        &self,
        columns: Vec<Column>,
        rows: &Rows,
        patterns: &[Pattern],
        keep: bool,
    ) -> Parsed<Relation> {
        let scope = self.scope(&columns, if keep { "project-keep" } else { "project-away" });
        for pattern in patterns.iter().filter(|pattern| !pattern.wild) {
            if !columns.iter().any(|column| column.name == pattern.text) {
                return Err(unresolved(&scope, &pattern.text, pattern.at));
            }
        }
        let chosen = |column: &Column| patterns.iter().any(|pattern| pattern.matches(&column.name));
        let places: Vec<usize> = (0..columns.len())
            .filter(|at| chosen(&columns[*at]) == keep)
            .collect();
        let selected = places.iter().map(|at| columns[*at].clone()).collect();
        let rows = rows
            .iter()
            .map(|row| places.iter().map(|at| row[*at].clone()).collect())
            .collect();
        Ok(Relation::new(selected, rows))
    }

    fn rename(
        &self,
        columns: Vec<Column>,
        rows: Rows,
        names: &[(String, String, usize)],
    ) -> Parsed<Relation> {
        let scope = self.scope(&columns, "project-rename");
        let mut renamed = columns.clone();
        for (new, old, at) in names {
            let place = columns.iter().position(|column| column.name == *old);
            let place = place.ok_or_else(|| unresolved(&scope, old, *at))?;
            new.clone_into(&mut renamed[place].name);
        }
        for (at, column) in renamed.iter().enumerate() {
            if renamed[..at].iter().any(|other| other.name == column.name) {
                let message = format!("there would be two columns named '{}'", column.name);
                return Err(scope.error("SEM0106", names[0].2, message));
            }
        }
        Ok(Relation {
            columns: renamed,
            rows,
        })
    }

    fn sort(&self, columns: Vec<Column>, rows: Rows, keys: &[SortKey]) -> Parsed<Relation> {
        let scope = self.scope(&columns, "sort");
        let mut bounds = Vec::new();
        for key in keys {
            let bound = scope.bind(&key.expr)?;
            if bound.ty == ColumnType::Dynamic {
                return Err(scope.error(
                    "SEM0078",
                    key.expr.at,
                    "a dynamic has no order. Try an explicit cast",
                ));
            }
            bounds.push(bound);
        }
        let keyed = |row: Row| {
            let values: Vec<Value> = bounds
                .iter()
                .map(|bound| bound.eval(&row).into_owned())
                .collect();
            (values, row)
        };
        let mut all: Vec<(Vec<Value>, Row)> = rows.into_vec().into_iter().map(keyed).collect();
        all.sort_by(|(left, _), (right, _)| {
            let orders = keys
                .iter()
                .zip(left.iter().zip(right))
                .map(|(key, (l, r))| key_order(key, l, r));
            orders.fold(Ordering::Equal, Ordering::then)
        });
        Ok(Relation::new(
            columns,
            all.into_iter().map(|(_, row)| row).collect(),
        ))
    }
}

impl Pattern {
    fn matches(&self, name: &str) -> bool {
        if !self.wild {
            return self.text == name;
        }
        let mut parts = self.text.split('*');
        let Some(mut rest) = parts.next().and_then(|start| name.strip_prefix(start)) else {
            return false;
        };
        let middle: Vec<&str> = parts.collect();
        let Some((last, middle)) = middle.split_last() else {
            return rest.is_empty();
        };
        for part in middle {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

fn unresolved(scope: &Scope<'_>, name: &str, at: usize) -> KustoError {
    scope.error(
        "SEM0100",
        at,
        format!("Failed to resolve column or scalar expression named '{name}'"),
    )
}

/// Nulls, then NaNs, stand together at the end that the key asks for.
fn key_order(key: &SortKey, left: &Value, right: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 2,
        Value::Real(number) if number.is_nan() => 1,
        _ => 0,
    };
    let (l, r) = (rank(left), rank(right));
    if l != 0 || r != 0 {
        return if key.nulls_first {
            r.cmp(&l)
        } else {
            l.cmp(&r)
        };
    }
    let order = compare(left, right).unwrap_or(Ordering::Equal);
    if key.ascending {
        order
    } else {
        order.reverse()
    }
}

fn count(rows: usize) -> Relation {
    let number = i64::try_from(rows).unwrap_or(i64::MAX);
    Relation::new(
        vec![Column::new("Count", ColumnType::Long)],
        vec![vec![Value::Long(number)]],
    )
}

fn schema(columns: &[Column]) -> Relation {
    let text = |text: &str| Value::String(text.to_owned());
    let rows = columns.iter().enumerate().map(|(at, column)| {
        vec![
            text(&column.name),
            Value::Long(i64::try_from(at).unwrap_or(i64::MAX)),
            text(&column.ty.dotnet_full_name()),
            text(column.ty.kusto_name()),
        ]
    });
    let names = ["ColumnName", "ColumnOrdinal", "DataType", "ColumnType"];
    let types = [
        ColumnType::String,
        ColumnType::Long,
        ColumnType::String,
        ColumnType::String,
    ];
    let header = names
        .into_iter()
        .zip(types)
        .map(|(name, ty)| Column::new(name, ty))
        .collect();
    Relation::new(header, rows.collect())
}

/// A parameter's value: raw JSON, or a KQL literal in a string.
fn parameter_value(ty: ColumnType, given: &serde_json::Value) -> Option<Value> {
    let serde_json::Value::String(text) = given else {
        return Value::from_json(ty, given).ok();
    };
    if ty == ColumnType::String {
        // A quoted literal is unquoted, anything else is meant as it is.
        let token = next_token(text, 0);
        return Some(Value::String(match token.kind {
            TokenKind::Text(content) if token.end == text.len() => content,
            _ => text.clone(),
        }));
    }
    match next_token(text, 0) {
        Token {
            kind: TokenKind::Literal(value, found),
            end,
            ..
        } if end == text.len() => {
            let numeric = found.is_numeric() && ty.is_numeric();
            (found == ty || numeric).then(|| cast(&value, ty))
        }
        _ => literal_value(ty, text),
    }
}
