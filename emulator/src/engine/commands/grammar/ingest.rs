//! Commands that end in text of another grammar: inline data, a query, a script.

use super::super::super::kql::lexer::TokenKind;
use super::super::super::kql::parser::{Parsed, Parser};
use super::super::command::{Command, FromQuery, FromQueryMode, Ingestion};
use super::{properties, table_name, tail, unsupported};

/// `.ingest inline into table T [with (...)] <| DATA`, or `.ingest [async] into table T (ADDRESS, ...) [with (...)]`
pub(super) fn ingest(p: &mut Parser<'_>) -> Parsed<Command> {
    if p.is_word("async") || p.is_word("into") {
        return sources(p).map(Command::IngestSources);
    }
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

fn sources(p: &mut Parser<'_>) -> Parsed<Ingestion> {
    let is_async = p.eat_word("async");
    p.expect_word("into")?;
    p.eat_word("table");
    let table = table_name(p)?;
    let address = |p: &mut Parser<'_>| p.string("the address of a blob");
    let sources = match p.eat("(") {
        true => {
            let sources = p.list(address)?;
            p.expect(")")?;
            sources
        }
        false => vec![address(p)?],
    };
    Ok(Ingestion {
        is_async,
        table,
        sources,
        properties: properties(p)?,
    })
}

/// `.set [async] T [with (...)] <| QUERY` and its kin.
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
        table: table_name(p)?,
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
