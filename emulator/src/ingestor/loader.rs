//! One source on its way into its table: checks, download, parsing, append.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::StatusCode;
use tokio::sync::Semaphore;
use tracing::warn;
use url::Url;
use uuid::Uuid;

use super::compression::{Unpacking, for_each_file};
use super::failure::{ErrorCode, Failure};
use super::formats::{MappingKind, decode};
use super::mapping::{self, ColumnSource};
use super::message::{Envelope, Work, blob_name};
use super::properties::{MappingChoice, Properties};
use super::report::Outcome;
use super::rows::Plan;
use super::storage_client::{StorageClient, StorageError};
use crate::engine::database::{Engine, LookupError};
use crate::engine::schema::TableSchema;
use crate::engine::updates::{IngestError, UpdateFault};
use crate::engine::value::Value;
use crate::engine::watch::{Stop, watched};

/// The service's limit on a source's uncompressed size without `IgnoreSizeLimit`.
const MAX_SOURCE_BYTES: u64 = 6 << 30;

/// How long the queries of update policies may take for one source: as long as a command may.
const UPDATE_TIME: Duration = Duration::from_secs(10 * 60);

/// Says whether an identity token is one that the data management service gave out.
pub type TokenCheck = Arc<dyn Fn(&str) -> bool + Send + Sync>;

type TableLock = Arc<tokio::sync::Mutex<()>>;

/// Loads sources. A blob becomes one extent, so that each has its own tags, creation time and outcome.
pub(crate) struct Loader {
    pub(super) engine: Engine,
    storage: StorageClient,
    token_check: TokenCheck,
    sniff_gzip: bool,
    /// How many blobs may be in memory at a time.
    in_memory: Semaphore,
    /// One per table (database in lower case): looking for a tag and appending an extent that carries
    /// it must be one step, and so must looking at the columns and adding some.
    table_locks: Mutex<HashMap<(String, String), TableLock>>,
}

/// What is loaded.
pub(super) struct Source<'a> {
    pub(super) properties: &'a Properties,
    pub(super) content: Content,
    /// The most uncompressed bytes.
    pub(super) limit: u64,
}

/// The bytes of a source, compressed or not.
pub(super) enum Content {
    /// To be fetched. The URL may hold a secret.
    Blob(Url),
    /// At hand, with a name whose ending tells the compression.
    Here { name: &'static str, bytes: Vec<u8> },
}

/// What came of a source.
pub(crate) struct Loaded {
    pub(crate) extent: Uuid,
    pub(crate) rows: usize,
    /// Of the content as it came.
    pub(crate) bytes: usize,
}

impl Loader {
    /// A token that its check accepts.
    pub(crate) fn identity_token(&self) -> String {
        self.engine.data_management().identity_token()
    }

    pub(crate) fn new(
        engine: Engine,
        storage: StorageClient,
        token_check: TokenCheck,
        sniff_gzip: bool,
        parallel: usize,
    ) -> Loader {
        Loader {
            engine,
            storage,
            token_check,
            sniff_gzip,
            in_memory: Semaphore::new(parallel.max(1)),
            table_locks: Mutex::default(),
        }
    }

    /// What can be said without the blob; a failure here is final.
    pub(crate) fn plan(&self, envelope: &Envelope, work: &Work) -> Result<Plan, Failure> {
        if !(self.token_check)(&work.token) {
            return Err(Failure::new(
                ErrorCode::InvalidIdentityToken,
                "The identity token in 'authorizationContext' is not valid.",
            ));
        }
        if work.raw_data_size > MAX_SOURCE_BYTES && !work.ignore_size_limit {
            return Err(Failure::new(
                ErrorCode::FileTooLarge,
                format!(
                    "The source has {} bytes, more than the {MAX_SOURCE_BYTES} the service accepts.",
                    work.raw_data_size
                ),
            ));
        }
        self.plan_of(envelope, &work.properties)
    }

    /// How a source with these properties is read into its table.
    fn plan_of(&self, envelope: &Envelope, properties: &Properties) -> Result<Plan, Failure> {
        let mut schema = self
            .engine
            .table_schema(&envelope.database, &envelope.table)
            .map_err(lookup_failure)?;
        let known = schema.columns.len();
        let columns = self.columns(envelope, properties, &mut schema)?;
        Ok(Plan {
            format: properties.format,
            columns,
            adds_columns: schema.columns.len() > known,
            blank: schema.columns.iter().map(|c| Value::absent(c.ty)).collect(),
            schema,
            is_identity: properties.mapping == MappingChoice::Identity,
            ignore_first_record: properties.ignore_first_record,
            validation: properties.validation,
            location: envelope.source_path.clone(),
        })
    }

