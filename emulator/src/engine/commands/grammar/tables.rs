//! Commands that change tables and their columns.

use super::super::super::kql::lexer::TokenKind;
use super::super::super::kql::parser::{Parsed, Parser};
use super::super::super::schema::Column;
use super::super::super::value::Value;
use super::super::command::{
    ColumnCommand, Command, FunctionCommand, Owner, PolicyOwner, Renaming, TableCommand, TableName,
    TableNames,
};
use super::super::functions::{self, Existing};
use super::{
    column_name, extents, mappings, of_one_database, policies, properties, table_name, table_names,
    unsupported,
};

pub(super) fn create(p: &mut Parser<'_>, verb: &str) -> Parsed<Command> {
    let alter = verb == "create-or-alter";
    if p.eat_word("database") {
        let owner = Owner::Database(p.name("a database name")?);
        p.expect_word("ingestion")?;
        return mappings::create(p, owner, alter);
    }
    if p.eat_word("function") {
        let existing = match alter {
            true => Existing::Replace,
            false => Existing::Refuse,
        };
        return functions::parse(p, existing);
    }
    if !alter && p.eat_word("tables") {
        return several(p, false);
    }
    p.expect_word("table").or_else(|_| unsupported(p, verb))?;
    let table = table_name(p)?;
    if p.eat_word("ingestion") {
        return mappings::create(p, Owner::Table(table), alter);
    }
    if alter {
        return unsupported(p, verb);
    }
    let mut ahead = p.clone();
    if ahead.hyphenated().as_deref() == Some("based-on") {
        *p = ahead;
        return Ok(Command::Table(TableCommand::CreateTableLike {
            table,
            source: p.name("a table name")?,
            if_not_exists: p.eat_word("ifnotexists"),
            properties: properties(p)?,
        }));
    }
    Ok(Command::Table(TableCommand::CreateTable {
        table,
        columns: p.columns()?,
        properties: properties(p)?,
    }))
}

pub(super) fn create_merge(p: &mut Parser<'_>) -> Parsed<Command> {
    if p.eat_word("tables") {
        return several(p, true);
    }
    p.expect_word("table")
        .or_else(|_| unsupported(p, "create-merge"))?;
    merge(p, true)
}

/// `T (a:long), U (b:string) [with (...)]`
fn several(p: &mut Parser<'_>, merge: bool) -> Parsed<Command> {
    let start = p.clone();
    let named =
        p.list(|p| -> Parsed<(TableName, Vec<Column>)> { Ok((table_name(p)?, p.columns()?)) })?;
    let (names, columns): (Vec<_>, Vec<_>) = named.into_iter().unzip();
    let TableNames { database, names } = of_one_database(names, &start)?;
    Ok(Command::Table(TableCommand::CreateTables {
        database,
        tables: names.into_iter().zip(columns).collect(),
        merge,
        properties: properties(p)?,
    }))
}

fn merge(p: &mut Parser<'_>, create: bool) -> Parsed<Command> {
    let table = table_name(p)?;
    Ok(Command::Table(TableCommand::MergeTable {
        table,
        columns: p.columns()?,
        create,
        properties: properties(p)?,
    }))
}

pub(super) fn alter(p: &mut Parser<'_>) -> Parsed<Command> {
    if p.eat_word("function") {
        return match functions::describe(p)? {
            Some(command) => Ok(command),
            None => functions::parse(p, Existing::Require),
        };
    }
    if p.eat_word("column") {
        return alter_column(p);
    }
    if let Some(owner) = policy_owner(p)? {
        return policies::alter(p, owner, false);
    }
    p.expect_word("table")
        .or_else(|_| unsupported(p, "alter"))?;
    let table = table_name(p)?;
    if p.eat_word("ingestion") {
        return mappings::create(p, Owner::Table(table), true);
    }
    for property in ["docstring", "folder"] {
        if p.eat_word(property) {
            let text = Value::String(p.string("a text")?);
            let properties = vec![(property.to_owned(), text)];
            return Ok(Command::Table(TableCommand::DescribeTable {
                table,
                properties,
            }));
        }
    }
    if let Some(docs) = column_docs(p)? {
        let merge = false;
        return Ok(Command::Column(ColumnCommand::DescribeColumns {
            table,
            docs,
            merge,
        }));
    }
    if *p.peek() != TokenKind::Symbol("(") {
        return unsupported(p, "alter table");
    }
    Ok(Command::Table(TableCommand::AlterTable {
        table,
        columns: p.columns()?,
        properties: properties(p)?,
    }))
}

