//! A query as it was written, names not yet resolved.

use std::ops::Range;
use std::sync::Arc;

use super::super::schema::Column;
use super::super::value::{ColumnType, Value};
use super::operators::{
    evaluate::Plugin, expand::Expansion, find::Find, join::Join, keys::ParseKeys, nested,
    parse::Parse, partition, render::Render, reorder::Reordering, scan, search, series::Series,
    union::Union,
};
use super::patterns::{Invocation, Mapping};
use super::restriction::{Alias, Entity};
use super::user_functions::Function;

/// An expression and the byte offset of its start.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it starts in the text.
    pub at: usize,
}

/// Kinds of expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A constant.
    Literal(Value, ColumnType),
    /// A column or `let` variable.
    Name(String),
    /// `a.b`
    Member(Box<Expr>, String),
    /// `a[0]`, `a['b']`
    Index(Box<Expr>, Box<Expr>),
    /// `-a`
    Negate(Box<Expr>),
    /// `+a`
    Plus(Box<Expr>),
    /// Logic, comparison, arithmetic.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `a has b` and its kin.
    Text(TextOp, Box<Expr>, Box<Expr>),
    /// `a in (b, c)`
    In {
        /// The value looked for.
        value: Box<Expr>,
        /// Where it is looked for.
        list: Vec<Expr>,
        /// `!in`
        negated: bool,
        /// `in~`
        ignore_case: bool,
    },
    /// `a has_any (b, c)`, `a has_all (b, c)`
    HasTerms {
        /// The text.
        value: Box<Expr>,
        /// The terms, or arrays of them.
        list: Vec<Expr>,
        /// `has_all`
        all: bool,
    },
    /// `a between (b .. c)`
    Between {
        /// The value.
        value: Box<Expr>,
        /// First value inside.
        low: Box<Expr>,
        /// Last value inside.
        high: Box<Expr>,
        /// `!between`
        negated: bool,
    },
    /// `f(a, b)`
    Call(String, Vec<Expr>),
    /// `*` as an argument.
    Star,
    /// A query where an argument stands.
    Query(Box<Pipeline>),
    /// `name = value` as an argument.
    Assigned(String, Box<Expr>),
    /// The names after the first in `(a, b) = value`, of an aggregation of several columns.
    Names(Vec<String>, Box<Expr>),
}

impl Expr {
    /// A bare name.
    pub fn name(name: &str, at: usize) -> Self {
        let kind = ExprKind::Name(name.to_owned());
        Self { kind, at }
    }

    /// The expression in which `change` replaces parts; it is asked from the outside to the inside.
    ///
    /// # Errors
    /// The first one of `change`.
    pub fn rewritten<E>(
        &self,
        change: &mut impl FnMut(&Self) -> Result<Option<Self>, E>,
    ) -> Result<Self, E> {
        if let Some(changed) = change(self)? {
            return Ok(changed);
        }
        let mut copy = self.clone();
        for part in copy.parts_mut() {
            *part = part.rewritten(change)?;
        }
        Ok(copy)
    }

    /// The expressions that it is made of.
    pub fn parts(&self) -> impl Iterator<Item = &Self> {
        let (some, list): (Vec<&Self>, &[Self]) = match &self.kind {
            ExprKind::Member(base, _) => (vec![base], &[]),
            ExprKind::Negate(operand)
            | ExprKind::Plus(operand)
            | ExprKind::Assigned(_, operand)
            | ExprKind::Names(_, operand) => (vec![operand], &[]),
            ExprKind::Index(left, right)
            | ExprKind::Binary(_, left, right)
            | ExprKind::Text(_, left, right) => (vec![left, right], &[]),
            ExprKind::In { value, list, .. } | ExprKind::HasTerms { value, list, .. } => {
                (vec![value], list)
            }
            ExprKind::Between {
                value, low, high, ..
            } => (vec![value, low, high], &[]),
            ExprKind::Call(_, arguments) => (Vec::new(), arguments),
            ExprKind::Literal(..) | ExprKind::Name(_) | ExprKind::Star | ExprKind::Query(_) => {
                (Vec::new(), &[])
            }
        };
        some.into_iter().chain(list)
    }

    fn parts_mut(&mut self) -> Vec<&mut Self> {
        match &mut self.kind {
            ExprKind::Member(base, _) => vec![base],
            ExprKind::Negate(operand)
            | ExprKind::Plus(operand)
            | ExprKind::Assigned(_, operand)
            | ExprKind::Names(_, operand) => vec![operand],
            ExprKind::Index(left, right)
            | ExprKind::Binary(_, left, right)
            | ExprKind::Text(_, left, right) => vec![left, right],
            ExprKind::In { value, list, .. } | ExprKind::HasTerms { value, list, .. } => {
                std::iter::once(value.as_mut()).chain(list).collect()
            }
            ExprKind::Between {
                value, low, high, ..
            } => vec![value, low, high],
            ExprKind::Call(_, arguments) => arguments.iter_mut().collect(),
            _ => Vec::new(),
        }
    }
}

/// Operators between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum BinaryOp {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    /// `column: "term"`, in `search` only.
    Term,
}

impl BinaryOp {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Term => ":",
        }
    }
}

