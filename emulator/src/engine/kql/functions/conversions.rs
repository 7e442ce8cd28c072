//! Functions that convert, and those that ask for a type.

use serde_json::Value as Json;

use super::super::super::value::{ColumnType, Value};
use super::super::bound::Bound;
use super::super::cast::cast;
use super::record::{Function, Kind, Naming, Returns, Values};
use super::values::{dynamic, kind_of, string, text, unknown};

const fn to(name: &'static str, ty: ColumnType, run: fn(&Values<'_>) -> Option<Value>) -> Function {
    Function::new(name, &[Kind::Any], Returns::Type(ty), run).named(Naming::First)
}

/// What a number or bool would mean as a time is nowhere written down.
fn time(
    call: &super::record::Call<'_>,
    mut arguments: Vec<Bound>,
    ty: ColumnType,
) -> super::Parsed<Bound> {
    let Some(only) = arguments.pop() else {
        return Err(call.mismatch("nothing"));
    };
    let of = only.ty;
    if !of.is_numeric() && of != ColumnType::Bool {
        return Ok(super::super::scope::convert(only, ty));
    }
    let name = call.name.to_owned();
    let run = move |v: &Values<'_>| unknown(&name, &v[0], of).unwrap_or(Value::Null);
    Ok(Bound::apply(ty, vec![only], std::sync::Arc::new(run)))
}

const JSON: Function = Function::new(
    "parse_json",
    &[Kind::Source],
    Returns::Type(ColumnType::Dynamic),
    |v| match v[0].as_ref() {
        Value::String(text) => match cast(&Value::String(text.clone()), ColumnType::Dynamic) {
            Value::Dynamic(json) => dynamic(whole_numbers(json)),
            _ => None,
        },
        other => Some(other.clone()),
    },
)
.named(Naming::First);
const TO_BOOL: Function = to("tobool", ColumnType::Bool, |v| {
    Some(cast(&v[0], ColumnType::Bool))
});
const TO_REAL: Function = to("toreal", ColumnType::Real, |v| {
    Some(cast(&v[0], ColumnType::Real))
});
const TO_TIMESPAN: Function = Function::bound("totimespan", &[Kind::Any], |call, arguments| {
    time(call, arguments, ColumnType::TimeSpan)
})
.named(Naming::First);

pub(super) const FUNCTIONS: &[Function] = &[
    JSON,
    JSON.alias("parsejson"),
    JSON.alias("todynamic"),
    JSON.alias("toobject"),
    TO_BOOL,
    TO_BOOL.alias("toboolean"),
    TO_REAL,
    TO_REAL.alias("todouble"),
    to("todecimal", ColumnType::Decimal, |v| {
        Some(cast(&v[0], ColumnType::Decimal))
    }),
    to("toint", ColumnType::Int, |v| {
        Some(cast(&v[0], ColumnType::Int))
    }),
    to("tolong", ColumnType::Long, |v| {
        Some(cast(&v[0], ColumnType::Long))
    }),
    to("tostring", ColumnType::String, |v| {
        Some(cast(&v[0], ColumnType::String))
    }),
    Function::bound("todatetime", &[Kind::Any], |call, arguments| {
        time(call, arguments, ColumnType::DateTime)
    })
    .named(Naming::First),
    TO_TIMESPAN,
    TO_TIMESPAN.alias("totime"),
    Function::new(
        "toguid",
        &[Kind::Source],
        Returns::Type(ColumnType::Guid),
        |v| guid(&v[0].to_text()),
    )
    .named(Naming::First),
    Function::bound("gettype", &[Kind::Any], |_, mut arguments| {
        let ty = arguments
            .first()
            .map_or(ColumnType::Dynamic, |only| only.ty);
        let run = move |v: &Values<'_>| {
            Value::String(
                match v[0].as_ref() {
                    Value::Dynamic(json) => kind_of(json),
                    Value::Null if ty == ColumnType::Dynamic => "null",
                    _ => ty.kusto_name(),
                }
                .to_owned(),
            )
        };
        arguments.truncate(1);
        Ok(Bound::apply(
            ColumnType::String,
            arguments,
            std::sync::Arc::new(run),
        ))
    })
    .named(Naming::Prefix("type")),
    Function::new(
        "tohex",
        &[Kind::Integer, Kind::Whole],
        Returns::Type(ColumnType::String),
        hexadecimal,
    )
    .optional(1)
    .named(Naming::First),
    Function::new(
        "dynamic_to_json",
        &[Kind::Any],
        Returns::Type(ColumnType::String),
        |v| match v[0].as_ref() {
            Value::Null => None,
            other => string(sorted(&other.to_json()).to_string()),
        },
    ),
    Function::new(
        "parse_version",
        &[Kind::Text],
        Returns::Type(ColumnType::Decimal),
        |v| version(text(v, 0)).map(Value::Decimal),
    ),
];

/// Of a negative number the two's complement, in the width of its type.
fn hexadecimal(v: &Values<'_>) -> Option<Value> {
    let least = usize::try_from(super::values::long(v, 1).unwrap_or(0).clamp(0, 16)).ok()?;
    match v[0].as_ref() {
        Value::Int(number) => string(format!("{number:0least$x}")),
        Value::Long(number) => string(format!("{number:0least$x}")),
        _ => None,
    }
}

/// A guid's 32 digits, whatever hyphens stand between them.
pub(in super::super) fn guid(text: &str) -> Option<Value> {
    let inner = text.trim();
    let inner = inner
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .unwrap_or(inner);
    let digits: String = inner.chars().filter(|c| *c != '-').collect();
    let valid = digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    valid
        .then(|| uuid::Uuid::parse_str(&digits).ok())
        .flatten()
        .map(Value::Guid)
}

/// `118.0` as 118, as the reference prints what `parse_json` has read.
pub(super) fn whole_numbers(json: Json) -> Json {
    match json {
        Json::Number(number) => match number
            .as_f64()
            .and_then(super::super::super::convert::whole_number)
        {
            Some(whole) if number.is_f64() && whole.abs() < 1 << 53 => Json::from(whole),
            _ => Json::Number(number),
        },
        Json::Array(elements) => elements.into_iter().map(whole_numbers).collect(),
        Json::Object(object) => object
            .into_iter()
            .map(|(key, value)| (key, whole_numbers(value)))
            .collect(),
        other => other,
    }
}

/// The same with every bag's keys in order.
fn sorted(json: &Json) -> Json {
    match json {
        Json::Array(elements) => elements.iter().map(sorted).collect(),
        Json::Object(object) => {
            let mut pairs: Vec<_> = object.iter().collect();
            pairs.sort_by_key(|(key, _)| key.as_str());
            pairs
                .into_iter()
                .map(|(key, value)| (key.clone(), sorted(value)))
                .collect()
        }
        other => other.clone(),
    }
}

/// Up to four parts of up to eight digits, as one number with eight digits a part.
fn version(text: &str) -> Option<rust_decimal::Decimal> {
    let parts: Vec<&str> = text.split('.').collect();
    let valid =
        |part: &&str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if parts.len() > 4 || !parts.iter().all(valid) {
        return None;
    }
    let mut number: i128 = 0;
    for at in 0..4 {
        let part: i128 = parts.get(at).copied().unwrap_or("0").parse().ok()?;
        number = number * 100_000_000 + part;
    }
    rust_decimal::Decimal::try_from_i128_with_scale(number, 0).ok()
}
