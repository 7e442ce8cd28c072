use super::*;

fn parse(kind: MappingKind, json: &str) -> Mapping {
    Mapping::parse(kind, json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

#[test]
fn the_three_spellings_of_the_current_shape_are_one() {
    let expected = Mapping::new(
        MappingKind::Json,
        vec![
            ColumnMapping::path("a", "$['odd name']")
                .with_data_type("long")
                .with_transform(Transform::DateTimeFromUnixMilliseconds),
        ],
    )
    .unwrap();
    for (column, data_type, properties, path) in [
        ("Column", "DataType", "Properties", "Path"),
        ("column", "datatype", "properties", "path"),
        ("columnName", "columnType", "properties", "Path"),
    ] {
        let json = json!([{
            column: "a",
            data_type: "long",
            properties: {path: "$['odd name']", "Transform": "DateTimeFromUnixMilliseconds"},
        }]);
        assert_eq!(parse(MappingKind::Json, &json.to_string()), expected);
    }
}

#[test]
fn the_legacy_shapes_become_the_current_one() {
    let csv = parse(
        MappingKind::Csv,
        r#"[{"Name":"a","DataType":"int","CsvDataType":null,"Ordinal":0,"ConstValue":null},
            {"Name":"b","datatype":"","Ordinal":"16"},
            {"Name":"c","ConstValue":7}]"#,
    );
    let wire: Value = serde_json::from_str(&csv.to_wire_json()).unwrap();
    assert_eq!(
        wire,
        json!([
            {"Column": "a", "DataType": "int", "Properties": {"Ordinal": "0"}},
            {"Column": "b", "Properties": {"Ordinal": "16"}},
            {"Column": "c", "Properties": {"ConstValue": "7"}},
        ])
    );
    let legacy = r#"[{"column":"a","path":"$.a","datatype":"","transform":null}]"#;
    let mapping = parse(MappingKind::Json, legacy);
    assert_eq!(mapping.columns(), [ColumnMapping::path("a", "$.a")]);
}

#[test]
fn transforms_are_single_names_and_new_ones_pass() {
    let json = r#"[{"Column":"a","Properties":{"Path":"$.a","Transform":"propertybagarraytodictionary"}},
                   {"Column":"b","Properties":{"Path":"$.b","Transform":"None"}},
                   {"Column":"c","Properties":{"Path":"$.c","Transform":"FromTheFuture","New":"x"}}]"#;
    let wire: Value = serde_json::from_str(&parse(MappingKind::Json, json).to_wire_json()).unwrap();
    assert_eq!(
        wire[0]["Properties"]["Transform"],
        "PropertyBagArrayToDictionary"
    );
    assert_eq!(wire[1]["Properties"], json!({"Path": "$.b"}));
    assert_eq!(
        wire[2]["Properties"],
        json!({"Path": "$.c", "Transform": "FromTheFuture", "New": "x"})
    );
}

#[test]
fn empty_constants_and_paths_are_kept() {
    let columns = vec![
        ColumnMapping::constant("a", ""),
        ColumnMapping::path("b", ""),
    ];
    let mapping = Mapping::new(MappingKind::Json, columns).unwrap();
    let again = parse(MappingKind::Json, &mapping.to_wire_json());
    assert_eq!(again, mapping);
}

#[test]
fn each_kind_has_its_rules() {
    use MappingKind::*;
    use Transform::*;
    let ordinal = || ColumnMapping::ordinal("x", 1);
    let path = || ColumnMapping::path("x", "$.x");
    let field = || ColumnMapping::field("x", "x");
    let both = |properties: &str| {
        parse_columns(&format!(r#"[{{"Column":"x","Properties":{properties}}}]"#))
            .unwrap()
            .remove(0)
    };
    let cases = [
        (Csv, ordinal(), true),
        (Csv, path(), false),
        (Csv, ColumnMapping::constant("x", "1"), true),
        (Csv, ColumnMapping::transform("x", SourceLocation), true),
        (Csv, ordinal().with_transform(SourceLocation), false),
        (Csv, both(r#"{"Ordinal":"1","ConstValue":"c"}"#), false),
        (Csv, both("{}"), false),
        (Json, path(), true),
        (Json, ordinal(), false),
        (Json, field(), false),
        (Json, ColumnMapping::transform("x", SourceLineNumber), true),
        (Json, path().with_transform(SourceLineNumber), false),
        (Json, ColumnMapping::transform("x", DropMappedFields), false),
        (Parquet, field(), true),
        (Orc, path(), true),
        (Avro, both(r#"{"Field":"f","Path":"$.f"}"#), false),
        (ApacheAvro, field().with_transform(BytesAsBase64), true),
        (SStream, ordinal(), false),
        (W3cLogFile, field(), true),
        (W3cLogFile, path(), false),
        (Json, ColumnMapping::path(" ", "$.x"), false),
    ];
    for (kind, column, valid) in cases {
        let result = Mapping::new(kind, vec![column.clone()]);
        assert_eq!(result.is_ok(), valid, "{kind} {column:?}: {result:?}");
    }
}

#[test]
fn a_mapping_has_columns_and_none_twice() {
    assert!(Mapping::new(MappingKind::Csv, Vec::new()).is_err());
    let twice = vec![
        ColumnMapping::ordinal("a", 0),
        ColumnMapping::ordinal("a", 1),
    ];
    let error = Mapping::new(MappingKind::Csv, twice).unwrap_err();
    assert!(error.message().contains("'a'"), "{error}");
    // Names of columns are case-sensitive.
    let two = vec![
        ColumnMapping::ordinal("a", 0),
        ColumnMapping::ordinal("A", 0),
    ];
    assert!(Mapping::new(MappingKind::Csv, two).is_ok());
}

#[test]
fn an_invalid_mapping_is_rejected() {
    for json in [
        "",
        "[",
        "{}",
        "[1]",
        r#"[{"Column":"a","Properties":{"Ordinal":"-1"}}]"#,
        r#"[{"Column":"a","Properties":{"Ordinal":"x"}}]"#,
        r#"[{"Column":"a","Properties":[]}]"#,
        r#"[{"Column":{},"Properties":{"Ordinal":"1"}}]"#,
        r#"[{"Properties":{"Ordinal":"1"}}]"#,
    ] {
        let error = Mapping::parse(MappingKind::Csv, json).unwrap_err();
        assert_eq!(error.argument(), Some("ingestionMapping"), "{json}");
    }
}

#[test]
fn the_avro_kinds_stand_in_for_each_other() {
    assert!(MappingKind::Avro.fits(DataFormat::ApacheAvro));
    assert!(MappingKind::ApacheAvro.fits(DataFormat::Avro));
    assert!(!MappingKind::Orc.fits(DataFormat::Parquet));
    for kind in MappingKind::ALL {
        assert!(kind.fits(kind.default_format()), "{kind}");
        assert_eq!(kind.wire_name().parse::<MappingKind>().unwrap(), kind);
        assert_eq!(kind.wire_name().to_lowercase(), kind.command_name());
    }
}
