//! The `parse` and `parse-where` operators.

use std::borrow::Borrow;
use std::collections::HashSet;

use regex::Regex;

use super::super::super::schema::Column;
use super::super::super::value::{ColumnType, Value};
use super::super::ast::{Expr, ExprKind};
use super::super::bound::Bound;
use super::super::cast::cast;
use super::super::lexer::TokenKind;
use super::super::parser::{Parsed, Parser};
use super::super::relation::Relation;
use super::super::run::Run;
use super::super::scope::{Scope, convert};
use super::super::summarize::push_column;

/// `parse` or `parse-where`
#[derive(Clone, Debug, PartialEq)]
pub struct Parse {
    mode: Mode,
    flags: String,
    text: Expr,
    pattern: Vec<Piece>,
    /// `parse-where` keeps only the rows that match.
    only_matches: bool,
    at: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Simple,
    Relaxed,
    Regex,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Anything,
    Column(Column),
}

impl Parser<'_> {
    pub(in super::super) fn parse_step(&mut self, only_matches: bool) -> Parsed<Parse> {
        let at = self.at();
        let settings = self.settings(&["kind", "flags"])?;
        let word = |name: &str| match settings.get(name).map(|value| &value.kind) {
            Some(ExprKind::Name(word)) => Some(word.as_str()),
            _ => None,
        };
        let mode = match word("kind") {
            None | Some("simple") => Mode::Simple,
            Some("relaxed") => Mode::Relaxed,
            Some("regex") => Mode::Regex,
            Some(_) => return Err(self.error("the kind of parse is simple, relaxed or regex")),
        };
        let flags = word("flags").unwrap_or_default().to_owned();
        let text = self.expression()?;
        self.expect_word("with")?;
        let mut pattern = Vec::new();
        while let Some(piece) = self.piece()? {
            pattern.push(piece);
        }
        if pattern.is_empty() {
            return Err(self.expected("a pattern"));
        }
        unambiguous(&pattern).map_err(|message| self.error(message))?;
        Ok(Parse {
            mode,
            flags,
            text,
            pattern,
            only_matches,
            at,
        })
    }

    fn piece(&mut self) -> Parsed<Option<Piece>> {
        Ok(match self.peek() {
            TokenKind::Text(_) => Some(Piece::Text(self.single_string("a string")?)),
            TokenKind::Symbol("*") => {
                self.advance();
                Some(Piece::Anything)
            }
            TokenKind::Word(_) | TokenKind::Symbol("[") => {
                let name = self.name("a column name")?;
                let ty = match self.eat(":") {
                    true => self.column_type()?,
                    false => ColumnType::String,
                };
                Some(Piece::Column(Column::new(name, ty)))
            }
            _ => None,
        })
    }
}

/// That it is known where each column ends.
fn unambiguous(pattern: &[Piece]) -> Result<(), &'static str> {
    for pair in pattern.windows(2) {
        match pair {
            [Piece::Column(_), Piece::Column(_)] => return Err("a column follows a string"),
            [Piece::Anything, Piece::Column(_) | Piece::Anything] => {
                return Err("a string follows a '*'");
            }
            [Piece::Column(column), Piece::Anything] if column.ty == ColumnType::String => {
                return Err("where a string column ends before a '*' is not known");
            }
            _ => {}
        }
    }
    Ok(())
}

impl Parse {
    /// The whole pattern, a group for each column.
    fn regex(&self) -> Result<Regex, regex::Error> {
        let mut source = String::new();
        let mut number = 0;
        for (at, piece) in self.pattern.iter().enumerate() {
            let last = at + 1 == self.pattern.len();
            match piece {
                Piece::Anything => source.push_str(if last { ".*" } else { ".*?" }),
                Piece::Text(text) if self.mode == Mode::Regex => source.push_str(text),
                Piece::Text(text) => source.push_str(&regex::escape(text)),
                Piece::Column(column) => {
                    let inner = self.column_pattern(column.ty, last);
                    source.push_str(&format!("(?P<c{number}>{inner})"));
                    number += 1;
                }
            }
        }
        if self.mode != Mode::Regex {
            source = format!("^{source}$");
        }
        let flags = match self.mode {
            Mode::Regex if self.flags.is_empty() => String::new(),
            Mode::Regex => format!("(?{})", self.flags),
            _ => "(?s)".to_owned(),
        };
        Regex::new(&format!("{flags}{source}"))
    }