pub(super) fn alter_merge(p: &mut Parser<'_>) -> Parsed<Command> {
    if let Some(owner) = policy_owner(p)? {
        return policies::alter(p, owner, true);
    }
    p.expect_word("table")
        .or_else(|_| unsupported(p, "alter-merge"))?;
    let mut ahead = p.clone();
    let table = table_name(&mut ahead)?;
    if let Some(docs) = column_docs(&mut ahead)? {
        *p = ahead;
        let merge = true;
        return Ok(Command::Column(ColumnCommand::DescribeColumns {
            table,
            docs,
            merge,
        }));
    }
    merge(p, false)
}

/// `column-docstrings (a: 'A', b: 'B')`, if that is next.
fn column_docs(p: &mut Parser<'_>) -> Parsed<Option<Vec<(String, String)>>> {
    let mut ahead = p.clone();
    if ahead.hyphenated().as_deref() != Some("column-docstrings") {
        return Ok(None);
    }
    *p = ahead;
    p.expect("(")?;
    let docs = p.list(|p| {
        let column = p.name("a column name")?;
        p.expect(":")?;
        Ok((column, p.string("a docstring")?))
    })?;
    p.expect(")")?;
    Ok(Some(docs))
}

/// `table T policy`, `tables (T, U) policy` or `database D policy`, if that is next.
fn policy_owner(p: &mut Parser<'_>) -> Parsed<Option<PolicyOwner>> {
    let mut ahead = p.clone();
    let owner = if ahead.eat_word("database") {
        PolicyOwner::Database(Some(ahead.name("a database name")?))
    } else if ahead.eat_word("tables") {
        PolicyOwner::Tables(table_names(&mut ahead)?)
    } else if ahead.eat_word("table") {
        PolicyOwner::Tables(table_name(&mut ahead)?.into())
    } else {
        return Ok(None);
    };
    if !ahead.eat_word("policy") {
        return Ok(None);
    }
    *p = ahead;
    Ok(Some(owner))
}

/// `T.c type = long`
fn alter_column(p: &mut Parser<'_>) -> Parsed<Command> {
    let column = column_name(p)?;
    p.expect_word("type")
        .or_else(|_| unsupported(p, "alter column"))?;
    p.expect("=")?;
    Ok(Command::Column(ColumnCommand::AlterColumn {
        column,
        ty: p.column_type()?,
    }))
}

pub(super) fn rename(p: &mut Parser<'_>) -> Parsed<Command> {
    if p.eat_word("tables") {
        return rename_tables(p);
    }
    if p.eat_word("columns") {
        let renaming = |p: &mut Parser<'_>| {
            let new = p.name("a column name")?;
            p.expect("=")?;
            Ok((new, column_name(p)?))
        };
        return Ok(Command::Column(ColumnCommand::RenameColumns(
            p.list(renaming)?,
        )));
    }
    if p.eat_word("column") {
        let column = column_name(p)?;
        p.expect_word("to")?;
        let new = p.name("a column name")?;
        return Ok(Command::Column(ColumnCommand::RenameColumns(vec![(
            new, column,
        )])));
    }
    p.expect_word("table")
        .or_else(|_| unsupported(p, "rename"))?;
    let TableName { database, name } = table_name(p)?;
    p.expect_word("to")?;
    let renaming = Renaming {
        old: name,
        new: p.name("a table name")?,
        if_exists: false,
    };
    Ok(Command::Table(TableCommand::RenameTables {
        database,
        renamings: vec![renaming],
    }))
}

