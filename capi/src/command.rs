//! `kusto_command`: the text of management commands, with names and literals escaped.

use std::ffi::c_char;

use crate::catalog::kusto_status;
use crate::error::kusto_error;
use crate::guard::{self, guarded};
use crate::handle::{self, Out};
use crate::kusto_bool;
use crate::text::{CText, lend_optional, text};
use kusto_ingest::command;
use kusto_ingest::error::{Error, Result};
use kusto_ingest::props::DataFormat;
use kusto_ingest::query::Column;

/// The text of a management command, for kusto_execute.
pub struct kusto_command {
    /// `None` for a table that has no column yet.
    text: Option<CText>,
    table: Option<Table>,
}

/// What `.create table` creates.
struct Table {
    name: String,
    columns: Vec<Column>,
}

impl kusto_command {
    fn add_column(&mut self, column: Column) -> Result<()> {
        let table = self.table.as_mut().ok_or_else(|| {
            Error::invalid_argument(
                "command",
                "only a command that creates a table takes columns",
            )
        })?;
        let mut columns = table.columns.clone();
        columns.push(column);
        self.text = Some(CText::new(command::create_table(&table.name, &columns)?));
        table.columns = columns;
        Ok(())
    }
}

/// Creates the command `.create table`; kusto_command_add_column adds its columns. The command
/// leaves an existing table unchanged, even one with other columns.
///
/// Ownership: the caller frees `*out` with kusto_command_free. The name is copied.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT for an empty name or one over 1024 characters; `*out` is NULL
/// then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_command_create_table(
    table: *const c_char,
    table_len: usize,
    out: *mut *mut kusto_command,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        let name = text(table, table_len, "table")?;
        command::identifier(name).map_err(|error| error.with_argument("table"))?;
        let table = Table {
            name: name.to_owned(),
            columns: Vec::new(),
        };
        out.give(kusto_command {
            text: None,
            table: Some(table),
        });
        Ok(())
    })
}

/// Adds a column. Its type is a Kusto type ("long") or a .NET type ("System.Int64").
///
/// Ownership: both texts are copied.
/// Threads: one at a time for each object.
/// Failure: KUSTO_E_INVALID_ARGUMENT for an unknown type, a duplicate name, or a command that does
/// not create a table; the command is unchanged then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_command_add_column(
    command: *mut kusto_command,
    name: *const c_char,
    name_len: usize,
    type_name: *const c_char,
    type_name_len: usize,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let command = handle::borrow_mut(command, "command")?;
        let name = text(name, name_len, "name")?;
        let type_name = text(type_name, type_name_len, "type_name")?;
        let column = Column::with_type_name(name, type_name)
            .map_err(|error| error.with_argument("type_name"))?;
        command.add_column(column)
    })
}

/// Creates the command `.create table T ingestion ... mapping`, or `.create-or-alter` when
/// `replace` is not 0. `format` is the format, KUSTO_FORMAT_*, that the mapping is for; `json` is
/// the mapping, in the current or the legacy shape.
///
/// Ownership: the caller frees `*out` with kusto_command_free. All texts are copied.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_command_create_mapping(
    table: *const c_char,
    table_len: usize,
    format: i32,
    name: *const c_char,
    name_len: usize,
    json: *const c_char,
    json_len: usize,
    replace: kusto_bool,
    out: *mut *mut kusto_command,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        let table = text(table, table_len, "table")?;
        let name = text(name, name_len, "name")?;
        let json = text(json, json_len, "json")?;
        let kind = DataFormat::from_number(format)
            .ok_or_else(|| {
                Error::invalid_argument("format", format!("{format} is not the number of a format"))
            })?
            .mapping_kind();
        let text = match replace {
            0 => command::create_mapping(table, kind, name, json)?,
            _ => command::create_or_alter_mapping(table, kind, name, json)?,
        };
        out.give(kusto_command {
            text: Some(CText::new(text)),
            table: None,
        });
        Ok(())
    })
}

/// The command's text, or NULL for a table that has no column yet.
///
/// Ownership: valid until the command is changed or freed; `len` may be NULL.
/// Threads: any, while no thread changes `command`.
/// Failure: returns NULL for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_command_text(
    command: *const kusto_command,
    len: *mut usize,
) -> *const c_char {
    guard::value(std::ptr::null(), || {
        lend_optional(
            command.as_ref().and_then(|command| command.text.as_ref()),
            len,
        )
    })
}

/// Frees a command.
///
/// Ownership: takes the command; NULL is allowed.
/// Threads: any, once it is no longer in use.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_command_free(command: *mut kusto_command) {
    guard::value((), || drop(handle::take(command)));
}
