//! Counts the reports of test runners.

use std::fmt;
use std::iter::Sum;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::process::Said;

/// Tests passed, failed and skipped, and the output of those that failed: some viewers show only the end of a
/// long run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    pub(crate) failures: Vec<String>,
}

impl Tally {
    pub(crate) const PASSED: Tally = Tally {
        passed: 1,
        failed: 0,
        skipped: 0,
        failures: Vec::new(),
    };
    pub(crate) const SKIPPED: Tally = Tally {
        passed: 0,
        failed: 0,
        skipped: 1,
        failures: Vec::new(),
    };

    /// One that failed.
    pub(crate) fn failure(what: String) -> Tally {
        Tally {
            failed: 1,
            failures: vec![what],
            ..Tally::default()
        }
    }

    /// One check: prints why when it failed.
    pub(crate) fn check(name: &str, result: Result<(), String>) -> Tally {
        match result {
            Ok(()) => {
                println!("  ok    {name}");
                Tally::PASSED
            }
            Err(reason) => {
                println!("  FAIL  {name}: {reason}");
                Tally::failure(format!("{name}: {reason}"))
            }
        }
    }

    /// An optional check that cannot run here.
    pub(crate) fn skip(name: &str, reason: &str) -> Tally {
        println!("SKIP {name}: {reason}");
        Tally::SKIPPED
    }

    /// A runner's counts, with its output about failures. One that ended badly and named no failed test
    /// (it crashed, or did not compile) counts as a failure.
    pub(crate) fn or_failed(mut self, said: &Said) -> Tally {
        if !said.success && self.failed == 0 {
            self.failed = 1;
        }
        if self.failed > 0 {
            self.failures.push(excerpt(&said.text));
        }
        self
    }

