//! Management commands.

mod change;
pub mod command;
mod functions;
mod ingestion;
mod inline;
pub mod mapping;
mod mappings;
mod policy;
mod rows;
mod show;

pub(crate) use change::check_name;

use super::database::{Engine, LookupError};
use super::error::{ErrorKind, KustoError};
use super::kql::parser::Parsed;
use super::kql::relation::Relation;
use super::kql::run::{Context, run_steps};
use super::role::Role;
use command::Command;

impl From<LookupError> for KustoError {
    fn from(error: LookupError) -> Self {
        let kind = match error {
            LookupError::Schema(_) => ErrorKind::BadRequest,
            _ => ErrorKind::EntityNotFound,
        };
        Self::new(kind, error.to_string())
    }
}

/// What a command works on.
pub struct Target<'t> {
    /// The state.
    pub engine: &'t Engine,
    /// The database of the request.
    pub database: &'t str,
    /// The service asked.
    pub role: Role,
}

/// Runs a command and the query steps after it.
///
/// # Errors
/// Those of the command, and those of the steps.
pub fn run(context: &Context<'_>, role: Role, text: &str) -> Parsed<Relation> {
    let (command, steps) = command::parse(text)?;
    check_role(&command, role)?;
    let target = Target {
        engine: context.engine,
        database: context.database,
        role,
    };
    run_steps(context, text, target.execute(command)?, &steps)
}

/// Whether this service answers the command.
fn check_role(command: &Command, role: Role) -> Parsed<()> {
    let for_data_management = matches!(
        command,
        Command::GetIngestionResources | Command::GetIdentityToken | Command::RefreshCache
    );
    match role {
        Role::Engine if for_data_management => Err(KustoError::new(
            ErrorKind::WrongService,
            "Cannot get ingestion resources from this service endpoint. The appropriate endpoint is most likely the \
             data management service of this cluster (its host name begins with 'ingest-').",
        )),
        Role::DataManagement if !for_data_management && *command != Command::ShowVersion => {
            Err(wrong_engine())
        }
        _ => Ok(()),
    }
}

/// What the data management service answers to what only the engine can do.
pub fn wrong_engine() -> KustoError {
    KustoError::new(
        ErrorKind::WrongService,
        "Cannot execute queries and schema commands on this service endpoint. The appropriate endpoint is most \
         likely the engine service of this cluster (its host name does not begin with 'ingest-').",
    )
}

impl Target<'_> {
    fn execute(&self, command: Command) -> Parsed<Relation> {
        match command {
            Command::ShowVersion => Ok(self.version()),
            Command::ShowDatabases => Ok(self.databases()),
            Command::ShowTables => self.tables(),
            Command::ShowTable { name, form } => self.show_table(&name, form),
            Command::CreateTable {
                name,
                columns,
                properties,
            } => self.create_table(name, columns, &properties),
            Command::MergeTable {
                name,
                columns,
                create,
                properties,
            } => self.merge_table(name, columns, create, &properties),
            Command::DropTable { name, if_exists } => self.drop_table(&name, if_exists),
            Command::ClearTable { name } => self.clear_table(&name),
            Command::ClearSchemaCache => self.clear_schema_cache(),
            Command::AlterPolicy {
                table,
                kind,
                json,
                merge,
            } => self.alter_policy(&table, kind, &json, merge),
            Command::DeletePolicy { table, kind } => self.delete_policy(&table, kind),
            Command::ShowPolicy { table, kind } => self.show_policy(&table, kind),
            Command::CreateMapping {
                owner,
                kind,
                name,
                json,
                alter,
            } => self.create_mapping(&owner, &kind, &name, json, alter),
            Command::ShowMappings { owner, kind, name } => {
                self.show_mappings(&owner, kind.as_deref(), name.as_deref())
            }
            Command::DropMapping { owner, kind, name } => self.drop_mapping(&owner, kind, name),
            Command::CreateFunction { function, existing } => {
                self.create_function(function, existing)
            }
            Command::DropFunction { name, if_exists } => self.drop_function(&name, if_exists),
            Command::ShowFunctions => self.show_functions(),
            Command::ShowFunction { name } => self.show_function(&name),
            Command::GetIngestionResources => Ok(self.ingestion_resources()),
            Command::GetIdentityToken => Ok(self.identity_token()),
            Command::RefreshCache => Ok(self.refresh_cache()),
            Command::ShowIngestionFailures { operation } => Ok(self.ingestion_failures(operation)),
            Command::ShowOperations { operations } => Ok(self.operations(&operations)),
            Command::IngestInline {
                table,
                properties,
                data,
            } => self.ingest_inline(&table, &properties, &data),
        }
    }
}
