//! Functions of URL encoding and base64, and `parse_csv`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::Value as Json;

use super::super::super::value::{ColumnType, Value};
use super::record::{Function, Kind, Naming, Returns, Values};
use super::values::{array, dynamic, string, text};

const STRING: Returns = Returns::Type(ColumnType::String);
const DYNAMIC: Returns = Returns::Type(ColumnType::Dynamic);

const fn of_text(
    name: &'static str,
    returns: Returns,
    run: fn(&Values<'_>) -> Option<Value>,
) -> Function {
    Function::new(name, &[Kind::Text], returns, run)
}

const ENCODE: Function = of_text("base64_encode_tostring", STRING, |v| {
    string(STANDARD.encode(text(v, 0)))
});
const DECODE: Function = of_text("base64_decode_tostring", STRING, |v| {
    string(String::from_utf8(STANDARD.decode(text(v, 0)).ok()?).ok()?)
});

pub(super) const FUNCTIONS: &[Function] = &[
    ENCODE,
    ENCODE.alias("base64_encodestring"),
    DECODE,
    DECODE.alias("base64_decodestring"),
    of_text("base64_decode_toarray", DYNAMIC, |v| {
        let bytes = STANDARD.decode(text(v, 0)).ok()?;
        dynamic(bytes.into_iter().map(Json::from).collect::<Json>())
    }),
    of_text(
        "base64_decode_toguid",
        Returns::Type(ColumnType::Guid),
        |v| {
            let bytes: [u8; 16] = STANDARD.decode(text(v, 0)).ok()?.try_into().ok()?;
            Some(Value::Guid(uuid::Uuid::from_bytes_le(bytes)))
        },
    ),
    Function::new(
        "base64_encode_fromguid",
        &[Kind::Of(ColumnType::Guid)],
        STRING,
        |v| match v[0].as_ref() {
            Value::Guid(guid) => string(STANDARD.encode(guid.to_bytes_le())),
            _ => None,
        },
    ),
    Function::new("base64_encode_fromarray", &[Kind::Dynamic], STRING, |v| {
        let bytes: Option<Vec<u8>> = array(v, 0)?
            .iter()
            .map(|byte| u8::try_from(byte.as_u64()?).ok())
            .collect();
        string(STANDARD.encode(bytes?))
    }),
    of_text("url_encode", STRING, |v| string(encoded(text(v, 0), "+"))),
    of_text("url_encode_component", STRING, |v| {
        string(encoded(text(v, 0), "%20"))
    }),
    of_text("url_decode", STRING, |v| {
        let spaced = text(v, 0).replace('+', " ");
        string(percent_decode_str(&spaced).decode_utf8_lossy())
    }),
    of_text("parse_csv", DYNAMIC, |v| dynamic(record(text(v, 0)))).named(Naming::First),
];

/// Everything but letters, digits and `-_.!*()` becomes `%xx` in lower case.
fn encoded(text: &str, space: &str) -> String {
    let mut made = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => made.push_str(space),
            byte if byte.is_ascii_alphanumeric() || b"-_.!*()".contains(&byte) => {
                made.push(char::from(byte));
            }
            byte => made.push_str(&format!("%{byte:02x}")),
        }
    }
    made
}

/// The fields of the first record.
fn record(text: &str) -> Json {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted => match characters.next_if_eq(&'"') {
                Some(quote) => field.push(quote),
                None => quoted = false,
            },
            '"' if field.is_empty() => quoted = true,
            ',' if !quoted => fields.push(Json::from(std::mem::take(&mut field))),
            '\r' | '\n' if !quoted => break,
            other => field.push(other),
        }
    }
    fields.push(Json::from(field));
    Json::Array(fields)
}
