use proptest::prelude::*;
use serde_json::{Value, json};
use time::macros::datetime;

use super::*;
use crate::props::catalog::NAMES;
use crate::props::{ValidationImplications, ValidationOptions};
use crate::secret::Secret;

fn base() -> IngestionProperties {
    IngestionProperties::new("db", "T")
}

fn wire(properties: &IngestionProperties, format: DataFormat) -> Value {
    serde_json::to_value(properties.additional_properties_wire(&Secret::from("token"), format))
        .unwrap()
}

#[test]
fn defaults() {
    let properties = base();
    assert!(properties.retain_blob_on_success());
    assert_eq!(properties.report_level(), ReportLevel::FailuresOnly);
    assert_eq!(properties.report_method(), ReportMethod::Queue);
    assert!(properties.validate().is_ok());
    assert_eq!(
        wire(&properties, DataFormat::Csv),
        json!({"authorizationContext": "token", "format": "csv", "ignoreFirstRecord": "false"})
    );
}

#[test]
fn the_wire_form_is_strings_all_through() {
    let properties = base()
        .with_mapping_reference("m1")
        .with_tag("plain")
        .with_drop_by_tag("d1")
        .with_ingest_by_tag("k1")
        .with_ingest_if_not_exists(["k1"])
        .with_ignore_first_record(true)
        .with_creation_time(datetime!(2024-05-01 02:00:00.123456789 +2))
        .with_validation_policy(ValidationPolicy {
            options: ValidationOptions::ValidateCsvInputConstantColumns,
            implications: ValidationImplications::BestEffort,
        })
        .with_additional_property("zipPattern", "*.csv");
    let mut wire = wire(&properties, DataFormat::MultiJson);
    let policy: Value = serde_json::from_str(wire["validationPolicy"].as_str().unwrap()).unwrap();
    assert_eq!(
        policy,
        json!({"ValidationOptions": 1, "ValidationImplications": 1})
    );
    wire.as_object_mut().unwrap().remove("validationPolicy");
    assert_eq!(
        wire,
        json!({
            "authorizationContext": "token",
            "format": "multijson",
            "ingestionMappingReference": "m1",
            "ingestionMappingType": "Json",
            "tags": r#"["plain","drop-by:d1","ingest-by:k1"]"#,
            "ingestIfNotExists": r#"["k1"]"#,
            "ignoreFirstRecord": "true",
            "creationTime": "2024-05-01T00:00:00.1234567Z",
            "zipPattern": "*.csv",
        })
    );
}

