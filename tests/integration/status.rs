//! The status of an ingestion: status table, failure and success queues.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kusto_emulator::{Fault, FaultRule, Options, ServiceKind, StorageOperation};
use kusto_ingest::prelude::*;
use kusto_ingest::track::FailureStatus;

use crate::bed::{Bed, DATABASE, on_each_storage, props, props_for, quick, soon};

#[tokio::test]
async fn failures_carry_every_field() {
    on_each_storage(async |bed: Bed| {
        bed.table().await;
        let missing_table = bed
            .outcome(Source::bytes("1,x\n"), &props_for("Nope"))
            .await;
        assert_eq!(missing_table.state, ItemState::Failed);
        assert_eq!(
            missing_table.error_code.as_deref(),
            Some("BadRequest_TableNotExist")
        );
        assert_eq!(missing_table.failure_status, Some(FailureStatus::Permanent));
        assert_eq!(missing_table.retry(), RetryClass::Never);
        assert_eq!(missing_table.table.as_deref(), Some("Nope"));
        assert!(missing_table.details.is_some() && missing_table.operation_id.is_some());
        let missing_mapping = props().with_mapping_reference("Nope");
        let item = bed.outcome(Source::bytes("1,x\n"), &missing_mapping).await;
        assert_eq!(
            item.error_code.as_deref(),
            Some("BadRequest_MappingReferenceWasNotFound")
        );
        let malformed = Source::bytes("1,\"never closed\n").with_name("x.csv");
        let item = bed.outcome(malformed, &props()).await;
        assert_eq!(
            item.error_code.as_deref(),
            Some("Stream_ClosingQuoteMissing")
        );
        assert_eq!(bed.count("T").await, 0);
    })
    .await;
}

#[tokio::test]
async fn queues_are_peeked_and_taken() {
    on_each_storage(async |bed: Bed| {
        bed.table().await;
        let props = |table| {
            IngestionProperties::new(DATABASE, table)
                .with_report_level(ReportLevel::FailuresAndSuccesses)
                .with_report_method(ReportMethod::QueueAndTable)
        };
        let mut receipts = Vec::new();
        for table in ["T", "Nope", "T"] {
            let source = Source::bytes("1,x\n");
            receipts.push(
                bed.client
                    .ingest(source, &props(table), soon())
                    .await
                    .unwrap(),
            );
        }
        for receipt in &receipts {
            bed.wait(receipt).await;
        }
        let successes = OutcomeQuery::new(Outcome::Successes);
        let failures = OutcomeQuery::new(Outcome::Failures);
        for _ in 0..2 {
            let peeked = bed.client.peek_outcomes(&successes, soon()).await.unwrap();
            assert_eq!(
                peeked.count(ItemState::Succeeded),
                2,
                "peeking removes nothing"
            );
        }
        let one = successes.clone().with_limit(1);
        assert_eq!(
            bed.client
                .peek_outcomes(&one, soon())
                .await
                .unwrap()
                .items()
                .len(),
            1
        );
        let mine = successes.clone().only([receipts[2].source_id()]);
        let taken = bed.client.take_outcomes(&mine, soon()).await.unwrap();
        assert_eq!(taken.items()[0].source_id, Some(receipts[2].source_id()));
        assert_eq!(taken.items().len(), 1);
        let failed = bed.client.take_outcomes(&failures, soon()).await.unwrap();
        let item = &failed.items()[0];
        assert_eq!(item.source_id, Some(receipts[1].source_id()));
        assert_eq!(item.error_code.as_deref(), Some("BadRequest_TableNotExist"));
        assert!(item.source_path.as_deref().unwrap().starts_with("http"));
        assert!(item.updated_on.is_some() && item.activity_id.is_some());
        let gone = bed.client.take_outcomes(&failures, soon()).await.unwrap();
        assert!(gone.items().is_empty());
    })
    .await;
}

