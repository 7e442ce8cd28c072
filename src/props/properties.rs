//! The properties of one ingestion.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::props::catalog::{
    DataFormat, Flags, IngestionMode, MappingKind, ReportLevel, ReportMethod,
};
use crate::props::mapping::{ColumnMapping, Mapping, MappingSource, check_kind};
use crate::props::tags::Tags;
use crate::props::validation::ValidationPolicy;
use crate::values::DateTime;

mod once;
mod pass_through;
#[cfg(test)]
mod tests;
mod wire;

pub(super) use pass_through::parse_choice;

impl ReportMethod {
    /// Whether the status table is used.
    pub const fn uses_table(self) -> bool {
        matches!(self, ReportMethod::Table | ReportMethod::QueueAndTable)
    }
}

/// The target table, how the data is read, and what is reported about it.
///
/// Values are checked when they are used, by [`IngestionProperties::validate`].
///
/// ```
/// use kusto_ingest::props::{DataFormat, IngestionProperties};
///
/// let properties = IngestionProperties::new("Samples", "Events")
///     .with_format(DataFormat::Json)
///     .with_mapping_reference("EventsMapping")
///     .with_once("batch-17");
/// properties.validate()?;
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct IngestionProperties {
    database: String,
    table: String,
    format: Option<DataFormat>,
    mapping: MappingSource,
    tags: Tags,
    ingest_if_not_exists: Vec<String>,
    once: Option<String>,
    report_level: ReportLevel,
    report_method: ReportMethod,
    pub(super) flags: Flags,
    creation_time: Option<OffsetDateTime>,
    validation_policy: Option<ValidationPolicy>,
    client_request_id: Option<String>,
    additional: BTreeMap<String, String>,
    mode: Option<IngestionMode>,
}

impl IngestionProperties {
    /// Properties with all defaults: format by file name or csv, no mapping, failures reported to
    /// the queue, the blob kept.
    pub fn new(database: impl Into<String>, table: impl Into<String>) -> Self {
        Self {
            database: database.into(),
            table: table.into(),
            format: None,
            mapping: MappingSource::None,
            tags: Tags::new(),
            ingest_if_not_exists: Vec::new(),
            once: None,
            report_level: ReportLevel::default(),
            report_method: ReportMethod::default(),
            flags: Flags::default(),
            creation_time: None,
            validation_policy: None,
            client_request_id: None,
            additional: BTreeMap::new(),
            mode: None,
        }
    }

    /// The format of the data.
    #[must_use]
    pub fn with_format(mut self, format: DataFormat) -> Self {
        self.format = Some(format);
        self
    }

    /// Uses a mapping that exists in the table or database, of the format's kind. An empty name
    /// means none, as in the service's own clients.
    #[must_use]
    pub fn with_mapping_reference(self, name: impl Into<String>) -> Self {
        self.with_mapping_source(MappingSource::Reference {
            name: name.into(),
            kind: None,
        })
    }

    /// Uses this mapping.
    #[must_use]
    pub fn with_mapping(mut self, mapping: Mapping) -> Self {
        self.mapping = MappingSource::Inline(mapping);
        self
    }

    /// Sets the source of the mapping, of any kind.
    #[must_use]
    pub fn with_mapping_source(mut self, mapping: MappingSource) -> Self {
        match mapping {
            MappingSource::Reference { name, .. } if name.is_empty() => {
                self.clear_mapping_reference();
            }
            mapping => self.mapping = mapping,
        }
        self
    }

    /// Leaves a mapping of another source.
    pub(super) fn clear_mapping_reference(&mut self) {
        if matches!(self.mapping, MappingSource::Reference { .. }) {
            self.mapping = MappingSource::None;
        }
    }