    fn columns(
        &self,
        envelope: &Envelope,
        properties: &Properties,
        schema: &mut TableSchema,
    ) -> Result<Vec<ColumnSource>, Failure> {
        let kind = properties.format.mapping_kind();
        let json = match &properties.mapping {
            MappingChoice::Identity => return Ok(mapping::identity(kind, schema)),
            MappingChoice::Inline(json) => json.clone(),
            MappingChoice::Reference(name) => self
                .engine
                .mapping(&envelope.database, &envelope.table, kind.name(), name)
                .ok_or_else(|| no_mapping(name, kind))?,
        };
        let columns = mapping::parse(&json, kind, schema)?;
        if properties.format.is_single_field() {
            mapping::check_single_field(&columns)?;
        }
        Ok(columns)
    }

    /// Loads one source, all of it or nothing.
    pub(crate) async fn load(&self, envelope: &Envelope, work: &Work) -> Outcome {
        match self.try_load(envelope, work).await {
            Ok(loaded) => Outcome::Succeeded { rows: loaded.rows },
            Err(failure) => Outcome::without_rows(failure),
        }
    }

    /// The same, with the extent.
    pub(crate) async fn try_load(
        &self,
        envelope: &Envelope,
        work: &Work,
    ) -> Result<Loaded, Failure> {
        self.plan(envelope, work)?;
        let limit = if work.ignore_size_limit {
            u64::MAX
        } else {
            MAX_SOURCE_BYTES
        };
        let source = Source {
            properties: &work.properties,
            content: Content::Blob(work.blob.clone()),
            limit,
        };
        self.load_source(envelope, source).await
    }

    /// Loads a source of which is not known yet whether it fits its table.
    pub(super) async fn load_source(
        &self,
        envelope: &Envelope,
        source: Source<'_>,
    ) -> Result<Loaded, Failure> {
        let (properties, limit) = (source.properties, source.limit);
        let mut plan = self.plan_of(envelope, properties)?;
        self.check_tags(envelope, properties)?;
        // Before the table's lock, or the one who has it could wait for those who wait for it.
        let _permit = self.in_memory.acquire().await;
        let table = self.table_lock(envelope);
        let mut locked = None;
        if plan.adds_columns {
            // The next source that adds columns has to see these.
            locked = Some(table.lock().await);
            plan = self.plan_of(envelope, properties)?;
        }
        let (name, blob) = self.content(source.content, limit).await?;
        if blob.is_empty() {
            return Err(Failure::new(ErrorCode::EmptyBlob, "The blob is empty."));
        }
        let (schema, bytes) = (plan.schema.clone(), blob.len());
        let rows = parse(blob, name, plan, properties, limit, self.sniff_gzip).await?;
        let _locked = match locked {
            Some(locked) => locked,
            None => table.lock().await,
        };
        let count = rows.len();
        let appended = self.append(envelope, properties, schema, rows);
        Ok(Loaded {
            extent: appended.await?,
            rows: count,
            bytes,
        })
    }

    /// The name by which the content is known, and its bytes.
    async fn content(&self, content: Content, limit: u64) -> Result<(String, Vec<u8>), Failure> {
        match content {
            Content::Blob(url) => {
                let bytes = self.storage.get_blob(&url, limit).await;
                Ok((blob_name(&url), bytes.map_err(download_failure)?))
            }
            Content::Here { name, bytes } => Ok((name.to_owned(), bytes)),
        }
    }

    /// Must be called under the table's lock.
    async fn append(
        &self,
        envelope: &Envelope,
        properties: &Properties,
        schema: TableSchema,
        rows: Vec<Vec<Value>>,
    ) -> Result<Uuid, Failure> {
        self.check_tags(envelope, properties)?;
        let (engine, database) = (self.engine.clone(), envelope.database.clone());
        let (tags, created) = (properties.tags.clone(), properties.creation_time);
        // Update policies may compute for long.
        let ingested = tokio::task::spawn_blocking(move || {
            watched(&Stop::default(), UPDATE_TIME, || {
                engine.ingest(&database, &schema, rows, &tags, created)
            })
        });
        match ingested.await {
            Ok(ingested) => ingested.map_err(ingest_failure),
            Err(_) => Err(Failure::new(
                ErrorCode::InternalServerError,
                "The source could not be ingested: internal error.",
            )),
        }
    }

    fn table_lock(&self, envelope: &Envelope) -> TableLock {
        let key = (envelope.database.to_lowercase(), envelope.table.clone());
        let mut locks = self
            .table_locks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        locks.entry(key).or_default().clone()
    }

