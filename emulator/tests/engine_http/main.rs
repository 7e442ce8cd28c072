//! The engine as a client sees it: a request's body in, a reply's body out.

mod commands;
mod limits;
mod replies;

use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use kusto_emulator::engine::database::{DataManagement, Engine};
use kusto_emulator::engine::endpoint::{Endpoint, respond};
use kusto_emulator::engine::role::Role;
use kusto_emulator::engine::watch::Stop;
use serde_json::{Value as Json, json};

struct Storage;

impl DataManagement for Storage {
    fn ingestion_resources(&self) -> Vec<(String, String)> {
        vec![(
            "TempStorage".to_owned(),
            "http://127.0.0.1:1/c?sig=x".to_owned(),
        )]
    }

    fn identity_token(&self) -> String {
        "identity".to_owned()
    }
}

pub(crate) fn engine() -> Engine {
    Engine::new(
        &["TestDatabase".to_owned(), "Datenbänke 1".to_owned()],
        Duration::from_secs(1),
        Arc::new(Storage),
    )
}

pub(crate) fn send(engine: &Engine, role: Role, endpoint: Endpoint, body: &Json) -> (u16, Json) {
    let reply = respond(
        &Stop::default(),
        engine,
        role,
        endpoint,
        &HeaderMap::new(),
        body.to_string().as_bytes(),
    );
    (
        reply.status,
        serde_json::from_slice(&reply.body).expect("a reply is JSON"),
    )
}

pub(crate) fn ask(engine: &Engine, endpoint: Endpoint, text: &str) -> (u16, Json) {
    send(
        engine,
        Role::Both,
        endpoint,
        &json!({"db": "TestDatabase", "csl": text}),
    )
}

/// Runs a command that must succeed and gives its table.
pub(crate) fn command(engine: &Engine, text: &str) -> Json {
    let (status, body) = ask(engine, Endpoint::Mgmt, text);
    assert_eq!(status, 200, "{text}: {body}");
    body["Tables"][0].clone()
}

pub(crate) fn columns(table: &Json) -> Vec<(&str, &str)> {
    let text =
        |column: &'_ Json, name: &str| column[name].as_str().map(str::len).unwrap_or_default();
    let listed = table["Columns"].as_array().expect("columns");
    assert!(listed.iter().all(|column| text(column, "DataType") > 0));
    listed
        .iter()
        .map(|c| {
            (
                c["ColumnName"].as_str().unwrap_or(""),
                c["ColumnType"].as_str().unwrap_or(""),
            )
        })
        .collect()
}

/// Runs a command or query that must fail and gives the error.
pub(crate) fn failure(engine: &Engine, endpoint: Endpoint, text: &str) -> Json {
    let (status, body) = ask(engine, endpoint, text);
    assert_eq!(status, 400, "{text}: {body}");
    body["error"].clone()
}

pub(crate) fn message(error: &Json) -> &str {
    error["@message"]
        .as_str()
        .expect("every error has a message")
}

pub(crate) fn primary(engine: &Engine, text: &str) -> Json {
    let (status, body) = ask(engine, Endpoint::QueryV2, text);
    assert_eq!(status, 200, "{text}: {body}");
    body[2].clone()
}

pub(crate) fn with_table() -> Engine {
    let engine = engine();
    command(&engine, ".create table T (a:long, s:string)");
    command(&engine, ".ingest inline into table T <| 1,one\n2,two");
    engine
}
