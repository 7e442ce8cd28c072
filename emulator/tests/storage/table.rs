//! The status table: insert, read, merge, replace, query, delete.

use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use url::Url;

use crate::common::{World, on_each_storage, with};

/// The URL of an entity; the parentheses follow the table's name without a slash.
fn entity(table: &Url, partition: &str, row: &str) -> Url {
    let mut url = table.clone();
    let path = format!(
        "{}(PartitionKey='{}',RowKey='{}')",
        url.path(),
        partition.replace('\'', "''"),
        row.replace('\'', "''")
    );
    url.set_path(&path);
    url
}

fn request(world: &World, method: &str, url: Url) -> RequestBuilder {
    world
        .request(method, url)
        .header("accept", "application/json;odata=nometadata")
}

async fn insert(world: &World, properties: Value) -> Response {
    request(world, "POST", world.resources.status_table.clone())
        .json(&properties)
        .send()
        .await
        .unwrap()
}

async fn read(world: &World, partition: &str, row: &str) -> Value {
    let url = entity(&world.resources.status_table, partition, row);
    let reply = request(world, "GET", url).send().await.unwrap();
    assert_eq!(reply.status(), 200);
    let mut value: Value = reply.json().await.unwrap();
    assert!(value.as_object_mut().unwrap().remove("Timestamp").is_some());
    value
}

#[tokio::test]
async fn an_entity_comes_back_as_inserted() {
    on_each_storage(async |world| {
        let properties = json!({
            "PartitionKey": "it's é", "RowKey": "r", "Status": "Pending", "Count": 3, "Big@odata.type": "Edm.Int64", "Big": "9007199254740993",
            "IngestionSourceId@odata.type": "Edm.Guid", "IngestionSourceId": "5f0e0000-0000-0000-0000-000000000001",
        });
        let created = insert(world, properties.clone()).await;
        assert_eq!(created.status(), 201);
        assert!(created.headers().contains_key("etag"));
        let mut expected = properties.clone();
        expected.as_object_mut().unwrap().retain(|name, _| !name.contains('@'));
        assert_eq!(read(world, "it's é", "r").await, expected);

        let minimal = world
            .request("GET", entity(&world.resources.status_table, "it's é", "r"))
            .header("accept", "application/json;odata=minimalmetadata")
            .send()
            .await
            .unwrap();
        let minimal: Value = minimal.json().await.unwrap();
        assert_eq!(minimal["IngestionSourceId@odata.type"], "Edm.Guid");

        world.refused(insert(world, properties).await, 409, "EntityAlreadyExists").await;
    })
    .await;
}

#[tokio::test]
async fn an_insert_may_be_answered_without_the_entity() {
    on_each_storage(async |world| {
        let reply = request(world, "POST", world.resources.status_table.clone())
            .header("prefer", "return-no-content")
            .json(&json!({"PartitionKey": "quiet", "RowKey": "r"}))
            .send()
            .await
            .unwrap();
        assert_eq!(reply.status(), 204);
        assert_eq!(
            read(world, "quiet", "r").await,
            json!({"PartitionKey": "quiet", "RowKey": "r"})
        );
    })
    .await;
}

#[tokio::test]
async fn merging_keeps_what_it_does_not_name_and_replacing_does_not() {
    on_each_storage(async |world| {
        insert(
            world,
            json!({"PartitionKey": "m", "RowKey": "r", "Status": "Pending", "Database": "db"}),
        )
        .await;
        let url = entity(&world.resources.status_table, "m", "r");
        for (method, tunnelled) in [("MERGE", None), ("PATCH", None), ("POST", Some("MERGE"))] {
            if tunnelled.is_some() && !world.built_in {
                continue; // Azurite does not know X-HTTP-Method here.
            }
            let mut merge = request(world, method, url.clone()).header("if-match", "*");
            if let Some(tunnelled) = tunnelled {
                merge = merge.header("x-http-method", tunnelled);
            }
            let merged = merge
                .json(&json!({"Status": "Succeeded"}))
                .send()
                .await
                .unwrap();
            assert_eq!(merged.status(), 204, "{method}");
        }
        assert_eq!(
            read(world, "m", "r").await,
            json!({"PartitionKey": "m", "RowKey": "r", "Status": "Succeeded", "Database": "db"})
        );
        let replaced = request(world, "PUT", url)
            .header("if-match", "*")
            .json(&json!({"Status": "Failed"}))
            .send()
            .await
            .unwrap();
        assert_eq!(replaced.status(), 204);
        assert_eq!(
            read(world, "m", "r").await,
            json!({"PartitionKey": "m", "RowKey": "r", "Status": "Failed"})
        );
    })
    .await;
}

