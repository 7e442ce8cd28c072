//! Small files that a login reads, within a time and up to a size.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result, RetryClass, Step};

/// How long reading it may take: a mount may hang, and its thread with it.
const LIMIT: Duration = Duration::from_secs(10);

/// The bytes of a file of at most `most`; `what` names it in errors.
///
/// # Errors
/// [`ErrorKind::Auth`]. It may pass when the file is not there yet, or not in time.
pub(super) async fn read_in_time(file: PathBuf, most: usize, what: String) -> Result<Vec<u8>> {
    let named = what.clone();
    let reading = tokio::task::spawn_blocking(move || read(&file, most, &named));
    match tokio::time::timeout(LIMIT, reading).await {
        Ok(read) => read.map_err(|error| wrong(error.to_string()))?,
        Err(_) => {
            let message = format!("{what} cannot be read within {} s", LIMIT.as_secs());
            Err(wrong(message).with_retry(RetryClass::Later))
        }
    }
}

pub(super) fn read(file: &Path, most: usize, what: &str) -> Result<Vec<u8>> {
    let bytes = bytes_of(file, most).map_err(|error| {
        let message = format!("{what} cannot be read: {error}");
        let retry = match error.kind() {
            // It is written while the program starts.
            io::ErrorKind::NotFound => RetryClass::Later,
            _ => RetryClass::Never,
        };
        wrong(message).with_source(error).with_retry(retry)
    })?;
    match bytes.len() > most {
        true => Err(wrong(format!("{what} has more than {} KiB", most / 1024))),
        false => Ok(bytes),
    }
}

/// A little beyond the limit, to see that it is passed.
fn bytes_of(file: &Path, most: usize) -> io::Result<Vec<u8>> {
    // To open anything else may wait for a writer.
    if !std::fs::metadata(file)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    let longest = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(file)?
        .take(longest)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Auth, Step::AcquireToken, message)
}
