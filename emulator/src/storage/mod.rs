//! Azure Storage as the ingestion service uses it: blobs, queues and a table, guarded by SAS.
//!
//! Every account has a port of its own with its containers, queues and tables at the root; the name
//! in the first segment of the path says which service is meant. What stands behind is either the
//! built-in store of this module or an Azurite to which requests are passed on.

mod account;
mod azurite;
mod blob;
mod content;
mod error;
mod fault_answer;
mod front;
mod operation;
mod query;
mod queue;
mod request;
pub mod resources;
mod sas;
mod table;
mod xml;

use time::OffsetDateTime;
use time::macros::format_description;

pub use account::AccountKey;
pub use azurite::{AzuriteError, AzuriteOptions};
pub use resources::StorageResources;

pub(crate) use account::Account;
pub(crate) use azurite::Azurite;
pub(crate) use front::{Backend, OWN_USER_AGENT, Storage};
pub(crate) use resources::{Endpoints, Names, Resources};

/// The form of dates in headers and lists.
fn http_date(at: OffsetDateTime) -> String {
    let form = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    at.to_offset(time::UtcOffset::UTC)
        .format(form)
        .unwrap_or_default()
}

/// An entity tag no other write has had.
fn new_etag() -> String {
    format!(
        "\"0x{}\"",
        &uuid::Uuid::new_v4().simple().to_string()[..15].to_uppercase()
    )
}
