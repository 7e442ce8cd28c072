//! `warm_up_table` names what is missing, and takes nothing for missing that it may not read.

use kusto_emulator::{Fault, FaultRule, ServiceKind};
use kusto_ingest::error::Step;
use kusto_ingest::prelude::*;
use kusto_ingest::props::IngestionMode;

use crate::bed::{Bed, DATABASE, soon};

async fn bed() -> Bed {
    let bed = Bed::built_in().await;
    bed.command(".create table Events (a:long, b:string)").await;
    let mapping = r#"[{"column":"a","Properties":{"Path":"$.a"}}]"#;
    bed.command(&format!(
        ".create table Events ingestion json mapping 'EventsMapping' '{mapping}'"
    ))
    .await;
    bed
}

fn props(database: &str, table: &str) -> IngestionProperties {
    IngestionProperties::new(database, table)
}

async fn refused(bed: &Bed, props: &IngestionProperties, text: &str) {
    let error = bed.client.warm_up_table(props, soon()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert_eq!(error.step(), Step::CheckTable, "{error}");
    assert_eq!(error.message(), text);
}

#[tokio::test]
async fn what_is_there_passes() {
    let bed = bed().await;
    for props in [
        props(DATABASE, "Events"),
        props(DATABASE, "Events")
            .with_format(DataFormat::MultiJson)
            .with_mapping_reference("EventsMapping"),
    ] {
        let check = bed.client.warm_up_table(&props, soon()).await.unwrap();
        assert_eq!(check.unchecked(), [""; 0]);
    }
}

#[tokio::test]
async fn a_login_that_may_not_ingest_is_refused() {
    let bed = bed().await;
    let props = props(DATABASE, "Events");
    bed.command(".add table Events ingestors ('aaduser=someone@example.com')")
        .await;
    let error = bed.client.warm_up_table(&props, soon()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
    assert_eq!(error.step(), Step::CheckTable, "{error}");
    assert_eq!(
        error.message(),
        "this login may not ingest into table 'Events' of database 'NetDefaultDB': it needs the \
         role ingestor of the table or the database"
    );

    let login = "aadapp=00000000-0000-0000-0000-000000000000";
    bed.command(&format!(".add table Events ingestors ('{login}')"))
        .await;
    let check = bed.client.warm_up_table(&props, soon()).await.unwrap();
    assert_eq!(check.unchecked(), [""; 0]);
}

#[tokio::test]
async fn what_is_missing_is_named_with_the_nearest_name() {
    let bed = bed().await;
    refused(
        &bed,
        &props(DATABASE, "Evnts"),
        "table 'Evnts' does not exist in database 'NetDefaultDB': did you mean 'Events'?",
    )
    .await;
    refused(
        &bed,
        &props(DATABASE, "Orders"),
        "table 'Orders' does not exist in database 'NetDefaultDB'",
    )
    .await;
    refused(
        &bed,
        &props("NetDefaltDB", "Events"),
        "database 'NetDefaltDB' does not exist, or this login may not see it: did you mean 'NetDefaultDB'?",
    )
    .await;
    let json = props(DATABASE, "Events").with_format(DataFormat::Json);
    refused(
        &bed,
        &json.with_mapping_reference("EventMapping"),
        "Json mapping 'EventMapping' does not exist for table 'Events' in database \
         'NetDefaultDB': did you mean 'EventsMapping'?",
    )
    .await;
    let csv = props(DATABASE, "Events").with_format(DataFormat::Csv);
    refused(
        &bed,
        &csv.with_mapping_reference("EventsMapping"),
        "Csv mapping 'EventsMapping' does not exist for table 'Events' in database \
         'NetDefaultDB': there is one of kind Json",
    )
    .await;
}

/// Each call would fail; a managed one would be queued.
#[tokio::test]
async fn a_table_that_cannot_stream_is_refused_where_it_has_to() {
    let bed = bed().await;
    let of = |mode| props(DATABASE, "Events").with_mode(mode);
    let streaming = of(IngestionMode::Streaming);
    let check = async |props: IngestionProperties| bed.client.warm_up_table(&props, soon()).await;
    let error = check(streaming.clone()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.step()),
        (ErrorKind::Config, Step::CheckTable)
    );
    assert!(error.message().contains(".alter table"), "{error}");
    for mode in [IngestionMode::Queued, IngestionMode::Managed] {
        assert!(check(of(mode)).await.is_ok(), "{mode:?}");
    }
    bed.command(&format!(
        ".alter database {DATABASE} policy streamingingestion enable"
    ))
    .await;
    assert!(check(streaming.clone()).await.is_ok());
    // The table's own says more than its database's.
    bed.command(".alter table Events policy streamingingestion disable")
        .await;
    assert!(check(streaming.clone()).await.is_err());
    bed.command(".alter table Events policy streamingingestion enable")
        .await;
    assert!(check(streaming).await.is_ok());
}

#[tokio::test]
async fn what_may_not_be_read_is_not_called_missing() {
    let bed = bed().await;
    for service in [ServiceKind::Mgmt, ServiceKind::Query] {
        for command in [".show", "print"] {
            bed.emulator.arm(FaultRule {
                command: Some(command.to_owned()),
                ..FaultRule::new(service, Fault::status(403))
            });
        }
    }
    let props = props(DATABASE, "Nowhere")
        .with_format(DataFormat::Json)
        .with_mapping_reference("m");
    let check = bed.client.warm_up_table(&props, soon()).await.unwrap();
    assert_eq!(
        check.unchecked(),
        [
            "whether table 'Nowhere' exists in database 'NetDefaultDB'",
            "whether mapping 'm' exists",
            "whether this login may ingest",
        ]
    );
}

#[tokio::test]
async fn a_failure_of_the_service_is_not_taken_for_an_answer() {
    let bed = bed().await;
    bed.emulator.arm(FaultRule {
        command: Some(".show table".to_owned()),
        ..FaultRule::new(ServiceKind::Mgmt, Fault::status(500))
    });
    let call = bed.client.warm_up_table(&props(DATABASE, "Events"), soon());
    assert_eq!(call.await.unwrap_err().http_status(), Some(500));
}
