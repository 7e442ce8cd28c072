//! Running queries: statements, names, and pipelines. Where rows come from is in `sources.rs`, what
//! is done with them in `operators/`.

use super::super::database::Engine;
use super::super::error::KustoError;
use super::super::schema::Column;
use super::super::value::{ColumnType, Value};
use super::super::watch;
use super::again::Memo;
use super::ast::{ExprKind, LetValue, Operator, Parameter, Pipeline, Query, Statement};
use super::bound::Bound;
use super::budget::Budget;
use super::cast::cast;
use super::deep;
use super::frame::{Binding, Frame};
use super::lexer::{Token, TokenKind, literal_value, next_token};
use super::operators::render::Render;
use super::origin::bare;
use super::parser::Parsed;
use super::relation::Relation;
use super::scope::Scope;
use super::security::Security;
use super::statements::parse_query;
use super::user_functions::{Evaluated, already, named_table};

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
    /// The host that the request was sent to, without the port.
    pub host: &'c str,
}

/// One table of a query's answer.
#[derive(Clone, Debug, Default)]
pub struct ResultTable {
    /// The name that `as` or `fork` gave it.
    pub name: Option<String>,
    /// The rows.
    pub relation: Relation,
    /// How `render` wants it drawn.
    pub render: Option<Render>,
}

/// A query's results, and its `set` statements.
pub struct Outcome {
    /// The tables in order, at least one.
    pub tables: Vec<ResultTable>,
    /// `set` statements.
    pub options: Vec<(String, Value)>,
}

impl Outcome {
    /// The first table.
    pub fn into_relation(self) -> Relation {
        let mut tables = self.tables.into_iter();
        tables.next().unwrap_or_default().relation
    }
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
    let (frame, memo) = (Frame::default(), Memo::default());
    let run = Run {
        security: Security::of(&query.options),
        ..Run::new(context, text, &frame, &memo)
    };
    if text.contains("cursor") {
        run.cursor();
    }
    let tables = run.statements(&query)?;
    Ok(Outcome {
        tables,
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
    let (frame, memo) = (Frame::default(), Memo::default());
    let made = Run::new(context, text, &frame, &memo).steps(relation, steps)?;
    watch::verdict()?;
    Ok(made)
}

/// What a part of a query may see.
#[derive(Clone, Copy)]
pub struct Run<'r> {
    pub(super) context: &'r Context<'r>,
    pub(super) text: &'r str,
    pub(super) frame: &'r Frame<'r>,
    /// How much of the stack the calls around take.
    pub(super) depth: usize,
    /// The stored function whose text it is; of the query's own it is empty.
    pub(super) origin: &'r str,
    /// What was computed once.
    pub(super) memo: &'r Memo,
    /// Whether tables are taken as empty, to find out what names mean.
    pub(super) without_rows: bool,
    /// Which policies of row level security hold.
    pub(super) security: Security<'r>,
}

impl<'r> Run<'r> {
    pub(super) fn new(
        context: &'r Context<'r>,
        text: &'r str,
        frame: &'r Frame<'r>,
        memo: &'r Memo,
    ) -> Self {
        Self {
            context,
            text,
            frame,
            depth: 0,
            origin: "",
            memo,
            without_rows: false,
            security: Security::Enabled,
        }
    }

    /// Runs a text's statements, in a block of their own, and gives every table of the answer.
    pub(super) fn statements(&self, query: &Query) -> Parsed<Vec<ResultTable>> {
        let mut frame = Frame::default();
        for (name, binding) in self.parameters(query)? {
            frame.bind(&name, binding);
        }
        let mut tables = Vec::new();
        let mut kept = Budget::default();
        for statement in &query.statements {
            let run = Run {
                frame: &frame,
                ..*self
            };
            match statement {
                Statement::Query(pipeline) => tables.extend(run.results(pipeline)?),
                Statement::Let(name, value, place) => {
                    let draws = run.draws(place);
                    let binding = run.meaning(value, draws)?;
                    kept.keep(&binding)?;
                    if !frame.bind(name, binding) {
                        return Err(already(self.text, name, place.start));
                    }
                    if draws {
                        frame.mark_drawing(name);
                    }
                }
                Statement::Alias(alias) => {
                    let database = run.aliased(alias)?;
                    frame.alias(&alias.name, database);
                }
                Statement::Restrict(entities) => frame.restrict(entities.clone()),
                Statement::Pattern(name, mapping, at) => {
                    if !frame.bind(name, Binding::Pattern(mapping.clone())) {
                        return Err(already(self.text, name, *at));
                    }
                }
            }
            watch::verdict()?;
        }
        Ok(tables)
    }

