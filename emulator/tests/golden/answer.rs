//! Answers as lines of text, in a form in which different answers never look the same.

use kusto_emulator::engine::error::KustoError;
use kusto_emulator::engine::kql::relation::Relation;
use kusto_emulator::engine::kql::run::ResultTable;
use kusto_emulator::engine::value::Value;

/// One table, or several with a line before each further one that has its name.
pub(crate) fn tables(tables: &[ResultTable], vary: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, result) in tables.iter().enumerate() {
        if at > 0 || result.name.is_some() {
            lines.push(format!(
                "-- {}",
                result.name.as_deref().unwrap_or("PrimaryResult")
            ));
        }
        lines.extend(table(&result.relation, vary));
        if let Some(render) = &result.render {
            lines.push(serde_json::Value::Object(render.members()).to_string());
        }
    }
    lines
}

/// Names and types of the columns, then a line for each row. The values of columns that vary are not shown.
fn table(relation: &Relation, vary: &[String]) -> Vec<String> {
    if relation.columns.is_empty() {
        return vec![format!("no columns, {} rows", relation.rows.len())];
    }
    let header = relation
        .columns
        .iter()
        .map(|column| format!("{}:{}", name(&column.name), column.ty.kusto_name()));
    let mut lines = vec![header.collect::<Vec<_>>().join(", ")];
    for row in relation.rows.iter() {
        assert_eq!(row.len(), relation.columns.len(), "{row:?}");
        let values = row.iter().zip(&relation.columns).map(|(value, column)| {
            assert!(value.fits(column.ty), "{value:?} in {column:?}");
            if vary.contains(&column.name) {
                "*".to_owned()
            } else {
                cell(value)
            }
        });
        lines.push(values.collect::<Vec<_>>().join(", "));
    }
    lines
}

pub(crate) fn error(error: &KustoError) -> String {
    format!("error: {}", error.to_string().replace('\n', "\\n"))
}

fn name(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("[{}]", serde_json::Value::from(name))
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        // With a decimal point, and `NaN`, `inf` and `-inf`.
        Value::Real(value) => format!("{value:?}"),
        Value::String(text) => quoted(text),
        Value::Dynamic(serde_json::Value::Null) => "dynamic(null)".to_owned(),
        Value::Dynamic(json) => json.to_string(),
        Value::DateTime(_)
        | Value::Decimal(_)
        | Value::Guid(_)
        | Value::Int(_)
        | Value::Long(_)
        | Value::TimeSpan(_) => value.to_text(),
    }
}

/// As JSON; but JSON itself, of which much would be escaped, between single quotes as it is.
fn quoted(text: &str) -> String {
    let as_it_is = |c: char| c != '\'' && c != '\\' && !c.is_control();
    if text.contains('"') && text.chars().all(as_it_is) {
        format!("'{text}'")
    } else {
        serde_json::Value::from(text).to_string()
    }
}
