//! Scenarios as tests/conformance/README.md describes them, parsed strictly: an unknown member is
//! an error.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::expect::Want;
use super::step::{Background, Step};
use super::substitute::Names;
use crate::workspace;

/// Languages that `unable` may name.
pub(crate) const LANGUAGES: [&str; 6] = ["rust", "c", "cpp", "csharp", "go", "node"];

/// A scenario as in its file. It is parsed again for each run, with names filled in.
pub(crate) struct Written {
    pub(crate) name: String,
    /// Why languages cannot play it.
    pub(crate) unable: BTreeMap<String, String>,
    pub(super) value: Value,
}

/// A scenario to be run.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    #[serde(default = "one_table")]
    pub(crate) setup: Vec<String>,
    #[serde(default)]
    pub(crate) inputs: BTreeMap<String, Input>,
    #[serde(default)]
    pub(crate) blobs: BTreeMap<String, Upload>,
    steps: Vec<Value>,
    pub(crate) posted: Option<Want>,
    #[serde(default)]
    pub(crate) messages: Vec<BTreeMap<String, Want>>,
    #[serde(default)]
    pub(crate) rows: Rows,
    pub(crate) fired: Option<Vec<Want>>,
    /// How many requests for tokens came to `{entra}`.
    pub(crate) logins: Option<Want>,
    #[serde(default)]
    pub(crate) unable: BTreeMap<String, String>,
}

fn one_table() -> Vec<String> {
    vec![".create table {table} (Id:long, Text:string)".to_owned()]
}

/// The content of a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    pub(crate) text: Option<String>,
    pub(crate) base64: Option<String>,
    pub(crate) rows: Option<u64>,
    pub(crate) bytes: Option<u64>,
    #[serde(default)]
    pub(crate) gzip: bool,
    #[serde(rename = "as")]
    pub(crate) file_name: Option<String>,
}

/// An input that is a blob before the scenario begins.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upload {
    pub(crate) input: String,
    pub(crate) name: String,
}

/// Which rows must be there at the end.
#[derive(Default, Deserialize)]
#[serde(untagged)]
pub(crate) enum Rows {
    #[default]
    NotLookedAt,
    Several(Vec<Answer>),
    One(Answer),
}

impl Rows {
    pub(crate) fn all(&self) -> &[Answer] {
        match self {
            Rows::NotLookedAt => &[],
            Rows::One(answer) => std::slice::from_ref(answer),
            Rows::Several(answers) => answers,
        }
    }
}

/// The expected answer of the service.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) query: Option<String>,
    pub(crate) are: Option<Vec<Vec<Value>>>,
    pub(crate) count: Option<u64>,
}

impl Answer {
    /// A check without an expectation cannot fail.
    fn check(&self) -> Result<(), &'static str> {
        match (&self.query, &self.are, self.count) {
            (_, None, None) => Err("rows: neither `are` nor `count`"),
            (Some(_), None, Some(_)) => Err("rows: `count` is of {table}, `query` needs `are`"),
            _ => Ok(()),
        }
    }
}

impl Scenario {
    pub(crate) fn steps(&self) -> Result<Vec<Step>, String> {
        let mut begun = Background::new();
        let steps = self.steps.iter().enumerate();
        steps
            .map(|(n, step)| {
                let step = Step::read(step, &mut begun);
                step.map_err(|error| format!("step {}: {error}", n + 1))
            })
            .collect()
    }
}

/// Reads the known members and rejects others.
pub(super) fn fill<T: DeserializeOwned>(members: Value) -> Result<T, String> {
    serde_json::from_value(members).map_err(|error| error.to_string())
}

impl Written {
    /// Every scenario of tests/conformance.
    pub(crate) fn all() -> Result<Vec<Written>, String> {
        let mut all = Vec::new();
        let mut names = BTreeSet::new();
        for file in workspace::files(&workspace::root().join("tests/conformance"), "json") {
            let title = format!("{}.json", workspace::stem(&file));
            for written in Written::of_file(&title, &workspace::read(&file)?)? {
                if !names.insert(written.name.clone()) {
                    return Err(format!("{title}: {:?} is there twice", written.name));
                }
                all.push(written);
            }
        }
        Ok(all)
    }

    fn of_file(title: &str, text: &str) -> Result<Vec<Written>, String> {
        let scenarios: Vec<Value> =
            serde_json::from_str(text).map_err(|error| format!("{title}: {error}"))?;
        let read = |value: Value| {
            let name = value["name"].as_str().unwrap_or("(no name)").to_owned();
            Written::of_value(value).map_err(|error| format!("{title}: {name}: {error}"))
        };
        scenarios.into_iter().map(read).collect()
    }

