//! Functions that a query defines or a database stores.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::super::error::KustoError;
use super::super::schema::Column;
use super::super::table::Row;
use super::super::value::{ColumnType, Value};
use super::super::watch;
use super::again::{Memo, mentions};
use super::ast::{Expr, ExprKind, LetValue, Statement};
use super::bound::{Bound, Node};
use super::cast::cast;
use super::frame::{Binding, Frame};
use super::lexer::TokenKind;
use super::parser::{MAX_DEPTH, NESTED, Parsed, Parser};
use super::patterns::Invocation;
use super::relation::Relation;
use super::run::{Context, Run};
use super::scope::{Scope, convert};

/// What a body counts that is no function's as it was written.
const EXPRESSION: usize = 2 * NESTED;

/// A function.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Whether wildcards of `union` find it.
    pub view: bool,
    parameters: Vec<Parameter>,
    lets: Vec<(String, LetValue, Range<usize>)>,
    result: Expr,
    /// How deep its tree is, and so how much of the stack a call takes.
    depth: usize,
}

#[derive(Clone, Debug, PartialEq)]
struct Parameter {
    name: String,
    kind: ParameterKind,
}

#[derive(Clone, Debug, PartialEq)]
enum ParameterKind {
    Scalar(ColumnType, Option<Value>),
    /// The columns that the table must have.
    Tabular(Vec<Column>),
}

impl Function {
    /// What computes the expression at each call.
    pub(super) fn of(result: Expr) -> Self {
        Self {
            view: false,
            parameters: Vec::new(),
            lets: Vec::new(),
            result,
            depth: EXPRESSION,
        }
    }
}

/// What an expression gives that may be scalar or tabular.
#[derive(Clone)]
pub enum Evaluated {
    /// A value, for each row.
    Scalar(Bound),
    /// Rows.
    Table(Relation),
}

/// Whether a value of one type may be the argument of a parameter of another.
fn passes(given: ColumnType, parameter: ColumnType) -> bool {
    given == parameter || (given.is_numeric() && parameter.is_numeric())
}

impl Parser<'_> {
    /// Takes `[view] (parameters) { body }` if that is next.
    pub(super) fn function(&mut self) -> Parsed<Option<Function>> {
        let mut ahead = self.clone();
        let view = ahead.eat_word("view");
        if !ahead.eat("(") {
            return Ok(None);
        }
        let empty = *ahead.peek() == TokenKind::Symbol(")");
        let named = ahead.name("a parameter").is_ok() && *ahead.peek() == TokenKind::Symbol(":");
        if !empty && !named {
            return Ok(None);
        }
        if empty {
            ahead.advance();
            if *ahead.peek() != TokenKind::Symbol("{") {
                return Ok(None);
            }
        }
        self.eat_word("view");
        self.function_definition(view).map(Some)
    }

    /// Takes `(parameters) { body }`.
    ///
    /// # Errors
    /// A syntax error at the first token that does not fit.
    pub fn function_definition(&mut self, view: bool) -> Parsed<Function> {
        self.measured(|parser| {
            let parameters = parser.parameters()?;
            parser.body(view, parameters)
        })
    }

    /// Takes `{ body }` of what has no parameters.
    pub(super) fn pattern_body(&mut self) -> Parsed<Function> {
        self.measured(|parser| parser.body(false, Vec::new()))
    }

    /// Takes a function, and counts how deep it is.
    fn measured(&mut self, take: impl FnOnce(&mut Self) -> Parsed<Function>) -> Parsed<Function> {
        let (depth, deepest) = (self.depth, std::mem::take(&mut self.deepest));
        self.deepen(NESTED)?;
        let body = take(self)?;
        let used = self.deepest - depth;
        self.depth = depth;
        self.deepest = self.deepest.max(deepest);
        Ok(Function {
            depth: used,
            ..body
        })
    }

    fn body(&mut self, view: bool, parameters: Vec<Parameter>) -> Parsed<Function> {
        self.expect("{")?;
        let mut lets = Vec::new();
        while self.is_word("let") {
            if let Statement::Let(name, value, place) = self.let_statement()? {
                lets.push((name, value, place));
            }
            self.expect(";")?;
        }
        let result = self.operand()?;
        while self.eat(";") {}
        self.expect("}")?;
        Ok(Function {
            view,
            parameters,
            lets,
            result,
            depth: EXPRESSION,
        })
    }

    fn parameters(&mut self) -> Parsed<Vec<Parameter>> {
        self.expect("(")?;
        if self.eat(")") {
            return Ok(Vec::new());
        }
        let parameters = self.list(Self::function_parameter)?;
        let is_tabular =
            |parameter: &Parameter| matches!(parameter.kind, ParameterKind::Tabular(_));
        if !parameters.is_sorted_by_key(|parameter| !is_tabular(parameter)) {
            return Err(self.error("tabular parameters stand before the others"));
        }
        self.expect(")")?;
        Ok(parameters)
    }

    fn function_parameter(&mut self) -> Parsed<Parameter> {
        let name = self.name("a parameter name")?;
        self.expect(":")?;
        if *self.peek() == TokenKind::Symbol("(") {
            let kind = ParameterKind::Tabular(self.tabular_type()?);
            return Ok(Parameter { name, kind });
        }
        let ty = self.column_type()?;
        let default = match self.eat("=") {
            true => Some(self.default_of(ty)?),
            false => None,
        };
        let kind = ParameterKind::Scalar(ty, default);
        Ok(Parameter { name, kind })
    }

    /// A parameter's default, of its type.
    fn default_of(&mut self, ty: ColumnType) -> Parsed<Value> {
        let start = self.clone();
        let (value, found) = self.typed_constant()?;
        if !passes(found, ty) {
            let (found, wanted) = (found.kusto_name(), ty.kusto_name());
            return Err(start.error(format!("the default is a {found}, not a {wanted}")));
        }
        Ok(cast(&value, ty))
    }

    /// `(*)`, `(a:long, b:string)`
    fn tabular_type(&mut self) -> Parsed<Vec<Column>> {
        self.expect("(")?;
        if self.eat("*") {
            self.expect(")")?;
            return Ok(Vec::new());
        }
        let columns = self.list(|parser| {
            let name = parser.name("a column name")?;
            parser.expect(":")?;
            Ok(Column::new(name, parser.column_type()?))
        })?;
        self.expect(")")?;
        Ok(columns)
    }
}

