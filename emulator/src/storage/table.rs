//! The table service: entities by partition and row key.

mod entity;
mod filter;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Mutex, PoisonError};

use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};

use self::entity::{Detail, Entity, Key};
use self::filter::Filter;
use super::content::read_limited;
use super::error::StorageError;
use super::request::Call;
use crate::http::{Body, RequestBody, empty, set, typed};
use crate::services::StorageOperation;

/// Azure's limit of an entity.
const ENTITY_LIMIT: usize = 1 << 20;
const PAGE: i64 = 1000;

type Entities = BTreeMap<Key, Entity>;
type Reply = Result<Response<Body>, StorageError>;

/// All tables of one account, by lower-case name.
pub(crate) struct TableService {
    tables: Mutex<HashMap<String, Entities>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Write {
    Merge,
    Replace,
}

impl TableService {
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let tables = names
            .map(|name| (name.to_lowercase(), Entities::new()))
            .collect();
        Self {
            tables: Mutex::new(tables),
        }
    }

    pub(crate) async fn handle(&self, call: &Call<'_>, body: &mut RequestBody) -> Reply {
        let keys = call
            .rest
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'))
            .unwrap_or(call.rest);
        let key = if keys.trim().is_empty() {
            None
        } else {
            Some(Key::parse(keys)?)
        };
        match (call.operation, key) {
            (Some(StorageOperation::InsertEntity), None) => self.insert(call, body).await,
            (Some(StorageOperation::QueryEntities), None) => self.query(call),
            (Some(StorageOperation::GetEntity), Some(key)) => self.get(call, &key),
            (Some(StorageOperation::MergeEntity), Some(key)) => {
                self.write(call, key, Write::Merge, body).await
            }
            (Some(StorageOperation::UpdateEntity), Some(key)) => {
                self.write(call, key, Write::Replace, body).await
            }
            (Some(StorageOperation::DeleteEntity), Some(key)) => self.delete(call, &key),
            _ => Err(StorageError::not_implemented("this table operation")),
        }
    }

    fn with_table<T>(
        &self,
        call: &Call<'_>,
        action: impl FnOnce(&mut Entities) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let table = tables.get_mut(&call.resource.to_lowercase());
        action(table.ok_or_else(StorageError::table_not_found)?)
    }

    async fn insert(&self, call: &Call<'_>, body: &mut RequestBody) -> Reply {
        call.permissions.require_any("a")?;
        let mut properties = read_entity(body).await?;
        let key = Key::take(&mut properties)?;
        let entity = Entity::new(properties, call.now);
        let detail = Detail::wanted(call.header("accept"));
        let shown = entity.show(&key, detail, None);
        let etag = entity.etag.clone();
        let place = format!("{}{}", call.resource, key.path());
        self.with_table(call, |table| {
            if table.contains_key(&key) {
                return Err(StorageError::entity_exists());
            }
            table.insert(key, entity);
            Ok(())
        })?;
        let silent = call.header("prefer") == Some("return-no-content");
        let mut response = if silent {
            empty(StatusCode::NO_CONTENT)
        } else {
            json_reply(StatusCode::CREATED, detail, Value::Object(shown))
        };
        set(&mut response, "etag", &etag);
        set(&mut response, "dataserviceid", &place);
        set(
            &mut response,
            "preference-applied",
            if silent {
                "return-no-content"
            } else {
                "return-content"
            },
        );
        Ok(response)
    }

    fn get(&self, call: &Call<'_>, key: &Key) -> Reply {
        call.permissions.require_any("r")?;
        let detail = Detail::wanted(call.header("accept"));
        let select = selection(call);
        self.with_table(call, |table| {
            let entity = table.get(key).ok_or_else(StorageError::entity_not_found)?;
            let mut shown = entity.show(key, detail, select.as_deref());
            add_metadata(&mut shown, call, detail, "/@Element");
            let mut response = json_reply(StatusCode::OK, detail, Value::Object(shown));
            set(&mut response, "etag", &entity.etag);
            Ok(response)
        })
    }

