//! The text of management commands, with names and values escaped.

use crate::error::{Error, Result};
use crate::props::MappingKind;
use crate::query::{Column, ColumnType, Value};
use crate::values::{TimeSpan, is_decimal};

/// The service's limit for names.
const MAX_NAME_CHARS: usize = 1024;

/// A name as part of a command: `['name']`, which is safe for keywords, digits in front and any
/// character. Fails for an empty name and for one of more than 1024 characters.
///
/// ```
/// use kusto_ingest::command::identifier;
///
/// assert_eq!(identifier("it's")?, r"['it\'s']");
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
pub fn identifier(name: &str) -> Result<String> {
    if name.trim().is_empty() {
        return Err(Error::invalid_argument("name", "must not be empty"));
    }
    if name.chars().count() > MAX_NAME_CHARS {
        let message = format!("is longer than {MAX_NAME_CHARS} characters");
        return Err(Error::invalid_argument("name", message));
    }
    Ok(format!("['{}']", escape(name)))
}

/// A text as part of a command or query: `"text"`.
pub fn string_literal(text: &str) -> String {
    format!("\"{}\"", escape(text))
}

/// As [`string_literal`], but hidden from the service's logs: for any text with a secret.
pub fn obfuscated_literal(text: &str) -> String {
    format!("h{}", string_literal(text))
}

/// Escapes both quotes, the backslash and control characters. The rest is unchanged: the service
/// reads UTF-8.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for c in text.chars() {
        match c {
            '\\' | '\'' | '"' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // The line separators end a line of KQL too.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                out.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out
}

/// A value as the literal of its type, for query parameters. A null is `long(null)` and so on;
/// the null of `string` is the empty text, because Kusto has no other. Fails for a decimal that is
/// not a number.
pub fn value_literal(value: &Value, ty: ColumnType) -> Result<String> {
    let literal = match value {
        Value::Null if ty == ColumnType::String => "\"\"".to_owned(),
        Value::Null => format!("{ty}(null)"),
        Value::String(text) => string_literal(text),
        Value::Bool(flag) => format!("bool({flag})"),
        Value::Int(number) => format!("int({number})"),
        Value::Long(number) => format!("long({number})"),
        Value::Real(number) => format!("real({})", real_literal(*number)),
        Value::Decimal(text) if is_decimal(text) => format!("decimal({text})"),
        Value::Decimal(text) => {
            let message = format!("'{text}' is not a decimal number");
            return Err(Error::invalid_argument("value", message));
        }
        Value::Guid(id) => format!("guid({id})"),
        Value::DateTime(time) => format!("datetime({time})"),
        Value::TimeSpan(span) => format!("timespan({span})"),
        Value::Dynamic(json) => format!("dynamic({json})"),
    };
    Ok(literal)
}

fn real_literal(number: f64) -> String {
    if number.is_nan() {
        "nan".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "+inf" } else { "-inf" }.to_owned()
    } else {
        format!("{number:?}")
    }
}

/// `.create table`: leaves an existing table unchanged, even one with other columns.
///
/// ```
/// use kusto_ingest::command;
/// use kusto_ingest::query::Column;
///
/// let columns = [
///     Column::with_type_name("Id", "System.Int64")?,
///     Column::with_type_name("At", "datetime")?,
/// ];
/// assert_eq!(
///     command::create_table("Events", &columns)?,
///     ".create table ['Events'] (['Id']:long, ['At']:datetime)"
/// );
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
pub fn create_table(table: &str, columns: &[Column]) -> Result<String> {
    table_command(".create table", table, columns)
}

/// `.create-merge table`: adds the columns that are missing; fails when a type differs.
pub fn create_merge_table(table: &str, columns: &[Column]) -> Result<String> {
    table_command(".create-merge table", table, columns)
}

fn table_command(verb: &str, table: &str, columns: &[Column]) -> Result<String> {
    let table = table_name(table)?;
    if columns.is_empty() {
        return Err(Error::invalid_argument("columns", "must not be empty"));
    }
    let mut seen = std::collections::HashSet::new();
    let mut schema = Vec::with_capacity(columns.len());
    for column in columns {
        let name = identifier(&column.name).map_err(|error| error.with_argument("column"))?;
        if !seen.insert(column.name.as_str()) {
            let message = format!("'{}' is named twice", column.name);
            return Err(Error::invalid_argument("columns", message));
        }
        schema.push(format!("{name}:{}", column.ty));
    }
    Ok(format!("{verb} {table} ({})", schema.join(", ")))
}

fn table_name(table: &str) -> Result<String> {
    identifier(table).map_err(|error| error.with_argument("table"))
}