#[tokio::test]
async fn without_a_status_table_the_state_is_queued() {
    let bed = Bed::built_in().await;
    bed.table().await;
    let props = IngestionProperties::new(DATABASE, "T");
    let receipt = bed
        .client
        .ingest(Source::bytes("1,x\n"), &props, soon())
        .await
        .unwrap();
    let token = receipt.tracking_token();
    assert!(!token.has_status_table());
    let never = std::time::Duration::ZERO;
    let error = bed.client.track_until_final(token, never, soon()).await;
    assert_eq!(error.unwrap_err().argument(), Some("poll"));
    let report = bed.client.track(token, soon()).await.unwrap();
    assert_eq!(report.items()[0].state, ItemState::Queued);
    let poll = std::time::Duration::from_millis(20);
    let waiting = bed.client.track_until_final(token, poll, soon()).await;
    let error = waiting.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    assert_eq!(error.argument(), Some("reportMethod"));
}

#[tokio::test]
async fn a_token_kept_as_text_serves_another_client() {
    let bed = Bed::built_in().await;
    bed.table().await;
    let receipt = bed
        .client
        .ingest(Source::bytes("1,x\n"), &props(), soon())
        .await
        .unwrap();
    let text = receipt.tracking_token().to_string();
    assert!(!text.contains("sig"));
    let other = crate::bed::client_of(&bed.emulator).build().unwrap();
    let token: TrackingToken = text.parse().unwrap();
    let poll = std::time::Duration::from_millis(20);
    let report = other.track_until_final(&token, poll, soon()).await.unwrap();
    assert_eq!(report.count(ItemState::Succeeded), 1);
}

/// The next reads of the status, of any number with `None`, meet a table that is busy.
fn busy_table(times: Option<u64>) -> FaultRule {
    let busy = Fault::Status {
        status: 503,
        retry_after: None,
        code: None,
        body: None,
    };
    FaultRule {
        operation: Some(StorageOperation::GetEntity),
        times,
        ..FaultRule::new(ServiceKind::Table, busy)
    }
}

#[tokio::test]
async fn waiting_goes_on_through_an_outage() {
    let bed = Bed::built_in().await;
    bed.table().await;
    // More than the quick attempts of one read.
    bed.emulator.arm(busy_table(Some(4)));
    let item = bed.outcome(Source::bytes("1,x\n"), &props()).await;
    assert_eq!(item.state, ItemState::Succeeded);
    assert_eq!(bed.emulator.faults()[0].fired, 4);
}

#[tokio::test]
async fn the_end_of_waiting_says_what_is_missing() {
    let options = Options {
        ingestion: false,
        ..quick()
    };
    let bed = Bed::start(options).await;
    bed.table().await;
    let receipt = bed
        .client
        .ingest(Source::bytes("1,x\n"), &props(), soon())
        .await
        .unwrap();
    let poll = std::time::Duration::from_millis(20);
    let brief = || CallOptions::new().with_timeout(std::time::Duration::from_millis(700));
    let token = receipt.tracking_token();
    let error = bed.client.track_until_final(token, poll, brief()).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    let message = error.message();
    assert!(
        message.ends_with("passed (1 of 1 item is still pending)"),
        "{message}"
    );
    bed.emulator.arm(busy_table(None));
    let error = bed.client.track_until_final(token, poll, brief()).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    assert_eq!(error.attempts()[0].http_status(), Some(503));
    let message = error.message();
    assert!(
        message.ends_with("(the status of the item could not be read)"),
        "{message}"
    );
}

#[tokio::test]
async fn what_the_status_table_does_not_hold_is_not_found() {
    let bed = Bed::built_in().await;
    bed.table().await;
    let receipt = bed
        .client
        .ingest(Source::bytes("1,x\n"), &props(), soon())
        .await
        .unwrap();
    bed.wait(&receipt).await;
    let other_id = uuid::Uuid::new_v4().to_string();
    let unknown = with_source_id(receipt.tracking_token(), &other_id);
    let error = bed.client.track(&unknown, soon()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains(&other_id), "{error}");

    let other = Bed::built_in().await;
    let error = other
        .client
        .track(receipt.tracking_token(), soon())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("another cluster"), "{error}");
}

/// The token with another source id in its text.
fn with_source_id(token: &TrackingToken, id: &str) -> TrackingToken {
    let text = token.to_string();
    let (prefix, body) = text.split_once('.').unwrap();
    let json = String::from_utf8(URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap();
    let json = json.replace(&token.source_ids()[0].to_string(), id);
    format!("{prefix}.{}", URL_SAFE_NO_PAD.encode(json))
        .parse()
        .unwrap()
}
