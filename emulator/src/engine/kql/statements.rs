//! The grammar of statements and of where rows come from.

use std::sync::Arc;

use super::super::schema::Column;
use super::super::value::{ColumnType, Value};
use super::again::draws;
use super::ast::{
    Expr, ExprKind, LetValue, Operator, Parameter, Pipeline, Query, Source, Statement,
};
use super::lexer::TokenKind;
use super::operators::union::source_name;
use super::parser::{NESTED, Parsed, Parser};
use super::patterns::Invocation;
use super::restriction::database_of;
use super::user_functions::Function;

/// What a query inside another one counts besides the expressions in it.
const NESTED_QUERY: usize = NESTED + NESTED / 2;

/// Parses a whole query.
///
/// # Errors
/// A syntax error with its position.
pub fn parse_query(text: &str) -> Parsed<Query> {
    let mut parser = Parser::new(text);
    let mut query = Query {
        parameters: Vec::new(),
        options: Vec::new(),
        statements: Vec::new(),
    };
    loop {
        statement(&mut parser, &mut query)?;
        let mut separated = false;
        while parser.eat(";") {
            separated = true;
        }
        if *parser.peek() == TokenKind::End {
            break;
        }
        if !separated {
            return Err(parser.expected("'|' or the end of the text"));
        }
    }
    let is_query = |statement: &Statement| matches!(statement, Statement::Query(_));
    match query.statements.iter().any(is_query) {
        true => Ok(query),
        false => Err(parser.expected("a query")),
    }
}

fn statement(parser: &mut Parser<'_>, query: &mut Query) -> Parsed<()> {
    if let Some(scoping) = parser.scoping_statement()? {
        query.statements.push(scoping);
    } else if parser.eat_word("declare") {
        if parser.eat_word("pattern") {
            query.statements.push(parser.pattern_declaration()?);
            return Ok(());
        }
        parser.expect_word("query_parameters")?;
        parser.expect("(")?;
        query.parameters.extend(parser.list(parameter)?);
        parser.expect(")")?;
    } else if parser.eat_word("set") {
        query.options.push(option(parser)?);
    } else if parser.is_word("let") {
        query.statements.push(parser.let_statement()?);
    } else {
        query.statements.push(Statement::Query(parser.pipeline()?));
    }
    Ok(())
}

fn parameter(parser: &mut Parser<'_>) -> Parsed<Parameter> {
    let at = parser.at();
    let name = parser.name("a parameter name")?;
    parser.expect(":")?;
    let column = Column::new(name, parser.column_type()?);
    let default = match parser.eat("=") {
        true => Some(parser.constant()?),
        false => None,
    };
    Ok(Parameter {
        column,
        default,
        at,
    })
}

fn option(parser: &mut Parser<'_>) -> Parsed<(String, Value)> {
    let name = parser.name("an option name")?;
    let value = match parser.eat("=") {
        true => match parser.peek().clone() {
            TokenKind::Word(word) => {
                parser.advance();
                Value::String(word)
            }
            _ => parser.constant()?,
        },
        false => Value::Bool(true),
    };
    Ok((name, value))
}

