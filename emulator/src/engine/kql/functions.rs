//! Scalar functions.

use std::borrow::Cow;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::super::datetime::MAX_TICKS;
use super::super::timespan::TICKS_PER_DAY;
use super::super::value::{ColumnType, Value};
use super::arithmetic::{self, wider};
use super::ast::{BinaryOp, Expr, ExprKind};
use super::bound::{Bound, Node, is_empty_text};
use super::cast::{as_long, as_real};
use super::parser::Parsed;
use super::scope::{Scope, convert, not};

/// How many arguments each function takes.
const FUNCTIONS: [(&str, usize, usize); 27] = [
    ("abs", 1, 1),
    ("ago", 1, 1),
    ("array_length", 1, 1),
    ("bin", 2, 2),
    ("case", 3, usize::MAX),
    ("ceiling", 1, 1),
    ("coalesce", 2, 64),
    ("endofday", 1, 1),
    ("floor", 2, 2),
    ("gettype", 1, 1),
    ("iff", 3, 3),
    ("iif", 3, 3),
    ("isempty", 1, 1),
    ("isnotempty", 1, 1),
    ("isnotnull", 1, 1),
    ("isnull", 1, 1),
    ("not", 1, 1),
    ("notempty", 1, 1),
    ("notnull", 1, 1),
    ("now", 0, 1),
    ("round", 1, 2),
    ("startofday", 1, 1),
    ("strcat", 1, 64),
    ("strlen", 1, 1),
    ("substring", 2, 3),
    ("tolower", 1, 1),
    ("toupper", 1, 1),
];

/// The type a conversion function gives, if it is one.
pub(super) fn conversion(name: &str) -> Option<ColumnType> {
    Some(match name {
        "tobool" | "toboolean" => ColumnType::Bool,
        "todatetime" => ColumnType::DateTime,
        "todecimal" => ColumnType::Decimal,
        "todynamic" | "parse_json" | "parsejson" | "toobject" => ColumnType::Dynamic,
        "toguid" => ColumnType::Guid,
        "toint" => ColumnType::Int,
        "tolong" => ColumnType::Long,
        "toreal" | "todouble" => ColumnType::Real,
        "tostring" => ColumnType::String,
        "totimespan" | "totime" => ColumnType::TimeSpan,
        _ => return None,
    })
}

/// The name a column gets that is nothing but this expression, if the expression lends one.
pub(super) fn result_name(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Name(name) => Some(name.clone()),
        ExprKind::Member(base, member) => Some(format!("{}_{member}", result_name(base)?)),
        ExprKind::Index(base, key) => match &key.kind {
            ExprKind::Literal(key, _) => Some(format!("{}_{}", result_name(base)?, key.to_text())),
            _ => None,
        },
        ExprKind::Call(name, arguments) => match (name.as_str(), arguments.first()) {
            ("bin" | "floor" | "startofday" | "endofday", Some(first)) => result_name(first),
            ("strlen", Some(first)) => Some(format!("strlen_{}", result_name(first)?)),
            (other, Some(first)) if conversion(other).is_some() => result_name(first),
            _ => None,
        },
        _ => None,
    }
}

/// Resolves a call.
///
/// # Errors
/// When the function is unknown, or its arguments do not fit.
pub(super) fn bind(scope: &Scope<'_>, name: &str, arguments: &[Expr], at: usize) -> Parsed<Bound> {
    let arity = match conversion(name) {
        Some(_) => Some((1, 1)),
        None => FUNCTIONS
            .iter()
            .find(|(known, ..)| *known == name)
            .map(|(_, least, most)| (*least, *most)),
    };
    let Some((least, most)) = arity else {
        return Err(scope.error("SEM0260", at, format!("Unknown function: '{name}'.")));
    };
    if arguments.len() < least || arguments.len() > most {
        return Err(scope.error(
            "SEM0219",
            at,
            format!(
                "{name}(): the number of arguments is wrong: {}",
                arguments.len()
            ),
        ));
    }
    let bound: Vec<Bound> = arguments
        .iter()
        .map(|argument| scope.bind(argument))
        .collect::<Parsed<Vec<_>>>()?;
    let call = Call { scope, name, at };
    match conversion(name) {
        Some(ty) => call.conversion(bound, ty),
        None => call.bind(bound),
    }
}

