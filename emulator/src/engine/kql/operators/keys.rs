//! The `parse-kv` operator.

use std::collections::HashMap;

use regex::Regex;

use super::super::super::schema::Column;
use super::super::super::value::{ColumnType, Value};
use super::super::ast::Expr;
use super::super::cast::cast;
use super::super::parser::{Parsed, Parser};
use super::super::relation::Relation;
use super::super::run::Run;
use super::super::scope::convert;
use super::add_column;
use super::parse::named_once;

/// `parse-kv`
#[derive(Clone, Debug, PartialEq)]
pub struct ParseKeys {
    text: Expr,
    keys: Vec<Column>,
    delimiters: Delimiters,
    regex: Option<String>,
    at: usize,
}

/// How keys and values stand in the text.
#[derive(Clone, Debug, Default, PartialEq)]
struct Delimiters {
    pair: Option<String>,
    key: Option<String>,
    /// Opening and closing.
    quotes: Vec<(char, char)>,
    escapes: Vec<char>,
    /// A value ends where the next key begins.
    greedy: bool,
}

impl Parser<'_> {
    pub(in super::super) fn parse_keys(&mut self) -> Parsed<ParseKeys> {
        let at = self.at();
        let text = self.expression()?;
        self.expect_word("as")?;
        let keys = self.columns()?;
        let mut parsed = ParseKeys {
            text,
            keys,
            delimiters: Delimiters::default(),
            regex: None,
            at,
        };
        if self.eat_word("with") {
            self.expect("(")?;
            loop {
                self.key_option(&mut parsed)?;
                if !self.eat(",") {
                    break;
                }
            }
            self.expect(")")?;
        }
        let Delimiters {
            pair, key, greedy, ..
        } = &parsed.delimiters;
        if pair.is_some() != key.is_some() || (*greedy && pair.is_none()) {
            return Err(self.error("pair_delimiter and kv_delimiter stand together"));
        }
        Ok(parsed)
    }

    fn key_option(&mut self, parsed: &mut ParseKeys) -> Parsed<()> {
        let start = self.clone();
        let name = self.name("an option")?;
        self.expect("=")?;
        let given = match self.constant()? {
            Value::String(text) if !text.is_empty() => text,
            Value::Bool(value) if name == "greedy" => value.to_string(),
            _ => return Err(start.error(format!("'{name}' needs a text"))),
        };
        let delimiters = &mut parsed.delimiters;
        let letters: Vec<char> = given.chars().collect();
        match (name.as_str(), letters.as_slice()) {
            ("pair_delimiter", _) => delimiters.pair = Some(given),
            ("kv_delimiter", _) => delimiters.key = Some(given),
            ("regex", _) => parsed.regex = Some(given),
            ("greedy", _) => delimiters.greedy = given == "true",
            ("quote", [quote]) => delimiters.quotes.push((*quote, *quote)),
            ("quote", [open, close]) => delimiters.quotes.push((*open, *close)),
            ("escape", [escape]) => delimiters.escapes.push(*escape),
            _ => {
                return Err(start.error(format!(
                    "'{name}' is no option of parse-kv, or its text is too long"
                )));
            }
        }
        Ok(())
    }
}

impl Run<'_> {
    pub(in super::super) fn parse_key_values(
        &self,
        input: Relation,
        parse: &ParseKeys,
    ) -> Parsed<Relation> {
        let scope = self.scope(&input.columns, "parse-kv");
        let text = convert(scope.bind(&parse.text)?, ColumnType::String);
        let wrong = || {
            let message = "the regular expression must be valid and have two groups";
            scope.error("SEM0039", parse.at, message)
        };
        let regex = match &parse.regex {
            Some(pattern) => {
                let regex = Regex::new(pattern).map_err(|_| wrong())?;
                if regex.captures_len() != 3 {
                    return Err(wrong());
                }
                Some(regex)
            }
            None => None,
        };
        named_once(&scope, &parse.keys, parse.at)?;
        let mut columns = input.columns.clone();
        for key in &parse.keys {
            add_column(&mut columns, &key.name, key.ty);
        }
        let mut rows = input.rows.into_vec();
        for row in &mut rows {
            let found = match text.eval(row).as_ref() {
                Value::String(text) => match &regex {
                    Some(regex) => by_regex(regex, text),
                    None => parse.delimiters.pairs(text, &parse.keys),
                },
                _ => HashMap::new(),
            };
            let value = |key: &Column| match found.get(&key.name) {
                Some(text) => cast(&Value::String(text.clone()), key.ty),
                None => Value::absent(key.ty),
            };
            row.extend(parse.keys.iter().map(value));
        }
        Ok(Relation::new(columns, rows))
    }
}

