//! The names of what an emulator plays: its services and the operations of storage.

use serde::{Deserialize, Serialize};

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
    /// Streaming ingestion: `POST /v1/rest/ingest/DATABASE/TABLE`
    Ingest,
    /// The login host.
    Entra,
    /// The machine that gives tokens to its programs.
    #[serde(rename = "managedIdentity")]
    ManagedIdentity,
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

/// The three storage services of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Containers of blobs.
    Blob,
    /// Queues of messages.
    Queue,
    /// Tables of entities.
    Table,
}

impl Service {
    /// As it stands in host names and in a SAS's canonical resource.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Queue => "queue",
            Self::Table => "table",
        }
    }
}

/// An operation of a storage service, named as in its REST reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the names are those of the service's reference"
)]
pub enum StorageOperation {
    PutBlob,
    PutBlock,
    PutBlockList,
    GetBlob,
    GetBlobProperties,
    GetBlockList,
    DeleteBlob,
    ListBlobs,
    PutMessage,
    GetMessages,
    PeekMessages,
    UpdateMessage,
    DeleteMessage,
    ClearMessages,
    GetQueueMetadata,
    InsertEntity,
    GetEntity,
    QueryEntities,
    UpdateEntity,
    MergeEntity,
    DeleteEntity,
}

impl StorageOperation {
    /// The service it belongs to.
    #[must_use]
    pub fn service(self) -> Service {
        match self {
            Self::PutBlob
            | Self::PutBlock
            | Self::PutBlockList
            | Self::GetBlob
            | Self::GetBlobProperties
            | Self::GetBlockList
            | Self::DeleteBlob
            | Self::ListBlobs => Service::Blob,
            Self::PutMessage
            | Self::GetMessages
            | Self::PeekMessages
            | Self::UpdateMessage
            | Self::DeleteMessage
            | Self::ClearMessages
            | Self::GetQueueMetadata => Service::Queue,
            Self::InsertEntity
            | Self::GetEntity
            | Self::QueryEntities
            | Self::UpdateEntity
            | Self::MergeEntity
            | Self::DeleteEntity => Service::Table,
        }
    }
}
