//! The settings of a client that decide how data gets to the service.

use super::ClientBuilder;
use crate::error::Result;
use crate::props::{Fallback, InDoubt, IngestionMode};

impl ClientBuilder {
    /// How data gets to the service, for ingestions whose properties do not say it
    /// ([`IngestionProperties::with_mode`](crate::props::IngestionProperties::with_mode)); by default
    /// [`IngestionMode::Queued`].
    #[must_use]
    pub fn mode(mut self, mode: IngestionMode) -> Self {
        self.ingestion.mode = mode;
        self
    }

    /// What follows a streaming request of which nobody knows whether its data was ingested; by default
    /// [`InDoubt::Fail`].
    #[must_use]
    pub fn in_doubt(mut self, then: InDoubt) -> Self {
        self.ingestion.in_doubt = then;
        self
    }

    /// How many streaming requests one call makes at most, while the failures may pass. Range and default:
    /// [`ClientBuilder::set`].
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config) for a number out of range.
    pub fn streaming_attempts(mut self, attempts: usize) -> Result<Self> {
        self.ingestion.set_attempts(attempts)?;
        Ok(self)
    }

    /// How many streaming requests are under way at once, for all calls of the client together. Calls beyond it wait
    /// in order. It is halved for a while when the service throttles. Range and default: [`ClientBuilder::set`].
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config) for a number out of range.
    pub fn streaming_concurrency(mut self, requests: usize) -> Result<Self> {
        self.ingestion.set_concurrency(requests)?;
        Ok(self)
    }

    /// What managed ingestion does with data for a table or a cluster that has streaming ingestion turned off; by
    /// default [`Fallback::Queue`]. With [`Fallback::Fail`] each call tries, and fails.
    #[must_use]
    pub fn streaming_unavailable(mut self, then: Fallback) -> Self {
        self.ingestion.unavailable = then;
        self
    }

    /// What managed ingestion does when streaming does not find the database, the table or the mapping: it learns of
    /// new ones up to five minutes later than the queue. By default [`Fallback::Fail`].
    #[must_use]
    pub fn schema_lag(mut self, then: Fallback) -> Self {
        self.ingestion.schema_lag = then;
        self
    }

    /// How much of the size that the service is estimated to accept managed ingestion streams: 0.1 to 4, by default 1.
    /// Nothing beyond 10 MiB as it is sent is ever streamed.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config) for a number out of range.
    pub fn streaming_size_factor(mut self, factor: f64) -> Result<Self> {
        self.ingestion.set_size_factor(factor)?;
        Ok(self)
    }
}
