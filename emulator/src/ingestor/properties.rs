//! The ingestion properties of a message: its `AdditionalProperties`.
//!
//! The service keeps them in a bag of strings. Booleans and numbers are taken as their text (SDKs send
//! both), `validationPolicy` also as an object (the Node SDK sends one); a list that is a JSON array
//! instead of the text of one is malformed, as it was in the SDK versions that sent it.

use regex::Regex;
use serde_json::{Map, Value as Json};

use super::failure::{ErrorCode, Failure};
use super::fields::{Fields, malformed};
use super::formats::DataFormat;
use crate::engine::value::{ColumnType, Value};

/// Which mapping to use; its kind is the format's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum MappingChoice {
    /// By position or by name.
    Identity,
    /// One that was created before.
    Reference(String),
    /// The JSON of one.
    Inline(String),
}

impl MappingChoice {
    /// For people; the JSON of an inline one may be long.
    pub(crate) fn shown(&self) -> Option<String> {
        match self {
            MappingChoice::Identity => None,
            MappingChoice::Reference(name) => Some(name.clone()),
            MappingChoice::Inline(_) => Some("(inline)".to_owned()),
        }
    }
}

/// What csv records are checked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ValidationPolicy {
    constant_columns: bool,
    fail: bool,
}

impl Default for ValidationPolicy {
    /// A source without a policy fails when its records have different numbers of fields: `Stream_WrongNumberOfFields`
    /// in the table of <https://learn.microsoft.com/azure/data-explorer/ingest-invalid-data>.
    fn default() -> Self {
        Self {
            constant_columns: true,
            fail: true,
        }
    }
}

impl ValidationPolicy {
    /// Whether a record of another width than the first one fails the source. Under a policy that says "best
    /// effort" or "do not validate" it is taken as it is.
    pub(crate) fn demands_constant_width(self) -> bool {
        self.constant_columns && self.fail
    }

    /// The policy under which records may have different widths.
    #[cfg(test)]
    pub(crate) fn lax() -> ValidationPolicy {
        ValidationPolicy {
            constant_columns: false,
            fail: false,
        }
    }

    fn read(fields: &Fields<'_>) -> Result<ValidationPolicy, Failure> {
        const OPTIONS: &[&[&str]] = &[
            &["DoNotValidate"],
            &["ValidateCsvInputConstantColumns"],
            &["ValidateCsvInputColumnLevelOnly"],
        ];
        const IMPLICATIONS: &[&[&str]] = &[&["Fail"], &["BestEffort"]];
        let options = fields.choice("ValidationOptions", OPTIONS)?;
        // The Java SDK's name for the implications.
        let implications = match fields.choice("ValidationImplications", IMPLICATIONS)? {
            None => fields.choice("ValidationPolicyType", IMPLICATIONS)?,
            some => some,
        };
        Ok(ValidationPolicy {
            constant_columns: options == Some(1),
            fail: implications == Some(0),
        })
    }

    fn parse(value: &Json) -> Result<ValidationPolicy, Failure> {
        const NAME: &str = "validationPolicy";
        let parsed: Map<String, Json> = match value {
            Json::Object(object) => return Self::read(&Fields::new(object)),
            Json::String(text) if text.is_empty() => return Ok(Self::default()),
            Json::String(text) => serde_json::from_str(text)
                .map_err(|_| malformed(NAME, "must be a JSON object in a string"))?,
            _ => return Err(malformed(NAME, "must be a JSON object in a string")),
        };
        Self::read(&Fields::new(&parsed))
    }
}

/// How a source is to be ingested.
#[derive(Clone, Debug)]
pub(crate) struct Properties {
    pub(crate) format: DataFormat,
    pub(crate) mapping: MappingChoice,
    pub(crate) tags: Vec<String>,
    /// Skip the source when an extent is tagged `ingest-by:` and one of these.
    pub(crate) ingest_if_not_exists: Vec<String>,
    pub(crate) validation: ValidationPolicy,
    pub(crate) ignore_first_record: bool,
    /// In ticks.
    pub(crate) creation_time: Option<i64>,
    pub(crate) gz_as_uncompressed: bool,
    pub(crate) zip_pattern: Option<Regex>,
}

impl Properties {
    /// Reads the bag. `blob_name` tells the format when the bag does not; `top_level_policy` is the
    /// message's own `validationPolicy` (the Java SDK puts it there).
    pub(crate) fn read(
        bag: &Fields<'_>,
        blob_name: &str,
        top_level_policy: Option<&Json>,
    ) -> Result<Properties, Failure> {
        let format = match bag.text("format")?.filter(|name| !name.is_empty()) {
            Some(name) => DataFormat::parse(&name)?,
            None => DataFormat::of_blob_name(blob_name)?,
        };
        let policy = bag.get("validationPolicy").or(top_level_policy);
        Ok(Properties {
            format,
            mapping: mapping(bag, format)?,
            tags: tags(bag)?,
            ingest_if_not_exists: ingest_if_not_exists(bag)?,
            validation: policy.map_or(Ok(ValidationPolicy::default()), ValidationPolicy::parse)?,
            ignore_first_record: bag.flag("ignoreFirstRecord")?,
            creation_time: creation_time(bag)?,
            gz_as_uncompressed: bag.flag("TreatGzAsUncompressed")?,
            zip_pattern: zip_pattern(bag)?,
        })
    }

