use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(status: u16, body: &str) -> Error {
    parse_service_error(Step::RunCommand, status, body.as_bytes())
}

#[test]
fn a_full_report_is_read() {
    let body = json!({"error": {
        "code": "General_BadRequest", "message": "Request is invalid.",
        "@type": "Kusto.Data.Exceptions.KustoBadRequestException",
        "@message": "Semantic error: 'x' at https://a/b?sig=secret",
        "@context": {"activityId": "act", "clientRequestId": "req"}, "@permanent": true,
        "innererror": {"code": "SEM0100", "message": "inner"},
    }});
    let error = read(400, &body.to_string());
    assert_eq!(error.kind(), ErrorKind::Service);
    assert_eq!(error.step(), Step::RunCommand);
    assert_eq!(error.http_status(), Some(400));
    assert_eq!(error.service_code(), Some("General_BadRequest"));
    assert_eq!(error.activity_id(), Some("act"));
    assert!(error.is_permanent());
    assert_eq!(
        error.message(),
        "SEM0100: Semantic error: 'x' at https://a/b?****"
    );
}

#[test]
fn members_may_be_missing() {
    for (body, message) in [
        (r#"{"error":{"message":"m"}}"#, "m"),
        (r#"{"error":{"code":"c"}}"#, "the service sent no message"),
        (
            r#"{"error":{"@message":null,"message":"m","@context":null,"@permanent":null}}"#,
            "m",
        ),
        (r#"{"message":"m"}"#, "m"),
        (r#"{"Message":"m"}"#, "m"),
        (r#"{"error":"m"}"#, "m"),
    ] {
        assert_eq!(read(400, body).message(), message, "{body}");
    }
}

#[test]
fn a_body_that_is_no_error_of_the_service_is_not_quoted() {
    for (body, described) in [
        ("{}", "JSON of 2 bytes"),
        (r#""s3cret""#, "JSON of 8 bytes"),
        (r#"["s3cret"]"#, "JSON of 10 bytes"),
        (r#"[{"message":"s3cret"}]"#, "JSON of 22 bytes"),
        ("", "an empty body"),
        (" \r\n ", "an empty body"),
        ("s3cret text of a gateway", "text of 24 bytes"),
        (
            "<html><title>s3cret</title></html>",
            "an HTML page of 34 bytes",
        ),
    ] {
        let message = format!("the answer is 400 with {described}");
        assert_eq!(read(400, body).message(), message, "{body}");
    }
    for body in [
        r#""s3cret""#,
        "s3cret",
        r#"{"message":"s3cret"}"#,
        r#"{"code":"s3cret"}"#,
        r#"{"Rows":["s3cret"]}"#,
        r#"["s3cret"]"#,
    ] {
        let error = unreadable_answer(Step::RunQuery, body.as_bytes(), "no tables");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}

#[test]
fn the_ids_of_an_error_are_ids() {
    let ids = |code: &str, activity: &str| {
        let context = json!({"activityId": activity});
        let body = json!({"error": {"code": code, "message": "m", "@context": context}});
        let error = read(400, &body.to_string());
        (
            error.service_code().map(str::to_owned),
            error.activity_id().map(str::to_owned),
        )
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        ids("Bad Request", "a-1"),
        (text("Bad Request"), text("a-1"))
    );
    assert_eq!(ids("a\nb", &"x".repeat(129)), (None, None));
    assert_eq!(
        ids("https://h/c?sig=x", "Bearer abc"),
        (text("https://h/c?****"), text("Bearer ****"))
    );
}

#[test]
fn only_the_service_itself_knows_what_became_of_a_command() {
    for (status, body, in_doubt) in [
        (502, "<html>", true),
        (504, "", true),
        (524, "", true),
        (204, "", true),
        (503, "", false),
        (400, "", false),
        (504, r#"{"error":{"code":"c"}}"#, false),
    ] {
        assert_eq!(
            read(status, body).is_in_doubt(),
            in_doubt,
            "{status} {body}"
        );
    }
    assert!(unreadable_answer(Step::RunCommand, b"{\"Tables\":[", "cut").is_in_doubt());
    let late = br#"{"error":{"code":"c"}}"#;
    assert!(!unreadable_answer(Step::RunCommand, late, "no tables").is_in_doubt());
}

#[test]
fn status_and_words_decide_the_kind() {
    let with = |code: &str, ty: &str| json!({"error": {"code": code, "@type": ty}}).to_string();
    let throttled = with(
        "TooManyRequests",
        "Kusto.DataNode.Exceptions.ControlCommandThrottledException",
    );
    let missing = with(
        "BadRequest_EntityNotFound",
        "Kusto.Data.Exceptions.EntityNotFoundException",
    );
    for (status, body, kind) in [
        (400, "", ErrorKind::Service),
        (401, "", ErrorKind::Auth),
        (403, "", ErrorKind::Auth),
        (404, "", ErrorKind::NotFound),
        (400, &missing, ErrorKind::NotFound),
        (413, "", ErrorKind::TooLarge),
        (429, "", ErrorKind::Throttled),
        (503, &throttled, ErrorKind::Throttled),
        (503, "", ErrorKind::Service),
        (302, "", ErrorKind::Service),
    ] {
        assert_eq!(read(status, body).kind(), kind, "{status} {body}");
    }
}

#[test]
fn the_services_word_on_permanence_wins_and_else_the_status_decides() {
    let permanent = |flag: Json| json!({"error": {"message": "m", "@permanent": flag}}).to_string();
    for (status, body, retry) in [
        (400, permanent(json!(false)), RetryClass::Later),
        (400, permanent(json!("True")), RetryClass::Never),
        (503, permanent(json!(true)), RetryClass::Never),
        (429, permanent(json!(true)), RetryClass::Later),
        (400, permanent(Json::Null), RetryClass::Never),
        (307, String::new(), RetryClass::Never),
        (401, String::new(), RetryClass::Never),
        (404, String::new(), RetryClass::Never),
        (408, String::new(), RetryClass::Later),
        (429, String::new(), RetryClass::Later),
        (500, String::new(), RetryClass::Later),
        (503, String::new(), RetryClass::Later),
        (504, String::new(), RetryClass::Later),
        (520, String::new(), RetryClass::Later),
    ] {
        assert_eq!(read(status, &body).retry(), retry, "{status} {body}");
    }
}

#[test]
fn long_messages_are_shortened_between_characters() {
    let body = json!({"error": {"message": "ä".repeat(10_000)}}).to_string();
    assert_eq!(
        read(400, &body).message().chars().count(),
        MAX_MESSAGE_CHARS + 3
    );
}

#[test]
fn bytes_that_are_no_text_are_survived() {
    let error = parse_service_error(Step::RunQuery, 500, &[0xff, 0xfe, b'<']);
    assert_eq!(error.kind(), ErrorKind::Service);
}

proptest! {
    #[test]
    fn no_body_breaks_the_reader(status in 300..600_u16, body in any::<Vec<u8>>(), text in any::<String>()) {
        let error = parse_service_error(Step::RunQuery, status, &body);
        prop_assert_eq!(error.http_status(), Some(status));
        let _ = parse_service_error(Step::RunQuery, status, text.as_bytes());
    }
}

#[test]
fn an_error_without_a_word_has_a_message() {
    for body in [
        r#"{"error":""}"#,
        r#"{"error":" "}"#,
        r#"{"error":{"message":"\n"}}"#,
        r#"{"OneApiErrors":[""]}"#,
        r#"{"Exceptions":[]}"#,
    ] {
        for status in [200, 400, 504] {
            let error = parse_service_error(Step::RunQuery, status, body.as_bytes());
            assert!(!error.message().trim().is_empty(), "{body}");
            // A gateway's, for all that is known.
            assert_eq!(error.is_in_doubt(), status != 400, "{body}");
        }
        let error = in_band_error(Step::RunQuery, &serde_json::from_str(body).unwrap());
        assert!(!error.message().trim().is_empty(), "{body}");
    }
}
