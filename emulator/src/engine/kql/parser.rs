//! Tokens to syntax: what all grammars share, and queries as a whole. Expressions are in
//! `expression.rs`, pipeline steps in `steps.rs`.

use super::super::error::KustoError;
use super::super::schema::Column;
use super::super::value::{ColumnType, Value};
use super::ast::{LetValue, Named, Parameter, Pipeline, Query, Source};
use super::lexer::{Token, TokenKind, next_token};

/// Result of a parser.
pub type Parsed<T> = Result<T, KustoError>;

/// How deep an expression's tree may be. Parser, binder and evaluation recurse on threads with a
/// stack of 2 MiB; a nested expression takes the parser more of it than a further operand does.
const MAX_DEPTH: usize = 640;
/// What one nested expression counts.
pub(super) const NESTED: usize = 10;

/// A position in a text. A clone is a point to return to.
#[derive(Clone)]
pub struct Parser<'t> {
    text: &'t str,
    token: Token,
    pub(super) depth: usize,
}

impl<'t> Parser<'t> {
    /// A parser at the start of a text.
    pub fn new(text: &'t str) -> Self {
        Self {
            text,
            token: next_token(text, 0),
            depth: 0,
        }
    }

    /// The current token.
    pub fn peek(&self) -> &TokenKind {
        &self.token.kind
    }

    /// Byte offset of the current token.
    pub fn at(&self) -> usize {
        self.token.start
    }

    /// The whole text.
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// Goes on to the next token and gives the one it leaves.
    pub fn advance(&mut self) -> Token {
        let next = next_token(self.text, self.token.end);
        std::mem::replace(&mut self.token, next)
    }

    /// Takes everything from the current token to `end` (a byte offset) as it stands.
    pub fn skip_to(&mut self, end: usize) {
        self.token = next_token(self.text, end);
    }

