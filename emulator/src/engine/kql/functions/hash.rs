//! Hashes. As the reference's examples show, digests are of a value's text, and xxHash of a string's
//! bytes or of a datetime's ticks as 64 bits, lowest byte first.

use sha2::Digest;

use super::super::super::value::{ColumnType, Value};
use super::super::super::watch;
use super::super::bound::Bound;
use super::super::parser::Parsed;
use super::super::scope::convert;
use super::record::{Call, Function, Kind, Values};
use super::values::{long, unknown};

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

/// What is hashed of a string and of a datetime is known from the reference's examples; of nothing else.
fn bytes_of(name: &str, value: &Value, ty: ColumnType) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        Value::DateTime(ticks) => Some(ticks.to_le_bytes().to_vec()),
        other => {
            unknown(name, other, ty);
            None
        }
    }
}

fn digest(call: &Call<'_>, arguments: Vec<Bound>, run: fn(&[u8]) -> String) -> Parsed<Bound> {
    let (name, ty) = (call.name.to_owned(), type_of(&arguments));
    let function = move |v: &Values<'_>| match ty {
        // Which text the service hashes of these is nowhere shown.
        ColumnType::Bool | ColumnType::Real => {
            watch::unknown(&format!("{name}() of a {}", ty.kusto_name()));
            Value::absent(ColumnType::String)
        }
        _ => Value::String(run(v[0].to_text().as_bytes())),
    };
    Ok(Bound::apply(
        ColumnType::String,
        arguments,
        std::sync::Arc::new(function),
    ))
}

fn type_of(arguments: &[Bound]) -> ColumnType {
    arguments
        .first()
        .map_or(ColumnType::String, |first| first.ty)
}

fn xxhash(call: &Call<'_>, arguments: Vec<Bound>) -> Parsed<Bound> {
    let (name, ty) = (call.name.to_owned(), type_of(&arguments));
    let arguments = arguments
        .into_iter()
        .enumerate()
        .map(|(at, argument)| match at {
            0 => argument,
            _ => convert(argument, ColumnType::Long),
        })
        .collect();
    let function = move |v: &Values<'_>| {
        let bytes = bytes_of(&name, &v[0], ty);
        let hash = bytes.map(|bytes| xxhash_rust::xxh64::xxh64(&bytes, 0).cast_signed());
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
