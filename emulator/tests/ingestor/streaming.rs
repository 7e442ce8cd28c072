//! Streaming ingestion: what a request brings is in the table when its answer comes, or an error says why not.

use std::time::Duration;

use kusto_emulator::engine::value::Value;
use kusto_emulator::{
    CutPoint, Emulator, Fault, FaultRule, KustoAnswer, Options, ServiceKind, Streaming,
};
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::bench::{Bench, DATABASE, NEVER, on_each_storage};
use crate::{gzip, row};

const ENABLE: &str = ".alter table T policy streamingingestion enable";

/// An emulator with the table `T (n: long, s: string)`, under a policy.
async fn bench(streaming: Streaming) -> Bench {
    let bench = Bench::with(Options {
        streaming,
        ..Options::default()
    })
    .await;
    bench.table("T", "n:long, s:string");
    bench
}

/// Status and code of an error, which must have the service's form.
fn refusal((status, answer): &(u16, Json)) -> (u16, &str) {
    let error = &answer["error"];
    for text in ["code", "message", "@type", "@message"] {
        assert!(error[text].is_string(), "{answer}");
    }
    assert_eq!(error["@failureCode"], json!(status), "{answer}");
    assert!(error["@permanent"].is_boolean(), "{answer}");
    assert!(!answer.to_string().contains("sig="), "{answer}");
    (*status, error["code"].as_str().unwrap())
}

