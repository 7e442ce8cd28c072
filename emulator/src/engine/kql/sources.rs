//! Where rows come from.

use super::super::error::KustoError;
use super::super::schema::Column;
use super::super::table::Row;
use super::super::value::{ColumnType, Value};
use super::ast::{Expr, ExprKind, Named, Source};
use super::bound::Bound;
use super::cast::{as_long, as_real, cast};
use super::frame::{Binding, Frame};
use super::functions::{sorted_apart, sorted_name};
use super::parser::Parsed;
use super::patterns::Invocation;
use super::relation::{Relation, Rows};
use super::run::Run;
use super::scope::Scope;
use super::summarize::{declared_once, push_column};
use super::user_functions::Evaluated;

/// Most rows `range` makes.
const MAX_RANGE: usize = 10_000_000;

impl Run<'_> {
    /// The rows that a pipeline begins with.
    pub(super) fn source(&self, source: &Source) -> Parsed<Relation> {
        match source {
            Source::Given => Ok(Relation::default()),
            Source::Table(name, at) => self.table(name, *at),
            Source::Foreign {
                database,
                table,
                at,
            } => self.foreign(database.as_deref(), table, *at),
            Source::Pattern(invocation) => self.pattern_rows(invocation),
            Source::Call(name, arguments, at) => self.called(name, arguments, *at),
            Source::Query(pipeline) => self.open_pipeline(pipeline),
            Source::Print(values) => self.print(values),
            Source::DataTable(columns, values, at) => self.data_table(columns, values, *at),
            Source::Range(name, bounds) => self.range(name, bounds),
            Source::Operator(operator) => self.step_without_input(operator),
        }
    }

    /// The rows of a table, a tabular `let`, or a tabular function without parameters.
    pub(super) fn table(&self, name: &str, at: usize) -> Parsed<Relation> {
        self.known_table(name)?
            .ok_or_else(|| self.unknown_table(name, at))
    }

    pub(super) fn unknown_table(&self, name: &str, at: usize) -> KustoError {
        let message = format!(
            "'{name}' operator: Failed to resolve table or column expression named '{name}'"
        );
        KustoError::semantic("SEM0100", message).located(self.text, at)
    }

    /// What [`Run::table`] gives, `None` when the name means no rows.
    pub(super) fn known_table(&self, name: &str) -> Parsed<Option<Relation>> {
        match self.frame.find(name).map(|found| found.binding) {
            Some(Binding::Table(table)) => return Ok(Some(table.clone())),
            Some(Binding::Scalar(..)) => return Ok(None),
            _ => {}
        }
        match self.call(&self.scope(&[], "function"), name, &[], None, 0) {
            Ok(Some(Evaluated::Table(table))) => Ok(Some(table)),
            Ok(Some(Evaluated::Scalar(_))) => Ok(None),
            Ok(None) => self.stored_table(self.context.database, name),
            Err(error) => Err(error),
        }
    }

    /// The database's own table, whatever else has its name.
    pub(super) fn stored_table(&self, database: &str, name: &str) -> Parsed<Option<Relation>> {
        let found = self.context.engine.with_database(database, |database| {
            let table = database.tables.get(name)?;
            let relation = Relation {
                columns: table.schema.columns.clone(),
                rows: Rows::Stored(match self.without_rows {
                    true => Vec::new(),
                    false => table.extents.clone(),
                }),
                serialized: false,
            };
            Some((relation, table.policies.row_level_security.clone()))
        });
        let found = found.map_err(|_| KustoError::not_found("Database", database))?;
        let Some((relation, policy)) = found.filter(|_| self.sees(database, name)) else {
            return Ok(None);
        };
        self.secured(database, name, relation, policy).map(Some)
    }

    fn foreign(&self, named: Option<&str>, table: &str, at: usize) -> Parsed<Relation> {
        let database = named.map_or(self.context.database, |named| self.frame.database(named));
        self.may_leave(database, at)?;
        if let Some(found) = self.stored_table(database, table)? {
            return Ok(found);
        }
        if !self.sees(database, table) {
            return Err(self.unknown_table(table, at));
        }
        let context = super::run::Context {
            database,
            ..*self.context
        };
        let frame = Frame::default();
        let run = Run {
            context: &context,
            frame: &frame,
            ..*self
        };
        run.known_table(table)?
            .ok_or_else(|| self.unknown_table(table, at))
    }

    fn pattern_rows(&self, invocation: &Invocation) -> Parsed<Relation> {
        let found = self.frame.find(&invocation.name);
        let Some((Binding::Pattern(mapping), found)) = found.map(|found| (found.binding, found))
        else {
            return Err(self.unknown_table(&invocation.name, invocation.at));
        };
        let (frame, scope) = (
            Frame::inside(found.frame, found.before),
            self.scope(&[], "pattern"),
        );
        match self.invoke_pattern(&scope, mapping, frame, invocation)? {
            Evaluated::Table(table) => Ok(table),
            Evaluated::Scalar(_) => Err(self.unknown_table(&invocation.name, invocation.at)),
        }
    }

    fn called(&self, name: &str, arguments: &[Expr], at: usize) -> Parsed<Relation> {
        let scope = self.scope(&[], "function");
        match self.call(&scope, name, arguments, None, at)? {
            Some(Evaluated::Table(table)) => return Ok(table),
            Some(Evaluated::Scalar(_)) => {
                let message = format!("{name}() gives a scalar where a table is expected");
                return Err(scope.error("SEM0100", at, message));
            }
            None => {}
        }
        match self.tabular_call(&scope, name, arguments, at)? {
            Some(table) => Ok(table),
            None => Err(scope.error("SEM0260", at, format!("Unknown function: '{name}'."))),
        }
    }

    /// The functions of the language that give rows. `None`: it is none of them.
    pub(super) fn tabular_call(
        &self,
        scope: &Scope<'_>,
        name: &str,
        arguments: &[Expr],
        at: usize,
    ) -> Parsed<Option<Relation>> {
        match (name, arguments) {
            ("materialize", [query]) => match self.once(at, || self.evaluate(scope, query))? {
                Evaluated::Table(table) => Ok(Some(table)),
                Evaluated::Scalar(_) => {
                    Err(scope.error("SEM0100", at, "materialize() needs a tabular expression"))
                }
            },
            ("table", [name, ..]) => {
                let Value::String(table) = scope.bind(name)?.eval(&[]).into_owned() else {
                    return Err(scope.error("SEM0100", at, "table() needs a name"));
                };
                match self.stored_table(self.context.database, &table)? {
                    Some(found) => Ok(Some(found)),
                    None => self.table(&table, at).map(Some),
                }
            }
            _ => Ok(None),
        }
    }

    /// The body and parameters of a function that the database stores.
    pub(super) fn stored_function(&self, name: &str) -> Option<String> {
        if !self.sees(self.context.database, name) {
            return None;
        }
        let found = self
            .context
            .engine
            .with_database(self.context.database, |database| {
                let function = database.functions.get(name)?;
                Some(format!("{}{}", function.parameters, function.body))
            });
        found.ok().flatten()
    }

    fn print(&self, values: &[Named]) -> Parsed<Relation> {
        let scope = self.scope(&[], "print");
        declared_once(&scope, values.iter().filter(|value| value.name.is_some()))?;
        let (mut columns, mut row) = (Vec::new(), Row::new());
        let all = values.iter().enumerate().flat_map(|(at, named)| {
            let whole = named.name.is_some() && !matches!(named.expr.kind, ExprKind::Names(..));
            let apart = sorted_apart(named).into_iter();
            apart
                .take(if whole { 1 } else { usize::MAX })
                .map(move |one| (at, one))
        });
        for (at, named) in all {
            let bound = scope.bind(&named.expr)?;
            let name = named.name.or_else(|| sorted_name(&named.expr));
            let name = name.unwrap_or_else(|| format!("print_{at}"));
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
        let repeated = |at: usize| columns[..at].iter().any(|one| one.name == columns[at].name);
        if let Some(second) = (0..columns.len()).find(|at| repeated(*at)) {
            let message = format!(
                "a column with the name '{}' is already declared",
                columns[second].name
            );
            return Err(scope.error("SEM0106", at, message));
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
        let whole = |ty| matches!(ty, ColumnType::Int | ColumnType::Long);
        let types = [from.ty, to.ty, step.ty];
        let made: fn(i64) -> Value = match types {
            [ColumnType::Int, ColumnType::Int, ColumnType::Int] => {
                |number| i32::try_from(number).map_or(Value::Null, Value::Int)
            }
            types if types.into_iter().all(whole) => Value::Long,
            [
                ColumnType::DateTime,
                ColumnType::DateTime,
                ColumnType::TimeSpan,
            ] => Value::DateTime,
            [
                ColumnType::TimeSpan,
                ColumnType::TimeSpan,
                ColumnType::TimeSpan,
            ] => Value::TimeSpan,
            types
                if types.contains(&ColumnType::Real)
                    && types.into_iter().all(ColumnType::is_numeric) =>
            {
                return reals(&scope, name, [&from, &to, &step], bounds);
            }
            _ => {
                return Err(scope.error(
                    "SEM0046",
                    bounds[0].at,
                    "range works on numbers, datetimes and timespans",
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
        let ty = match types {
            [ColumnType::Int, ColumnType::Int, ColumnType::Int] => ColumnType::Int,
            _ if whole(from.ty) => ColumnType::Long,
            _ => from.ty,
        };
        Ok(Relation {
            serialized: true,
            ..Relation::new(vec![Column::new(name, ty)], rows)
        })
    }
}

/// A range of reals, without the rounding errors of a sum.
#[allow(clippy::cast_precision_loss)]
fn reals(
    scope: &Scope<'_>,
    name: &str,
    values: [&Bound; 3],
    bounds: &[Expr; 3],
) -> Parsed<Relation> {
    let number = |bound: &Bound| as_real(&bound.eval(&[]));
    let (Some(start), Some(end), Some(step)) =
        (number(values[0]), number(values[1]), number(values[2]))
    else {
        return Err(scope.error("SEM0046", bounds[0].at, "a bound of the range is null"));
    };
    if step == 0.0 || !step.is_finite() {
        return Err(scope.error("SEM0046", bounds[2].at, "the step is zero or no number"));
    }
    if (end - start) / step > MAX_RANGE as f64 {
        return Err(scope.error("SEM0046", bounds[1].at, "the range has too many values"));
    }
    let inside = |at: &f64| if step > 0.0 { *at <= end } else { *at >= end };
    let values = (0..=MAX_RANGE).map(|at| start + at as f64 * step);
    let rows = values.take_while(inside).map(|at| vec![Value::Real(at)]);
    Ok(Relation {
        serialized: true,
        ..Relation::new(vec![Column::new(name, ColumnType::Real)], rows.collect())
    })
}
