//! The queue message, field by field, as wire-v1 section 5.5 recommends it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kusto_emulator::Options;
use kusto_ingest::prelude::*;
use kusto_ingest::props::{
    ColumnMapping, Mapping, MappingKind, ValidationImplications, ValidationOptions,
    ValidationPolicy,
};
use serde_json::{Value, json};

use crate::bed::{Bed, client_of, quick, reqwest_client, soon};

const ID: &str = "7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001";

/// Posts, and returns the only message that is then in the queues.
async fn message_of(source: Source, props: &IngestionProperties) -> Value {
    let bed = Bed::start(Options {
        ingestion: false,
        ..quick()
    })
    .await;
    let client = client_of(&bed.emulator)
        .application("golden")
        .wrapper("Test", "1.2.3")
        .build()
        .unwrap();
    client.ingest(source, props, soon()).await.unwrap();
    let mut texts = Vec::new();
    for mut queue in bed.emulator.storage_resources().unwrap().queues {
        queue.path_segments_mut().unwrap().push("messages");
        queue.query_pairs_mut().append_pair("peekonly", "true");
        let xml = reqwest_client()
            .get(queue)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let text = xml
            .split("<MessageText>")
            .nth(1)
            .and_then(|rest| rest.split('<').next());
        texts.extend(text.map(str::to_owned));
    }
    assert_eq!(texts.len(), 1);
    serde_json::from_slice(&STANDARD.decode(&texts[0]).unwrap()).unwrap()
}

/// Takes a field out.
fn take(message: &mut Value, field: &str) -> Value {
    message
        .as_object_mut()
        .unwrap()
        .shift_remove(field)
        .unwrap()
}

/// The fields that differ from run to run, checked by their form and taken out.
fn check_variable_fields(message: &mut Value, blob_end: &str) {
    let path = take(message, "BlobPath");
    let url = url::Url::parse(path.as_str().unwrap()).unwrap();
    assert!(url.path().ends_with(blob_end), "{}", url.path());
    assert!(url.query_pairs().any(|(key, _)| key == "sig"));
    let created = take(message, "SourceMessageCreationTime");
    let created = created.as_str().unwrap();
    assert!(created.len() == 28 && created.ends_with('Z'), "{created}");
    let version = take(message, "ClientVersionForTracing");
    let version = version.as_str().unwrap();
    assert!(
        version.starts_with("Kusto.Test.Client:{1.2.3}|Kusto.Rust.Client:{"),
        "{version}"
    );
    let token = take(&mut message["AdditionalProperties"], "authorizationContext");
    assert!(!token.as_str().unwrap().is_empty());
}

#[tokio::test]
async fn with_defaults() {
    let source = Source::bytes("1,x\n").with_id(ID).unwrap();
    let mut message = message_of(source, &IngestionProperties::new("Db", "T")).await;
    check_variable_fields(&mut message, &format!("/Db__T__{ID}__stream.csv.gz"));
    assert_eq!(
        message,
        json!({
            "Id": ID,
            "RawDataSize": 4,
            "DatabaseName": "Db",
            "TableName": "T",
            "RetainBlobOnSuccess": true,
            "FlushImmediately": false,
            "IgnoreSizeLimit": false,
            "ReportLevel": 0,
            "ReportMethod": 0,
            "ApplicationForTracing": "golden",
            "AdditionalProperties": { "format": "csv", "ignoreFirstRecord": "false" }
        })
    );
}

#[tokio::test]
async fn with_every_property() {
    let mapping = Mapping::new(MappingKind::Json, vec![ColumnMapping::path("a", "$.x")]).unwrap();
    let policy = ValidationPolicy {
        options: ValidationOptions::ValidateCsvInputConstantColumns,
        implications: ValidationImplications::BestEffort,
    };
    let props = IngestionProperties::new("Db", "T")
        .with_format(DataFormat::MultiJson)
        .with_mapping(mapping)
        .with_drop_by_tag("d1")
        .with_ingest_by_tag("k1")
        .with_tag("plain")
        .with_ingest_if_not_exists(["k1"])
        .with_report_level(ReportLevel::FailuresOnly)
        .with_report_method(ReportMethod::QueueAndTable)
        .with_flush_immediately(true)
        .with_ignore_first_record(true)
        .with_ignore_size_limit(true)
        .with_retain_blob_on_success(false)
        .with_creation_time(time::macros::datetime!(2024-05-01 10:00:00.5 UTC))
        .with_validation_policy(policy)
        .with_additional_property("zipPattern", "*.json");
    let source = Source::bytes("[]")
        .with_id(ID)
        .unwrap()
        .with_name("my events.json");
    let mut message = message_of(source, &props).await;
    check_variable_fields(
        &mut message,
        &format!("/Db__T__{ID}__my_events.multijson.gz"),
    );
    let status = take(&mut message, "IngestionStatusInTable");
    assert!(
        status["TableConnectionString"]
            .as_str()
            .unwrap()
            .contains("sig=")
    );
    assert_eq!(
        (&status["PartitionKey"], &status["RowKey"]),
        (&json!(ID), &json!(ID))
    );
    assert_eq!(
        message,
        json!({
            "Id": ID,
            "RawDataSize": 2,
            "DatabaseName": "Db",
            "TableName": "T",
            "RetainBlobOnSuccess": false,
            "FlushImmediately": true,
            "IgnoreSizeLimit": true,
            // Raised: a success that is not reported would leave the status pending for ever.
            "ReportLevel": 2,
            "ReportMethod": 2,
            "ApplicationForTracing": "golden",
            "AdditionalProperties": {
                "zipPattern": "*.json",
                "format": "multijson",
                "tags": "[\"plain\",\"drop-by:d1\",\"ingest-by:k1\"]",
                "ingestIfNotExists": "[\"k1\"]",
                "ingestionMapping": "[{\"Column\":\"a\",\"Properties\":{\"Path\":\"$.x\"}}]",
                "ingestionMappingType": "Json",
                "ignoreFirstRecord": "true",
                "creationTime": "2024-05-01T10:00:00.5000000Z",
                "validationPolicy": "{\"ValidationOptions\":1,\"ValidationImplications\":1}"
            }
        })
    );
}

#[tokio::test]
async fn of_a_blob_that_was_there_already() {
    let url = "https://account.blob.core.windows.net/c/data.parquet?sp=r&sig=abc%2B";
    let blob = BlobSource::new(url).unwrap().with_id(ID).unwrap();
    let props = IngestionProperties::new("Db", "T");
    let mut message = message_of(Source::blobs([blob]), &props).await;
    assert_eq!(message["BlobPath"], url, "byte for byte as it was given");
    check_variable_fields(&mut message, "/c/data.parquet");
    assert!(message.get("RawDataSize").is_none(), "never guessed");
    assert_eq!(message["AdditionalProperties"]["format"], "parquet");
}
