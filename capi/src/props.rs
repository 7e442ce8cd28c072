//! `kusto_props`: the target table and how the data is read.

use std::ffi::c_char;

use crate::catalog::kusto_status;
use crate::error::kusto_error;
use crate::guard::{self, guarded};
use crate::handle::{self, Out};
use crate::text::text;
use kusto_ingest::error::{Error, Result};
use kusto_ingest::props::{
    DataFormat, IngestionMode, IngestionProperties, ReportLevel, ReportMethod,
};

/// The target table, how data is read, what is reported. Every ingestion takes a copy: a later change
/// affects later ingestions only.
pub struct kusto_props(IngestionProperties);

impl kusto_props {
    pub(crate) fn get(&self) -> &IngestionProperties {
        &self.0
    }
}

/// Properties for a table, all defaults: the format by the source's file name, else CSV; no
/// mapping; failures are reported to the queue. A name has at most 1024 characters; the service allows
/// letters and digits of any language, `_`, space, `.` and `-`, and no others, such as emoji.
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

/// An independent copy.
///
/// Ownership: the caller frees `*out` with kusto_props_free.
/// Threads: any, while no thread changes `props`.
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
            .ok_or_else(|| Error::invalid_argument("format", "is not the number of a format"))?;
        Ok(props.with_format(format))
    })
}

/// Uses a mapping that exists in the table or database, of the format's kind. An empty name means none.
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
        Ok(props.with_mapping_reference(text(name, name_len, "name")?))
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

/// Adds a tag unchanged, with its prefix (`drop-by:`, `ingest-by:`) if it has one.
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

/// Makes ingestions with these properties idempotent under `key`, so that a call which failed, also
/// one in doubt, can be made again with the same data and the same key: the data gets the tag
/// `ingest-by:KEY`, and `ingestIfNotExists` has KEY. At the time when the service ingests the data
/// it looks for that tag among the table's data, and skips the data when it finds it (reported as
/// KUSTO_ITEM_SKIPPED). Replaces an earlier key; other tags stay.
///
/// It compares keys, never data: other data under a used key is skipped and lost, so give each
/// batch a key of its own, such as the file's name and the range of its bytes. One source is one
/// ingestion: several blobs in one call are refused. It lasts as long as the tag: when the data is
/// dropped, purged or at the end of its retention, or the policy `extent_tags_retention` removes
/// the tag, the key is ingested again. Repeat one after another, never at once: that the service
/// compares two copies which it ingests at the same moment is not documented. It ingests such data
/// blob by blob, without batching it, and advises against a new tag for each small ingestion: give
/// keys to large batches. Sources: learn.microsoft.com/kusto/management/extent-tags and
/// batching-policy.
///
/// Ownership: the key is copied.
/// Threads: one at a time for each object.
/// Failure: KUSTO_E_INVALID_ARGUMENT for a key that is empty or blank, is longer than 1024
/// characters or has control characters; the properties are unchanged then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_props_set_once(
    props: *mut kusto_props,
    key: *const c_char,
    key_len: usize,
    err: *mut *mut kusto_error,
) -> kusto_status {
    change(props, err, |mut props| {
        props.set_once(text(key, key_len, "key")?)?;
        Ok(props)
    })
}

/// Sets what the service reports about the ingestion, KUSTO_REPORT_*, and where, KUSTO_VIA_*. With
/// the status table successes are always reported: they would stay pending there otherwise.
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

/// Sets a property that this library knows by its name in the service's documentation, such as "ignoreFirstRecord",
/// "flushImmediately", "creationTime", "tags" and "ingestIfNotExists" (JSON arrays of texts).
/// Names ignore case.
///
/// Ownership: both texts are copied.
/// Threads: one at a time for each object.
/// Failure: KUSTO_E_INVALID_ARGUMENT, also for a name that this library does not know, with the name
/// that was probably meant: kusto_props_set_additional passes such a property on. The properties are
/// unchanged then.
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

/// As kusto_props_set, but a property that this library does not know is passed on to the service as
/// it is, which ignores names that it does not know either.
///
/// Ownership: both texts are copied.
/// Threads: one at a time for each object.
/// Failure: KUSTO_E_INVALID_ARGUMENT for a value of a known property that cannot be read, and for a
/// name that is empty or the library's own; the properties are unchanged then.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_props_set_additional(
    props: *mut kusto_props,
    key: *const c_char,
    key_len: usize,
    value: *const c_char,
    value_len: usize,
    err: *mut *mut kusto_error,
) -> kusto_status {
    change(props, err, |mut props| {
        let key = text(key, key_len, "key")?;
        props.set_additional(key, text(value, value_len, "value")?)?;
        Ok(props)
    })
}

/// Sets how the data gets to the service, KUSTO_MODE_*; 0, which is the default, is as the client's setting
/// "ingestion mode" says.
///
/// Ownership: none.
/// Threads: one at a time for each object.
/// Failure: KUSTO_E_INVALID_ARGUMENT for an unknown number.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_props_set_mode(
    props: *mut kusto_props,
    mode: i32,
    err: *mut *mut kusto_error,
) -> kusto_status {
    change(props, err, |props| {
        let chosen = (mode != 0).then(|| ingestion_mode(mode)).transpose()?;
        Ok(props.with_mode(chosen))
    })
}

/// Frees properties.
///
/// Ownership: takes the properties; NULL is allowed.
/// Threads: any, once they are no longer in use.
/// Failure: none.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kusto_props_free(props: *mut kusto_props) {
    guard::value((), || drop(handle::take(props)));
}

/// Works on a copy, so that a failed change leaves nothing half done.
///
/// # Safety
/// `props` is NULL or a handle that is not used elsewhere; `err` is NULL or writable.
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
    ReportLevel::from_number(level)
        .ok_or_else(|| Error::invalid_argument("level", "is not the number of a report level"))
}

fn ingestion_mode(mode: i32) -> Result<IngestionMode> {
    IngestionMode::from_number(mode)
        .ok_or_else(|| Error::invalid_argument("mode", "is not the number of an ingestion mode"))
}

fn report_method(via: i32) -> Result<ReportMethod> {
    ReportMethod::from_number(via)
        .ok_or_else(|| Error::invalid_argument("via", "is not the number of a report method"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::*;

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
        for mode in IngestionMode::ALL {
            assert_eq!(ingestion_mode(mode as i32).unwrap(), mode);
        }
        assert!(ingestion_mode(0).is_err() && ingestion_mode(9).is_err());
    }
}
