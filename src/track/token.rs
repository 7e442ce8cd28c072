//! A printable reference to an ingestion, for reading its status later and elsewhere.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Route;
use crate::error::{Error, Result};

/// The prefix of the text: a version, so that later forms can be distinguished.
const PREFIX: &str = "k1.";

/// Names the items of one ingestion and where their status is. As text (`Display`, `FromStr`) it
/// contains no secret, so a program can store it in a checkpoint and use it after a restart.
///
/// ```
/// # use kusto_ingest::track::TrackingToken;
/// # fn keep(token: &TrackingToken) -> Result<(), kusto_ingest::error::Error> {
/// let text = token.to_string();
/// let again: TrackingToken = text.parse()?;
/// assert_eq!(&again, token);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackingToken {
    #[serde(rename = "d")]
    database: String,
    #[serde(rename = "t")]
    table: String,
    /// The status table's address without its signature; absent when the table is not used.
    #[serde(rename = "s", skip_serializing_if = "Option::is_none", default)]
    status_table: Option<String>,
    #[serde(rename = "i")]
    source_ids: Vec<Uuid>,
    /// Whether the data was streamed.
    #[serde(rename = "r", skip_serializing_if = "is_false", default)]
    is_streamed: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl TrackingToken {
    pub(crate) fn new(
        database: &str,
        table: &str,
        status_table: Option<String>,
        source_ids: Vec<Uuid>,
    ) -> Self {
        Self {
            database: database.to_owned(),
            table: table.to_owned(),
            status_table,
            source_ids,
            is_streamed: false,
        }
    }

    /// That of data which the service has ingested already.
    pub(crate) fn streamed(database: &str, table: &str, source_ids: Vec<Uuid>) -> Self {
        Self {
            is_streamed: true,
            ..Self::new(database, table, None, source_ids)
        }
    }

    /// How the data got to the service. That of streamed data says that it is ingested: its status is read without
    /// a request.
    pub fn route(&self) -> Route {
        match self.is_streamed {
            true => Route::Streamed,
            false => Route::Queued,
        }
    }

    /// The database that was ingested into.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The table that was ingested into.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The source ids of the items.
    pub fn source_ids(&self) -> &[Uuid] {
        &self.source_ids
    }

    /// Whether the service writes the items' status to a status table. Otherwise only the
    /// notification queues report, and the status stays [`ItemState::Queued`](super::ItemState).
    pub fn has_status_table(&self) -> bool {
        self.status_table.is_some()
    }

    pub(crate) fn status_table(&self) -> Option<&str> {
        self.status_table.as_deref()
    }
}

impl fmt::Display for TrackingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_vec(self).map_err(|_| fmt::Error)?;
        write!(f, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(json))
    }
}

impl FromStr for TrackingToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: String| Error::invalid_argument("tracking token", why);
        let body = text
            .trim()
            .strip_prefix(PREFIX)
            .ok_or_else(|| wrong(format!("does not begin with {PREFIX}")))?;
        let json = URL_SAFE_NO_PAD
            .decode(body)
            .map_err(|error| wrong(error.to_string()))?;
        serde_json::from_slice(&json).map_err(|error| wrong(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_reads_back_with_unicode_names() {
        let ids = vec![Uuid::new_v4(), Uuid::new_v4()];
        let token = TrackingToken::new("Дб", "表", Some("http://h:1/status".into()), ids);
        assert_eq!(token.to_string().parse::<TrackingToken>().unwrap(), token);
        assert_eq!(token.route(), Route::Queued);
        let token = TrackingToken::streamed("Дб", "表", vec![Uuid::new_v4()]);
        let again = token.to_string().parse::<TrackingToken>().unwrap();
        assert_eq!(again.route(), Route::Streamed);
        assert_eq!(again, token);
    }

    #[test]
    fn anything_else_is_refused_by_name() {
        for text in ["", "k1.", "k1.!!", "k2.e30", "k1.e30"] {
            let error = text.parse::<TrackingToken>().unwrap_err();
            assert_eq!(error.argument(), Some("tracking token"), "{text}");
        }
    }
}
