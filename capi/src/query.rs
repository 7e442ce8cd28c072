//! `kusto_execute` and `kusto_rows`: commands, queries and their rows.

use std::ffi::{c_char, c_void};
use std::sync::{Arc, OnceLock};

use serde_json::Value as Json;

use crate::callback::{UserData, kusto_drop_fn};
use crate::catalog::kusto_status;
use crate::client::{Call, kusto_client};
use crate::error::kusto_error;
use crate::guard::{self, guarded};
use crate::handle::{self, Out, output};
use crate::kusto_bool;
use crate::op::{Ended, Start, kusto_done_fn, kusto_op};
use crate::text::{CText, lend_optional, optional, text};
use kusto_ingest::client::Client;
use kusto_ingest::error::{Error, ErrorKind, Result, Step};
use kusto_ingest::op::CallOptions;
use kusto_ingest::query::{DataSet, RequestProperties, Table, TableKind, Value};

/// Options and parameters of commands and queries; may be used for any number of them.
pub struct kusto_request_options(RequestProperties);

/// Whether a text is a management command, which begins with a dot, and not a query. Comments and
/// invisible characters in front do not count.
///
/// Ownership: the text is borrowed.
/// Threads: any.
/// Failure: 0 for a text that is not UTF-8.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_is_command(
    command: *const c_char,
    command_len: usize,
) -> kusto_bool {
    text(command, command_len, "command")
        .is_ok_and(kusto_ingest::query::is_command)
        .into()
}

/// Request options, all defaults.
///
/// Ownership: the caller frees `*out` with kusto_request_options_free.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_request_options_new(
    out: *mut *mut kusto_request_options,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let options = kusto_request_options(RequestProperties::new());
        Out::required(out, "out")?.give(options);
        Ok(())
    })
}

/// Sets one of the service's request options by its name, such as "notruncation" or "servertimeout".
/// The value is JSON (`true`, `1000`); any other text is sent as a string. docs/SETTINGS.md lists the
/// names; case does not count.
///
/// Ownership: both texts are copied.
/// Threads: one at a time for each object.
/// Failure: KUSTO_E_INVALID_ARGUMENT, also for a name that is not listed, with the nearest one:
/// kusto_request_options_set_additional passes it on.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_request_options_set(
    options: *mut kusto_request_options,
    name: *const c_char,
    name_len: usize,
    value: *const c_char,
    value_len: usize,
    err: *mut *mut kusto_error,
) -> kusto_status {
    change(options, err, |mut options| {
        let name = name_of(text(name, name_len, "name")?)?;
        let value = text(value, value_len, "value")?;
        options.set_option(name, json_of(value))?;
        Ok(options)
    })
}

/// As kusto_request_options_set, but an option that the library does not know is passed on to the
/// service as it is, which ignores names that it does not know either.
///
/// Ownership: both texts are copied.
/// Threads: one at a time for each object.
/// Failure: KUSTO_E_INVALID_ARGUMENT.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_request_options_set_additional(
    options: *mut kusto_request_options,
    name: *const c_char,
    name_len: usize,
    value: *const c_char,
    value_len: usize,
    err: *mut *mut kusto_error,
) -> kusto_status {
    change(options, err, |options| {
        let name = name_of(text(name, name_len, "name")?)?;
        let value = text(value, value_len, "value")?;
        Ok(options.with_additional_option(name, json_of(value)))
    })
}

/// A value that is JSON, or a text.
fn json_of(value: &str) -> Json {
    serde_json::from_str(value).unwrap_or_else(|_| Json::from(value))
}

/// Sets a query parameter, which the query declares: `declare query_parameters(since:datetime);`. The
/// value is the literal of its type, such as `datetime(2026-01-01)`; for a string it is the bare
/// text.
///
/// Ownership: both texts are copied.
/// Threads: one at a time for each object.
/// Failure: KUSTO_E_INVALID_ARGUMENT.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_request_options_set_parameter(
    options: *mut kusto_request_options,
    name: *const c_char,
    name_len: usize,
    value: *const c_char,
    value_len: usize,
    err: *mut *mut kusto_error,
) -> kusto_status {
    change(options, err, |options| {
        let name = name_of(text(name, name_len, "name")?)?;
        Ok(options.with_parameter(name, text(value, value_len, "value")?))
    })
}

/// The id under which the service logs the request; chosen by the library when not set.
///
/// Ownership: the text is copied.
/// Threads: one at a time for each object.
/// Failure: KUSTO_E_INVALID_ARGUMENT, also for text that an HTTP header cannot hold.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_request_options_set_client_request_id(
    options: *mut kusto_request_options,
    id: *const c_char,
    id_len: usize,
    err: *mut *mut kusto_error,
) -> kusto_status {
    change(options, err, |options| {
        let id = text(id, id_len, "id")?;
        if id.is_empty() || !id.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(Error::invalid_argument("id", "must be of printable ASCII"));
        }
        Ok(options.with_client_request_id(id))
    })
}

