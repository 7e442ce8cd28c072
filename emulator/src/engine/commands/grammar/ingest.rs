//! Commands that end in text of another grammar: inline data, a query, a script.

use super::super::super::kql::lexer::TokenKind;
use super::super::super::kql::parser::{Parsed, Parser};
use super::super::command::{Command, FromQuery, FromQueryMode};
use super::{properties, table_name, tail, unsupported};

/// `.ingest inline into table T [with (...)] <| DATA`
pub(super) fn inline(p: &mut Parser<'_>) -> Parsed<Command> {
    p.expect_word("inline")
        .or_else(|_| unsupported(p, "ingest"))?;
    p.expect_word("into")?;
    p.expect_word("table")?;
    let table = table_name(p)?;
    Ok(Command::IngestInline {
        table,
        properties: properties(p)?,
        data: tail(p)?,
    })
}

/// `.set [async] T [with (...)] <| QUERY` and its kin. The table is always one of the request's database.
pub(super) fn from_query(p: &mut Parser<'_>, verb: &str) -> Parsed<Command> {
    let mode = match verb {
        "set" => FromQueryMode::Set,
        "append" => FromQueryMode::Append,
        "set-or-append" => FromQueryMode::SetOrAppend,
        _ => FromQueryMode::SetOrReplace,
    };
    let mut ahead = p.clone();
    // A table may have the name.
    let is_async = ahead.eat_word("async")
        && matches!(ahead.peek(), TokenKind::Word(_) | TokenKind::Symbol("["));
    if is_async {
        *p = ahead;
    }
    Ok(Command::FromQuery(FromQuery {
        mode,
        is_async,
        table: p.name("a table name")?,
        properties: properties(p)?,
        query: tail(p)?,
    }))
}

/// `.execute [database] script [with (...)] <| COMMANDS`
pub(super) fn script(p: &mut Parser<'_>) -> Parsed<Command> {
    p.eat_word("database");
    p.expect_word("script")
        .or_else(|_| unsupported(p, "execute"))?;
    Ok(Command::Script {
        properties: properties(p)?,
        text: tail(p)?,
    })
}
