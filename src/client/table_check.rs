//! Whether what the properties of an ingestion name is there, and whether the login may ingest.
//!
//! Who may ingest need not be allowed to read the schema: what the service does not let this login
//! read is not known, and never reported as missing.

use super::Core;
use crate::command::{identifier, string_literal};
use crate::error::{Error, ErrorKind, Result, Step, did_you_mean};
use crate::log::events;
use crate::op::Scope;
use crate::props::{IngestionMode, IngestionProperties, MappingKind, MappingSource};
use crate::query::request::Kind;
use crate::query::{DataSet, RequestProperties, Table, Value};

/// What [`Client::warm_up_table`](crate::client::Client::warm_up_table) found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableCheck {
    unchecked: Vec<String>,
}

impl TableCheck {
    /// What could not be checked, because the service does not let this login read it: a few words
    /// each, such as `whether table 'Events' exists`. Empty when all was checked.
    pub fn unchecked(&self) -> &[String] {
        &self.unchecked
    }
}

/// The column of `.show principal access` that says whether it is allowed. No page names the
/// columns; Microsoft's own connector for Kafka goes by the place.
const ALLOWED: usize = 3;

/// One check while it runs.
pub(super) struct Checking<'a> {
    core: &'a Core,
    scope: &'a Scope,
    props: &'a IngestionProperties,
    found: TableCheck,
}

/// An answer, or what the service does not let this login read.
enum Read {
    Data(DataSet),
    Forbidden,
}

impl<'a> Checking<'a> {
    pub(super) async fn run(
        core: &'a Core,
        scope: &'a Scope,
        props: &'a IngestionProperties,
    ) -> Result<TableCheck> {
        props.validate()?;
        let found = TableCheck::default();
        let mut checking = Self {
            core,
            scope,
            props,
            found,
        };
        checking.table().await?;
        if let MappingSource::Reference { name, kind } = props.mapping() {
            let kind = kind.or_else(|| props.format().map(|format| format.mapping_kind()));
            checking.mapping(name, kind).await?;
        }
        checking.permission().await?;
        if props.mode().unwrap_or(core.mode) == IngestionMode::Streaming {
            checking.streaming().await?;
        }
        for what in checking.found.unchecked() {
            events::NotChecked {
                database: props.database(),
                table: props.table(),
                what,
            }
            .emit();
        }
        Ok(checking.found)
    }