/// Frees request options.
///
/// Ownership: takes the options; NULL is allowed.
/// Threads: any, once they are no longer in use.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_request_options_free(options: *mut kusto_request_options) {
    guard::value((), || drop(handle::take(options)));
}

/// Runs a management command (a text that begins with a dot) or a query, and waits for all of its
/// rows. Without a database the connection string's is used; without options the defaults. A
/// command is sent once and never repeated.
///
/// Ownership: all texts are copied. The caller frees `*out` with kusto_rows_free; `out` may be NULL.
/// Threads: any, also several at once, but not in a callback.
/// Failure: KUSTO_E_SERVICE with the service's code and text, those of a call over the network; `*out`
/// is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_execute(
    client: *const kusto_client,
    database: *const c_char,
    database_len: usize,
    command: *const c_char,
    command_len: usize,
    options: *const kusto_request_options,
    timeout_ms: i64,
    out: *mut *mut kusto_rows,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::optional(out);
        let call = Call::new(client, timeout_ms)?;
        let database = optional(database, database_len, "database")?;
        let command = text(command, command_len, "command")?;
        let answer =
            call.wait_for(|client, limits| execute(client, database, command, options, limits))?;
        out.give(kusto_rows::new(Arc::new(answer)));
        Ok(())
    })
}

/// Starts kusto_execute and returns: kusto_op_rows returns the answer. Cancelling abandons the
/// request; the service may still carry out a command.
///
/// Ownership: all texts are copied. Takes `user_data`, even when the call fails; `drop` is called
/// after `done`, which is called as kusto_ingest_start says. The caller frees `*out` with
/// kusto_op_free; `out` may be NULL if `done` is given.
/// Threads: any, also several at once, also in a callback.
/// Failure: KUSTO_E_INVALID_ARGUMENT, KUSTO_E_FORKED; any other failure is the operation's result.
/// `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_execute_start(
    client: *const kusto_client,
    database: *const c_char,
    database_len: usize,
    command: *const c_char,
    command_len: usize,
    options: *const kusto_request_options,
    timeout_ms: i64,
    done: kusto_done_fn,
    user_data: *mut c_void,
    drop: kusto_drop_fn,
    out: *mut *mut kusto_op,
    err: *mut *mut kusto_error,
) -> kusto_status {
    let user_data = UserData::new(user_data, drop);
    guarded(err, move || {
        let start = Start::new(client, timeout_ms, done, user_data, out)?;
        let database = optional(database, database_len, "database")?;
        let command = text(command, command_len, "command")?;
        start.call(
            |client, limits| execute(client, database, command, options, limits),
            |answer| answer.map(|answer| Ended::Rows(Arc::new(answer))),
        );
        Ok(())
    })
}

/// # Safety
/// `options` is NULL or request options that are not changed meanwhile.
unsafe fn execute(
    client: &Client,
    database: Option<&str>,
    command: &str,
    options: *const kusto_request_options,
    limits: CallOptions,
) -> impl Future<Output = Result<DataSet>> + Send + use<> {
    let database = database.unwrap_or(client.default_database());
    // SAFETY: as promised by the caller.
    match unsafe { options.as_ref() } {
        Some(options) => client.execute(database, command, &options.0, limits),
        None => client.execute(database, command, &RequestProperties::new(), limits),
    }
}

/// The answer to a command or query, with a cursor that starts before the first row of its first
/// table.
pub struct kusto_rows {
    answer: Arc<DataSet>,
    /// The indexes of the tables of requested rows in the answer.
    primary: Vec<usize>,
    table: usize,
    /// Number of the row under the cursor, counted from 1; 0 is before the first.
    row: usize,
    columns: Vec<(CText, CText)>,
    /// The values of the row under the cursor, and their texts.
    values: Vec<Value>,
    texts: Vec<Option<CText>>,
    json: OnceLock<CText>,
}

impl kusto_rows {
    pub(crate) fn new(answer: Arc<DataSet>) -> Self {
        let is_primary = |table: &Table| table.kind == TableKind::PrimaryResult;
        let numbered = answer.tables.iter().enumerate();
        let primary = numbered
            .filter(|(_, table)| is_primary(table))
            .map(|(index, _)| index);
        let mut rows = Self {
            primary: primary.collect(),
            answer,
            table: 0,
            row: 0,
            columns: Vec::new(),
            values: Vec::new(),
            texts: Vec::new(),
            json: OnceLock::new(),
        };
        rows.load_columns();
        rows
    }

    fn table(&self) -> Option<&Table> {
        self.answer.tables.get(*self.primary.get(self.table)?)
    }

