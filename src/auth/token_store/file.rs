//! The store in a file of the user.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{SETTING, TokenStore};
use crate::auth::closure::LoginError;
use crate::auth::managed::environment;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::secret::Secret;

/// More is none of this library's.
const MOST: u64 = 1024 * 1024;
const FILE: &str = "tokens.json";

/// Keeps refresh tokens in a file which only its user may read, in a folder which only its user may enter. The tokens
/// are not encrypted: whoever can read the user's files, such as an administrator or a backup, has them.
///
/// Programs of one user share it: each change is made under a lock, and appears as a whole or not at all. A folder or a file that
/// is another user's, or open to others, is refused; a file that is none of this library's counts as empty.
#[derive(Clone, Debug)]
pub struct FileStore {
    folder: PathBuf,
}

/// What a file holds: a token under each key.
type Tokens = BTreeMap<String, String>;

impl FileStore {
    /// In the folder `kusto-ingest` of `$XDG_CACHE_HOME`, or of `.cache` in the user's home.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when neither that variable nor `HOME` is set.
    pub fn of_user() -> Result<Self> {
        let named = environment("XDG_CACHE_HOME").map(PathBuf::from);
        // As its specification has it, a relative one does not count.
        let named = named.filter(|path| path.is_absolute());
        let at_home = || environment("HOME").map(|home| Path::new(&home).join(".cache"));
        let caches = named.or_else(at_home).ok_or_else(|| {
            let message = "needs a folder: neither XDG_CACHE_HOME nor HOME is set";
            Error::new(ErrorKind::Config, Step::CheckArguments, message).with_argument(SETTING)
        })?;
        Ok(Self::at(caches.join("kusto-ingest")))
    }

    /// In this folder, which is made if need be.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// Opens the folder for this program alone, until the result is dropped.
    fn locked(&self) -> io::Result<File> {
        let mut folder = DirBuilder::new();
        folder.recursive(true).mode(0o700).create(&self.folder)?;
        own(&std::fs::symlink_metadata(&self.folder)?, Metadata::is_dir)?;
        let lock = of_user(OpenOptions::new().read(true).write(true).create(true))
            .open(self.folder.join("lock"))?;
        own(&lock.metadata()?, Metadata::is_file)?;
        lock.lock()?;
        Ok(lock)
    }

    fn read(&self) -> io::Result<Tokens> {
        let file = of_user(OpenOptions::new().read(true)).open(self.folder.join(FILE));
        let file = match file {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Tokens::new()),
            file => file?,
        };
        own(&file.metadata()?, Metadata::is_file)?;
        let mut bytes = Vec::new();
        file.take(MOST).read_to_end(&mut bytes)?;
        Ok(serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Beside the file, and then in its place: whoever is ended meanwhile leaves the old one.
    fn write(&self, tokens: &Tokens) -> io::Result<()> {
        let new = self.folder.join("tokens.json.new");
        // Of a program that was ended.
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = of_user(OpenOptions::new().write(true).create_new(true)).open(&new)?;
        file.write_all(&serde_json::to_vec(tokens)?)?;
        file.sync_all()?;
        std::fs::rename(new, self.folder.join(FILE))
    }
}

impl TokenStore for FileStore {
    /// Also finds out whether it can be saved: the user would be asked in vain.
    fn load(&self, key: &str) -> std::result::Result<Option<Secret>, LoginError> {
        let named = |error| in_folder(&self.folder, &error);
        let _lock = self.locked().map_err(named)?;
        let mut tokens = self.read().map_err(named)?;
        Ok(tokens.remove(key).map(Secret::from))
    }

