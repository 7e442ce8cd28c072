//! What the service answers to streamed data.

use serde_json::Value as Json;

use crate::error::Step;
use crate::http::transport::Reply;
use crate::ingest::UpdatePolicy;
use crate::ingest::policy::{Answer, Content};
use crate::query::service_error::{codes_of, error_among_rows, holds_error, json_of};
use crate::secret::excerpt;

/// What decides about an answer, and what it says about the update policy.
pub(in crate::ingest) fn read(reply: &Reply) -> (Answer, Option<UpdatePolicy>) {
    let (content, update_policy) = content(&reply.body);
    let answer = Answer {
        status: reply.status,
        content,
        retry_after: reply.retry_after(),
    };
    (answer, update_policy)
}

pub(crate) fn content(body: &[u8]) -> (Content, Option<UpdatePolicy>) {
    if body.trim_ascii().is_empty() {
        return (Content::Empty, None);
    }
    let json = json_of(body);
    if let Some(codes) = json.as_ref().and_then(codes_of) {
        return (Content::Error(codes), None);
    }
    match json {
        Some(json @ Json::Object(_)) if !holds_error(&json) && !has_error_among_rows(&json) => {
            let update_policy = update_policy(&json);
            (Content::Json, update_policy)
        }
        _ => (Content::Foreign, None),
    }
}

/// Whether an error stands in the place of a row, as it does when it comes late.
fn has_error_among_rows(json: &Json) -> bool {
    let members = |json: &Json, name| json.get(name).and_then(Json::as_array).cloned();
    let tables = members(json, "Tables").unwrap_or_default();
    let mut rows = tables
        .iter()
        .flat_map(|table| members(table, "Rows").unwrap_or_default());
    rows.any(|row| error_among_rows(Step::StreamData, &row).is_some())
}

/// The longest text about an update policy that is kept, in characters: as of errors.
const MAX_REASON: usize = 4000;
/// The same of a status or a code, which are words.
const MAX_WORD: usize = 128;

/// From the row of an answer: `{"Tables":[{"Columns":[{"ColumnName":..}],"Rows":[[..]]}]}`.
fn update_policy(json: &Json) -> Option<UpdatePolicy> {
    let table = json.get("Tables")?.get(0)?;
    let columns = table.get("Columns")?.as_array()?;
    let row = table.get("Rows")?.get(0)?;
    let text = |name: &str, most: usize| {
        let is_it = |column: &Json| column.get("ColumnName").and_then(Json::as_str) == Some(name);
        let value = row.get(columns.iter().position(is_it)?)?;
        Some(excerpt(value.as_str()?, most))
    };
    Some(UpdatePolicy {
        status: text("UpdatePolicyStatus", MAX_WORD)?,
        failure_code: text("UpdatePolicyFailureCode", MAX_WORD),
        failure_reason: text("UpdatePolicyFailureReason", MAX_REASON),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(row: &str) -> String {
        let column = |name: &str| format!(r#"{{"ColumnName":"{name}","DataType":"String"}}"#);
        let names = [
            "ConsumedRecordsCount",
            "UpdatePolicyStatus",
            "UpdatePolicyFailureCode",
            "UpdatePolicyFailureReason",
        ];
        format!(
            r#"{{"Tables":[{{"TableName":"Table_0","Columns":[{}],"Rows":[{row}]}}]}}"#,
            names.map(column).join(",")
        )
    }

    #[test]
    fn an_update_policy_is_read_from_the_row() {
        let policy = |text: &str| content(row(text).as_bytes()).1;
        let inactive = policy(r#"[0,"Inactive","Unknown",null]"#).unwrap();
        assert!(!inactive.is_failure(), "{inactive:?}");
        let failed =
            policy(r#"[3,"Failed","UpdatePolicy_IngestionError","no such column"]"#).unwrap();
        assert!(failed.is_failure());
        assert_eq!(failed.failure_reason.as_deref(), Some("no such column"));
        for text in ["", "[]", "[1]", r#"[0,null,"Unknown",null]"#, "1"] {
            assert_eq!(policy(text), None, "{text}");
        }
    }

    /// It is a third party's text, of any length, and may quote an address with its signature.
    #[test]
    fn what_is_kept_of_an_update_policy_is_short_and_has_no_secrets() {
        let secret = "https://a.example/c/b?sig=c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0";
        let reason = format!("{secret} {}", "x".repeat(100_000));
        let code = "y".repeat(1000);
        let row = row(&format!(r#"[3,"Failed","{code}","{reason}"]"#));
        let policy = content(row.as_bytes()).1.unwrap();
        let reason = policy.failure_reason.as_deref().unwrap();
        assert!(reason.len() < 2 * MAX_REASON, "{}", reason.len());
        assert!(policy.failure_code.as_ref().unwrap().len() < 2 * MAX_WORD);
        assert!(!format!("{policy:?}").contains("c2VjcmV0"), "{reason}");
    }

    /// An error of the service is one whatever its text holds.
    #[test]
    fn a_byte_that_is_no_utf_8_hides_no_code() {
        let body = b"{\"error\":{\"code\":\"General_BadRequest\",\"@message\":\"\xff\"}}";
        assert!(matches!(content(body).0, Content::Error(_)));
    }

    #[test]
    fn only_what_the_service_can_have_written_is_a_success() {
        let is_json = |text: &str| matches!(content(text.as_bytes()).0, Content::Json);
        for text in [r#"{"Tables":[]}"#, "{}"] {
            assert!(is_json(text), "{text}");
        }
        for text in [
            "<html>",
            "\"ok\"",
            "[]",
            "1",
            "{",
            r#"{"Exceptions":["it failed"]}"#,
            r#"{"error":{"message":"m"}}"#,
        ] {
            assert!(
                matches!(content(text.as_bytes()).0, Content::Foreign),
                "{text}"
            );
        }
        assert!(matches!(content(b" \n").0, Content::Empty));
    }
}
