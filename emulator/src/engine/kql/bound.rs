//! An expression whose names and types are resolved, and its evaluation on a row.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value as Json;

use super::super::value::{ColumnType, Value};
use super::super::watch;
use super::budget::{may_be_made, weight};

/// What a function does with its evaluated arguments.
pub type Function = Arc<dyn Fn(&[Cow<'_, Value>]) -> Value + Send + Sync>;

/// A resolved expression.
#[derive(Clone)]
pub struct Bound {
    /// How to compute it.
    pub node: Node,
    /// The type of every value it gives.
    pub ty: ColumnType,
}

/// Ways to compute a value.
#[derive(Clone)]
pub enum Node {
    /// Always this.
    Constant(Value),
    /// The row's value at this position.
    Column(usize),
    /// A function of other values.
    Apply(Function, Vec<Node>),
    /// Three-valued `and`.
    And(Box<[Node; 2]>),
    /// Three-valued `or`.
    Or(Box<[Node; 2]>),
    /// The first arm whose condition is true, else the last.
    Case(Vec<(Node, Node)>, Box<Node>),
    /// The first that is not null (nor the empty string).
    Coalesce(Vec<Node>),
}

impl Node {
    /// The value for this row.
    pub fn eval<'r>(&'r self, row: &'r [Value]) -> Cow<'r, Value> {
        match self {
            Self::Constant(value) => Cow::Borrowed(value),
            Self::Column(at) => row.get(*at).map_or(Cow::Owned(Value::Null), Cow::Borrowed),
            Self::Apply(function, arguments) => {
                let values: Vec<_> = arguments
                    .iter()
                    .map(|argument| argument.eval(row))
                    .collect();
                Cow::Owned(called(function, &values))
            }
            Self::And(sides) => Cow::Owned(logic(sides, row, false)),
            Self::Or(sides) => Cow::Owned(logic(sides, row, true)),
            Self::Case(arms, otherwise) => {
                let arm = arms
                    .iter()
                    .find(|(condition, _)| is_true(&condition.eval(row)));
                arm.map_or(otherwise.as_ref(), |(_, value)| value).eval(row)
            }
            Self::Coalesce(nodes) => {
                let mut last = Cow::Owned(Value::Null);
                for node in nodes {
                    last = node.eval(row);
                    if !matches!(last.as_ref(), Value::Null) && !is_empty_text(&last) {
                        break;
                    }
                }
                last
            }
        }
    }

    /// Whether it is another value each time, as `rand()` and `new_guid()` are: a function of
    /// constants that [`Bound::apply`] has not made a constant itself.
    pub fn is_volatile(&self) -> bool {
        match self {
            Self::Constant(_) | Self::Column(_) => false,
            Self::Apply(_, arguments) => {
                arguments.iter().all(Self::is_constant) || arguments.iter().any(Self::is_volatile)
            }
            Self::And(sides) | Self::Or(sides) => sides.iter().any(Self::is_volatile),
            Self::Case(arms, otherwise) => {
                let mut nodes = arms
                    .iter()
                    .flat_map(|(condition, value)| [condition, value]);
                nodes.any(Self::is_volatile) || otherwise.is_volatile()
            }
            Self::Coalesce(nodes) => nodes.iter().any(Self::is_volatile),
        }
    }

    /// Whether it has at most as many levels, and as many parts as are left, which are counted down.
    pub(super) fn is_within(&self, levels: usize, left: &mut usize) -> bool {
        let (Some(levels), Some(fewer)) = (levels.checked_sub(1), left.checked_sub(1)) else {
            return false;
        };
        *left = fewer;
        let mut inner = |node: &Node| node.is_within(levels, left);
        match self {
            Self::Constant(_) | Self::Column(_) => true,
            Self::Apply(_, nodes) | Self::Coalesce(nodes) => nodes.iter().all(inner),
            Self::And(sides) | Self::Or(sides) => sides.iter().all(inner),
            Self::Case(arms, otherwise) => {
                arms.iter()
                    .all(|(condition, value)| inner(condition) && inner(value))
                    && inner(otherwise)
            }
        }
    }

    /// Whether it needs no row.
    pub fn is_constant(&self) -> bool {
        matches!(self, Self::Constant(_))
    }
}

impl Bound {
    /// A constant of this type.
    pub fn constant(value: Value, ty: ColumnType) -> Self {
        Self {
            node: Node::Constant(value),
            ty,
        }
    }

    /// A function of other expressions; computed at once when they are all constant.
    pub fn apply(ty: ColumnType, arguments: Vec<Bound>, function: Function) -> Self {
        let nodes: Vec<Node> = arguments
            .into_iter()
            .map(|argument| argument.node)
            .collect();
        let foldable = nodes.iter().all(Node::is_constant);
        let node = Node::Apply(function, nodes);
        match foldable {
            true => Self::constant(node.eval(&[]).into_owned(), ty),
            false => Self { node, ty },
        }
    }

    /// The value for this row; null once the request has come to its end.
    pub fn eval<'r>(&'r self, row: &'r [Value]) -> Cow<'r, Value> {
        match watch::goes_on() {
            true => self.node.eval(row),
            false => Cow::Owned(Value::Null),
        }
    }
}

/// What the function gives, unless that is too large. What is put together from many arguments is not even made.
fn called(function: &Function, arguments: &[Cow<'_, Value>]) -> Value {
    let sum = |sum: usize, value: &Cow<'_, Value>| sum.saturating_add(weight(value));
    if arguments.len() > 2 && !may_be_made(arguments.iter().fold(0, sum)) {
        return Value::Null;
    }
    let value = function(arguments);
    match may_be_made(weight(&value)) {
        true => value,
        false => Value::Null,
    }
}

/// `decisive` is the answer that one side alone can give: false for `and`, true for `or`.
fn logic(sides: &[Node; 2], row: &[Value], decisive: bool) -> Value {
    let left = sides[0].eval(row);
    if *left == Value::Bool(decisive) {
        return Value::Bool(decisive);
    }
    let right = sides[1].eval(row);
    if *right == Value::Bool(decisive) {
        return Value::Bool(decisive);
    }
    if left.is_null() || right.is_null() {
        Value::Null
    } else {
        Value::Bool(!decisive)
    }
}

/// Whether a predicate keeps the row: null does not.
pub fn is_true(value: &Value) -> bool {
    *value == Value::Bool(true)
}

/// Whether it is the empty string, which stands for a string's null.
pub fn is_empty_text(value: &Value) -> bool {
    matches!(value, Value::String(text) | Value::Dynamic(Json::String(text)) if text.is_empty())
}

/// The property or element of a dynamic value; null when there is none.
pub fn property(value: &Value, key: &Value) -> Value {
    let Value::Dynamic(json) = value else {
        return Value::Null;
    };
    let found = match (json, key) {
        (Json::Object(object), Value::String(name)) => object.get(name),
        (Json::Array(array), Value::Long(_) | Value::Int(_)) => {
            let index = super::cast::as_long(key).unwrap_or(0);
            // A negative index counts from the end.
            let index = if index < 0 {
                index + i64::try_from(array.len()).unwrap_or(0)
            } else {
                index
            };
            usize::try_from(index)
                .ok()
                .and_then(|index| array.get(index))
        }
        _ => None,
    };
    match found {
        None | Some(Json::Null) => Value::Null,
        Some(json) => Value::Dynamic(json.clone()),
    }
}
