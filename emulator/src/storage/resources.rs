//! What the data management service lends out: containers, queues and the status table, with SAS.

use url::Url;

/// The storage objects the ingestor works on, each URL with a SAS that allows everything.
///
/// The ingestor reaches them over HTTP like any client, so it does not know which storage is behind.
#[derive(Clone)]
pub struct StorageResources {
    /// Input queues (`SecuredReadyForAggregationQueue`).
    pub queues: Vec<Url>,
    /// Where failed ingestions are reported.
    pub failed_queue: Url,
    /// Where successful ingestions are reported.
    pub successful_queue: Url,
    /// The table of ingestion statuses.
    pub status_table: Url,
    /// Containers for uploads (`TempStorage`), and the `landing` containers.
    pub containers: Vec<Url>,
}
