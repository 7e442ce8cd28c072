//! The queue message (wire-v1 section 5.5).

use std::fmt::Display;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::catalog::MessageFlags;
use crate::error::{Error, ErrorKind, Result, Step};

/// Azure's limit of a queue message's text, after base64.
const MAX_TEXT: usize = 64 * 1024;

/// Room for a message without large properties.
const USUAL: usize = 2 * 1024;

/// One ingestion request. Names are the service's. Not `Debug`: it contains signatures.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Message<'a, Time: Display, Bag> {
    pub(crate) id: Uuid,
    pub(crate) blob_path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) raw_data_size: Option<u64>,
    pub(crate) database_name: &'a str,
    pub(crate) table_name: &'a str,
    #[serde(flatten)]
    pub(crate) flags: MessageFlags,
    pub(crate) report_level: i32,
    pub(crate) report_method: i32,
    #[serde(serialize_with = "as_text")]
    pub(crate) source_message_creation_time: Time,
    pub(crate) application_for_tracing: &'a str,
    pub(crate) client_version_for_tracing: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ingestion_status_in_table: Option<StatusInTable<'a>>,
    pub(crate) additional_properties: Bag,
}

/// Where the service writes the status.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct StatusInTable<'a> {
    /// The table's URL with SAS.
    pub(crate) table_connection_string: &'a str,
    pub(crate) partition_key: Uuid,
    pub(crate) row_key: Uuid,
}

fn as_text<S: Serializer>(
    value: &impl Display,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl<Time: Display, Bag: Serialize> Message<'_, Time, Bag> {
    /// The text to post: JSON in base64, which the service expects.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] when the queue would reject it; an inline mapping is the usual
    /// reason.
    pub(crate) fn to_text(&self) -> Result<String> {
        let mut json = Vec::with_capacity(USUAL);
        serde_json::to_writer(&mut json, self).map_err(|error| {
            Error::new(ErrorKind::Internal, Step::PostMessage, error.to_string())
        })?;
        let text = STANDARD.encode(json);
        if text.len() > MAX_TEXT {
            return Err(Error::new(
                ErrorKind::TooLarge,
                Step::PostMessage,
                format!(
                    "the ingestion message has {} bytes, the queue takes {MAX_TEXT}: use a mapping \
                     reference instead of an inline mapping, or fewer tags",
                    text.len()
                ),
            )
            .with_argument("ingestion properties"));
        }
        Ok(text)
    }
}

/// Whether a message whose texts have so many bytes is small enough, however they are escaped.
pub(crate) fn surely_fits(texts: usize) -> bool {
    // Names, numbers, ids and punctuation.
    const REST: usize = 4 * 1024;
    // A control character has six bytes in JSON, and base64 makes four of three.
    texts.saturating_mul(6).saturating_add(REST) <= MAX_TEXT / 4 * 3
}