/// Names after which a body depends on more than the types of its arguments.
const BY_VALUE: [&str; 6] = [
    "table",
    "database",
    "cluster",
    "evaluate",
    "external_table",
    "invoke",
];

/// Checks a function that is to be stored: `(parameters) { body }`. Its names must mean something in the database as it
/// is; what only the values of arguments or rows decide is found out when it is called.
///
/// # Errors
/// A syntax error, or a semantic one that names what is not there.
pub(in super::super) fn check(context: &Context<'_>, text: &str) -> Parsed<()> {
    let mut parser = Parser::new(text);
    let function = parser.function_definition(false)?;
    parser.end()?;
    let body = 0..text.len();
    let (mut frame, memo) = (Frame::default(), Memo::default());
    for parameter in &function.parameters {
        let binding = match &parameter.kind {
            ParameterKind::Scalar(ty, default) => {
                let value = default.clone().unwrap_or_else(|| Value::absent(*ty));
                Binding::Scalar(Bound::constant(value, *ty))
            }
            // Of any table that will do no column is known.
            ParameterKind::Tabular(columns) => {
                Binding::Table(Relation::new(columns.clone(), Vec::new()).shared())
            }
        };
        frame.bind(&parameter.name, binding);
    }
    if mentions(text, &body, |word| BY_VALUE.contains(&word)) {
        return Ok(());
    }
    let run = Run {
        without_rows: true,
        ..Run::new(context, text, &frame, &memo)
    };
    let scope = run.scope(&[], "function");
    let call = Call {
        scope: &scope,
        name: "function",
        arguments: &[],
        given: None,
        at: 0,
    };
    let body = Function {
        parameters: Vec::new(),
        ..function
    };
    match call.run(&body, run, Frame::inside(&frame, usize::MAX)) {
        Err(error) if NAMES.contains(&error.code) => Err(error),
        _ => Ok(()),
    }
}

/// The codes of errors that say what is not there: a column or table, a function.
const NAMES: [&str; 2] = ["SEM0100", "SEM0260"];

/// Resolves a call of a function of the query or the database as a scalar. `None`: there is no such
/// function.
///
/// # Errors
/// When its arguments do not fit, or it gives a table.
pub(super) fn bind(
    scope: &Scope<'_>,
    name: &str,
    arguments: &[Expr],
    at: usize,
) -> Parsed<Option<Bound>> {
    match scope.run.call(scope, name, arguments, None, at)? {
        None => Ok(None),
        Some(Evaluated::Scalar(bound)) => Ok(Some(bound)),
        Some(Evaluated::Table(_)) => Err(scope.error(
            "SEM0100",
            at,
            format!("{name}() gives a table where a scalar is expected"),
        )),
    }
}

