//! Where the logins of users are kept when the program has ended.

use std::fmt::{Debug, Write};
use std::sync::Arc;
use std::time::Duration;

use ring::digest::{SHA256, digest};

use super::closure::LoginError;
use super::user::Account;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::http::failure::describe_chain;
use crate::secret::{Secret, redact};

#[cfg(all(feature = "token-cache", unix))]
mod file;

#[cfg(all(feature = "token-cache", unix))]
pub use file::FileStore;

/// How long it may take: a mount may hang, and so may another program that holds a lock.
const LIMIT: Duration = Duration::from_secs(10);

/// Keeps the refresh tokens of users beyond the program's end, so that a user is asked once and not at each start.
/// Whoever reads them can log in as the user: a store keeps them from everybody else. With the feature `token-cache`,
/// on Unix, `FileStore` is one; a program may use what its system has, such as a key ring.
///
/// Its functions may block. A failure to load is one of the login, before the user is asked. One to save is not: the
/// user is asked again at the next start.
pub trait TokenStore: Debug + Send + Sync {
    /// What was saved under this key, which says nothing of the user.
    ///
    /// # Errors
    /// Whatever keeps it from knowing; its text becomes part of the login's error.
    fn load(&self, key: &str) -> std::result::Result<Option<Secret>, LoginError>;

    /// Saves it in place of what was saved under this key; `None` only removes that.
    ///
    /// # Errors
    /// Whatever keeps it from doing so.
    fn save(&self, key: &str, token: Option<&Secret>) -> std::result::Result<(), LoginError>;
}

/// The store that the setting `token cache` means: none for `false`, a file of the user for `true`, or one in the folder
/// at an absolute path.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] for anything else; [`ErrorKind::Unsupported`] in a build without the feature
/// `token-cache`, and on Windows.
pub fn named(value: &str) -> Result<Option<Arc<dyn TokenStore>>> {
    let value = value.trim();
    let place = match value.to_ascii_lowercase().as_str() {
        "false" => return Ok(None),
        "true" => None,
        _ if std::path::Path::new(value).is_absolute() => Some(value),
        _ => {
            let message = "must be true, false, or the absolute path of a folder";
            return Err(Error::invalid_argument(SETTING, message));
        }
    };
    in_a_file(place).map(Some)
}

const SETTING: &str = "token cache";

#[cfg(all(feature = "token-cache", unix))]
fn in_a_file(folder: Option<&str>) -> Result<Arc<dyn TokenStore>> {
    Ok(Arc::new(match folder {
        Some(folder) => FileStore::at(folder),
        None => FileStore::of_user()?,
    }))
}

#[cfg(not(all(feature = "token-cache", unix)))]
fn in_a_file(_: Option<&str>) -> Result<Arc<dyn TokenStore>> {
    let message =
        "is not in this build: it needs the feature `token-cache`, and a system other than Windows";
    let error = Error::new(ErrorKind::Unsupported, Step::CheckArguments, message);
    Err(error.with_argument(SETTING))
}

/// What a store has of one account.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    store: Arc<dyn TokenStore>,
    key: Arc<str>,
}

impl Stored {
    pub(super) fn new(store: Arc<dyn TokenStore>, account: &Account, user: Option<&str>) -> Self {
        let key = key_of(&[
            &account.login_endpoint,
            &account.tenant,
            &account.client_id,
            user.unwrap_or_default(),
        ]);
        Self {
            store,
            key: key.into(),
        }
    }

    pub(super) async fn load(&self) -> Result<Option<Secret>> {
        let Self { store, key } = self.clone();
        in_time(move || store.load(&key)).await
    }

    pub(super) async fn save(&self, token: Option<Secret>) -> Result<()> {
        let Self { store, key } = self.clone();
        in_time(move || store.save(&key, token.as_ref())).await
    }
}

/// Cases do not count in hosts, domains and ids.
fn key_of(parts: &[&str]) -> String {
    let text = parts.join("\n").to_lowercase();
    let digest = digest(&SHA256, text.as_bytes());
    digest.as_ref().iter().fold(String::new(), |mut key, byte| {
        // Writing to a text does not fail.
        let _ = write!(key, "{byte:02x}");
        key
    })
}

async fn in_time<T: Send + 'static>(
    work: impl FnOnce() -> std::result::Result<T, LoginError> + Send + 'static,
) -> Result<T> {
    let failed = |why: &str| {
        let message = format!("the store of logins failed: {}", redact(why));
        Error::new(ErrorKind::Auth, Step::AcquireToken, message).with_argument(SETTING)
    };
    match tokio::time::timeout(LIMIT, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(result)) => result.map_err(|cause| failed(&describe_chain(&*cause))),
        Ok(Err(panicked)) => Err(failed(&panicked.to_string())),
        Err(_) => Err(failed(&format!("no answer within {} s", LIMIT.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_names_a_store() {
        assert!(named("False").unwrap().is_none());
        for wrong in ["", "yes", "relative/folder", "./x"] {
            let error = named(wrong).unwrap_err();
            assert_eq!(error.argument(), Some(SETTING), "{wrong}");
        }
        if cfg!(all(feature = "token-cache", unix)) {
            assert!(named("/folder").unwrap().is_some());
        } else if cfg!(unix) {
            assert_eq!(named("/folder").unwrap_err().kind(), ErrorKind::Unsupported);
        }
    }

    #[test]
    fn a_key_is_of_one_account_and_says_nothing_of_it() {
        let key = key_of(&["https://login.example", "contoso.test", "id", "alice"]);
        assert_eq!(key.len(), 64);
        assert_eq!(
            key,
            key_of(&["https://login.example", "Contoso.test", "ID", "alice"])
        );
        assert_ne!(
            key,
            key_of(&["https://login.example", "contoso.test", "id", ""])
        );
        assert_ne!(key_of(&["a", "", "b"]), key_of(&["a", "b", ""]));
    }
}
