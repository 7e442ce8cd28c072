//! Results on their way to JavaScript.

use kusto_ingest::ingest::{Receipt, ReceiptItem, UpdatePolicy};
use kusto_ingest::query::{Column, DataSet, Table, Value};
use kusto_ingest::track::{IngestionStatus, Report};
use serde_json::{Value as Json, json};

use crate::failure::{retry, to_json};

/// For `lib/result.js`.
pub(crate) fn receipt(receipt: &Receipt) -> String {
    let item = |item: &ReceiptItem| {
        json!({
            "sourceId": item.source_id.to_string(),
            "blob": item.blob,
            "bytesRaw": item.bytes_raw,
            "bytesSent": item.bytes_sent,
            "format": item.format.wire_name(),
            "formatAssumed": item.format_assumed,
        })
    };
    let policy = |policy: &UpdatePolicy| {
        json!({
            "status": policy.status,
            "failureCode": policy.failure_code,
            "failureReason": policy.failure_reason,
            "failed": policy.is_failure(),
        })
    };
    let delivery = json!({
        "route": receipt.route() as i32,
        "attempts": receipt.attempts(),
        "fallbackCause": receipt.fallback_cause().map(to_json),
        "updatePolicy": receipt.update_policy().map(policy),
        "possiblyDuplicated": receipt.possibly_duplicated(),
    });
    json!({
        "delivery": delivery,
        "items": receipt.items().iter().map(item).collect::<Vec<_>>(),
        "sourceId": receipt.source_id().to_string(),
        "bytesRaw": receipt.bytes_raw(),
        "bytesSent": receipt.bytes_sent(),
        "trackingToken": receipt.tracking_token().to_string(),
    })
    .to_string()
}

/// The service's names, as in the official SDK, and whether to retry.
pub(crate) fn report(report: &Report) -> String {
    let item = |item: &IngestionStatus| {
        let mut json = item.to_json();
        json["Retry"] = retry(item.retry()).into();
        json
    };
    Json::Array(report.items().iter().map(item).collect()).to_string()
}

/// For `lib/response.js`: values as texts, so that none loses precision on its way. Written row by
/// row: a tree of a large answer would take many times its size.
pub(crate) fn data_set(data: &DataSet) -> String {
    let mut out = "{\"tables\":[".to_owned();
    for (index, table) in data.tables.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_table(table, &mut out);
    }
    out += "]}";
    out
}

fn write_table(table: &Table, out: &mut String) {
    let column = |column: &Column| json!({ "name": column.name, "type": column.ty.name() });
    let columns: Json = table.columns.iter().map(column).collect();
    let name = Json::from(table.name.as_str());
    let kind = table.kind.name();
    *out += &format!(r#"{{"name":{name},"kind":"{kind}","columns":{columns},"rows":["#);
    for (index, row) in table.rows.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let texts: Json = row.iter().map(Value::to_text).collect();
        *out += &texts.to_string();
    }
    *out += "]}";
}
