//! `.show`, and what else only asks.

use uuid::Uuid;

use super::super::super::error::KustoError;
use super::super::super::kql::lexer::TokenKind;
use super::super::super::kql::parser::{Parsed, Parser};
use super::super::super::value::Value;
use super::super::command::{
    Command, DatabaseForm, Databases, ExtentPlace, FunctionCommand, Owner, PolicyOwner, TableForm,
};
use super::super::csl_script::Parts;
use super::super::nothing;
use super::super::rows::flag;
use super::{
    at_end, extents, guid, guids, mappings, policies, properties, table_name, table_names,
    unsupported,
};

pub(super) fn show(p: &mut Parser<'_>) -> Parsed<Command> {
    if let Some(columns) = nothing::parse(p)? {
        return Ok(Command::ShowNothing(columns));
    }
    let start = p.clone();
    let Some(subject) = p.hyphenated() else {
        return unsupported(p, "show");
    };
    match subject.as_str() {
        "version" => Ok(Command::ShowVersion),
        "diagnostics" => Ok(Command::ShowDiagnostics),
        "schema" => all_schemas(p),
        "cluster" => cluster(p),
        "databases" => databases(p),
        "database" => database(p),
        "tables" => tables(p),
        "table" => table(p),
        "functions" => Ok(Command::Function(FunctionCommand::ShowFunctions)),
        "function" => Ok(Command::Function(FunctionCommand::ShowFunction {
            name: p.name("a function name")?,
        })),
        "principal" if p.eat_word("roles") => Ok(Command::ShowOwnRoles(None)),
        "principal" => {
            p.expect_word("access")
                .or_else(|_| unsupported(&start, "show"))?;
            Ok(Command::ShowAccess(properties(p)?))
        }
        "operations" => Ok(Command::ShowOperations {
            operations: operation_ids(p)?,
        }),
        "ingestion" => ingestion(p),
        "streamingingestion" if p.eat_word("statistics") => Ok(Command::ShowStreamingStatistics),
        "streamingingestion" if p.eat_word("failures") => Ok(Command::ShowStreamingFailures),
        _ => unsupported(&start, "show"),
    }
}

fn cluster(p: &mut Parser<'_>) -> Parsed<Command> {
    if at_end(p) {
        return Ok(Command::ShowCluster);
    }
    if p.eat_word("databases") {
        return databases(p);
    }
    if p.eat_word("schema") {
        return all_schemas(p);
    }
    if p.eat_word("policy") {
        return policies::show(p, PolicyOwner::Cluster);
    }
    p.expect_word("extents")
        .or_else(|_| unsupported(p, "show cluster"))?;
    extents::show(p, ExtentPlace::Cluster)
}

/// `.show schema [details]`, `.show schema as json [with (...)]`: of all databases.
fn all_schemas(p: &mut Parser<'_>) -> Parsed<Command> {
    Ok(Command::ShowDatabases {
        databases: Databases::All,
        form: schema_form(p)?,
    })
}

fn schema_form(p: &mut Parser<'_>) -> Parsed<DatabaseForm> {
    if p.eat_word("as") {
        p.expect_word("json")?;
        return schema_json(p);
    }
    p.eat_word("details");
    Ok(DatabaseForm::Schema)
}

/// `.show databases [(A, B)] [FORM]`
fn databases(p: &mut Parser<'_>) -> Parsed<Command> {
    let databases = match p.eat("(") {
        false => Databases::All,
        true => {
            let names = p.list(|p| p.name("a database name"))?;
            p.expect(")")?;
            Databases::Named(names)
        }
    };
    let form = match at_end(p) {
        true => DatabaseForm::Plain,
        false => database_form(p)?,
    };
    Ok(Command::ShowDatabases { databases, form })
}

