//! The steps of an ingestion that a fault is aimed at.

use kusto_ingest::error::Step;
use serde_json::{Value, json};

use crate::fault::{Fault, Nature};

/// A request of an ingestion, or of the read of its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Target {
    Metadata,
    Resources,
    IdentityToken,
    PutBlob,
    PutBlock(Position),
    Commit,
    StatusEntity,
    PostMessage,
    StatusPoll,
}

/// Which of a blob's blocks, in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Position {
    First,
    Middle,
    Last,
}

impl Target {
    pub(crate) const ALL: [Target; 11] = [
        Target::Metadata,
        Target::Resources,
        Target::IdentityToken,
        Target::PutBlob,
        Target::PutBlock(Position::First),
        Target::PutBlock(Position::Middle),
        Target::PutBlock(Position::Last),
        Target::Commit,
        Target::StatusEntity,
        Target::PostMessage,
        Target::StatusPoll,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Target::Metadata => "auth metadata",
            Target::Resources => "ingestion resources",
            Target::IdentityToken => "identity token",
            Target::PutBlob => "put blob",
            Target::PutBlock(Position::First) => "put block, first",
            Target::PutBlock(Position::Middle) => "put block, middle",
            Target::PutBlock(Position::Last) => "put block, last",
            Target::Commit => "commit",
            Target::StatusEntity => "status entity",
            Target::PostMessage => "post message",
            Target::StatusPoll => "status poll",
        }
    }

    /// The step that errors name.
    pub(crate) fn step(self) -> Step {
        match self {
            Target::Metadata => Step::FetchCloudMetadata,
            Target::Resources => Step::FetchIngestionResources,
            Target::IdentityToken => Step::FetchIdentityToken,
            Target::PutBlob | Target::PutBlock(_) => Step::UploadBlob,
            Target::Commit => Step::CommitBlob,
            Target::StatusEntity => Step::WriteStatusEntity,
            Target::PostMessage => Step::PostMessage,
            Target::StatusPoll => Step::ReadStatus,
        }
    }

    /// Whether it is a request to a storage account.
    pub(crate) fn is_storage(self) -> bool {
        !matches!(
            self,
            Target::Metadata | Target::Resources | Target::IdentityToken
        )
    }

    /// Whether it is part of an upload in blocks.
    pub(crate) fn is_of_blocks(self) -> bool {
        matches!(self, Target::PutBlock(_) | Target::Commit)
    }

    /// Whether another account can take over.
    pub(crate) fn has_another(self) -> bool {
        matches!(self, Target::PutBlob | Target::PostMessage) || self.is_of_blocks()
    }

    /// Whether the request carries a body of some length.
    pub(crate) fn has_body(self) -> bool {
        !matches!(self, Target::Metadata | Target::StatusPoll)
    }

    /// Whether a client must not send it again when it may have been carried out.
    pub(crate) fn is_unsafe(self) -> bool {
        self == Target::PostMessage
    }

    /// Whether a fault shows the client that it was not carried out, or may not have been.
    pub(crate) fn is_in_doubt(self, fault: Fault) -> bool {
        self.is_unsafe() && matches!(fault.nature(), Nature::Unclear | Nature::Silence)
    }

    /// The part of a rule that says which requests are meant. `blocks` is how many blocks a whole
    /// upload of the data has.
    pub(crate) fn wire(self, blocks: u64) -> Value {
        let command = |text: &str| json!({"service": "mgmt", "command": text});
        let storage = |service, operation| json!({"service": service, "operation": operation});
        match self {
            Target::Metadata => json!({"service": "metadata"}),
            Target::Resources => command(".get ingestion resources"),
            Target::IdentityToken => command(".get kusto identity token"),
            Target::PutBlob => storage("blob", "PutBlob"),
            Target::PutBlock(position) => {
                let mut rule = storage("blob", "PutBlock");
                rule["skip"] = match position {
                    Position::First => 0,
                    Position::Middle => blocks / 2,
                    Position::Last => blocks.saturating_sub(1),
                }
                .into();
                rule
            }
            Target::Commit => storage("blob", "PutBlockList"),
            Target::StatusEntity => storage("table", "UpdateEntity"),
            Target::PostMessage => storage("queue", "PutMessage"),
            Target::StatusPoll => storage("table", "GetEntity"),
        }
    }
}