    async fn table(&mut self) -> Result<()> {
        let (database, table) = (self.props.database(), self.props.table());
        let command = format!(".show table {} cslschema", identifier(table)?);
        match self.read(Kind::Command, &command).await {
            Ok(Read::Data(_)) => Ok(()),
            Ok(Read::Forbidden) => {
                self.not_known(format!(
                    "whether table '{table}' exists in database '{database}'"
                ));
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Err(self.missing(error).await),
            Err(error) => Err(error),
        }
    }

    /// Says which of database and table is missing. `error` is the service's own.
    async fn missing(&self, error: Error) -> Error {
        let (database, table) = (self.props.database(), self.props.table());
        let tables = match self.read(Kind::Command, ".show tables").await {
            Ok(Read::Data(tables)) => texts(&tables, "TableName"),
            Err(failed) if failed.kind() == ErrorKind::NotFound => {
                return self.missing_database(error).await;
            }
            // Any other failure says nothing about the database.
            Ok(Read::Forbidden) | Err(_) => return error,
        };
        // It may have been made meanwhile.
        if tables.iter().any(|known| known == table) {
            return error;
        }
        let like = did_you_mean(table, tables.iter().map(String::as_str));
        let text = format!("table '{table}' does not exist in database '{database}'{like}");
        absent("table", text, &error)
    }

    /// The service lists only the databases that this login may see, each under one or two names.
    async fn missing_database(&self, error: Error) -> Error {
        let database = self.props.database();
        let Ok(Read::Data(databases)) = self.read(Kind::Command, ".show databases").await else {
            return error;
        };
        let mut names = texts(&databases, "DatabaseName");
        names.extend(texts(&databases, "PrettyName"));
        names.retain(|name| !name.is_empty());
        if names.iter().any(|name| name.eq_ignore_ascii_case(database)) {
            return error;
        }
        let like = did_you_mean(database, names.iter().map(String::as_str));
        let text =
            format!("database '{database}' does not exist, or this login may not see it{like}");
        absent("database", text, &error)
    }

    async fn mapping(&mut self, name: &str, kind: Option<MappingKind>) -> Result<()> {
        let (database, table) = (self.props.database(), self.props.table());
        let mut known = Vec::new();
        for owner in [
            format!("table {}", identifier(table)?),
            format!("database {}", identifier(database)?),
        ] {
            let command = format!(".show {owner} ingestion mappings");
            let data = match self.read(Kind::Command, &command).await {
                Ok(Read::Data(data)) => data,
                Ok(Read::Forbidden) => {
                    self.not_known(format!("whether mapping '{name}' exists"));
                    return Ok(());
                }
                // The table was not readable either, or was dropped meanwhile.
                Err(error) => return Err(error),
            };
            let names = texts(&data, "Name").into_iter();
            known.extend(names.zip(texts(&data, "Kind")));
            let is_it = |(found, of): &(String, String)| {
                found == name && kind.is_none_or(|kind| of.eq_ignore_ascii_case(kind.wire_name()))
            };
            if known.iter().any(is_it) {
                return Ok(());
            }
        }
        let of_kind = kind.map_or_else(String::new, |kind| format!("{} ", kind.wire_name()));
        let hint = match known.iter().find(|(found, _)| found == name) {
            Some((_, other)) => format!(": there is one of kind {other}"),
            None => did_you_mean(name, known.iter().map(|(name, _)| name.as_str())),
        };
        let text = format!(
            "{of_kind}mapping '{name}' does not exist for table '{table}' in database '{database}'{hint}"
        );
        Err(Error::new(ErrorKind::NotFound, Step::CheckTable, text)
            .with_argument("ingestionMappingReference"))
    }

    async fn permission(&mut self) -> Result<()> {
        let (database, table) = (self.props.database(), self.props.table());
        let allowed = match self.principal().await? {
            Some(principal) => self.may_ingest(&principal).await?,
            None => None,
        };
        match allowed {
            Some(true) => Ok(()),
            Some(false) => {
                let text = format!(
                    "this login may not ingest into table '{table}' of database '{database}': it \
                     needs the role ingestor of the table or the database"
                );
                Err(Error::new(ErrorKind::Auth, Step::CheckTable, text).with_argument("table"))
            }
            None => {
                self.not_known("whether this login may ingest".to_owned());
                Ok(())
            }
        }
    }

    /// Whether the table can stream: by its own policy, or, where it has none, by that of its database.
    async fn streaming(&mut self) -> Result<()> {
        let (database, table) = (self.props.database(), self.props.table());
        for owner in [
            format!("table {}", identifier(table)?),
            format!("database {}", identifier(database)?),
        ] {
            let command = format!(".show {owner} policy streamingingestion");
            let Some(data) = self.read_if_known(Kind::Command, &command).await? else {
                self.not_known(format!("whether table '{table}' can stream"));
                return Ok(());
            };
            match is_enabled(&data) {
                Some(true) => return Ok(()),
                Some(false) => break,
                None => {}
            }
        }
        let text = format!(
            "table '{table}' of database '{database}' cannot stream: it needs a policy, \
             `.alter table {} policy streamingingestion enable`, or its database does",
            identifier(table)?
        );
        Err(Error::new(ErrorKind::Config, Step::CheckTable, text).with_argument("table"))
    }

    /// The login, as the service calls it.
    async fn principal(&self) -> Result<Option<String>> {
        match self
            .read_if_known(Kind::Query, "print Principal = current_principal()")
            .await?
        {
            Some(data) => Ok(texts(&data, "Principal")
                .pop()
                .filter(|name| !name.is_empty())),
            None => Ok(None),
        }
    }

    async fn may_ingest(&self, principal: &str) -> Result<Option<bool>> {
        let command = format!(
            ".show principal access with (principal={}, accesstype='ingest', database={}, table={})",
            string_literal(principal),
            string_literal(self.props.database()),
            string_literal(self.props.table()),
        );
        let data = self.read_if_known(Kind::Command, &command).await?;
        let allowed = |table: &Table| {
            let column = table.columns.get(ALLOWED)?;
            table.value(0, &column.name)?.as_bool()
        };
        Ok(data.and_then(|data| data.primary().and_then(allowed)))
    }

    /// As [`Checking::read`], for requests that not every service answers: `None` when this one
    /// does not.
    async fn read_if_known(&self, kind: Kind, text: &str) -> Result<Option<DataSet>> {
        match self.read(kind, text).await {
            Ok(Read::Data(data)) => Ok(Some(data)),
            Ok(Read::Forbidden) => Ok(None),
            Err(error) if matches!(error.http_status(), Some(400 | 404)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn read(&self, kind: Kind, text: &str) -> Result<Read> {
        let (service, none) = (&self.core.service, RequestProperties::new());
        let database = self.props.database();
        match service.run(self.scope, kind, database, text, &none).await {
            Ok(data) => Ok(Read::Data(data)),
            Err(error) if error.http_status() == Some(403) => Ok(Read::Forbidden),
            Err(error) => Err(error),
        }
    }

    fn not_known(&mut self, what: String) {
        self.found.unchecked.push(what);
    }
}

/// The error about what is missing, with what the service's own says for support.
fn absent(argument: &str, text: String, service: &Error) -> Error {
    let error = Error::new(ErrorKind::NotFound, Step::CheckTable, text).with_argument(argument);
    let error = match service.host() {
        Some(host) => error.with_host(host),
        None => error,
    };
    match service.activity_id() {
        Some(id) => error.with_activity_id(id),
        None => error,
    }
}

/// What the row of a policy says; `None` where there is no policy.
fn is_enabled(data: &DataSet) -> Option<bool> {
    let policy = texts(data, "Policy").into_iter().next()?;
    let policy: serde_json::Value = serde_json::from_str(&policy).ok()?;
    policy.get("IsEnabled")?.as_bool()
}

/// The texts of a column.
fn texts(data: &DataSet, column: &str) -> Vec<String> {
    let Some(table) = data.primary() else {
        return Vec::new();
    };
    let text = |row| table.value(row, column).and_then(Value::as_str);
    (0..table.rows.len())
        .map(|row| text(row).unwrap_or_default().to_owned())
        .collect()
}