    /// Adds a tag unchanged, with its prefix if it has one.
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.add(tag);
        self
    }

    /// Adds a `drop-by:` tag; `value` is without the prefix.
    #[must_use]
    pub fn with_drop_by_tag(mut self, value: impl Into<String>) -> Self {
        self.tags.add_drop_by(value);
        self
    }

    /// Adds an `ingest-by:` tag; `value` is without the prefix.
    #[must_use]
    pub fn with_ingest_by_tag(mut self, value: impl Into<String>) -> Self {
        self.tags.add_ingest_by(value);
        self
    }

    /// Skips the data when the table has an extent with one of these `ingest-by:` tags; the values
    /// are without the prefix. The tag itself must be added separately;
    /// [`IngestionProperties::with_once`] does both.
    #[must_use]
    pub fn with_ingest_if_not_exists(
        mut self,
        values: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.ingest_if_not_exists = values.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the level of reports.
    #[must_use]
    pub fn with_report_level(mut self, level: ReportLevel) -> Self {
        self.report_level = level;
        self
    }

    /// Where it is reported to.
    #[must_use]
    pub fn with_report_method(mut self, method: ReportMethod) -> Self {
        self.report_method = method;
        self
    }

    /// The time that the service uses as the ingestion time, for retention and caching of old data.
    #[must_use]
    pub fn with_creation_time(mut self, time: OffsetDateTime) -> Self {
        self.creation_time = Some(time);
        self
    }

    /// Sets the service's checks of CSV data.
    #[must_use]
    pub fn with_validation_policy(mut self, policy: ValidationPolicy) -> Self {
        self.validation_policy = Some(policy);
        self
    }

    /// The id of the ingestion in the service's logs, in errors and in the log: 1 to 256 visible ASCII
    /// characters. Each request is sent as `ID;UUID`: an answer of storage is known by the id of its request,
    /// which therefore is never used twice. By default `KRC.ingest;` and the source id. It should not contain
    /// personal data.
    #[must_use]
    pub fn with_client_request_id(mut self, id: impl Into<String>) -> Self {
        self.client_request_id = Some(id.into());
        self
    }

    /// How the data gets to the service, for this ingestion; by default as the client's setting `ingestion mode`
    /// says.
    #[must_use]
    pub fn with_mode(mut self, mode: impl Into<Option<IngestionMode>>) -> Self {
        self.mode = mode.into();
        self
    }

    /// As [`IngestionProperties::set_additional`]. Names ignore case; a later value replaces an earlier
    /// one. What is wrong with the name or the value, [`IngestionProperties::validate`] says.
    #[must_use]
    pub fn with_additional_property(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        let (name, value) = (name.into(), value.into());
        if self.set_additional(&name, &value).is_err() {
            // For `validate`, which meets the same error.
            self.put_additional(name, value);
        }
        self
    }

    fn put_additional(&mut self, name: String, value: String) {
        self.additional
            .retain(|known, _| !known.eq_ignore_ascii_case(&name));
        self.additional.insert(name, value);
    }

    /// How the data gets to the service, if it is not for the client to say.
    pub fn mode(&self) -> Option<IngestionMode> {
        self.mode
    }

    /// The database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The table.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The format, if one was set; see [`IngestionProperties::resolve_format`].
    pub fn format(&self) -> Option<DataFormat> {
        self.format
    }

    /// The mapping.
    pub fn mapping(&self) -> &MappingSource {
        &self.mapping
    }

    /// The tags, without that of [`IngestionProperties::with_once`].
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    /// The values of `ingestIfNotExists`, without prefix and without the key of
    /// [`IngestionProperties::with_once`].
    pub fn ingest_if_not_exists(&self) -> &[String] {
        &self.ingest_if_not_exists
    }

    /// The level of reports: the one that was set, but always failures and successes when the
    /// status table is used, because a success would otherwise stay `Pending` there for ever.
    pub fn report_level(&self) -> ReportLevel {
        if self.report_method.uses_table() {
            ReportLevel::FailuresAndSuccesses
        } else {
            self.report_level
        }
    }

    /// Where it is reported to.
    pub fn report_method(&self) -> ReportMethod {
        self.report_method
    }

    /// The creation time, if set.
    pub fn creation_time(&self) -> Option<OffsetDateTime> {
        self.creation_time
    }

    /// The validation policy, if set.
    pub fn validation_policy(&self) -> Option<ValidationPolicy> {
        self.validation_policy
    }

    /// The client request id, if set.
    pub fn client_request_id(&self) -> Option<&str> {
        self.client_request_id.as_deref()
    }

    /// The id of an ingestion with these properties.
    pub(crate) fn request_id(&self, source_id: Uuid) -> String {
        match &self.client_request_id {
            Some(id) => id.clone(),
            None => {
                let mut id = Uuid::encode_buffer();
                let id: &str = source_id.hyphenated().encode_lower(&mut id);
                ["KRC.ingest;", id].concat()
            }
        }
    }

    /// The other ingestion properties.
    pub fn additional_properties(&self) -> &BTreeMap<String, String> {
        &self.additional
    }

    /// The format of data with this name (a file name, path or URL; empty if it has none): the one
    /// that was set, else what the name's extension says, else what the mapping is for, else csv.
    pub fn resolve_format(&self, source_name: &str) -> DataFormat {
        self.known_format(source_name).unwrap_or_default()
    }

    /// As [`IngestionProperties::resolve_format`], but `None` where only the default remains.
    pub(crate) fn known_format(&self, source_name: &str) -> Option<DataFormat> {
        self.format
            .or_else(|| DataFormat::from_path(source_name))
            .or_else(|| self.mapping_kind().map(MappingKind::default_format))
    }

    fn mapping_kind(&self) -> Option<MappingKind> {
        match &self.mapping {
            MappingSource::Reference { kind, .. } => *kind,
            MappingSource::Inline(mapping) => Some(mapping.kind()),
            MappingSource::None | MappingSource::InlineColumns(_) => None,
        }
    }

    /// How many bytes the texts have that a message repeats; `None` for properties of any size, such
    /// as a mapping or tags.
    pub(crate) fn bounded_texts(&self) -> Option<usize> {
        let reference = match &self.mapping {
            MappingSource::None => 0,
            MappingSource::Reference { name, .. } => name.len(),
            MappingSource::Inline(_) | MappingSource::InlineColumns(_) => return None,
        };
        let is_plain = self.tags.is_empty()
            && self.ingest_if_not_exists.is_empty()
            && self.once.is_none()
            && self.validation_policy.is_none()
            && self.additional.is_empty();
        is_plain.then_some(self.database.len() + self.table.len() + reference)
    }

    /// Checks everything that can be checked without the data and without the service.
    pub fn validate(&self) -> Result<()> {
        check_name("database", &self.database)?;
        check_name("table", &self.table)?;
        if self.tags.has_blank() {
            return Err(Error::invalid_argument("tags", "a tag is empty"));
        }
        if self
            .ingest_if_not_exists
            .iter()
            .any(|v| v.trim().is_empty())
        {
            return Err(Error::invalid_argument(
                "ingestIfNotExists",
                "a value is empty",
            ));
        }
        self.check_once()?;
        if let Some(time) = self.creation_time {
            DateTime::try_from(time).map_err(|error| error.with_argument("creationTime"))?;
        }
        if let Some(id) = &self.client_request_id {
            check_request_id(id)?;
        }
        for (name, value) in &self.additional {
            self.clone().set_additional(name, value)?;
        }
        match self.format {
            Some(format) => self.check_format(format),
            None => self.check_mapping(),
        }
    }

    /// Checks that the mapping can be used for data in this format.
    pub fn check_format(&self, format: DataFormat) -> Result<()> {
        self.check_mapping()?;
        match &self.mapping {
            MappingSource::None => Ok(()),
            MappingSource::Reference { kind: None, .. } => Ok(()),
            MappingSource::Reference {
                kind: Some(kind), ..
            } => check_kind(*kind, format),
            MappingSource::Inline(mapping) => mapping.check_format(format),
            MappingSource::InlineColumns(columns) => inline(columns, format)?.check_format(format),
        }
    }

    fn check_mapping(&self) -> Result<()> {
        match &self.mapping {
            MappingSource::Reference { name, .. } => check_name("ingestionMappingReference", name),
            _ => Ok(()),
        }
    }
}

