//! The shapes of replies: v1 tables, v2 frames, errors. Members are written in the order in which
//! the service writes them, because some clients read frames without a full JSON parser.

mod error;
mod v1;
mod v2;

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::error::{ErrorKind, KustoError};
use super::identity::Identity;
use super::kql::run::ResultTable;
use super::value::Value;

pub(super) use error::{context, error_body};
pub(super) use v1::{management, query_v1};
pub(super) use v2::{Layout, query_v2};

/// A query's or command's result as it goes to the client.
pub(super) struct Answer<'a> {
    /// The tables, at least one.
    pub tables: &'a [ResultTable],
    /// An error that cut the rows of the last table short.
    pub partial: Option<KustoError>,
    /// Whether that error stands in the status alone.
    pub is_deferred: bool,
    /// Who asked.
    pub identity: &'a Identity,
}

/// What the completion tables say about how the query ended.
struct Completion {
    level: i32,
    level_name: &'static str,
    code: i32,
    code_name: &'static str,
    text: String,
}

impl Answer<'_> {
    /// The error as far as it stands with the data.
    fn shown_error(&self) -> Option<&KustoError> {
        self.partial.as_ref().filter(|_| !self.is_deferred)
    }

    /// The rows of a table as JSON arrays; in the last one, the error that cut them short as one
    /// more row.
    fn rows(&self, at: usize, error_row: impl Fn(&KustoError) -> Json) -> Vec<Json> {
        let cells = |row: &[Value]| Json::Array(row.iter().map(Value::to_json).collect());
        let last = at + 1 == self.tables.len();
        let error = self
            .shown_error()
            .into_iter()
            .filter(|_| last)
            .map(error_row);
        self.tables[at]
            .relation
            .rows
            .iter()
            .map(cells)
            .chain(error)
            .collect()
    }

    fn completion(&self) -> Completion {
        match &self.partial {
            None => Completion {
                level: 4,
                level_name: "Info",
                code: 0,
                code_name: "S_OK (0)",
                text: "Query completed successfully".to_owned(),
            },
            Some(error) if error.kind == ErrorKind::LimitsExceeded => Completion {
                level: 2,
                level_name: "Error",
                code: RUNAWAY_QUERY,
                code_name: "E_RUNAWAY_QUERY",
                text: error.to_string(),
            },
            Some(error) => Completion {
                level: 2,
                level_name: "Error",
                code: RESULT_TOO_LARGE,
                code_name: "E_QUERY_RESULT_SET_TOO_LARGE",
                text: error.to_string(),
            },
        }
    }
}

/// 0x80DA0001 as the signed number of the status tables.
const RUNAWAY_QUERY: i32 = -2_133_196_799;
/// 0x80DA0003, in the same way.
const RESULT_TOO_LARGE: i32 = -2_133_196_797;

/// What a client should draw when the query does not say it.
const VISUALIZATION: &str = r#"{"Visualization":null,"Title":null,"XColumn":null,"Series":null,"YColumns":null,"XTitle":null,"YTitle":null,"XAxis":null,"YAxis":null,"Legend":null,"YSplit":null,"Accumulate":false,"IsQuerySorted":false,"Kind":null}"#;

/// What a client should draw of a table.
fn visualization(table: &ResultTable) -> String {
    let Some(render) = &table.render else {
        return VISUALIZATION.to_owned();
    };
    let mut members: Map<String, Json> = serde_json::from_str(VISUALIZATION).unwrap_or_default();
    members.extend(render.members());
    Json::Object(members).to_string()
}

/// Serializes what cannot fail: only maps with keys that are no text can.
pub(super) fn bytes(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_else(|error| {
        json!({"error": {"message": error.to_string()}})
            .to_string()
            .into_bytes()
    })
}