struct Call<'c> {
    scope: &'c Scope<'c>,
    name: &'c str,
    at: usize,
}

impl Call<'_> {
    fn bind(&self, mut arguments: Vec<Bound>) -> Parsed<Bound> {
        match self.name {
            "now" | "ago" => self.now(arguments.pop()),
            "case" | "iff" | "iif" => self.case(arguments),
            "coalesce" => self.coalesce(arguments),
            "strcat" => Ok(text_function(ColumnType::String, arguments, |texts| {
                Value::String(texts.concat())
            })),
            "substring" => self.substring(arguments),
            "bin" | "floor" => self.bin(arguments),
            "round" => self.round(arguments),
            _ => match arguments.pop() {
                Some(only) => self.unary(only),
                None => Err(self.mismatch("nothing")),
            },
        }
    }

    fn conversion(&self, mut arguments: Vec<Bound>, ty: ColumnType) -> Parsed<Bound> {
        let Some(only) = arguments.pop() else {
            return Err(self.mismatch("nothing"));
        };
        let is_time = matches!(ty, ColumnType::DateTime | ColumnType::TimeSpan);
        // What a bare number would mean is nowhere written down.
        if is_time && (only.ty.is_numeric() || only.ty == ColumnType::Bool) {
            return Err(self.mismatch(only.ty.kusto_name()));
        }
        Ok(convert(only, ty))
    }

    fn mismatch(&self, found: &str) -> super::super::error::KustoError {
        self.scope.error(
            "SEM0005",
            self.at,
            format!("{}() does not take an argument of type {found}", self.name),
        )
    }

    fn unary(&self, only: Bound) -> Parsed<Bound> {
        let ty = only.ty;
        let of_text = |bound, function: fn(&[String]) -> Value, ty| {
            Ok(text_function(ty, vec![bound], function))
        };
        match self.name {
            "strlen" if matches!(ty, ColumnType::String | ColumnType::Dynamic) => {
                of_text(only, |t| length(t[0].chars().count()), ColumnType::Long)
            }
            "tolower" => of_text(
                only,
                |t| Value::String(t[0].to_lowercase()),
                ColumnType::String,
            ),
            "toupper" => of_text(
                only,
                |t| Value::String(t[0].to_uppercase()),
                ColumnType::String,
            ),
            "isnull" => Ok(test(only, |v| v.is_null())),
            "isnotnull" | "notnull" => Ok(test(only, |v| !v.is_null())),
            "isempty" => Ok(test(only, |v| v.is_null() || is_empty_text(v))),
            "isnotempty" | "notempty" => Ok(test(only, |v| !v.is_null() && !is_empty_text(v))),
            "not" if ty == ColumnType::Bool => Ok(not(only)),
            "gettype" => Ok(Bound::constant(
                Value::String(ty.kusto_name().to_owned()),
                ColumnType::String,
            )),
            "array_length" if ty == ColumnType::Dynamic => {
                Ok(map(only, ColumnType::Long, |v| match v {
                    Value::Dynamic(Json::Array(array)) => length(array.len()),
                    _ => Value::Null,
                }))
            }
            "abs" if ty.is_numeric() || ty == ColumnType::TimeSpan => Ok(map(only, ty, absolute)),
            "ceiling" if ty.is_numeric() => Ok(map(only, ty, ceiling)),
            "startofday" if ty == ColumnType::DateTime => Ok(map(only, ty, |v| day_end(v, 0))),
            "endofday" if ty == ColumnType::DateTime => {
                Ok(map(only, ty, |v| day_end(v, TICKS_PER_DAY - 1)))
            }
            _ => Err(self.mismatch(ty.kusto_name())),
        }
    }

    fn now(&self, offset: Option<Bound>) -> Parsed<Bound> {
        let now = Bound::constant(Value::DateTime(self.scope.now), ColumnType::DateTime);
        let op = if self.name == "ago" {
            BinaryOp::Subtract
        } else {
            BinaryOp::Add
        };
        match offset {
            None => Ok(now),
            Some(offset) if offset.ty == ColumnType::TimeSpan => {
                arithmetic::bind(self.scope, op, now, offset, self.at)
            }
            Some(offset) => Err(self.mismatch(offset.ty.kusto_name())),
        }
    }

    /// One type for all results: theirs, or the widest number.
    fn unify(&self, results: &[Bound]) -> Parsed<ColumnType> {
        let mut common: Option<ColumnType> = None;
        for result in results {
            common = Some(match common {
                None => result.ty,
                Some(ty) if ty == result.ty => ty,
                Some(ty) if ty.is_numeric() && result.ty.is_numeric() => wider(ty, result.ty),
                Some(ty) => {
                    let (one, other) = (ty.kusto_name(), result.ty.kusto_name());
                    let message = format!(
                        "{}(): the results are of types {one} and {other}",
                        self.name
                    );
                    return Err(self.scope.error("SEM0064", self.at, message));
                }
            });
        }
        common.ok_or_else(|| self.mismatch("nothing"))
    }

    fn case(&self, arguments: Vec<Bound>) -> Parsed<Bound> {
        if arguments.len().is_multiple_of(2) {
            return Err(self.scope.error(
                "SEM0219",
                self.at,
                "case() lacks its last, the else value",
            ));
        }
        let (mut conditions, mut results) = (Vec::new(), Vec::new());
        let last = arguments.len() - 1;
        for (position, argument) in arguments.into_iter().enumerate() {
            if position % 2 == 0 && position < last {
                if argument.ty != ColumnType::Bool {
                    return Err(self.mismatch(argument.ty.kusto_name()));
                }
                conditions.push(argument.node);
            } else {
                results.push(argument);
            }
        }
        let ty = self.unify(&results)?;
        let mut nodes: Vec<Node> = results
            .into_iter()
            .map(|result| convert(result, ty).node)
            .collect();
        let otherwise = nodes.pop().unwrap_or(Node::Constant(Value::absent(ty)));
        let arms = conditions.into_iter().zip(nodes).collect();
        Ok(Bound {
            node: Node::Case(arms, Box::new(otherwise)),
            ty,
        })
    }

    fn coalesce(&self, arguments: Vec<Bound>) -> Parsed<Bound> {
        let ty = self.unify(&arguments)?;
        let nodes = arguments
            .into_iter()
            .map(|argument| convert(argument, ty).node)
            .collect();
        Ok(Bound {
            node: Node::Coalesce(nodes),
            ty,
        })
    }

    fn substring(&self, arguments: Vec<Bound>) -> Parsed<Bound> {
        for number in &arguments[1..] {
            if !matches!(number.ty, ColumnType::Int | ColumnType::Long) {
                return Err(self.mismatch(number.ty.kusto_name()));
            }
        }
        let cut = |v: &[Cow<'_, Value>]| {
            let text = v[0].to_text();
            let start = v.get(1).and_then(|start| as_long(start)).unwrap_or(0);
            let count = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
            // A negative start counts from the end.
            let start = if start < 0 {
                (count + start).max(0)
            } else {
                start
            };
            let wanted = v
                .get(2)
                .and_then(|wanted| as_long(wanted))
                .unwrap_or(i64::MAX)
                .max(0);
            let (start, wanted) = (
                usize::try_from(start).unwrap_or(0),
                usize::try_from(wanted).unwrap_or(0),
            );
            Value::String(text.chars().skip(start).take(wanted).collect())
        };
        Ok(Bound::apply(ColumnType::String, arguments, Arc::new(cut)))
    }

    fn bin(&self, mut arguments: Vec<Bound>) -> Parsed<Bound> {
        let (Some(size), Some(value)) = (arguments.pop(), arguments.pop()) else {
            return Err(self.mismatch("nothing"));
        };
        let ty = match (value.ty, size.ty) {
            (ColumnType::DateTime | ColumnType::TimeSpan, ColumnType::TimeSpan) => value.ty,
            (value, size) if value.is_numeric() && size.is_numeric() => wider(value, size),
            (value, _) => return Err(self.mismatch(value.kusto_name())),
        };
        let numeric = ty.is_numeric();
        let arguments = if numeric {
            vec![convert(value, ty), convert(size, ty)]
        } else {
            vec![value, size]
        };
        Ok(Bound::apply(
            ty,
            arguments,
            Arc::new(|v| round_down(&v[0], &v[1])),
        ))
    }

    fn round(&self, arguments: Vec<Bound>) -> Parsed<Bound> {
        let Some(ty) = arguments
            .first()
            .map(|first| first.ty)
            .filter(|ty| ty.is_numeric())
        else {
            return Err(self.mismatch(
                arguments
                    .first()
                    .map_or("nothing", |first| first.ty.kusto_name()),
            ));
        };
        let rounded = |v: &[Cow<'_, Value>]| {
            let digits = v
                .get(1)
                .and_then(|digits| as_long(digits))
                .unwrap_or(0)
                .clamp(-18, 18);
            match v[0].as_ref() {
                Value::Real(number) => {
                    let factor = 10_f64.powi(i32::try_from(digits).unwrap_or(0));
                    Value::Real((number * factor).round() / factor)
                }
                Value::Decimal(number) => {
                    Value::Decimal(number.round_dp(u32::try_from(digits).unwrap_or(0)))
                }
                other => other.clone(),
            }
        };
        Ok(Bound::apply(ty, arguments, Arc::new(rounded)))
    }
}

