//! Hashes. As the reference's examples show, digests are of a value's text, and xxHash of a string's
//! bytes or of a datetime's ticks as 64 bits, lowest byte first.

use sha2::Digest;

use super::super::super::value::{ColumnType, Value};
use super::super::bound::Bound;
use super::super::parser::Parsed;
use super::super::scope::convert;
use super::record::{Call, Function, Kind, Values};
use super::values::long;

const HASH: Function = Function::bound("hash", &[Kind::Plain, Kind::Whole], xxhash).optional(1);

pub(super) const FUNCTIONS: &[Function] = &[
    HASH,
    HASH.alias("hash_xxhash64"),
    Function::bound("hash_sha256", &[Kind::Plain], |call, arguments| {
        digest(call, arguments, |bytes| hex(&sha2::Sha256::digest(bytes)))
    }),
    Function::bound("hash_sha1", &[Kind::Plain], |call, arguments| {
        digest(call, arguments, |bytes| hex(&sha1::Sha1::digest(bytes)))
    }),
    Function::bound("hash_md5", &[Kind::Plain], |call, arguments| {
        digest(call, arguments, |bytes| hex(&md5::Md5::digest(bytes)))
    }),
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        Value::DateTime(ticks) => Some(ticks.to_le_bytes().to_vec()),
        _ => None,
    }
}

fn check(call: &Call<'_>, arguments: &[Bound]) -> Parsed<()> {
    match arguments.first().map(|first| first.ty) {
        Some(ColumnType::String | ColumnType::DateTime) => Ok(()),
        _ => Err(call.error(
            "SEM0005",
            "the emulator knows the hashes of strings and datetimes only",
        )),
    }
}

fn digest(call: &Call<'_>, arguments: Vec<Bound>, run: fn(&[u8]) -> String) -> Parsed<Bound> {
    // Which text the service hashes of these is nowhere shown.
    if let Some(ColumnType::Bool | ColumnType::Real) = arguments.first().map(|first| first.ty) {
        return Err(call.error(
            "SEM0005",
            "the emulator does not know the digest of a bool or real",
        ));
    }
    let function = move |v: &Values<'_>| Value::String(run(v[0].to_text().as_bytes()));
    Ok(Bound::apply(
        ColumnType::String,
        arguments,
        std::sync::Arc::new(function),
    ))
}

fn xxhash(call: &Call<'_>, arguments: Vec<Bound>) -> Parsed<Bound> {
    check(call, &arguments)?;
    let arguments = arguments
        .into_iter()
        .enumerate()
        .map(|(at, argument)| match at {
            0 => argument,
            _ => convert(argument, ColumnType::Long),
        })
        .collect();
    let function = |v: &Values<'_>| {
        let hash = bytes_of(&v[0]).map(|bytes| xxhash_rust::xxh64::xxh64(&bytes, 0).cast_signed());
        let result = match (hash, v.len()) {
            (Some(hash), 1) => Some(hash),
            (Some(hash), _) => long(v, 1).and_then(|size| hash.checked_rem_euclid(size)),
            (None, _) => None,
        };
        result.map_or(Value::Null, Value::Long)
    };
    Ok(Bound::apply(
        ColumnType::Long,
        arguments,
        std::sync::Arc::new(function),
    ))
}