/// `U = T, V = Db.W [ifexists]`: the new names are names alone, as a table stays in its database.
fn rename_tables(p: &mut Parser<'_>) -> Parsed<Command> {
    let start = p.clone();
    let named = p.list(
        |p: &mut Parser<'_>| -> Parsed<(TableName, (String, bool))> {
            let new = p.name("a table name")?;
            p.expect("=")?;
            Ok((table_name(p)?, (new, p.eat_word("ifexists"))))
        },
    )?;
    let (olds, news): (Vec<_>, Vec<_>) = named.into_iter().unzip();
    let TableNames { database, names } = of_one_database(olds, &start)?;
    let renamings = names.into_iter().zip(news);
    let renamings = renamings.map(|(old, (new, if_exists))| Renaming {
        old,
        new,
        if_exists,
    });
    Ok(Command::Table(TableCommand::RenameTables {
        database,
        renamings: renamings.collect(),
    }))
}

pub(super) fn drop(p: &mut Parser<'_>) -> Parsed<Command> {
    if p.eat_word("functions") {
        p.expect("(")?;
        let names = p.list(|p| p.name("a function name"))?;
        p.expect(")")?;
        return Ok(Command::Function(FunctionCommand::DropFunctions {
            names,
            if_exists: p.eat_word("ifexists"),
        }));
    }
    if p.eat_word("function") {
        return Ok(Command::Function(FunctionCommand::DropFunction {
            name: p.name("a function name")?,
            if_exists: p.eat_word("ifexists"),
        }));
    }
    if p.is_word("extent") || p.is_word("extents") {
        return extents::drop(p, false);
    }
    if p.eat_word("database") {
        let owner = Owner::Database(p.name("a database name")?);
        p.expect_word("ingestion")?;
        return mappings::drop(p, owner);
    }
    if p.eat_word("column") {
        let column = column_name(p)?;
        return Ok(Command::Column(ColumnCommand::DropColumns {
            table: column.table,
            columns: vec![column.column],
            if_exists: p.eat_word("ifexists"),
        }));
    }
    let tables = match p.eat_word("tables") {
        true => table_names(p)?,
        false => {
            p.expect_word("table").or_else(|_| unsupported(p, "drop"))?;
            match drop_part(p)? {
                (_, Some(command)) => return Ok(command),
                (table, None) => TableNames::from(table),
            }
        }
    };
    Ok(Command::Table(TableCommand::DropTables {
        tables,
        if_exists: p.eat_word("ifexists"),
    }))
}

/// The table that follows, and the command if it is about a part of the table.
fn drop_part(p: &mut Parser<'_>) -> Parsed<(TableName, Option<Command>)> {
    let table = table_name(p)?;
    if p.eat_word("ingestion") {
        let command = mappings::drop(p, Owner::Table(table.clone()))?;
        return Ok((table, Some(command)));
    }
    if !p.eat_word("columns") {
        return Ok((table, None));
    }
    p.expect("(")?;
    let columns = p.list(|p| p.name("a column name"))?;
    p.expect(")")?;
    let command = Command::Column(ColumnCommand::DropColumns {
        table: table.clone(),
        columns,
        if_exists: false,
    });
    Ok((table, Some(command)))
}

pub(super) fn clear(p: &mut Parser<'_>) -> Parsed<Command> {
    let mut ahead = p.clone();
    let is_async = ahead.eat_word("async") && ahead.is_word("table");
    if is_async {
        *p = ahead;
    }
    let table = match p.eat_word("database") {
        true => None,
        false => {
            p.expect_word("table")
                .or_else(|_| unsupported(p, "clear"))?;
            Some(table_name(p)?)
        }
    };
    match table {
        Some(table) if p.eat_word("data") => {
            Ok(Command::Table(TableCommand::ClearTable { table, is_async }))
        }
        table => {
            p.expect_word("cache")?;
            p.expect_word("streamingingestion")?;
            p.expect_word("schema")?;
            Ok(Command::Table(TableCommand::ClearSchemaCache { table }))
        }
    }
}
