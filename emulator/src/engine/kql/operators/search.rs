//! The `search` operator.

use super::super::super::schema::Column;
use super::super::super::value::{ColumnType, Value};
use super::super::ast::{BinaryOp, Expr, ExprKind, Operator, Pattern, TextOp, TextTest};
use super::super::origin::bare;
use super::super::parser::{Parsed, Parser};
use super::super::relation::Relation;
use super::super::run::Run;

/// `search`
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    cased: bool,
    /// The tables; without them those of the database, or the input.
    tables: Option<Vec<Pattern>>,
    predicate: Expr,
    /// The name of the table that the rows before it come from.
    pub input: Option<String>,
}

impl Parser<'_> {
    pub(in super::super) fn search(&mut self) -> Parsed<Search> {
        let settings = self.settings(&["kind"])?;
        let cased = match settings.get("kind").map(|kind| &kind.kind) {
            None => false,
            Some(ExprKind::Name(kind)) if kind == "case_sensitive" => true,
            Some(ExprKind::Name(kind)) if kind == "case_insensitive" || kind == "default" => false,
            Some(_) => {
                return Err(self.error("the kind of search is case_sensitive or case_insensitive"));
            }
        };
        let tables = match self.eat_word("in") {
            true => {
                self.expect("(")?;
                let tables = self.list(Self::pattern)?;
                self.expect(")")?;
                Some(tables)
            }
            false => None,
        };
        Ok(Search {
            cased,
            tables,
            ..self.predicate_of_search()?
        })
    }

    /// Takes a predicate in which a bare text is a term.
    pub(super) fn predicate_of_search(&mut self) -> Parsed<Search> {
        let before = std::mem::replace(&mut self.searches, true);
        let predicate = self.expression()?;
        self.searches = before;
        Ok(Search {
            cased: false,
            tables: None,
            predicate,
            input: None,
        })
    }

    /// Takes the term of `column: "term"`.
    pub(in super::super) fn column_term(&mut self, column: Expr) -> Parsed<Expr> {
        let (at, term_at) = (column.at, self.at());
        let term = self.single_string("a term")?;
        let term = Expr {
            kind: ExprKind::Literal(Value::String(term), ColumnType::String),
            at: term_at,
        };
        let kind = ExprKind::Binary(BinaryOp::Term, Box::new(column), Box::new(term));
        Ok(Expr { kind, at })
    }
}

impl Run<'_> {
    pub(in super::super) fn search_step(
        &self,
        input: Option<Relation>,
        search: &Search,
    ) -> Parsed<Relation> {
        let given = input.is_some() || search.tables.is_some();
        let tables = match (input, &search.tables) {
            (Some(input), None) => vec![(search.input.clone().unwrap_or_default(), input)],
            (Some(_), Some(_)) => {
                return Err(self.scope(&[], "search").error(
                    "SEM0025",
                    search.predicate.at,
                    "tables cannot be named where rows are given",
                ));
            }
            (None, patterns) => self.searched(patterns.as_deref())?,
        };
        let mut found = Vec::new();
        for (name, table) in tables {
            let predicate = search.over(&table.columns);
            match self.step(table, &Operator::Where(predicate)) {
                Ok(rows) => found.push((name, rows)),
                // A table without the column that the predicate names has nothing to find.
                Err(error) if error.code == "SEM0100" && !given => {}
                Err(error) => return Err(error),
            }
        }
        self.united(Some("$table"), false, &found)
    }

    /// The tables of these names, or of the database.
    pub(super) fn searched(&self, patterns: Option<&[Pattern]>) -> Parsed<Vec<(String, Relation)>> {
        let all = [Pattern {
            text: "*".to_owned(),
            wild: true,
            at: 0,
        }];
        let mut tables: Vec<(String, Relation)> = Vec::new();
        for pattern in patterns.unwrap_or(&all) {
            let matching = match pattern.wild {
                true => match self.matching(pattern)? {
                    // Only the search of all tables may find none.
                    found if found.is_empty() && patterns.is_some() => {
                        return Err(self.unknown_table(&pattern.text, pattern.at));
                    }
                    found => found,
                },
                false => {
                    let table = self.table(&pattern.text, pattern.at)?;
                    vec![(pattern.text.clone(), bare(table))]
                }
            };
            for (name, table) in matching {
                if !tables.iter().any(|(known, _)| *known == name) {
                    tables.push((name, table));
                }
            }
        }
        Ok(tables)
    }
}