    pub(super) fn scope<'s>(&'s self, columns: &'s [Column], operator: &'static str) -> Scope<'s> {
        Scope {
            columns,
            run: *self,
            now: self.context.now,
            text: self.text,
            operator,
        }
    }

    fn parameters(&self, query: &Query) -> Parsed<Vec<(String, Binding)>> {
        let bound = query.parameters.iter().map(|parameter| {
            let value = self.parameter(parameter)?;
            let Column { name, ty } = &parameter.column;
            Ok((name.clone(), Binding::Scalar(Bound::constant(value, *ty))))
        });
        bound.collect()
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

    fn meaning(&self, value: &LetValue, draws: bool) -> Parsed<Binding> {
        let expr = match value {
            LetValue::Function(function) => return Ok(Binding::Function(function.clone())),
            LetValue::Value(expr) => expr,
        };
        Ok(match self.evaluate(&self.scope(&[], "let"), expr)? {
            Evaluated::Table(table) => named_table(expr, table, draws),
            Evaluated::Scalar(bound) if bound.node.is_volatile() => Binding::Scalar(bound),
            Evaluated::Scalar(bound) => {
                let value = bound.eval(&[]).into_owned();
                Binding::Scalar(Bound::constant(value, bound.ty))
            }
        })
    }

    /// Computes what may be scalar or tabular.
    pub(super) fn evaluate(&self, scope: &Scope<'_>, expr: &super::ast::Expr) -> Parsed<Evaluated> {
        let table = match &expr.kind {
            ExprKind::Query(pipeline) => Some(self.open_pipeline(pipeline)?),
            ExprKind::Name(name) if scope.columns.iter().all(|column| column.name != *name) => {
                if let Some(evaluated) = self.call(scope, name, &[], None, expr.at)? {
                    return Ok(evaluated);
                }
                self.known_table(name)?
            }
            ExprKind::Call(name, arguments) => {
                if let Some(evaluated) = self.call(scope, name, arguments, None, expr.at)? {
                    return Ok(evaluated);
                }
                self.tabular_call(scope, name, arguments, expr.at)?
            }
            _ => None,
        };
        match table {
            Some(table) => Ok(Evaluated::Table(table)),
            None => Ok(Evaluated::Scalar(scope.bind(expr)?)),
        }
    }

    /// The value of a name of `let`: a scalar, or a function without parameters.
    pub(super) fn variable(
        &self,
        scope: &Scope<'_>,
        name: &str,
        at: usize,
    ) -> Parsed<Option<Bound>> {
        match self.frame.find(name).map(|found| found.binding) {
            Some(Binding::Scalar(bound)) => Ok(Some(bound.clone())),
            Some(Binding::Function(_)) => super::user_functions::bind(scope, name, &[], at),
            _ => Ok(None),
        }
    }

    /// Every table of an answer: one, or those of `fork` or `facet`.
    fn results(&self, pipeline: &Pipeline) -> Parsed<Vec<ResultTable>> {
        let (steps, last) = match pipeline.operators.split_last() {
            Some((last, steps)) => (steps, Some(last)),
            None => (pipeline.operators.as_slice(), None),
        };
        let source = self.known_source(&pipeline.source)?;
        let run = |steps: &[Operator]| self.steps(source, steps).map(bare);
        match last {
            Some(Operator::Render(render)) => {
                let relation = run(steps)?;
                Ok(vec![ResultTable {
                    relation,
                    render: Some(render.clone()),
                    name: None,
                }])
            }
            Some(Operator::As(named)) => {
                let relation = run(steps)?;
                Ok(vec![ResultTable {
                    relation,
                    render: None,
                    name: Some(named.name.clone()),
                }])
            }
            Some(Operator::Fork(prongs)) => self.fork(run(steps)?, prongs),
            Some(Operator::Facet(facet)) => self.facet(run(steps)?, facet),
            _ => {
                let relation = run(&pipeline.operators)?;
                Ok(vec![ResultTable {
                    relation,
                    ..ResultTable::default()
                }])
            }
        }
    }

    /// Runs a query inside another one.
    pub(super) fn pipeline(&self, pipeline: &Pipeline) -> Parsed<Relation> {
        self.open_pipeline(pipeline).map(bare)
    }

    /// The same for what goes on in another pipeline: the rows keep the times of their ingestion.
    pub(super) fn open_pipeline(&self, pipeline: &Pipeline) -> Parsed<Relation> {
        deep(|| {
            let source = self.known_source(&pipeline.source)?;
            self.steps(source, &pipeline.operators)
        })
    }

    /// Runs the steps on these rows.
    pub(super) fn steps(&self, mut relation: Relation, steps: &[Operator]) -> Parsed<Relation> {
        for (at, step) in steps.iter().enumerate() {
            if let Operator::As(named) = step {
                let relation = bare(relation).shared();
                let mut frame = Frame::inside(self.frame, usize::MAX);
                let binding = match &named.again {
                    Some(function) => Binding::Function(function.clone()),
                    None => Binding::Table(relation.clone()),
                };
                frame.bind(&named.name, binding);
                let run = Run {
                    frame: &frame,
                    ..*self
                };
                return run.steps(relation, &steps[at + 1..]);
            }
            if let Operator::Join(join) = step {
                relation = self.filtered_before(relation, join, &steps[at + 1..])?;
            }
            relation = self.step(relation, step)?;
        }
        Ok(relation)
    }
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