impl Parser<'_> {
    /// Takes a literal, with its sign if it has one.
    pub(super) fn constant(&mut self) -> Parsed<Value> {
        self.typed_constant().map(|(value, _)| value)
    }

    /// A literal, which may have a sign, and its type.
    pub(super) fn typed_constant(&mut self) -> Parsed<(Value, ColumnType)> {
        let negative = self.eat("-");
        let (value, ty) = match self.peek().clone() {
            TokenKind::Literal(value, ty) => {
                self.advance();
                (value, ty)
            }
            _ => (Value::String(self.string("a literal")?), ColumnType::String),
        };
        let value = match (negative, value) {
            (false, value) => value,
            (true, Value::Long(number)) => Value::Long(number.wrapping_neg()),
            (true, Value::Int(number)) => Value::Int(number.wrapping_neg()),
            (true, Value::Real(number)) => Value::Real(-number),
            (true, Value::TimeSpan(ticks)) => Value::TimeSpan(ticks.wrapping_neg()),
            (true, Value::Decimal(number)) => Value::Decimal(-number),
            _ => return Err(self.expected("a number")),
        };
        Ok((value, ty))
    }

    /// Takes `let name = value`.
    pub(super) fn let_statement(&mut self) -> Parsed<Statement> {
        self.expect_word("let")?;
        let at = self.at();
        let name = self.name("a name")?;
        self.expect("=")?;
        let value = match self.function()? {
            Some(function) => LetValue::Function(Arc::new(function)),
            None => LetValue::Value(self.operand()?),
        };
        Ok(Statement::Let(name, value, at..self.at()))
    }

    /// Takes a query.
    pub(super) fn pipeline(&mut self) -> Parsed<Pipeline> {
        let depth = self.depth;
        self.deepen(NESTED_QUERY)?;
        let start = self.at();
        let source = self.source()?;
        let operators = self.steps()?;
        self.depth = depth;
        let pipeline = Pipeline { source, operators };
        Ok(labelled(pipeline, self.draws_since(start)))
    }

    /// Takes what may be a query or a scalar expression.
    pub(super) fn operand(&mut self) -> Parsed<Expr> {
        let at = self.at();
        if let Some(name) = self.assigned() {
            let kind = ExprKind::Assigned(name, Box::new(self.operand()?));
            return Ok(Expr { kind, at });
        }
        let (depth, start) = (self.depth, self.at());
        let source = match self.keyword_source()? {
            Some(source) => source,
            None => {
                let expr = self.expression()?;
                if *self.peek() != TokenKind::Symbol("|") {
                    return Ok(expr);
                }
                self.as_source(expr)?
            }
        };
        self.deepen(NESTED_QUERY)?;
        let operators = self.steps()?;
        self.depth = depth;
        let pipeline = labelled(Pipeline { source, operators }, self.draws_since(start));
        let kind = ExprKind::Query(Box::new(pipeline));
        Ok(Expr { kind, at })
    }

    /// Whether the text from there to here draws lots.
    fn draws_since(&self, start: usize) -> bool {
        draws(self.text(), &(start..self.at()), |_| false)
    }

    /// Takes what an operator works on besides its input: a name, a call, or a query in parentheses.
    pub(super) fn table_operand(&mut self) -> Parsed<Pipeline> {
        let depth = self.depth;
        self.deepen(NESTED_QUERY)?;
        let expr = self.postfix()?;
        self.depth = depth;
        match expr.kind {
            ExprKind::Query(pipeline) => Ok(*pipeline),
            _ => Ok(Pipeline {
                source: self.as_source(expr)?,
                operators: Vec::new(),
            }),
        }
    }

    /// Takes the steps that an operator runs on parts of its input, in parentheses.
    pub(super) fn subquery(&mut self) -> Parsed<Pipeline> {
        let depth = self.depth;
        self.deepen(NESTED_QUERY)?;
        self.expect("(")?;
        let mut operators = vec![self.step()?];
        operators.extend(self.steps()?);
        self.expect(")")?;
        self.depth = depth;
        Ok(Pipeline {
            source: Source::Given,
            operators,
        })
    }

    fn source(&mut self) -> Parsed<Source> {
        if let Some(source) = self.keyword_source()? {
            return Ok(source);
        }
        let start = self.clone();
        let expr = match self.peek() {
            TokenKind::Word(_) | TokenKind::Symbol("(" | "[") => self.postfix()?,
            _ => return Err(self.expected("a table name")),
        };
        match self.peek() {
            TokenKind::End | TokenKind::Symbol("|" | ";" | ")" | "}" | ",") => {
                start.as_source(expr)
            }
            _ => Err(self.expected("'|' or the end of the text")),
        }
    }

    /// An expression that stands where rows come from.
    fn as_source(&self, expr: Expr) -> Parsed<Source> {
        Ok(match expr.kind {
            ExprKind::Name(name) => Source::Table(name, expr.at),
            ExprKind::Call(name, arguments) => Source::Call(name, arguments, expr.at),
            ExprKind::Query(pipeline) if pipeline.operators.is_empty() => pipeline.source,
            ExprKind::Query(pipeline) => Source::Query(pipeline),
            ExprKind::Member(base, member) => match (database_of(&base.kind), base.kind) {
                (Some(database), _) => Source::Foreign {
                    database,
                    table: member,
                    at: expr.at,
                },
                (None, ExprKind::Call(name, arguments)) => Source::Pattern(Box::new(Invocation {
                    name,
                    arguments,
                    path: Some(member),
                    at: expr.at,
                })),
                _ => return Err(self.error("expected a table, a tabular function or a query")),
            },
            _ => return Err(self.error("expected a table, a tabular function or a query")),
        })
    }

    fn keyword_source(&mut self) -> Parsed<Option<Source>> {
        let TokenKind::Word(word) = self.peek().clone() else {
            return Ok(None);
        };
        let at = self.at();
        let mut ahead = self.clone();
        ahead.advance();
        let bare = matches!(
            ahead.peek(),
            TokenKind::End | TokenKind::Symbol("|" | ";" | ")" | "," | "}" | "." | "=")
        );
        let called = *ahead.peek() == TokenKind::Symbol("(");
        let depth = self.depth;
        let operator = |operator: Operator| Source::Operator(Box::new(operator));
        let source = match word.as_str() {
            "print" if !bare => {
                *self = ahead;
                self.deepen(NESTED_QUERY)?;
                Source::Print(self.list(Self::named)?)
            }
            "datatable" if called => {
                *self = ahead;
                self.data_table(at)?
            }
            "range" if !bare && !called => {
                *self = ahead;
                self.range()?
            }
            "externaldata" if called => {
                return Err(self.error(
                    "externaldata is not supported: the emulator reads no foreign storage",
                ));
            }
            "cluster" if called => {
                return Err(self.error("cluster() is not supported: the emulator is one cluster"));
            }
            "union" if !bare => {
                *self = ahead;
                self.deepen(NESTED_QUERY)?;
                operator(Operator::Union(self.union()?))
            }
            "search" if !bare => {
                *self = ahead;
                operator(Operator::Search(self.search()?))
            }
            "find" if !bare => {
                *self = ahead;
                operator(Operator::Find(self.find()?))
            }
            _ => return Ok(None),
        };
        self.depth = depth;
        Ok(Some(source))
    }

    fn data_table(&mut self, at: usize) -> Parsed<Source> {
        let columns = self.columns()?;
        self.expect("[")?;
        let mut values = Vec::new();
        while !self.eat("]") {
            values.push(self.cell()?);
            if !self.eat(",") {
                self.expect("]")?;
                break;
            }
        }
        Ok(Source::DataTable(columns, values, at))
    }

    /// A literal, which may have a sign.
    fn cell(&mut self) -> Parsed<Expr> {
        let at = self.at();
        self.eat("+");
        let (value, ty) = self.typed_constant()?;
        let kind = ExprKind::Literal(value, ty);
        Ok(Expr { kind, at })
    }

    fn range(&mut self) -> Parsed<Source> {
        let name = self.name("a column name")?;
        self.expect_word("from")?;
        let from = self.expression()?;
        self.expect_word("to")?;
        let to = self.expression()?;
        self.expect_word("step")?;
        Ok(Source::Range(
            name,
            Box::new([from, to, self.expression()?]),
        ))
    }
}

/// The pipeline in which steps that show their rows' table know its name, and the names that `as` gives stand for
/// what is computed again when lots are drawn.
fn labelled(mut pipeline: Pipeline, draws: bool) -> Pipeline {
    for at in 0..pipeline.operators.len() {
        let (before, rest) = pipeline.operators.split_at_mut(at);
        if let Operator::As(named) = &mut rest[0]
            && draws
            && !named.materialized
        {
            let kind = ExprKind::Query(Box::new(Pipeline {
                source: pipeline.source.clone(),
                operators: before.to_vec(),
            }));
            named.again = Some(Arc::new(Function::of(Expr { kind, at: 0 })));
        }
    }
    let mut before = Pipeline {
        source: pipeline.source.clone(),
        operators: Vec::new(),
    };
    if !matches!(
        before.source,
        Source::Table(..) | Source::Foreign { .. } | Source::Query(_)
    ) {
        return pipeline;
    }
    for operator in &mut pipeline.operators {
        match operator {
            Operator::As(named) => before.operators = vec![Operator::As(named.clone())],
            Operator::Union(union) => union.input = source_name(&before),
            Operator::Search(search) => search.input = source_name(&before),
            _ => {}
        }
    }
    pipeline
}
