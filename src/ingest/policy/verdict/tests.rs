//! The table of docs/STREAMING.md, row by row: the names of the tests are those of the rows.

use super::*;
use crate::http::transport::Reply;
use crate::ingest::streaming::read;

/// An answer with this body, read as the client reads it.
fn answer(status: u16, body: &str) -> Seen {
    let (answer, _) = read(&Reply::of(status, body.to_owned()));
    Seen::Answer(answer)
}

/// The same, which asks to come back.
fn asking(status: u16, body: &str) -> Seen {
    let Seen::Answer(mut answer) = answer(status, body) else {
        unreachable!("it is one")
    };
    answer.retry_after = Some(Duration::from_secs(1));
    Seen::Answer(answer)
}

/// An error of the service's form with this code.
fn error(status: u16, code: &str, permanent: Option<bool>) -> Seen {
    let permanent = permanent.map_or(String::new(), |it| format!(r#","@permanent":{it}"#));
    let body = format!(
        r#"{{"error":{{"code":"{code}","message":"m","@type":"Kusto.DataNode.Exceptions.StreamingIngestionRequestException","@message":"Bad streaming ingestion request to Db.T : x"{permanent}}}}}"#
    );
    answer(status, &body)
}

#[track_caller]
fn check(seen: &Seen, verdict: Verdict) {
    assert_eq!(classify(seen), verdict, "{seen:?}");
}

#[test]
fn row_1_success() {
    check(&answer(200, ""), Verdict::Done);
    check(&answer(200, r#"{"Tables":[]}"#), Verdict::Done);
}

/// A number is that of a class of errors; a code says which one it is.
#[test]
fn codes_say_more_than_numbers() {
    let body = r#"{"error":{"code":"BadRequest_StreamingIngestionPolicyNotEnabled","message":"m","@failureCode":429}}"#;
    check(&answer(400, body), Verdict::Queue(Reason::TableOff));
}

#[test]
fn row_2_table_without_policy() {
    let code = "BadRequest_StreamingIngestionPolicyNotEnabled";
    for permanent in [None, Some(true), Some(false)] {
        check(
            &error(400, code, permanent),
            Verdict::Queue(Reason::TableOff),
        );
    }
    // The coarse code, with the specific one in the type.
    let body = r#"{"error":{"code":"BadRequest","message":"m","@type":"Kusto.DataNode.Exceptions.StreamingIngestionPolicyNotEnabledException","@message":"x"}}"#;
    check(&answer(400, body), Verdict::Queue(Reason::TableOff));
    // And in front of the text.
    let body = r#"{"error":{"code":"BadRequest","message":"m","@message":"BadRequest_StreamingIngestionPolicyNotEnabled: x"}}"#;
    check(&answer(400, body), Verdict::Queue(Reason::TableOff));
    // And inside.
    let body = r#"{"error":{"code":"BadRequest","message":"m","innererror":{"code":"BadRequest","innererror":{"code":"BadRequest_StreamingIngestionPolicyNotEnabled"}}}}"#;
    check(&answer(400, body), Verdict::Queue(Reason::TableOff));
}

#[test]
fn row_3_cluster_without_streaming() {
    let code = "NotFound_StreamingIngestionDisabledForCluster";
    check(
        &error(404, code, Some(true)),
        Verdict::Queue(Reason::ClusterOff),
    );
    let code = "ServiceUnavailable_StreamingIngestionNotReady";
    check(
        &error(503, code, None),
        Verdict::Queue(Reason::ClusterPaused),
    );
}

#[test]
fn row_4_nothing_at_the_address() {
    for body in [
        "",
        "<html>no</html>",
        r#"{"statusCode":404,"message":"Resource not found"}"#,
        r#"{"code":404,"message":"Not Found"}"#,
        r#"{"error":{"code":"NotFound","message":"m"}}"#,
    ] {
        check(&answer(404, body), Verdict::Queue(Reason::NoEndpoint));
    }
}

#[test]
fn row_5_database_table_or_mapping_not_found() {
    for (status, code) in [
        (404, "BadRequest_EntityNotFound"),
        (400, "BadRequest_EntityNotFound"),
        (400, "BadRequest_TableNotExist"),
        (400, "BadRequest_DatabaseNotExist"),
        (400, "BadRequest_MappingReferenceWasNotFound"),
        (404, "BadRequest"),
    ] {
        check(
            &error(status, code, Some(true)),
            Verdict::Refused(Reason::NotFound),
        );
    }
}

#[test]
fn row_6_too_large() {
    check(&answer(413, ""), Verdict::Queue(Reason::TooLarge));
    check(&answer(413, "<html>"), Verdict::Queue(Reason::TooLarge));
    for code in [
        "Stream_InputStreamTooLarge",
        "BadRequest_FileTooLarge",
        "KustoRequestPayloadTooLargeException",
    ] {
        check(
            &error(400, code, Some(true)),
            Verdict::Queue(Reason::TooLarge),
        );
    }
    for number in [
        "2161770505",
        "-2133196791",
        "\"2161770505\"",
        "\"0x80DA0009\"",
        "413",
    ] {
        let body = format!(
            r#"{{"error":{{"code":"BadRequest","message":"m","@failureCode":{number},"@permanent":true}}}}"#
        );
        check(&answer(400, &body), Verdict::Queue(Reason::TooLarge));
    }
}

#[test]
fn row_7_update_policy_that_cannot_stream() {
    for code in [
        "UpdatePolicyIncompatible",
        "UpdatePolicy_QuerySchemaDoesNotMatchTableSchema",
        "QuerySchemaDoesNotMatchTableSchema",
    ] {
        check(
            &error(400, code, Some(true)),
            Verdict::Queue(Reason::TableConfig),
        );
    }
}

#[test]
fn row_8_bad_data() {
    for code in [
        "Stream_WrongNumberOfFields",
        "Stream_ClosingQuoteMissing",
        "BadRequest_UnexpectedCharacterInInputStream",
        "Stream_NoDataToIngest",
        "BadRequest_InvalidMapping",
        "BadRequest_FormatNotSupported",
    ] {
        for permanent in [None, Some(true)] {
            check(
                &error(400, code, permanent),
                Verdict::Refused(Reason::BadData),
            );
        }
    }
}

#[test]
fn row_9_no_valid_token() {
    check(&answer(401, ""), Verdict::Refused(Reason::Auth));
}

#[test]
fn row_10_not_allowed() {
    check(&answer(403, ""), Verdict::Refused(Reason::Forbidden));
    check(
        &error(403, "Forbidden", Some(false)),
        Verdict::Refused(Reason::Forbidden),
    );
    check(
        &error(400, "BadRequest_TableAccessDenied", Some(true)),
        Verdict::Refused(Reason::Forbidden),
    );
}

#[test]
fn row_11_throttled() {
    // A gateway's has no body, and the service's can call itself permanent.
    check(&answer(429, ""), Verdict::Retry(Reason::Throttled));
    check(
        &error(429, "BadRequest", Some(true)),
        Verdict::Retry(Reason::Throttled),
    );
    for code in [
        "KustoRequestThrottledException",
        "General_ThrottledIngestion",
    ] {
        check(
            &error(503, code, Some(false)),
            Verdict::Retry(Reason::Throttled),
        );
    }
    let body = r#"{"error":{"code":"LimitsExceeded","message":"m","@failureCode":"429"}}"#;
    check(&answer(400, body), Verdict::Retry(Reason::Throttled));
}

#[test]
fn row_12_the_service_failed() {
    for (status, code) in [
        (503, "Stream_LowMemoryCondition"),
        (500, "General_InternalServerError"),
        (502, "General_InternalServerError"),
    ] {
        for permanent in [None, Some(false)] {
            check(
                &error(status, code, permanent),
                Verdict::Retry(Reason::Transient),
            );
        }
        check(
            &error(status, code, Some(true)),
            Verdict::Refused(Reason::Other),
        );
    }
    check(&asking(503, ""), Verdict::Retry(Reason::Transient));
    // It does not say what was done.
    check(
        &error(500, "Timeout", Some(false)),
        Verdict::Doubt(Reason::Unanswered),
    );
}

#[test]
fn row_13_a_gateway_failed() {
    for (status, body) in [
        (500, ""),
        (502, "<html>"),
        (500, r#"{"message":"m"}"#),
        // With codes of their own.
        (502, r#"{"code":502,"message":"Bad Gateway"}"#),
        (
            500,
            r#"{"error":{"code":"InternalServerError","message":"m"}}"#,
        ),
        (
            500,
            r#"{"error":{"code":500,"message":"m","innererror":{"code":"X"}}}"#,
        ),
        (
            503,
            r#"{"error":{"code":"ServiceUnavailable","message":"m"}}"#,
        ),
        (503, ""),
        (503, "upstream connect error or disconnect"),
        (599, ""),
    ] {
        check(&answer(status, body), Verdict::Doubt(Reason::Unanswered));
    }
    for status in [501, 505, 511] {
        check(&answer(status, ""), Verdict::Refused(Reason::Other));
    }
}

#[test]
fn row_14_an_answer_in_place_of_the_services() {
    for status in [504, 408] {
        check(&answer(status, ""), Verdict::Doubt(Reason::Unanswered));
        check(
            &error(status, "General_InternalServerError", Some(false)),
            Verdict::Doubt(Reason::Unanswered),
        );
    }
}

#[test]
fn row_15_not_reached() {
    let seen = |is_permanent| Seen::NoAnswer {
        may_have_arrived: false,
        is_permanent,
    };
    check(&seen(false), Verdict::Retry(Reason::Unreached));
    check(&seen(true), Verdict::Queue(Reason::Unreached));
}

#[test]
fn row_16_not_answered() {
    let seen = |is_permanent| Seen::NoAnswer {
        may_have_arrived: true,
        is_permanent,
    };
    check(&seen(false), Verdict::Doubt(Reason::Unanswered));
    check(&seen(true), Verdict::Doubt(Reason::Unanswered));
}

#[test]
fn row_17_a_redirection() {
    for status in [301, 302, 307, 308] {
        check(&answer(status, ""), Verdict::Refused(Reason::Protocol));
    }
}

#[test]
fn row_18_refused() {
    for permanent in [None, Some(true)] {
        check(
            &error(400, "General_BadRequest", permanent),
            Verdict::Refused(Reason::Other),
        );
    }
    check(&answer(400, "<html>"), Verdict::Refused(Reason::Other));
    check(&answer(405, ""), Verdict::Refused(Reason::Other));
}

#[test]
fn row_19_refused_for_now() {
    check(
        &error(400, "General_TransientSchemaMismatch", Some(false)),
        Verdict::Retry(Reason::Transient),
    );
}

#[test]
fn row_20_a_success_that_is_not_the_services() {
    check(
        &answer(200, "<html>login</html>"),
        Verdict::Doubt(Reason::Protocol),
    );
    check(&answer(204, ""), Verdict::Doubt(Reason::Protocol));
    check(&answer(202, "{}"), Verdict::Doubt(Reason::Protocol));
    // With an error in the place of a row, or in another form.
    for body in [
        r#"{"Tables":[{"Columns":[],"Rows":[[1],{"OneApiErrors":[{"error":{"code":"X"}}]}]}]}"#,
        r#"{"Exceptions":["it failed"]}"#,
        r#"[{"FrameType":"DataSetCompletion","HasErrors":true}]"#,
    ] {
        check(&answer(200, body), Verdict::Doubt(Reason::Protocol));
    }
    // With an error in it: what that says, if it says anything.
    for (code, permanent, verdict) in [
        (
            "Stream_WrongNumberOfFields",
            Some(true),
            Verdict::Refused(Reason::BadData),
        ),
        ("X", Some(false), Verdict::Doubt(Reason::Protocol)),
        ("X", Some(true), Verdict::Doubt(Reason::Protocol)),
        ("X", None, Verdict::Doubt(Reason::Protocol)),
    ] {
        check(&error(200, code, permanent), verdict);
    }
}

#[test]
fn prose_and_names_of_tables_are_not_codes() {
    let quoting = |text: &str| {
        let body = format!(
            r#"{{"error":{{"code":"BadRequest","message":"streaming is off","@type":"Kusto.X.StreamingIngestionRequestException","@message":"{text}","@permanent":true}}}}"#
        );
        answer(400, &body)
    };
    for text in [
        "Bad streaming ingestion request to Db.Stream_InputStreamTooLarge : the offset is wrong",
        "Bad streaming ingestion request to Db.streaming_off_schema : streaming is not enabled at the offset",
        "Throttling of the schema exceeds the maximum allowed size",
        "EntityNotFound in BadRequest_FileTooLarge",
    ] {
        check(&quoting(text), Verdict::Refused(Reason::Other));
    }
    // Parts of a code are none.
    for code in [
        "BadRequest_FileTooLargeForYou",
        "NotStreamingIngestionPolicyNotEnabled",
        "My_FileTooLarge",
    ] {
        check(
            &error(400, code, Some(true)),
            Verdict::Refused(Reason::Other),
        );
    }
}

#[test]
fn every_row_is_in_the_documentation() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let (tests, page) = (
        read("src/ingest/policy/verdict/tests.rs"),
        read("docs/STREAMING.md"),
    );
    let names = tests
        .split("fn row_")
        .skip(1)
        .filter_map(|rest| rest.split_once("()"));
    let names: Vec<_> = names.map(|(name, _)| format!("`row_{name}`")).collect();
    assert_eq!(names.len(), 20 + 1, "twenty, and the word in this test");
    for name in names.iter().filter(|name| !name.contains(' ')) {
        assert!(page.contains(name), "{name}");
    }
}