impl Run<'_> {
    /// Calls a function of the query or the database. `given` is the table that `invoke` passes as
    /// its first argument. `None`: there is no such function.
    ///
    /// # Errors
    /// When its arguments do not fit, or those of its body.
    pub(super) fn call(
        &self,
        scope: &Scope<'_>,
        name: &str,
        arguments: &[Expr],
        given: Option<Relation>,
        at: usize,
    ) -> Parsed<Option<Evaluated>> {
        if let Some(found) = self.frame.find(name) {
            let frame = Frame::inside(found.frame, found.before);
            let function = match found.binding {
                Binding::Function(function) => function,
                Binding::Pattern(mapping) => {
                    let invocation = Invocation {
                        name: name.to_owned(),
                        arguments: arguments.to_vec(),
                        path: None,
                        at,
                    };
                    let made = self.invoke_pattern(scope, mapping, frame, &invocation);
                    return made.map(Some);
                }
                _ => return Ok(None),
            };
            let call = Call {
                scope,
                name,
                arguments,
                given,
                at,
            };
            return call.run(function, *self, frame).map(Some);
        }
        let Some(text) = self.stored_function(name) else {
            return Ok(None);
        };
        let mut parser = Parser::new(&text);
        let function = parser.function_definition(false)?;
        parser.end()?;
        let run = Run {
            text: &text,
            origin: name,
            ..*self
        };
        let call = Call {
            scope,
            name,
            arguments,
            given,
            at,
        };
        call.run(&function, run, Frame::default()).map(Some)
    }
}

impl Run<'_> {
    /// Runs a body without parameters in a block.
    pub(super) fn run_body(
        &self,
        scope: &Scope<'_>,
        name: &str,
        function: &Function,
        frame: Frame<'_>,
        at: usize,
    ) -> Parsed<Evaluated> {
        let call = Call {
            scope,
            name,
            arguments: &[],
            given: None,
            at,
        };
        call.run(function, *self, frame)
    }
}

struct Call<'c> {
    scope: &'c Scope<'c>,
    name: &'c str,
    arguments: &'c [Expr],
    given: Option<Relation>,
    at: usize,
}

/// What a body needs of each row: the values of arguments, then those of its `let`s.
#[derive(Default)]
struct Locals {
    columns: Vec<Column>,
    arguments: Vec<Bound>,
    lets: Vec<Bound>,
}

impl Call<'_> {
    fn run(mut self, function: &Function, run: Run<'_>, frame: Frame<'_>) -> Parsed<Evaluated> {
        let mut frame = frame.of_call(!function.parameters.is_empty());
        watch::called(run.depth == 0)?;
        let depth = run.depth + function.depth;
        if depth > MAX_DEPTH {
            let message = format!(
                "the call of '{}' is nested too deeply, or calls itself",
                self.name
            );
            return Err(self.scope.error("SEM0260", self.at, message));
        }
        let mut locals = Locals::default();
        let arguments = self.arranged(function)?;
        for (parameter, argument) in function.parameters.iter().zip(arguments) {
            self.pass(parameter, argument, &mut frame, &mut locals)?;
        }
        // The names that were there before each `let` are those it sees.
        for (name, value, place) in &function.lets {
            let inner = Run {
                frame: &frame,
                depth,
                ..run
            };
            let draws = inner.draws(place);
            let binding = local(inner, name, value, draws, &mut locals)?;
            if let Some(binding) = binding
                && !frame.bind(name, binding)
            {
                return Err(already(run.text, name, place.start));
            }
            if draws {
                frame.mark_drawing(name);
            }
        }
        let inner = Run {
            frame: &frame,
            depth,
            ..run
        };
        let result = inner.evaluate(&inner.scope(&locals.columns, "function"), &function.result)?;
        match result {
            Evaluated::Scalar(bound) => Ok(Evaluated::Scalar(applied(locals, bound))),
            Evaluated::Table(_) if !locals.arguments.is_empty() => {
                let message = format!(
                    "{}() gives a table, so its arguments must not depend on the row",
                    self.name
                );
                Err(self.scope.error("SEM0100", self.at, message))
            }
            table @ Evaluated::Table(_) => Ok(table),
        }
    }

    fn wrong(&self, message: &str) -> KustoError {
        let message = format!("{}(): {message}", self.name);
        self.scope.error("SEM0219", self.at, message)
    }

    /// The argument of each parameter, if it has one. A given table is the first parameter's.
    fn arranged(&self, function: &Function) -> Parsed<Vec<Option<Expr>>> {
        let first = usize::from(self.given.is_some());
        let mut arranged: Vec<Option<Expr>> = vec![None; function.parameters.len()];
        let mut next = first;
        for argument in self.arguments {
            let (place, value) = match &argument.kind {
                ExprKind::Assigned(name, value) => {
                    let named = |parameter: &Parameter| parameter.name == *name;
                    let place = function.parameters.iter().position(named);
                    (place, value.as_ref())
                }
                // Parameters that are named already are passed over.
                _ => {
                    while arranged.get(next).is_some_and(Option::is_some) {
                        next += 1;
                    }
                    next += 1;
                    (Some(next - 1), argument)
                }
            };
            let slot = place.and_then(|place| arranged.get_mut(place));
            let Some(slot @ None) = slot else {
                return Err(self.wrong("there are too many arguments"));
            };
            *slot = Some(value.clone());
        }
        Ok(arranged)
    }

    fn pass(
        &mut self,
        parameter: &Parameter,
        argument: Option<Expr>,
        frame: &mut Frame<'_>,
        locals: &mut Locals,
    ) -> Parsed<()> {
        let name = &parameter.name;
        let missing = self.wrong(&format!("the argument '{name}' is missing"));
        let (ty, default) = match &parameter.kind {
            ParameterKind::Scalar(ty, default) => (*ty, default),
            ParameterKind::Tabular(columns) => {
                let table = match (self.given.take(), argument) {
                    (Some(given), None) => given,
                    (_, Some(argument)) => self.table(name, &argument)?,
                    (None, None) => return Err(missing),
                };
                self.check(name, columns, &table)?;
                frame.bind(name, Binding::Table(table.shared()));
                return Ok(());
            }
        };
        let bound = match (argument, default) {
            (Some(argument), _) => self.scope.bind(&argument)?,
            (None, Some(default)) => Bound::constant(default.clone(), ty),
            (None, None) => return Err(missing),
        };
        if !passes(bound.ty, ty) {
            let (found, wanted) = (bound.ty.kusto_name(), ty.kusto_name());
            return Err(self.wrong(&format!(
                "the argument '{name}' is a {found}, not a {wanted}"
            )));
        }
        let bound = convert(bound, ty);
        match bound.node {
            Node::Constant(value) => {
                frame.bind(name, Binding::Scalar(Bound::constant(value, ty)));
            }
            node => {
                locals.columns.push(Column::new(name, ty));
                locals.arguments.push(Bound { node, ty });
            }
        }
        Ok(())
    }

    fn table(&self, name: &str, argument: &Expr) -> Parsed<Relation> {
        match self.scope.run.evaluate(self.scope, argument)? {
            Evaluated::Table(table) => Ok(table),
            Evaluated::Scalar(_) => {
                Err(self.wrong(&format!("the argument '{name}' must be a table")))
            }
        }
    }

    fn check(&self, name: &str, columns: &[Column], table: &Relation) -> Parsed<()> {
        match columns
            .iter()
            .find(|column| !table.columns.contains(column))
        {
            None => Ok(()),
            Some(column) => {
                let (column, ty) = (&column.name, column.ty.kusto_name());
                Err(self.wrong(&format!(
                    "the table '{name}' lacks the column '{column}:{ty}'"
                )))
            }
        }
    }
}

