//! The text of commands.

use kusto_ingest::command::{self, BatchingPolicy};
use kusto_ingest::error::Result;
use kusto_ingest::props::MappingKind;
use kusto_ingest::query::Column;
use kusto_ingest::values::TimeSpan;
use napi_derive::napi;

use crate::client::whole;
use crate::failure::OrThrow as _;

fn columns(pairs: Vec<(String, String)>) -> Result<Vec<Column>> {
    let column = |(name, ty): (String, String)| Column::with_type_name(name, &ty);
    pairs.into_iter().map(column).collect()
}

/// `.create table` or `.create-merge table`; columns are pairs of name and type.
#[napi(catch_unwind)]
pub fn create_table_command(
    table: String,
    pairs: Vec<(String, String)>,
    merge: bool,
) -> napi::Result<String> {
    let columns = columns(pairs).or_throw()?;
    match merge {
        true => command::create_merge_table(&table, &columns),
        false => command::create_table(&table, &columns),
    }
    .or_throw()
}

/// `.create` or `.create-or-alter table T ingestion ... mapping`.
#[napi(catch_unwind)]
pub fn create_mapping_command(
    table: String,
    kind: String,
    name: String,
    json: String,
    or_alter: bool,
) -> napi::Result<String> {
    let kind: MappingKind = kind.parse().or_throw()?;
    match or_alter {
        true => command::create_or_alter_mapping(&table, kind, &name, &json),
        false => command::create_mapping(&table, kind, &name, &json),
    }
    .or_throw()
}

/// `.drop table T ingestion ... mapping`.
#[napi(catch_unwind)]
pub fn drop_mapping_command(table: String, kind: String, name: String) -> napi::Result<String> {
    let kind: MappingKind = kind.parse().or_throw()?;
    command::drop_mapping(&table, kind, &name).or_throw()
}

/// `.show table T ingestion ... mappings`.
#[napi(catch_unwind)]
pub fn show_mappings_command(table: String, kind: String) -> napi::Result<String> {
    let kind: MappingKind = kind.parse().or_throw()?;
    command::show_mappings(&table, kind).or_throw()
}

/// `.drop table T`, or with `if_exists` one that always succeeds.
#[napi(catch_unwind)]
pub fn drop_table_command(table: String, if_exists: bool) -> napi::Result<String> {
    command::drop_table(&table, if_exists).or_throw()
}

/// `.clear table T data`.
#[napi(catch_unwind)]
pub fn clear_table_command(table: String) -> napi::Result<String> {
    command::clear_table(&table).or_throw()
}

/// `.alter-merge table T policy ingestionbatching`; the time span is in milliseconds.
#[napi(catch_unwind)]
pub fn batching_policy_command(
    table: String,
    time_span: Option<f64>,
    items: Option<f64>,
    raw_size_mb: Option<f64>,
) -> napi::Result<String> {
    let number = |argument: &'static str, number: f64| {
        whole(argument, number).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
    };
    let ticks = |milliseconds: f64| {
        whole("timeSpan", milliseconds).map(|milliseconds| {
            let milliseconds = i64::try_from(milliseconds).unwrap_or(i64::MAX);
            TimeSpan::from_ticks(milliseconds.saturating_mul(10_000))
        })
    };
    let policy = BatchingPolicy {
        time_span: time_span.map(ticks).transpose().or_throw()?,
        items: items.map(|n| number("items", n)).transpose().or_throw()?,
        raw_size_mb: raw_size_mb
            .map(|n| number("rawSizeMB", n))
            .transpose()
            .or_throw()?,
    };
    command::alter_merge_batching_policy(&table, policy).or_throw()
}

/// `.refresh database D table T cache ingestionbatchingpolicy`.
#[napi(catch_unwind)]
pub fn refresh_batching_policy_command(database: String, table: String) -> napi::Result<String> {
    command::refresh_batching_policy_cache(&database, &table).or_throw()
}

/// A name as part of a command.
#[napi(catch_unwind)]
pub fn identifier(name: String) -> napi::Result<String> {
    command::identifier(&name).or_throw()
}

/// A text as part of a command or query; `obfuscated` hides it from the service's logs.
#[napi(catch_unwind)]
pub fn string_literal(text: String, obfuscated: bool) -> String {
    match obfuscated {
        true => command::obfuscated_literal(&text),
        false => command::string_literal(&text),
    }
}
