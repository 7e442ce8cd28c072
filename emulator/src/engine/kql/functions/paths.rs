//! `parse_url`, `parse_urlquery` and `parse_path`.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value as Json, json};

use super::super::super::value::ColumnType;
use super::record::{Function, Kind, Returns};
use super::values::{dynamic, text};

const DYNAMIC: Returns = Returns::Type(ColumnType::Dynamic);
const URL: Function = Function::new("parse_url", &[Kind::Text], DYNAMIC, |v| {
    dynamic(url(text(v, 0)))
});
const QUERY: Function = Function::new("parse_urlquery", &[Kind::Text], DYNAMIC, |v| {
    let query = text(v, 0);
    let query = query.split_once('?').map_or(query, |(_, query)| query);
    dynamic(json!({ "Query Parameters": parameters(query) }))
});

pub(super) const FUNCTIONS: &[Function] = &[
    URL,
    URL.alias("parseurl"),
    QUERY,
    QUERY.alias("parseurlquery"),
    Function::new("parse_path", &[Kind::Text], DYNAMIC, |v| {
        dynamic(path(text(v, 0)))
    }),
];

fn parameters(query: &str) -> Json {
    let mut found = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        found.insert(plain(key), Json::from(plain(value)));
    }
    Json::Object(found)
}

fn url(text: &str) -> Json {
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (text, query) = text.split_once('?').unwrap_or((text, ""));
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let port = host
        .rsplit_once(':')
        .filter(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    let (host, port) = port.unwrap_or((host, ""));
    json!({
        "Scheme": scheme,
        "Host": host,
        "Port": port,
        "Path": path.strip_prefix('/').unwrap_or(path),
        "Username": user,
        "Password": password,
        "Query Parameters": parameters(query),
        "Fragment": fragment,
    })
}

fn path(text: &str) -> Json {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    // `file:///C:/x` has a slash before the drive.
    let rest = match rest.strip_prefix('/') {
        Some(after) if !scheme.is_empty() && after.as_bytes().get(1) == Some(&b':') => after,
        _ => rest,
    };
    let (directory, file) = match rest.rfind(['/', '\\']) {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => ("", rest),
    };
    let bytes = rest.as_bytes();
    let has_drive =
        bytes.first().is_some_and(u8::is_ascii_alphabetic) && bytes.get(1) == Some(&b':');
    let root = if has_drive { &rest[..2] } else { "" };
    let (file, stream) = file.split_once(':').unwrap_or((file, ""));
    let name = directory.rsplit(['/', '\\']).next().unwrap_or("");
    json!({
        "Scheme": scheme,
        "RootPath": root,
        "DirectoryPath": directory,
        "DirectoryName": if name == root { "" } else { name },
        "Filename": file,
        "Extension": file.rsplit_once('.').map_or("", |(_, extension)| extension),
        "AlternateDataStreamName": stream,
    })
}
