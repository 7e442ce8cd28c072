//! Commands and queries: types, properties, errors.

use kusto_ingest::error::Step;
use kusto_ingest::prelude::*;
use kusto_ingest::query::{ColumnType, Value};

use crate::bed::{Bed, DATABASE, soon};

#[tokio::test]
async fn all_types_come_back_as_they_are() {
    let bed = Bed::built_in().await;
    let data = bed
        .query(
            "print b=true, d=datetime(2026-01-02 03:04:05.1234567), n=decimal(1.5), \
             y=dynamic({\"k\":[1]}), g=guid(7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001), i=int(-7), \
             l=long(9007199254740993), r=real(nan), s='é', t=time(1.02:03:04.5), nothing=long(null)",
        )
        .await;
    let table = data.primary().unwrap();
    use ColumnType as T;
    let types: Vec<_> = table.columns.iter().map(|column| column.ty).collect();
    assert_eq!(
        types,
        [
            T::Bool,
            T::DateTime,
            T::Decimal,
            T::Dynamic,
            T::Guid,
            T::Int,
            T::Long,
            T::Real,
            T::String,
            T::TimeSpan,
            T::Long
        ]
    );
    let texts: Vec<_> = table.rows[0].iter().map(Value::to_text).collect();
    let texts: Vec<_> = texts.iter().map(Option::as_deref).collect();
    assert_eq!(
        texts,
        [
            Some("true"),
            Some("2026-01-02T03:04:05.1234567Z"),
            Some("1.5"),
            Some("{\"k\":[1]}"),
            Some("7e8b1a4e-9a4d-4c0e-9f58-0d4f1c2ab001"),
            Some("-7"),
            Some("9007199254740993"),
            Some("NaN"),
            Some("é"),
            Some("1.02:03:04.5000000"),
            None
        ]
    );
}

#[tokio::test]
async fn parameters_are_passed() {
    let bed = Bed::built_in().await;
    let properties = RequestProperties::new()
        .with_parameter("n", 41)
        .with_parameter("since", "datetime(2026-01-01T00:00:00.0000000Z)");
    let text = "declare query_parameters(n:long, since:datetime); print n + 1, since";
    let data = bed
        .client
        .query(DATABASE, text, &properties, soon())
        .await
        .unwrap();
    let row = &data.primary().unwrap().rows[0];
    assert_eq!(row[0], Value::Long(42));
    assert_eq!(
        row[1].to_text().as_deref(),
        Some("2026-01-01T00:00:00.0000000Z")
    );
}

#[tokio::test]
async fn errors_say_step_host_status_and_permanence() {
    let bed = Bed::built_in().await;
    let none = RequestProperties::new();
    for (text, step) in [
        ("T | where", Step::RunQuery),
        ("NoSuchTable | count", Step::RunQuery),
        (".create tabel T (a:long)", Step::RunCommand),
        (".drop table NoSuchTable", Step::RunCommand),
    ] {
        let error = bed
            .client
            .execute(DATABASE, text, &none, soon())
            .await
            .unwrap_err();
        assert_eq!(error.step(), step, "{text}: {error}");
        assert_eq!(error.http_status(), Some(400), "{text}: {error}");
        assert!(
            error.is_permanent() && !error.is_in_doubt(),
            "{text}: {error}"
        );
        assert!(
            error.service_code().is_some() && error.activity_id().is_some(),
            "{text}: {error}"
        );
        assert!(error.client_request_id().is_some(), "{text}: {error}");
        let host = bed.client.engine_endpoint().port().unwrap().to_string();
        assert!(error.host().unwrap().ends_with(&host));
    }
    let named = RequestProperties::new().with_client_request_id("mine;1");
    let error = bed
        .client
        .query("NoSuchDb", "print 1", &named, soon())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("NoSuchDb"), "{error}");
    assert_eq!(error.client_request_id(), Some("mine;1"));
    let error = bed
        .client
        .execute(DATABASE, "  ", &none, soon())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn split_roles_are_told_apart() {
    let options = kusto_emulator::Options {
        split_roles: true,
        ..crate::bed::quick()
    };
    let bed = Bed::start(options).await;
    assert_ne!(
        bed.client.engine_endpoint(),
        bed.client.ingestion_endpoint()
    );
    bed.table().await;
    let item = bed
        .outcome(Source::bytes("1,x\n"), &crate::bed::props())
        .await;
    assert_eq!(item.state, ItemState::Succeeded);
    // A client that knows only the engine gets the cluster's own advice.
    let engine_only = Client::builder(bed.emulator.engine_url())
        .unwrap()
        .build()
        .unwrap();
    let error = engine_only.warm_up(soon()).await.unwrap_err();
    assert_eq!(error.step(), Step::FetchIngestionResources);
    assert!(error.message().contains("endpoint"), "{error}");
}

#[tokio::test]
async fn the_tutorials_troubleshooting_queries_run() {
    let bed = Bed::built_in().await;
    bed.table().await;
    bed.outcome(Source::bytes("1,x\n"), &crate::bed::props())
        .await;
    bed.outcome(Source::bytes("1,x\n"), &crate::bed::props_for("Nope"))
        .await;
    let failures = bed
        .command(
            ".show ingestion failures | where FailedOn > ago(4h) and Database == 'NetDefaultDB'",
        )
        .await;
    assert_eq!(failures.primary().unwrap().rows.len(), 1);
    let operations = bed
        .command(
            ".show operations | where StartedOn > ago(4h) and Database == 'NetDefaultDB' \
             and Table == 'T' and Operation == 'DataIngestPull' \
             | summarize arg_max(LastUpdatedOn, *) by OperationId",
        )
        .await;
    assert_eq!(operations.primary().unwrap().rows.len(), 1);
}
