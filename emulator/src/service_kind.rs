//! The services an emulator plays, as rules and counters name them.

use serde::{Deserialize, Serialize};

use crate::storage::Service;

/// One of the services an emulator plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServiceKind {
    /// `GET /v1/rest/auth/metadata`
    Metadata,
    /// Management commands, of the engine and of data management.
    Mgmt,
    /// Queries, v1 and v2.
    Query,
    /// Containers of blobs.
    Blob,
    /// Queues of messages.
    Queue,
    /// Tables of entities.
    Table,
}

impl ServiceKind {
    /// Whether it is one of a storage account's.
    #[must_use]
    pub fn is_storage(self) -> bool {
        matches!(self, Self::Blob | Self::Queue | Self::Table)
    }
}

impl From<Service> for ServiceKind {
    fn from(service: Service) -> Self {
        match service {
            Service::Blob => Self::Blob,
            Service::Queue => Self::Queue,
            Service::Table => Self::Table,
        }
    }
}