#[test]
fn once_is_a_tag_and_the_condition_on_it() {
    let properties = base().with_once("old").with_once("k,1 \"ü\"");
    let sent = wire(&properties, DataFormat::Csv);
    assert_eq!(sent["tags"], r#"["ingest-by:k,1 \"ü\""]"#);
    assert_eq!(sent["ingestIfNotExists"], r#"["k,1 \"ü\""]"#);
    assert!(properties.is_idempotent() && properties.validate().is_ok());

    let with_others = base()
        .with_tag("plain")
        .with_ingest_by_tag("k")
        .with_ingest_if_not_exists(["other", "k"])
        .with_once("k");
    let sent = wire(&with_others, DataFormat::Csv);
    assert_eq!(sent["tags"], r#"["plain","ingest-by:k"]"#);
    assert_eq!(sent["ingestIfNotExists"], r#"["other","k"]"#);
    assert!(
        with_others.is_idempotent() && !base().with_ingest_if_not_exists(["k"]).is_idempotent()
    );
}

#[test]
fn a_key_that_no_tag_can_be_is_refused() {
    let long = "ü".repeat(1024);
    for key in ["", " \t", "a\nb", "a\0", "\u{7f}", &format!("{long}x")] {
        let error = base().with_once(key).validate().unwrap_err();
        assert_eq!(error.argument(), Some("once"), "{key:?}");
        let mut properties = base().with_once("kept");
        assert_eq!(
            properties.set_once(key).unwrap_err().argument(),
            Some("key")
        );
        assert_eq!(properties.once(), Some("kept"));
    }
    assert!(base().with_once(long).validate().is_ok());
}

#[test]
fn an_inline_mapping_travels_as_text_with_its_kind() {
    let mapping = Mapping::new(
        MappingKind::Csv,
        vec![
            ColumnMapping::ordinal("a", 0),
            ColumnMapping::constant("b", ""),
        ],
    )
    .unwrap();
    let wire = wire(&base().with_mapping(mapping), DataFormat::Tsv);
    assert_eq!(wire["ingestionMappingType"], "Csv");
    let sent: Value = serde_json::from_str(wire["ingestionMapping"].as_str().unwrap()).unwrap();
    assert_eq!(
        sent,
        json!([
            {"Column": "a", "Properties": {"Ordinal": "0"}},
            {"Column": "b", "Properties": {"ConstValue": ""}},
        ])
    );
}

#[test]
fn additional_properties_have_one_value_in_any_case() {
    let properties = base()
        .with_additional_property("zipPattern", "*.csv")
        .with_additional_property("ZIPPATTERN", "*.json");
    let wire = wire(&properties, DataFormat::Csv);
    assert_eq!(wire["ZIPPATTERN"], "*.json");
    assert!(wire.get("zipPattern").is_none());
}

#[test]
fn the_callers_properties_are_not_changed_by_their_use() {
    let properties = base().with_additional_property("a", "b");
    let before = properties.additional_properties().clone();
    wire(&properties, DataFormat::Csv);
    assert_eq!(properties.additional_properties(), &before);
}

#[test]
fn the_level_is_raised_when_the_table_is_used() {
    for method in [ReportMethod::Table, ReportMethod::QueueAndTable] {
        let properties = base()
            .with_report_level(ReportLevel::DoNotReport)
            .with_report_method(method);
        assert_eq!(properties.report_level(), ReportLevel::FailuresAndSuccesses);
    }
    let properties = base().with_report_level(ReportLevel::DoNotReport);
    assert_eq!(properties.report_level(), ReportLevel::DoNotReport);
}

#[test]
fn format_is_the_one_set_or_the_names_or_the_mappings_or_csv() {
    let set = base().with_format(DataFormat::Psv);
    assert_eq!(set.resolve_format("a.json"), DataFormat::Psv);
    assert_eq!(base().resolve_format("a.json.gz"), DataFormat::Json);
    assert_eq!(base().resolve_format("a.unknown"), DataFormat::Csv);
    assert_eq!(base().resolve_format(""), DataFormat::Csv);
    let mapped = base().with_mapping_source(MappingSource::Reference {
        name: "m".to_owned(),
        kind: Some(MappingKind::Json),
    });
    assert_eq!(mapped.resolve_format(""), DataFormat::Json);
    assert_eq!(mapped.resolve_format("a.multijson"), DataFormat::MultiJson);
}

#[test]
fn a_mapping_must_fit_the_format() {
    let json_mapping = || {
        let columns = vec![ColumnMapping::path("a", "$.a")];
        base().with_mapping(Mapping::new(MappingKind::Json, columns).unwrap())
    };
    assert!(json_mapping().validate().is_ok());
    assert!(
        json_mapping()
            .with_format(DataFormat::SingleJson)
            .validate()
            .is_ok()
    );
    let error = json_mapping()
        .with_format(DataFormat::Csv)
        .validate()
        .unwrap_err();
    assert_eq!(error.argument(), Some("ingestionMapping"));
    assert!(json_mapping().check_format(DataFormat::Parquet).is_err());

    let mut two_fields = base().with_format(DataFormat::Txt);
    two_fields
        .set("ingestionMapping", r#"[{"Name":"a","Ordinal":1}]"#)
        .unwrap();
    assert!(two_fields.validate().is_err());
}

#[test]
fn wrong_values_are_named() {
    let long = "x".repeat(1025);
    let cases = [
        (IngestionProperties::new("", "T"), "database"),
        (IngestionProperties::new("db", " "), "table"),
        (IngestionProperties::new("db", &long), "table"),
        (base().with_tag(""), "tags"),
        (base().with_ingest_by_tag(" "), "tags"),
        (base().with_ingest_if_not_exists([""]), "ingestIfNotExists"),
        (
            base().with_mapping_reference(" "),
            "ingestionMappingReference",
        ),
        (
            base().with_additional_property("AuthorizationContext", "x"),
            "authorizationContext",
        ),
        (
            base().with_additional_property(" ", "x"),
            "additional property",
        ),
        (base().with_additional_property("FORMAT", "xml"), "format"),
        (
            base().with_additional_property("ignoreFirstRecord", "perhaps"),
            "ignoreFirstRecord",
        ),
        (
            base().with_creation_time(datetime!(0000-01-01 00:00 UTC)),
            "creationTime",
        ),
    ];
    for (properties, argument) in cases {
        let error = properties.validate().unwrap_err();
        assert_eq!(error.argument(), Some(argument), "{error}");
    }
}

#[test]
fn names_may_be_of_any_script() {
    let properties =
        IngestionProperties::new("Données", "表格 1").with_mapping_reference("Ünïcode");
    assert!(properties.validate().is_ok());
    let longest = "ü".repeat(1024);
    assert!(IngestionProperties::new("db", longest).validate().is_ok());
}

#[test]
fn everything_can_be_set_by_name() {
    let mut properties = base();
    for (name, value) in [
        ("Format", "JSON"),
        ("tags", r#"["drop-by:d"]"#),
        ("ingestIfNotExists", r#"["k"]"#),
        ("ingestionMappingReference", "m"),
        ("ingestionMappingType", "json"),
        ("reportLevel", "none"),
        ("reportMethod", "0"),
        ("flushImmediately", "True"),
        ("ignoreFirstRecord", "1"),
        ("CREATIONTIME", "2024-05-01T10:00:00+02:00"),
        ("validationPolicy", r#"{"ValidationOptions":2}"#),
        ("ignoreSizeLimit", "true"),
        ("retainBlobOnSuccess", "false"),
        ("recreate_schema", "true"),
    ] {
        properties.set_additional(name, value).unwrap();
    }
    assert_eq!(properties.format(), Some(DataFormat::Json));
    assert_eq!(properties.tags().drop_by(), ["d"]);
    assert_eq!(properties.ingest_if_not_exists(), ["k"]);
    let reference = MappingSource::Reference {
        name: "m".to_owned(),
        kind: Some(MappingKind::Json),
    };
    assert_eq!(properties.mapping(), &reference);
    assert_eq!(properties.report_level(), ReportLevel::DoNotReport);
    assert!(properties.flush_immediately() && properties.ignore_first_record());
    assert_eq!(
        properties.creation_time(),
        Some(datetime!(2024-05-01 08:00 UTC))
    );
    let policy = properties.validation_policy().unwrap();
    assert_eq!(
        policy.options,
        ValidationOptions::ValidateCsvInputColumnLevelOnly
    );
    assert!(properties.ignore_size_limit() && !properties.retain_blob_on_success());
    assert_eq!(
        properties.additional_properties()["recreate_schema"],
        "true"
    );
    // A later value takes the place of an earlier one, also to switch something off.
    properties.set("flushImmediately", "false").unwrap();
    assert!(!properties.flush_immediately());
}

#[test]
fn every_property_of_the_catalog_is_known_by_name() {
    for name in NAMES {
        let mut properties = base();
        // Most refuse this value, and none passes it on.
        let _ = properties.set_additional(name, "[]");
        assert!(properties.additional_properties().is_empty(), "{name}");
    }
}

#[test]
fn a_mapping_given_before_the_format_follows_it() {
    let mut properties = base();
    let json = r#"[{"column":"a","path":"$.a","datatype":"","transform":null}]"#;
    properties.set("ingestionMapping", json).unwrap();
    properties.set("format", "multijson").unwrap();
    properties.validate().unwrap();
    assert_eq!(
        wire(&properties, DataFormat::MultiJson)["ingestionMappingType"],
        "Json"
    );
    properties.set("format", "csv").unwrap();
    assert!(properties.validate().is_err());
}

#[test]
fn an_unknown_name_is_refused_with_the_nearest_and_passed_on_when_asked() {
    for (name, message) in [
        (
            "ingestifnotexist",
            "unknown property 'ingestifnotexist': did you mean 'ingestIfNotExists'?",
        ),
        (" Flush ", "unknown property 'Flush'"),
        (
            "ignoreFirstRecords",
            "unknown property 'ignoreFirstRecords': did you mean 'ignoreFirstRecord'?",
        ),
    ] {
        let mut properties = base();
        let error = properties.set(name, "true").unwrap_err();
        assert_eq!(error.argument(), Some(name.trim()));
        assert_eq!(error.message(), message);
        assert!(properties.additional_properties().is_empty());
        properties.set_additional(name, "true").unwrap();
        assert_eq!(properties.additional_properties()[name.trim()], "true");
    }
    let mut properties = base();
    properties
        .set_additional("IGNOREFIRSTRECORD", "true")
        .unwrap();
    assert!(properties.ignore_first_record());
    assert!(
        properties
            .set_additional("ignoreFirstRecord", "perhaps")
            .is_err()
    );
}

#[test]
fn a_listed_name_means_the_same_among_the_additional_ones() {
    let properties = base()
        .with_format(DataFormat::Csv)
        .with_additional_property("FORMAT", "json");
    properties.validate().unwrap();
    assert_eq!(properties.format(), Some(DataFormat::Json));
    assert!(properties.additional_properties().is_empty());
    assert_eq!(properties.resolve_format("a.csv"), DataFormat::Json);
}

#[test]
fn names_that_cannot_be_set_and_values_that_cannot_be_read_are_named() {
    for (name, value, argument) in [
        ("authorizationCONTEXT", "x", "authorizationContext"),
        ("", "x", "additional property"),
        ("format", "xml", "format"),
        ("flushImmediately", "yes", "flushImmediately"),
        ("creationTime", "yesterday", "creationTime"),
        ("tags", "a,b", "tags"),
        ("ingestIfNotExists", "k", "ingestIfNotExists"),
        ("ingestionMapping", "{}", "ingestionMapping"),
        ("ingestionMappingType", "json", "ingestionMappingType"),
        ("reportLevel", "3", "reportLevel"),
        ("reportMethod", "AzureMonitoring", "reportMethod"),
        (
            "csvMapping",
            r#"[{"column":"a","path":"$.a"}]"#,
            "ingestionMapping",
        ),
    ] {
        let error = base().set(name, value).unwrap_err();
        assert_eq!(error.argument(), Some(argument), "{name}");
    }
}

proptest! {
    #[test]
    fn no_pair_of_texts_breaks_the_pass_through(name in any::<String>(), value in any::<String>()) {
        let mut properties = base();
        let _ = properties.set(&name, &value);
        if properties.set_additional(&name, &value).is_ok() {
            let _ = properties.validate();
            wire(&properties, DataFormat::Csv);
        }
    }
}

#[test]
fn an_empty_mapping_reference_is_none() {
    let props = base().with_mapping_reference("");
    assert!(matches!(props.mapping(), MappingSource::None));
    props.validate().unwrap();
    let mut props = base().with_mapping_reference("m");
    props.set("ingestionMappingReference", "").unwrap();
    assert!(matches!(props.mapping(), MappingSource::None));
    let mut props = json_mapping_columns();
    props.set("ingestionMappingReference", "").unwrap();
    assert!(matches!(props.mapping(), MappingSource::InlineColumns(_)));
}

fn json_mapping_columns() -> IngestionProperties {
    let mut props = base();
    let mapping = r#"[{"Column":"a","Properties":{"Path":"$.a"}}]"#;
    props.set("ingestionMapping", mapping).unwrap();
    props
}