fn database(p: &mut Parser<'_>) -> Parsed<Command> {
    let name = match p.peek() {
        _ if at_end(p) => None,
        TokenKind::Word(word) if DATABASE_WORDS.contains(&word.as_str()) => None,
        _ => Some(p.name("a database name")?),
    };
    if p.eat_word("policy") {
        return policies::show(p, PolicyOwner::Database(name));
    }
    if p.eat_word("extents") {
        return extents::show(p, ExtentPlace::Database(name));
    }
    if p.eat_word("journal") {
        return Ok(Command::ShowNothing(nothing::JOURNAL));
    }
    let databases = match &name {
        Some(name) => Databases::Named(vec![name.clone()]),
        None => Databases::Current,
    };
    if let Some(parts) = csl_script(p)? {
        return Ok(Command::ShowDatabases {
            databases,
            form: DatabaseForm::CslScript(parts),
        });
    }
    match name {
        Some(name) if p.eat_word("ingestion") => mappings::show(p, Owner::Database(name)),
        Some(name) if p.eat_word("principals") => {
            Ok(Command::ShowPrincipals(Owner::Database(name)))
        }
        Some(name) if p.eat_word("principal") => {
            p.expect_word("roles")?;
            Ok(Command::ShowOwnRoles(Some(Owner::Database(name))))
        }
        None if at_end(p) => Ok(Command::ShowDatabases {
            databases,
            form: DatabaseForm::Plain,
        }),
        _ => Ok(Command::ShowDatabases {
            databases,
            form: database_form(p)?,
        }),
    }
}

/// `schema as csl script [with (...)]`, if that is next.
fn csl_script(p: &mut Parser<'_>) -> Parsed<Option<Parts>> {
    let mut ahead = p.clone();
    if !["schema", "as", "csl"]
        .iter()
        .all(|word| ahead.eat_word(word))
    {
        return Ok(None);
    }
    *p = ahead;
    p.expect_word("script")?;
    let mut parts = Parts {
        security: true,
        mappings: true,
        encoding: true,
    };
    for (name, value) in properties(p)? {
        let on = flag(&name, &value)?;
        match name.to_ascii_lowercase().as_str() {
            "includesecuritysettings" => parts.security = on,
            "includeingestionmappings" => parts.mappings = on,
            "includeencodingpolicies" => parts.encoding = on,
            // No credentials are kept here.
            "showobfuscatedstrings" => {}
            _ => {
                let message = format!("'{name}' is not a property of the command.");
                return Err(KustoError::bad_request(message));
            }
        }
    }
    Ok(Some(parts))
}

/// What may stand where the name of a database is left out.
const DATABASE_WORDS: [&str; 9] = [
    "cslschema",
    "datastats",
    "details",
    "extents",
    "identity",
    "journal",
    "policies",
    "policy",
    "schema",
];

fn database_form(p: &mut Parser<'_>) -> Parsed<DatabaseForm> {
    let start = p.clone();
    let word = p.name("what to show of the database")?;
    Ok(match word.as_str() {
        "details" => DatabaseForm::Details,
        "identity" => DatabaseForm::Identity,
        "policies" => DatabaseForm::Policies,
        "datastats" => DatabaseForm::DataStats,
        "entities" => DatabaseForm::Entities,
        "cslschema" => DatabaseForm::CslSchema,
        "schema" => schema_form(p)?,
        _ => return unsupported(&start, "show database"),
    })
}

/// Options choose kinds of entities; without any, all are shown.
fn schema_json(p: &mut Parser<'_>) -> Parsed<DatabaseForm> {
    let start = p.clone();
    let options = properties(p)?;
    let is_set = |wanted: &str| {
        let mut options = options.iter();
        options.any(|(name, value)| {
            name.eq_ignore_ascii_case(wanted) && value.to_text().eq_ignore_ascii_case("true")
        })
    };
    if !options.is_empty() && !is_set("Tables") {
        return Err(start.error("a schema without the tables is not supported"));
    }
    Ok(DatabaseForm::SchemaJson {
        functions: options.is_empty() || is_set("Functions"),
    })
}

fn tables(p: &mut Parser<'_>) -> Parsed<Command> {
    let tables = match p.peek() {
        TokenKind::Symbol("(") => Some(table_names(p)?),
        _ => None,
    };
    match tables {
        Some(tables) if p.eat_word("extents") => extents::show(p, ExtentPlace::Tables(tables)),
        tables => Ok(Command::ShowTables {
            tables,
            details: p.eat_word("details"),
        }),
    }
}