    fn check_tags(&self, envelope: &Envelope, properties: &Properties) -> Result<(), Failure> {
        for value in &properties.ingest_if_not_exists {
            let tag = format!("ingest-by:{value}");
            if self
                .engine
                .has_extent_tag(&envelope.database, &envelope.table, &tag)
            {
                return Err(Failure::new(
                    ErrorCode::SkippedIngestByTag,
                    format!("The table already has data with the tag '{tag}'."),
                ));
            }
        }
        Ok(())
    }

    /// Deletes the source of a success unless the sender keeps it. A blob that cannot be deleted is
    /// logged: the ingestion stands.
    pub(crate) async fn clean_up(&self, envelope: &Envelope, work: &Work, outcome: &Outcome) {
        if work.retain_blob || !matches!(outcome, Outcome::Succeeded { .. }) {
            return;
        }
        if let Err(error) = self.storage.delete_blob(&work.blob).await {
            warn!(source = %envelope.id, %error, "the ingested blob could not be deleted");
        }
    }
}

/// Unpacks and parses away from the threads that serve the network.
async fn parse(
    blob: Vec<u8>,
    name: String,
    plan: Plan,
    properties: &Properties,
    limit: u64,
    sniff_gzip: bool,
) -> Result<Vec<Vec<Value>>, Failure> {
    let properties = properties.clone();
    let parsed = tokio::task::spawn_blocking(move || {
        let unpacking = Unpacking {
            blob_name: &name,
            gz_as_uncompressed: properties.gz_as_uncompressed,
            sniff: sniff_gzip,
            zip_pattern: properties.zip_pattern.as_ref(),
            limit,
        };
        let mut rows = Vec::new();
        let (mut bytes, mut records) = (0, 0);
        for_each_file(blob, &unpacking, &mut |content| {
            bytes += content.len();
            records += plan.read(&decode(&content), &mut rows)?;
            Ok(())
        })?;
        if rows.is_empty() && bytes == 0 {
            return Err(no_data());
        }
        if rows.is_empty() {
            return Err(no_rows(plan.format.mapping_kind(), records));
        }
        Ok(rows)
    });
    parsed.await.unwrap_or_else(|_| {
        Err(Failure::new(
            ErrorCode::InternalServerError,
            "The source could not be parsed: internal error.",
        ))
    })
}

/// Text without any record, and JSON with nothing but malformed ones, is of another format than was said; JSON
/// without a record, and a header with nothing below it, are just no data.
fn no_rows(kind: MappingKind, records: usize) -> Failure {
    if (kind == MappingKind::Csv) == (records == 0) {
        return Failure::new(
            ErrorCode::NoRecordsOrWrongFormat,
            "The source has no records or is of another format.",
        );
    }
    no_data()
}

/// Also of compressed data that unpacks to nothing.
fn no_data() -> Failure {
    Failure::new(
        ErrorCode::NoDataToIngest,
        "The source has no data to ingest.",
    )
}

/// Of a mapping that is named and not there.
pub(super) fn no_mapping(name: &str, kind: MappingKind) -> Failure {
    let kind = kind.name();
    Failure::new(
        ErrorCode::MappingReferenceWasNotFound,
        format!("Mapping reference '{name}' of kind '{kind}' was not found."),
    )
}

fn ingest_failure(error: IngestError) -> Failure {
    let code = match &error {
        IngestError::Lookup(error) => return lookup_failure(error.clone()),
        IngestError::NoRetention(_) => ErrorCode::ZeroRetention,
        IngestError::Update(error) => match error.fault {
            UpdateFault::BadRequest => ErrorCode::UpdateBadRequest,
            UpdateFault::Schema => ErrorCode::UpdateSchema,
            UpdateFault::Descendant => ErrorCode::UpdateDescendant,
            UpdateFault::Unknown => ErrorCode::UpdateUnknown,
        },
    };
    Failure::new(code, error.to_string())
}

fn lookup_failure(error: LookupError) -> Failure {
    let code = match error {
        LookupError::Database(_) => ErrorCode::DatabaseNotExist,
        LookupError::Table(_) => ErrorCode::TableNotExist,
        LookupError::Schema(_) => ErrorCode::TransientSchemaMismatch,
    };
    Failure::new(code, error.to_string())
}

fn download_failure(error: StorageError) -> Failure {
    let code = match (&error, error.status()) {
        (StorageError::TooLarge, _) => ErrorCode::FileTooLarge,
        (_, Some(StatusCode::NOT_FOUND)) => ErrorCode::DownloadSourceNotFound,
        (_, Some(StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED)) => ErrorCode::DownloadForbidden,
        _ if error.is_transient() => ErrorCode::DownloadUnknownError,
        _ => ErrorCode::DownloadNotTransient,
    };
    Failure::new(code, format!("The blob could not be read: {error}."))
}
