//! The arguments of `cargo xtask bench`.

use super::scenario;

/// What to run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Of each client in each scenario; the table shows medians.
    pub(crate) runs: usize,
    /// Names of scenarios; empty for all.
    pub(crate) only: Vec<String>,
    /// `NAME=VALUE` for the clients of this repository.
    pub(crate) settings: Vec<String>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Options, String> {
        let mut options = Options {
            runs: 5,
            only: Vec::new(),
            settings: Vec::new(),
        };
        let mut arguments = arguments.iter();
        while let Some(flag) = arguments.next() {
            let value = arguments.next().ok_or_else(|| {
                format!("{flag}: unknown, or without its value; try --runs N, --only SCENARIO, --set NAME=VALUE")
            })?;
            match flag.as_str() {
                "--runs" => options.runs = runs(value)?,
                "--only" => options.only.push(known(value)?),
                "--set" if value.contains('=') => options.settings.push(value.clone()),
                "--set" => return Err(format!("--set NAME=VALUE, not {value:?}")),
                other => return Err(format!("no flag {other:?}")),
            }
        }
        Ok(options)
    }

    /// Whether the scenario was requested.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}

/// The value of `--runs`.
pub(crate) fn runs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(runs) if runs > 0 => Ok(runs),
        _ => Err(format!("--runs: {text:?} is not a number above 0")),
    }
}

fn known(name: &str) -> Result<String, String> {
    if scenario::names().any(|known| known == name) {
        return Ok(name.to_owned());
    }
    let names: Vec<&str> = scenario::names().collect();
    Err(format!(
        "no scenario {name:?}; there are {}",
        names.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options, String> {
        Options::parse(
            &words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn without_arguments_everything_runs_five_times() {
        let options = parse(&[]).unwrap();
        assert_eq!((options.runs, options.settings.len()), (5, 0));
        assert!(scenario::names().all(|name| options.wants(name)));
    }

    #[test]
    fn flags_narrow_and_set() {
        let words = [
            "--runs",
            "3",
            "--only",
            "file64",
            "--only",
            "floor",
            "--set",
            "compression level=small",
        ];
        let options = parse(&words).unwrap();
        assert_eq!(options.runs, 3);
        assert_eq!(options.settings, ["compression level=small"]);
        assert!(options.wants("file64") && options.wants("floor") && !options.wants("stream64"));
    }

    #[test]
    fn mistakes_are_named() {
        for (words, named) in [
            (vec!["--runs", "0"], "\"0\""),
            (vec!["--runs"], "--runs"),
            (vec!["--only", "file65"], "file65"),
            (vec!["--set", "fast"], "NAME=VALUE"),
            (vec!["--quick", "1"], "--quick"),
        ] {
            let error = parse(&words).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
