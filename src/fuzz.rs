//! Parsers of other parties' texts, each as a function of bytes, with what must hold for every
//! input. `fuzz/` calls them with bytes that a fuzzer makes, and the tests below with the inputs
//! that are kept in `fuzz/corpus/`; neither is in a normal build.
//!
//! A target panics when something does not hold. That is what a fuzzer looks for.

use bytes::Bytes;
use time::OffsetDateTime;

use crate::connection::{Authentication, ConnectionString, Keyword, TrustedHosts};
use crate::error::Step;
use crate::http::proxy::Proxies;
use crate::http::refusal::Refusal;
use crate::http::xml::{Members, element, records};
use crate::http::{date, storage};
use crate::ingest::streaming::{AnswerContent as Content, answer_content};
use crate::props::{IngestionProperties, Mapping, MappingKind, ValidationPolicy};
use crate::query::answer::Stop;
use crate::query::service_error::{codes_of, json_of, parse_service_error, unreadable_answer};
use crate::query::{ColumnType, DataSet, v1, v2};
use crate::resources::{IngestionResources, lease_of};
use crate::secret::{Secret, mask};
use crate::track::{ItemState, TrackingToken, queue, table};
use crate::values::{DateTime, TimeSpan};

/// A parser under test.
pub type Target = fn(&[u8]);

/// All targets by name; `fuzz/fuzz_targets/` has a program for each.
pub const TARGETS: [(&str, Target); 14] = [
    ("answer_v1", answer_v1),
    ("answer_v2", answer_v2),
    ("connection_string", connection_string),
    ("mapping", mapping),
    ("network", network),
    ("properties", properties),
    ("sas_date", sas_date),
    ("secrets", secrets),
    ("service_error", service_error),
    ("status", status),
    ("storage_error", storage_error),
    ("streamed_answer", streamed_answer),
    ("values", values),
    ("xml", xml),
];

/// Longest text that an error may have, whatever was answered: the library keeps at most 4,000
/// characters of the service's own message, of up to four bytes each.
const MAX_ERROR_BYTES: usize = 32 * 1024;

/// The answer to a command.
pub fn answer_v1(data: &[u8]) {
    if let Ok(answer) = v1::parse(&Bytes::copy_from_slice(data), &Stop::default()) {
        read_all(&answer);
    }
}

/// The answer to a query.
pub fn answer_v2(data: &[u8]) {
    if let Ok(answer) = v2::parse(&Bytes::copy_from_slice(data), &Stop::default()) {
        read_all(&answer);
    }
}

/// Every row has a value for each column, and the text of the whole answer is what its parts say.
fn read_all(answer: &DataSet) {
    let mut cells = 0;
    for table in &answer.tables {
        let mut rows = 0;
        for row in &table.rows {
            assert_eq!(row.len(), table.columns.len());
            (rows, cells) = (rows + 1, cells + row.len());
            for value in row {
                let _ = (value.to_text(), value.to_json(), value.is_null());
            }
        }
        assert_eq!(rows, table.rows.len());
        let _ = table.value(0, table.columns.first().map_or("", |column| &column.name));
    }
    let text = answer.to_json_text();
    assert!(!text.is_empty());
    // What a few bytes can become is bounded, or a small answer could take all memory.
    assert!(cells == 0 || text.len() >= cells);
}

/// A connection string reads back as it was, shows no secret, and its login is stated or an error.
pub fn connection_string(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(parsed) = ConnectionString::parse(text) else {
        return;
    };
    let exposed = parsed.expose_secrets();
    let again = ConnectionString::parse(&exposed).expect("what is printed can be read");
    assert_eq!(again, parsed);
    assert_eq!(again.expose_secrets(), exposed);
    // Whatever a secret is, the same is shown. (Its text may stand elsewhere by chance.)
    let mut other = parsed.clone();
    for keyword in Keyword::ALL.into_iter().filter(|k| k.is_secret()) {
        if parsed.get(keyword).is_some() {
            other.set(keyword.name(), "?").expect("a keyword is known");
        }
    }
    assert_eq!(format!("{parsed} {parsed:?}"), format!("{other} {other:?}"));
    match parsed.authentication() {
        Ok(Authentication::UserToken(token) | Authentication::ApplicationToken(token)) => {
            assert!(!format!("{token:?}").contains(token.expose()) || token.expose().len() < 8);
        }
        Ok(_) => {}
        Err(error) => assert!(error.to_string().len() < MAX_ERROR_BYTES),
    }
}

