//! Blobs: writing whole and in blocks, reading, conditions, listing.

use reqwest::Response;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

use crate::common::{World, elements, on_each_storage, with};

async fn put(world: &World, name: &str, content: &str) -> Response {
    put_with(world, name, content, &[]).await
}

async fn put_with(world: &World, name: &str, content: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = world
        .request("PUT", world.blob(name))
        .header("x-ms-blob-type", "BlockBlob");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(content.to_owned()).send().await.unwrap()
}

async fn get(world: &World, name: &str) -> Response {
    world.request("GET", world.blob(name)).send().await.unwrap()
}

async fn put_block(world: &World, name: &str, id: &str, content: &str) -> Response {
    let url = with(&world.blob(name), &[("comp", "block"), ("blockid", id)]);
    world
        .request("PUT", url)
        .body(content.to_owned())
        .send()
        .await
        .unwrap()
}

async fn commit(world: &World, name: &str, list: &str) -> Response {
    let url = with(&world.blob(name), &[("comp", "blocklist")]);
    let body = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>{list}</BlockList>");
    world.request("PUT", url).body(body).send().await.unwrap()
}

#[tokio::test]
async fn a_blob_comes_back_as_it_was_put() {
    on_each_storage(async |world| {
        let name = "dir/é a+b%.csv.gz";
        let headers = [
            ("x-ms-blob-content-type", "text/csv"),
            ("x-ms-blob-content-encoding", "x-test"),
            ("x-ms-meta-source", "here"),
        ];
        let created = put_with(world, name, "one,two\n", &headers).await;
        assert_eq!(created.status(), 201);
        let etag = created.headers()["etag"].clone();

        let read = get(world, name).await;
        assert_eq!(read.status(), 200);
        assert_eq!(read.headers()["etag"], etag);
        assert_eq!(read.headers()["content-type"], "text/csv");
        assert_eq!(read.headers()["content-encoding"], "x-test");
        assert_eq!(read.headers()["x-ms-meta-source"], "here");
        assert_eq!(read.headers()["x-ms-blob-type"], "BlockBlob");
        assert!(
            read.headers().contains_key("last-modified")
                && read.headers().contains_key("x-ms-request-id")
        );
        assert_eq!(read.text().await.unwrap(), "one,two\n");

        let head = world
            .request("HEAD", world.blob(name))
            .send()
            .await
            .unwrap();
        assert_eq!(
            (
                head.status().as_u16(),
                head.headers()["content-length"].to_str().unwrap()
            ),
            (200, "8")
        );
        assert_eq!(head.bytes().await.unwrap().len(), 0);
    })
    .await;
}