    fn column_pattern(&self, ty: ColumnType, last: bool) -> &'static str {
        let number = match ty {
            ColumnType::Int | ColumnType::Long => Some((r"[-+]?\d+", r"[-+]?\d+|.*?")),
            ColumnType::Real | ColumnType::Decimal => Some((
                r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?",
                r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|.*?",
            )),
            _ => None,
        };
        match (number, self.mode) {
            (Some((_, number_or_text)), Mode::Relaxed) => number_or_text,
            (Some((number, _)), _) => number,
            // A regular expression is greedy unless its flags say otherwise.
            (None, Mode::Regex) => ".*",
            (None, _) if last => ".*",
            (None, _) => ".*?",
        }
    }

    fn columns(&self) -> Vec<&Column> {
        let columns = self.pattern.iter().filter_map(|piece| match piece {
            Piece::Column(column) => Some(column),
            _ => None,
        });
        columns.collect()
    }

    /// The columns' values; `None` when the text does not match.
    fn values(&self, regex: &Regex, columns: &[&Column], text: &str) -> Option<Vec<Value>> {
        let found = regex.captures(text)?;
        let mut values = Vec::new();
        for (at, column) in columns.iter().enumerate() {
            let part = found.name(&format!("c{at}"))?.as_str();
            let value = cast(&Value::String(part.to_owned()), column.ty);
            if value.is_null() && self.mode != Mode::Relaxed {
                return None;
            }
            values.push(value);
        }
        Some(values)
    }
}

/// That no two columns of a list have one name.
///
/// # Errors
/// At the second one.
pub(super) fn named_once<C: Borrow<Column>>(
    scope: &Scope<'_>,
    list: &[C],
    at: usize,
) -> Parsed<()> {
    let mut known = HashSet::new();
    for column in list {
        let name = &column.borrow().name;
        if !known.insert(name) {
            let message = format!("a column with the name '{name}' is already declared");
            return Err(scope.error("SEM0106", at, message));
        }
    }
    Ok(())
}

impl Run<'_> {
    pub(in super::super) fn parse(&self, input: Relation, parse: &Parse) -> Parsed<Relation> {
        let operator = if parse.only_matches {
            "parse-where"
        } else {
            "parse"
        };
        let scope = self.scope(&input.columns, operator);
        let text = convert(scope.bind(&parse.text)?, ColumnType::String);
        let regex = parse.regex().map_err(|_| {
            scope.error(
                "SEM0039",
                parse.at,
                "the pattern is no valid regular expression",
            )
        })?;
        let parsed = parse.columns();
        named_once(&scope, &parsed, parse.at)?;
        let mut columns = input.columns.clone();
        let mut places = Vec::new();
        for column in &parsed {
            match columns.iter().position(|known| known.name == column.name) {
                Some(place) => {
                    columns[place].ty = column.ty;
                    places.push(place);
                }
                None => {
                    let bound = Bound::constant(Value::Null, column.ty);
                    push_column(&mut columns, Some(column.name.clone()), &bound);
                    places.push(columns.len() - 1);
                }
            }
        }
        let mut rows = input.rows.into_vec();
        rows.retain_mut(|row| {
            let values = match text.eval(row).as_ref() {
                Value::String(text) => parse.values(&regex, &parsed, text),
                _ => None,
            };
            let matches = values.is_some();
            let values = values.unwrap_or_else(|| {
                let absent = parsed.iter().map(|column| Value::absent(column.ty));
                absent.collect()
            });
            row.resize(columns.len(), Value::Null);
            for (place, value) in places.iter().zip(values) {
                row[*place] = value;
            }
            matches || !parse.only_matches
        });
        Ok(Relation::new(columns, rows))
    }
}
