//! The programs of READMEs must work: they are compiled and run unchanged.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::emulator::{DATABASE, Emulator};
use crate::tally::Tally;
use crate::tool::{self, Tool};
use crate::{artifacts, compiler, process, workspace};

/// Files with a program, and its language, which is also the extension of its source.
const SHOWN: [(&str, &str); 2] = [("README.md", "c"), ("bindings/cpp/README.md", "cpp")];

/// What a reader types first.
pub(crate) struct Start {
    /// The file in which it stands: the first program in a language, and the commands that follow it.
    file: &'static str,
    language: &'static str,
    /// Where the text says that the program is saved.
    source: &'static str,
    /// What the commands need besides what every leg needs.
    tool: Option<&'static Tool>,
}

const STARTS: [Start; 5] = [
    Start {
        file: "README.md",
        language: "c",
        source: "target/first.c",
        tool: Some(&tool::PKG_CONFIG),
    },
    Start {
        file: "README.md",
        language: "rust",
        source: "target/first.rs",
        tool: None,
    },
    Start {
        file: "bindings/cpp/README.md",
        language: "cpp",
        source: "target/first.cpp",
        tool: Some(&tool::PKG_CONFIG),
    },
    Start {
        file: "bindings/go/README.md",
        language: "go",
        source: "target/first-go/main.go",
        tool: None,
    },
    Start {
        file: "bindings/node/README.md",
        language: "js",
        source: "target/first-node/first.mjs",
        tool: None,
    },
];

/// Typed by the leg of C#, which has what the commands need.
pub(crate) const CSHARP: Start = Start {
    file: "bindings/csharp/README.md",
    language: "csharp",
    source: "target/first-csharp/Program.cs",
    tool: None,
};

/// Where the texts say that the programs are saved which have a directory of their own.
const PROJECTS: [&str; 4] = [
    "target/first-csharp",
    "target/first-go",
    "target/first-node",
    "target/first-rust",
];

/// What a reader must know before the first program runs.
const CAUTION: &str = "**Queued is not ingested.**";

/// Compiles the programs, runs them, and checks the rows; then types the first commands of each language.
pub(crate) fn leg() -> Result<Tally, String> {
    let check = |(file, language): &(&str, &str)| {
        let name = format!("the {language} program of {file}");
        Tally::check(&name, program_works(file, language))
    };
    let tally: Tally = SHOWN.iter().map(check).sum();
    let starts: Tally = STARTS.iter().map(Start::check).sum();
    Ok([tally, starts].into_iter().sum())
}

impl Start {
    fn check(&self) -> Tally {
        let name = format!("the first commands for {} of {}", self.language, self.file);
        match self.tool.map_or(Ok(()), tool::optional) {
            Ok(()) => Tally::check(&name, self.works(None)),
            Err(reason) => Tally::skip(&name, &reason),
        }
    }

    /// Types what a reader types, with programs of this directory before those of the system.
    pub(crate) fn works(&self, programs: Option<&Path>) -> Result<(), String> {
        let text = workspace::read(&workspace::root().join(self.file))?;
        let program = first_block(&text, self.language).ok_or("there is no program")?;
        let (_, rest) = text.split_once(program).ok_or("there is no program")?;
        let commands = first_block(rest, "sh").ok_or("there are no commands")?;
        if !says_first(&text, program) {
            return Err(format!("{CAUTION} does not stand before the program"));
        }
        if !text.contains(&format!("`{}`", self.source)) {
            return Err(format!("it does not say `{}`", self.source));
        }
        for project in PROJECTS {
            workspace::remove_directory(&workspace::root().join(project))?;
        }
        workspace::write(&workspace::root().join(self.source), program)?;
        // The emulator ends with the shell: a job and its children are a process group, whose end is waited for.
        let script = format!("set -e -m\ntrap 'kill -- -$(jobs -p); wait' EXIT\n{commands}");
        let mut shell = process::outside_cargo(Command::new("bash"));
        shell.args(["-c", &script]).current_dir(workspace::root());
        if let Some(programs) = programs {
            let path = std::env::var("PATH").unwrap_or_default();
            shell.env("PATH", format!("{}:{path}", programs.display()));
        }
        // What the crate depends on has been built there.
        shell.env("CARGO_TARGET_DIR", workspace::root().join("target"));
        let said = process::tee(&mut shell, Duration::from_secs(20 * 60))?;
        match said.text.contains("1 of 1 ingested") && said.text.contains("\"Rows\":[[2]]") {
            true => Ok(()),
            false => Err("the two rows did not arrive".to_owned()),
        }
    }
}

fn program_works(file: &str, language: &str) -> Result<(), String> {
    let text = workspace::read(&workspace::root().join(file))?;
    let program = first_block(&text, language).ok_or("there is none")?;
    if !program.contains(DATABASE) {
        return Err(format!("it does not use the database {DATABASE}"));
    }
    let binary = workspace::scratch("readme")?.join(language);
    let source = binary.with_extension(language);
    workspace::write(&source, program)?;
    compiler::program(&source, &binary, artifacts::release()?)?;
    let emulator = Emulator::start(None)?;
    let said = process::tee(
        Command::new(&binary).envs(emulator.environment()?),
        Duration::from_secs(60),
    )?;
    let result = match said.success {
        true => emulator.wait_for_rows("Events", 2),
        false => Err("it failed".to_owned()),
    };
    emulator.stop()?;
    result
}

/// Whether the section says before its program what must be known first.
fn says_first(text: &str, program: &str) -> bool {
    let before = text.split_once(program).map_or("", |(before, _)| before);
    let section = before.rsplit("\n## ").next().unwrap_or_default();
    section.contains(CAUTION)
}

/// The text of the first fenced block in this language.
pub(crate) fn first_block<'a>(text: &'a str, language: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("```{language}\n"))?;
    rest.split_once("```").map(|(block, _)| block)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second programs of the bindings.
    const QUICKSTARTS: [(&str, &str); 3] = [
        ("bindings/csharp/README.md", "csharp"),
        ("bindings/go/README.md", "go"),
        ("bindings/node/README.md", "js"),
    ];

    /// So that it is built with the others, too.
    #[test]
    fn the_rust_program_of_the_readme_is_an_example() {
        let read = |file| workspace::read(&workspace::root().join(file)).unwrap();
        let example = read("examples/rust/first.rs");
        assert_eq!(first_block(&read("README.md"), "rust"), Some(&*example));
    }

    /// Here as well, where nothing must be built for it.
    #[test]
    fn every_first_program_stands_behind_the_caution() {
        for start in STARTS.iter().chain([&CSHARP]) {
            let text = workspace::read(&workspace::root().join(start.file)).unwrap();
            let program = first_block(&text, start.language).unwrap();
            assert!(
                says_first(&text, program),
                "{} of {}",
                start.language,
                start.file
            );
        }
        for (file, language) in QUICKSTARTS {
            let text = workspace::read(&workspace::root().join(file)).unwrap();
            let (_, section) = text.split_once("\n## Quickstart").unwrap();
            let program = first_block(section, language).unwrap();
            assert!(says_first(&text, program), "the quickstart of {file}");
        }
        let text = "## A\n**Queued is not ingested.**\n## B\n```c\nint main;\n```\n";
        assert!(!says_first(text, "int main;\n"));
    }

    #[test]
    fn the_first_block_of_the_language_is_found() {
        let text = "a\n```sh\nx\n```\n```c\nint main;\n```\n```c\nno\n```\n";
        assert_eq!(first_block(text, "c"), Some("int main;\n"));
        assert_eq!(first_block(text, "rust"), None);
    }
}