fn table(p: &mut Parser<'_>) -> Parsed<Command> {
    if p.eat("*") {
        p.expect_word("policy")?;
        return policies::show(p, PolicyOwner::AllTables);
    }
    let table = table_name(p)?;
    if p.eat_word("ingestion") {
        return mappings::show(p, Owner::Table(table));
    }
    if p.eat_word("policy") {
        return policies::show(p, PolicyOwner::Tables(table.into()));
    }
    if p.eat_word("principals") {
        return Ok(Command::ShowPrincipals(Owner::Table(table)));
    }
    if p.eat_word("extents") {
        return extents::show(p, ExtentPlace::Tables(table.into()));
    }
    if p.eat_word("principal") {
        p.expect_word("roles")?;
        return Ok(Command::ShowOwnRoles(Some(Owner::Table(table))));
    }
    let form = if at_end(p) {
        TableForm::Attributes
    } else if p.eat_word("cslschema") {
        TableForm::CslSchema
    } else if p.eat_word("details") {
        TableForm::Details
    } else {
        p.expect_word("schema")
            .or_else(|_| unsupported(p, "show table"))?;
        if p.eat_word("as") {
            p.expect_word("json")?;
        }
        TableForm::Schema
    };
    Ok(Command::ShowTable { table, form })
}

fn ingestion(p: &mut Parser<'_>) -> Parsed<Command> {
    if p.eat_word("resources") {
        properties(p)?;
        return Ok(Command::GetIngestionResources);
    }
    p.expect_word("failures")?;
    let mut operation = None;
    if p.eat_word("with") {
        p.expect("(")?;
        p.expect_word("OperationId")?;
        p.expect("=")?;
        operation = Some(guid(p)?);
        p.expect(")")?;
    }
    Ok(Command::ShowIngestionFailures { operation })
}

/// None, `guid`, or `(guid, guid)`.
fn operation_ids(p: &mut Parser<'_>) -> Parsed<Vec<Uuid>> {
    match p.peek() {
        TokenKind::Symbol("(") => guids(p),
        _ if at_end(p) => Ok(Vec::new()),
        _ => Ok(vec![guid(p)?]),
    }
}

pub(super) fn get(p: &mut Parser<'_>) -> Parsed<Command> {
    if p.eat_word("ingestion") {
        p.expect_word("resources")?;
        properties(p)?;
        return Ok(Command::GetIngestionResources);
    }
    p.expect_word("kusto").or_else(|_| unsupported(p, "get"))?;
    p.expect_word("identity")?;
    p.expect_word("token")?;
    Ok(Command::GetIdentityToken)
}

/// `.refresh database 'D' [table 'T'] cache ingestionbatchingpolicy`
pub(super) fn refresh(p: &mut Parser<'_>) -> Parsed<Command> {
    let entity = |p: &mut Parser<'_>, what: &str| match p.peek() {
        TokenKind::Text(_) => p.string(what),
        _ => p.name(what),
    };
    p.expect_word("database")
        .or_else(|_| unsupported(p, "refresh"))?;
    let database = entity(p, "a database name")?;
    let table = match p.eat_word("table") {
        true => Some(entity(p, "a table name")?),
        false => None,
    };
    p.expect_word("cache")?;
    p.expect_word("ingestionbatchingpolicy")?;
    Ok(Command::RefreshCache { database, table })
}

/// `.cancel query 'ID' [with (reason = 'R')]`
pub(super) fn cancel(p: &mut Parser<'_>) -> Parsed<Command> {
    p.expect_word("query")
        .or_else(|_| unsupported(p, "cancel"))?;
    let id = p.string("the client activity id of the query")?;
    let given = properties(p)?;
    let reason = given
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("reason"));
    let reason = reason.map_or_else(String::new, |(_, value): &(String, Value)| value.to_text());
    Ok(Command::CancelQuery { id, reason })
}
