//! Direct ingestion: sources that a command names, without a queue.

use std::sync::{Arc, Weak};

use tokio::runtime::Handle;
use url::Url;
use uuid::Uuid;

use super::failure::{ErrorCode, Failure, FailureStatus};
use super::fields::Fields;
use super::loader::{Loaded, Loader};
use super::message::{Envelope, ReportLevel, ReportMethod, Work, blob_name, without_credentials};
use super::properties::Properties;
use super::report::Outcome;
use super::{shown, streamed};
use crate::engine::database::Engine;
use crate::engine::datetime;
use crate::engine::sources::{SourceFailure, SourceRequest, Sources, StreamRequest, Streamed};
use crate::ingestions::{Arrival, Ingestions};

/// Loads sources for the engine as long as the ingestor runs.
pub(crate) struct Direct {
    /// The loader holds the engine, which holds this.
    loader: Weak<Loader>,
    runtime: Handle,
    ingestions: Arc<Ingestions>,
}

impl Direct {
    /// Has the engine's commands load by this loader, on the current runtime.
    pub(crate) fn offer(engine: &Engine, loader: &Arc<Loader>, ingestions: &Arc<Ingestions>) {
        engine.set_sources(Arc::new(Direct {
            loader: Arc::downgrade(loader),
            runtime: Handle::current(),
            ingestions: ingestions.clone(),
        }));
    }

    fn loader(&self) -> Result<Arc<Loader>, Failure> {
        self.loader.upgrade().ok_or_else(|| {
            let message = "The emulator ends, or was started without ingestion.";
            Failure::new(ErrorCode::InternalServerError, message)
        })
    }

    /// Loads, and lets people see how that goes.
    fn shown<T>(
        &self,
        arrival: Arrival,
        load: impl FnOnce() -> Result<T, Failure>,
        rows: impl FnOnce(&T) -> usize,
    ) -> Result<T, Failure> {
        let number = self.ingestions.arrived(arrival);
        self.ingestions.moved(number, shown::loading());
        let loaded = load();
        let outcome = match &loaded {
            Ok(loaded) => Outcome::Succeeded { rows: rows(loaded) },
            Err(failure) => Outcome::without_rows(failure.clone()),
        };
        let end = shown::end(&outcome, datetime::now());
        self.ingestions.moved(number, end);
        loaded
    }

    fn load(&self, request: &SourceRequest) -> Result<Loaded, Failure> {
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
        self.runtime.block_on(loader.try_load(&envelope, &work))
    }
}

impl Sources for Direct {
    fn ingest(&self, request: &SourceRequest) -> Result<Uuid, SourceFailure> {
        let loaded = self.shown(
            shown::named(request),
            || self.load(request),
            |loaded| loaded.rows,
        );
        loaded.map(|loaded| loaded.extent).map_err(reported)
    }

    fn stream(&self, request: StreamRequest, known_until: i64) -> Result<Streamed, SourceFailure> {
        let arrival = shown::streamed(&request);
        let load = || {
            let loader = self.loader()?;
            let load = streamed::load(&loader, request, known_until);
            self.runtime.block_on(load)
        };
        let rows = |streamed: &Streamed| usize::try_from(streamed.rows).unwrap_or(usize::MAX);
        self.shown(arrival, load, rows).map_err(reported)
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
