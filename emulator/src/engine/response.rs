//! The shapes of replies: v1 tables, v2 frames, errors.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::datetime;
use super::error::{ErrorKind, KustoError};
use super::kql::relation::Relation;
use super::request::Identity;
use super::value::Value;

/// A query's or command's result as it goes to the client.
pub(super) struct Answer<'a> {
    /// The rows.
    pub relation: &'a Relation,
    /// An error that cut the rows short.
    pub partial: Option<KustoError>,
    /// Who asked.
    pub identity: &'a Identity,
}

impl Answer<'_> {
    fn rows(&self) -> Vec<Json> {
        let cells = |row: &[Value]| Json::Array(row.iter().map(Value::to_json).collect());
        self.relation.rows.iter().map(cells).collect()
    }

    /// One table, as management commands answer.
    pub(super) fn management(&self) -> Json {
        json!({"Tables": [self.v1_table("Table_0")]})
    }

    /// The result with its properties, status and table of contents, as v1 queries answer.
    pub(super) fn query_v1(&self) -> Json {
        let mut first = self.v1_table("Table_0");
        if let (Some(error), Some(rows)) = (&self.partial, first["Rows"].as_array_mut()) {
            rows.push(json!({"Exceptions": [error.to_string()]}));
        }
        let mut tables = vec![first, properties_v1(), self.status_v1()];
        tables.push(contents_v1());
        let mut body = json!({"Tables": tables});
        if let Some(error) = &self.partial {
            body["Exceptions"] = json!([error.to_string()]);
        }
        body
    }

    fn v1_table(&self, name: &str) -> Json {
        let columns = self.relation.columns.iter().map(|column| {
            json!({
                "ColumnName": column.name,
                "DataType": column.ty.dotnet_name(),
                "ColumnType": column.ty.kusto_name(),
            })
        });
        json!({"TableName": name, "Columns": columns.collect::<Vec<_>>(), "Rows": self.rows()})
    }

    fn status_v1(&self) -> Json {
        let (severity, name, code, description) = match &self.partial {
            None => (4, "Info", 0, "Query completed successfully".to_owned()),
            Some(error) => (2, "Error", -2_133_196_797, error.to_string()),
        };
        let id = self.identity.activity_id.to_string();
        let row = json!([
            datetime::print(datetime::now()),
            severity,
            name,
            code,
            description,
            1,
            id,
            id,
            Uuid::new_v4().to_string(),
            self.identity.client_request_id
        ]);
        let columns = v1_columns(&[
            ("Timestamp", "DateTime", "datetime"),
            ("Severity", "Int32", "int"),
            ("SeverityName", "String", "string"),
            ("StatusCode", "Int32", "int"),
            ("StatusDescription", "String", "string"),
            ("Count", "Int32", "int"),
            ("RequestId", "Guid", "guid"),
            ("ActivityId", "Guid", "guid"),
            ("SubActivityId", "Guid", "guid"),
            ("ClientActivityId", "String", "string"),
        ]);
        json!({"TableName": "Table_2", "Columns": columns, "Rows": [row]})
    }

    /// The frames of a v2 query, not progressive.
    pub(super) fn query_v2(&self) -> Json {
        let columns = self.relation.columns.iter();
        let columns = columns
            .map(|column| json!({"ColumnName": column.name, "ColumnType": column.ty.kusto_name()}));
        let mut rows = self.rows();
        let errors = self
            .partial
            .as_ref()
            .map(|error| json!([error_body(error, self.identity, "", "")]));
        if let Some(errors) = &errors {
            rows.push(json!({"OneApiErrors": errors}));
        }
        let mut completion =
            json!({"FrameType": "DataSetCompletion", "HasErrors": false, "Cancelled": false});
        if let Some(errors) = errors {
            completion["HasErrors"] = json!(true);
            completion["OneApiErrors"] = errors;
        }
        json!([
            {"FrameType": "DataSetHeader", "IsProgressive": false, "Version": "v2.0"},
            extended_properties_v2(),
            {
                "FrameType": "DataTable",
                "TableId": 1,
                "TableKind": "PrimaryResult",
                "TableName": "PrimaryResult",
                "Columns": columns.collect::<Vec<_>>(),
                "Rows": rows,
            },
            self.completion_v2(),
            completion,
        ])
    }

    fn completion_v2(&self) -> Json {
        let (level, name, code, payload) = match &self.partial {
            None => (
                4,
                "Info",
                0,
                json!({"Count": 1, "Text": "Query completed successfully"}),
            ),
            Some(error) => (
                2,
                "Error",
                -2_133_196_797,
                json!({"Count": 1, "Text": error.to_string()}),
            ),
        };
        let id = self.identity.activity_id.to_string();
        let row = json!([
            datetime::print(datetime::now()),
            self.identity.client_request_id,
            id,
            Uuid::new_v4().to_string(),
            id,
            level,
            name,
            code,
            if code == 0 {
                "S_OK (0)"
            } else {
                "E_QUERY_RESULT_SET_TOO_LARGE"
            },
            4,
            "QueryInfo",
            payload.to_string()
        ]);
        let columns = v2_columns(&[
            ("Timestamp", "datetime"),
            ("ClientRequestId", "string"),
            ("ActivityId", "guid"),
            ("SubActivityId", "guid"),
            ("ParentActivityId", "guid"),
            ("Level", "int"),
            ("LevelName", "string"),
            ("StatusCode", "int"),
            ("StatusCodeName", "string"),
            ("EventType", "int"),
            ("EventTypeName", "string"),
            ("Payload", "string"),
        ]);
        json!({
            "FrameType": "DataTable",
            "TableId": 2,
            "TableKind": "QueryCompletionInformation",
            "TableName": "QueryCompletionInformation",
            "Columns": columns,
            "Rows": [row],
        })
    }
}