    fn load_columns(&mut self) {
        let columns = self
            .table()
            .map(|table| &table.columns[..])
            .unwrap_or_default();
        let text = |column: &kusto_ingest::query::Column| {
            (
                CText::new(column.name.as_str()),
                CText::new(column.ty.name()),
            )
        };
        self.columns = columns.iter().map(text).collect();
    }

    fn next(&mut self) -> bool {
        let Some(row) = self.table().and_then(|table| table.rows.get(self.row)) else {
            self.leave_row();
            return false;
        };
        let texts = row.iter().map(|value| value.to_text().map(CText::new));
        self.texts = texts.collect();
        self.values = row;
        self.row += 1;
        true
    }

    fn next_table(&mut self) -> bool {
        let is_there = self.table + 1 < self.primary.len();
        if is_there {
            self.table += 1;
            self.row = 0;
            self.leave_row();
            self.load_columns();
        }
        is_there
    }

    fn leave_row(&mut self) {
        self.values.clear();
        self.texts.clear();
    }

    fn int64(&self, column: usize) -> Result<i64> {
        let wrong = |why: &str| Error::invalid_argument("column", why);
        if self.values.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidState,
                Step::CheckArguments,
                "there is no current row: call kusto_rows_next",
            ));
        }
        let value = self.values.get(column);
        let value = value.ok_or_else(|| wrong("there is no such column"))?;
        match value.as_i64() {
            Some(number) => Ok(number),
            None if value.is_null() => Err(Error::new(
                ErrorKind::NotFound,
                Step::CheckArguments,
                "the value is null",
            )),
            None => Err(wrong("is neither long nor int")),
        }
    }
}

/// The whole answer as JSON, also tables that the cursor does not show:
/// `{"tables":[{"name":..,"kind":..,"columns":[{"name":..,"type":..}],"rows":[[..]]}]}`.
/// It needs about as much memory as the answer again, until the rows are freed.
///
/// Ownership: the text is borrowed from the rows; it ends with a NUL. `len` may be NULL.
/// Threads: one at a time for each object.
/// Failure: returns NULL for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_rows_json(
    rows: *const kusto_rows,
    len: *mut usize,
) -> *const c_char {
    guard::value(std::ptr::null(), || {
        let to_json = |rows: &kusto_rows| CText::new(rows.answer.to_json_text());
        let rows = rows.as_ref();
        lend_optional(
            rows.map(|rows| rows.json.get_or_init(|| to_json(rows))),
            len,
        )
    })
}

/// How many columns the current table has.
///
/// Ownership: the rows are borrowed.
/// Threads: one at a time for each object.
/// Failure: 0 for NULL and for an answer without tables.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_rows_columns(rows: *const kusto_rows) -> usize {
    rows.as_ref().map_or(0, |rows| rows.columns.len())
}

/// The name of a column, counted from 0.
///
/// Ownership: the text is borrowed until kusto_rows_next_table; it ends with a NUL. `len` may be NULL.
/// Threads: one at a time for each object.
/// Failure: NULL if there is no such column.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_rows_column_name(
    rows: *const kusto_rows,
    column: usize,
    len: *mut usize,
) -> *const c_char {
    let column = rows.as_ref().and_then(|rows| rows.columns.get(column));
    lend_optional(column.map(|(name, _)| name), len)
}

/// The type of a column, such as "long", counted from 0.
///
/// Ownership: the text is borrowed until kusto_rows_next_table; it ends with a NUL. `len` may be NULL.
/// Threads: one at a time for each object.
/// Failure: NULL if there is no such column.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_rows_column_type(
    rows: *const kusto_rows,
    column: usize,
    len: *mut usize,
) -> *const c_char {
    let column = rows.as_ref().and_then(|rows| rows.columns.get(column));
    lend_optional(column.map(|(_, ty)| ty), len)
}

/// How many rows the current table has.
///
/// Ownership: the rows are borrowed.
/// Threads: one at a time for each object.
/// Failure: 0 for NULL and for an answer without tables.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_rows_len(rows: *const kusto_rows) -> usize {
    rows.as_ref()
        .and_then(kusto_rows::table)
        .map_or(0, |table| table.rows.len())
}

/// About how many bytes of memory the whole answer holds until it is freed, without the text of
/// kusto_rows_json: for languages whose collectors do not see it.
///
/// Ownership: the rows are borrowed.
/// Threads: one at a time for each object.
/// Failure: 0 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_rows_size(rows: *const kusto_rows) -> usize {
    guard::value(0, || {
        rows.as_ref().map_or(0, |rows| rows.answer.size_in_memory())
    })
}

