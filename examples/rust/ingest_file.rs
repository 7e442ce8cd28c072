//! Any file into a table, with progress, a deadline and Ctrl-C.
//!
//! ingest_file TABLE FILE [FORMAT]; KUSTO_CONNECTION_STRING and KUSTO_DATABASE as in quickstart.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kusto_ingest::prelude::*;
use kusto_ingest::source::Progress;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (table, file, format) = match arguments.as_slice() {
        [table, file] => (table, file, None),
        [table, file, format] => (table, file, Some(format)),
        _ => return Err("usage: ingest_file TABLE FILE [FORMAT]".into()),
    };
    let client = Client::builder(&std::env::var("KUSTO_CONNECTION_STRING")?)?.build()?;
    let mut props = IngestionProperties::new(std::env::var("KUSTO_DATABASE")?, table)
        .with_report_level(ReportLevel::FailuresAndSuccesses)
        .with_report_method(ReportMethod::Table);
    if let Some(format) = format {
        props.set("format", format)?;
    }

    let source = Source::file(file).with_progress(progress_display());
    let ten_minutes = CallOptions::new().with_timeout(Duration::from_secs(600));
    let operation = client.start_ingest(source, &props, ten_minutes.clone());
    tokio::select! {
        _ = operation.wait() => {}
        _ = tokio::signal::ctrl_c() => operation.cancel(),
    }
    let receipt = operation.wait().await?;
    if std::io::stderr().is_terminal() {
        eprintln!();
    }
    println!(
        "queued {} bytes ({} sent) as {}",
        receipt.bytes_raw(),
        receipt.bytes_sent(),
        receipt.source_id()
    );

    let poll = Duration::from_millis(250);
    let report = client
        .track_until_final(receipt.tracking_token(), poll, ten_minutes)
        .await?;
    for item in report.items() {
        let state = item.state.name();
        println!("{state} {}", item.details.as_deref().unwrap_or(""));
    }
    if report.count(ItemState::Succeeded) != 1 {
        return Err("the file was not ingested".into());
    }
    Ok(())
}

/// Off a terminal it writes few lines.
fn progress_display() -> impl Fn(Progress) + Send + Sync {
    let shown = AtomicU64::new(0);
    move |progress| {
        let on_terminal = std::io::stderr().is_terminal();
        let Progress { read, sent, .. } = progress;
        let total = progress.total.unwrap_or_default();
        let news = read.abs_diff(shown.load(Ordering::Relaxed));
        if !on_terminal && news < total / 4 && sent == 0 {
            return;
        }
        shown.store(read, Ordering::Relaxed);
        let (before, after) = if on_terminal { ("\r", "") } else { ("", "\n") };
        eprint!("{before}read {read} of {total} bytes, sent {sent}{after}");
    }
}