#[tokio::test]
async fn large_and_empty_blobs_keep_every_byte() {
    on_each_storage(async |world| {
        let large: Vec<u8> = (0..5_000_000_u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        // Around the borders of the pieces in which bodies are kept, too.
        let mib = 1 << 20;
        for size in [
            large.len(),
            0,
            1,
            mib - 1,
            mib,
            mib + 1,
            2 * mib,
            2 * mib + 1,
        ] {
            let content = large[..size].to_vec();
            let request = world
                .request("PUT", world.blob("size"))
                .header("x-ms-blob-type", "BlockBlob");
            assert_eq!(
                request
                    .body(content.clone())
                    .header("content-length", content.len())
                    .send()
                    .await
                    .unwrap()
                    .status(),
                201
            );
            let read = get(world, "size").await;
            assert_eq!(
                read.headers()["content-length"],
                content.len().to_string().as_str()
            );
            assert!(read.bytes().await.unwrap() == content);
        }
    })
    .await;
}

#[tokio::test]
async fn ranges_are_cut_at_the_end_and_refused_beyond_it() {
    on_each_storage(async |world| {
        put(world, "range", "0123456789").await;
        for (header, range, expected, place) in [
            ("x-ms-range", "bytes=2-4", "234", "bytes 2-4/10"),
            ("range", "bytes=7-", "789", "bytes 7-9/10"),
            ("range", "bytes=8-99", "89", "bytes 8-9/10"),
        ] {
            let read = world
                .request("GET", world.blob("range"))
                .header(header, range)
                .send()
                .await
                .unwrap();
            assert_eq!(read.status(), 206, "{range}");
            assert_eq!(read.headers()["content-range"], place);
            assert_eq!(read.text().await.unwrap(), expected);
        }
        let beyond = world
            .request("GET", world.blob("range"))
            .header("range", "bytes=11-")
            .send()
            .await
            .unwrap();
        world.refused(beyond, 416, "InvalidRange").await;
    })
    .await;
}

#[tokio::test]
async fn blocks_become_a_blob_in_the_order_of_the_list() {
    on_each_storage(async |world| {
        for (id, content) in [("QUFB", "alpha"), ("QkJC", "beta"), ("Q0ND", "gamma")] {
            assert_eq!(put_block(world, "blocks", id, content).await.status(), 201);
        }
        world
            .refused(get(world, "blocks").await, 404, "BlobNotFound")
            .await;
        let created = commit(
            world,
            "blocks",
            "<Latest>Q0ND</Latest><Uncommitted>QUFB</Uncommitted>",
        )
        .await;
        assert_eq!(created.status(), 201);
        assert_eq!(
            get(world, "blocks").await.text().await.unwrap(),
            "gammaalpha"
        );

        // The block left out is gone; committed and new ones may be mixed.
        world
            .refused(
                commit(world, "blocks", "<Latest>QkJC</Latest>").await,
                400,
                "InvalidBlockList",
            )
            .await;
        put_block(world, "blocks", "QUFB", "ALPHA").await;
        commit(
            world,
            "blocks",
            "<Committed>QUFB</Committed><Latest>Q0ND</Latest>",
        )
        .await;
        assert_eq!(
            get(world, "blocks").await.text().await.unwrap(),
            "alphagamma"
        );

        let url = with(
            &world.blob("blocks"),
            &[("comp", "blocklist"), ("blocklisttype", "all")],
        );
        let list = world
            .request("GET", url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert_eq!(elements(&list, "Name"), ["QUFB", "Q0ND"]);
        assert_eq!(elements(&list, "Size"), ["5", "5"]);
    })
    .await;
}

#[tokio::test]
async fn wrong_blocks_are_refused() {
    on_each_storage(async |world| {
        world
            .refused(
                commit(world, "wrong", "<Latest>QUFB</Latest>").await,
                400,
                "InvalidBlockList",
            )
            .await;
        put_block(world, "wrong", "QUFB", "x").await;
        let other_length = put_block(world, "wrong", "QUFBQUFB", "x").await;
        world.refused(other_length, 400, "InvalidBlobOrBlock").await;
        if world.built_in {
            world
                .refused(
                    put_block(world, "wrong", "no base64", "x").await,
                    400,
                    "InvalidQueryParameterValue",
                )
                .await;
            world
                .refused(
                    commit(world, "wrong", "<Latest>QUFB</Lat>").await,
                    400,
                    "InvalidXmlDocument",
                )
                .await;
        }
    })
    .await;
}

#[tokio::test]
async fn conditions_protect_existing_blobs() {
    on_each_storage(async |world| {
        let missing = put_with(world, "condition", "x", &[("if-match", "\"0x1\"")]).await;
        world.refused(missing, 412, "ConditionNotMet").await;
        let created = put_with(world, "condition", "first", &[("if-none-match", "*")]).await;
        assert_eq!(created.status(), 201);
        let etag = created.headers()["etag"].to_str().unwrap().to_owned();
        let exists = put_with(world, "condition", "second", &[("if-none-match", "*")]).await;
        world.refused(exists, 409, "BlobAlreadyExists").await;
        let replaced = put_with(world, "condition", "third", &[("if-match", &etag)]).await;
        assert_eq!(replaced.status(), 201);
        let stale = put_with(world, "condition", "fourth", &[("if-match", &etag)]).await;
        world.refused(stale, 412, "ConditionNotMet").await;
        assert_eq!(get(world, "condition").await.text().await.unwrap(), "third");
    })
    .await;
}

#[tokio::test]
async fn deleted_blobs_and_unknown_containers_are_not_found() {
    on_each_storage(async |world| {
        put(world, "gone", "x").await;
        let deleted = world
            .request("DELETE", world.blob("gone"))
            .send()
            .await
            .unwrap();
        assert_eq!(deleted.status(), 202);
        world
            .refused(get(world, "gone").await, 404, "BlobNotFound")
            .await;
        let again = world
            .request("DELETE", world.blob("gone"))
            .send()
            .await
            .unwrap();
        world.refused(again, 404, "BlobNotFound").await;
        let head = world
            .request("HEAD", world.blob("gone"))
            .send()
            .await
            .unwrap();
        assert_eq!(head.status(), 404);
    })
    .await;
}

#[tokio::test]
async fn a_blob_needs_its_type() {
    on_each_storage(async |world| {
        let untyped = world
            .request("PUT", world.blob("untyped"))
            .body("x")
            .send()
            .await
            .unwrap();
        if world.built_in {
            world.refused(untyped, 400, "MissingRequiredHeader").await;
        } else {
            assert_eq!(untyped.status(), 400);
        }
        let odd = world
            .request("PUT", world.blob("odd"))
            .header("x-ms-blob-type", "OddBlob");
        let odd = odd.body("x").send().await.unwrap();
        assert_eq!(odd.status(), 400);
    })
    .await;
}

/// Sends text as it stands on a connection of its own, closes the sending side, reads the answer.
async fn raw(url: &Url, request: &str) -> String {
    let address = (url.host_str().unwrap(), url.port().unwrap());
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    // A cut connection is an answer as well.
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

fn put_line(url: &Url, parameters: &str) -> String {
    let (path, query) = (url.path(), url.query().unwrap());
    format!(
        "PUT {path}?{query}{parameters} HTTP/1.1\r\nHost: localhost\r\nx-ms-blob-type: BlockBlob\r\n"
    )
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    on_each_storage(async |world| {
        let url = world.blob("broken");
        for parameters in ["", "&comp=block&blockid=QUFB"] {
            let request = format!(
                "{}Content-Length: 100\r\n\r\nonly this",
                put_line(&url, parameters)
            );
            assert!(!raw(&url, &request).await.starts_with("HTTP/1.1 2"));
        }
        world
            .refused(get(world, "broken").await, 404, "BlobNotFound")
            .await;
        world
            .refused(
                commit(world, "broken", "<Latest>QUFB</Latest>").await,
                400,
                "InvalidBlockList",
            )
            .await;
    })
    .await;
}

#[tokio::test]
async fn an_upload_needs_its_length() {
    on_each_storage(async |world| {
        if !world.built_in {
            return;
        }
        let url = world.blob("endless");
        let request = format!(
            "{}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            put_line(&url, "")
        );
        let answer = raw(&url, &request).await;
        assert!(
            answer.starts_with("HTTP/1.1 411 ") && answer.contains("MissingContentLengthHeader"),
            "{answer}"
        );
    })
    .await;
}

#[tokio::test]
async fn blobs_are_listed_by_prefix_in_pages() {
    on_each_storage(async |world| {
        for name in ["list/a&b", "list/c", "list/d", "other"] {
            put(world, name, "content").await;
        }
        let container = &world.resources.containers[0];
        let first = [
            ("restype", "container"),
            ("comp", "list"),
            ("prefix", "list/"),
            ("maxresults", "2"),
        ];
        let page = world
            .request("GET", with(container, &first))
            .send()
            .await
            .unwrap();
        assert_eq!(page.status(), 200);
        let page = page.text().await.unwrap();
        assert_eq!(elements(&page, "Name"), ["list/a&amp;b", "list/c"]);
        assert_eq!(elements(&page, "Content-Length"), ["7", "7"]);
        let marker = elements(&page, "NextMarker").remove(0);
        let next = with(&with(container, &first), &[("marker", &marker)]);
        let page = world
            .request("GET", next)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        assert_eq!(elements(&page, "Name"), ["list/d"]);
    })
    .await;
}
