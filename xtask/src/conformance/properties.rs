//! Whether every property that the library knows is set by a scenario that shows it on the wire.

use serde_json::Value;

use super::scenario::Written;
use crate::workspace;

/// Properties for which steps have a member.
const MEMBERS: [(&str, &str); 6] = [
    ("format", "format"),
    ("ingestionMapping", "mapping"),
    ("ingestionMappingReference", "mapping_ref"),
    ("reportLevel", "report_level"),
    ("reportMethod", "report_method"),
    ("tags", "tags"),
];

/// Properties that have another name in the message than their own.
const SYNONYMS: [(&str, &str); 7] = [
    ("avroMapping", "ingestionMapping"),
    ("avroMappingReference", "ingestionMappingReference"),
    ("csvMapping", "ingestionMapping"),
    ("csvMappingReference", "ingestionMappingReference"),
    ("ingestionMappingKind", "ingestionMappingType"),
    ("jsonMapping", "ingestionMapping"),
    ("jsonMappingReference", "ingestionMappingReference"),
];

/// Those that the service reads and the library passes on (wire-v1 sections 5.2 and 5.5).
const PASSED_ON: [&str; 2] = ["TreatGzAsUncompressed", "zipPattern"];

/// In small letters: the names that `IngestionProperties::set` compares with.
fn known() -> Vec<String> {
    let file = workspace::root().join("src/props/properties/pass_through.rs");
    let text = workspace::read(&file).unwrap();
    let (_, body) = text.split_once("pub fn set(").unwrap();
    let (arms, _) = body.split_once("_ => {").unwrap();
    let arms = arms.lines().map(str::trim);
    let arms = arms.filter(|line| line.starts_with('"'));
    let names = arms.filter_map(|line| line.split_once("=>"));
    names
        .flat_map(|(names, _)| names.split('|'))
        .map(|name| name.trim().trim_matches('"').to_owned())
        .collect()
}

/// The members of a queue message, from the structure that is written as one.
fn members_of_messages() -> Vec<String> {
    let text = workspace::read(&workspace::root().join("src/post/message.rs")).unwrap();
    let (_, body) = text.split_once("pub(crate) struct Message {").unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let fields = body
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub(crate) "));
    fields
        .filter_map(|field| field.split_once(':'))
        .map(|(name, _)| name.replace('_', ""))
        .collect()
}

fn other<'a>(names: &[(&str, &'a str)], of: &str) -> Option<&'a str> {
    let mut names = names.iter();
    let found = names.find(|(name, _)| name.eq_ignore_ascii_case(of));
    found.map(|(_, other)| *other)
}

fn sets(step: &Value, property: &str) -> bool {
    let by_member = other(&MEMBERS, property).is_some_and(|member| step.get(member).is_some());
    let by_name = step["properties"].as_object().is_some_and(|properties| {
        let mut names = properties.keys();
        names.any(|name| name.eq_ignore_ascii_case(property))
    });
    by_member || by_name
}

/// Whether `messages` say of a member with this name what it is.
fn shows(scenario: &Value, name: &str) -> bool {
    let messages = scenario["messages"].as_array().into_iter().flatten();
    let mut paths = messages
        .filter_map(Value::as_object)
        .flat_map(|message| message.keys());
    paths.any(|path| path.split('.').any(|part| part.eq_ignore_ascii_case(name)))
}

fn occurs(scenario: &Value, property: &str) -> bool {
    let steps = scenario["steps"].as_array().into_iter().flatten();
    let wire = other(&SYNONYMS, property).unwrap_or(property);
    steps.into_iter().any(|step| sets(step, property)) && shows(scenario, wire)
}

#[test]
fn every_property_that_the_library_knows_occurs_in_a_scenario_and_on_the_wire() {
    let scenarios = Written::all().unwrap();
    let mut properties = known();
    assert!(properties.len() >= 20, "only {properties:?} were found");
    properties.extend(PASSED_ON.map(str::to_owned));
    properties.retain(|property| !scenarios.iter().any(|each| occurs(&each.value, property)));
    assert!(properties.is_empty(), "no scenario shows {properties:?}");
}

#[test]
fn every_member_of_a_message_occurs_in_a_scenario() {
    let scenarios = Written::all().unwrap();
    let mut members = members_of_messages();
    assert!(members.len() >= 15, "only {members:?} were found");
    members.retain(|member| !scenarios.iter().any(|each| shows(&each.value, member)));
    assert!(members.is_empty(), "no scenario shows {members:?}");
}

#[test]
fn a_property_that_is_not_set_or_not_shown_is_found_missing() {
    let scenario =
        |step: Value, messages: Value| serde_json::json!({"steps": [step], "messages": [messages]});
    let tags = serde_json::json!({"do": "ingest", "tags": ["a"]});
    let shown = serde_json::json!({"AdditionalProperties.tags": "*"});
    assert!(occurs(&scenario(tags.clone(), shown.clone()), "tags"));
    assert!(!occurs(&scenario(tags, Value::Null), "tags"));
    assert!(!occurs(&scenario(Value::Null, shown), "tags"));
    let older = serde_json::json!({"do": "ingest", "properties": {"csvMapping": "[]"}});
    let shown = serde_json::json!({"AdditionalProperties.ingestionMapping": "*"});
    assert!(occurs(
        &scenario(older.clone(), shown.clone()),
        "csvmapping"
    ));
    assert!(!occurs(&scenario(older, shown), "jsonmapping"));
}
