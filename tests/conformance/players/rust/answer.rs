//! Results of the library, as the fields of an answer.

use kusto_ingest::error::{Error, RetryClass};
use kusto_ingest::ingest::UpdatePolicy;
use kusto_ingest::prelude::*;
use kusto_ingest::query::DataSet;
use kusto_ingest::source::Progress;
use kusto_ingest::track::IngestionStatus;

use crate::catalog::{ITEM_STATES, ROUTES};
use crate::message::Message;

pub(crate) type Fields = Vec<(String, String)>;

fn field(key: &str, value: impl ToString) -> (String, String) {
    (key.to_owned(), value.to_string())
}

pub(crate) fn error(error: &Error) -> Message {
    let retry = match error.retry() {
        RetryClass::Unknown => "unknown",
        RetryClass::Never => "never",
        RetryClass::Later => "later",
    };
    let mut fields = vec![
        field("code", error.kind().name()),
        field("message", error),
        field("step", error.step()),
        field("http_status", error.http_status().unwrap_or(0)),
        field("retry", retry),
        field("in_doubt", u8::from(error.is_in_doubt())),
        field("attempts", error.attempts().len()),
        field("handed_over", error.handed_over().len()),
    ];
    for (key, value) in [
        ("host", error.host()),
        ("argument", error.argument()),
        ("service_code", error.service_code()),
    ] {
        fields.extend(value.map(|value| field(key, value)));
    }
    Message::new("error", fields)
}

pub(crate) fn receipt(receipt: &Receipt, progress: Option<Progress>) -> Fields {
    let mut fields = vec![
        field("source_id", receipt.source_id()),
        field("items", receipt.items().len()),
        field("format", receipt.items()[0].format),
        field(
            "format_assumed",
            i32::from(receipt.items()[0].format_assumed),
        ),
        field("bytes_raw", receipt.bytes_raw()),
        field("bytes_sent", receipt.bytes_sent()),
    ];
    fields.extend(delivery(receipt));
    fields.extend(
        receipt
            .items()
            .iter()
            .map(|item| field("item", item.source_id)),
    );
    if let Some(progress) = progress {
        fields.push(field("progress_read", progress.read));
        fields.push(field("progress_sent", progress.sent));
        fields.extend(progress.total.map(|total| field("progress_total", total)));
    }
    fields
}

fn delivery(receipt: &Receipt) -> Fields {
    let mut routes = ROUTES.iter();
    let route = routes.find(|(_, route)| *route == receipt.route());
    let failed = receipt
        .update_policy()
        .is_some_and(UpdatePolicy::is_failure);
    let mut fields = vec![
        field("attempts", receipt.attempts()),
        field("policy_failed", i32::from(failed)),
        field("duplicated", i32::from(receipt.possibly_duplicated())),
    ];
    fields.extend(route.map(|(word, _)| field("route", word)));
    let cause = receipt.fallback_cause();
    fields.extend(cause.map(|cause| field("fallback", cause.service_code().unwrap_or_default())));
    fields
}

pub(crate) fn report(report: &Report) -> Fields {
    report.items().iter().map(item).collect()
}

fn item(item: &IngestionStatus) -> (String, String) {
    let mut states = ITEM_STATES.iter();
    let state = states.find(|(_, state)| item.state == *state);
    let state = state.map_or("-", |(word, _)| word);
    let id = item.source_id.map_or("-".to_owned(), |id| id.to_string());
    let code = item.error_code.as_deref().unwrap_or("-");
    field("item", format!("{state} {id} {code}"))
}

pub(crate) fn rows(data: &DataSet) -> Fields {
    let Some(table) = data.primary() else {
        return Vec::new();
    };
    let columns = table
        .columns
        .iter()
        .map(|column| field("column", format!("{} {}", column.name, column.ty.name())));
    let rows = table.rows.iter().map(|row| {
        let texts: Vec<Option<String>> = row.iter().map(|value| value.to_text()).collect();
        field("row", serde_json::json!(texts))
    });
    columns.chain(rows).collect()
}