    fn query(&self, call: &Call<'_>) -> Reply {
        call.permissions.require_any("r")?;
        let detail = Detail::wanted(call.header("accept"));
        let select = selection(call);
        let filter = Filter::parse(call.query.get("$filter").unwrap_or_default())?;
        let page =
            usize::try_from(call.query.number("$top", PAGE, 1, i64::MAX)?.min(PAGE)).unwrap_or(1);
        let from = call
            .query
            .get("NextPartitionKey")
            .map(|partition| Key::new(partition, call.query.get("NextRowKey").unwrap_or_default()));
        self.with_table(call, |table| {
            let start = from.map_or(Bound::Unbounded, Bound::Included);
            let mut found = table
                .range((start, Bound::Unbounded))
                .filter(|(key, entity)| filter.matches(key, entity));
            let value: Vec<_> = found
                .by_ref()
                .take(page)
                .map(|(key, entity)| Value::Object(entity.show(key, detail, select.as_deref())))
                .collect();
            let mut shown = Map::new();
            add_metadata(&mut shown, call, detail, "");
            shown.insert("value".to_owned(), Value::Array(value));
            let mut response = json_reply(StatusCode::OK, detail, Value::Object(shown));
            if let Some((next, _)) = found.next() {
                set(
                    &mut response,
                    "x-ms-continuation-nextpartitionkey",
                    &next.partition,
                );
                set(&mut response, "x-ms-continuation-nextrowkey", &next.row);
            }
            Ok(response)
        })
    }

    /// Merge or replace; without `If-Match` the entity is inserted when it is not there.
    async fn write(
        &self,
        call: &Call<'_>,
        key: Key,
        write: Write,
        body: &mut RequestBody,
    ) -> Reply {
        call.permissions.require_any("u")?;
        let condition = call.header("if-match");
        if condition.is_none() {
            call.permissions.require_any("a")?;
        }
        let mut properties = read_entity(body).await?;
        properties.remove("PartitionKey");
        properties.remove("RowKey");
        let etag = self.with_table(call, |table| {
            let old = table.get_mut(&key);
            check_condition(condition, old.as_deref())?;
            let entity = match old {
                Some(entity) if write == Write::Merge => {
                    entity.merge(properties, call.now);
                    return Ok(entity.etag.clone());
                }
                _ => Entity::new(properties, call.now),
            };
            let etag = entity.etag.clone();
            table.insert(key, entity);
            Ok(etag)
        })?;
        let mut response = empty(StatusCode::NO_CONTENT);
        set(&mut response, "etag", &etag);
        Ok(response)
    }

    fn delete(&self, call: &Call<'_>, key: &Key) -> Reply {
        call.permissions.require_any("d")?;
        let condition = call
            .header("if-match")
            .ok_or_else(|| StorageError::missing_header("If-Match"))?;
        self.with_table(call, |table| {
            check_condition(Some(condition), table.get(key))?;
            table.remove(key);
            Ok(empty(StatusCode::NO_CONTENT))
        })
    }
}

fn check_condition(condition: Option<&str>, entity: Option<&Entity>) -> Result<(), StorageError> {
    match (condition, entity) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(StorageError::entity_not_found()),
        (Some(wanted), Some(entity)) if wanted == "*" || wanted == entity.etag => Ok(()),
        (Some(_), Some(_)) => Err(StorageError::update_condition_not_satisfied()),
    }
}

async fn read_entity(body: &mut RequestBody) -> Result<Map<String, Value>, StorageError> {
    let body = read_limited(body, ENTITY_LIMIT).await?;
    match serde_json::from_slice(&body) {
        Ok(Value::Object(properties))
            if properties
                .values()
                .all(|value| !value.is_array() && !value.is_object()) =>
        {
            Ok(properties)
        }
        Ok(_) => Err(StorageError::invalid_input(
            "An entity is a JSON object of plain values.",
        )),
        Err(error) => Err(StorageError::invalid_input(format!(
            "The entity is not JSON: {error}."
        ))),
    }
}

fn selection(call: &Call<'_>) -> Option<Vec<String>> {
    let names = call
        .query
        .get("$select")
        .filter(|names| !names.is_empty() && *names != "*")?;
    Some(
        names
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect(),
    )
}

fn add_metadata(shown: &mut Map<String, Value>, call: &Call<'_>, detail: Detail, suffix: &str) {
    if detail != Detail::None {
        let host = call.header("host").unwrap_or_default();
        let scheme = if call.secure { "https" } else { "http" };
        let place = format!("{scheme}://{host}/$metadata#{}{suffix}", call.resource);
        shown.insert("odata.metadata".to_owned(), Value::String(place));
    }
}

fn json_reply(status: StatusCode, detail: Detail, value: Value) -> Response<Body> {
    typed(status, detail.content_type(), value.to_string())
}

/// The body of an error of the table service.
pub(crate) fn error_body(error: &StorageError) -> String {
    let mut text = error.message.to_string();
    for (_, detail) in &error.details {
        text.push('\n');
        text.push_str(detail);
    }
    json!({ "odata.error": { "code": error.code, "message": { "lang": "en-US", "value": text } } })
        .to_string()
}
