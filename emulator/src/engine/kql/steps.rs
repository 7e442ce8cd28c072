//! The grammar of the steps of a pipeline.

use super::super::value::Value;
use super::ast::{As, Expr, ExprKind, Named, Operator, Pattern, SortKey};
use super::lexer::TokenKind;
use super::parser::{Parsed, Parser};

impl Parser<'_> {
    /// Takes `| step | step ...`, none too.
    ///
    /// # Errors
    /// A syntax error at the first token that does not fit.
    pub fn steps(&mut self) -> Parsed<Vec<Operator>> {
        let mut steps = Vec::new();
        while self.eat("|") {
            steps.push(self.step()?);
        }
        Ok(steps)
    }

    pub(super) fn step(&mut self) -> Parsed<Operator> {
        let start = self.clone();
        let Some(name) = self.hyphenated() else {
            return Err(self.expected("a query operator"));
        };
        Ok(match name.as_str() {
            "count" => Operator::Count(self.counted()?),
            "take" | "limit" => Operator::Take(self.expression()?),
            "where" | "filter" => Operator::Where(self.expression()?),
            "project" => Operator::Project(self.list(Self::named)?),
            "project-away" => Operator::ProjectAway(self.list(Self::pattern)?),
            "project-keep" => Operator::ProjectKeep(self.list(Self::pattern)?),
            "project-rename" => Operator::ProjectRename(self.list(Self::renaming)?),
            "extend" => Operator::Extend(self.list(Self::named)?),
            "summarize" => self.summarize()?,
            "sort" | "order" => {
                self.expect_word("by")?;
                Operator::Sort(self.list(Self::sort_key)?)
            }
            "top" => {
                let count = self.expression()?;
                self.expect_word("by")?;
                Operator::Top(count, self.sort_key()?)
            }
            "distinct" => self.distinct()?,
            "getschema" => Operator::GetSchema,
            "as" => self.named_rows()?,
            "assert-schema" => {
                let at = self.at();
                Operator::AssertSchema(self.columns()?, at)
            }
            "consume" => {
                self.settings(&["decodeblocks"])?;
                Operator::Consume
            }
            "evaluate" => Operator::Evaluate(self.evaluate_step()?),
            "facet" => Operator::Facet(self.facet()?),
            "fork" => Operator::Fork(self.fork()?),
            "invoke" => self.invoked()?,
            "join" => Operator::Join(self.join(false)?),
            "lookup" => Operator::Join(self.join(true)?),
            "make-series" => Operator::MakeSeries(self.make_series()?),
            "mv-apply" => Operator::Expand(self.expansion(false, true)?),
            "mv-expand" => Operator::Expand(self.expansion(false, false)?),
            "mvexpand" => Operator::Expand(self.expansion(true, false)?),
            "parse" => Operator::Parse(self.parse_step(false)?),
            "parse-kv" => Operator::ParseKeys(self.parse_keys()?),
            "parse-where" => Operator::Parse(self.parse_step(true)?),
            "partition" => Operator::Partition(self.partition()?),
            "project-by-names" => Operator::ProjectByNames(self.list(Self::expression)?),
            "project-reorder" => Operator::ProjectReorder(self.list(Self::reordering)?),
            "render" => Operator::Render(self.render()?),
            "sample" => Operator::Sample(self.expression()?),
            "sample-distinct" => {
                let count = self.expression()?;
                self.expect_word("of")?;
                let at = self.at();
                let of = Expr::name(&self.name("a column name")?, at);
                Operator::SampleDistinct(count, of)
            }
            "scan" => Operator::Scan(self.scan()?),
            "search" => Operator::Search(self.search()?),
            "serialize" => Operator::Serialize(self.serialized()?),
            "top-hitters" => Operator::TopHitters(self.top_hitters()?),
            "top-nested" => Operator::TopNested(self.top_nested()?),
            "union" => Operator::Union(self.union()?),
            _ => return Err(start.error(format!("the query operator '{name}' is not supported"))),
        })
    }

    /// `as [hint.materialized=true] name`. What it may stand for is known at the pipeline's end.
    fn named_rows(&mut self) -> Parsed<Operator> {
        let hints = self.settings(&[])?;
        let hint = hints.get("hint.materialized").map(|hint| &hint.kind);
        let materialized = matches!(hint, Some(ExprKind::Literal(Value::Bool(true), _)));
        Ok(Operator::As(As {
            name: self.name("a name")?,
            materialized,
            again: None,
        }))
    }

    fn invoked(&mut self) -> Parsed<Operator> {
        let at = self.at();
        let expr = self.primary()?;
        match expr.kind {
            ExprKind::Call(name, arguments) => Ok(Operator::Invoke(name, arguments, at)),
            ExprKind::Name(name) => Ok(Operator::Invoke(name, Vec::new(), at)),
            _ => Err(self.expected("a function")),
        }
    }

    fn counted(&mut self) -> Parsed<Option<String>> {
        match self.eat_word("as") {
            true => self.name("a column name").map(Some),
            false => Ok(None),
        }
    }

    fn serialized(&mut self) -> Parsed<Vec<Named>> {
        let ends = matches!(
            self.peek(),
            TokenKind::End | TokenKind::Symbol("|" | ";" | ")" | "}" | ",")
        );
        match ends {
            true => Ok(Vec::new()),
            false => self.list(Self::named),
        }
    }

    fn summarize(&mut self) -> Parsed<Operator> {
        self.settings(&[])?;
        let aggregates = if self.is_word("by") {
            Vec::new()
        } else {
            self.list(Self::named)?
        };
        let by = if self.eat_word("by") {
            self.list(Self::named)?
        } else {
            Vec::new()
        };
        Ok(Operator::Summarize { aggregates, by })
    }

    fn distinct(&mut self) -> Parsed<Operator> {
        let start = self.clone();
        let columns = self.list(Self::named)?;
        let star = |expr: &Expr| expr.kind == ExprKind::Star;
        match columns.as_slice() {
            [only] if star(&only.expr) => Ok(Operator::Distinct(None)),
            some if some.iter().any(|column| star(&column.expr)) => {
                Err(start.error("'*' stands alone in the distinct operator"))
            }
            _ => Ok(Operator::Distinct(Some(columns))),
        }
    }

    fn sort_key(&mut self) -> Parsed<SortKey> {
        let expr = self.expression()?;
        let ascending = self.eat_word("asc");
        if !ascending {
            self.eat_word("desc");
        }
        let nulls_first = match self.eat_word("nulls") {
            true if self.eat_word("first") => true,
            true => {
                self.expect_word("last")?;
                false
            }
            false => ascending,
        };
        Ok(SortKey {
            expr,
            ascending,
            nulls_first,
        })
    }

    fn renaming(&mut self) -> Parsed<(String, String, usize)> {
        let new = self.name("a new column name")?;
        self.expect("=")?;
        let at = self.at();
        Ok((new, self.name("a column name")?, at))
    }

    /// A column's name, in which `*` stands for anything unless it is quoted.
    pub(super) fn pattern(&mut self) -> Parsed<Pattern> {
        let at = self.at();
        if *self.peek() == TokenKind::Symbol("[") {
            return Ok(Pattern {
                text: self.name("a column name")?,
                wild: false,
                at,
            });
        }
        let end = self
            .rest()
            .find(|c: char| !(c.is_alphanumeric() || "_$*".contains(c)))
            .unwrap_or(self.rest().len());
        let text = self.rest()[..end].to_owned();
        if text.is_empty() {
            return Err(self.expected("a column name"));
        }
        self.skip_to(at + end);
        Ok(Pattern {
            wild: text.contains('*'),
            text,
            at,
        })
    }
}
