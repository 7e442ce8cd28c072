//! Files by their path: read to their end, and again when storage fails.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use super::chunk::source_error;
use crate::error::{Result, RetryClass};

/// A file by its path, for any number of readings: each one is of the same content, or fails. Data
/// that was sent in part, or is complete in a container already, must not be mixed up with that of a
/// file that has taken its name meanwhile. Clones share what the first reading saw.
#[derive(Clone, Debug)]
pub(crate) struct SameFile {
    path: PathBuf,
    first: Arc<First>,
}

/// What the first reading saw.
#[derive(Debug, Default)]
struct First {
    opened: OnceLock<Option<Stamp>>,
    /// How many bytes there were, after a reading to the end.
    whole: OnceLock<u64>,
}

impl SameFile {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            first: Arc::default(),
        }
    }

    /// For errors.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// At its first byte. Blocks.
    pub(super) fn open(&self) -> Result<WholeFile> {
        let to_error = |error: std::io::Error| {
            let retry = retry_of_opening(error.kind());
            let failed = source_error(&self.name(), &error.to_string());
            failed.with_retry(retry).with_source(error)
        };
        let file = File::open(&self.path).map_err(to_error)?;
        if file.metadata().map_err(to_error)?.is_dir() {
            let error = source_error(&self.name(), "is a directory");
            return Err(error.with_retry(RetryClass::Never));
        }
        let opened = Stamp::of(&file).map_err(to_error)?;
        self.first.check(opened).map_err(to_error)?;
        Ok(WholeFile {
            file,
            opened,
            read: 0,
            first: self.first.clone(),
        })
    }
}

impl First {
    /// Fails unless it is opened for the first time or unchanged since then. What has no stamp, a
    /// pipe, would return the rest of its data only.
    fn check(&self, opened: Option<Stamp>) -> std::io::Result<()> {
        if self.opened.set(opened).is_ok() {
            return Ok(());
        }
        match (self.opened.get().copied().flatten(), opened) {
            (Some(first), Some(now)) if now.is_unchanged(first) => Ok(()),
            _ => Err(std::io::Error::other(
                "the file changed after it was read for the first time, and cannot be sent again",
            )),
        }
    }
}

/// A file that is read to its end, and must not change meanwhile.
pub(super) struct WholeFile {
    file: File,
    /// `None` for a pipe or a device, which has no size of its own.
    opened: Option<Stamp>,
    read: u64,
    /// Of all its readings.
    first: Arc<First>,
}

/// What a file says of itself. The size of files that the system makes up (`/proc`, `/sys`, some
/// mounted file systems) says nothing about their content: then only a difference between two stamps
/// is a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    /// Device and number of the file, where the system has them.
    id: Option<(u64, u64)>,
    size: u64,
    modified: Option<SystemTime>,
    /// Whether the file takes room on a disk; made-up files do not.
    stored: bool,
}

#[cfg(unix)]
fn id_of(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn id_of(_: &Metadata) -> Option<(u64, u64)> {
    None
}

#[cfg(unix)]
fn is_stored(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::blocks(metadata) > 0
}

#[cfg(not(unix))]
fn is_stored(_: &Metadata) -> bool {
    true
}

impl Stamp {
    fn of(file: &File) -> std::io::Result<Option<Self>> {
        let metadata = file.metadata()?;
        Ok(metadata.is_file().then(|| Self {
            id: id_of(&metadata),
            size: metadata.len(),
            modified: metadata.modified().ok(),
            stored: is_stored(&metadata),
        }))
    }

    /// Whether nothing says that it is another file or has another content. Some file systems give
    /// room on the disk later only.
    fn is_unchanged(self, first: Self) -> bool {
        let stored = first.stored;
        Self { stored, ..self } == first
    }
}

impl WholeFile {
    /// The size, if it can be that of the content.
    pub(super) fn size(&self) -> Option<u64> {
        self.opened.map(|stamp| stamp.size).filter(|size| *size > 0)
    }

    fn check_end(&self) -> std::io::Result<()> {
        self.check_size()?;
        let whole = *self.first.whole.get_or_init(|| self.read);
        // What is stored nowhere is made up anew for each reading.
        if whole != self.read && self.opened.is_some_and(|opened| opened.stored) {
            return Err(changed(whole, self.read));
        }
        Ok(())
    }

    fn check_size(&self) -> std::io::Result<()> {
        let Some(opened) = self.opened.filter(|opened| opened.size != self.read) else {
            return Ok(());
        };
        // An end before the stated one is a part of the file, even if the stamp is the same: the
        // attributes of network file systems lag behind. But what is stored nowhere has no size.
        let plausible = self.read > opened.size || !opened.stored;
        if plausible && Stamp::of(&self.file)? == Some(opened) {
            return Ok(());
        }
        Err(changed(opened.size, self.read))
    }
}

fn changed(expected: u64, read: u64) -> std::io::Error {
    std::io::Error::other(format!(
        "the file changed while it was read: {expected} bytes when opened, {read} read"
    ))
}

impl Read for WholeFile {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.read += length as u64;
        if length == 0 && !buffer.is_empty() {
            self.check_end()?;
        }
        Ok(length)
    }
}

/// What is wrong with a name or with rights stays wrong; a disk or a network file system may recover.
fn retry_of_opening(kind: std::io::ErrorKind) -> RetryClass {
    use std::io::ErrorKind as Kind;
    match kind {
        Kind::NotFound
        | Kind::PermissionDenied
        | Kind::IsADirectory
        | Kind::NotADirectory
        | Kind::InvalidFilename
        | Kind::InvalidInput => RetryClass::Never,
        _ => RetryClass::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(stated: u64, stored: bool, read: u64) -> std::io::Result<()> {
        let mut file = WholeFile {
            file: tempfile::tempfile()?,
            opened: None,
            read,
            first: Arc::default(),
        };
        let now = Stamp::of(&file.file)?;
        // The file says the same as when it was opened, but for what is made up here.
        file.opened = now.map(|stamp| Stamp {
            size: stated,
            stored,
            ..stamp
        });
        let unchanged = stated == 0 && !stored;
        assert_eq!(file.opened == now, unchanged);
        file.check_end()
    }

    #[test]
    fn what_has_no_size_of_its_own_is_opened_once() {
        let first = First::default();
        assert!(first.check(None).is_ok());
        assert!(first.check(None).is_err());
    }

    #[test]
    fn an_early_end_is_no_end_and_a_made_up_size_no_change() {
        assert!(file(10, true, 10).is_ok());
        assert!(file(0, false, 500).is_ok());
        assert!(file(10, true, 5).is_err());
        assert!(file(10, true, 20).is_err());
    }
}