    /// The properties for `.show ingestion failures`.
    pub(crate) fn describe(&self) -> String {
        let mapping = match &self.mapping {
            MappingChoice::Identity => String::new(),
            MappingChoice::Reference(name) => format!(", ingestionMappingReference={name}"),
            MappingChoice::Inline(_) => ", ingestionMapping=(inline)".to_owned(),
        };
        format!("format={}{mapping}", self.format.name())
    }
}

/// The mapping and the check that there is one at most and that its kind fits the format.
fn mapping(bag: &Fields<'_>, format: DataFormat) -> Result<MappingChoice, Failure> {
    // (inline, reference, kind): the documented names, then the synonyms. `mappingReference` is how the
    // service's REST sample writes it.
    const NAMES: [(&str, &str, Option<&str>); 5] = [
        ("ingestionMapping", "ingestionMappingReference", None),
        ("mapping", "mappingReference", None),
        ("csvMapping", "csvMappingReference", Some("csv")),
        ("jsonMapping", "jsonMappingReference", Some("json")),
        ("avroMapping", "avroMappingReference", Some("avro")),
    ];
    let given_kind = bag
        .text("ingestionMappingType")?
        .filter(|kind| !kind.is_empty());
    let mut found = Vec::new();
    for (inline, reference, kind) in NAMES {
        let kind = kind.map(str::to_owned).or_else(|| given_kind.clone());
        if let Some(json) = bag.text(inline)? {
            found.push((MappingChoice::Inline(json), kind.clone()));
        }
        if let Some(name) = bag.text(reference)? {
            if name.is_empty() {
                return Err(Failure::new(
                    ErrorCode::EmptyMappingReference,
                    format!("Ingestion property '{reference}' is empty."),
                ));
            }
            found.push((MappingChoice::Reference(name), kind));
        }
    }
    if found.len() > 1 {
        return Err(Failure::new(
            ErrorCode::DuplicateMapping,
            "More than one mapping is given: an inline mapping and a mapping reference exclude each other.",
        ));
    }
    let Some((choice, kind)) = found.pop() else {
        return Ok(MappingChoice::Identity);
    };
    let wanted = format.mapping_kind().name();
    match kind {
        Some(kind) if !kind.eq_ignore_ascii_case(wanted) => Err(Failure::new(
            ErrorCode::InconsistentMapping,
            format!(
                "A mapping of kind '{kind}' does not fit format '{}', which takes '{wanted}'.",
                format.name()
            ),
        )),
        _ => Ok(choice),
    }
}

fn tags(bag: &Fields<'_>) -> Result<Vec<String>, Failure> {
    let text = bag.text("tags")?.unwrap_or_default();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str(&text)
        .map_err(|_| malformed("tags", "must be a JSON array of strings in a string"))
}

/// A JSON array in a string, as documented. The official Go and Node SDKs send the bare value instead;
/// what the service makes of it is not documented, and here it is taken as the one value that is meant.
fn ingest_if_not_exists(bag: &Fields<'_>) -> Result<Vec<String>, Failure> {
    const NAME: &str = "ingestIfNotExists";
    let text = bag.text(NAME)?.unwrap_or_default();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    if !text.trim_start().starts_with('[') {
        return Ok(vec![text]);
    }
    serde_json::from_str(&text)
        .map_err(|_| malformed(NAME, "must be a JSON array of strings in a string"))
}

/// The zero time means "not given": the Go SDK always sends the property.
fn creation_time(bag: &Fields<'_>) -> Result<Option<i64>, Failure> {
    let text = bag.text("creationTime")?.unwrap_or_default();
    if text.is_empty() {
        return Ok(None);
    }
    match Value::from_text(ColumnType::DateTime, &text) {
        Ok(Value::DateTime(0)) => Ok(None),
        Ok(Value::DateTime(ticks)) => Ok(Some(ticks)),
        _ => Err(malformed("creationTime", "must be an ISO 8601 time")),
    }
}