fn by_regex(regex: &Regex, text: &str) -> HashMap<String, String> {
    let mut found = HashMap::new();
    for pair in regex.captures_iter(text) {
        let group = |at| {
            pair.get(at)
                .map_or("", |group| group.as_str())
                .trim()
                .to_owned()
        };
        found.entry(group(1)).or_insert_with(|| group(2));
    }
    found
}

impl Delimiters {
    /// The first value of each key.
    fn pairs(&self, text: &str, keys: &[Column]) -> HashMap<String, String> {
        let mut found: HashMap<String, String> = HashMap::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (key, tail) = self.piece(rest, true);
            let Some(tail) = tail else { break };
            let (value, next) = match self.greedy {
                true => self.greedy_piece(tail, keys),
                false => self.piece(tail, false),
            };
            found.entry(key).or_insert(value);
            rest = next.unwrap_or("");
        }
        found
    }

    /// A key or a value, and what stands behind the delimiter after it. A key without a delimiter
    /// of its own ends with the pair.
    fn piece<'t>(&self, text: &'t str, is_key: bool) -> (String, Option<&'t str>) {
        let text = match (&self.pair, is_key) {
            (None, _) => text.trim_start_matches(|c: char| self.separates(c)),
            (Some(pair), true) => text
                .trim_start()
                .trim_start_matches(pair.as_str())
                .trim_start(),
            (Some(_), false) => text.trim_start(),
        };
        if let Some((quoted, behind)) = self.quoted(text) {
            let behind = self.next_delimiter(behind, is_key);
            return (quoted, behind.map(|(_, tail)| tail));
        }
        match self.next_delimiter(text, is_key) {
            Some((before, tail)) => {
                // What stands before the last delimiter of pairs is no pair.
                let own = match (&self.pair, is_key) {
                    (Some(pair), true) => before.rsplit(pair.as_str()).next().unwrap_or(before),
                    _ => before,
                };
                (own.trim().to_owned(), Some(tail))
            }
            None => (text.trim().to_owned(), None),
        }
    }

    fn separates(&self, c: char) -> bool {
        !c.is_alphanumeric() && !self.quotes.iter().any(|(open, _)| *open == c)
    }

    /// The text before and behind the delimiter of keys or pairs.
    fn next_delimiter<'t>(&self, text: &'t str, is_key: bool) -> Option<(&'t str, &'t str)> {
        match if is_key { &self.key } else { &self.pair } {
            Some(delimiter) => text.split_once(delimiter.as_str()),
            None => {
                let at = text.find(|c: char| self.separates(c))?;
                Some(text.split_at(at))
            }
        }
    }

    /// The content of a quoted text, and what stands behind it.
    fn quoted<'t>(&self, text: &'t str) -> Option<(String, &'t str)> {
        let first = text.chars().next()?;
        let (_, close) = self.quotes.iter().find(|(open, _)| *open == first)?;
        let mut content = String::new();
        let mut letters = text.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            if self.escapes.contains(&letter) {
                content.extend(letters.next().map(|(_, letter)| letter));
            } else if letter == *close {
                return Some((content, &text[at + letter.len_utf8()..]));
            } else {
                content.push(letter);
            }
        }
        None
    }

    /// A value that ends before the next known key.
    fn greedy_piece<'t>(&self, text: &'t str, keys: &[Column]) -> (String, Option<&'t str>) {
        if let Some((quoted, behind)) = self.quoted(text.trim_start()) {
            return (quoted, Some(behind));
        }
        let (Some(pair), Some(delimiter)) = (&self.pair, &self.key) else {
            return (text.trim().to_owned(), None);
        };
        let starts = keys
            .iter()
            .filter_map(|key| text.find(&format!("{pair}{}{delimiter}", key.name)));
        match starts.min() {
            Some(at) => (text[..at].trim().to_owned(), Some(&text[at + pair.len()..])),
            None => (text.trim().to_owned(), None),
        }
    }
}
