//! Direct ingestion: sources that a command names, without a queue.

use std::sync::{Arc, Weak};

use tokio::runtime::Handle;
use url::Url;
use uuid::Uuid;

use super::failure::{ErrorCode, Failure, FailureStatus};
use super::fields::Fields;
use super::loader::Loader;
use super::message::{Envelope, ReportLevel, ReportMethod, Work, blob_name, without_credentials};
use super::properties::Properties;
use super::streamed;
use crate::engine::database::Engine;
use crate::engine::sources::{SourceFailure, SourceRequest, Sources, StreamRequest, Streamed};

/// Loads sources for the engine as long as the ingestor runs.
pub(crate) struct Direct {
    /// The loader holds the engine, which holds this.
    loader: Weak<Loader>,
    runtime: Handle,
}

impl Direct {
    /// Has the engine's commands load by this loader, on the current runtime.
    pub(crate) fn offer(engine: &Engine, loader: &Arc<Loader>) {
        engine.set_sources(Arc::new(Direct {
            loader: Arc::downgrade(loader),
            runtime: Handle::current(),
        }));
    }

    fn loader(&self) -> Result<Arc<Loader>, Failure> {
        self.loader.upgrade().ok_or_else(|| {
            let message = "The emulator ends, or was started without ingestion.";
            Failure::new(ErrorCode::InternalServerError, message)
        })
    }

    fn load(&self, request: &SourceRequest) -> Result<Uuid, Failure> {
        let loader = self.loader()?;
        let location = without_credentials(&request.location);
        let blob = address(&request.location)?;
        let bag = Fields::new(&request.properties);
        let properties = Properties::read(&bag, &blob_name(&blob), None)?;
        let envelope = Envelope {
            id: request.operation,
            database: request.database.clone(),
            table: request.table.clone(),
            source_path: location.to_owned(),
            level: ReportLevel::None,
            method: ReportMethod::Queue,
            status_row: None,
        };
        let work = Work {
            blob,
            token: loader.identity_token(),
            raw_data_size: 0,
            ignore_size_limit: false,
            retain_blob: true,
            flush_immediately: true,
            properties,
        };
        let loaded = self.runtime.block_on(loader.try_load(&envelope, &work));
        loaded.map(|loaded| loaded.extent)
    }
}

impl Sources for Direct {
    fn ingest(&self, request: &SourceRequest) -> Result<Uuid, SourceFailure> {
        self.load(request).map_err(reported)
    }

    fn stream(&self, request: StreamRequest, known_until: i64) -> Result<Streamed, SourceFailure> {
        let loaded = self.loader().and_then(|loader| {
            let load = streamed::load(&loader, request, known_until);
            self.runtime.block_on(load)
        });
        loaded.map_err(reported)
    }
}

/// The failure as the engine reports it.
fn reported(failure: Failure) -> SourceFailure {
    SourceFailure {
        code: failure.code.name().to_owned(),
        is_permanent: failure.code.status() == FailureStatus::Permanent,
        details: failure.details,
    }
}

/// The address of a blob, which may hold a secret.
pub(super) fn address(location: &str) -> Result<Url, Failure> {
    let url = Url::parse(location)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| {
        let shown = without_credentials(location);
        Failure::new(
            ErrorCode::InvalidBlobUri,
            format!("'{shown}' is no address over HTTP."),
        )
    })
}