/// Moves to the next row of the current table; 0 when there is none left.
///
/// Ownership: invalidates the texts of the previous row.
/// Threads: one at a time for each object.
/// Failure: returns 0 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_rows_next(rows: *mut kusto_rows) -> kusto_bool {
    guard::value(0, || rows.as_mut().is_some_and(kusto_rows::next).into())
}

/// Moves before the first row of the next table, for a text that returns several; 0 when there is
/// none left.
///
/// Ownership: invalidates the texts of the previous table.
/// Threads: one at a time for each object.
/// Failure: returns 0 for NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_rows_next_table(rows: *mut kusto_rows) -> kusto_bool {
    guard::value(0, || {
        rows.as_mut().is_some_and(kusto_rows::next_table).into()
    })
}

/// A value of the current row in the service's notation. NULL means null: an empty string is not. Of
/// a `dynamic` it is the JSON as the service wrote it, with all digits of its numbers, in which quotes
/// distinguish a text from a number; no other value has quotes. A value that is not of its column's
/// type is what the service sent; half of a surrogate pair is U+FFFD.
///
/// Ownership: the text is borrowed until kusto_rows_next; it ends with a NUL. `len` may be NULL.
/// Threads: one at a time for each object.
/// Failure: NULL if there is no such column or no current row.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_rows_text(
    rows: *const kusto_rows,
    column: usize,
    len: *mut usize,
) -> *const c_char {
    let text = rows.as_ref().and_then(|rows| rows.texts.get(column));
    lend_optional(text.and_then(Option::as_ref), len)
}

/// A `long` or `int` of the current row.
///
/// Ownership: `out` is written on success only.
/// Threads: one at a time for each object.
/// Failure: KUSTO_E_NOT_FOUND for null, KUSTO_E_INVALID_ARGUMENT for another type or a column that
/// does not exist, KUSTO_E_INVALID_STATE without a current row.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_rows_int64(
    rows: *const kusto_rows,
    column: usize,
    out: *mut i64,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = output(out, "out")?;
        *out = handle::borrow(rows, "rows")?.int64(column)?;
        Ok(())
    })
}

/// Frees rows, with their texts.
///
/// Ownership: takes the rows; NULL is allowed.
/// Threads: any, once they are no longer in use.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_rows_free(rows: *mut kusto_rows) {
    guard::value((), || drop(handle::take(rows)));
}

/// # Safety
/// `options` is NULL or a handle that is not used elsewhere; `err` is NULL or writable.
unsafe fn change(
    options: *mut kusto_request_options,
    err: *mut *mut kusto_error,
    change: impl FnOnce(RequestProperties) -> Result<RequestProperties>,
) -> kusto_status {
    // SAFETY: as promised by the caller.
    unsafe {
        guarded(err, || {
            let options = handle::borrow_mut(options, "options")?;
            options.0 = change(options.0.clone())?;
            Ok(())
        })
    }
}

fn name_of(name: &str) -> Result<&str> {
    match name.trim() {
        "" => Err(Error::invalid_argument("name", "must not be empty")),
        name => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kusto_ingest::query::{Column, ColumnType};

    fn table(kind: TableKind, rows: Vec<Vec<Value>>) -> Table {
        Table {
            name: "T".to_owned(),
            kind,
            columns: vec![
                Column::new("n", ColumnType::Long),
                Column::new("s", ColumnType::String),
            ],
            rows: rows.into(),
        }
    }

    fn rows() -> kusto_rows {
        let first = vec![
            vec![Value::Long(1), Value::String("x".to_owned())],
            vec![Value::Null, Value::String(String::new())],
        ];
        kusto_rows::new(Arc::new(DataSet {
            tables: vec![
                table(TableKind::QueryProperties, Vec::new()),
                table(TableKind::PrimaryResult, first),
                table(TableKind::PrimaryResult, Vec::new()),
            ],
        }))
    }

    #[test]
    fn the_cursor_shows_rows_asked_for_only() {
        let mut rows = rows();
        assert_eq!(rows.int64(0).unwrap_err().kind(), ErrorKind::InvalidState);
        assert!(rows.next());
        assert_eq!(rows.int64(0).unwrap(), 1);
        assert_eq!(
            rows.int64(1).unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
        assert_eq!(
            rows.int64(2).unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
        assert!(rows.next());
        assert_eq!(rows.int64(0).unwrap_err().kind(), ErrorKind::NotFound);
        assert!(rows.texts[0].is_none() && rows.texts[1].is_some());
        assert!(!rows.next() && !rows.next());
        assert!(rows.next_table());
        assert!(!rows.next() && !rows.next_table());
    }

    #[test]
    fn an_answer_without_tables_has_no_rows() {
        let mut rows = kusto_rows::new(Arc::default());
        assert!(!rows.next() && !rows.next_table());
        assert_eq!(rows.columns.len(), 0);
    }
}
