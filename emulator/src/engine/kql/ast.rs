//! A query as it was written, names not yet resolved.

use super::super::schema::Column;
use super::super::value::{ColumnType, Value};

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

/// One step of a pipeline.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Operator {
    Count,
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
}

/// Where a pipeline's rows come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A table, or a tabular `let`.
    Table(String, usize),
    /// `print`
    Print(Vec<Named>),
    /// `datatable(...) [...]`
    DataTable(Vec<Column>, Vec<Expr>, usize),
    /// `range x from a to b step c`
    Range(String, Box<[Expr; 3]>),
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
    /// A scalar expression; a bare name may also mean a table.
    Scalar(Expr),
    /// A tabular expression.
    Tabular(Pipeline),
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
    /// `let` statements in order.
    pub lets: Vec<(String, LetValue)>,
    /// The result.
    pub pipeline: Pipeline,
}