/// A mapping reads back as it was.
pub fn mapping(data: &[u8]) {
    let Some((kind, text)) = split(data) else {
        return;
    };
    let kinds = MappingKind::ALL;
    let kind = kinds[usize::from(kind) % kinds.len()];
    if let Ok(parsed) = Mapping::parse(kind, text) {
        let wire = parsed.to_wire_json();
        let again = Mapping::parse(kind, &wire).expect("what is printed can be read");
        assert_eq!(again.to_wire_json(), wire);
    }
    if let Ok(policy) = ValidationPolicy::parse(text) {
        let again =
            ValidationPolicy::parse(&policy.to_wire()).expect("what is printed can be read");
        assert_eq!(again.to_wire(), policy.to_wire());
    }
}

/// What the environment and headers say about the network: proxies, hosts to trust, dates, pauses.
pub fn network(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let lines: Vec<&str> = text.splitn(3, '\n').collect();
    let line = |at: usize| lines.get(at).copied().unwrap_or_default();
    let proxies = Proxies::read(|name| match name {
        "NO_PROXY" => line(0).to_owned(),
        _ => line(1).to_owned(),
    });
    if let Ok(url) = url::Url::parse(line(2)) {
        let through = proxies.of(&url);
        let host = url.host_str().unwrap_or_default();
        assert!(
            host != "127.0.0.1" || through == Ok(None),
            "never for this machine"
        );
        if let Ok(rules) = TrustedHosts::parse(line(0)) {
            let _ = rules.check_before_metadata(host);
        }
    }
    let day = std::time::Duration::from_secs(24 * 60 * 60);
    assert!(date::retry_after(Some(line(0)), Some(line(1))).is_none_or(|pause| pause <= day));
    assert!(date::retry_after(Some(text), None).is_none_or(|pause| pause <= day));
}

/// An ingestion property that is given by name: what is accepted can be validated.
pub fn properties(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut properties = IngestionProperties::new("db", "t");
    for line in text.lines() {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        if let Err(error) = properties.set(name, value) {
            assert!(error.argument().is_some(), "{error}");
        }
    }
    let _ = properties.validate();
}

/// The dates of signatures, with any clock: nothing overflows, and what is used ends.
pub fn sas_date(data: &[u8]) {
    let Some((clock, text)) = split(data) else {
        return;
    };
    let escaped: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    for date in [text, &escaped] {
        let row = serde_json::json!([
            "TempStorage",
            format!("https://a.example/c?se={date}&sig=x")
        ]);
        let body = format!(
            r#"{{"Tables":[{{"TableName":"T","Columns":[
                {{"ColumnName":"ResourceTypeName","DataType":"String"}},
                {{"ColumnName":"StorageRoot","DataType":"String"}}],"Rows":[{row}]}}]}}"#
        );
        let answer = v1::parse(&body.into(), &Stop::default()).expect("the answer is whole");
        let resources = IngestionResources::from_rows(&answer);
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(i64::from(clock) * 365);
        let lease = lease_of(
            resources,
            now,
            now + time::Duration::hours(i64::from(clock) - 128),
        );
        assert!(lease.unusable_at() > now);
    }
}

/// A secret is in no text that leaves the library, whatever stands around it and however it is
/// escaped.
pub fn secrets(data: &[u8]) {
    const VALUE: &str = "q8R+/x=2Zk%41vT&y9";
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let secret = Secret::new(VALUE);
    let escaped: String = url::form_urlencoded::byte_serialize(VALUE.as_bytes()).collect();
    let twice: String = url::form_urlencoded::byte_serialize(escaped.as_bytes()).collect();
    let at = text
        .char_indices()
        .nth(text.len() / 3)
        .map_or(text.len(), |(at, _)| at);
    let (before, after) = text.split_at(at);
    for form in [secret.expose(), &escaped, &twice] {
        let masked = mask(format!("{before}{form}{after}"));
        assert!(!masked.contains(form), "{form}");
    }
    // Nothing else is taken away from a text without it.
    if !text.contains("q8R") && !text.contains('%') && !text.contains('\\') && !text.contains('&') {
        assert_eq!(mask(text.to_owned()), text);
    }
}

/// The error object of the service, or whatever came in its place.
pub fn service_error(data: &[u8]) {
    let Some((status, _)) = data.split_first() else {
        return;
    };
    let body = &data[1..];
    let status = 200 + u16::from(*status) * 2;
    for error in [
        parse_service_error(Step::RunQuery, status, body),
        unreadable_answer(Step::RunQuery, body, "a reason"),
    ] {
        assert!(!error.message().is_empty());
        assert!(
            error.to_string().len() < MAX_ERROR_BYTES,
            "the text of an error is bounded"
        );
    }
    // What decides about streamed data: a few words of the service.
    if let Some(codes) = json_of(body).as_ref().and_then(codes_of) {
        assert!((1..=MAX_CODES).contains(&codes.names.len()));
    }
}