fn v1_columns(columns: &[(&str, &str, &str)]) -> Vec<Json> {
    let column = |(name, dotnet, kusto): &(&str, &str, &str)| json!({"ColumnName": name, "DataType": dotnet, "ColumnType": kusto});
    columns.iter().map(column).collect()
}

fn v2_columns(columns: &[(&str, &str)]) -> Vec<Json> {
    columns
        .iter()
        .map(|(name, ty)| json!({"ColumnName": name, "ColumnType": ty}))
        .collect()
}

/// What a client should draw: nothing in particular.
const VISUALIZATION: &str = r#"{"Visualization":null,"Title":null,"XColumn":null,"Series":null,"YColumns":null,"XTitle":null,"YTitle":null,"XAxis":null,"YAxis":null,"Legend":null,"YSplit":null,"Accumulate":false,"IsQuerySorted":false,"Kind":null}"#;

fn properties_v1() -> Json {
    json!({
        "TableName": "Table_1",
        "Columns": v1_columns(&[("Value", "String", "string")]),
        "Rows": [[VISUALIZATION]],
    })
}

fn contents_v1() -> Json {
    let columns = v1_columns(&[
        ("Ordinal", "Int64", "long"),
        ("Kind", "String", "string"),
        ("Name", "String", "string"),
        ("Id", "String", "string"),
        ("PrettyName", "String", "string"),
    ]);
    let rows = json!([
        [
            0,
            "QueryResult",
            "PrimaryResult",
            Uuid::new_v4().to_string(),
            ""
        ],
        [
            1,
            "QueryProperties",
            "@ExtendedProperties",
            Uuid::new_v4().to_string(),
            ""
        ],
        [2, "QueryStatus", "QueryStatus", Uuid::nil().to_string(), ""],
    ]);
    json!({"TableName": "Table_3", "Columns": columns, "Rows": rows})
}

fn extended_properties_v2() -> Json {
    json!({
        "FrameType": "DataTable",
        "TableId": 0,
        "TableKind": "QueryProperties",
        "TableName": "@ExtendedProperties",
        "Columns": v2_columns(&[("TableId", "int"), ("Key", "string"), ("Value", "dynamic")]),
        "Rows": [[1, "Visualization", VISUALIZATION]],
    })
}

/// HTTP status, code and exception type of an error.
fn classify(kind: ErrorKind) -> (&'static str, &'static str) {
    match kind {
        ErrorKind::Syntax => (
            "General_BadRequest",
            "Kusto.Data.Exceptions.SyntaxException",
        ),
        ErrorKind::Semantic => (
            "General_BadRequest",
            "Kusto.Data.Exceptions.SemanticException",
        ),
        ErrorKind::EntityNotFound => (
            "BadRequest_EntityNotFound",
            "Kusto.Common.Svc.Exceptions.EntityNotFoundException",
        ),
        ErrorKind::EntityExists => (
            "BadRequest_EntityAlreadyExists",
            "Kusto.Common.Svc.Exceptions.EntityAlreadyExistsException",
        ),
        ErrorKind::BadRequest | ErrorKind::WrongService => (
            "General_BadRequest",
            "Kusto.Data.Exceptions.KustoBadRequestException",
        ),
    }
}

/// The OneApi form of an error.
pub(super) fn error_body(
    error: &KustoError,
    identity: &Identity,
    text: &str,
    database: &str,
) -> Json {
    let (code, exception) = classify(error.kind);
    let message = match error.kind {
        ErrorKind::Syntax | ErrorKind::Semantic => {
            format!("Request is invalid and cannot be processed: {error}")
        }
        _ => error.to_string(),
    };
    let mut body = json!({
        "code": code,
        "message": "Request is invalid and cannot be executed.",
        "@type": exception,
        "@message": message,
        "@context": context(identity),
        "@permanent": true,
        "@text": text,
        "@database": database,
        "@ClientRequestLogger": "",
    });
    if !error.code.is_empty() {
        body["innererror"] = json!({
            "code": error.code,
            "message": error.message,
            "@type": exception,
            "@message": error.to_string(),
            "@errorCode": error.code,
            "@errorMessage": error.message,
            "@permanent": true,
        });
    }
    json!({"error": body})
}

fn context(identity: &Identity) -> Json {
    let id = identity.activity_id.to_string();
    json!({
        "timestamp": datetime::print(datetime::now()),
        "serviceAlias": "KUSTOEMULATOR",
        "machineName": "KEngine000000",
        "processName": "kusto-emulator",
        "processId": std::process::id(),
        "threadId": 1,
        "clientRequestId": identity.client_request_id,
        "activityId": id,
        "subActivityId": id,
        "activityType": "GW.Http.CallContext",
        "parentActivityId": id,
        "activityStack": format!("(Activity stack: CRID={} ARID={id})", identity.client_request_id),
    })
}
