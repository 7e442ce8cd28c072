//! Whether every property that the library knows is set by a scenario that shows it on the wire.

use serde_json::Value;

use super::scenario::Written;
use crate::catalog::{self, Name};
use crate::workspace;

/// Those that the service reads and the library passes on (wire-v1 sections 5.2 and 5.5).
const PASSED_ON: [&str; 2] = ["TreatGzAsUncompressed", "zipPattern"];

/// The members of a queue message: of the structure that is written as one, and the flags.
fn members_of_messages() -> Vec<String> {
    let text = workspace::read(&workspace::root().join("src/post/message.rs")).unwrap();
    let (_, body) = text.split_once("pub(crate) struct Message<").unwrap();
    let (_, body) = body.split_once("> {\n").unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let fields = body
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub(crate) "));
    let fields = fields.filter_map(|field| field.split_once(':'));
    let fields = fields.filter(|(name, _)| *name != "flags");
    let mut members: Vec<String> = fields.map(|(name, _)| name.replace('_', "")).collect();
    members.extend(catalog::flags_in_message().unwrap());
    members
}

fn sets(step: &Value, name: &str, member: Option<&str>) -> bool {
    let by_member = member.is_some_and(|member| step.get(member).is_some());
    let by_name = step["properties"].as_object().is_some_and(|properties| {
        let mut names = properties.keys();
        names.any(|each| each.eq_ignore_ascii_case(name))
    });
    by_member || by_name
}

/// Whether `messages` expect a value for a member with this name.
fn shows(scenario: &Value, name: &str) -> bool {
    let messages = scenario["messages"].as_array().into_iter().flatten();
    let mut paths = messages
        .filter_map(Value::as_object)
        .flat_map(|message| message.keys());
    paths.any(|path| path.split('.').any(|part| part.eq_ignore_ascii_case(name)))
}

/// Whether a scenario sets a property by a name, and shows it on the wire.
fn occurs(scenario: &Value, name: &Name) -> bool {
    let steps = scenario["steps"].as_array().into_iter().flatten();
    let mut steps = steps.filter(|step| sets(step, &name.name, name.member.as_deref()));
    steps.next().is_some() && shows(scenario, &name.wire)
}

#[test]
fn every_property_that_the_library_knows_occurs_in_a_scenario_and_on_the_wire() {
    let scenarios = Written::all().unwrap();
    let mut names = catalog::property_names().unwrap();
    assert!(names.len() >= 20, "only {} names were found", names.len());
    // What is in no message is shown by tests/hostile/ids.rs.
    let of_requests = catalog::properties_of_requests().unwrap();
    names.retain(|name| !of_requests.contains(&name.name));
    names.extend(PASSED_ON.map(Name::plain));
    names.retain(|name| !scenarios.iter().any(|each| occurs(&each.value, name)));
    let missing: Vec<_> = names.iter().map(|name| &name.name).collect();
    assert!(missing.is_empty(), "no scenario shows {missing:?}");
}

#[test]
fn every_property_that_has_an_arm_of_its_own_is_in_the_catalog() {
    let file = workspace::root().join("src/props/properties/pass_through.rs");
    let text = workspace::read(&file).unwrap();
    let (_, body) = text.split_once("fn set_known(").unwrap();
    let (arms, _) = body.split_once("_ => return Ok(false)").unwrap();
    let arms = arms.lines().map(str::trim);
    let arms = arms.filter(|line| line.starts_with('"'));
    let arms = arms.filter_map(|line| line.split_once("=>"));
    let arms = arms.flat_map(|(names, _)| names.split('|'));
    let arms: Vec<_> = arms.map(|name| name.trim().trim_matches('"')).collect();
    assert!(arms.len() >= 10, "only {arms:?} were found");
    let names = catalog::property_names().unwrap();
    for arm in arms {
        let known = names.iter().any(|each| each.name.eq_ignore_ascii_case(arm));
        assert!(known, "catalog/properties.toml has no {arm}");
    }
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
    let name = |name: &str, wire: &str, member: Option<&str>| Name {
        name: name.to_owned(),
        wire: wire.to_owned(),
        member: member.map(str::to_owned),
    };
    let named = name("tags", "tags", Some("tags"));
    let tags = serde_json::json!({"do": "ingest", "tags": ["a"]});
    let shown = serde_json::json!({"AdditionalProperties.tags": "*"});
    assert!(occurs(&scenario(tags.clone(), shown.clone()), &named));
    assert!(!occurs(&scenario(tags, Value::Null), &named));
    assert!(!occurs(&scenario(Value::Null, shown), &named));
    let older = serde_json::json!({"do": "ingest", "properties": {"csvMapping": "[]"}});
    let shown = serde_json::json!({"AdditionalProperties.ingestionMapping": "*"});
    let scenario = scenario(older, shown);
    assert!(occurs(
        &scenario,
        &name("csvmapping", "ingestionMapping", None)
    ));
    assert!(!occurs(
        &scenario,
        &name("jsonmapping", "ingestionMapping", None)
    ));
}
