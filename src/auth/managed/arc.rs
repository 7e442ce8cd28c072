//! Azure Arc: the agent proves that the asker may read files of this machine that only some may. Its first
//! answer names a file, whose text the second request carries.

use std::io::Read;
use std::path::{Path, PathBuf};

use http::Method;
use http::header::{AUTHORIZATION, HeaderName, WWW_AUTHENTICATE};
use url::Url;

use super::lender::{Lender, METADATA};
use crate::auth::credential::AccessToken;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::http::request::Request;
use crate::secret::Secret;

/// The agent writes less.
const MAX_KEY: u64 = 4096;

pub(super) async fn lent(lender: &Lender, url: &Url, resource: &str) -> Result<AccessToken> {
    let mut url = url.clone();
    url.query_pairs_mut()
        .append_pair("api-version", "2020-06-01")
        .append_pair("resource", resource);
    // The agent may have another key by the next try.
    let lent = lender.lent_to(|| proven(lender, &url));
    Ok(lent.await?.token())
}

/// A request with the proof that the agent asks for.
async fn proven(lender: &Lender, url: &Url) -> Result<Request> {
    let ask = || Request::new(Method::GET, url.clone()).header(METADATA, "true");
    let challenge = lender.send(ask()).await?;
    if challenge.status != 401 {
        return Err(lender.refused(&challenge));
    }
    let named = challenge.header(WWW_AUTHENTICATE).unwrap_or_default();
    let path = named
        .split_once("realm=")
        .map(|(_, path)| path.trim().trim_matches('"'));
    let path = path.ok_or_else(|| wrong("the agent's answer names no file"))?;
    let key = read_key(&directory(), Path::new(path))?;
    let proof = Secret::from(format!("Basic {}", key.expose()));
    let name: HeaderName = AUTHORIZATION;
    Ok(ask().header(name, proof.expose()))
}

fn directory() -> PathBuf {
    match std::env::var_os("PROGRAMDATA").filter(|_| cfg!(windows)) {
        Some(data) => Path::new(&data).join("AzureConnectedMachineAgent/Tokens"),
        None => PathBuf::from("/var/opt/azcmagent/tokens"),
    }
}

/// The text of a key file, which must lie directly in the agent's directory: whoever listens on the
/// agent's port could have any file of the machine sent to it otherwise.
fn read_key(directory: &Path, path: &Path) -> Result<Secret> {
    let name = path.file_name().unwrap_or_default();
    let is_key = path.extension().is_some_and(|it| it == "key");
    if path.parent() != Some(directory) || !is_key || directory.join(name) != path {
        return Err(wrong("the agent names a file that is none of its keys"));
    }
    let unreadable = |error: std::io::Error| {
        let message = format!(
            "the agent's key cannot be read: {error}; the program's user must be in the group himds"
        );
        wrong(&message)
    };
    let file = std::fs::symlink_metadata(path).map_err(unreadable)?;
    if !file.is_file() || file.len() > MAX_KEY {
        return Err(wrong("the agent names a file that is no key"));
    }
    let mut key = String::new();
    let opened = std::fs::File::open(path).map_err(unreadable)?;
    opened
        .take(MAX_KEY)
        .read_to_string(&mut key)
        .map_err(unreadable)?;
    Ok(Secret::from(key.trim()))
}

fn wrong(message: &str) -> Error {
    Error::new(ErrorKind::Auth, Step::AcquireToken, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_key_of_the_agents_directory_is_read() {
        let root = tempfile::tempdir().unwrap();
        let tokens = root.path().join("tokens");
        std::fs::create_dir_all(tokens.join("sub")).unwrap();
        let write = |path: &Path, text: &str| std::fs::write(path, text).unwrap();
        write(&tokens.join("a.key"), "the-text-of-the-key\n");
        write(&tokens.join("long.key"), &"k".repeat(5 * 1024));
        write(&tokens.join("a.txt"), "t");
        write(&tokens.join("sub/b.key"), "t");
        write(&root.path().join("c.key"), "t");
        let key = read_key(&tokens, &tokens.join("a.key")).unwrap();
        assert_eq!(key.expose(), "the-text-of-the-key");
        let mut others = vec![
            tokens.join("long.key"),
            tokens.join("a.txt"),
            tokens.join("sub/b.key"),
            tokens.join("../c.key"),
            tokens.join("sub/../../c.key"),
            root.path().join("c.key"),
            tokens.join("none.key"),
            tokens.join(".key"),
            PathBuf::from("a.key"),
            PathBuf::new(),
        ];
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(root.path().join("c.key"), tokens.join("link.key")).unwrap();
            others.push(tokens.join("link.key"));
        }
        for path in others {
            let error = read_key(&tokens, &path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Auth, "{}", path.display());
        }
    }
}