    /// The text from the current token on.
    pub fn rest(&self) -> &'t str {
        &self.text[self.token.start..]
    }

    /// Whether the next token follows the current one without a blank.
    pub fn next_is_adjacent(&self) -> bool {
        next_token(self.text, self.token.end).start == self.token.end
    }

    /// An error at the current token.
    pub fn error(&self, message: impl Into<String>) -> KustoError {
        KustoError::syntax(self.text, self.token.start, message)
    }

    /// An error that says what was expected instead of the current token.
    pub fn expected(&self, what: &str) -> KustoError {
        self.error(match self.peek() {
            TokenKind::Bad(why) => why.clone(),
            TokenKind::End => format!("expected {what} but the text ends"),
            // Its content may be a secret.
            TokenKind::Text(_) => format!("expected {what} but found a string"),
            _ => format!(
                "expected {what} but found '{}'",
                &self.text[self.token.start..self.token.end]
            ),
        })
    }

    /// A syntax error when the expression gets deeper than it may be.
    pub(super) fn deepen(&mut self, by: usize) -> Parsed<()> {
        self.depth += by;
        if self.depth > MAX_DEPTH {
            return Err(self.error("the expression is nested too deeply"));
        }
        Ok(())
    }

    /// Takes the symbol if it is next.
    pub fn eat(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), TokenKind::Symbol(found) if *found == symbol);
        if found {
            self.advance();
        }
        found
    }

    /// Takes the symbol.
    ///
    /// # Errors
    /// When another token is next.
    pub fn expect(&mut self, symbol: &str) -> Parsed<()> {
        if self.eat(symbol) {
            Ok(())
        } else {
            Err(self.expected(&format!("'{symbol}'")))
        }
    }

    /// Whether this word is next.
    pub fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), TokenKind::Word(found) if found == word)
    }

    /// Takes the word if it is next.
    pub fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    /// Takes the word.
    ///
    /// # Errors
    /// When another token is next.
    pub fn expect_word(&mut self, word: &str) -> Parsed<()> {
        if self.eat_word(word) {
            Ok(())
        } else {
            Err(self.expected(&format!("'{word}'")))
        }
    }

    /// Takes words joined by hyphens (`project-away`) as one.
    pub fn hyphenated(&mut self) -> Option<String> {
        let TokenKind::Word(word) = self.peek() else {
            return None;
        };
        let mut joined = word.clone();
        while self.next_is_adjacent() {
            let mut ahead = self.clone();
            ahead.advance();
            if *ahead.peek() != TokenKind::Symbol("-") || !ahead.next_is_adjacent() {
                break;
            }
            ahead.advance();
            let TokenKind::Word(part) = ahead.peek() else {
                break;
            };
            joined = format!("{joined}-{part}");
            *self = ahead;
        }
        self.advance();
        Some(joined)
    }

    /// Takes an identifier: bare, `['...']` or `["..."]`.
    ///
    /// # Errors
    /// When there is none.
    pub fn name(&mut self, what: &str) -> Parsed<String> {
        match self.peek().clone() {
            TokenKind::Word(word) if !word.starts_with('!') => {
                self.advance();
                Ok(word)
            }
            TokenKind::Symbol("[") => {
                let mut ahead = self.clone();
                ahead.advance();
                let TokenKind::Text(name) = ahead.peek().clone() else {
                    return Err(self.expected(what));
                };
                ahead.advance();
                ahead.expect("]")?;
                *self = ahead;
                Ok(name)
            }
            _ => Err(self.expected(what)),
        }
    }

    /// Takes one string literal, even if another one follows.
    ///
    /// # Errors
    /// When there is none.
    pub fn single_string(&mut self, what: &str) -> Parsed<String> {
        let TokenKind::Text(content) = self.peek().clone() else {
            return Err(self.expected(what));
        };
        self.advance();
        Ok(content)
    }

    /// Takes string literals; adjacent ones are one.
    ///
    /// # Errors
    /// When there is none.
    pub fn string(&mut self, what: &str) -> Parsed<String> {
        let mut content = self.single_string(what)?;
        while let TokenKind::Text(more) = self.peek() {
            content.push_str(more);
            self.advance();
        }
        Ok(content)
    }

    /// Takes a type's name.
    ///
    /// # Errors
    /// When it is no type.
    pub fn column_type(&mut self) -> Parsed<ColumnType> {
        let start = self.clone();
        let mut name = self.name("a type")?;
        while self.eat(".") {
            name = format!("{name}.{}", self.name("a type")?);
        }
        ColumnType::parse(&name).ok_or_else(|| start.error(format!("'{name}' is not a type")))
    }

    /// Takes `(name: type, ...)`, empty ones too.
    ///
    /// # Errors
    /// When it is not well formed.
    pub fn columns(&mut self) -> Parsed<Vec<Column>> {
        self.expect("(")?;
        let mut columns = Vec::new();
        if self.eat(")") {
            return Ok(columns);
        }
        loop {
            let name = self.name("a column name")?;
            self.expect(":")?;
            columns.push(Column::new(name, self.column_type()?));
            if !self.eat(",") {
                self.expect(")")?;
                return Ok(columns);
            }
        }
    }

    /// Nothing may follow.
    ///
    /// # Errors
    /// When something does.
    pub fn end(&self) -> Parsed<()> {
        if *self.peek() == TokenKind::End {
            Ok(())
        } else {
            Err(self.expected("the end of the text"))
        }
    }

    /// Takes a list separated by commas.
    ///
    /// # Errors
    /// Those of the items.
    pub fn list<T>(&mut self, item: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.eat(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Takes `[name =] expression`.
    pub(super) fn named(&mut self) -> Parsed<Named> {
        let mut ahead = self.clone();
        if let Ok(name) = ahead.name("a name")
            && ahead.eat("=")
        {
            *self = ahead;
            return Ok(Named {
                name: Some(name),
                expr: self.expression()?,
            });
        }
        Ok(Named {
            name: None,
            expr: self.expression()?,
        })
    }
}

/// Parses a whole query.
///
/// # Errors
/// A syntax error with its position.
pub fn parse_query(text: &str) -> Parsed<Query> {
    let mut parser = Parser::new(text);
    let (mut parameters, mut options, mut lets) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        if parser.eat_word("declare") {
            parser.expect_word("query_parameters")?;
            parser.expect("(")?;
            parameters.extend(parser.list(parameter)?);
            parser.expect(")")?;
        } else if parser.is_word("set") {
            parser.advance();
            options.push(option(&mut parser)?);
        } else if parser.eat_word("let") {
            lets.push(binding(&mut parser)?);
        } else {
            break;
        }
        parser.expect(";")?;
    }
    let pipeline = parser.pipeline()?;
    while parser.eat(";") {}
    parser.end()?;
    Ok(Query {
        parameters,
        options,
        lets,
        pipeline,
    })
}

