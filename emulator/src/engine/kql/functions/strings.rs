//! Functions of text.

use serde_json::Value as Json;

use super::super::super::value::{ColumnType, Value};
use super::super::super::watch::goes_on;
use super::super::budget::weight;
use super::super::cast::as_long;
use super::super::text::contains_term;
use super::record::{Function, Kind, Naming, Returns, Values};
use super::values::{array, count, dynamic, element_text, fits, long, string, text};

const STRING: Returns = Returns::Type(ColumnType::String);
const LONG: Returns = Returns::Type(ColumnType::Long);
const DYNAMIC: Returns = Returns::Type(ColumnType::Dynamic);
/// Most bytes a repeated text may have.
const MOST_REPEATED: usize = 1 << 24;

const STRCAT_ARRAY: Function = Function::new(
    "strcat_array",
    &[Kind::Dynamic, Kind::AsText],
    STRING,
    |v| {
        let texts: Vec<String> = array(v, 0)?.iter().map(element_text).collect();
        let length: usize = texts.iter().map(String::len).sum();
        fits(length.saturating_add(texts.len().saturating_mul(text(v, 1).len())))?;
        string(texts.join(text(v, 1)))
    },
);
const MAKE_STRING: Function = Function::new("make_string", &[Kind::Any], STRING, |v| {
    let mut made = String::new();
    for value in v {
        let codes: Vec<i64> = match value.as_ref() {
            Value::Dynamic(Json::Array(codes)) => {
                codes.iter().map(Json::as_i64).collect::<Option<_>>()?
            }
            other => vec![as_long(other)?],
        };
        for code in codes {
            made.push(char::from_u32(u32::try_from(code).ok()?)?);
        }
    }
    string(made)
})
.repeated(64);
const TO_UTF8: Function = Function::new("to_utf8", &[Kind::AsText], DYNAMIC, |v| {
    dynamic(
        text(v, 0)
            .chars()
            .map(|c| Json::from(u32::from(c)))
            .collect::<Json>(),
    )
});

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("strcat", &[Kind::AsText], STRING, |v| {
        string((0..v.len()).map(|at| text(v, at)).collect::<String>())
    })
    .repeated(64),
    Function::new(
        "strcat_delim",
        &[Kind::AsText, Kind::AsText, Kind::AsText],
        STRING,
        |v| {
            let texts: Vec<&str> = (1..v.len()).map(|at| text(v, at)).collect();
            string(texts.join(text(v, 0)))
        },
    )
    .repeated(65),
    STRCAT_ARRAY,
    STRCAT_ARRAY.alias("array_strcat"),
    Function::new("strcmp", &[Kind::AsText, Kind::AsText], LONG, |v| {
        Some(Value::Long(text(v, 0).cmp(text(v, 1)) as i64))
    }),
    Function::new(
        "strrep",
        &[Kind::AsText, Kind::Of(ColumnType::Long), Kind::AsText],
        STRING,
        |v| {
            let times = usize::try_from(long(v, 1)?).ok()?.min(1024);
            if (text(v, 0).len() + text(v, 2).len()).checked_mul(times)? > MOST_REPEATED {
                return None;
            }
            string(vec![text(v, 0); times].join(text(v, 2)))
        },
    )
    .optional(1),
    Function::new("strlen", &[Kind::Text], LONG, |v| {
        count(text(v, 0).chars().count())
    })
    .named(Naming::Prefix("")),
    Function::new("string_size", &[Kind::Text], LONG, |v| {
        count(text(v, 0).len())
    })
    .named(Naming::Prefix("")),
    Function::new("tolower", &[Kind::AsText], STRING, |v| {
        string(text(v, 0).to_lowercase())
    }),
    Function::new("toupper", &[Kind::AsText], STRING, |v| {
        string(text(v, 0).to_uppercase())
    }),
    Function::new("reverse", &[Kind::AsText], STRING, |v| {
        string(text(v, 0).chars().rev().collect::<String>())
    }),
    Function::new(
        "substring",
        &[Kind::AsText, Kind::Whole, Kind::Whole],
        STRING,
        substring,
    )
    .optional(1),
    Function::new(
        "indexof",
        &[
            Kind::AsText,
            Kind::AsText,
            Kind::Whole,
            Kind::Whole,
            Kind::Whole,
        ],
        LONG,
        |v| {
            index(v, |text, from| {
                let wanted = super::values::text(v, 1);
                text[from..].find(wanted).map(|at| {
                    let next = text[from + at..].chars().next().map_or(1, char::len_utf8);
                    (from + at, from + at + next)
                })
            })
        },
    )
    .optional(3),
    Function::new(
        "split",
        &[Kind::AsText, Kind::Text, Kind::Whole],
        DYNAMIC,
        split,
    )
    .optional(1)
    .named(Naming::First),
    Function::new(
        "replace_string",
        &[Kind::Text, Kind::Text, Kind::Text],
        STRING,
        |v| match text(v, 1) {
            "" => string(text(v, 0)),
            old => {
                let found = text(v, 0).matches(old).count();
                fits(found.saturating_mul(text(v, 2).len()))?;
                string(text(v, 0).replace(old, text(v, 2)))
            }
        },
    ),
    Function::new(
        "replace_strings",
        &[Kind::Text, Kind::Dynamic, Kind::Dynamic],
        STRING,
        |v| replaced(text(v, 0), array(v, 1)?, array(v, 2)?),
    ),
    Function::new(
        "translate",
        &[Kind::Text, Kind::Text, Kind::Text],
        STRING,
        translate,
    ),
    Function::new("has_any_index", &[Kind::Text, Kind::Dynamic], LONG, |v| {
        let lower = text(v, 0).to_lowercase();
        let found = array(v, 1)?.iter().position(|term| {
            !goes_on() || contains_term(&lower, &element_text(term).to_lowercase())
        });
        found.map_or(Some(Value::Long(-1)), count)
    }),
    MAKE_STRING,
    MAKE_STRING.alias("unicode_codepoints_to_string"),
    TO_UTF8,
    TO_UTF8.alias("unicode_codepoints_from_string"),
    Function::new(
        "repeat",
        &[Kind::Any, Kind::Of(ColumnType::Long)],
        DYNAMIC,
        |v| {
            let times = usize::try_from(long(v, 1)?)
                .ok()
                .filter(|times| *times <= 1 << 20)?;
            fits(weight(&v[0]).saturating_mul(times))?;
            dynamic(vec![v[0].to_json(); times])
        },
    )
    .named(Naming::Prefix("repeat")),
];

