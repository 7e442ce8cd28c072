//! v2: frames. Never progressive; in fragments when the client asks for them.

use serde::Serialize;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::super::datetime;
use super::super::value::ColumnType;
use super::error::error_body;
use super::{Answer, bytes, visualization};

/// Rows in one fragment.
const FRAGMENT_ROWS: usize = 1000;

/// How the client wants the frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Layout {
    /// `results_v2_fragment_primary_tables`
    pub fragmented: bool,
    /// `results_v2_newlines_between_frames`
    pub newlines: bool,
    /// `results_error_reporting_placement` is not `in_data`.
    pub errors_at_end: bool,
}

#[derive(Serialize)]
struct Column {
    #[serde(rename = "ColumnName")]
    name: String,
    #[serde(rename = "ColumnType")]
    ty: &'static str,
}

impl Column {
    fn new(name: &str, ty: ColumnType) -> Self {
        Self {
            name: name.to_owned(),
            ty: ty.kusto_name(),
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "FrameType", rename_all_fields = "PascalCase")]
enum Frame {
    DataSetHeader {
        is_progressive: bool,
        version: &'static str,
        is_fragmented: bool,
        error_reporting_placement: &'static str,
    },
    DataTable {
        table_id: usize,
        table_kind: &'static str,
        table_name: String,
        columns: Vec<Column>,
        rows: Vec<Json>,
    },
    TableHeader {
        table_id: usize,
        table_kind: &'static str,
        table_name: String,
        columns: Vec<Column>,
    },
    TableFragment {
        table_fragment_type: &'static str,
        table_id: usize,
        rows: Vec<Json>,
    },
    TableCompletion {
        table_id: usize,
        row_count: usize,
        #[serde(rename = "OneApiErrors", skip_serializing_if = "Vec::is_empty")]
        errors: Vec<Json>,
    },
    DataSetCompletion {
        has_errors: bool,
        cancelled: bool,
        #[serde(rename = "OneApiErrors", skip_serializing_if = "Vec::is_empty")]
        errors: Vec<Json>,
    },
}

/// The body of a v2 reply.
pub(in super::super) fn query_v2(answer: &Answer<'_>, layout: Layout) -> Vec<u8> {
    let errors: Vec<Json> = answer
        .shown_error()
        .into_iter()
        .map(|error| error_body(error, answer.identity, "", ""))
        .collect();
    let mut frames = vec![header(layout), properties(answer)];
    for at in 0..answer.tables.len() {
        frames.extend(primary(answer, at, layout, &errors));
    }
    frames.push(completion(answer));
    frames.push(Frame::DataSetCompletion {
        has_errors: !errors.is_empty(),
        cancelled: false,
        errors,
    });
    if layout.newlines {
        by_lines(&frames)
    } else {
        bytes(&frames)
    }
}

fn header(layout: Layout) -> Frame {
    Frame::DataSetHeader {
        is_progressive: false,
        version: "v2.0",
        is_fragmented: layout.fragmented,
        error_reporting_placement: if layout.errors_at_end {
            "EndOfTable"
        } else {
            "InData"
        },
    }
}

/// A frame per line, each line beginning with `[` or `,`; the last line is `]`.
fn by_lines(frames: &[Frame]) -> Vec<u8> {
    let mut body = Vec::new();
    for (at, frame) in frames.iter().enumerate() {
        body.push(if at == 0 { b'[' } else { b',' });
        body.extend(bytes(frame));
        body.push(b'\n');
    }
    body.push(b']');
    body
}

/// The frames of one result.
fn primary(answer: &Answer<'_>, at: usize, layout: Layout, errors: &[Json]) -> Vec<Frame> {
    let table = &answer.tables[at];
    let errors = match at + 1 == answer.tables.len() {
        true => errors,
        false => &[],
    };
    let columns = table
        .relation
        .columns
        .iter()
        .map(|column| Column::new(&column.name, column.ty))
        .collect();
    let mut rows = answer.rows(at, |_| json!({"OneApiErrors": errors}));
    if layout.errors_at_end && !errors.is_empty() {
        rows.pop();
    }
    let (table_id, table_kind) = (at + 1, "PrimaryResult");
    let table_name = table.name.clone().unwrap_or_else(|| table_kind.to_owned());
    if !layout.fragmented {
        return vec![Frame::DataTable {
            table_id,
            table_kind,
            table_name,
            columns,
            rows,
        }];
    }
    let row_count = table.relation.rows.len();
    let mut frames = vec![Frame::TableHeader {
        table_id,
        table_kind,
        table_name,
        columns,
    }];
    let mut rest = rows.into_iter().peekable();
    while rest.peek().is_some() {
        let rows = rest.by_ref().take(FRAGMENT_ROWS).collect();
        frames.push(Frame::TableFragment {
            table_fragment_type: "DataAppend",
            table_id,
            rows,
        });
    }
    let errors = if layout.errors_at_end {
        errors.to_vec()
    } else {
        Vec::new()
    };
    frames.push(Frame::TableCompletion {
        table_id,
        row_count,
        errors,
    });
    frames
}

fn table(
    id: usize,
    kind: &'static str,
    name: &str,
    columns: &[(&str, ColumnType)],
    rows: Vec<Json>,
) -> Frame {
    let columns = columns
        .iter()
        .map(|(name, ty)| Column::new(name, *ty))
        .collect();
    Frame::DataTable {
        table_id: id,
        table_kind: kind,
        table_name: name.to_owned(),
        columns,
        rows,
    }
}

fn properties(answer: &Answer<'_>) -> Frame {
    let columns = [
        ("TableId", ColumnType::Int),
        ("Key", ColumnType::String),
        ("Value", ColumnType::Dynamic),
    ];
    let drawn = answer.tables.iter().enumerate();
    let rows = drawn.map(|(at, table)| json!([at + 1, "Visualization", visualization(table)]));
    table(
        0,
        "QueryProperties",
        "@ExtendedProperties",
        &columns,
        rows.collect(),
    )
}

fn completion(answer: &Answer<'_>) -> Frame {
    let columns = [
        ("Timestamp", ColumnType::DateTime),
        ("ClientRequestId", ColumnType::String),
        ("ActivityId", ColumnType::Guid),
        ("SubActivityId", ColumnType::Guid),
        ("ParentActivityId", ColumnType::Guid),
        ("Level", ColumnType::Int),
        ("LevelName", ColumnType::String),
        ("StatusCode", ColumnType::Int),
        ("StatusCodeName", ColumnType::String),
        ("EventType", ColumnType::Int),
        ("EventTypeName", ColumnType::String),
        ("Payload", ColumnType::String),
    ];
    let (completion, id) = (answer.completion(), answer.identity.activity_id.to_string());
    let row = json!([
        datetime::print(datetime::now()),
        answer.identity.client_request_id,
        id,
        Uuid::new_v4().to_string(),
        id,
        completion.level,
        completion.level_name,
        completion.code,
        completion.code_name,
        4,
        "QueryInfo",
        json!({"Count": 1, "Text": completion.text}).to_string()
    ]);
    table(
        answer.tables.len() + 1,
        "QueryCompletionInformation",
        "QueryCompletionInformation",
        &columns,
        vec![row],
    )
}
