use super::*;

#[test]
fn types_by_kustos_names() {
    for ty in ColumnType::ALL {
        assert_eq!(ColumnType::from_kusto_name(ty.name()), Some(ty));
        assert_eq!(ty.name().to_uppercase().parse::<ColumnType>().unwrap(), ty);
    }
    for (alias, ty) in [
        ("boolean", ColumnType::Bool),
        ("date", ColumnType::DateTime),
        ("uuid", ColumnType::Guid),
        ("uniqueid", ColumnType::Guid),
        ("int32", ColumnType::Int),
        ("int64", ColumnType::Long),
        ("double", ColumnType::Real),
        ("time", ColumnType::TimeSpan),
    ] {
        assert_eq!(ColumnType::from_kusto_name(alias), Some(ty), "{alias}");
    }
}

#[test]
fn types_by_dotnet_names() {
    for (name, ty) in [
        ("System.Int64", ColumnType::Long),
        ("Int64", ColumnType::Long),
        ("System.UInt32", ColumnType::Long),
        ("System.Int32", ColumnType::Int),
        ("System.SByte", ColumnType::Int),
        ("short", ColumnType::Int),
        ("System.UInt64", ColumnType::Decimal),
        ("System.Decimal", ColumnType::Decimal),
        ("System.Data.SqlTypes.SqlDecimal", ColumnType::Decimal),
        ("System.DateTime", ColumnType::DateTime),
        ("System.TimeSpan", ColumnType::TimeSpan),
        ("System.Guid", ColumnType::Guid),
        ("System.Single", ColumnType::Real),
        ("float", ColumnType::Real),
        ("System.Object", ColumnType::Dynamic),
        ("System.String", ColumnType::String),
        ("system.boolean", ColumnType::Bool),
        ("System.Nullable<System.Int64>", ColumnType::Long),
        ("System.Nullable`1[System.DateTime]", ColumnType::DateTime),
        ("int?", ColumnType::Int),
    ] {
        assert_eq!(ColumnType::from_dotnet_name(name), Some(ty), "{name}");
        assert_eq!(name.parse::<ColumnType>().unwrap(), ty, "{name}");
    }
    assert_eq!(
        ColumnType::from_answer_data_type("System.SByte"),
        Some(ColumnType::Bool)
    );
    let error = Column::with_type_name("a", "System.Uri").unwrap_err();
    assert_eq!(error.argument(), Some("type of column 'a'"));
}

#[test]
fn text_is_the_services_notation_and_null_is_none() {
    let time = DateTime::from_ticks(1).unwrap();
    for (value, text) in [
        (Value::Null, None),
        (Value::String(String::new()), Some("")),
        (Value::Bool(true), Some("true")),
        (Value::Long(i64::MIN), Some("-9223372036854775808")),
        (Value::Real(f64::NEG_INFINITY), Some("-Infinity")),
        (Value::Real(f64::NAN), Some("NaN")),
        (Value::Real(1.5), Some("1.5")),
        (Value::Decimal("1.10".to_owned()), Some("1.10")),
        (Value::DateTime(time), Some("0001-01-01T00:00:00.0000001Z")),
        (
            Value::TimeSpan(TimeSpan::from_ticks(1)),
            Some("00:00:00.0000001"),
        ),
        (
            Value::Dynamic(json!({"a": [1]}).into()),
            Some(r#"{"a":[1]}"#),
        ),
        (Value::Dynamic("x".into()), Some(r#""x""#)),
    ] {
        assert_eq!(value.to_text().as_deref(), text);
    }
}

#[test]
fn json_of_a_data_set() {
    let table = Table {
        name: "T".to_owned(),
        kind: TableKind::PrimaryResult,
        columns: vec![
            Column::new("a", ColumnType::Long),
            Column::new("b", ColumnType::Real),
        ],
        rows: vec![vec![
            Value::Long(9_007_199_254_740_993),
            Value::Real(f64::NAN),
        ]]
        .into(),
    };
    assert_eq!(table.column_index("b"), Some(1));
    assert_eq!(table.column_index("B"), None);
    assert_eq!(
        table.value(0, "a").and_then(Value::as_i64),
        Some(9_007_199_254_740_993)
    );
    assert_eq!(table.value(1, "a"), None);
    let data = DataSet {
        tables: vec![table],
    };
    assert_eq!(
        data.to_json(),
        json!({"tables": [{
            "name": "T",
            "kind": "PrimaryResult",
            "columns": [{"name": "a", "type": "long"}, {"name": "b", "type": "real"}],
            "rows": [[9_007_199_254_740_993_i64, "NaN"]],
        }]})
    );
}
