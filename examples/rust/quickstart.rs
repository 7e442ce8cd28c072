//! The Kusto.Ingest tutorial: a table, a JSON mapping, ten lines from memory, and their outcome.
//!
//! KUSTO_CONNECTION_STRING names the cluster, KUSTO_DATABASE the database. `--login interactive` logs in by the browser,
//! `--login device` by a code, `--login NAME` as the keyword `Login` has it; else the connection string says how.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kusto_ingest::auth::{DeviceCode, Interactive};
use kusto_ingest::command;
use kusto_ingest::prelude::*;
use kusto_ingest::props::MappingKind;
use kusto_ingest::query::Column;

const TABLE: &str = "Table1";
const MAPPING: &str = "Table1_mapping";
const LIMIT: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = connect(&std::env::var("KUSTO_CONNECTION_STRING")?)?;
    let database = std::env::var("KUSTO_DATABASE")?;
    create_table_and_mapping(&client, &database).await?;

    let props = IngestionProperties::new(&database, TABLE)
        .with_format(DataFormat::Json)
        .with_mapping_reference(MAPPING)
        .with_report_level(ReportLevel::FailuresAndSuccesses)
        .with_report_method(ReportMethod::Queue);
    let receipt = client
        .ingest(Source::bytes(ten_lines()), &props, limit())
        .await?;
    println!(
        "queued {} bytes as {}",
        receipt.bytes_raw(),
        receipt.source_id()
    );

    let report = wait_for_outcome(&client, &receipt).await?;
    for item in report.items() {
        let path = item.source_path.as_deref().unwrap_or("?");
        let state = item.state.name();
        println!("{state}: {path} {}", item.details.as_deref().unwrap_or(""));
    }
    if report.count(ItemState::Succeeded) != 1 {
        return Err("the ingestion did not succeed".into());
    }

    let none = RequestProperties::new();
    let query = format!("{TABLE} | order by Column1 asc");
    let data = client.query(&database, &query, &none, limit()).await?;
    for row in data.primary().into_iter().flat_map(|table| &table.rows) {
        let cells: Vec<String> = row
            .iter()
            .map(|value| value.to_text().unwrap_or_default())
            .collect();
        println!("  {}", cells.join("  "));
    }
    Ok(())
}

fn connect(connection_string: &str) -> Result<Client, Box<dyn std::error::Error>> {
    let builder = Client::builder(connection_string)?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let login: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let builder = match login[..] {
        ["--login", "interactive"] => builder.credential(Arc::new(Interactive::new())),
        ["--login", "device"] => builder.credential(Arc::new(DeviceCode::on_stderr())),
        ["--login", name] => builder.set("Login", name)?,
        _ => builder,
    };
    Ok(builder.build()?)
}

async fn create_table_and_mapping(client: &Client, database: &str) -> Result<(), Error> {
    let columns = [
        Column::with_type_name("Column1", "System.Int64")?,
        Column::with_type_name("Column2", "System.DateTime")?,
        Column::with_type_name("Column3", "System.String")?,
    ];
    let mapping = r#"[{"Column":"Column1","Properties":{"Path":"$.Id"}},
        {"Column":"Column2","Properties":{"Path":"$.Timestamp"}},
        {"Column":"Column3","Properties":{"Path":"$.Message"}}]"#;
    for text in [
        command::create_table(TABLE, &columns)?,
        command::create_or_alter_mapping(TABLE, MappingKind::Json, MAPPING, mapping)?,
    ] {
        client
            .management(database, &text, &RequestProperties::new(), limit())
            .await?;
    }
    Ok(())
}

fn ten_lines() -> String {
    (0..10)
        .map(|n| {
            format!(
                "{{\"Id\":{n},\"Timestamp\":\"2026-01-01T00:00:{n:02}Z\",\"Message\":\"This is a test message {n}\"}}\n"
            )
        })
        .collect()
}

/// Removes our own notifications from the failure and success queues.
async fn wait_for_outcome(client: &Client, receipt: &Receipt) -> Result<Report, Error> {
    let deadline = Instant::now() + LIMIT;
    loop {
        for outcome in [Outcome::Failures, Outcome::Successes] {
            let ours = OutcomeQuery::new(outcome).only([receipt.source_id()]);
            let report = client.take_outcomes(&ours, limit()).await?;
            if !report.items().is_empty() || Instant::now() > deadline {
                return Ok(report);
            }
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

fn limit() -> CallOptions {
    CallOptions::new().with_timeout(LIMIT)
}
