//! The grammar of expressions, loosest operators first.

use super::super::value::{ColumnType, Value};
use super::ast::{BinaryOp, Expr, ExprKind, TextOp, TextTest};
use super::deep;
use super::lexer::TokenKind;
use super::parser::{NESTED, Parsed, Parser};

/// Words that stand between operands or clauses and so are no bare names.
const RESERVED: [&str; 9] = [
    "and", "or", "by", "in", "between", "has_any", "has_all", "asc", "desc",
];

impl Parser<'_> {
    /// Takes one expression.
    ///
    /// # Errors
    /// A syntax error at the first token that does not fit.
    pub fn expression(&mut self) -> Parsed<Expr> {
        let depth = self.depth;
        self.deepen(NESTED)?;
        let mut left = deep(|| self.conjunction())?;
        while self.eat_word("or") {
            self.deepen(1)?;
            left = binary(BinaryOp::Or, left, self.conjunction()?);
        }
        self.depth = depth;
        Ok(left)
    }

    fn conjunction(&mut self) -> Parsed<Expr> {
        let mut left = self.comparison()?;
        while self.eat_word("and") {
            self.deepen(1)?;
            left = binary(BinaryOp::And, left, self.comparison()?);
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Parsed<Expr> {
        let left = self.sum()?;
        let token = self.peek().clone();
        match &token {
            TokenKind::Symbol(symbol) => {
                if let Some(op) = comparison_symbol(symbol) {
                    self.advance();
                    return Ok(binary(op, left, self.sum()?));
                }
                if let "=~" | "!~" = *symbol {
                    self.advance();
                    let op = TextOp {
                        test: TextTest::Equals,
                        negated: *symbol == "!~",
                        cased: false,
                    };
                    return Ok(text_test(op, left, self.sum()?));
                }
                if self.searches && *symbol == ":" {
                    self.advance();
                    return self.column_term(left);
                }
                Ok(left)
            }
            TokenKind::Word(word) => self.word_comparison(word, left),
            _ => Ok(left),
        }
    }

    fn word_comparison(&mut self, word: &str, left: Expr) -> Parsed<Expr> {
        let at = left.at;
        let value = Box::new(left);
        match word {
            "has_any" | "has_all" => {
                self.advance();
                self.expect("(")?;
                let list = self.list(Self::operand)?;
                self.expect(")")?;
                let all = word == "has_all";
                Ok(Expr {
                    kind: ExprKind::HasTerms { value, list, all },
                    at,
                })
            }
            "in" | "!in" | "in~" | "!in~" => {
                self.advance();
                self.expect("(")?;
                let list = self.list(Self::operand)?;
                self.expect(")")?;
                let (negated, ignore_case) = (word.starts_with('!'), word.ends_with('~'));
                Ok(Expr {
                    kind: ExprKind::In {
                        value,
                        list,
                        negated,
                        ignore_case,
                    },
                    at,
                })
            }
            "between" | "!between" => {
                self.advance();
                self.expect("(")?;
                let low = Box::new(self.sum()?);
                self.expect("..")?;
                let high = Box::new(self.sum()?);
                self.expect(")")?;
                Ok(Expr {
                    kind: ExprKind::Between {
                        value,
                        low,
                        high,
                        negated: word.starts_with('!'),
                    },
                    at,
                })
            }
            "matches" => {
                self.advance();
                self.expect_word("regex")?;
                let op = TextOp {
                    test: TextTest::Matches,
                    negated: false,
                    cased: true,
                };
                Ok(text_test(op, *value, self.sum()?))
            }
            _ => match text_operator(word) {
                Some(op) => {
                    self.advance();
                    Ok(text_test(op, *value, self.sum()?))
                }
                None => Ok(*value),
            },
        }
    }

    pub(super) fn sum(&mut self) -> Parsed<Expr> {
        let mut left = self.product()?;
        loop {
            let op = match self.peek() {
                TokenKind::Symbol("+") => BinaryOp::Add,
                TokenKind::Symbol("-") => BinaryOp::Subtract,
                _ => return Ok(left),
            };
            self.advance();
            self.deepen(1)?;
            left = binary(op, left, self.product()?);
        }
    }

    fn product(&mut self) -> Parsed<Expr> {
        let mut left = self.unary()?;
        loop {
            let op = match self.peek() {
                TokenKind::Symbol("*") => BinaryOp::Multiply,
                TokenKind::Symbol("/") => BinaryOp::Divide,
                TokenKind::Symbol("%") => BinaryOp::Modulo,
                _ => return Ok(left),
            };
            self.advance();
            self.deepen(1)?;
            left = binary(op, left, self.unary()?);
        }
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let at = self.at();
        if self.eat("-") {
            self.deepen(NESTED)?;
            let operand = self.unary()?;
            return Ok(Expr {
                kind: ExprKind::Negate(Box::new(operand)),
                at,
            });
        }
        if self.eat("+") {
            self.deepen(NESTED)?;
            let operand = self.unary()?;
            return Ok(Expr {
                kind: ExprKind::Plus(Box::new(operand)),
                at,
            });
        }
        self.postfix()
    }

    pub(super) fn postfix(&mut self) -> Parsed<Expr> {
        let mut expr = self.primary()?;
        loop {
            let at = expr.at;
            if self.eat(".") {
                self.deepen(1)?;
                let mut member = self.name("a property name")?;
                // `database("d").table("t")` is `database("d").t`.
                if member == "table" && self.eat("(") {
                    member = self.single_string("a table name")?;
                    self.expect(")")?;
                }
                expr = Expr {
                    kind: ExprKind::Member(Box::new(expr), member),
                    at,
                };
            } else if self.eat("[") {
                self.deepen(1)?;
                let index = self.expression()?;
                self.expect("]")?;
                expr = Expr {
                    kind: ExprKind::Index(Box::new(expr), Box::new(index)),
                    at,
                };
            } else {
                return Ok(expr);
            }
        }
    }

    pub(super) fn primary(&mut self) -> Parsed<Expr> {
        let at = self.at();
        let kind = match self.peek().clone() {
            TokenKind::Literal(value, ty) => {
                self.advance();
                ExprKind::Literal(value, ty)
            }
            TokenKind::Text(_) => {
                ExprKind::Literal(Value::String(self.string("a string")?), ColumnType::String)
            }
            TokenKind::Symbol("(") => {
                self.advance();
                let inner = self.operand()?;
                self.expect(")")?;
                return Ok(inner);
            }
            TokenKind::Symbol("*") => {
                self.advance();
                ExprKind::Star
            }
            TokenKind::Word(word)
                if RESERVED.contains(&word.as_str()) || text_operator(&word).is_some() =>
            {
                return Err(self.expected("an expression"));
            }
            TokenKind::Word(_) | TokenKind::Symbol("[") => self.name_or_call()?,
            _ => return Err(self.expected("an expression")),
        };
        Ok(Expr { kind, at })
    }

    fn name_or_call(&mut self) -> Parsed<ExprKind> {
        let bracketed = *self.peek() == TokenKind::Symbol("[");
        let name = self.name("an expression")?;
        if bracketed || !self.eat("(") {
            return Ok(ExprKind::Name(name));
        }
        if name == "typeof" {
            let ty = self.column_type()?;
            self.expect(")")?;
            let named = Value::String(ty.kusto_name().to_owned());
            return Ok(ExprKind::Literal(named, ColumnType::String));
        }
        if self.eat(")") {
            return Ok(ExprKind::Call(name, Vec::new()));
        }
        let arguments = self.list(Self::operand)?;
        self.expect(")")?;
        Ok(ExprKind::Call(name, arguments))
    }
}

fn binary(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    let at = left.at;
    Expr {
        kind: ExprKind::Binary(op, Box::new(left), Box::new(right)),
        at,
    }
}

fn text_test(op: TextOp, left: Expr, right: Expr) -> Expr {
    let at = left.at;
    Expr {
        kind: ExprKind::Text(op, Box::new(left), Box::new(right)),
        at,
    }
}

fn comparison_symbol(symbol: &str) -> Option<BinaryOp> {
    Some(match symbol {
        "==" => BinaryOp::Equal,
        "!=" | "<>" => BinaryOp::NotEqual,
        "<" => BinaryOp::Less,
        "<=" => BinaryOp::LessOrEqual,
        ">" => BinaryOp::Greater,
        ">=" => BinaryOp::GreaterOrEqual,
        _ => return None,
    })
}

fn text_operator(word: &str) -> Option<TextOp> {
    let (negated, positive) = match word.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    let (cased, base) = match positive.strip_suffix("_cs") {
        Some(base) => (true, base),
        None => (false, positive),
    };
    let test = match base {
        "has" => TextTest::Has,
        "hasprefix" => TextTest::HasPrefix,
        "hassuffix" => TextTest::HasSuffix,
        "contains" => TextTest::Contains,
        "startswith" => TextTest::StartsWith,
        "endswith" => TextTest::EndsWith,
        _ => return None,
    };
    Some(TextOp {
        test,
        negated,
        cased,
    })
}
