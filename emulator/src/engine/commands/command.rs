//! Management commands as they were written: the grammar.

use uuid::Uuid;

use super::super::database::Function;
use super::super::kql::ast::Operator;
use super::super::kql::lexer::TokenKind;
use super::super::kql::parser::{Parsed, Parser};
use super::super::schema::Column;
use super::super::value::Value;
use super::functions::{self, Existing};

/// What a mapping belongs to.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Owner {
    Table(String),
    Database(String),
}

/// Policies of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum PolicyKind {
    IngestionBatching,
    StreamingIngestion,
}

/// `with (...)`: names and values.
pub type Properties = Vec<(String, Value)>;

/// One command.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Command {
    ShowVersion,
    ShowDatabases,
    ShowTables,
    ShowTable {
        name: String,
        form: TableForm,
    },
    CreateTable {
        name: String,
        columns: Vec<Column>,
        properties: Properties,
    },
    MergeTable {
        name: String,
        columns: Vec<Column>,
        create: bool,
        properties: Properties,
    },
    DropTable {
        name: String,
        if_exists: bool,
    },
    ClearTable {
        name: String,
    },
    ClearSchemaCache,
    AlterPolicy {
        table: String,
        kind: PolicyKind,
        json: String,
        merge: bool,
    },
    DeletePolicy {
        table: String,
        kind: PolicyKind,
    },
    ShowPolicy {
        table: String,
        kind: PolicyKind,
    },
    CreateMapping {
        owner: Owner,
        kind: String,
        name: String,
        json: String,
        alter: bool,
    },
    ShowMappings {
        owner: Owner,
        kind: Option<String>,
        name: Option<String>,
    },
    DropMapping {
        owner: Owner,
        kind: String,
        name: String,
    },
    CreateFunction {
        function: Function,
        existing: Existing,
    },
    DropFunction {
        name: String,
        if_exists: bool,
    },
    ShowFunctions,
    ShowFunction {
        name: String,
    },
    GetIngestionResources,
    GetIdentityToken,
    RefreshCache,
    ShowIngestionFailures {
        operation: Option<Uuid>,
    },
    ShowOperations {
        operations: Vec<Uuid>,
    },
    IngestInline {
        table: String,
        properties: Properties,
        data: String,
    },
}

/// What `.show table T ...` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum TableForm {
    Schema,
    CslSchema,
    Details,
    Extents,
}

