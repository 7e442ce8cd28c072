//! The player of the Rust crate: see tests/conformance/README.md.

mod answer;
mod catalog;
mod ingest;
mod message;
mod properties;
mod source;
mod stage;

use std::process::ExitCode;

use message::Message;
use stage::Stage;

/// An error in the driver's message, not in the library.
type Defect = String;

fn main() -> ExitCode {
    match play() {
        Ok(()) => ExitCode::SUCCESS,
        Err(defect) => {
            eprintln!("{defect}");
            ExitCode::from(2)
        }
    }
}

fn play() -> Result<(), Defect> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let mut stage = Stage::default();
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout());
    while let Some(told) = Message::read(&mut input)? {
        let answer = match runtime.block_on(stage.act(&told))? {
            Ok(fields) => Message::new("ok", fields),
            Err(error) => answer::error(&error),
        };
        answer.write(&mut output)?;
    }
    Ok(())
}
