//! What the control endpoints show of tables and queues.

use std::time::Duration;

use reqwest::Client;
use serde::Serialize;
use url::Url;

use crate::engine::database::{Database, Engine};
use crate::engine::table::{Mappings, Table};

/// How long a queue may take to answer: it is in this process, or an Azurite beside it.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Serialize)]
pub(super) struct Databases {
    databases: Vec<DatabaseShown>,
}

#[derive(Serialize)]
struct DatabaseShown {
    name: String,
    tables: Vec<TableShown>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TableShown {
    name: String,
    rows: usize,
    folder: String,
    doc_string: String,
    columns: Vec<ColumnShown>,
    mappings: Vec<MappingShown>,
}

#[derive(Serialize)]
struct ColumnShown {
    name: String,
    #[serde(rename = "type")]
    ty: &'static str,
}

#[derive(Serialize)]
struct MappingShown {
    kind: String,
    name: String,
}

/// An input queue.
#[derive(Serialize)]
pub(super) struct QueueShown {
    account: String,
    name: String,
    /// With those that are being ingested; none when the queue does not answer.
    messages: Option<u64>,
}

/// All databases with their tables.
pub(super) fn databases(engine: &Engine) -> Databases {
    let databases = engine.with_databases(|all| all.values().map(database).collect());
    Databases { databases }
}

fn database(database: &Database) -> DatabaseShown {
    DatabaseShown {
        name: database.name.clone(),
        tables: database.tables.values().map(table).collect(),
    }
}

fn table(table: &Table) -> TableShown {
    let columns = table.schema.columns.iter().map(|column| ColumnShown {
        name: column.name.clone(),
        ty: column.ty.kusto_name(),
    });
    TableShown {
        name: table.schema.name.clone(),
        rows: table.row_count(),
        folder: table.folder.clone(),
        doc_string: table.doc_string.clone(),
        columns: columns.collect(),
        mappings: mappings(&table.mappings),
    }
}

fn mappings(mappings: &Mappings) -> Vec<MappingShown> {
    let names = mappings.keys();
    let shown = names.map(|(kind, name)| MappingShown {
        kind: kind.clone(),
        name: name.clone(),
    });
    shown.collect()
}

/// How many messages are in each of the queues at these addresses, which have signatures.
pub(super) async fn queues(http: &Client, addresses: Vec<String>) -> Vec<QueueShown> {
    let mut shown = Vec::new();
    for address in addresses {
        let Ok(url) = Url::parse(&address) else {
            continue;
        };
        let mut path = url.path().trim_start_matches('/').rsplit('/');
        let name = path.next().unwrap_or_default().to_owned();
        // With a storage domain the account is in the host's name.
        let host = url.host_str().unwrap_or_default();
        let account = path.next().unwrap_or_else(|| first_label(host)).to_owned();
        shown.push(QueueShown {
            account,
            name,
            messages: messages(http, url).await,
        });
    }
    shown
}

fn first_label(host: &str) -> &str {
    host.split('.').next().unwrap_or_default()
}

async fn messages(http: &Client, mut url: Url) -> Option<u64> {
    url.query_pairs_mut().append_pair("comp", "metadata");
    let request = http.get(url).timeout(PATIENCE);
    let reply = request
        .header("x-ms-version", "2021-12-02")
        .send()
        .await
        .ok()?;
    let count = reply.headers().get("x-ms-approximate-messages-count")?;
    count.to_str().ok()?.parse().ok()
}
