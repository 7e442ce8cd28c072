//! Queues: texts kept exactly, visibility, receipts, limits.

use std::time::Duration;

use reqwest::Response;
use url::Url;

use crate::common::{World, below, elements, on_each_storage, with};

fn messages(queue: &Url) -> Url {
    below(queue, "messages")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

async fn put(world: &World, text: &str, parameters: &[(&str, &str)]) -> Response {
    let url = with(&messages(&world.resources.failed_queue), parameters);
    let body = format!(
        "<?xml version='1.0' encoding='utf-8'?>\n<QueueMessage><MessageText>{}</MessageText></QueueMessage>",
        escaped(text)
    );
    world
        .request("POST", url)
        .header("content-type", "application/xml")
        .body(body)
        .send()
        .await
        .unwrap()
}

async fn get(world: &World, parameters: &[(&str, &str)]) -> String {
    let url = with(&messages(&world.resources.failed_queue), parameters);
    let reply = world.request("GET", url).send().await.unwrap();
    assert_eq!(reply.status(), 200);
    reply.text().await.unwrap()
}

async fn delete(world: &World, id: &str, receipt: &str) -> Response {
    let url = below(&messages(&world.resources.failed_queue), id);
    world
        .request("DELETE", with(&url, &[("popreceipt", receipt)]))
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_message_is_peeked_taken_and_deleted() {
    on_each_storage(async |world| {
        let added = put(world, "eyJhIjoxfQ==", &[]).await;
        assert_eq!(added.status(), 201);
        let added = added.text().await.unwrap();
        let id = elements(&added, "MessageId").remove(0);
        assert_eq!(elements(&added, "PopReceipt").len(), 1);

        let peeked = get(world, &[("peekonly", "true")]).await;
        assert_eq!(elements(&peeked, "MessageText"), ["eyJhIjoxfQ=="]);
        assert_eq!(elements(&peeked, "DequeueCount"), ["0"]);
        assert!(elements(&peeked, "PopReceipt").is_empty());

        let taken = get(world, &[("visibilitytimeout", "60")]).await;
        assert_eq!(elements(&taken, "MessageId"), [id.as_str()]);
        assert_eq!(elements(&taken, "DequeueCount"), ["1"]);
        assert!(elements(&get(world, &[]).await, "MessageId").is_empty());

        let receipt = elements(&taken, "PopReceipt").remove(0);
        assert_eq!(delete(world, &id, &receipt).await.status(), 204);
        world
            .refused(delete(world, &id, &receipt).await, 404, "MessageNotFound")
            .await;
    })
    .await;
}

#[tokio::test]
async fn texts_are_kept_exactly() {
    on_each_storage(async |world| {
        for text in ["{\"é\": \"<&>'\"}", "  spaces  ", "日本語 🦀"] {
            put(world, text, &[]).await;
            let taken = get(world, &[]).await;
            let read = elements(&taken, "MessageText").remove(0);
            let read = read
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&apos;", "'")
                .replace("&amp;", "&");
            assert_eq!(read, text);
        }
    })
    .await;
}

#[tokio::test]
async fn taken_messages_come_back_with_a_new_receipt() {
    on_each_storage(async |world| {
        put(world, "again", &[]).await;
        // On Azurite the time cannot be moved, so the message is shown again at once there.
        let hidden = if world.built_in { "30" } else { "1" };
        let first = get(world, &[("visibilitytimeout", hidden)]).await;
        if world.built_in {
            world.clock.advance(Duration::from_secs(29));
            assert!(elements(&get(world, &[]).await, "MessageId").is_empty());
            world.clock.advance(Duration::from_secs(1));
            let second = get(world, &[]).await;
            assert_eq!(elements(&second, "DequeueCount"), ["2"]);
            let (id, old) = (
                elements(&first, "MessageId").remove(0),
                elements(&first, "PopReceipt").remove(0),
            );
            world
                .refused(delete(world, &id, &old).await, 400, "PopReceiptMismatch")
                .await;
            assert_eq!(
                delete(world, &id, &elements(&second, "PopReceipt")[0])
                    .await
                    .status(),
                204
            );
        }
    })
    .await;
}

#[tokio::test]
async fn messages_can_be_hidden_at_first_and_expire() {
    on_each_storage(async |world| {
        if !world.built_in {
            return;
        }
        put(
            world,
            "later",
            &[("visibilitytimeout", "10"), ("messagettl", "20")],
        )
        .await;
        assert!(elements(&get(world, &[("peekonly", "true")]).await, "MessageId").is_empty());
        world.clock.advance(Duration::from_secs(10));
        assert_eq!(
            elements(&get(world, &[("peekonly", "true")]).await, "MessageText"),
            ["later"]
        );
        world.clock.advance(Duration::from_secs(10));
        assert!(elements(&get(world, &[]).await, "MessageId").is_empty());
    })
    .await;
}

#[tokio::test]
async fn every_message_expires_at_its_own_time() {
    on_each_storage(async |world| {
        if !world.built_in {
            return;
        }
        for (text, lifetime) in [("a", "30"), ("b", "10"), ("c", "-1"), ("d", "20")] {
            put(world, text, &[("messagettl", lifetime)]).await;
        }
        for left in [&["a", "c", "d"][..], &["a", "c"], &["c"], &["c"]] {
            world.clock.advance(Duration::from_secs(10));
            let parameters = [("peekonly", "true"), ("numofmessages", "32")];
            assert_eq!(
                elements(&get(world, &parameters).await, "MessageText"),
                left
            );
        }
        put(world, "e", &[("messagettl", "5")]).await;
        world.clock.advance(Duration::from_secs(5));
        let parameters = [("peekonly", "true"), ("numofmessages", "32")];
        assert_eq!(
            elements(&get(world, &parameters).await, "MessageText"),
            ["c"]
        );
    })
    .await;
}

#[tokio::test]
async fn an_update_hides_longer_and_changes_text_and_receipt() {
    on_each_storage(async |world| {
        put(world, "old", &[]).await;
        let taken = get(world, &[]).await;
        let (id, receipt) = (
            elements(&taken, "MessageId").remove(0),
            elements(&taken, "PopReceipt").remove(0),
        );
        let url = below(&messages(&world.resources.failed_queue), &id);
        let url = with(
            &url,
            &[("popreceipt", receipt.as_str()), ("visibilitytimeout", "0")],
        );
        let body = "<QueueMessage><MessageText>new</MessageText></QueueMessage>";
        let updated = world.request("PUT", url).body(body).send().await.unwrap();
        assert_eq!(updated.status(), 204);
        let receipt = updated.headers()["x-ms-popreceipt"]
            .to_str()
            .unwrap()
            .to_owned();
        let peeked = get(world, &[("peekonly", "true")]).await;
        assert_eq!(elements(&peeked, "MessageText"), ["new"]);
        assert_eq!(delete(world, &id, &receipt).await.status(), 204);
    })
    .await;
}

#[tokio::test]
async fn many_messages_come_in_order_up_to_thirty_two() {
    on_each_storage(async |world| {
        for i in 0..34 {
            put(world, &format!("m{i:02}"), &[]).await;
        }
        let expected: Vec<_> = (0..32).map(|i| format!("m{i:02}")).collect();
        let peeked = get(world, &[("peekonly", "true"), ("numofmessages", "32")]).await;
        assert_eq!(elements(&peeked, "MessageText"), expected);
        let queue = &world.resources.failed_queue;
        let metadata = world
            .request("GET", with(queue, &[("comp", "metadata")]))
            .send()
            .await
            .unwrap();
        assert_eq!(metadata.headers()["x-ms-approximate-messages-count"], "34");

        let all = messages(queue);
        if world.built_in {
            // Azurite asks for a permission that no queue signature can carry.
            let cleared = world.request("DELETE", all.clone()).send().await.unwrap();
            assert_eq!(cleared.status(), 204);
            assert!(elements(&get(world, &[]).await, "MessageId").is_empty());
        }
        for count in ["0", "33"] {
            let reply = world
                .request("GET", with(&all, &[("numofmessages", count)]))
                .send()
                .await
                .unwrap();
            world
                .refused(reply, 400, "OutOfRangeQueryParameterValue")
                .await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_message_holds_64_kib_and_no_byte_more() {
    on_each_storage(async |world| {
        let most = "x".repeat(64 << 10);
        assert_eq!(put(world, &most, &[]).await.status(), 201);
        let over = put(world, &format!("{most}y"), &[]).await;
        world.refused(over, 413, "RequestBodyTooLarge").await;
        let taken = get(world, &[]).await;
        assert_eq!(elements(&taken, "MessageText"), [most]);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    on_each_storage(async |world| {
        let url = messages(&world.resources.failed_queue);
        for body in ["", "plain", "<QueueMessage>", "<Other/>"] {
            let reply = world
                .request("POST", url.clone())
                .body(body)
                .header("content-length", body.len())
                .send()
                .await
                .unwrap();
            assert_eq!(reply.status().as_u16() / 100, 4, "{body}");
        }
        assert!(elements(&get(world, &[]).await, "MessageId").is_empty());
    })
    .await;
}