fn map(bound: Bound, ty: ColumnType, function: fn(&Value) -> Value) -> Bound {
    Bound::apply(ty, vec![bound], Arc::new(move |v| function(&v[0])))
}

fn test(bound: Bound, answer: fn(&Value) -> bool) -> Bound {
    Bound::apply(
        ColumnType::Bool,
        vec![bound],
        Arc::new(move |v| Value::Bool(answer(&v[0]))),
    )
}

fn text_function(ty: ColumnType, arguments: Vec<Bound>, function: fn(&[String]) -> Value) -> Bound {
    let on_texts = move |v: &[Cow<'_, Value>]| {
        let texts: Vec<String> = v.iter().map(|value| value.to_text()).collect();
        function(&texts)
    };
    Bound::apply(ty, arguments, Arc::new(on_texts))
}

fn length(count: usize) -> Value {
    i64::try_from(count).map_or(Value::Null, Value::Long)
}

fn absolute(value: &Value) -> Value {
    match value {
        Value::Int(n) => n.checked_abs().map_or(Value::Null, Value::Int),
        Value::Long(n) => n.checked_abs().map_or(Value::Null, Value::Long),
        Value::TimeSpan(n) => n.checked_abs().map_or(Value::Null, Value::TimeSpan),
        Value::Real(n) => Value::Real(n.abs()),
        Value::Decimal(n) => Value::Decimal(n.abs()),
        _ => Value::Null,
    }
}

