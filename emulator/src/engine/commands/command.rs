//! Management commands as they were written. How they are read is in `grammar/`.

use uuid::Uuid;

use super::super::database::Function;
use super::super::schema::Column;
use super::super::value::{ColumnType, Value};
use super::csl_script::Parts;
use super::functions::Existing;

/// A table as a command names it: `T`, `Db.T`, `['Db'].['T']`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName {
    /// The database, if it is named.
    pub database: Option<String>,
    /// The table.
    pub name: String,
}

/// Tables of one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableNames {
    /// The database, if it is named.
    pub database: Option<String>,
    /// The tables.
    pub names: Vec<String>,
}

impl From<TableName> for TableNames {
    fn from(table: TableName) -> Self {
        Self {
            database: table.database,
            names: vec![table.name],
        }
    }
}

/// What a mapping or principals belong to.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Owner {
    Table(TableName),
    Database(String),
}

/// What has a policy.
#[derive(Clone, Debug, PartialEq)]
pub enum PolicyOwner {
    /// These tables.
    Tables(TableNames),
    /// `table *`
    AllTables,
    /// A database; the one of the request when it is not named.
    Database(Option<String>),
    /// All of the service.
    Cluster,
}

/// Policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum PolicyKind {
    IngestionBatching,
    StreamingIngestion,
    IngestionTime,
    Retention,
    Caching,
    Update,
    RowLevelSecurity,
    /// One that changes no answer here, by the name that results have for it.
    Kept(&'static str),
}

#[allow(missing_docs)]
impl PolicyKind {
    pub const MERGE: Self = Self::Kept("ExtentsMergePolicy");
    pub const ROW_ORDER: Self = Self::Kept("RowOrderPolicy");
    pub const SHARDING: Self = Self::Kept("ShardingPolicy");
}

/// What is done about the principals of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum RoleVerb {
    Add,
    Drop,
    /// They alone have it.
    Set,
}

/// `.add database D users (...)` and its kin.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleChange {
    /// What the role belongs to.
    pub owner: Owner,
    /// What is done.
    pub verb: RoleVerb,
    /// The role: `admins`, `users`, ...
    pub role: String,
    /// Who.
    pub principals: Vec<String>,
    /// `skip-results`
    pub skip_results: bool,
    /// A text that is shown with them.
    pub notes: String,
}

/// `with (...)`: names and values.
pub type Properties = Vec<(String, Value)>;

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnName {
    /// The table.
    pub table: TableName,
    /// The column.
    pub column: String,
}

/// Which databases a command is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Databases {
    /// Every one.
    All,
    /// That of the request.
    Current,
    /// These.
    Named(Vec<String>),
}

/// What is shown of databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum DatabaseForm {
    Plain,
    Details,
    Identity,
    Policies,
    DataStats,
    Entities,
    Schema,
    /// Whether functions belong to it.
    SchemaJson {
        functions: bool,
    },
    CslSchema,
    CslScript(Parts),
}

/// What `.show table T ...` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum TableForm {
    Attributes,
    Schema,
    CslSchema,
    Details,
}

/// Where extents are looked for.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum ExtentPlace {
    Tables(TableNames),
    Database(Option<String>),
    Cluster,
}

/// `tags has 'a'`
#[derive(Clone, Debug, PartialEq)]
pub struct TagTest {
    /// `contains`, which ignores case, and not `has`, which means the whole tag.
    pub contains: bool,
    /// `!has`, `!contains`
    pub negated: bool,
    /// What is looked for.
    pub text: String,
}

/// Which extents are shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExtentFilter {
    /// Only these, if any are named.
    pub ids: Vec<Uuid>,
    /// All of these hold.
    pub tags: Vec<TagTest>,
}

/// Which extents are dropped.
#[derive(Clone, Debug, PartialEq)]
pub enum ExtentChoice {
    /// Those with these ids.
    Ids(Vec<Uuid>),
    /// All, or those older than so many ticks.
    Age(Option<i64>),
    /// Those in the columns `ExtentId` and `TableName` of a query.
    Query(String),
}

/// What `.set` and its kin do about a table that is or is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FromQueryMode {
    Set,
    Append,
    SetOrAppend,
    SetOrReplace,
}

/// `.set`, `.append`, `.set-or-append`, `.set-or-replace`
#[derive(Clone, Debug, PartialEq)]
pub struct FromQuery {
    /// Which of them.
    pub mode: FromQueryMode,
    /// `async`
    pub is_async: bool,
    /// The table.
    pub table: TableName,
    /// `with (...)`
    pub properties: Properties,
    /// The query or `.show` command, always of the request's database.
    pub query: String,
}

/// `.ingest [async] into table T (ADDRESS, ...) [with (...)]`
#[derive(Clone, PartialEq)]
pub struct Ingestion {
    /// `async`
    pub is_async: bool,
    /// The table, always one of the request's database.
    pub table: TableName,
    /// Where the blobs are, with what gives access to them: secrets.
    pub sources: Vec<String>,
    /// `with (...)`
    pub properties: Properties,
}

