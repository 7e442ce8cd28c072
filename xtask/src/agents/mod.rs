//! The agents of examples/: programs that ship the lines of a file, each once, whatever fails meanwhile.

mod run;
mod scene;

use std::path::PathBuf;
use std::process::Command;

use crate::tally::Tally;
use crate::{artifacts, compiler, csharp, go, isal, node, process, workspace};

/// An agent: its source, and the command that starts it once it is built.
struct Agent {
    source: &'static str,
    build: fn() -> Result<Command, String>,
}

/// One for each language.
const AGENTS: [Agent; 6] = [
    Agent {
        source: "examples/c/agent.c",
        build: || compiled("c"),
    },
    Agent {
        source: "examples/cpp/agent.cpp",
        build: || compiled("cpp"),
    },
    Agent {
        source: "examples/csharp/agent",
        build: csharp::agent,
    },
    Agent {
        source: "examples/go/agent",
        build: || go::example("agent"),
    },
    Agent {
        source: "examples/node/agent.mjs",
        build: node::agent,
    },
    Agent {
        source: "examples/rust/agent.rs",
        build: rust,
    },
];

/// Builds each agent, then plays the same scene with all of them at once: most of it is waiting.
pub(crate) fn leg() -> Result<Tally, String> {
    let built = AGENTS.map(|agent| (agent.source, (agent.build)()));
    let played = std::thread::scope(|scope| {
        let plays = built.map(|(source, program)| {
            let name = source.replace('/', "-");
            let play = move || program.and_then(|program| scene::play(&name, &program));
            (source, scope.spawn(play))
        });
        plays.map(|(source, thread)| {
            let crashed = |_| Err("the leg itself panicked".to_owned());
            (source, thread.join().unwrap_or_else(crashed))
        })
    });
    let check = |(source, result)| Tally::check(source, result);
    Ok(played.into_iter().map(check).sum())
}

fn compiled(language: &str) -> Result<Command, String> {
    let source = example(language, &format!("agent.{language}"));
    let program = workspace::scratch("agents")?.join(language);
    compiler::program(&source, &program, artifacts::release()?)?;
    Ok(Command::new(program))
}

/// In the build that `cargo test` made.
fn rust() -> Result<Command, String> {
    let mut build = process::cargo(["build", "--quiet", "--workspace", "--examples"]);
    process::run(build.args(isal::features()))?;
    let programs = workspace::target().join("debug/examples");
    Ok(Command::new(programs.join("agent")))
}

fn example(language: &str, name: &str) -> PathBuf {
    workspace::root().join("examples").join(language).join(name)
}
