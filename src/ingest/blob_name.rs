//! The name of an uploaded blob: safe ASCII, unique by its source id, with a suffix that matches
//! the content.

use uuid::Uuid;

use crate::props::DataFormat;
use crate::source::encoding::Encoding;

/// Longest part taken from a user's name.
const MAX_PART: usize = 100;
/// Room for names of usual length.
const USUAL: usize = 128;

/// `{database}__{table}__{source id}__{name}.{format}{suffix}`. The service takes the compression
/// from the suffix; the rest is for people who inspect the container.
pub(crate) fn blob_name(
    database: &str,
    table: &str,
    source_id: Uuid,
    source_name: Option<&str>,
    format: DataFormat,
    encoding: &Encoding,
) -> String {
    let stem = source_name.map_or("stream", stem);
    let mut name = String::with_capacity(USUAL);
    push_safe(&mut name, database);
    name.push_str("__");
    push_safe(&mut name, table);
    name.push_str("__");
    name.push_str(
        source_id
            .hyphenated()
            .encode_lower(&mut Uuid::encode_buffer()),
    );
    name.push_str("__");
    push_safe(&mut name, stem);
    for part in [".", format.wire_name(), encoding.suffix] {
        name.push_str(part);
    }
    name
}

/// The file name without its extensions.
fn stem(name: &str) -> &str {
    let end = name
        .trim_start_matches('.')
        .find('.')
        .map_or(name.len(), |at| {
            at + (name.len() - name.trim_start_matches('.').len())
        });
    match &name[..end] {
        "" => "stream",
        stem => stem,
    }
}

/// ASCII letters, digits, `-` and `_`; everything else, percent signs and separators included,
/// becomes `_`.
fn push_safe(name: &mut String, part: &str) {
    name.extend(part.chars().take(MAX_PART).map(|c| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(source_name: Option<&str>, format: DataFormat) -> String {
        let encoding = Encoding::decide(None, source_name, format);
        blob_name("Db é/1", "T?x", Uuid::nil(), source_name, format, &encoding)
    }

    #[test]
    fn names_are_safe_and_tell_the_truth() {
        let id = Uuid::nil();
        let prefix = format!("Db___1__T_x__{id}__");
        for (source_name, format, end) in [
            (None, DataFormat::Csv, "stream.csv.gz"),
            (Some("a b.json"), DataFormat::Json, "a_b.json.gz"),
            (Some("x.csv.gz"), DataFormat::Csv, "x.csv.gz"),
            (Some("x.tar.zip"), DataFormat::Csv, "x.csv.zip"),
            (Some("p.parquet"), DataFormat::Parquet, "p.parquet"),
            (Some(".hidden.csv"), DataFormat::Csv, "_hidden.csv.gz"),
            (Some(""), DataFormat::Csv, "stream.csv.gz"),
        ] {
            assert_eq!(name(source_name, format), format!("{prefix}{end}"));
        }
    }

    #[test]
    fn long_names_are_cut() {
        let long = "é".repeat(5000);
        assert!(name(Some(&long), DataFormat::Csv).len() < 400);
    }
}