impl std::fmt::Debug for Ingestion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ingestion")
            .field("table", &self.table)
            .field("sources", &self.sources.len())
            .finish_non_exhaustive()
    }
}

/// One command.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Command {
    Table(TableCommand),
    Column(ColumnCommand),
    Function(FunctionCommand),
    Mapping(MappingCommand),
    Policy(PolicyCommand),
    ShowVersion,
    ShowCluster,
    /// Of which there is nothing here: only its columns.
    ShowNothing(&'static str),
    ShowPrincipals(Owner),
    /// Of whoever asks; in all databases when none is named.
    ShowOwnRoles(Option<Owner>),
    /// `.show principal access with (...)`
    ShowAccess(Properties),
    ChangeRole(RoleChange),
    ShowDiagnostics,
    ShowDatabases {
        databases: Databases,
        form: DatabaseForm,
    },
    ShowTables {
        /// All when none are named.
        tables: Option<TableNames>,
        details: bool,
    },
    ShowTable {
        table: TableName,
        form: TableForm,
    },
    ShowExtents {
        place: ExtentPlace,
        filter: ExtentFilter,
    },
    DropExtents {
        choice: ExtentChoice,
        /// All when none are named.
        tables: Option<TableNames>,
        pretend: bool,
    },
    GetIngestionResources,
    GetIdentityToken,
    RefreshCache {
        database: String,
        table: Option<String>,
    },
    ShowIngestionFailures {
        operation: Option<Uuid>,
    },
    ShowStreamingStatistics,
    ShowStreamingFailures,
    ShowOperations {
        operations: Vec<Uuid>,
    },
    CancelQuery {
        id: String,
        reason: String,
    },
    IngestInline {
        table: TableName,
        properties: Properties,
        data: String,
    },
    IngestSources(Ingestion),
    FromQuery(FromQuery),
    Script {
        properties: Properties,
        text: String,
    },
}

/// Commands about tables as such.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum TableCommand {
    CreateTable {
        table: TableName,
        columns: Vec<Column>,
        properties: Properties,
    },
    CreateTableLike {
        table: TableName,
        source: String,
        if_not_exists: bool,
        properties: Properties,
    },
    CreateTables {
        /// The database, if it is named.
        database: Option<String>,
        tables: Vec<(String, Vec<Column>)>,
        merge: bool,
        properties: Properties,
    },
    MergeTable {
        table: TableName,
        columns: Vec<Column>,
        create: bool,
        properties: Properties,
    },
    AlterTable {
        table: TableName,
        columns: Vec<Column>,
        properties: Properties,
    },
    /// Only the properties `folder` and `docstring`.
    DescribeTable {
        table: TableName,
        properties: Properties,
    },
    DropTables {
        tables: TableNames,
        if_exists: bool,
    },
    RenameTables {
        /// The database, if it is named.
        database: Option<String>,
        renamings: Vec<Renaming>,
    },
    ClearTable {
        table: TableName,
        is_async: bool,
    },
    ClearSchemaCache {
        /// The whole database when none is named.
        table: Option<TableName>,
    },
    DeleteRecords {
        table: TableName,
        is_async: bool,
        properties: Properties,
        predicate: String,
    },
}

/// Commands that change columns.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum ColumnCommand {
    DescribeColumns {
        table: TableName,
        /// Columns and their docstrings.
        docs: Vec<(String, String)>,
        /// Whether other columns keep theirs.
        merge: bool,
    },
    AlterColumn {
        column: ColumnName,
        ty: ColumnType,
    },
    /// New names of columns, all of one table.
    RenameColumns(Vec<(String, ColumnName)>),
    DropColumns {
        table: TableName,
        columns: Vec<String>,
        if_exists: bool,
    },
}

/// Commands about stored functions.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum FunctionCommand {
    CreateFunction {
        function: Function,
        existing: Existing,
        is_checked: bool,
    },
    /// Only a function's `docstring` or `folder`.
    DescribeFunction {
        name: String,
        property: &'static str,
        text: String,
    },
    DropFunctions {
        names: Vec<String>,
        if_exists: bool,
    },
    DropFunction {
        name: String,
        if_exists: bool,
    },
    ShowFunctions,
    ShowFunction {
        name: String,
    },
}

/// Commands about mappings.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum MappingCommand {
    CreateMapping {
        owner: Owner,
        kind: String,
        name: String,
        json: String,
        alter: bool,
    },
    ShowMappings {
        owner: Owner,
        kind: Option<String>,
        name: Option<String>,
    },
    DropMapping {
        owner: Owner,
        kind: String,
        name: String,
    },
}

/// Commands about policies.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum PolicyCommand {
    AlterPolicy {
        owner: PolicyOwner,
        kind: PolicyKind,
        json: String,
        merge: bool,
    },
    DeletePolicy {
        owner: PolicyOwner,
        kind: PolicyKind,
    },
    ShowPolicy {
        owner: PolicyOwner,
        kind: PolicyKind,
    },
}

/// One table's new name.
#[derive(Clone, Debug, PartialEq)]
pub struct Renaming {
    /// The name it has.
    pub old: String,
    /// The name it gets.
    pub new: String,
    /// Whether it may be missing.
    pub if_exists: bool,
}