fn zip_pattern(bag: &Fields<'_>) -> Result<Option<Regex>, Failure> {
    const NAME: &str = "zipPattern";
    match bag.text(NAME)?.filter(|pattern| !pattern.is_empty()) {
        None => Ok(None),
        Some(pattern) => Regex::new(&pattern)
            .map(Some)
            .map_err(|_| malformed(NAME, "is not a regular expression")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(bag: Json) -> Result<Properties, Failure> {
        Properties::read(&Fields::new(bag.as_object().unwrap()), "x.csv", None)
    }

    fn code(bag: Json) -> ErrorCode {
        read(bag).unwrap_err().code
    }

    #[test]
    fn defaults() {
        let properties = read(json!({})).unwrap();
        assert_eq!(properties.format, DataFormat::Csv);
        assert_eq!(properties.mapping, MappingChoice::Identity);
        assert!(properties.tags.is_empty());
        assert!(!properties.ignore_first_record);
        assert_eq!(properties.creation_time, None);
        assert!(properties.validation.demands_constant_width());
    }

    #[test]
    fn values_are_strings_or_json_scalars() {
        for flag in [json!(true), json!("true"), json!("True")] {
            let properties = read(json!({"IgnoreFirstRecord": flag})).unwrap();
            assert!(properties.ignore_first_record);
        }
        let properties =
            read(json!({"Format": "MultiJson", "treatgzasuncompressed": "true"})).unwrap();
        assert_eq!(properties.format, DataFormat::MultiJson);
        assert!(properties.gz_as_uncompressed);
    }

    #[test]
    fn tags_are_an_array_in_a_string() {
        let properties = read(json!({"tags": "[\"drop-by:a\",\"ingest-by:b\",\"c\"]"})).unwrap();
        assert_eq!(properties.tags, ["drop-by:a", "ingest-by:b", "c"]);
        assert_eq!(
            code(json!({"tags": ["a"]})),
            ErrorCode::MalformedIngestionProperty
        );
        assert_eq!(
            code(json!({"tags": "a"})),
            ErrorCode::MalformedIngestionProperty
        );
    }

    #[test]
    fn ingest_if_not_exists_is_an_array_or_a_bare_value() {
        let of = |text: &str| {
            read(json!({"ingestIfNotExists": text}))
                .unwrap()
                .ingest_if_not_exists
        };
        assert_eq!(of("[\"a\",\"b\"]"), ["a", "b"]);
        assert_eq!(of("part 1"), ["part 1"]);
        assert!(of("").is_empty());
        assert_eq!(
            code(json!({"ingestIfNotExists": "[1"})),
            ErrorCode::MalformedIngestionProperty
        );
    }

    #[test]
    fn validation_policy_in_all_forms() {
        for policy in [
            json!("{\"ValidationOptions\":1,\"ValidationImplications\":0}"),
            json!({"validationOptions": "ValidateCsvInputConstantColumns", "validationPolicyType": "Fail"}),
            json!({"ValidationOptions": "1", "ValidationImplications": "fail"}),
        ] {
            let properties = read(json!({"ValidationPolicy": policy})).unwrap();
            assert!(properties.validation.demands_constant_width());
        }
        for policy in [
            json!("{\"ValidationOptions\":1,\"ValidationImplications\":1}"),
            json!({"ValidationOptions": "DoNotValidate", "ValidationImplications": "Fail"}),
        ] {
            let properties = read(json!({"ValidationPolicy": policy})).unwrap();
            assert!(!properties.validation.demands_constant_width());
        }
        let bag = json!({});
        let top = json!({"validationOptions": 1, "validationImplications": 0});
        let fields = Fields::new(bag.as_object().unwrap());
        let properties = Properties::read(&fields, "x", Some(&top)).unwrap();
        assert!(properties.validation.demands_constant_width());
        assert_eq!(
            code(json!({"validationPolicy": "x"})),
            ErrorCode::MalformedIngestionProperty
        );
        assert_eq!(
            code(json!({"validationPolicy": {"ValidationOptions": 7}})),
            ErrorCode::MalformedIngestionProperty
        );
    }

    #[test]
    fn mappings() {
        let of = |bag| read(bag).unwrap().mapping;
        let reference = MappingChoice::Reference("m".to_owned());
        assert_eq!(of(json!({"ingestionMappingReference": "m"})), reference);
        assert_eq!(of(json!({"csvMappingReference": "m"})), reference);
        assert_eq!(
            of(
                json!({"format": "json", "ingestionMappingReference": "m", "ingestionMappingType": "Json"})
            ),
            reference
        );
        assert_eq!(
            of(json!({"format": "json", "jsonMapping": "[]"})),
            MappingChoice::Inline("[]".to_owned())
        );
        assert_eq!(
            of(json!({"ingestionMappingType": "Json"})),
            MappingChoice::Identity
        );
    }

    #[test]
    fn wrong_mappings() {
        assert_eq!(
            code(json!({"ingestionMapping": "[]", "ingestionMappingReference": "m"})),
            ErrorCode::DuplicateMapping
        );
        assert_eq!(
            code(json!({"ingestionMappingReference": ""})),
            ErrorCode::EmptyMappingReference
        );
        assert_eq!(
            code(json!({"format": "json", "csvMapping": "[]"})),
            ErrorCode::InconsistentMapping
        );
        assert_eq!(
            code(json!({"ingestionMappingReference": "m", "ingestionMappingType": "Parquet"})),
            ErrorCode::InconsistentMapping
        );
        assert_eq!(
            code(json!({"format": "xml"})),
            ErrorCode::FormatNotSupported
        );
    }

    #[test]
    fn patterns_are_checked() {
        assert!(
            read(json!({"zipPattern": "\\.csv$"}))
                .unwrap()
                .zip_pattern
                .is_some()
        );
        assert_eq!(
            code(json!({"zipPattern": "("})),
            ErrorCode::MalformedIngestionProperty
        );
    }
}
