//! The StormEvents tutorial: a blob with a header row into a table of 22 columns.
//!
//! storm_events BLOB_URL RAW_SIZE; KUSTO_CONNECTION_STRING and KUSTO_DATABASE as in quickstart.

use std::time::{Duration, Instant};

use kusto_ingest::command;
use kusto_ingest::prelude::*;
use kusto_ingest::props::MappingKind;
use kusto_ingest::query::Column;

const TABLE: &str = "StormEvents";
const MAPPING: &str = "StormEvents_CSV_Mapping";

/// Name, type and position in the file; position 15 is not in the table.
const COLUMNS: [(&str, &str, u32); 22] = [
    ("StartTime", "datetime", 0),
    ("EndTime", "datetime", 1),
    ("EpisodeId", "int", 2),
    ("EventId", "int", 3),
    ("State", "string", 4),
    ("EventType", "string", 5),
    ("InjuriesDirect", "int", 6),
    ("InjuriesIndirect", "int", 7),
    ("DeathsDirect", "int", 8),
    ("DeathsIndirect", "int", 9),
    ("DamageProperty", "int", 10),
    ("DamageCrops", "int", 11),
    ("Source", "string", 12),
    ("BeginLocation", "string", 13),
    ("EndLocation", "string", 14),
    ("BeginLat", "real", 16),
    ("BeginLon", "real", 17),
    ("EndLat", "real", 18),
    ("EndLon", "real", 19),
    ("EpisodeNarrative", "string", 20),
    ("EventNarrative", "string", 21),
    ("StormSummary", "dynamic", 22),
];

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(size)) = (arguments.next(), arguments.next()) else {
        return Err("usage: storm_events BLOB_URL RAW_SIZE".into());
    };
    let client = Client::builder(&std::env::var("KUSTO_CONNECTION_STRING")?)?.build()?;
    let database = std::env::var("KUSTO_DATABASE")?;
    create_table_and_mapping(&client, &database).await?;

    let props = IngestionProperties::new(&database, TABLE)
        .with_format(DataFormat::Csv)
        .with_mapping_reference(MAPPING)
        .with_ignore_first_record(true)
        .with_report_level(ReportLevel::FailuresAndSuccesses)
        .with_report_method(ReportMethod::Table);
    let blob = BlobSource::new(&url)?.with_raw_size(size.parse()?);
    let started = Instant::now();
    let receipt = client
        .ingest(Source::blobs([blob]), &props, limit())
        .await?;
    println!(
        "queued {} as {}",
        receipt.items()[0].blob,
        receipt.source_id()
    );
    let poll = Duration::from_millis(250);
    let report = client
        .track_until_final(receipt.tracking_token(), poll, limit())
        .await?;
    for item in report.items() {
        let state = item.state.name();
        println!("{state} after {:.1} s", started.elapsed().as_secs_f64());
    }

    show(&client, &database, "StormEvents | count").await?;
    show(
        &client,
        &database,
        &format!(
            ".show ingestion failures | where FailedOn > ago(4h) and Database == \"{database}\" \
             and Table == \"{TABLE}\""
        ),
    )
    .await?;
    show(
        &client,
        &database,
        &format!(
            ".show operations | where StartedOn > ago(4h) and Database == \"{database}\" \
             and Table == \"{TABLE}\" and Operation == \"DataIngestPull\" \
             | summarize arg_max(LastUpdatedOn, *) by OperationId | project Operation, State"
        ),
    )
    .await?;
    run(&client, &database, &command::drop_table(TABLE, true)?).await?;
    if report.count(ItemState::Succeeded) != 1 {
        return Err("the ingestion did not succeed".into());
    }
    Ok(())
}

async fn create_table_and_mapping(client: &Client, database: &str) -> Result<(), Error> {
    let columns = COLUMNS
        .map(|(name, ty, _)| Column::with_type_name(name, ty))
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    // The legacy shape, as in the tutorial.
    let mapping: Vec<String> = COLUMNS
        .iter()
        .map(|(name, ty, ordinal)| {
            format!(r#"{{"Name":"{name}","datatype":"{ty}","Ordinal":"{ordinal}"}}"#)
        })
        .collect();
    let mapping = format!("[{}]", mapping.join(","));
    run(client, database, &command::create_table(TABLE, &columns)?).await?;
    let create = command::create_or_alter_mapping(TABLE, MappingKind::Csv, MAPPING, &mapping)?;
    run(client, database, &create).await
}

async fn run(client: &Client, database: &str, text: &str) -> Result<(), Error> {
    client
        .management(database, text, &RequestProperties::new(), limit())
        .await?;
    Ok(())
}

async fn show(client: &Client, database: &str, text: &str) -> Result<(), Error> {
    let data = client
        .execute(database, text, &RequestProperties::new(), limit())
        .await?;
    let Some(table) = data.primary() else {
        return Ok(());
    };
    println!("> {}", text.split(" | ").next().unwrap_or(text));
    println!("  {} row(s)", table.rows.len());
    for row in &table.rows {
        let cells: Vec<String> = row
            .iter()
            .map(|value| value.to_text().unwrap_or_default())
            .collect();
        println!("  {}", cells.join("  "));
    }
    Ok(())
}

fn limit() -> CallOptions {
    CallOptions::new().with_timeout(Duration::from_secs(300))
}