/// Its code, its type, that of its text, and eight inside.
const MAX_CODES: usize = 11;

/// What the service answers to streamed data, and what it says about the update policy.
pub fn streamed_answer(data: &[u8]) {
    let (content, update_policy) = answer_content(data);
    let begin = data.trim_ascii_start().first();
    match content {
        Content::Empty => assert!(begin.is_none()),
        Content::Json | Content::Error(_) => {
            assert_eq!(begin, Some(&b'{'), "only an object is the service's");
        }
        Content::Foreign => assert!(begin.is_some()),
    }
    if let Some(policy) = update_policy {
        let texts = [policy.failure_code, policy.failure_reason];
        let texts = texts.into_iter().flatten().chain([policy.status]);
        assert!(texts.map(|text| text.len()).sum::<usize>() < MAX_ERROR_BYTES);
    }
}

/// What storage holds about an ingestion: notifications, the entity of a status table; and the
/// tracking tokens that programs store.
pub fn status(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let item = queue::parse(text, ItemState::Failed);
    let _ = (item.state, item.retry(), item.to_json());
    if let Ok(item) = table::parse_entity(data, "host") {
        let _ = (item.retry(), item.to_json());
    }
    use base64::Engine as _;
    let body = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    for token in [text.to_owned(), format!("k1.{body}")] {
        if let Ok(token) = token.parse::<TrackingToken>() {
            let again = token.to_string().parse::<TrackingToken>();
            assert_eq!(again.expect("what is printed can be read"), token);
        }
    }
}

/// The refusal of a storage service: XML, JSON, or a gateway's page, and its headers.
pub fn storage_error(data: &[u8]) {
    let Some((first, body)) = split(data) else {
        return;
    };
    let (header, body) = match first % 2 {
        0 => (None, body),
        _ => match body.split_once('\n') {
            Some((header, body)) => (Some(header), body),
            None => (Some(body), ""),
        },
    };
    let refusal = Refusal::read(|_| header, body.as_bytes());
    let error = storage::refused(
        Step::UploadBlob,
        "host",
        400 + u16::from(first),
        refusal,
        None,
    );
    assert!(
        error.to_string().len() < MAX_ERROR_BYTES,
        "the text of an error is bounded"
    );
}

/// Datetimes, timespans and the names of types read back as they were.
pub fn values(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(value) = text.parse::<DateTime>() {
        assert_eq!(value.to_string().parse::<DateTime>().ok(), Some(value));
    }
    if let Ok(value) = text.parse::<TimeSpan>() {
        assert_eq!(value.to_string().parse::<TimeSpan>().ok(), Some(value));
    }
    if let Some(ty) = ColumnType::from_kusto_name(text) {
        assert!(ColumnType::ALL.contains(&ty));
    }
    let _ = ColumnType::from_dotnet_name(text);
}

/// The XML of the queue service: what is read of a message can be written and read again.
pub fn xml(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for record in records(text, "QueueMessage").unwrap_or_default() {
        let written: String = record.iter().map(|(_, text)| element("T", text)).collect();
        let again = records(&format!("<L><R>{written}</R></L>"), "R");
        let texts = |record: &Members| {
            record
                .iter()
                .map(|(_, text)| text.clone())
                .collect::<Vec<_>>()
        };
        let again = again.expect("what is written can be read");
        assert_eq!(again.iter().map(texts).next(), Some(texts(&record)));
    }
}

/// The first byte, and the text behind it.
fn split(data: &[u8]) -> Option<(u8, &str)> {
    let (first, rest) = data.split_first()?;
    Some((*first, std::str::from_utf8(rest).ok()?))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn corpus(target: &str) -> PathBuf {
        let fuzz = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        fuzz.join("corpus").join(target)
    }

    /// Each kept input, and what is left when it is cut short or one of its bytes is another.
    #[test]
    fn every_target_holds_for_its_corpus() {
        for (name, target) in TARGETS {
            let inputs: Vec<_> = std::fs::read_dir(corpus(name))
                .unwrap_or_else(|error| panic!("{name}: {error}"))
                .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
                .collect();
            assert!(!inputs.is_empty(), "{name} has no corpus");
            for input in inputs {
                target(&input);
                for at in (0..input.len()).step_by(1 + input.len() / 64) {
                    target(&input[..at]);
                    let mut other = input.clone();
                    other[at] ^= 0x55;
                    target(&other);
                }
            }
        }
    }

    #[test]
    fn every_target_has_its_program() {
        let programs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
        let mut found: Vec<_> = std::fs::read_dir(programs)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        found.sort();
        assert_eq!(found, TARGETS.map(|(name, _)| name));
    }
}
