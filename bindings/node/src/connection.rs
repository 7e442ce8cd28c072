//! Connection strings, and clients made from them.

use std::sync::Arc;

use kusto_ingest::client::ClientBuilder;
use kusto_ingest::connection::ConnectionString;
use kusto_ingest::error::{Error, Result};
use kusto_ingest::log::{LogLevel, LogRecord, RecordSink, receiver};
use napi_derive::napi;

use crate::client::NativeClient;
use crate::failure::OrThrow as _;
use crate::login::{Maker, NativeLogin};
use crate::prompt;
use crate::realm::{NativeRealm, Realm, Told};

/// The parts of a connection string that are not secret.
#[napi(object)]
pub struct ParsedConnection {
    /// The cluster's address.
    pub data_source: String,
    /// The default database.
    pub initial_catalog: String,
    /// The whole string with secrets masked.
    pub redacted: String,
}

/// Reads a connection string.
#[napi(catch_unwind)]
pub fn parse_connection(text: String) -> napi::Result<ParsedConnection> {
    let parsed = ConnectionString::parse(&text).or_throw()?;
    Ok(ParsedConnection {
        data_source: parsed.data_source().to_string(),
        initial_catalog: parsed.database().to_owned(),
        redacted: parsed.to_string(),
    })
}

/// Creates a client. `settings` are pairs of name and value; events of the client's id ask the functions of `login` for
/// tokens; with `prompts` they show what a login asks its user; with a `log_level` they bring its log.
#[napi(catch_unwind)]
pub fn connect(
    realm: &NativeRealm,
    connection: String,
    settings: Vec<(String, String)>,
    login: Option<NativeLogin>,
    prompts: bool,
    log_level: Option<i32>,
) -> napi::Result<NativeClient> {
    let id = realm.realm.next_id();
    let builder = configured(&connection, settings).or_throw()?;
    let builder = with_log(builder, &realm.realm, id, log_level).or_throw()?;
    let maker = Maker {
        realm: realm.realm.clone(),
        client: id,
    };
    let builder = match login {
        Some(login) => builder.credential(maker.login(&login).or_throw()?),
        None => builder,
    };
    let builder = match prompts {
        true => prompt::shown_by(builder, &realm.realm, id),
        false => builder,
    };
    let client = builder.build().or_throw()?;
    Ok(NativeClient::new(realm.realm.clone(), id, client))
}

fn configured(connection: &str, settings: Vec<(String, String)>) -> Result<ClientBuilder> {
    let builder = ClientBuilder::new(ConnectionString::parse(connection)?)
        .wrapper("kusto-ingest-node", env!("CARGO_PKG_VERSION"));
    settings
        .into_iter()
        .try_fold(builder, |builder, (name, value)| builder.set(&name, &value))
}

fn with_log(
    builder: ClientBuilder,
    realm: &Arc<Realm>,
    id: u32,
    level: Option<i32>,
) -> Result<ClientBuilder> {
    let Some(level) = level else {
        return Ok(builder);
    };
    let level = LogLevel::from_number(level)
        .ok_or_else(|| Error::invalid_argument("logLevel", "must be a LogLevel"))?;
    let realm = realm.clone();
    let sink: Arc<RecordSink> = Arc::new(move |record: &LogRecord<'_>| {
        // An object of texts and numbers has a text.
        let fields = serde_json::to_string(record.fields).unwrap_or_default();
        let (event, message) = (record.event.to_owned(), record.message.to_owned());
        realm.tell(
            id,
            Told::Record(record.level as u32, event, message, fields),
        );
    });
    Ok(builder.log(receiver(level, sink)))
}