const AUTHORIZATION_CONTEXT: &str = "authorizationContext";

fn inline(columns: &[ColumnMapping], format: DataFormat) -> Result<Mapping> {
    Mapping::new(format.mapping_kind(), columns.to_vec())
}

/// The service's limit for names of entities. Which characters it allows is for the service to say.
const MAX_NAME_CHARS: usize = 1024;

fn check_name(argument: &str, name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(Error::invalid_argument(argument, "must not be empty"));
    }
    if name.chars().count() > MAX_NAME_CHARS {
        let message = format!("is longer than {MAX_NAME_CHARS} characters");
        return Err(Error::invalid_argument(argument, message));
    }
    Ok(())
}

/// Storage repeats ids of at most 1,024 visible ASCII characters, and a UUID is appended.
const MAX_REQUEST_ID: usize = 256;

fn check_request_id(id: &str) -> Result<()> {
    if (1..=MAX_REQUEST_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(());
    }
    let message = format!("must be 1 to {MAX_REQUEST_ID} visible ASCII characters");
    Err(Error::invalid_argument("clientRequestId", message))
}

fn check_additional_name(name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(Error::invalid_argument(
            "additional property",
            "the name must not be empty",
        ));
    }
    if name.trim().eq_ignore_ascii_case(AUTHORIZATION_CONTEXT) {
        return Err(Error::invalid_argument(
            AUTHORIZATION_CONTEXT,
            "is set by the library and cannot be given",
        ));
    }
    Ok(())
}
