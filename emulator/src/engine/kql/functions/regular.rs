//! Functions of regular expressions.

use std::cell::RefCell;
use std::collections::HashMap;

use regex::{Regex, RegexBuilder};
use serde_json::Value as Json;

use super::super::super::value::{ColumnType, Value};
use super::super::super::watch::goes_on;
use super::super::bound::{Bound, Node};
use super::super::cast::cast;
use super::super::parser::Parsed;
use super::record::{Call, Function, Kind, Returns, Values};
use super::values::{array, count, dynamic, fits, long, string, text};

const STRING: Returns = Returns::Type(ColumnType::String);
const DYNAMIC: Returns = Returns::Type(ColumnType::Dynamic);
/// Most bytes of a compiled expression.
const MOST_COMPILED: usize = 1 << 20;
/// Expressions kept compiled by one thread.
const MOST_KEPT: usize = 64;

const EXTRACT_ALL: Function =
    Function::new("extract_all", &[Kind::Regex, Kind::Text], DYNAMIC, |v| {
        extract_all(text(v, 0), None, text(v, 1))
    });
const EXTRACT_GROUPS: Function = Function::new(
    "extract_all",
    &[Kind::Regex, Kind::Dynamic, Kind::Text],
    DYNAMIC,
    |v| extract_all(text(v, 0), array(v, 1), text(v, 2)),
);
const REPLACE: Function = Function::new(
    "replace_regex",
    &[Kind::Text, Kind::Regex, Kind::ConstantText],
    STRING,
    |v| replace(text(v, 0), text(v, 1), text(v, 2)),
);

pub(super) const FUNCTIONS: &[Function] = &[
    Function::bound(
        "extract",
        &[Kind::Regex, Kind::Whole, Kind::Text, Kind::Any],
        extract,
    )
    .optional(1),
    EXTRACT_ALL,
    EXTRACT_GROUPS,
    EXTRACT_ALL.alias("extractall"),
    EXTRACT_GROUPS.alias("extractall"),
    REPLACE,
    Function::new(
        "replace",
        &[Kind::Regex, Kind::ConstantText, Kind::Text],
        STRING,
        |v| replace(text(v, 2), text(v, 0), text(v, 1)),
    ),
    Function::new("trim", &[Kind::Regex, Kind::Text], STRING, |v| {
        string(trimmed_end(
            text(v, 0),
            trimmed_start(text(v, 0), text(v, 1))?,
        )?)
    }),
    Function::new("trim_start", &[Kind::Regex, Kind::Text], STRING, |v| {
        string(trimmed_start(text(v, 0), text(v, 1))?)
    }),
    Function::new("trim_end", &[Kind::Regex, Kind::Text], STRING, |v| {
        string(trimmed_end(text(v, 0), text(v, 1))?)
    }),
    Function::new("regex_quote", &[Kind::AsText], STRING, |v| {
        string(regex::escape(text(v, 0)))
    }),
    Function::new(
        "indexof_regex",
        &[
            Kind::AsText,
            Kind::Regex,
            Kind::Whole,
            Kind::Whole,
            Kind::Whole,
        ],
        Returns::Type(ColumnType::Long),
        |v| {
            if v.len() > 2 && long(v, 2)? < 0 {
                return None;
            }
            let regex = compiled(text(v, 1))?;
            super::strings::index(v, |text, from| {
                regex
                    .find_at(text, from)
                    .map(|found| (found.start(), found.end()))
            })
        },
    )
    .optional(3),
    Function::new(
        "countof",
        &[Kind::Text, Kind::Text],
        Returns::Type(ColumnType::Long),
        |v| occurrences(text(v, 0), text(v, 1)),
    ),
    Function::new(
        "countof",
        &[Kind::Text, Kind::Text, Kind::Word(&["normal", "regex"])],
        Returns::Type(ColumnType::Long),
        |v| match text(v, 2) {
            "regex" => {
                let regex = compiled(text(v, 1))?;
                count(
                    regex
                        .find_iter(text(v, 0))
                        .take_while(|_| goes_on())
                        .count(),
                )
            }
            _ => occurrences(text(v, 0), text(v, 1)),
        },
    ),
];