fn parameter(parser: &mut Parser<'_>) -> Parsed<Parameter> {
    let at = parser.at();
    let name = parser.name("a parameter name")?;
    parser.expect(":")?;
    let column = Column::new(name, parser.column_type()?);
    let default = if parser.eat("=") {
        Some(constant(parser)?)
    } else {
        None
    };
    Ok(Parameter {
        column,
        default,
        at,
    })
}

fn constant(parser: &mut Parser<'_>) -> Parsed<Value> {
    match parser.peek().clone() {
        TokenKind::Literal(value, _) => {
            parser.advance();
            Ok(value)
        }
        _ => parser.string("a literal").map(Value::String),
    }
}

fn option(parser: &mut Parser<'_>) -> Parsed<(String, Value)> {
    let name = parser.name("an option name")?;
    let value = match parser.eat("=") {
        true => match parser.peek().clone() {
            TokenKind::Word(word) => {
                parser.advance();
                Value::String(word)
            }
            _ => constant(parser)?,
        },
        false => Value::Bool(true),
    };
    Ok((name, value))
}

fn binding(parser: &mut Parser<'_>) -> Parsed<(String, LetValue)> {
    let name = parser.name("a name")?;
    parser.expect("=")?;
    let mut ahead = parser.clone();
    if let Ok(expr) = ahead.expression()
        && *ahead.peek() == TokenKind::Symbol(";")
    {
        *parser = ahead;
        return Ok((name, LetValue::Scalar(expr)));
    }
    Ok((name, LetValue::Tabular(parser.pipeline()?)))
}

impl Parser<'_> {
    fn pipeline(&mut self) -> Parsed<Pipeline> {
        let source = self.source()?;
        Ok(Pipeline {
            source,
            operators: self.steps()?,
        })
    }

    fn source(&mut self) -> Parsed<Source> {
        let at = self.at();
        let mut ahead = self.clone();
        ahead.advance();
        let bare = matches!(ahead.peek(), TokenKind::End | TokenKind::Symbol("|" | ";"));
        if self.is_word("print") && !bare {
            self.advance();
            return Ok(Source::Print(self.list(Self::named)?));
        }
        if self.is_word("datatable") && *ahead.peek() == TokenKind::Symbol("(") {
            *self = ahead;
            return self.data_table(at);
        }
        if self.is_word("range") && !bare {
            *self = ahead;
            return self.range();
        }
        let name = self.name("a table name")?;
        match self.peek() {
            TokenKind::End | TokenKind::Symbol("|" | ";") => Ok(Source::Table(name, at)),
            _ => Err(self.expected("'|' or the end of the text")),
        }
    }

    fn data_table(&mut self, at: usize) -> Parsed<Source> {
        let columns = self.columns()?;
        self.expect("[")?;
        let mut values = Vec::new();
        while !self.eat("]") {
            values.push(self.expression()?);
            if !self.eat(",") {
                self.expect("]")?;
                break;
            }
        }
        Ok(Source::DataTable(columns, values, at))
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
