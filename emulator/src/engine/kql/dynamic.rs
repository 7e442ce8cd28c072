//! The content of `dynamic(...)`: JSON, in which strings may have KQL's forms and literals of other
//! types may stand for values.

use serde_json::{Map, Value as Json};

use super::super::value::Value;
use super::lexer::{Token, TokenKind, next_token};

/// How deep arrays and bags may be in each other; that of JSON's own parser.
const MAX_DEPTH: usize = 128;

/// The value; `None` when the content is not well formed.
pub(super) fn parse(content: &str) -> Option<Value> {
    let json = match serde_json::from_str(content) {
        Ok(json) => json,
        Err(_) => {
            let mut reader = Reader {
                text: content,
                token: next_token(content, 0),
            };
            let json = reader.value(0)?;
            (reader.token.kind == TokenKind::End).then_some(json)?
        }
    };
    Some(match json {
        Json::Null => Value::Null,
        json => Value::Dynamic(json),
    })
}

struct Reader<'t> {
    text: &'t str,
    token: Token,
}

impl Reader<'_> {
    fn advance(&mut self) -> TokenKind {
        let next = next_token(self.text, self.token.end);
        std::mem::replace(&mut self.token, next).kind
    }

    fn eat(&mut self, symbol: &str) -> bool {
        let found = matches!(self.token.kind, TokenKind::Symbol(found) if found == symbol);
        if found {
            self.advance();
        }
        found
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        if depth == MAX_DEPTH {
            return None;
        }
        match self.advance() {
            TokenKind::Text(text) => Some(Json::String(text)),
            TokenKind::Literal(value, _) => Some(value.to_json()),
            TokenKind::Word(word) if word == "null" => Some(Json::Null),
            TokenKind::Symbol("-") => match self.advance() {
                TokenKind::Literal(Value::Long(number), _) => {
                    Some(Value::Long(number.checked_neg()?).to_json())
                }
                TokenKind::Literal(Value::Real(number), _) => Some(Value::Real(-number).to_json()),
                _ => None,
            },
            TokenKind::Symbol("[") => self.array(depth),
            TokenKind::Symbol("{") => self.bag(depth),
            _ => None,
        }
    }

    fn array(&mut self, depth: usize) -> Option<Json> {
        let mut elements = Vec::new();
        if self.eat("]") {
            return Some(Json::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            if !self.eat(",") {
                return self.eat("]").then_some(Json::Array(elements));
            }
        }
    }

    fn bag(&mut self, depth: usize) -> Option<Json> {
        let mut properties = Map::new();
        if self.eat("}") {
            return Some(Json::Object(properties));
        }
        loop {
            let TokenKind::Text(key) = self.advance() else {
                return None;
            };
            if !self.eat(":") {
                return None;
            }
            properties.insert(key, self.value(depth + 1)?);
            if !self.eat(",") {
                return self.eat("}").then_some(Json::Object(properties));
            }
        }
    }
}