    fn of_value(value: Value) -> Result<Written, String> {
        let scenario: Scenario = fill(value.clone())?;
        scenario.steps()?;
        scenario.rows.all().iter().try_for_each(Answer::check)?;
        if let Some(unknown) = scenario
            .unable
            .keys()
            .find(|language| !LANGUAGES.contains(&language.as_str()))
        {
            return Err(format!("unable: there is no language {unknown:?}"));
        }
        Ok(Written {
            name: scenario.name,
            unable: scenario.unable,
            value,
        })
    }

    /// The scenario with the names of a run.
    pub(crate) fn with(&self, names: &Names) -> Result<Scenario, String> {
        let mut scenario: Scenario = fill(names.fill(&self.value))?;
        let setup = scenario.setup.iter();
        scenario.setup = setup.map(|command| names.fill_text(command)).collect();
        Ok(scenario)
    }
}

#[cfg(test)]
mod tests {
    use super::super::step::Action;
    use super::*;

    fn read(text: &str) -> Result<Vec<Written>, String> {
        Written::of_file("some.json", text)
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let read = read(
            r#"[{"name": "x", "steps": [{"do": "ingest", "source": "bytes", "input": "i"}]}]"#,
        );
        let read = read.unwrap();
        let mut names = Names::default();
        names.set("table", "T7");
        let scenario = read[0].with(&names).unwrap();
        assert_eq!(scenario.setup, [".create table T7 (Id:long, Text:string)"]);
        let steps = scenario.steps().unwrap();
        let Action::Ingest(ingest) = &steps[0].action else {
            panic!("another step");
        };
        assert_eq!((&*ingest.client, &*ingest.op), ("a", "1"));
        assert_eq!((&*ingest.report_level, ingest.timeout), ("all", 60_000));
        assert!(scenario.rows.all().is_empty() && scenario.fired.is_none());
    }

    #[test]
    fn what_is_unknown_is_named_with_file_and_scenario() {
        for (scenario, member) in [
            (r#"{"name": "x", "steps": [], "row": []}"#, "`row`"),
            (
                r#"{"name": "x", "steps": [{"do": "wait", "ops": "1"}]}"#,
                "`ops`",
            ),
            (r#"{"name": "x", "steps": [{"do": "jump"}]}"#, "jump"),
            (
                r#"{"name": "x", "steps": [{"do": "wait", "expect": {"ok": {"size": 1}}}]}"#,
                "size",
            ),
            (
                r#"{"name": "x", "steps": [{"do": "wait", "expect": {"error": {"kind": "A"}}}]}"#,
                "kind",
            ),
            (
                r#"{"name": "x", "steps": [{"do": "arm", "rule": {}, "expect": {"ok": true}}]}"#,
                "has no result",
            ),
            (
                r#"{"name": "x", "steps": [{"do": "start", "source": "bytes"}]}"#,
                "exactly one",
            ),
            (
                r#"{"name": "x", "steps": [{"do": "warm_up", "as": "w", "expect": {"ok": true}}]}"#,
                "has no result",
            ),
            (
                r#"{"name": "x", "steps": [{"do": "warm_up", "as": "w", "eventually": true}]}"#,
                "takes no \"as\"",
            ),
            (
                r#"{"name": "x", "steps": [{"do": "wait", "expect": {"ok": {"rows": []}}}]}"#,
                "wait does not answer it",
            ),
            (
                r#"{"name": "x", "steps": [{"do": "track", "as": "t"}, {"do": "wait", "op": "t", "expect": {"ok": {"rows": []}}}]}"#,
                "track does not answer it",
            ),
            (
                r#"{"name": "x", "steps": [], "inputs": {"i": {"texts": "a"}}}"#,
                "`texts`",
            ),
            (
                r#"{"name": "x", "steps": [], "rows": {"query": "T"}}"#,
                "neither",
            ),
            (
                r#"{"name": "x", "steps": [], "rows": [{"query": "T", "count": 1}]}"#,
                "needs `are`",
            ),
            (
                r#"{"name": "x", "steps": [], "unable": {"cobol": "old"}}"#,
                "cobol",
            ),
        ] {
            let error = read(&format!("[{scenario}]")).err().unwrap();
            assert!(error.starts_with("some.json: x: "), "{error}");
            assert!(error.contains(member), "{error}");
        }
        assert!(read("{").err().unwrap().starts_with("some.json: "));
    }

    #[test]
    fn every_committed_scenario_can_be_read() {
        let all = Written::all().unwrap();
        assert!(all.len() >= 40, "{} scenarios", all.len());
    }
}
