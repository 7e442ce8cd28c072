//! `.show database schema as csl script`: the commands that make a database's schema again, one a row.

use serde_json::Value as Json;

use super::super::database::{Database, Function};
use super::super::table::{Mappings, Policies, Principal, Row, Table};
use super::command::PolicyKind;
use super::grammar::POLICIES;
use super::policy::printed;
use super::rows::text;
use super::show::{csl_schema, entity};

/// What of it is shown besides tables, functions and most policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Principals, row level security and restricted view access.
    pub security: bool,
    /// Mappings.
    pub mappings: bool,
    /// Encoding policies.
    pub encoding: bool,
}

/// In an order in which each command finds what it refers to: a policy may have a query, which the service checks, over
/// other tables and functions.
pub(super) fn rows(database: &Database, parts: Parts) -> Vec<Row> {
    let name = format!("database {}", entity(&database.name));
    let mut commands = principals(&name, &database.principals, parts);
    commands.extend(mappings(&name, &database.mappings, parts));
    let tables = database.tables.values();
    commands.extend(tables.clone().flat_map(|found| table(found, parts)));
    commands.extend(database.functions.values().map(function));
    let mut all = policies(&name, &database.policies, parts);
    for found in tables {
        all.extend(policies(&table_name(found), &found.policies, parts));
    }
    let (last, first): (Vec<_>, Vec<_>) = all.into_iter().partition(|(kind, _)| has_query(*kind));
    commands.extend(first.into_iter().chain(last).map(|(_, command)| command));
    commands.into_iter().map(|one| vec![text(one)]).collect()
}

fn table_name(found: &Table) -> String {
    format!("table {}", entity(&found.schema.name))
}

fn has_query(kind: PolicyKind) -> bool {
    matches!(kind, PolicyKind::Update | PolicyKind::RowLevelSecurity)
}

fn table(found: &Table, parts: Parts) -> Vec<String> {
    let name = table_name(found);
    let columns = csl_schema(&found.schema);
    let (folder, doc) = (literal(&found.folder), literal(&found.doc_string));
    let made =
        format!(".create-merge {name} ({columns}) with (folder = {folder}, docstring = {doc})");
    let docs = found.column_docs.iter();
    let docs: Vec<_> = docs
        .map(|(column, doc)| format!("{}: {}", entity(column), literal(doc)))
        .collect();
    let described = format!(".alter {name} column-docstrings ({})", docs.join(", "));
    let mut commands = vec![made];
    commands.extend((!docs.is_empty()).then_some(described));
    commands.extend(mappings(&name, &found.mappings, parts));
    commands.extend(principals(&name, &found.principals, parts));
    commands
}

fn mappings(owner: &str, mappings: &Mappings, parts: Parts) -> Vec<String> {
    let one = |((kind, name), mapping): (&(String, String), &super::super::table::Mapping)| {
        let (name, json) = (literal(name), literal(&mapping.json));
        format!(".create-or-alter {owner} ingestion {kind} mapping {name} {json}")
    };
    let shown = mappings.iter().filter(|_| parts.mappings);
    shown.map(one).collect()
}

fn policies(owner: &str, policies: &Policies, parts: Parts) -> Vec<(PolicyKind, String)> {
    let is_shown = |word: &str| match word {
        "row_level_security" | "restricted_view_access" => parts.security,
        "encoding" => parts.encoding,
        _ => true,
    };
    let shown = POLICIES.iter().filter(|(word, _)| is_shown(word));
    let one = |(word, kind): &(&str, PolicyKind)| {
        let value = written(*kind, &printed(policies, *kind)?);
        Some((*kind, format!(".alter {owner} policy {word} {value}")))
    };
    shown.filter_map(one).collect()
}

/// The policy as `.alter` takes it.
fn written(kind: PolicyKind, json: &str) -> String {
    let parsed: Json = serde_json::from_str(json).unwrap_or_default();
    let part = |path: &str| {
        parsed
            .pointer(path)
            .and_then(Json::as_str)
            .unwrap_or_default()
    };
    let members = parsed.as_object().map_or(0, serde_json::Map::len);
    match (kind, parsed.get("IsEnabled").and_then(Json::as_bool)) {
        (PolicyKind::Caching, _) => {
            let spans = ["/DataHotSpan/Value", "/IndexHotSpan/Value"].map(part);
            let windows = parsed["HotWindows"].as_array().into_iter().flatten();
            let windows = windows.map(|window| {
                let [from, to] = ["MinValue", "MaxValue"].map(|end| window[end].as_str());
                let [from, to] = [from, to].map(Option::unwrap_or_default);
                format!(", hot_window = datetime({from}) .. datetime({to})")
            });
            let windows: String = windows.collect();
            format!(
                "hotdata = time({}) hotindex = time({}){windows}",
                spans[0], spans[1]
            )
        }
        (PolicyKind::RowLevelSecurity, Some(on)) => {
            let verb = if on { "enable" } else { "disable" };
            format!("{verb} {}", literal(part("/Query")))
        }
        (PolicyKind::IngestionTime | PolicyKind::Kept(_), Some(on)) if members == 1 => {
            on.to_string()
        }
        _ => literal(json),
    }
}

fn principals(owner: &str, principals: &[Principal], parts: Parts) -> Vec<String> {
    let one = |found: &Principal| {
        let (fqn, notes) = (literal(&found.fqn), literal(&found.notes));
        format!(".add {owner} {} ({fqn}) skip-results {notes}", found.role)
    };
    let shown = principals.iter().filter(|_| parts.security);
    shown.map(one).collect()
}

fn function(found: &Function) -> String {
    let (folder, doc) = (literal(&found.folder), literal(&found.doc_string));
    let view = if found.view { ", view = true" } else { "" };
    format!(
        ".create-or-alter function with (folder = {folder}, docstring = {doc}, skipvalidation = \"true\"{view}) \
         {} {} {}",
        entity(&found.name),
        found.parameters,
        found.body
    )
}

/// The text as a string literal on one line.
fn literal(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    let escaped = escaped.replace('\n', "\\n").replace('\r', "\\r");
    format!("\"{escaped}\"")
}
