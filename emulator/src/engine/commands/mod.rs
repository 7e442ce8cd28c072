//! Management commands.

mod access;
mod columns;
pub mod command;
pub mod csl_script;
mod databases;
mod delete_records;
mod diagnostics;
mod direct;
mod extents;
mod from_query;
mod functions;
mod grammar;
mod ingestion;
mod inline;
pub mod mapping;
mod mappings;
mod nothing;
mod policies;
mod policy;
mod principals;
mod row_level_security;
mod rows;
mod script;
mod show;
mod streamed;
mod tables;
#[cfg(test)]
mod tests;
mod update_policy;

pub(crate) use tables::check_name;

use super::database::{Engine, LookupError};
use super::error::{ErrorKind, KustoError};
use super::kql::parser::Parsed;
use super::kql::relation::Relation;
use super::kql::run::{Context, run_steps};
use super::role::Role;
use command::{
    ColumnCommand, Command, FunctionCommand, MappingCommand, PolicyCommand, TableCommand, TableName,
};

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
struct Target<'t> {
    /// What a query inside the command may see.
    context: &'t Context<'t>,
    /// The state.
    engine: &'t Engine,
    /// The database of the request, or the one that the command names.
    database: &'t str,
    /// The service asked.
    role: Role,
}

/// Runs a command and the query steps after it.
///
/// # Errors
/// Those of the command, and those of the steps.
pub fn run(context: &Context<'_>, role: Role, text: &str) -> Parsed<Relation> {
    let (command, steps) = grammar::parse(text)?;
    check_role(&command, role)?;
    let target = Target {
        context,
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
        Command::GetIngestionResources | Command::GetIdentityToken | Command::RefreshCache { .. }
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
    /// The same for the table's database.
    fn of<'o>(&'o self, table: &'o TableName) -> Target<'o> {
        self.in_database(table.database.as_deref())
    }

    fn in_database<'o>(&'o self, database: Option<&'o str>) -> Target<'o> {
        Target {
            database: database.unwrap_or(self.database),
            ..*self
        }
    }

    fn execute(&self, command: Command) -> Parsed<Relation> {
        match command {
            Command::Table(command) => self.change_tables(command),
            Command::Column(command) => self.change_columns(command),
            Command::Function(command) => self.on_functions(command),
            Command::Mapping(command) => self.on_mappings(command),
            Command::Policy(command) => self.on_policies(command),
            Command::ShowVersion => Ok(self.version()),
            Command::ShowCluster => Ok(self.cluster()),
            Command::ShowNothing(columns) => Ok(rows::table(columns, Vec::new())),
            Command::ShowPrincipals(owner) => self.principals(&owner),
            Command::ShowOwnRoles(owner) => self.own_roles(owner.as_ref()),
            Command::ShowAccess(properties) => self.access(&properties),
            Command::ChangeRole(change) => self.change_role(&change),
            Command::ShowDiagnostics => Ok(self.diagnostics()),
            Command::ShowDatabases { databases, form } => self.databases(&databases, form),
            Command::ShowTables {
                tables: None,
                details,
            } => self.tables(None, details),
            Command::ShowTables {
                tables: Some(tables),
                details,
            } => self
                .in_database(tables.database.as_deref())
                .tables(Some(&tables.names), details),
            Command::ShowTable { table, form } => self.of(&table).show_table(&table.name, form),
            Command::ShowExtents { place, filter } => self.show_extents(&place, &filter),
            Command::DropExtents {
                choice,
                tables,
                pretend,
            } => self.drop_extents(&choice, tables.as_ref(), pretend),
            Command::GetIngestionResources => Ok(self.ingestion_resources()),
            Command::GetIdentityToken => Ok(self.identity_token()),
            Command::RefreshCache { database, table } => {
                self.refresh_cache(&database, table.as_deref())
            }
            Command::ShowIngestionFailures { operation } => Ok(self.ingestion_failures(operation)),
            Command::ShowStreamingStatistics => Ok(self.streaming_statistics()),
            Command::ShowStreamingFailures => Ok(self.streaming_failures()),
            Command::ShowOperations { operations } => Ok(self.operations(&operations)),
            Command::CancelQuery { id, reason } => Ok(self.cancel_query(&id, &reason)),
            Command::IngestInline {
                table,
                properties,
                data,
            } => self
                .of(&table)
                .ingest_inline(&table.name, &properties, &data),
            Command::IngestSources(ingestion) => self.ingest_sources(&ingestion),
            Command::FromQuery(command) => self.of(&command.table).ingest_result(&command),
            Command::Script { properties, text } => self.script(&properties, &text),
        }
    }

    fn change_tables(&self, command: TableCommand) -> Parsed<Relation> {
        match command {
            TableCommand::CreateTable {
                table,
                columns,
                properties,
            } => self
                .of(&table)
                .create_table(&table.name, columns, &properties),
            TableCommand::CreateTableLike {
                table,
                source,
                if_not_exists,
                properties,
            } => {
                self.of(&table)
                    .create_table_like(&table.name, &source, if_not_exists, &properties)
            }
            TableCommand::CreateTables {
                database,
                tables,
                merge,
                properties,
            } => self
                .in_database(database.as_deref())
                .create_tables(tables, merge, &properties),
            TableCommand::MergeTable {
                table,
                columns,
                create,
                properties,
            } => self
                .of(&table)
                .merge_table(&table.name, columns, create, &properties),
            TableCommand::AlterTable {
                table,
                columns,
                properties,
            } => self
                .of(&table)
                .alter_table(&table.name, columns, &properties),
            TableCommand::DescribeTable { table, properties } => {
                self.of(&table).describe_table(&table.name, &properties)
            }
            TableCommand::DropTables { tables, if_exists } => self
                .in_database(tables.database.as_deref())
                .drop_tables(&tables.names, if_exists),
            TableCommand::RenameTables {
                database,
                renamings,
            } => self
                .in_database(database.as_deref())
                .rename_tables(&renamings),
            TableCommand::ClearTable { table, is_async } => {
                self.of(&table).clear_table(&table.name, is_async)
            }
            TableCommand::ClearSchemaCache { table: None } => self.clear_schema_cache(None),
            TableCommand::ClearSchemaCache { table: Some(table) } => {
                self.of(&table).clear_schema_cache(Some(&table.name))
            }
            TableCommand::DeleteRecords {
                table,
                is_async,
                properties,
                predicate,
            } => self
                .of(&table)
                .delete_records(&table.name, is_async, &properties, &predicate),
        }
    }

    fn change_columns(&self, command: ColumnCommand) -> Parsed<Relation> {
        match command {
            ColumnCommand::DescribeColumns { table, docs, merge } => {
                self.of(&table).describe_columns(&table.name, &docs, merge)
            }
            ColumnCommand::AlterColumn { column, ty } => self.alter_column(&column, ty),
            ColumnCommand::RenameColumns(renamings) => self.rename_columns(&renamings),
            ColumnCommand::DropColumns {
                table,
                columns,
                if_exists,
            } => self
                .of(&table)
                .drop_columns(&table.name, &columns, if_exists),
        }
    }

    fn on_functions(&self, command: FunctionCommand) -> Parsed<Relation> {
        match command {
            FunctionCommand::CreateFunction {
                function,
                existing,
                is_checked,
            } => self.create_function(function, existing, is_checked),
            FunctionCommand::DescribeFunction {
                name,
                property,
                text,
            } => self.describe_function(&name, property, text),
            FunctionCommand::DropFunctions { names, if_exists } => {
                self.drop_functions(&names, if_exists)
            }
            FunctionCommand::DropFunction { name, if_exists } => {
                self.drop_function(&name, if_exists)
            }
            FunctionCommand::ShowFunctions => self.show_functions(),
            FunctionCommand::ShowFunction { name } => self.show_function(&name),
        }
    }

    fn on_mappings(&self, command: MappingCommand) -> Parsed<Relation> {
        match command {
            MappingCommand::CreateMapping {
                owner,
                kind,
                name,
                json,
                alter,
            } => self.create_mapping(&owner, &kind, &name, json, alter),
            MappingCommand::ShowMappings { owner, kind, name } => {
                self.show_mappings(&owner, kind.as_deref(), name.as_deref())
            }
            MappingCommand::DropMapping { owner, kind, name } => {
                self.drop_mapping(&owner, kind, name)
            }
        }
    }

    fn on_policies(&self, command: PolicyCommand) -> Parsed<Relation> {
        match command {
            PolicyCommand::AlterPolicy {
                owner,
                kind,
                json,
                merge,
            } => self.alter_policy(&owner, kind, &json, merge),
            PolicyCommand::DeletePolicy { owner, kind } => self.delete_policy(&owner, kind),
            PolicyCommand::ShowPolicy { owner, kind } => self.show_policy(&owner, kind),
        }
    }
}
