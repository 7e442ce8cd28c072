//! From blocks to one committed blob: one container at a time, the next one when it fails.
//!
//! This module knows storage but not ingestion properties.

mod attempt;
mod azure;
mod failover;
mod feed;

pub(crate) use azure::{AzureContainers, blob_in};
pub(crate) use failover::upload;
pub(crate) use feed::{BlockSource, Feed};
