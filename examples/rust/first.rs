//! Ingests two rows, waits until they are there, and prints how many sources were ingested.

use std::time::Duration;

use kusto_ingest::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::builder(&std::env::var("KUSTO_CONNECTION_STRING")?)?.build()?;
    let minute = || CallOptions::new().with_timeout(Duration::from_secs(60));
    let create = ".create table Events (Id:long, Text:string)";
    let none = RequestProperties::new();
    client.management("Demo", create, &none, minute()).await?;

    let props = IngestionProperties::new("Demo", "Events")
        .with_format(DataFormat::Csv)
        .with_report_method(ReportMethod::Table);
    let rows = Source::bytes("1,first\n2,second\n");
    let receipt = client.ingest(rows, &props, minute()).await?;

    let poll = Duration::from_millis(250);
    let report = client
        .track_until_final(receipt.tracking_token(), poll, minute())
        .await?;
    let succeeded = report.count(ItemState::Succeeded);
    println!("{succeeded} of {} ingested", report.items().len());
    Ok(())
}