/// An operator on text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextOp {
    /// What is asked.
    pub test: TextTest,
    /// Whether the answer is turned round.
    pub negated: bool,
    /// Whether letters' case counts.
    pub cased: bool,
}

/// What a [`TextOp`] asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum TextTest {
    Equals,
    Has,
    HasPrefix,
    HasSuffix,
    Contains,
    StartsWith,
    EndsWith,
    Matches,
}

/// An expression with the name it is given, if any.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// `name =`
    pub name: Option<String>,
    /// The expression.
    pub expr: Expr,
}

/// A column pattern of `project-away` and `project-keep`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// A name, with `*` standing for anything when `wild`.
    pub text: String,
    /// Whether `*` is a wildcard.
    pub wild: bool,
    /// Where it starts.
    pub at: usize,
}

/// A key of `sort` or `top`.
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    /// What is compared.
    pub expr: Expr,
    /// `asc`
    pub ascending: bool,
    /// `nulls first`; without it nulls are first when ascending.
    pub nulls_first: bool,
}

/// `as`
#[derive(Clone, Debug, PartialEq)]
pub struct As {
    /// The name that the rows get.
    pub name: String,
    /// `hint.materialized=true`: it always stands for these rows.
    pub materialized: bool,
    /// What it stands for, if that is to be computed at each use.
    pub again: Option<Arc<Function>>,
}

/// One step of a pipeline.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Operator {
    /// The name of its column, if one is given.
    Count(Option<String>),
    Take(Expr),
    Where(Expr),
    Project(Vec<Named>),
    ProjectAway(Vec<Pattern>),
    ProjectKeep(Vec<Pattern>),
    /// New name, old name, where it stands.
    ProjectRename(Vec<(String, String, usize)>),
    Extend(Vec<Named>),
    Summarize {
        aggregates: Vec<Named>,
        by: Vec<Named>,
    },
    Sort(Vec<SortKey>),
    Top(Expr, SortKey),
    /// None: all columns.
    Distinct(Option<Vec<Named>>),
    GetSchema,
    /// The columns, and where they stand.
    AssertSchema(Vec<Column>, usize),
    As(As),
    Consume,
    Evaluate(Plugin),
    Expand(Expansion),
    Facet(partition::Facet),
    Find(Find),
    Fork(Vec<partition::Prong>),
    Invoke(String, Vec<Expr>, usize),
    Join(Join),
    MakeSeries(Series),
    Parse(Parse),
    ParseKeys(ParseKeys),
    Partition(partition::Partition),
    ProjectByNames(Vec<Expr>),
    ProjectReorder(Vec<Reordering>),
    Render(Render),
    Sample(Expr),
    SampleDistinct(Expr, Expr),
    Scan(scan::Scan),
    Search(search::Search),
    Serialize(Vec<Named>),
    TopHitters(nested::Hitters),
    TopNested(Vec<nested::Level>),
    Union(Union),
}

/// Where a pipeline's rows come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// Only inside an operator: the rows it gives to its subquery.
    Given,
    /// A table, a tabular `let`, or a tabular function without parameters.
    Table(String, usize),
    /// `database("d").T`
    Foreign {
        /// The database; that of the query when it is not named.
        database: Option<String>,
        /// The table.
        table: String,
        /// Where it stands.
        at: usize,
    },
    /// A tabular function with its arguments; `table("T")`, `materialize(...)`.
    Call(String, Vec<Expr>, usize),
    /// `app("x").y`
    Pattern(Box<Invocation>),
    /// A query in parentheses.
    Query(Box<Pipeline>),
    /// `print`
    Print(Vec<Named>),
    /// `datatable(...) [...]`
    DataTable(Vec<Column>, Vec<Expr>, usize),
    /// `range x from a to b step c`
    Range(String, Box<[Expr; 3]>),
    /// An operator that may begin a query: `union`, `search`, `find`.
    Operator(Box<Operator>),
}

/// A source and the steps after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// The source.
    pub source: Source,
    /// The steps in order.
    pub operators: Vec<Operator>,
}

/// What a `let` names.
#[derive(Clone, Debug, PartialEq)]
pub enum LetValue {
    /// A scalar or tabular expression; a bare name may mean either.
    Value(Expr),
    /// A function.
    Function(Arc<Function>),
}

/// A statement that has an effect on those after it, or a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// `let name = value`, and where it stands from the name on.
    Let(String, LetValue, Range<usize>),
    /// `alias database D = ...`
    Alias(Alias),
    /// `restrict access to (...)`
    Restrict(Vec<Entity>),
    /// `declare pattern NAME = ...`, and where the name stands.
    Pattern(String, Arc<Mapping>, usize),
    /// A query.
    Query(Pipeline),
}

/// A parameter of `declare query_parameters`.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name and type.
    pub column: Column,
    /// Its value when the request gives none.
    pub default: Option<Value>,
    /// Where it stands.
    pub at: usize,
}

/// A whole query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Declared parameters.
    pub parameters: Vec<Parameter>,
    /// `set` statements: option and value (true when none is given).
    pub options: Vec<(String, Value)>,
    /// `let` statements and queries in order, at least one query.
    pub statements: Vec<Statement>,
}