    fn save(&self, key: &str, token: Option<&Secret>) -> std::result::Result<(), LoginError> {
        let named = |error| in_folder(&self.folder, &error);
        let _lock = self.locked().map_err(named)?;
        let mut tokens = self.read().map_err(named)?;
        let changes = match token {
            Some(token) => {
                let token = token.expose().to_owned();
                tokens.insert(key.to_owned(), token.clone()) != Some(token)
            }
            None => tokens.remove(key).is_some(),
        };
        if changes {
            self.write(&tokens).map_err(named)?;
        }
        Ok(())
    }
}

fn in_folder(folder: &Path, error: &io::Error) -> LoginError {
    format!("{}: {error}", folder.display()).into()
}

/// For the user alone, of the file itself and not what it leads to, and without waiting for whoever writes to a pipe.
fn of_user(options: &mut OpenOptions) -> &mut OpenOptions {
    options
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
}

fn own(found: &Metadata, is_right: fn(&Metadata) -> bool) -> io::Result<()> {
    // SAFETY: a plain system call, which always succeeds.
    let user = unsafe { libc::geteuid() };
    let why = match () {
        () if !is_right(found) => "it is no folder with plain files",
        () if found.uid() != user => "it belongs to another user",
        () if found.mode() & 0o077 != 0 => {
            "it is open to other users (chmod 700 the folder, 600 its files)"
        }
        () => return Ok(()),
    };
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o777
    }

    fn open_to_all(path: &Path, mode: u32) {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    fn loaded(store: &FileStore, key: &str) -> Option<String> {
        let token = store.load(key).unwrap();
        token.map(|token| token.expose().to_owned())
    }

    #[test]
    fn what_is_saved_is_the_users_alone_and_found_by_the_next_program() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("deep/kusto-ingest");
        let store = FileStore::at(&folder);
        assert_eq!(loaded(&store, "a"), None);
        store.save("a", Some(&"token-a".into())).unwrap();
        store.save("b", Some(&"token-b".into())).unwrap();
        let next = FileStore::at(&folder);
        assert_eq!(loaded(&next, "a").as_deref(), Some("token-a"));
        next.save("a", None).unwrap();
        assert_eq!(loaded(&store, "a"), None);
        assert_eq!(loaded(&store, "b").as_deref(), Some("token-b"));
        assert_eq!(mode(&folder), 0o700);
        for file in std::fs::read_dir(&folder).unwrap() {
            assert_eq!(mode(&file.unwrap().path()), 0o600);
        }
        assert!(!format!("{store:?}").contains("token-b"));
    }

    #[test]
    fn what_others_may_read_or_have_put_there_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("own");
        let store = FileStore::at(&folder);
        store.save("a", Some(&"token".into())).unwrap();
        let file = folder.join(FILE);
        for (path, good, wide) in [(&folder, 0o700, 0o750), (&file, 0o600, 0o644)] {
            open_to_all(path, wide);
            let error = store.load("a").unwrap_err().to_string();
            assert!(error.contains("open to other users"), "{error}");
            assert!(store.save("b", Some(&"token".into())).is_err());
            open_to_all(path, good);
        }
        let elsewhere = directory.path().join("elsewhere");
        std::fs::rename(&file, &elsewhere).unwrap();
        symlink(&elsewhere, &file).unwrap();
        assert!(store.load("a").is_err());
        let linked = directory.path().join("linked");
        symlink(&folder, &linked).unwrap();
        assert!(FileStore::at(linked).load("a").is_err());
    }

    #[test]
    fn a_file_of_something_else_counts_as_empty() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("own");
        let store = FileStore::at(&folder);
        for rubbish in ["", "{", "[1]", r#"{"a": 1}"#] {
            store.save("a", Some(&"token".into())).unwrap();
            std::fs::write(folder.join(FILE), rubbish).unwrap();
            assert_eq!(loaded(&store, "a"), None, "{rubbish}");
        }
    }

    #[test]
    fn programs_that_save_at_once_lose_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("own");
        std::thread::scope(|scope| {
            for key in ["a", "b", "c", "d"] {
                let store = FileStore::at(&folder);
                scope.spawn(move || {
                    for _ in 0..5 {
                        store.save(key, None).unwrap();
                        store.save(key, Some(&key.into())).unwrap();
                    }
                });
            }
        });
        for key in ["a", "b", "c", "d"] {
            assert_eq!(loaded(&FileStore::at(&folder), key).as_deref(), Some(key));
        }
    }
}
