//! What README.md shows must work: its C program is compiled and run as it stands there.

use std::process::Command;
use std::time::Duration;

use crate::emulator::{DATABASE, Emulator};
use crate::tally::Tally;
use crate::{artifacts, compiler, process, workspace};

/// Compiles the README's program, runs it, and looks at the rows.
pub(crate) fn leg() -> Result<Tally, String> {
    Ok(Tally::check("the README's C program", program_works()))
}

fn program_works() -> Result<(), String> {
    let text = workspace::read(&workspace::root().join("README.md"))?;
    let program = first_block(&text, "c").ok_or("README.md shows no C program")?;
    if !program.contains(DATABASE) {
        return Err(format!("it does not use the database {DATABASE}"));
    }
    let scratch = workspace::scratch("readme")?;
    let (source, binary) = (scratch.join("readme.c"), scratch.join("readme"));
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

/// The text of the first fenced block in this language.
fn first_block<'a>(text: &'a str, language: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("```{language}\n"))?;
    rest.split_once("```").map(|(block, _)| block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_block_of_the_language_is_found() {
        let text = "a\n```sh\nx\n```\n```c\nint main;\n```\n```c\nno\n```\n";
        assert_eq!(first_block(text, "c"), Some("int main;\n"));
        assert_eq!(first_block(text, "rust"), None);
    }
}
