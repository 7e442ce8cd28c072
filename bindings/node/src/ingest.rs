//! Ingestions.

use std::sync::{Arc, Mutex, PoisonError};

use kusto_ingest::error::{Error, Result};
use kusto_ingest::props::{IngestionMode, IngestionProperties};
use kusto_ingest::source::{Progress, Source};
use napi_derive::napi;

use crate::answer;
use crate::client::{NativeClient, limits};
use crate::failure::OrThrow as _;
use crate::realm::{NativeOperation, Realm, Told};
use crate::runtime::runtime;
use crate::source::{NativeSource, SourceSettings};

/// The progress of an ingestion, until it is reported. At most one event is under way at a time, so
/// that a busy JavaScript thread receives the newest numbers instead of many old ones.
pub(crate) struct Latest {
    realm: Arc<Realm>,
    id: u32,
    untold: Mutex<Option<Progress>>,
}

impl Latest {
    fn report(self: &Arc<Self>, progress: Progress) {
        let before = self
            .untold
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(progress);
        if before.is_none() {
            self.realm.tell(self.id, Told::Progress(self.clone()));
        }
    }

    /// Read, sent, total; the last only if it is known.
    pub(crate) fn take(&self) -> Vec<f64> {
        let untold = self
            .untold
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Progress {
            read, sent, total, ..
        } = untold.unwrap_or_default();
        let known = [Some(read), Some(sent), total];
        known
            .into_iter()
            .flatten()
            .map(|bytes| bytes as f64)
            .collect()
    }
}

/// The properties of an ingestion.
#[napi(object)]
pub struct NativeProperties {
    /// The database.
    pub database: String,
    /// The table.
    pub table: String,
    /// Pairs of the service's names and texts, set in this order.
    pub known: Vec<(String, String)>,
    /// The same, passed on unread.
    pub others: Vec<(String, String)>,
}

impl NativeProperties {
    pub(crate) fn read(self) -> Result<IngestionProperties> {
        let mut props = IngestionProperties::new(self.database, self.table);
        for (name, value) in self.known {
            match name.as_str() {
                "ingestionMode" => props = props.with_mode(mode(&value)?),
                "once" => props
                    .set_once(&value)
                    .map_err(|error| error.with_argument("once"))?,
                _ => props.set(&name, &value)?,
            }
        }
        for (name, value) in self.others {
            props.set_additional(&name, &value)?;
        }
        Ok(props)
    }
}

/// A mode by its number, as `lib/catalog.js` has it.
fn mode(value: &str) -> Result<IngestionMode> {
    let number = value.parse().ok();
    number
        .and_then(IngestionMode::from_number)
        .ok_or_else(|| Error::invalid_argument("ingestionMode", "is not an ingestion mode"))
}

#[napi]
impl NativeClient {
    /// Begins an ingestion.
    #[napi(catch_unwind)]
    pub fn ingest(
        &self,
        source: &mut NativeSource,
        settings: SourceSettings,
        properties: NativeProperties,
        timeout: Option<f64>,
    ) -> napi::Result<NativeOperation> {
        let source = source.take();
        self.begin_ingest(source, settings, properties, timeout)
            .or_throw()
    }

    fn begin_ingest(
        &self,
        source: Result<Source>,
        settings: SourceSettings,
        properties: NativeProperties,
        timeout: Option<f64>,
    ) -> Result<NativeOperation> {
        let props = properties.read()?;
        let (operation, options) = NativeOperation::begin(&self.realm, limits(timeout)?);
        let progress = settings.progress;
        let mut source = settings.apply(source?)?;
        if progress {
            let latest = Arc::new(Latest {
                realm: self.realm.clone(),
                id: operation.id(),
                untold: Mutex::new(None),
            });
            source = source.with_progress(move |progress| latest.report(progress));
        }
        // Begun here and not in the task: a later `close` waits for it.
        let begun = {
            let _entered = runtime()?.enter();
            self.client.start_ingest(source, &props, options)
        };
        self.realm.run(operation.id(), async move {
            begun.wait().await.map(|receipt| answer::receipt(&receipt))
        })?;
        Ok(operation)
    }
}
