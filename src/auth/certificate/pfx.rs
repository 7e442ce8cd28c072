//! What is read with a password: PFX files (PKCS#12), a key and its certificates, and encrypted keys (PKCS#8).

use crate::error::Result;
use crate::secret::Secret;

use super::Parts;

#[cfg(feature = "pfx")]
pub(super) fn read(bytes: &[u8], password: Option<&Secret>) -> Result<Parts> {
    use super::{PASSWORD_KEYWORD, TWO_KEYS, wrong};
    use p12_keystore::Pkcs12Archive;

    let password = password.map(Secret::expose).unwrap_or_default();
    // Not its key store, which leaves keys out that have no id.
    let archive = Pkcs12Archive::from_pkcs12(bytes, password);
    let archive = archive.map_err(|error| match error {
        p12_keystore::error::Error::MacError(_) => {
            wrong("is wrong for this PFX file").with_argument(PASSWORD_KEYWORD)
        }
        // Its texts say what it is, and nothing of the file.
        other => wrong(format!("is a PFX file that cannot be read: {other}")),
    })?;
    let [bag] = &archive.keys[..] else {
        return Err(match archive.keys.is_empty() {
            true => wrong("is a PFX file without a private key"),
            false => wrong(TWO_KEYS),
        });
    };
    let certificates = archive.certs.iter().map(|bag| bag.cert.as_der().to_vec());
    Ok(Parts {
        key: super::key_of(bag.key.as_der(), false)?,
        certificates: certificates.collect(),
    })
}

/// The key in DER (PKCS#8) of an encrypted one (RFC 5958, 3).
#[cfg(feature = "pfx")]
pub(super) fn decrypted(key: &[u8], password: Option<&Secret>) -> Result<Vec<u8>> {
    use super::der::{element, sequence};
    use super::{PASSWORD_KEYWORD, wrong};
    use pkcs5::{EncryptionScheme, Error};

    let strange = || wrong(OTHER_SCHEME);
    let refused = || wrong("is wrong for this encrypted key").with_argument(PASSWORD_KEYWORD);
    let scheme = sequence(key).and_then(element).ok_or_else(strange)?;
    let data = element(scheme.rest).ok_or_else(strange)?;
    let scheme = EncryptionScheme::try_from(scheme.whole).map_err(|_| strange())?;
    let Some(password) = password else {
        return Err(wrong("is needed for an encrypted key").with_argument(PASSWORD_KEYWORD));
    };
    let key = scheme.decrypt(password.expose(), data.content);
    let key = key.map_err(|error| match error {
        Error::DecryptFailed => refused(),
        _ => strange(),
    })?;
    // One of some 256 wrong passwords leaves a padding that looks good, and rubbish before it.
    match element(&key).is_some_and(|found| found.is_sequence() && found.rest.is_empty()) {
        true => Ok(key),
        false => Err(refused()),
    }
}

#[cfg(feature = "pfx")]
const OTHER_SCHEME: &str = "has a key that is encrypted in a way which cannot be read: write it anew (`openssl pkey -in FILE -aes256`)";

#[cfg(not(feature = "pfx"))]
pub(super) fn read(_: &[u8], _: Option<&Secret>) -> Result<Parts> {
    Err(unable(
        "is a PFX file, which this build cannot read (feature `pfx`): give it as PEM \
         (`openssl pkcs12 -in FILE -nodes`)",
    ))
}

#[cfg(not(feature = "pfx"))]
pub(super) fn decrypted(_: &[u8], _: Option<&Secret>) -> Result<Vec<u8>> {
    Err(unable(
        "has an encrypted key, which this build cannot read (feature `pfx`): decrypt it (`openssl pkey -in FILE`)",
    ))
}

#[cfg(not(feature = "pfx"))]
fn unable(message: &str) -> crate::error::Error {
    use crate::error::{Error, ErrorKind, Step};

    Error::new(ErrorKind::Unsupported, Step::AcquireToken, message).with_argument(super::KEYWORD)
}
