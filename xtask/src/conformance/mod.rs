//! `cargo xtask conformance`: one suite of scenarios, played in every language. See
//! tests/conformance/README.md.

mod answer;
mod entra;
mod expect;
mod inputs;
mod message;
mod player;
mod players;
#[cfg(test)]
mod properties;
mod run;
mod scenario;
mod service;
mod step;
mod substitute;
mod table;
mod tell;

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Mutex;

use self::player::Player;
use self::players::Builder;
use self::run::{Failure, Stage};
use self::scenario::Written;
use self::service::Service;
use self::table::{Column, Outcome};
use crate::tally::Tally;
use crate::{tool, workspace};

/// How many languages are played at a time: each of them has its own emulator.
const PARALLEL: usize = 2;

/// The selected scenarios and languages.
struct Choice {
    languages: Vec<Builder>,
    scenarios: Vec<Written>,
}

/// `cargo xtask conformance [--language X]... [--scenario TEXT] [--list]`.
pub(crate) fn command(arguments: &[String]) -> Result<ExitCode, String> {
    if arguments == ["--list"] {
        for written in Written::all()? {
            println!("{}", written.name);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let tally = play(&choose(arguments)?)?;
    println!("{tally}");
    Ok(match tally.failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// Everything.
pub(crate) fn leg() -> Result<Tally, String> {
    play(&choose(&[])?)
}

fn choose(arguments: &[String]) -> Result<Choice, String> {
    const USAGE: &str = "conformance [--language LANGUAGE]... [--scenario TEXT] [--list]";
    let (mut languages, mut part) = (Vec::new(), "");
    let mut arguments = arguments.iter();
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        match flag.as_str() {
            "--language" => languages.push(language(value)?),
            "--scenario" => part = value,
            _ => return Err(USAGE.to_owned()),
        }
    }
    if languages.is_empty() {
        languages.extend(players::ALL);
        match tool::optional(&tool::VALGRIND) {
            Ok(()) => languages.push(players::CHECKED),
            Err(reason) => println!("SKIP {}: {reason}", players::CHECKED.0),
        }
    }
    let mut scenarios = Written::all()?;
    scenarios.retain(|written| written.name.contains(part));
    match scenarios.is_empty() {
        true => Err(format!("no scenario has {part:?} in its name")),
        false => Ok(Choice {
            languages,
            scenarios,
        }),
    }
}

fn language(name: &str) -> Result<Builder, String> {
    let mut all = players::ALL.iter().chain([&players::CHECKED]);
    let found = all.find(|(known, _)| *known == name);
    found.copied().ok_or_else(|| {
        let known: Vec<&str> = players::ALL.iter().map(|(name, _)| *name).collect();
        format!("no player for {name:?}, but for {}", known.join(", "))
    })
}

fn play(choice: &Choice) -> Result<Tally, String> {
    let written = choice.scenarios.iter().map(|written| written.name.clone());
    let names: Vec<String> = written.chain([FAREWELL.to_owned()]).collect();
    // One after the other, since they share compilers and directories.
    let built = choice
        .languages
        .iter()
        .map(|(name, build)| (*name, build()));
    // The last one takes the longest: started first, it does not delay the end.
    let waiting = Mutex::new(built.collect::<Vec<_>>().into_iter().rev());
    let columns = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..PARALLEL {
            scope.spawn(|| {
                let next = || waiting.lock().ok()?.next();
                while let Some((language, command)) = next() {
                    let column = column(language, command, &choice.scenarios);
                    println!("{language}: {}", column.tally(&names));
                    if let Ok(mut columns) = columns.lock() {
                        columns.push(column);
                    }
                }
            });
        }
    });
    let mut columns = columns.into_inner().map_err(|error| error.to_string())?;
    let place = |column: &Column| {
        let mut names = choice.languages.iter();
        names.position(|(name, _)| *name == column.language)
    };
    columns.sort_by_key(place);
    println!("\n{}", table::render(&names, &columns));
    Ok(columns.iter().map(|column| column.tally(&names)).sum())
}

/// What every player must do after the last scenario.
const FAREWELL: &str = "the player ends when its input ends, with status 0";

/// All scenarios in one language.
fn column(
    language: &'static str,
    command: Result<Command, String>,
    scenarios: &[Written],
) -> Column {
    let outcomes = command
        .and_then(|command| Troupe::start(language, command))
        .and_then(|troupe| troupe.play(scenarios));
    let outcomes = outcomes.unwrap_or_else(|reason| {
        println!("  FAIL  {language}: {reason}");
        vec![Outcome::Failed(reason); scenarios.len() + 1]
    });
    Column { language, outcomes }
}

/// One language's player with the service that it plays against.
struct Troupe {
    language: &'static str,
    service: Service,
    command: Command,
    player: Option<Player>,
}

impl Troupe {
    fn start(language: &'static str, command: Command) -> Result<Troupe, String> {
        Ok(Troupe {
            language,
            service: Service::start()?,
            command,
            player: None,
        })
    }

    fn play(mut self, scenarios: &[Written]) -> Result<Vec<Outcome>, String> {
        let scratch = workspace::scratch("conformance")?.join(self.language);
        workspace::remove_directory(&scratch)?;
        workspace::create_directory(&scratch)?;
        let mut outcomes = Vec::new();
        for (n, written) in scenarios.iter().enumerate() {
            let outcome = match written.unable.get(players::language(self.language)) {
                Some(reason) => Outcome::Unable(reason.clone()),
                None => self.play_one(n, written, &scratch),
            };
            if let Outcome::Failed(reason) = &outcome {
                println!("  FAIL  {}: {}: {reason}", self.language, written.name);
            }
            outcomes.push(outcome);
        }
        outcomes.push(self.farewell());
        self.service.stop()?;
        workspace::remove_directory(&scratch)?;
        Ok(outcomes)
    }

    fn play_one(&mut self, n: usize, written: &Written, scratch: &Path) -> Outcome {
        let mut player = match self.player.take().map_or_else(|| self.hire(scratch), Ok) {
            Ok(player) => player,
            Err(reason) => return Outcome::Failed(reason),
        };
        let directory = scratch.join(n.to_string());
        let mut stage = Stage {
            service: &self.service,
            player: &mut player,
            directory: directory.clone(),
            table: format!("T{n}"),
        };
        let ended = run::run(&mut stage, written);
        // A leftover file only makes the scratch directory larger.
        let _ = workspace::remove_directory(&directory);
        match ended {
            Ok(()) => self.player = Some(player),
            Err(Failure { player_lost, .. }) if player_lost => {}
            Err(_) => self.player = Some(player),
        }
        match ended {
            Ok(()) => Outcome::Played,
            Err(failure) => Outcome::Failed(failure.reason),
        }
    }

    fn hire(&self, scratch: &Path) -> Result<Player, String> {
        let mut command = Command::new(self.command.get_program());
        command.args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(directory) = self.command.get_current_dir() {
            command.current_dir(directory);
        }
        command.envs(self.service.entra.environment()?);
        Player::start(command, scratch.join("said"))
    }

    fn farewell(&mut self) -> Outcome {
        match self.player.take().map(Player::end) {
            None => Outcome::Failed("it was lost".to_owned()),
            Some(Ok(())) => Outcome::Played,
            Some(Err(reason)) => {
                println!("  FAIL  {}: {FAREWELL}: {reason}", self.language);
                Outcome::Failed(reason)
            }
        }
    }
}