/// The meaning of a `let` of the body; one that depends on the row becomes a further local instead.
fn local(
    run: Run<'_>,
    name: &str,
    value: &LetValue,
    draws: bool,
    locals: &mut Locals,
) -> Parsed<Option<Binding>> {
    let expr = match value {
        LetValue::Function(function) => return Ok(Some(Binding::Function(function.clone()))),
        LetValue::Value(expr) => expr,
    };
    let evaluated = run.evaluate(&run.scope(&locals.columns, "let"), expr)?;
    Ok(match evaluated {
        Evaluated::Table(table) => Some(named_table(expr, table, draws)),
        Evaluated::Scalar(bound) if bound.node.is_constant() => Some(Binding::Scalar(bound)),
        Evaluated::Scalar(bound) => {
            locals.columns.push(Column::new(name, bound.ty));
            locals.lets.push(bound);
            None
        }
    })
}

/// What a name of rows stands for: those that were computed, or another draw at each use.
pub(super) fn named_table(expr: &Expr, table: Relation, draws: bool) -> Binding {
    let is_once = matches!(&expr.kind, ExprKind::Call(name, _) if name == "materialize");
    match draws && !is_once {
        true => Binding::Function(Arc::new(Function::of(expr.clone()))),
        false => Binding::Table(table.shared()),
    }
}

/// The error of a name that has a meaning already.
pub(super) fn already(text: &str, name: &str, at: usize) -> KustoError {
    let message = format!("'let' statement: the name '{name}' is defined already");
    KustoError::semantic("SEM0016", message).located(text, at)
}

/// The body as a function of the arguments that depend on the row.
fn applied(locals: Locals, body: Bound) -> Bound {
    if locals.columns.is_empty() {
        return body;
    }
    let (lets, ty) = (locals.lets, body.ty);
    let function = move |values: &[Cow<'_, Value>]| {
        let mut row: Row = values.iter().map(|value| value.as_ref().clone()).collect();
        for bound in &lets {
            let value = bound.eval(&row).into_owned();
            row.push(value);
        }
        body.eval(&row).into_owned()
    };
    Bound::apply(ty, locals.arguments, Arc::new(function))
}
