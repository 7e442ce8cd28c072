//! How much clients send: requests and bytes by service, and connections.
//!
//! Benchmarks run through these counters, so they are plain atomics and nothing is summed up before it is asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

use crate::services::ServiceKind;

/// What clients sent since the start or the last reset. The emulator's ingestor is no client, and neither its own
/// control endpoints nor unknown addresses are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// TCP connections on which at least one of the requests came.
    pub connections: u64,
    /// All services' requests.
    pub requests: u64,
    /// All services' request bodies, as far as they were read.
    pub bytes_received: u64,
    /// The same by service.
    pub services: Services,
}

/// The counters of each service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Services {
    /// Containers of blobs.
    pub blob: ServiceTraffic,
    /// Queues of messages.
    pub queue: ServiceTraffic,
    /// Tables of entities.
    pub table: ServiceTraffic,
    /// Management commands, of the engine and of data management.
    pub mgmt: ServiceTraffic,
    /// Queries, v1 and v2.
    pub query: ServiceTraffic,
    /// Streaming ingestion.
    pub ingest: ServiceTraffic,
    /// Authentication metadata.
    pub metadata: ServiceTraffic,
    /// The login host.
    pub entra: ServiceTraffic,
    /// The machine's tokens.
    #[serde(rename = "managedIdentity")]
    pub managed_identity: ServiceTraffic,
}

/// What one service was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceTraffic {
    /// Requests.
    pub requests: u64,
    /// Bytes of request bodies, as far as they were read.
    pub bytes_received: u64,
}

/// The counters of one emulator.
#[derive(Default)]
pub(crate) struct Meter {
    /// How often it was reset: a connection counts anew after each.
    resets: AtomicU64,
    connections: AtomicU64,
    blob: Arc<ServiceMeter>,
    queue: Arc<ServiceMeter>,
    table: Arc<ServiceMeter>,
    mgmt: Arc<ServiceMeter>,
    query: Arc<ServiceMeter>,
    ingest: Arc<ServiceMeter>,
    metadata: Arc<ServiceMeter>,
    entra: Arc<ServiceMeter>,
    managed_identity: Arc<ServiceMeter>,
}

/// The counters of one service.
#[derive(Default)]
pub(crate) struct ServiceMeter {
    requests: AtomicU64,
    bytes: AtomicU64,
}

/// A TCP connection, as the meter sees it.
#[derive(Default)]
pub(crate) struct Connection {
    /// The number of resets, plus one, at which it was counted last.
    counted: AtomicU64,
}

impl Meter {
    /// Counts a request; its service's meter counts the bytes.
    pub(crate) fn count(&self, service: ServiceKind, connection: &Connection) -> Arc<ServiceMeter> {
        let era = self.resets.load(Relaxed) + 1;
        if connection.counted.swap(era, Relaxed) != era {
            self.connections.fetch_add(1, Relaxed);
        }
        let meter = match service {
            ServiceKind::Metadata => &self.metadata,
            ServiceKind::Mgmt => &self.mgmt,
            ServiceKind::Query => &self.query,
            ServiceKind::Ingest => &self.ingest,
            ServiceKind::Blob => &self.blob,
            ServiceKind::Queue => &self.queue,
            ServiceKind::Table => &self.table,
            ServiceKind::Entra => &self.entra,
            ServiceKind::ManagedIdentity => &self.managed_identity,
        };
        meter.requests.fetch_add(1, Relaxed);
        meter.clone()
    }

    pub(crate) fn read(&self) -> Traffic {
        let services = Services {
            blob: self.blob.read(),
            queue: self.queue.read(),
            table: self.table.read(),
            mgmt: self.mgmt.read(),
            query: self.query.read(),
            ingest: self.ingest.read(),
            metadata: self.metadata.read(),
            entra: self.entra.read(),
            managed_identity: self.managed_identity.read(),
        };
        let all = [
            services.blob,
            services.queue,
            services.table,
            services.mgmt,
            services.query,
            services.ingest,
            services.metadata,
            services.entra,
            services.managed_identity,
        ];
        Traffic {
            connections: self.connections.load(Relaxed),
            requests: all.iter().map(|service| service.requests).sum(),
            bytes_received: all.iter().map(|service| service.bytes_received).sum(),
            services,
        }
    }

    pub(crate) fn reset(&self) {
        self.resets.fetch_add(1, Relaxed);
        self.connections.store(0, Relaxed);
        for meter in [
            &self.blob,
            &self.queue,
            &self.table,
            &self.mgmt,
            &self.query,
            &self.ingest,
            &self.metadata,
            &self.entra,
            &self.managed_identity,
        ] {
            meter.requests.store(0, Relaxed);
            meter.bytes.store(0, Relaxed);
        }
    }
}

impl ServiceMeter {
    pub(crate) fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    fn read(&self) -> ServiceTraffic {
        ServiceTraffic {
            requests: self.requests.load(Relaxed),
            bytes_received: self.bytes.load(Relaxed),
        }
    }
}
