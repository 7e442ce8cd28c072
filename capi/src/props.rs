//! `kusto_props`: where data goes and how it is read.

use std::ffi::c_char;

use crate::error::{kusto_error, kusto_status};
use crate::guard::{self, guarded};
use crate::handle::{self, Out};
use crate::text::text;
use kusto_ingest::error::{Error, Result};
use kusto_ingest::props::{DataFormat, IngestionProperties, ReportLevel, ReportMethod};

/// kusto_props_set_format: comma-separated values, RFC 4180.
pub const KUSTO_FORMAT_CSV: i32 = 1;
/// kusto_props_set_format: tab-separated values.
pub const KUSTO_FORMAT_TSV: i32 = 2;
/// kusto_props_set_format: values separated by `|`.
pub const KUSTO_FORMAT_PSV: i32 = 3;
/// kusto_props_set_format: values separated by `;`.
pub const KUSTO_FORMAT_SCSV: i32 = 4;
/// kusto_props_set_format: values separated by the control character SOH.
pub const KUSTO_FORMAT_SOHSV: i32 = 5;
/// kusto_props_set_format: lines of text, one column each.
pub const KUSTO_FORMAT_TXT: i32 = 6;
/// kusto_props_set_format: the whole source is one value.
pub const KUSTO_FORMAT_RAW: i32 = 7;
/// kusto_props_set_format: tab-separated values with backslash escapes.
pub const KUSTO_FORMAT_TSVE: i32 = 8;
/// kusto_props_set_format: JSON Lines, one object per line.
pub const KUSTO_FORMAT_JSON: i32 = 9;
/// kusto_props_set_format: a JSON array, or objects one after another, over any number of lines.
pub const KUSTO_FORMAT_MULTIJSON: i32 = 10;
/// kusto_props_set_format: one JSON value.
pub const KUSTO_FORMAT_SINGLEJSON: i32 = 11;
/// kusto_props_set_format: Avro, with the service's legacy reader.
pub const KUSTO_FORMAT_AVRO: i32 = 12;
/// kusto_props_set_format: Avro, with the Apache reader (logical types).
pub const KUSTO_FORMAT_APACHEAVRO: i32 = 13;
/// kusto_props_set_format: Apache Parquet.
pub const KUSTO_FORMAT_PARQUET: i32 = 14;
/// kusto_props_set_format: Apache ORC.
pub const KUSTO_FORMAT_ORC: i32 = 15;
/// kusto_props_set_format: Cosmos structured streams.
pub const KUSTO_FORMAT_SSTREAM: i32 = 16;
/// kusto_props_set_format: W3C extended log files.
pub const KUSTO_FORMAT_W3CLOGFILE: i32 = 17;

/// kusto_props_set_reporting: failures only. The default.
pub const KUSTO_REPORT_FAILURES: i32 = 0;
/// kusto_props_set_reporting: nothing.
pub const KUSTO_REPORT_NONE: i32 = 1;
/// kusto_props_set_reporting: failures and successes. Not for high volumes.
pub const KUSTO_REPORT_ALL: i32 = 2;

/// kusto_props_set_reporting: to the queues that kusto_outcomes_peek and _take read. The default.
pub const KUSTO_VIA_QUEUE: i32 = 0;
/// kusto_props_set_reporting: to the status table that kusto_track reads.
pub const KUSTO_VIA_TABLE: i32 = 1;
/// kusto_props_set_reporting: to both.
pub const KUSTO_VIA_QUEUE_AND_TABLE: i32 = 2;

/// Where data goes, how it is read, what is reported. Every ingestion takes a copy: changing it later
/// concerns later ingestions only.
pub struct kusto_props(IngestionProperties);

impl kusto_props {
    pub(crate) fn get(&self) -> &IngestionProperties {
        &self.0
    }
}

/// Properties for a table with every default: the format by the source's file name, else CSV; no
/// mapping; failures are reported to the queue. Names may hold any character.
///
/// Ownership: the caller frees `*out` with kusto_props_free. Both names are copied.
/// Threads: any.
/// Failure: KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_props_new(
    database: *const c_char,
    database_len: usize,
    table: *const c_char,
    table_len: usize,
    out: *mut *mut kusto_props,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        let database = text(database, database_len, "database")?;
        let table = text(table, table_len, "table")?;
        let props = IngestionProperties::new(database, table);
        props.validate()?;
        out.give(kusto_props(props));
        Ok(())
    })
}

/// A copy, to be changed on its own.
///
/// Ownership: the caller frees `*out` with kusto_props_free.
/// Threads: any, while nobody changes `props`.
/// Failure: KUSTO_E_INVALID_ARGUMENT; `*out` is NULL then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_props_clone(
    props: *const kusto_props,
    out: *mut *mut kusto_props,
    err: *mut *mut kusto_error,
) -> kusto_status {
    guarded(err, || {
        let out = Out::required(out, "out")?;
        out.give(kusto_props(handle::borrow(props, "props")?.0.clone()));
        Ok(())
    })
}

/// Sets the format of the data, KUSTO_FORMAT_*.
///
/// Ownership: none.
/// Threads: one at a time for each object.
/// Failure: KUSTO_E_INVALID_ARGUMENT for an unknown number.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_props_set_format(
    props: *mut kusto_props,
    format: i32,
    err: *mut *mut kusto_error,
) -> kusto_status {
    change(props, err, |props| {
        let format = DataFormat::from_number(format)
            .ok_or_else(|| Error::invalid_argument("format", "is none of KUSTO_FORMAT_*"))?;
        Ok(props.with_format(format))
    })
}

