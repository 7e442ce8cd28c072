//! Commands about policies. Whatever way a policy is written, it becomes JSON here.

use serde_json::{Map, Value as Json, json};

use super::super::super::kql::lexer::TokenKind;
use super::super::super::kql::parser::{Parsed, Parser};
use super::super::super::value::{ColumnType, Value};
use super::super::super::{datetime, timespan};
use super::super::command::{Command, PolicyCommand, PolicyKind, PolicyOwner, TableCommand};
use super::{properties, table_name, tail, unsupported};

/// The words of commands for them.
pub(in super::super) const KINDS: [(&str, PolicyKind); 20] = [
    ("ingestionbatching", PolicyKind::IngestionBatching),
    ("streamingingestion", PolicyKind::StreamingIngestion),
    ("ingestiontime", PolicyKind::IngestionTime),
    ("retention", PolicyKind::Retention),
    ("caching", PolicyKind::Caching),
    ("update", PolicyKind::Update),
    ("auto_delete", PolicyKind::Kept("AutoDeletePolicy")),
    ("merge", PolicyKind::MERGE),
    ("sharding", PolicyKind::SHARDING),
    ("partitioning", PolicyKind::Kept("PartitioningPolicy")),
    ("encoding", PolicyKind::Kept("EncodingPolicy")),
    ("roworder", PolicyKind::ROW_ORDER),
    (
        "restricted_view_access",
        PolicyKind::Kept("RestrictedViewAccessPolicy"),
    ),
    (
        "extent_tags_retention",
        PolicyKind::Kept("ExtentTagsRetentionPolicy"),
    ),
    (
        "managed_identity",
        PolicyKind::Kept("ManagedIdentityPolicy"),
    ),
    ("callout", PolicyKind::Kept("CalloutPolicy")),
    ("capacity", PolicyKind::Kept("CapacityPolicy")),
    ("sandbox", PolicyKind::Kept("SandboxPolicy")),
    ("diagnostics", PolicyKind::Kept("DiagnosticsPolicy")),
    ("row_level_security", PolicyKind::RowLevelSecurity),
];

/// Those that only tables have.
const OF_TABLES: [PolicyKind; 7] = [
    PolicyKind::IngestionTime,
    PolicyKind::Update,
    PolicyKind::RowLevelSecurity,
    PolicyKind::Kept("AutoDeletePolicy"),
    PolicyKind::Kept("PartitioningPolicy"),
    PolicyKind::ROW_ORDER,
    PolicyKind::Kept("RestrictedViewAccessPolicy"),
];

/// Those that only the cluster has.
const OF_CLUSTER: [PolicyKind; 3] = [
    PolicyKind::Kept("CalloutPolicy"),
    PolicyKind::Kept("CapacityPolicy"),
    PolicyKind::Kept("SandboxPolicy"),
];

/// What follows `.show ... policy`.
pub(super) fn show(p: &mut Parser<'_>, owner: PolicyOwner) -> Parsed<Command> {
    let kind = kind(p, &owner)?;
    Ok(Command::Policy(PolicyCommand::ShowPolicy { owner, kind }))
}

/// `.delete table T policy KIND`, `.delete database D policy KIND`, `.delete [async] table T records <| PREDICATE`
pub(super) fn delete(p: &mut Parser<'_>) -> Parsed<Command> {
    let is_async = p.eat_word("async");
    let owner = if !is_async && p.eat_word("database") {
        PolicyOwner::Database(Some(p.name("a database name")?))
    } else {
        p.expect_word("table")
            .or_else(|_| unsupported(p, "delete"))?;
        let table = table_name(p)?;
        if is_async || p.is_word("records") {
            p.expect_word("records")?;
            return Ok(Command::Table(TableCommand::DeleteRecords {
                table,
                is_async,
                properties: properties(p)?,
                predicate: tail(p)?,
            }));
        }
        PolicyOwner::Tables(table.into())
    };
    p.expect_word("policy")
        .or_else(|_| unsupported(p, "delete"))?;
    let kind = kind(p, &owner)?;
    Ok(Command::Policy(PolicyCommand::DeletePolicy { owner, kind }))
}