fn ceiling(value: &Value) -> Value {
    match value {
        Value::Real(n) => Value::Real(n.ceil()),
        Value::Decimal(n) => Value::Decimal(n.ceil()),
        other => other.clone(),
    }
}

fn day_end(value: &Value, offset: i64) -> Value {
    match value {
        Value::DateTime(ticks) => {
            Value::DateTime((ticks - ticks % TICKS_PER_DAY + offset).min(MAX_TICKS))
        }
        _ => Value::Null,
    }
}

/// The largest multiple of `size` that is not above the value.
fn round_down(value: &Value, size: &Value) -> Value {
    let whole = |n: i64, size: i64| {
        n.checked_rem_euclid(size)
            .and_then(|rest| n.checked_sub(rest))
    };
    match (value, size) {
        (Value::DateTime(n), Value::TimeSpan(size)) => {
            whole(*n, *size).map_or(Value::Null, Value::DateTime)
        }
        (Value::TimeSpan(n), Value::TimeSpan(size)) => {
            whole(*n, *size).map_or(Value::Null, Value::TimeSpan)
        }
        (Value::Int(_) | Value::Long(_), Value::Int(_) | Value::Long(_)) => {
            let result = as_long(value)
                .zip(as_long(size))
                .and_then(|(n, size)| whole(n, size));
            match (value, result) {
                (Value::Int(_), Some(n)) => i32::try_from(n).map_or(Value::Null, Value::Int),
                (_, Some(n)) => Value::Long(n),
                (_, None) => Value::Null,
            }
        }
        (Value::Decimal(n), Value::Decimal(size)) => n
            .checked_div(*size)
            .map(|quotient| quotient.floor())
            .and_then(|quotient: Decimal| quotient.checked_mul(*size))
            .map_or(Value::Null, Value::Decimal),
        _ => match (as_real(value), as_real(size)) {
            (Some(n), Some(size)) if size != 0.0 => Value::Real((n / size).floor() * size),
            _ => Value::Null,
        },
    }
}
