//! The grammar of management commands: one file per family, and here what they share.

mod extents;
mod ingest;
mod mappings;
mod policies;
mod principals;
mod show;
mod tables;

pub(super) use policies::KINDS as POLICIES;
use uuid::Uuid;

use super::super::kql::ast::Operator;
use super::super::kql::lexer::TokenKind;
use super::super::kql::parser::{Parsed, Parser};
use super::super::value::Value;
use super::command::{ColumnName, Command, Properties, RoleVerb, TableName, TableNames};

/// Parses a command and the query steps after it.
///
/// # Errors
/// A syntax error with its position.
pub(super) fn parse(text: &str) -> Parsed<(Command, Vec<Operator>)> {
    let mut parser = Parser::new(text);
    parser.expect(".")?;
    let start = parser.clone();
    let verb = parser
        .hyphenated()
        .ok_or_else(|| start.expected("a command"))?;
    let p = &mut parser;
    let command = match verb.as_str() {
        "show" => show::show(p)?,
        "get" => show::get(p)?,
        "create" | "create-or-alter" => tables::create(p, &verb)?,
        "create-merge" => tables::create_merge(p)?,
        "alter" => tables::alter(p)?,
        "alter-merge" => tables::alter_merge(p)?,
        "rename" => tables::rename(p)?,
        "add" => principals::add(p)?,
        "drop" => match principals::change(p, RoleVerb::Drop)? {
            Some(command) => command,
            None => tables::drop(p)?,
        },
        "drop-pretend" => extents::drop(p, true)?,
        "delete" => policies::delete(p)?,
        "clear" => tables::clear(p)?,
        "refresh" => show::refresh(p)?,
        "cancel" => show::cancel(p)?,
        "ingest" => ingest::ingest(p)?,
        "set" => match principals::change(p, RoleVerb::Set)? {
            Some(command) => command,
            None => ingest::from_query(p, &verb)?,
        },
        "append" | "set-or-append" | "set-or-replace" => ingest::from_query(p, &verb)?,
        "execute" => ingest::script(p)?,
        _ => return Err(start.error(format!("the command '.{verb}' is not supported"))),
    };
    let steps = parser.steps()?;
    while parser.eat(";") {}
    parser.end()?;
    Ok((command, steps))
}

fn unsupported<T>(parser: &Parser<'_>, verb: &str) -> Parsed<T> {
    Err(parser.expected(&format!("a supported form of '.{verb}'")))
}

/// `T`, `Db.T`, `['Db'].['T']`
fn table_name(p: &mut Parser<'_>) -> Parsed<TableName> {
    let name = p.name("a table name")?;
    if !p.eat(".") {
        let database = None;
        return Ok(TableName { database, name });
    }
    Ok(TableName {
        database: Some(name),
        name: p.name("a table name")?,
    })
}

/// `(T, U)`, of one database.
fn table_names(p: &mut Parser<'_>) -> Parsed<TableNames> {
    p.expect("(")?;
    let start = p.clone();
    let tables = p.list(table_name)?;
    p.expect(")")?;
    of_one_database(tables, &start)
}

fn of_one_database(tables: Vec<TableName>, start: &Parser<'_>) -> Parsed<TableNames> {
    let mut tables = tables.into_iter();
    let Some(first) = tables.next() else {
        return Err(start.expected("a table name"));
    };
    let mut all = TableNames::from(first);
    for table in tables {
        if table.database != all.database {
            return Err(start.error("the tables are not of one database"));
        }
        all.names.push(table.name);
    }
    Ok(all)
}

/// `T.c`, `Db.T.c`
fn column_name(p: &mut Parser<'_>) -> Parsed<ColumnName> {
    let mut names = vec![p.name("a table name")?];
    p.expect(".")?;
    names.push(p.name("a column name")?);
    if p.eat(".") {
        names.push(p.name("a column name")?);
    }
    let (column, name) = (names.pop(), names.pop());
    let table = TableName {
        database: names.pop(),
        name: name.unwrap_or_default(),
    };
    Ok(ColumnName {
        table,
        column: column.unwrap_or_default(),
    })
}

/// `with (a = 1, b = "x")`, or nothing.
pub(super) fn properties(p: &mut Parser<'_>) -> Parsed<Properties> {
    if !p.eat_word("with") {
        return Ok(Properties::new());
    }
    p.expect("(")?;
    let properties = p.list(|p| {
        let name = p.name("a property name")?;
        p.expect("=")?;
        let value = match p.peek().clone() {
            TokenKind::Literal(value, _) => {
                p.advance();
                value
            }
            TokenKind::Word(word) => {
                p.advance();
                Value::String(word)
            }
            _ => Value::String(p.string("a property value")?),
        };
        Ok((name, value))
    })?;
    p.expect(")")?;
    Ok(properties)
}

/// `(id, id)`
fn guids(p: &mut Parser<'_>) -> Parsed<Vec<Uuid>> {
    p.expect("(")?;
    let ids = p.list(guid)?;
    p.expect(")")?;
    Ok(ids)
}

/// A GUID: bare, in a string or as `guid(...)`.
fn guid(p: &mut Parser<'_>) -> Parsed<Uuid> {
    match p.peek().clone() {
        TokenKind::Literal(Value::Guid(id), _) => {
            p.advance();
            Ok(id)
        }
        TokenKind::Text(text) => {
            let id =
                Uuid::parse_str(&text).map_err(|_| p.error(format!("'{text}' is not a GUID")))?;
            p.advance();
            Ok(id)
        }
        _ => {
            let rest = p.rest();
            let length = rest
                .find(|c: char| !(c.is_ascii_hexdigit() || c == '-'))
                .unwrap_or(rest.len());
            let id = Uuid::parse_str(&rest[..length]).map_err(|_| p.expected("a GUID"))?;
            p.skip_to(p.at() + length);
            Ok(id)
        }
    }
}

/// Takes `<|` and everything behind it, which is text of another grammar.
fn tail(p: &mut Parser<'_>) -> Parsed<String> {
    if *p.peek() != TokenKind::Symbol("<|") {
        return Err(p.expected("'<|'"));
    }
    let rest = p.rest()["<|".len()..].to_owned();
    p.skip_to(p.text().len());
    Ok(rest)
}

/// Whether the command ends here, or query steps follow.
fn at_end(p: &Parser<'_>) -> bool {
    matches!(p.peek(), TokenKind::End | TokenKind::Symbol("|" | ";"))
}