/// Uses a mapping that exists in the table or database, of the format's kind.
///
/// Ownership: the name is copied.
/// Threads: one at a time for each object.
/// Failure: KUSTO_E_INVALID_ARGUMENT.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_props_set_mapping_ref(
    props: *mut kusto_props,
    name: *const c_char,
    name_len: usize,
    err: *mut *mut kusto_error,
) -> kusto_status {
    change(props, err, |props| {
        let name = text(name, name_len, "name")?;
        if name.trim().is_empty() {
            return Err(Error::invalid_argument("name", "must not be empty"));
        }
        Ok(props.with_mapping_reference(name))
    })
}

/// Uses this mapping: a JSON array of columns, in the current or the legacy shape.
///
/// Ownership: the text is copied.
/// Threads: one at a time for each object.
/// Failure: KUSTO_E_INVALID_ARGUMENT; the properties are unchanged then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_props_set_mapping_json(
    props: *mut kusto_props,
    json: *const c_char,
    json_len: usize,
    err: *mut *mut kusto_error,
) -> kusto_status {
    change(props, err, |mut props| {
        props.set("ingestionMapping", text(json, json_len, "json")?)?;
        Ok(props)
    })
}

/// Adds a tag as it is, with its prefix (`drop-by:`, `ingest-by:`) if it has one.
///
/// Ownership: the tag is copied.
/// Threads: one at a time for each object.
/// Failure: KUSTO_E_INVALID_ARGUMENT.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_props_add_tag(
    props: *mut kusto_props,
    tag: *const c_char,
    tag_len: usize,
    err: *mut *mut kusto_error,
) -> kusto_status {
    change(props, err, |props| {
        let tag = text(tag, tag_len, "tag")?;
        if tag.trim().is_empty() {
            return Err(Error::invalid_argument("tag", "must not be empty"));
        }
        Ok(props.with_tag(tag))
    })
}

/// What the service reports about the ingestion, KUSTO_REPORT_*, and where to, KUSTO_VIA_*. With the
/// status table successes are always reported: they would stay pending there otherwise.
///
/// Ownership: none.
/// Threads: one at a time for each object.
/// Failure: KUSTO_E_INVALID_ARGUMENT for an unknown number.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_props_set_reporting(
    props: *mut kusto_props,
    level: i32,
    via: i32,
    err: *mut *mut kusto_error,
) -> kusto_status {
    change(props, err, |props| {
        let level = report_level(level)?;
        let method = report_method(via)?;
        Ok(props.with_report_level(level).with_report_method(method))
    })
}

/// Sets any property by its name in the service's documentation, such as "ignoreFirstRecord",
/// "flushImmediately", "creationTime", "tags" and "ingestIfNotExists" (JSON arrays of texts). What
/// this library knows is checked, anything else is passed on. Names ignore case.
///
/// Ownership: both texts are copied.
/// Threads: one at a time for each object.
/// Failure: KUSTO_E_INVALID_ARGUMENT; the properties are unchanged then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_props_set(
    props: *mut kusto_props,
    key: *const c_char,
    key_len: usize,
    value: *const c_char,
    value_len: usize,
    err: *mut *mut kusto_error,
) -> kusto_status {
    change(props, err, |mut props| {
        let key = text(key, key_len, "key")?;
        props.set(key, text(value, value_len, "value")?)?;
        Ok(props)
    })
}

/// Frees properties.
///
/// Ownership: takes the properties; NULL is allowed.
/// Threads: any, once nobody uses them.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_props_free(props: *mut kusto_props) {
    guard::value((), || drop(handle::take(props)));
}

/// Works on a copy, so that a failed change leaves nothing half done.
///
/// # Safety
/// `props` is NULL or a handle that nobody else uses; `err` is NULL or writable.
unsafe fn change(
    props: *mut kusto_props,
    err: *mut *mut kusto_error,
    change: impl FnOnce(IngestionProperties) -> Result<IngestionProperties>,
) -> kusto_status {
    // SAFETY: as promised by the caller.
    unsafe {
        guarded(err, || {
            let props = handle::borrow_mut(props, "props")?;
            props.0 = change(props.0.clone())?;
            Ok(())
        })
    }
}

fn report_level(level: i32) -> Result<ReportLevel> {
    match level {
        KUSTO_REPORT_FAILURES => Ok(ReportLevel::FailuresOnly),
        KUSTO_REPORT_NONE => Ok(ReportLevel::DoNotReport),
        KUSTO_REPORT_ALL => Ok(ReportLevel::FailuresAndSuccesses),
        _ => Err(Error::invalid_argument(
            "level",
            "is none of KUSTO_REPORT_*",
        )),
    }
}

fn report_method(via: i32) -> Result<ReportMethod> {
    match via {
        KUSTO_VIA_QUEUE => Ok(ReportMethod::Queue),
        KUSTO_VIA_TABLE => Ok(ReportMethod::Table),
        KUSTO_VIA_QUEUE_AND_TABLE => Ok(ReportMethod::QueueAndTable),
        _ => Err(Error::invalid_argument("via", "is none of KUSTO_VIA_*")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_core() {
        let (first, last) = (KUSTO_FORMAT_CSV, KUSTO_FORMAT_W3CLOGFILE);
        assert_eq!(DataFormat::ALL[0] as i32, first);
        assert_eq!(
            DataFormat::ALL.last().map(|format| *format as i32),
            Some(last)
        );
        for number in 0..3 {
            assert_eq!(report_level(number).unwrap() as i32, number);
            assert_eq!(report_method(number).unwrap() as i32, number);
        }
        assert!(report_level(3).is_err() && report_method(-1).is_err());
    }
}
