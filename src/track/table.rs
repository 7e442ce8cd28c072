//! The status table: a `Pending` entity before the message is posted, the service's status after.

use bytes::Bytes;
use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, IF_MATCH};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::catalog::ItemState;
use super::report::IngestionStatus;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::http::request::Request;
use crate::http::retry::{RetryPolicy, retry};
use crate::http::storage::{VERSION, expect, is_of_service, send};
use crate::http::transport::Transport;
use crate::op::Scope;
use crate::resources::StatusTable;
use crate::values::DateTime;

/// The version of the table REST contract that takes JSON without metadata.
const TABLE_API_VERSION: &str = "2019-02-02";
/// The statuses of an entity that was replaced or deleted, and of one that was read.
const WRITTEN: u16 = 204;
const READ: u16 = 200;
const JSON: &str = "application/json;odata=nometadata";

/// The `Pending` entity of one item.
pub(crate) struct PendingEntity<'a> {
    pub(crate) source_id: Uuid,
    /// Without its signature.
    pub(crate) source_path: &'a str,
    pub(crate) database: &'a str,
    pub(crate) table: &'a str,
    pub(crate) now: DateTime,
}

/// Writes the entity. Partition and row key are both the source id, so that repeating replaces it.
pub(crate) async fn insert_pending(
    scope: &Scope,
    transport: &Transport,
    table: &StatusTable,
    entity: &PendingEntity<'_>,
) -> Result<()> {
    let key = entity.source_id.to_string();
    let url = entity_url(table.url().expose(), &key);
    let body = json!({
        "PartitionKey": key,
        "RowKey": key,
        "Status": "Pending",
        "IngestionSourceId": key,
        "IngestionSourceId@odata.type": "Edm.Guid",
        "IngestionSourcePath": entity.source_path,
        "Database": entity.database,
        "Table": entity.table,
        "UpdatedOn": entity.now.to_string(),
        "UpdatedOn@odata.type": "Edm.DateTime",
    });
    let body = Bytes::from(body.to_string());
    let host = table.host();
    let step = Step::WriteStatusEntity;
    retry(scope, step, host, RetryPolicy::ONLY_STORAGE, || async {
        // PUT replaces: safe to repeat, unlike an insert that answers 409 to its own repetition.
        let request = table_request(Method::PUT, url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body.clone());
        let reply = send(transport, step, host, request).await?;
        expect(step, host, &reply, WRITTEN)
    })
    .await
}

/// Removes the entity of an item whose message was rejected, so that it is not `Pending` for ever.
pub(crate) async fn remove(
    scope: &Scope,
    transport: &Transport,
    table: &StatusTable,
    source_id: Uuid,
) -> Result<()> {
    let url = entity_url(table.url().expose(), &source_id.to_string());
    let host = table.host();
    let step = Step::WriteStatusEntity;
    retry(scope, step, host, RetryPolicy::STORAGE, || async {
        let request = table_request(Method::DELETE, url.clone()).header(IF_MATCH, "*");
        let reply = send(transport, step, host, request).await?;
        match expect(step, host, &reply, WRITTEN) {
            Err(_) if reply.status == 404 && is_of_service(&reply) => Ok(()),
            ended => ended,
        }
    })
    .await
}

/// Reads an item's entity; `None` when there is none (yet).
pub(crate) async fn read(
    scope: &Scope,
    transport: &Transport,
    table: &StatusTable,
    source_id: Uuid,
) -> Result<Option<IngestionStatus>> {
    let url = entity_url(table.url().expose(), &source_id.to_string());
    let host = table.host();
    let step = Step::ReadStatus;
    // While it cannot be reached, the caller asks whether it has moved.
    retry(scope, step, host, RetryPolicy::ONLY_STORAGE, || async {
        let request = table_request(Method::GET, url.clone());
        let reply = send(transport, step, host, request).await?;
        if reply.status == 404 && is_of_service(&reply) {
            return Ok(None);
        }
        expect(step, host, &reply, READ)?;
        parse_entity(&reply.body, host).map(Some)
    })
    .await
}

pub(crate) fn parse_entity(body: &[u8], host: &str) -> Result<IngestionStatus> {
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(entity)) => Ok(IngestionStatus::from_json(&entity, ItemState::Pending)),
        _ => Err(Error::new(
            ErrorKind::Service,
            Step::ReadStatus,
            "the status table's answer is not a JSON object",
        )
        .with_host(host)),
    }
}

fn table_request(method: Method, url: Url) -> Request {
    Request::new(method, url)
        .header(ACCEPT, JSON)
        .header(DATA_SERVICE_VERSION, "3.0")
        .header(VERSION, TABLE_API_VERSION)
}

const DATA_SERVICE_VERSION: HeaderName = HeaderName::from_static("dataserviceversion");

/// `.../table(PartitionKey='key',RowKey='key')` before the SAS. Keys are UUIDs: nothing to escape.
fn entity_url(table: &Url, key: &str) -> Url {
    let mut url = table.clone();
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{path}(PartitionKey='{key}',RowKey='{key}')"));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stands_before_the_signature() {
        let table = Url::parse("http://127.0.0.1:1/status?sv=1&sig=a%2Fb").unwrap();
        assert_eq!(
            entity_url(&table, "k").as_str(),
            "http://127.0.0.1:1/status(PartitionKey='k',RowKey='k')?sv=1&sig=a%2Fb"
        );
    }
}