/// Parses a command and the query steps after it.
///
/// # Errors
/// A syntax error with its position.
pub fn parse(text: &str) -> Parsed<(Command, Vec<Operator>)> {
    let mut parser = Parser::new(text);
    parser.expect(".")?;
    let start = parser.clone();
    let verb = parser
        .hyphenated()
        .ok_or_else(|| start.expected("a command"))?;
    let command = match verb.as_str() {
        "show" => show(&mut parser)?,
        "get" => get(&mut parser)?,
        "create" | "create-or-alter" => create(&mut parser, &verb)?,
        "create-merge" => merge(&mut parser, true)?,
        "alter" | "alter-merge" => alter(&mut parser, verb == "alter-merge")?,
        "drop" => drop(&mut parser)?,
        "delete" => delete(&mut parser)?,
        "clear" => clear(&mut parser)?,
        "refresh" => refresh(&mut parser)?,
        "ingest" => return Ok((ingest_inline(&mut parser)?, Vec::new())),
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

fn show(p: &mut Parser<'_>) -> Parsed<Command> {
    if p.eat_word("version") {
        return Ok(Command::ShowVersion);
    }
    if p.eat_word("databases") {
        return Ok(Command::ShowDatabases);
    }
    if p.eat_word("tables") {
        return Ok(Command::ShowTables);
    }
    if p.eat_word("functions") {
        return Ok(Command::ShowFunctions);
    }
    if p.eat_word("function") {
        return Ok(Command::ShowFunction {
            name: p.name("a function name")?,
        });
    }
    if p.eat_word("operations") {
        return Ok(Command::ShowOperations {
            operations: operation_ids(p)?,
        });
    }
    if p.eat_word("ingestion") {
        return show_ingestion(p);
    }
    if p.eat_word("database") {
        let name = p.name("a database name")?;
        p.expect_word("ingestion")?;
        return show_mappings(p, Owner::Database(name));
    }
    p.expect_word("table").or_else(|_| unsupported(p, "show"))?;
    let name = p.name("a table name")?;
    if p.eat_word("ingestion") {
        return show_mappings(p, Owner::Table(name));
    }
    if p.eat_word("policy") {
        return Ok(Command::ShowPolicy {
            kind: policy_kind(p)?,
            table: name,
        });
    }
    let form = if p.eat_word("cslschema") {
        TableForm::CslSchema
    } else if p.eat_word("details") {
        TableForm::Details
    } else if p.eat_word("extents") {
        TableForm::Extents
    } else {
        p.expect_word("schema")
            .or_else(|_| unsupported(p, "show table"))?;
        if p.eat_word("as") {
            p.expect_word("json")?;
        }
        TableForm::Schema
    };
    Ok(Command::ShowTable { name, form })
}

fn show_ingestion(p: &mut Parser<'_>) -> Parsed<Command> {
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
    if p.eat("(") {
        let ids = p.list(guid)?;
        p.expect(")")?;
        return Ok(ids);
    }
    match p.peek() {
        TokenKind::End | TokenKind::Symbol("|" | ";") => Ok(Vec::new()),
        _ => Ok(vec![guid(p)?]),
    }
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

fn show_mappings(p: &mut Parser<'_>, owner: Owner) -> Parsed<Command> {
    if p.eat_word("mappings") {
        return Ok(Command::ShowMappings {
            owner,
            kind: None,
            name: None,
        });
    }
    let kind = mapping_kind(p)?;
    let name = match p.eat_word("mapping") {
        true => Some(p.string("a mapping name")?),
        false => {
            p.expect_word("mappings")?;
            None
        }
    };
    Ok(Command::ShowMappings {
        owner,
        kind: Some(kind),
        name,
    })
}

/// The kind of a mapping in lower case.
fn mapping_kind(p: &mut Parser<'_>) -> Parsed<String> {
    let start = p.clone();
    let kind = p.name("a mapping kind")?.to_lowercase();
    match super::mapping::KINDS.contains(&kind.as_str()) {
        true => Ok(kind),
        false => Err(start.error(format!("'{kind}' is not a mapping kind"))),
    }
}

fn policy_kind(p: &mut Parser<'_>) -> Parsed<PolicyKind> {
    if p.eat_word("ingestionbatching") {
        return Ok(PolicyKind::IngestionBatching);
    }
    p.expect_word("streamingingestion")
        .map_err(|_| p.expected("'ingestionbatching' or 'streamingingestion'"))?;
    Ok(PolicyKind::StreamingIngestion)
}

fn get(p: &mut Parser<'_>) -> Parsed<Command> {
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

fn create(p: &mut Parser<'_>, verb: &str) -> Parsed<Command> {
    let alter = verb == "create-or-alter";
    if p.eat_word("database") {
        let owner = Owner::Database(p.name("a database name")?);
        p.expect_word("ingestion")?;
        return create_mapping(p, owner, alter);
    }
    if p.eat_word("function") {
        let existing = match alter {
            true => Existing::Replace,
            false => Existing::Refuse,
        };
        return functions::parse(p, existing);
    }
    p.expect_word("table").or_else(|_| unsupported(p, verb))?;
    let name = p.name("a table name")?;
    if p.eat_word("ingestion") {
        return create_mapping(p, Owner::Table(name), alter);
    }
    if alter {
        return unsupported(p, verb);
    }
    Ok(Command::CreateTable {
        name,
        columns: p.columns()?,
        properties: properties(p)?,
    })
}

fn create_mapping(p: &mut Parser<'_>, owner: Owner, alter: bool) -> Parsed<Command> {
    let kind = mapping_kind(p)?;
    p.expect_word("mapping")?;
    let name = p.single_string("a mapping name")?;
    let json = p.string("the mapping as JSON in a string")?;
    properties(p)?;
    Ok(Command::CreateMapping {
        owner,
        kind,
        name,
        json,
        alter,
    })
}

fn merge(p: &mut Parser<'_>, create: bool) -> Parsed<Command> {
    p.expect_word("table")
        .or_else(|_| unsupported(p, "create-merge"))?;
    let name = p.name("a table name")?;
    Ok(Command::MergeTable {
        name,
        columns: p.columns()?,
        create,
        properties: properties(p)?,
    })
}

fn alter(p: &mut Parser<'_>, merge: bool) -> Parsed<Command> {
    if !merge && p.eat_word("function") {
        return functions::parse(p, Existing::Require);
    }
    let verb = if merge { "alter-merge" } else { "alter" };
    p.expect_word("table").or_else(|_| unsupported(p, verb))?;
    let table = p.name("a table name")?;
    if p.eat_word("policy") {
        let kind = policy_kind(p)?;
        let json = match kind {
            PolicyKind::StreamingIngestion if p.eat_word("enable") => {
                r#"{"IsEnabled":true}"#.to_owned()
            }
            PolicyKind::StreamingIngestion if p.eat_word("disable") => {
                r#"{"IsEnabled":false}"#.to_owned()
            }
            _ => p.string("the policy as JSON in a string")?,
        };
        return Ok(Command::AlterPolicy {
            table,
            kind,
            json,
            merge,
        });
    }
    if p.eat_word("ingestion") && !merge {
        let kind = mapping_kind(p)?;
        p.expect_word("mapping")?;
        let name = p.single_string("a mapping name")?;
        let json = p.string("the mapping as JSON in a string")?;
        return Ok(Command::CreateMapping {
            owner: Owner::Table(table),
            kind,
            name,
            json,
            alter: true,
        });
    }
    if !merge {
        return unsupported(p, verb);
    }
    Ok(Command::MergeTable {
        name: table,
        columns: p.columns()?,
        create: false,
        properties: properties(p)?,
    })
}

fn drop(p: &mut Parser<'_>) -> Parsed<Command> {
    if p.eat_word("function") {
        return Ok(Command::DropFunction {
            name: p.name("a function name")?,
            if_exists: p.eat_word("ifexists"),
        });
    }
    let owner = if p.eat_word("database") {
        Owner::Database(p.name("a database name")?)
    } else {
        p.expect_word("table").or_else(|_| unsupported(p, "drop"))?;
        let name = p.name("a table name")?;
        if !p.is_word("ingestion") {
            return Ok(Command::DropTable {
                name,
                if_exists: p.eat_word("ifexists"),
            });
        }
        Owner::Table(name)
    };
    p.expect_word("ingestion")?;
    let kind = mapping_kind(p)?;
    p.expect_word("mapping")?;
    Ok(Command::DropMapping {
        owner,
        kind,
        name: p.string("a mapping name")?,
    })
}

fn delete(p: &mut Parser<'_>) -> Parsed<Command> {
    p.expect_word("table")
        .or_else(|_| unsupported(p, "delete"))?;
    let table = p.name("a table name")?;
    p.expect_word("policy")?;
    Ok(Command::DeletePolicy {
        table,
        kind: policy_kind(p)?,
    })
}

fn clear(p: &mut Parser<'_>) -> Parsed<Command> {
    let name = if p.eat_word("database") {
        None
    } else {
        p.expect_word("table")
            .or_else(|_| unsupported(p, "clear"))?;
        Some(p.name("a table name")?)
    };
    match name {
        Some(name) if p.eat_word("data") => Ok(Command::ClearTable { name }),
        _ => {
            p.expect_word("cache")?;
            p.expect_word("streamingingestion")?;
            p.expect_word("schema")?;
            Ok(Command::ClearSchemaCache)
        }
    }
}

/// `.refresh database 'D' [table 'T'] cache ingestionbatchingpolicy`
fn refresh(p: &mut Parser<'_>) -> Parsed<Command> {
    let entity = |p: &mut Parser<'_>, what: &str| match p.peek() {
        TokenKind::Text(_) => p.string(what),
        _ => p.name(what),
    };
    p.expect_word("database")
        .or_else(|_| unsupported(p, "refresh"))?;
    entity(p, "a database name")?;
    if p.eat_word("table") {
        entity(p, "a table name")?;
    }
    p.expect_word("cache")?;
    p.expect_word("ingestionbatchingpolicy")?;
    Ok(Command::RefreshCache)
}

fn ingest_inline(p: &mut Parser<'_>) -> Parsed<Command> {
    p.expect_word("inline")
        .or_else(|_| unsupported(p, "ingest"))?;
    p.expect_word("into")?;
    p.expect_word("table")?;
    let table = p.name("a table name")?;
    let properties = properties(p)?;
    if *p.peek() != TokenKind::Symbol("<|") {
        return Err(p.expected("'<|'"));
    }
    let data = p.rest()["<|".len()..].to_owned();
    Ok(Command::IngestInline {
        table,
        properties,
        data,
    })
}
