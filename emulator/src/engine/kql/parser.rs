//! Tokens to syntax: what all grammars share. Statements are in `statements.rs`, expressions in
//! `expression.rs`, pipeline steps in `steps.rs`.

use super::super::error::KustoError;
use super::super::schema::Column;
use super::super::value::ColumnType;
use super::ast::{Expr, ExprKind, Named};
use super::lexer::{Token, TokenKind, next_token};

/// Result of a parser.
pub type Parsed<T> = Result<T, KustoError>;

/// How deep an expression's tree may be: no query that a person writes is. A nested expression counts
/// more than a further operand, for it takes parser and evaluation more of their stack.
pub(super) const MAX_DEPTH: usize = 640;
/// What one nested expression counts.
pub(super) const NESTED: usize = 10;

/// A position in a text. A clone is a point to return to.
#[derive(Clone)]
pub struct Parser<'t> {
    text: &'t str,
    token: Token,
    pub(super) depth: usize,
    /// The greatest depth so far.
    pub(super) deepest: usize,
    /// Whether this is the predicate of `search`, which has `column: "term"`.
    pub(super) searches: bool,
}

impl<'t> Parser<'t> {
    /// A parser at the start of a text.
    pub fn new(text: &'t str) -> Self {
        Self {
            text,
            token: next_token(text, 0),
            depth: 0,
            deepest: 0,
            searches: false,
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
        self.deepest = self.deepest.max(self.depth);
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

    /// Takes `[name =] expression` or `(name, ...) = expression`.
    pub(super) fn named(&mut self) -> Parsed<Named> {
        let at = self.at();
        let mut names = self.assigned_names();
        if names.len() < 2 {
            let name = names.pop().or_else(|| self.assigned());
            let expr = self.expression()?;
            return Ok(Named { name, expr });
        }
        let more = names.split_off(1);
        let kind = ExprKind::Names(more, Box::new(self.expression()?));
        Ok(Named {
            name: names.pop(),
            expr: Expr { kind, at },
        })
    }

    /// Takes `(name, ...) =`, if that is next, or nothing.
    fn assigned_names(&mut self) -> Vec<String> {
        let mut ahead = self.clone();
        let mut names = Vec::new();
        if !ahead.eat("(") {
            return names;
        }
        loop {
            if !matches!(ahead.peek(), TokenKind::Word(_) | TokenKind::Symbol("[")) {
                return Vec::new();
            }
            let Ok(name) = ahead.name("a name") else {
                return Vec::new();
            };
            names.push(name);
            if !ahead.eat(",") {
                break;
            }
        }
        if !(ahead.eat(")") && ahead.eat("=")) {
            return Vec::new();
        }
        *self = ahead;
        names
    }

    /// Takes `name =`, if that is next. An error, which counts the lines before it, is made of nothing that may
    /// stand in a long list.
    pub(super) fn assigned(&mut self) -> Option<String> {
        if !matches!(self.peek(), TokenKind::Word(_) | TokenKind::Symbol("[")) {
            return None;
        }
        let mut ahead = self.clone();
        let name = ahead.name("a name").ok().filter(|_| ahead.eat("="))?;
        *self = ahead;
        Some(name)
    }
}