    /// Sum of cargo's `test result:` lines, one for each test binary.
    pub(crate) fn of_cargo(output: &str) -> Tally {
        output
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("test result: "))
            .map(|line| Tally::of_words(line.split(". ").last().unwrap_or(line)))
            .sum()
    }

    /// pytest's closing line, `=== 3 failed, 4 passed, 1 skipped in 1.2s ===`.
    pub(crate) fn of_pytest(output: &str) -> Tally {
        let closing = output
            .lines()
            .rev()
            .find(|line| line.starts_with('=') && line.contains(" in "));
        closing
            .map(|line| Tally::of_words(line.trim_matches(['=', ' '])))
            .unwrap_or_default()
    }

    /// The lines of `go test -v` about each test: a test with subtests counts as well.
    pub(crate) fn of_go(output: &str) -> Tally {
        let count = |what: &str| {
            let lines = output.lines().map(str::trim_start);
            lines.filter(|line| line.starts_with(what)).count() as u64
        };
        Tally {
            passed: count("--- PASS: "),
            failed: count("--- FAIL: "),
            skipped: count("--- SKIP: "),
            ..Tally::default()
        }
    }

    /// Surefire's closing line, `Tests run: 4, Failures: 1, Errors: 1, Skipped: 0`.
    pub(crate) fn of_surefire(output: &str) -> Tally {
        let mut lines = output.lines().rev();
        let closing = lines.find_map(|line| line.split_once("Tests run: "));
        let numbers = closing.map(|(_, counts)| {
            let words = counts.split(", ");
            let mut numbers = words.map(|word| word.rsplit(' ').next()?.parse::<u64>().ok());
            [(); 4].map(|()| numbers.next().flatten().unwrap_or(0))
        });
        let [run, failures, errors, skipped] = numbers.unwrap_or_default();
        Tally {
            passed: run.saturating_sub(failures + errors + skipped),
            failed: failures + errors,
            skipped,
            ..Tally::default()
        }
    }

    /// The closing lines of `node --test`, `ℹ pass 12` or, as TAP, `# pass 12`.
    pub(crate) fn of_node(output: &str) -> Tally {
        let count = |what: &str| {
            let lines = output.lines().rev();
            let mut words = lines.map(|line| line.split(' ').collect::<Vec<_>>());
            words
                .find_map(|words| match words[..] {
                    ["ℹ" | "#", found, number] if found == what => number.parse().ok(),
                    _ => None,
                })
                .unwrap_or(0)
        };
        Tally {
            passed: count("pass"),
            failed: count("fail") + count("cancelled"),
            skipped: count("skipped") + count("todo"),
            ..Tally::default()
        }
    }

    /// The last line `N passed, N failed, N skipped` of a C test; `None` when it is missing.
    pub(crate) fn of_closing_line(output: &str) -> Option<Tally> {
        let closing = output
            .lines()
            .rev()
            .map(str::trim)
            .find(|line| !line.is_empty())?;
        let tally = Tally::of_words(closing);
        (closing == tally.to_string()).then_some(tally)
    }

    /// `4 passed; 0 failed, 2 skipped`: a number before each word, in any order.
    fn of_words(text: &str) -> Tally {
        let mut tally = Tally::default();
        let words: Vec<&str> = text
            .split([' ', ',', ';'])
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            let Ok(number) = pair[0].parse::<u64>() else {
                continue;
            };
            match pair[1] {
                "passed" => tally.passed += number,
                "failed" | "error" | "errors" => tally.failed += number,
                "ignored" | "skipped" => tally.skipped += number,
                _ => {}
            }
        }
        tally
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.failures.extend(other.failures);
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Tally>>(all: I) -> Tally {
        let mut total = Tally::default();
        all.for_each(|tally| total += tally);
        total
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

/// The prefixes of the runners' lines about a failed test; cargo and pytest repeat them at the end.
const MARKS: [&str; 8] = [
    "FAIL", "--- FAIL", "---- ", "Failed", "FAILED", "✖", "not ok", "killed",
];

/// Lines from each mark on.
const CONTEXT: usize = 16;

/// Lines in all.
const LONGEST: usize = 100;

/// The lines about failures, or the last ones where none is marked.
fn excerpt(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let mut chosen = Vec::new();
    let mut wanted = 0;
    for line in &lines {
        if MARKS.iter().any(|mark| line.trim_start().starts_with(mark)) {
            wanted = CONTEXT;
        }
        if wanted > 0 {
            chosen.push(*line);
            wanted -= 1;
        }
    }
    if chosen.is_empty() {
        chosen = lines[lines.len().saturating_sub(CONTEXT)..].to_vec();
    }
    chosen.truncate(LONGEST);
    chosen.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{CONTEXT, LONGEST, Said, Tally, excerpt};

    fn tally(passed: u64, failed: u64, skipped: u64) -> Tally {
        Tally {
            passed,
            failed,
            skipped,
            ..Tally::default()
        }
    }

    fn said(success: bool, text: &str) -> Said {
        let text = text.to_owned();
        Said { success, text }
    }

    #[test]
    fn cargo_lines_are_summed_over_binaries() {
        let output = "\
running 4 tests
test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 5 filtered out; finished in 0.01s
test result: FAILED. 7 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s
all doctests ran in 0.5s
";
        assert_eq!(Tally::of_cargo(output), tally(10, 2, 1));
    }

    #[test]
    fn pytest_closing_line_is_read_and_errors_are_failures() {
        let output = "tests/test_a.py ..F\n==== FAILURES in x ====\n\
                      ===== 1 failed, 6 passed, 2 skipped, 1 error in 3.21s =====\n";
        assert_eq!(Tally::of_pytest(output), tally(6, 2, 2));
        assert_eq!(Tally::of_pytest("Traceback"), Tally::default());
    }

    #[test]
    fn go_tests_are_counted_with_their_subtests() {
        let output = "=== RUN   TestA\n    --- PASS: TestA/one (0.00s)\n    --- FAIL: TestA/two (0.00s)\n\
                      --- FAIL: TestA (0.00s)\n--- SKIP: TestB (0.00s)\nFAIL\n";
        assert_eq!(Tally::of_go(output), tally(1, 2, 1));
        assert_eq!(
            Tally::of_go("FAIL kustoingest [build failed]"),
            tally(0, 0, 0)
        );
    }

    #[test]
    fn the_closing_line_of_surefire_is_read() {
        let output = "Tests run: 9, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 1 s -- in A\n\
                      [ERROR] Tests run: 9, Failures: 2, Errors: 1, Skipped: 3\n[INFO] done";
        assert_eq!(Tally::of_surefire(output), tally(3, 3, 3));
        assert_eq!(Tally::of_surefire("no test"), tally(0, 0, 0));
    }

    #[test]
    fn the_closing_lines_of_node_are_read_in_both_forms() {
        let spec = "✔ pass 7 (1.2ms)\n# pass 99 is what a test printed\nℹ tests 12\nℹ suites 0\nℹ pass 8\nℹ fail 1\n\
                    ℹ cancelled 2\nℹ skipped 1\nℹ todo 0\nℹ duration_ms 7.2\n";
        assert_eq!(Tally::of_node(spec), tally(8, 3, 1));
        let tap = "TAP version 13\n1..2\n# tests 2\n# pass 2\n# fail 0\n# cancelled 0\n# skipped 0\n# todo 0\n";
        assert_eq!(Tally::of_node(tap), tally(2, 0, 0));
        assert_eq!(Tally::of_node("SyntaxError: pass 3"), tally(0, 0, 0));
    }

    #[test]
    fn a_c_test_must_end_with_the_closing_line() {
        assert_eq!(
            Tally::of_closing_line("noise\n12 passed, 0 failed, 1 skipped\n\n"),
            Some(tally(12, 0, 1))
        );
        assert_eq!(
            Tally::of_closing_line("12 passed, 0 failed, 1 skipped\nSegmentation fault"),
            None
        );
        assert_eq!(Tally::of_closing_line("12 passed"), None);
        assert_eq!(Tally::of_closing_line(""), None);
    }

    #[test]
    fn a_failed_runner_without_a_failed_test_counts_as_one_failure() {
        let crashed = tally(3, 0, 0).or_failed(&said(false, "Segmentation fault"));
        assert_eq!((crashed.passed, crashed.failed), (3, 1));
        assert_eq!(crashed.failures, ["Segmentation fault"]);
        assert_eq!(tally(3, 2, 0).or_failed(&said(false, "")).failed, 2);
        assert_eq!(tally(3, 0, 0).or_failed(&said(true, "")), tally(3, 0, 0));
    }

    #[test]
    fn the_excerpt_is_about_failures() {
        let lines = |line: &str, times| excerpt(&format!("{line}\n").repeat(times)).lines().count();
        let good = "Passed A (0.04 s)\n".repeat(40);
        let text = format!("{good}Failed B (60.01 s)\n  Expected: True\n{good}");
        let told = excerpt(&text);
        assert!(told.starts_with("Failed B (60.01 s)\n  Expected: True\nPassed A"));
        assert_eq!(told.lines().count(), CONTEXT);
        assert_eq!(lines("x", 40), CONTEXT);
        assert_eq!(lines("✖ x", 400), LONGEST);
        assert_eq!(excerpt(""), "");
    }
}
