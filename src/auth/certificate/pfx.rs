//! PFX files (PKCS#12): a key and its certificates under a password.

use super::Parts;
use crate::error::Result;
use crate::secret::Secret;

#[cfg(feature = "pfx")]
pub(super) fn read(bytes: &[u8], password: Option<&Secret>) -> Result<Parts> {
    use super::{PASSWORD_KEYWORD, wrong};
    use p12_keystore::{KeyStore, Pkcs12ImportPolicy};

    let password = password.map(Secret::expose).unwrap_or_default();
    // Relaxed: certificates that it cannot chain are kept.
    let store = KeyStore::from_pkcs12(bytes, password, Pkcs12ImportPolicy::Relaxed);
    let store = store.map_err(|error| match error {
        p12_keystore::error::Error::MacError(_) => {
            wrong("is wrong for this PFX file").with_argument(PASSWORD_KEYWORD)
        }
        // Its texts say what it is, and nothing of the file.
        other => wrong(format!("is a PFX file that cannot be read: {other}")),
    })?;
    let Some((_, chain)) = store.private_key_chain() else {
        return Err(wrong("is a PFX file without a private key"));
    };
    Ok(Parts {
        key: super::key_of(chain.key().as_der(), false)?,
        certificates: chain
            .certs()
            .iter()
            .map(|one| one.as_der().to_vec())
            .collect(),
    })
}

#[cfg(not(feature = "pfx"))]
pub(super) fn read(_: &[u8], _: Option<&Secret>) -> Result<Parts> {
    use crate::error::{Error, ErrorKind, Step};

    let message = "is a PFX file, which this build cannot read (feature `pfx`): give it as PEM \
                   (`openssl pkcs12 -in FILE -nodes`)";
    Err(
        Error::new(ErrorKind::Unsupported, Step::AcquireToken, message)
            .with_argument(super::KEYWORD),
    )
}