/// The compiled expression; none when it is invalid or too large.
pub(in super::super) fn compiled(pattern: &str) -> Option<Regex> {
    thread_local! {
        static KEPT: RefCell<HashMap<String, Regex>> = RefCell::new(HashMap::new());
    }
    KEPT.with_borrow_mut(|kept| {
        if let Some(regex) = kept.get(pattern) {
            return Some(regex.clone());
        }
        let regex = RegexBuilder::new(pattern)
            .size_limit(MOST_COMPILED)
            .build()
            .ok()?;
        if kept.len() == MOST_KEPT {
            kept.clear();
        }
        kept.insert(pattern.to_owned(), regex.clone());
        Some(regex)
    })
}

/// Occurrences of a text, overlapping ones too.
fn occurrences(text: &str, wanted: &str) -> Option<Value> {
    if wanted.is_empty() {
        return None;
    }
    let mut found = 0;
    let mut from = 0;
    while let Some(at) = text[from..].find(wanted) {
        found += 1;
        from += at + text[from + at..].chars().next().map_or(1, char::len_utf8);
    }
    count(found)
}

fn trimmed_start<'t>(pattern: &str, text: &'t str) -> Option<&'t str> {
    let found = compiled(&format!("\\A(?:{pattern})"))?
        .find(text)
        .map_or(0, |found| found.end());
    Some(&text[found..])
}

fn trimmed_end<'t>(pattern: &str, text: &'t str) -> Option<&'t str> {
    let found = compiled(&format!("(?:{pattern})\\z"))?.find(text);
    Some(found.map_or(text, |found| &text[..found.start()]))
}

/// `\1` and its like are the groups; everything else stands for itself.
fn replace(text: &str, pattern: &str, rewrite: &str) -> Option<Value> {
    let mut expansion = String::new();
    let mut characters = rewrite.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, characters.peek()) {
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                expansion.push_str(&format!("${{{digit}}}"));
                characters.next();
            }
            ('\\', Some('\\')) => {
                expansion.push('\\');
                characters.next();
            }
            ('$', _) => expansion.push_str("$$"),
            (other, _) => expansion.push(other),
        }
    }
    let mut made = String::new();
    let mut copied = 0;
    for found in compiled(pattern)?.captures_iter(text) {
        let whole = found.get(0)?;
        made.push_str(&text[copied..whole.start()]);
        found.expand(&expansion, &mut made);
        copied = whole.end();
        fits(made.len())?;
        goes_on().then_some(())?;
    }
    made.push_str(&text[copied..]);
    string(made)
}

/// The group of the first match, as text or as the type that the last argument names.
fn extract(call: &Call<'_>, mut arguments: Vec<Bound>) -> Parsed<Bound> {
    let mut ty = ColumnType::String;
    if arguments.len() == 4 {
        let named = arguments.pop().map(|bound| bound.node);
        let Some(Node::Constant(Value::String(name))) = named else {
            return Err(call.error("SEM0031", "the last argument must be typeof(a type)"));
        };
        ty = ColumnType::parse(&name).ok_or_else(|| call.mismatch(&name))?;
    }
    let run = move |v: &Values<'_>| {
        let found = long(v, 1).and_then(|group| {
            let group = usize::try_from(group).ok()?;
            let captures = compiled(text(v, 0))?.captures(text(v, 2))?.get(group)?;
            Some(captures.as_str().to_owned())
        });
        found.map_or_else(
            || Value::absent(ty),
            |found| cast(&Value::String(found), ty),
        )
    };
    Ok(Bound::apply(ty, arguments, std::sync::Arc::new(run)))
}

/// All matches of one group, or of several side by side. Groups are numbers or names.
fn extract_all(pattern: &str, groups: Option<&Vec<Json>>, text: &str) -> Option<Value> {
    let regex = compiled(pattern)?;
    let wanted: Vec<usize> = match groups {
        Some(groups) => groups
            .iter()
            .map(|group| match group {
                Json::String(name) => regex.capture_names().position(|known| known == Some(name)),
                other => usize::try_from(other.as_i64()?).ok(),
            })
            .collect::<Option<_>>()?,
        None => (1..regex.captures_len()).collect(),
    };
    let mut matches = Vec::new();
    for found in regex.captures_iter(text).take_while(|_| goes_on()) {
        let mut parts = wanted
            .iter()
            .map(|group| Json::from(found.get(*group).map_or("", |part| part.as_str())));
        matches.push(match wanted.len() {
            1 => parts.next().unwrap_or_default(),
            _ => parts.collect(),
        });
    }
    (!matches.is_empty()).then_some(())?;
    dynamic(matches)
}