#[tokio::test]
async fn a_body_is_in_the_table_when_the_answer_comes() {
    let bench = bench(Streaming::Always).await;
    bench.mapping("T", "json", "m", r#"[{"column":"n","path":"$.a"}]"#);
    let (status, answer) = bench
        .stream("netdefaultdb/T?streamFormat=Csv", None, "1,a\n2,b\n")
        .await;
    assert_eq!(status, 200, "{answer}");
    let table = &answer["Tables"][0];
    assert_eq!(table["TableName"], "Table_0");
    assert_eq!(table["Rows"], json!([[2, "Inactive", "Unknown", null]]));
    assert_eq!(table["Columns"][0]["ColumnName"], "ConsumedRecordsCount");
    let target = format!("{DATABASE}/T?streamFormat=json&mappingName=m");
    let (status, answer) = bench
        .stream(&target, Some("gzip"), gzip(b"{\"a\":3}\n"))
        .await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(bench.rows("T"), [row(1, "a"), row(2, "b"), row(3, "")]);
    let counted = bench.emulator.traffic().services.ingest;
    assert_eq!(counted.requests, 2);
    bench.emulator.shutdown().await;
}

#[tokio::test]
async fn a_blob_is_streamed_by_its_address() {
    on_each_storage(NEVER, async |bench| {
        bench.table("T", "n:long, s:string");
        bench.command(ENABLE).await;
        let target = format!("{DATABASE}/T?streamFormat=csv&sourceKind=uri");
        let packed = bench.source("T", "x.csv.gz", gzip(b"1,a\n")).await;
        let plain = bench.source("T", "y.csv", "2,b\n").await;
        for (name, source) in [("sourceUri", &packed), ("SourceUri", &plain)] {
            let body = json!({ name: source.blob.as_str() }).to_string();
            let (status, answer) = bench.stream(&target, None, body).await;
            assert_eq!(status, 200, "{answer}");
        }
        assert_eq!(bench.rows("T"), [row(1, "a"), row(2, "b")]);
        let mut gone = plain.blob.clone();
        gone.set_path(&format!("{}.gone", gone.path()));
        let body = json!({ "sourceUri": gone.as_str() }).to_string();
        let answer = bench.stream(&target, None, body).await;
        assert_eq!(refusal(&answer), (400, "Download_SourceNotFound"));
        for wrong in ["", "[]", "{\"sourceUri\":1}", "{\"sourceUri\":\"c:\\\\x\"}"] {
            let answer = bench.stream(&target, None, wrong).await;
            assert_eq!(refusal(&answer).0, 400, "{wrong}");
        }
        // The blob is not the emulator's to delete.
        assert!(bench.blob_exists(&plain).await);
    })
    .await;
}

#[tokio::test]
async fn a_table_takes_what_its_policy_or_its_databases_allows() {
    const OFF: (u16, &str) = (400, "BadRequest_StreamingIngestionPolicyNotEnabled");
    let bench = bench(Streaming::ByPolicy).await;
    let target = format!("{DATABASE}/T?streamFormat=csv");
    assert_eq!(refusal(&bench.stream(&target, None, "0,-\n").await), OFF);
    let of_database =
        format!(".alter database {DATABASE} policy streamingingestion '{{\"IsEnabled\":true}}'");
    bench.command(&of_database).await;
    assert_eq!(bench.stream(&target, None, "1,a\n").await.0, 200);
    bench
        .command(".alter table T policy streamingingestion disable")
        .await;
    assert_eq!(refusal(&bench.stream(&target, None, "0,-\n").await), OFF);
    bench.command(ENABLE).await;
    assert_eq!(bench.stream(&target, None, "2,b\n").await.0, 200);
    bench
        .command(".delete table T policy streamingingestion")
        .await;
    bench
        .command(&format!(
            ".delete database {DATABASE} policy streamingingestion"
        ))
        .await;
    assert_eq!(refusal(&bench.stream(&target, None, "0,-\n").await), OFF);
    assert_eq!(bench.rows("T"), [row(1, "a"), row(2, "b")]);
    bench.emulator.shutdown().await;
}

#[tokio::test]
async fn a_cluster_without_it_says_so() {
    let bench = bench(Streaming::Disabled).await;
    bench.command(ENABLE).await;
    let target = format!("{DATABASE}/T?streamFormat=csv");
    let answer = bench.stream(&target, None, "1,a\n").await;
    let code = "NotFound_StreamingIngestionDisabledForCluster";
    assert_eq!(refusal(&answer), (404, code));
    bench.emulator.shutdown().await;
}

#[tokio::test]
async fn streaming_learns_late_of_tables_and_mappings() {
    let bench = Bench::with(Options {
        streaming: Streaming::Always,
        schema_lag: Duration::from_secs(3600),
        ..Options::default()
    })
    .await;
    bench.command(".create table T (n: long, s: string)").await;
    let target = format!("{DATABASE}/T?streamFormat=json");
    let late = bench.stream(&target, None, "{\"n\":0}").await;
    assert_eq!(refusal(&late), (400, "BadRequest_TableNotExist"));
    bench
        .command(".clear table T cache streamingingestion schema")
        .await;
    assert_eq!(bench.stream(&target, None, "{\"n\":1}").await.0, 200);

    let mapping = r#".create table T ingestion json mapping "m" '[{"column":"n","path":"$.a"}]'"#;
    bench.command(mapping).await;
    let target = format!("{target}&mappingName=m");
    let late = bench.stream(&target, None, "{\"a\":0}").await;
    let code = "BadRequest_MappingReferenceWasNotFound";
    assert_eq!(refusal(&late), (400, code));
    bench
        .command(".clear database cache streamingingestion schema")
        .await;
    assert_eq!(bench.stream(&target, None, "{\"a\":2}").await.0, 200);

    bench.command(".rename table T to U").await;
    let target = format!("{DATABASE}/U?streamFormat=csv");
    let late = bench.stream(&target, None, "0,-\n").await;
    assert_eq!(refusal(&late), (400, "BadRequest_TableNotExist"));
    assert_eq!(bench.rows("U"), [row(1, ""), row(2, "")]);
    bench.emulator.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_streamed_is_refused_by_its_code() {
    let bench = bench(Streaming::Always).await;
    let gzip = Some("gzip");
    let cases = [
        (
            "No/T?streamFormat=csv",
            None,
            "1,a",
            "BadRequest_DatabaseNotExist",
        ),
        (
            "NetDefaultDB/No?streamFormat=csv",
            None,
            "1,a",
            "BadRequest_TableNotExist",
        ),
        (
            "NetDefaultDB/T?streamFormat=csv&mappingName=no",
            None,
            "1,a",
            "BadRequest_MappingReferenceWasNotFound",
        ),
        ("NetDefaultDB/T", None, "1,a", "General_BadRequest"),
        (
            "NetDefaultDB/T?streamFormat=xml",
            None,
            "1,a",
            "BadRequest_FormatNotSupported",
        ),
        (
            "NetDefaultDB/T?streamFormat=csv&sourceKind=file",
            None,
            "1,a",
            "General_BadRequest",
        ),
        (
            "NetDefaultDB/T?streamFormat=csv",
            Some("br"),
            "1,a",
            "General_BadRequest",
        ),
        (
            "NetDefaultDB/T?streamFormat=csv",
            gzip,
            "1,a",
            "BadRequest_InvalidBlob",
        ),
        (
            "NetDefaultDB/T?streamFormat=csv",
            None,
            "",
            "Stream_NoDataToIngest",
        ),
        (
            "NetDefaultDB/T?streamFormat=csv",
            None,
            "1,a\n2\n",
            "Stream_WrongNumberOfFields",
        ),
        (
            "NetDefaultDB/T?streamFormat=csv",
            None,
            "1,\"a\n",
            "Stream_ClosingQuoteMissing",
        ),
    ];
    for (target, encoding, body, code) in cases {
        let answer = bench.stream(target, encoding, body).await;
        assert_eq!(refusal(&answer), (400, code), "{target}");
        assert_eq!(answer.1["error"]["@permanent"], true, "{target}");
    }
    assert!(bench.rows("T").is_empty());
    bench.emulator.shutdown().await;
}

#[tokio::test]
async fn the_limits_are_of_the_body_and_of_what_becomes_of_it() {
    let bench = bench(Streaming::Always).await;
    let target = format!("{DATABASE}/T?streamFormat=multijson");
    let text = |bytes: usize| format!("[{{\"s\":\"{}\"}}]", "x".repeat(bytes - 10));
    let largest = 4 << 20;
    assert_eq!(bench.stream(&target, None, text(12)).await.0, 200);
    let code = "Stream_InputStreamTooLarge";
    let above = text(largest + 1);
    let packed = gzip(above.as_bytes());
    assert_eq!(
        refusal(&bench.stream(&target, None, above).await),
        (400, code)
    );
    let answer = bench.stream(&target, Some("gzip"), packed).await;
    assert_eq!(refusal(&answer), (400, code));
    let answer = bench
        .stream(&target, None, vec![b' '; (10 << 20) + 1])
        .await;
    assert_eq!(refusal(&answer), (413, "BadRequest_FileTooLarge"));
    assert_eq!(bench.rows("T").len(), 1);
    bench.emulator.shutdown().await;
}

#[tokio::test]
async fn names_are_percent_encoded_in_one_segment_each() {
    let bench = bench(Streaming::Always).await;
    bench.table("My T/1;ä", "n:long");
    let target = format!("{DATABASE}/My%20T%2F1%3B%C3%A4?streamFormat=csv");
    assert_eq!(bench.stream(&target, None, "7\n").await.0, 200);
    assert_eq!(bench.rows("My T/1;ä"), [vec![Value::Long(7)]]);
    bench.emulator.shutdown().await;
}

#[tokio::test]
async fn a_wrong_address_says_nothing_but_404() {
    let bench = bench(Streaming::Always).await;
    for target in ["", "Db", "Db/", "Db/T/x?streamFormat=csv", "Db/%FF"] {
        let answer = bench.stream(target, None, "1,a\n").await;
        assert_eq!(answer, (404, Json::Null), "{target}");
    }
    bench.emulator.shutdown().await;
    let split = Emulator::start(Options {
        split_roles: true,
        ..Options::default()
    });
    let split = split.await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    for path in ["ingest/Db/T?streamFormat=csv", "ingestion/configuration"] {
        let url = format!("{}/v1/rest/{path}", split.data_management_url());
        let reply = http.post(url).body("1,a\n").send().await.unwrap();
        assert_eq!(reply.status(), 404, "{path}");
        assert_eq!(reply.text().await.unwrap(), "", "{path}");
    }
    split.shutdown().await;
}

#[tokio::test]
async fn a_rule_fails_one_attempt_at_one_table() {
    let bench = bench(Streaming::Always).await;
    bench.table("Other", "n:long, s:string");
    let answer = KustoAnswer {
        status: 400,
        code: Some("BadRequest".to_owned()),
        exception: Some("Kusto.DataNode.Exceptions.StreamingIngestionRequestException".to_owned()),
        failure_code: Some(json!("400")),
        ..KustoAnswer::default()
    };
    let rule = FaultRule {
        database: Some(DATABASE.to_lowercase()),
        table: Some("T".to_owned()),
        attempt: Some(1),
        ..FaultRule::new(ServiceKind::Ingest, Fault::Kusto(answer))
    };
    let shown = serde_json::to_value(&rule).unwrap();
    assert_eq!(shown["fault"]["failureCode"], "400", "{shown}");
    assert_eq!(FaultRule::try_from(shown).as_ref(), Ok(&rule));
    bench.emulator.arm(rule);
    let send = async |table: &str, id: &'static str| {
        let target = format!("{DATABASE}/{table}?streamFormat=csv");
        let header = Some(("x-ms-client-request-id", id));
        bench.stream_with(&target, header, "1,a\n").await
    };
    assert_eq!(send("T", "K.execute;x;0").await.0, 200);
    assert_eq!(send("Other", "K.execute;x;1").await.0, 200);
    let told = json!({ "error": {
        "code": "BadRequest",
        "@type": "Kusto.DataNode.Exceptions.StreamingIngestionRequestException",
        "@failureCode": "400",
    }});
    assert_eq!(send("T", "K.execute;x;1").await, (400, told));
    assert_eq!(bench.rows("T").len(), 1);
    let fired: Vec<_> = bench.emulator.faults().iter().map(|f| f.fired).collect();
    assert_eq!(fired, [1]);
    bench.emulator.shutdown().await;
}

#[tokio::test]
async fn a_rule_answers_a_success_in_other_words() {
    let bench = bench(Streaming::Always).await;
    let body = String::new();
    bench
        .emulator
        .arm(FaultRule::new(ServiceKind::Ingest, Fault::Reply { body }));
    let target = format!("{DATABASE}/T?streamFormat=csv");
    let answer = bench.stream(&target, None, "1,a\n").await;
    assert_eq!(answer, (200, Json::Null));
    let answer = bench.stream(&target, None, "1,\"a\n").await;
    assert_eq!(refusal(&answer), (400, "Stream_ClosingQuoteMissing"));
    assert_eq!(bench.rows("T"), [row(1, "a")]);
    bench.emulator.shutdown().await;
}

#[tokio::test]
async fn a_connection_that_is_cut_leaves_the_rows() {
    let bench = bench(Streaming::Always).await;
    let fault = Fault::Cut(CutPoint::After);
    bench
        .emulator
        .arm(FaultRule::new(ServiceKind::Ingest, fault));
    let url = format!(
        "{}/v1/rest/ingest/{DATABASE}/T?streamFormat=csv",
        bench.emulator.engine_url()
    );
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    assert!(http.post(url).body("1,a\n").send().await.is_err());
    assert_eq!(bench.rows("T"), [row(1, "a")]);
    bench.emulator.shutdown().await;
}

#[tokio::test]
async fn a_connection_is_cut_within_a_body() {
    let bench = bench(Streaming::Always).await;
    let fault = Fault::Cut(CutPoint::During { bytes: 10 });
    bench
        .emulator
        .arm(FaultRule::new(ServiceKind::Ingest, fault));
    let url = format!(
        "{}/v1/rest/ingest/{DATABASE}/T?streamFormat=csv",
        bench.emulator.engine_url()
    );
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = "1,a\n".repeat(2 << 20);
    let sent = body.len() as u64;
    assert!(http.post(url).body(body).send().await.is_err());
    let read = bench.emulator.traffic().services.ingest.bytes_received;
    assert!((10..sent).contains(&read), "{read}");
    assert!(bench.rows("T").is_empty());
    bench.emulator.shutdown().await;
}

#[tokio::test]
async fn commands_count_what_was_streamed_and_what_failed() {
    let bench = bench(Streaming::Always).await;
    let target = format!("{DATABASE}/T?streamFormat=csv");
    for rows in ["1,a\n", "2,b\n3,c\n"] {
        assert_eq!(bench.stream(&target, None, rows).await.0, 200);
    }
    let blob = bench.source("T", "x.csv.gz", gzip(b"1,a\n2\n")).await.blob;
    let body = json!({ "sourceUri": blob.as_str() }).to_string();
    let of_blob = format!("{target}&sourceKind=uri");
    assert_eq!(bench.stream(&of_blob, None, body).await.0, 400);
    let rows = async |text: &str| {
        let (status, answer) = bench.answer(text).await;
        assert_eq!(status, 200, "{answer}");
        answer["Tables"][0]["Rows"].clone()
    };
    // A minute may have ended between two requests.
    let statistics = rows(
        ".show streamingingestion statistics | summarize sum(Count), sum(TotalRowCount), sum(TotalDataSize), \
         max(MaxRowCount) by Database, Table, IngestionStatus, tostring(IngestionProperties) | order by IngestionStatus desc",
    );
    let properties = |compressed: bool, source: &str| {
        json!({ "Mapping": null, "Format": "csv", "Compressed": compressed, "IngestionSource": source }).to_string()
    };
    let (stream, storage) = (properties(false, "Stream"), properties(true, "Storage"));
    assert_eq!(
        statistics.await,
        json!([
            [DATABASE, "T", "Success", stream, 2, 3, 12, 2],
            [DATABASE, "T", "FailureBadRequest", storage, 1, 0, 0, 0],
        ])
    );
    let failures = rows(
        ".show streamingingestion failures | project Table, Count, FailureKind, ErrorCode, \
         tostring(IngestionProperties), Details has '1 field'",
    );
    let exception = "Kusto.DataNode.Exceptions.StreamingIngestionRequestException";
    let failure = json!(["T", 1, "Permanent", exception, storage, true]);
    assert_eq!(failures.await, json!([failure]));
    bench.emulator.shutdown().await;
}

#[tokio::test]
async fn what_was_streamed_is_shown_whatever_its_sender_was_told() {
    let bench = bench(Streaming::Always).await;
    let busy = FaultRule {
        times: Some(1),
        ..FaultRule::new(ServiceKind::Ingest, Fault::status(503))
    };
    bench.emulator.arm(busy);
    let target = format!("{DATABASE}/T?streamFormat=csv");
    let packed = gzip(b"1,a\n");
    for status in [503, 200] {
        let answer = bench.stream(&target, Some("gzip"), packed.clone()).await;
        assert_eq!(answer.0, status);
    }
    let header = Some(("authorization", "Bearer very-secret"));
    assert_eq!(bench.stream_with(&target, header, "1,a\n").await.0, 200);
    let (status, shown) = bench.control(Method::GET, "streams").await;
    assert_eq!((status, &shown["requests"]), (200, &json!(3)));
    let [failed, packed_again, plain] = shown["last"].as_array().unwrap().as_slice() else {
        panic!("three requests: {shown}");
    };
    assert_eq!(failed, packed_again);
    assert_eq!(failed["bytes"], json!(packed.len()));
    assert_eq!(failed["headers"]["content-encoding"], "gzip");
    assert_eq!(failed["contentSha256"], plain["sha256"]);
    assert_eq!(plain["contentSha256"], Json::Null);
    assert_eq!(plain["headers"]["authorization"], "***");
    assert_eq!(plain["whole"], true);
    assert_eq!(plain["target"], json!(format!("/v1/rest/ingest/{target}")));
    assert_eq!(bench.control(Method::DELETE, "streams").await.0, 204);
    assert_eq!(bench.emulator.streams().requests, 0);
    bench.emulator.shutdown().await;
}
