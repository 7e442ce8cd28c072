//! The operators that run queries on parts or copies of their input: `partition`, `fork`, `facet`.

use std::collections::HashMap;

use super::super::super::value::{ColumnType, Value};
use super::super::ast::{Expr, ExprKind, Named, Operator, Pipeline};
use super::super::bound::Bound;
use super::super::cast::push_key;
use super::super::frame::{Binding, Frame};
use super::super::lexer::TokenKind;
use super::super::parser::{Parsed, Parser};
use super::super::relation::Relation;
use super::super::run::{ResultTable, Run};

/// Most partitions of the legacy strategy, which is the default.
const LEGACY_PARTITIONS: usize = 64;

/// `partition by`
#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    by: String,
    legacy: bool,
    query: Pipeline,
    /// The query has a source of its own, and sees the key as a constant.
    own_source: bool,
    at: usize,
}

/// One query of `fork`.
#[derive(Clone, Debug, PartialEq)]
pub struct Prong {
    name: Option<String>,
    query: Pipeline,
}

/// `facet by`
#[derive(Clone, Debug, PartialEq)]
pub struct Facet {
    columns: Vec<(String, usize)>,
    with: Option<Pipeline>,
}

impl Parser<'_> {
    pub(in super::super) fn partition(&mut self) -> Parsed<Partition> {
        let settings = self.settings(&[])?;
        let strategy = settings.get("hint.strategy").map(|value| &value.kind);
        let legacy = match strategy {
            Some(ExprKind::Name(strategy)) => strategy == "legacy",
            _ => true,
        };
        self.expect_word("by")?;
        let at = self.at();
        let by = self.name("a column name")?;
        let own_source = self.eat("{");
        let query = match own_source {
            true => {
                let query = self.pipeline()?;
                self.expect("}")?;
                query
            }
            false => self.subquery()?,
        };
        Ok(Partition {
            by,
            legacy,
            query,
            own_source,
            at,
        })
    }

    pub(in super::super) fn fork(&mut self) -> Parsed<Vec<Prong>> {
        let mut prongs = Vec::new();
        while matches!(
            self.peek(),
            TokenKind::Word(_) | TokenKind::Symbol("(" | "[")
        ) {
            let name = match *self.peek() == TokenKind::Symbol("(") {
                true => None,
                false => {
                    let name = self.name("a name")?;
                    self.expect("=")?;
                    Some(name)
                }
            };
            let query = self.subquery()?;
            prongs.push(Prong { name, query });
        }
        match prongs.is_empty() {
            true => Err(self.expected("'('")),
            false => Ok(prongs),
        }
    }

    pub(in super::super) fn facet(&mut self) -> Parsed<Facet> {
        self.expect_word("by")?;
        let columns = self.list(|parser| {
            let at = parser.at();
            Ok((parser.name("a column name")?, at))
        })?;
        let with = match self.eat_word("with") {
            true => Some(self.subquery()?),
            false => None,
        };
        Ok(Facet { columns, with })
    }
}

impl Run<'_> {
    pub(in super::super) fn partition(
        &self,
        input: &Relation,
        partition: &Partition,
    ) -> Parsed<Relation> {
        let scope = self.scope(&input.columns, "partition");
        let by = scope.column(&partition.by, partition.at)?;
        if input.columns[by].ty == ColumnType::Dynamic {
            return Err(scope.error("SEM0085", partition.at, "the key must not be dynamic"));
        }
        let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut parts: Vec<(Value, Vec<Vec<Value>>)> = Vec::new();
        for row in input.rows.iter() {
            let mut key = Vec::new();
            push_key(&row[by], &mut key);
            let at = *places.entry(key).or_insert_with(|| {
                parts.push((row[by].clone(), Vec::new()));
                parts.len() - 1
            });
            parts[at].1.push(row.to_vec());
        }
        if partition.legacy && parts.len() > LEGACY_PARTITIONS {
            let message = format!(
                "there are more than {LEGACY_PARTITIONS} partitions; hint.strategy=native has no such limit"
            );
            return Err(scope.error("SEM0045", partition.at, message));
        }
        let ty = input.columns[by].ty;
        let part = |key: Value, rows| match partition.own_source {
            true => {
                let mut frame = Frame::inside(self.frame, usize::MAX);
                frame.bind(&partition.by, Binding::Scalar(Bound::constant(key, ty)));
                let run = Run {
                    frame: &frame,
                    ..*self
                };
                run.pipeline(&partition.query)
            }
            false => {
                let rows = Relation::new(input.columns.clone(), rows);
                self.steps(rows, &partition.query.operators)
            }
        };
        // Without parts there are no rows, but columns.
        if parts.is_empty() {
            let columns = part(Value::absent(ty), Vec::new())?.columns;
            return Ok(Relation::new(columns, Vec::new()));
        }
        let mut results = Vec::new();
        for (key, rows) in parts {
            results.push((String::new(), part(key, rows)?));
        }
        self.united(None, false, &results)
    }

    /// The result of each prong.
    pub(in super::super) fn fork(
        &self,
        input: Relation,
        prongs: &[Prong],
    ) -> Parsed<Vec<ResultTable>> {
        let input = input.shared();
        let run = |prong: &Prong| {
            Ok(ResultTable {
                name: prong.name.clone(),
                relation: self.steps(input.clone(), &prong.query.operators)?,
                render: None,
            })
        };
        prongs.iter().map(run).collect()
    }

    /// The counts of each column's values, then the rows themselves if they are asked for.
    pub(in super::super) fn facet(
        &self,
        input: Relation,
        facet: &Facet,
    ) -> Parsed<Vec<ResultTable>> {
        let input = input.shared();
        let mut tables = Vec::new();
        if let Some(query) = &facet.with {
            tables.push(ResultTable {
                relation: self.steps(input.clone(), &query.operators)?,
                ..ResultTable::default()
            });
        }
        for (name, at) in &facet.columns {
            let counted = Operator::Summarize {
                aggregates: vec![Named {
                    name: Some(format!("count_{name}")),
                    expr: Expr {
                        kind: ExprKind::Call("count".to_owned(), Vec::new()),
                        at: *at,
                    },
                }],
                by: vec![Named {
                    name: None,
                    expr: Expr::name(name, *at),
                }],
            };
            tables.push(ResultTable {
                relation: self.step(input.clone(), &counted)?,
                ..ResultTable::default()
            });
        }
        Ok(tables)
    }
}