/// `.create table T ingestion ... mapping`: fails when the mapping exists. `json` is a mapping in
/// the current or the legacy shape, such as the result of [`crate::props::Mapping::to_wire_json`].
pub fn create_mapping(table: &str, kind: MappingKind, name: &str, json: &str) -> Result<String> {
    mapping_command(".create", table, kind, name, json)
}

/// `.create-or-alter table T ingestion ... mapping`: as [`create_mapping`], and replaces one that
/// exists.
pub fn create_or_alter_mapping(
    table: &str,
    kind: MappingKind,
    name: &str,
    json: &str,
) -> Result<String> {
    mapping_command(".create-or-alter", table, kind, name, json)
}

fn mapping_command(
    verb: &str,
    table: &str,
    kind: MappingKind,
    name: &str,
    json: &str,
) -> Result<String> {
    let table = table_name(table)?;
    let name = entity_literal("mapping", name)?;
    let is_list = serde_json::from_str::<Vec<serde_json::Value>>(json).is_ok();
    if !is_list {
        return Err(Error::invalid_argument("mapping", "must be a JSON array"));
    }
    let kind = kind.command_name();
    let json = string_literal(json);
    Ok(format!(
        "{verb} table {table} ingestion {kind} mapping {name} {json}"
    ))
}

/// `.drop table T ingestion ... mapping`.
pub fn drop_mapping(table: &str, kind: MappingKind, name: &str) -> Result<String> {
    let (table, name) = (table_name(table)?, entity_literal("mapping", name)?);
    let kind = kind.command_name();
    Ok(format!(
        ".drop table {table} ingestion {kind} mapping {name}"
    ))
}

/// `.show table T ingestion ... mappings`.
pub fn show_mappings(table: &str, kind: MappingKind) -> Result<String> {
    let (table, kind) = (table_name(table)?, kind.command_name());
    Ok(format!(".show table {table} ingestion {kind} mappings"))
}

/// `.drop table T`, or `.drop table T ifexists`, which succeeds when the table does not exist.
pub fn drop_table(table: &str, if_exists: bool) -> Result<String> {
    let table = table_name(table)?;
    let suffix = if if_exists { " ifexists" } else { "" };
    Ok(format!(".drop table {table}{suffix}"))
}

/// `.clear table T data`: removes all rows.
pub fn clear_table(table: &str) -> Result<String> {
    Ok(format!(".clear table {} data", table_name(table)?))
}

/// When the service closes a batch of queued data. [`alter_merge_batching_policy`] keeps the values
/// of members that are not set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchingPolicy {
    /// The age of the batch, 10 seconds to 30 minutes on a cluster.
    pub time_span: Option<TimeSpan>,
    /// The number of sources in it, 1 to 25,000.
    pub items: Option<u32>,
    /// Its raw size in MB, 100 to 4096.
    pub raw_size_mb: Option<u32>,
}

impl BatchingPolicy {
    fn to_json(self) -> Result<String> {
        let mut members = serde_json::Map::new();
        let mut put = |name: &str, value: Option<serde_json::Value>| {
            if let Some(value) = value {
                members.insert(name.to_owned(), value);
            }
        };
        let span = self.time_span.map(|span| span.to_string().into());
        put("MaximumBatchingTimeSpan", span);
        put("MaximumNumberOfItems", self.items.map(Into::into));
        put("MaximumRawDataSizeMB", self.raw_size_mb.map(Into::into));
        if members.is_empty() {
            return Err(Error::invalid_argument("policy", "sets nothing"));
        }
        Ok(serde_json::Value::Object(members).to_string())
    }
}

/// `.alter-merge table T policy ingestionbatching`: changes what the policy sets. The limits
/// depend on the cluster, which checks them.
pub fn alter_merge_batching_policy(table: &str, policy: BatchingPolicy) -> Result<String> {
    let (table, policy) = (table_name(table)?, string_literal(&policy.to_json()?));
    Ok(format!(
        ".alter-merge table {table} policy ingestionbatching {policy}"
    ))
}

/// `.refresh database D table T cache ingestionbatchingpolicy`, to be sent to the data management
/// endpoint: makes it use a changed policy at once.
pub fn refresh_batching_policy_cache(database: &str, table: &str) -> Result<String> {
    let database = entity_literal("database", database)?;
    let table = entity_literal("table", table)?;
    Ok(format!(
        ".refresh database {database} table {table} cache ingestionbatchingpolicy"
    ))
}

/// A name where the grammar requires a string.
fn entity_literal(argument: &str, name: &str) -> Result<String> {
    identifier(name)
        .map(|_| string_literal(name))
        .map_err(|error| error.with_argument(argument))
}

#[cfg(test)]
mod tests;
