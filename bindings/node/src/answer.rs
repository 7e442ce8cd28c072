//! Results on their way to JavaScript.

use kusto_ingest::ingest::{Receipt, ReceiptItem};
use kusto_ingest::query::{ColumnType, DataSet, Table, Value};
use kusto_ingest::track::{Report, ReportItem};
use serde_json::{Value as Json, json};

use crate::failure::retry;

/// For `lib/result.js`.
pub(crate) fn receipt(receipt: &Receipt) -> String {
    let item = |item: &ReceiptItem| {
        json!({
            "sourceId": item.source_id.to_string(),
            "blob": item.blob,
            "bytesRaw": item.bytes_raw,
            "bytesSent": item.bytes_sent,
        })
    };
    json!({
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
    let item = |item: &ReportItem| {
        let mut json = item.to_json();
        json["Retry"] = retry(item.retry()).into();
        json
    };
    Json::Array(report.items().iter().map(item).collect()).to_string()
}

/// For `lib/response.js`: values as texts, so that none loses precision on its way.
pub(crate) fn data_set(data: &DataSet) -> String {
    json!({ "tables": data.tables.iter().map(table).collect::<Vec<_>>() }).to_string()
}

fn table(table: &Table) -> Json {
    let columns: Vec<Json> = table
        .columns
        .iter()
        .map(|column| json!({ "name": column.name, "type": column.ty.name() }))
        .collect();
    let row = |row: &Vec<Value>| -> Vec<Option<String>> {
        row.iter()
            .zip(&table.columns)
            .map(|(value, column)| text(value, column.ty))
            .collect()
    };
    json!({
        "name": table.name,
        "kind": table.kind.name(),
        "columns": columns,
        "rows": table.rows.iter().map(row).collect::<Vec<_>>(),
    })
}

/// In the service's notation, but a `dynamic` is JSON: there the quotes distinguish a text
/// from a number.
fn text(value: &Value, ty: ColumnType) -> Option<String> {
    match value {
        Value::Dynamic(json) if ty == ColumnType::Dynamic => Some(json.to_string()),
        other => other.to_text(),
    }
}