/// Whether a term can be looked for in a column of this type.
fn holds_text(ty: ColumnType) -> bool {
    matches!(ty, ColumnType::String | ColumnType::Dynamic)
}

impl Search {
    /// As it was written.
    pub(super) fn predicate(&self) -> &Expr {
        &self.predicate
    }

    /// What it means over these columns.
    pub(super) fn over(&self, columns: &[Column]) -> Expr {
        self.spelled(&self.predicate, columns)
    }

    /// The predicate in which a bare text is looked for in every column.
    fn spelled(&self, expr: &Expr, columns: &[Column]) -> Expr {
        let at = expr.at;
        let kind = match &expr.kind {
            ExprKind::Binary(op @ (BinaryOp::And | BinaryOp::Or), left, right) => ExprKind::Binary(
                *op,
                Box::new(self.spelled(left, columns)),
                Box::new(self.spelled(right, columns)),
            ),
            ExprKind::Call(name, arguments) if name == "not" => ExprKind::Call(
                name.clone(),
                arguments
                    .iter()
                    .map(|argument| self.spelled(argument, columns))
                    .collect(),
            ),
            ExprKind::Literal(Value::String(term), _) => {
                let columns = columns
                    .iter()
                    .filter(|column| column.ty != ColumnType::Bool);
                let names: Vec<String> = columns.map(|column| column.name.clone()).collect();
                return self.anywhere(term, &names, at);
            }
            ExprKind::Binary(BinaryOp::Term, column, term) => match (&column.kind, &term.kind) {
                (ExprKind::Name(column), ExprKind::Literal(Value::String(term), _))
                    if !columns
                        .iter()
                        .any(|known| known.name == *column && !holds_text(known.ty)) =>
                {
                    return self.anywhere(term, std::slice::from_ref(column), at);
                }
                _ => return expr.clone(),
            },
            ExprKind::Star => ExprKind::Literal(Value::Bool(true), ColumnType::Bool),
            _ => return expr.clone(),
        };
        Expr { kind, at }
    }

    fn anywhere(&self, term: &str, columns: &[String], at: usize) -> Expr {
        let inner = term.trim_matches('*');
        let (before, after) = (term.starts_with('*'), term.ends_with('*'));
        let (test, text) = match (before, after) {
            _ if inner.contains('*') => {
                let parts: Vec<String> = inner.split('*').map(regex::escape).collect();
                let flag = if self.cased { "" } else { "(?i)" };
                (
                    TextTest::Matches,
                    format!(r"{flag}\b{}\b", parts.join(".*")),
                )
            }
            (true, true) => (TextTest::Contains, inner.to_owned()),
            (true, false) => (TextTest::HasSuffix, inner.to_owned()),
            (false, true) => (TextTest::HasPrefix, inner.to_owned()),
            (false, false) => (TextTest::Has, inner.to_owned()),
        };
        let op = TextOp {
            test,
            negated: false,
            cased: self.cased || test == TextTest::Matches,
        };
        let literal = |value, ty| Expr {
            kind: ExprKind::Literal(value, ty),
            at,
        };
        let tests = columns.iter().map(|name| {
            let value = Expr {
                kind: ExprKind::Call("tostring".to_owned(), vec![Expr::name(name, at)]),
                at,
            };
            let text = literal(Value::String(text.clone()), ColumnType::String);
            Expr {
                kind: ExprKind::Text(op, Box::new(value), Box::new(text)),
                at,
            }
        });
        let either = |left: Expr, right: Expr| Expr {
            kind: ExprKind::Binary(BinaryOp::Or, Box::new(left), Box::new(right)),
            at,
        };
        tests
            .reduce(either)
            .unwrap_or_else(|| literal(Value::Bool(false), ColumnType::Bool))
    }
}