#[tokio::test]
async fn stale_etags_and_missing_entities_are_refused() {
    on_each_storage(async |world| {
        let created = insert(
            world,
            json!({"PartitionKey": "e", "RowKey": "r", "Status": "Pending"}),
        )
        .await;
        let etag = created.headers()["etag"].to_str().unwrap().to_owned();
        let url = entity(&world.resources.status_table, "e", "r");
        let merge = |etag: String| {
            request(world, "MERGE", url.clone())
                .header("if-match", etag)
                .json(&json!({"Status": "Failed"}))
                .send()
        };
        assert_eq!(merge(etag.clone()).await.unwrap().status(), 204);
        world
            .refused(
                merge(etag).await.unwrap(),
                412,
                "UpdateConditionNotSatisfied",
            )
            .await;

        let missing = entity(&world.resources.status_table, "e", "nobody");
        let reply = request(world, "GET", missing.clone()).send().await.unwrap();
        world.refused(reply, 404, "ResourceNotFound").await;
        let reply = request(world, "MERGE", missing.clone())
            .header("if-match", "*")
            .json(&json!({}))
            .send()
            .await
            .unwrap();
        world.refused(reply, 404, "ResourceNotFound").await;
        // Without a condition the entity is made.
        let reply = request(world, "MERGE", missing)
            .json(&json!({"Status": "New"}))
            .send()
            .await
            .unwrap();
        assert_eq!(reply.status(), 204);
        assert_eq!(read(world, "e", "nobody").await["Status"], "New");
    })
    .await;
}

#[tokio::test]
async fn queries_filter_select_and_continue() {
    on_each_storage(async |world| {
        for (partition, row) in [("q1", "a"), ("q1", "b"), ("q1", "c"), ("q2", "a")] {
            insert(
                world,
                json!({"PartitionKey": partition, "RowKey": row, "Status": "Pending"}),
            )
            .await;
        }
        let table = &world.resources.status_table;
        let rows = async |parameters: &[(&str, &str)]| {
            let reply = request(world, "GET", with(table, parameters))
                .send()
                .await
                .unwrap();
            assert_eq!(reply.status(), 200);
            let next = reply.headers().get("x-ms-continuation-nextrowkey").cloned();
            let body: Value = reply.json().await.unwrap();
            (body["value"].as_array().unwrap().clone(), next)
        };
        let (found, _) = rows(&[("$filter", "PartitionKey eq 'q1' and RowKey eq 'b'")]).await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["RowKey"], "b");
        let (found, _) = rows(&[("$filter", "PartitionKey eq 'q1'"), ("$select", "RowKey")]).await;
        assert_eq!(
            found,
            [
                json!({"RowKey": "a"}),
                json!({"RowKey": "b"}),
                json!({"RowKey": "c"})
            ]
        );
        let (found, next) = rows(&[("$filter", "PartitionKey eq 'q1'"), ("$top", "2")]).await;
        assert_eq!((found.len(), next.is_some()), (2, true));
        if world.built_in {
            let next = [
                ("$filter", "PartitionKey eq 'q1'"),
                ("NextPartitionKey", "q1"),
                ("NextRowKey", "c"),
            ];
            assert_eq!(rows(&next).await.0.len(), 1);
            let odd = request(
                world,
                "GET",
                with(table, &[("$filter", "RowKey eq 'a' or RowKey eq 'b'")]),
            )
            .send()
            .await
            .unwrap();
            world.refused(odd, 501, "NotImplemented").await;
        }
    })
    .await;
}

#[tokio::test]
async fn deleting_needs_a_condition_that_holds() {
    on_each_storage(async |world| {
        let created = insert(world, json!({"PartitionKey": "d", "RowKey": "r"})).await;
        let etag = created.headers()["etag"].to_str().unwrap().to_owned();
        let url = entity(&world.resources.status_table, "d", "r");
        let delete = |condition: String| {
            request(world, "DELETE", url.clone())
                .header("if-match", condition)
                .send()
        };
        let stale = delete("W/\"datetime'2000-01-01T00%3A00%3A00.0000000Z'\"".to_owned())
            .await
            .unwrap();
        world
            .refused(stale, 412, "UpdateConditionNotSatisfied")
            .await;
        assert_eq!(delete(etag).await.unwrap().status(), 204);
        world
            .refused(
                delete("*".to_owned()).await.unwrap(),
                404,
                "ResourceNotFound",
            )
            .await;
    })
    .await;
}

#[tokio::test]
async fn what_is_no_entity_is_refused() {
    on_each_storage(async |world| {
        for body in [
            "",
            "[1]",
            "{\"RowKey\": \"r\"}",
            "{\"PartitionKey\": \"p\", \"RowKey\": \"r\", \"x\": [1]}",
            "{",
        ] {
            let table = world.resources.status_table.clone();
            let reply = request(world, "POST", table)
                .header("content-type", "application/json")
                .body(body)
                .send()
                .await
                .unwrap();
            if world.built_in {
                assert_eq!(reply.status(), 400, "{body}");
            }
        }
    })
    .await;
}