fn substring(v: &Values<'_>) -> Option<Value> {
    let text = text(v, 0);
    let start = long(v, 1).unwrap_or(0);
    let count = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    // A negative start counts from the end.
    let start = if start < 0 {
        count.saturating_add(start).max(0)
    } else {
        start
    };
    let wanted = long(v, 2).unwrap_or(i64::MAX).max(0);
    let (start, wanted) = (usize::try_from(start).ok()?, usize::try_from(wanted).ok()?);
    string(text.chars().skip(start).take(wanted).collect::<String>())
}

/// Position of the n-th occurrence within a range of characters, -1 when there is none. `find` gives
/// the first match from a byte on, and where the next search begins.
pub(super) fn index(
    v: &Values<'_>,
    find: impl Fn(&str, usize) -> Option<(usize, usize)>,
) -> Option<Value> {
    let whole = text(v, 0);
    let characters = i64::try_from(whole.chars().count()).ok()?;
    let start = if v.len() > 2 { long(v, 2)? } else { 0 };
    let length = if v.len() > 3 { long(v, 3)? } else { -1 };
    let occurrence = if v.len() > 4 { long(v, 4)? } else { 1 };
    if occurrence < 0 || length < -1 {
        return None;
    }
    // A negative start counts from the end.
    let start = if start < 0 {
        (characters + start).max(0)
    } else {
        start
    };
    let byte = |at: i64| {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let found = whole.char_indices().nth(at);
        found.map_or(whole.len(), |(byte, _)| byte)
    };
    // Every search has the whole length, from one character after the last match.
    let mut start = start;
    for nth in 1..=occurrence {
        goes_on().then_some(())?;
        let end = match length {
            -1 => whole.len(),
            length => byte(start.saturating_add(length)),
        };
        let (from, within) = (byte(start), &whole[..end]);
        let found = (from <= end).then(|| find(within, from)).flatten();
        let Some((at, next)) = found else {
            return Some(Value::Long(-1));
        };
        if nth == occurrence {
            return count(whole[..at].chars().count());
        }
        start = i64::try_from(whole[..next].chars().count()).ok()?;
    }
    Some(Value::Long(-1))
}

/// Every text of the list in turn, where none before it was found.
fn replaced(text: &str, old: &[Json], new: &[Json]) -> Option<Value> {
    // What was put in is not searched again.
    let mut pieces = vec![(text.to_owned(), false)];
    let mut added = 0;
    for (old, new) in old.iter().zip(new) {
        // The page says that an element that is no string is ignored: what has no replacement stays as it is.
        let Json::String(old) = old else {
            continue;
        };
        let new = match new {
            Json::String(new) => new,
            _ => old,
        };
        if old.is_empty() {
            continue;
        }
        let mut next = Vec::new();
        for (piece, done) in pieces {
            goes_on().then_some(())?;
            if done {
                next.push((piece, true));
                continue;
            }
            for (at, part) in piece.split(old.as_str()).enumerate() {
                if at > 0 {
                    added += new.len();
                    fits(added)?;
                    next.push((new.clone(), true));
                }
                next.push((part.to_owned(), false));
            }
        }
        pieces = next;
    }
    string(
        pieces
            .into_iter()
            .map(|(piece, _)| piece)
            .collect::<String>(),
    )
}

fn split(v: &Values<'_>) -> Option<Value> {
    let parts: Vec<Json> = match text(v, 1) {
        "" => vec![Json::from(text(v, 0))],
        delimiter => text(v, 0).split(delimiter).map(Json::from).collect(),
    };
    if v.len() < 3 {
        return dynamic(parts);
    }
    let one = usize::try_from(long(v, 2)?)
        .ok()
        .and_then(|at| parts.into_iter().nth(at))?;
    dynamic(vec![one])
}

/// Every character of the first list becomes the one at its place in the second, whose last one
/// stands for all further; without any the characters go.
fn translate(v: &Values<'_>) -> Option<Value> {
    let from: Vec<char> = text(v, 0).chars().collect();
    let to: Vec<char> = text(v, 1).chars().collect();
    let translated = text(v, 2)
        .chars()
        .take_while(|_| goes_on())
        .filter_map(|c| match from.iter().position(|known| *known == c) {
            None => Some(c),
            Some(at) => to.get(at).or(to.last()).copied(),
        });
    string(translated.collect::<String>())
}