/// What follows `.alter ... policy` and `.alter-merge ... policy`.
pub(super) fn alter(p: &mut Parser<'_>, owner: PolicyOwner, merge: bool) -> Parsed<Command> {
    let kind = kind(p, &owner)?;
    let json = match kind {
        PolicyKind::StreamingIngestion if p.eat_word("enable") => enabled(true),
        PolicyKind::StreamingIngestion if p.eat_word("disable") => enabled(false),
        PolicyKind::IngestionTime if !merge => match *p.peek() {
            TokenKind::Literal(Value::Bool(on), _) => {
                p.advance();
                enabled(on)
            }
            _ => return Err(p.expected("'true' or 'false'")),
        },
        PolicyKind::Caching if !merge => caching(p)?,
        PolicyKind::RowLevelSecurity if !merge => row_level_security(p)?,
        PolicyKind::Retention if merge && !matches!(p.peek(), TokenKind::Text(_)) => retention(p)?,
        PolicyKind::IngestionBatching
        | PolicyKind::StreamingIngestion
        | PolicyKind::Retention
        | PolicyKind::Update => p.string("the policy as JSON in a string")?,
        PolicyKind::Kept(_) => match *p.peek() {
            TokenKind::Literal(Value::Bool(on), _) => {
                p.advance();
                enabled(on)
            }
            _ => p.string("the policy as JSON in a string")?,
        },
        _ => return Err(p.error("this policy cannot be changed here")),
    };
    Ok(Command::Policy(PolicyCommand::AlterPolicy {
        owner,
        kind,
        json,
        merge,
    }))
}

fn kind(p: &mut Parser<'_>, owner: &PolicyOwner) -> Parsed<PolicyKind> {
    let has = |kind: &PolicyKind| match owner {
        PolicyOwner::Database(_) => !OF_TABLES.contains(kind) && !OF_CLUSTER.contains(kind),
        PolicyOwner::Cluster => !OF_TABLES.contains(kind),
        _ => !OF_CLUSTER.contains(kind),
    };
    let known = KINDS.iter().filter(|(_, kind)| has(kind));
    let Some((_, kind)) = known.clone().find(|(name, _)| p.is_word(name)) else {
        let names: Vec<_> = known.map(|(name, _)| *name).collect();
        let expected = format!("a policy that is known here ({})", names.join(", "));
        return Err(p.expected(&expected));
    };
    p.advance();
    Ok(*kind)
}

fn enabled(on: bool) -> String {
    json!({ "IsEnabled": on }).to_string()
}

/// `enable "query"`, `disable "query"`
fn row_level_security(p: &mut Parser<'_>) -> Parsed<String> {
    let on = p.eat_word("enable");
    if !on {
        p.expect_word("disable")
            .map_err(|_| p.expected("'enable' or 'disable'"))?;
    }
    let query = p.string("the query in a string")?;
    Ok(json!({ "IsEnabled": on, "Query": query }).to_string())
}

/// `softdelete = 10d recoverability = disabled`, either or both.
fn retention(p: &mut Parser<'_>) -> Parsed<String> {
    let mut members = Map::new();
    loop {
        if p.eat_word("softdelete") {
            members.insert("SoftDeletePeriod".to_owned(), span(p)?);
        } else if p.eat_word("recoverability") {
            p.expect("=")?;
            let value = match p.eat_word("enabled") {
                true => "Enabled",
                false => {
                    p.expect_word("disabled")?;
                    "Disabled"
                }
            };
            members.insert("Recoverability".to_owned(), value.into());
        } else if members.is_empty() {
            return Err(p.expected("'softdelete', 'recoverability' or JSON in a string"));
        } else {
            return Ok(Json::Object(members).to_string());
        }
    }
}

/// `hot = 3d` or `hotdata = 3d hotindex = 3d`, then `, hot_window = FROM .. TO` any number of times.
fn caching(p: &mut Parser<'_>) -> Parsed<String> {
    let (data, index) = if p.eat_word("hot") {
        let span = span(p)?;
        (span.clone(), span)
    } else {
        p.expect_word("hotdata")
            .map_err(|_| p.expected("'hot' or 'hotdata'"))?;
        let data = span(p)?;
        p.expect_word("hotindex")?;
        (data, span(p)?)
    };
    let mut windows = Vec::new();
    while p.eat(",") {
        p.expect_word("hot_window")?;
        p.expect("=")?;
        let from = moment(p)?;
        p.expect("..")?;
        windows.push(json!({"MinValue": from, "MaxValue": moment(p)?}));
    }
    let mut policy = json!({"DataHotSpan": {"Value": data}, "IndexHotSpan": {"Value": index}});
    if !windows.is_empty() {
        policy["HotWindows"] = windows.into();
    }
    Ok(policy.to_string())
}

/// `= 3d`
fn span(p: &mut Parser<'_>) -> Parsed<Json> {
    p.expect("=")?;
    match *p.peek() {
        TokenKind::Literal(Value::TimeSpan(ticks), _) if ticks >= 0 => {
            p.advance();
            Ok(timespan::print(ticks).into())
        }
        _ => Err(p.expected("a timespan")),
    }
}

fn moment(p: &mut Parser<'_>) -> Parsed<String> {
    match *p.peek() {
        TokenKind::Literal(Value::DateTime(ticks), ColumnType::DateTime) => {
            p.advance();
            Ok(datetime::print(ticks).replace(".0000000Z", "Z"))
        }
        _ => Err(p.expected("a datetime")),
    }
}
