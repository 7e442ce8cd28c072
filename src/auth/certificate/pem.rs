//! PEM files: a key, and certificates in any order.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::{self, PemObject, SectionKind};

use super::{Parts, TWO_KEYS, key_of, pfx, wrong};
use crate::error::Result;
use crate::secret::Secret;

pub(super) fn read(text: &[u8], password: Option<&Secret>) -> Result<Parts> {
    if contains(text, OLD_ENCRYPTION) {
        return Err(wrong(
            "has a key that is encrypted in the old way of PEM: write it anew (`openssl pkey -in FILE`)",
        ));
    }
    let mut keys = Vec::new();
    let mut certificates = Vec::new();
    let mut is_elliptic = false;
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
        let (kind, der) = section.map_err(unreadable)?;
        match kind {
            SectionKind::Certificate => certificates.push(der),
            SectionKind::PrivateKey => keys.push((der, false)),
            SectionKind::RsaPrivateKey => keys.push((der, true)),
            SectionKind::EcPrivateKey => is_elliptic = true,
            _ => {}
        }
    }
    for encrypted in encrypted_keys(text)? {
        keys.push((pfx::decrypted(&encrypted, password)?, false));
    }
    match &keys[..] {
        [(der, is_pkcs1)] => Ok(Parts {
            key: key_of(der, *is_pkcs1)?,
            certificates,
        }),
        [] if is_elliptic => Err(wrong(
            "has a key that is not RSA: Entra ID needs an RSA key",
        )),
        [] => Err(wrong(
            "has no private key: it needs a section PRIVATE KEY or RSA PRIVATE KEY",
        )),
        _ => Err(wrong(TWO_KEYS)),
    }
}

/// The sections with encrypted keys, which the parser of sections does not know.
fn encrypted_keys(text: &[u8]) -> Result<Vec<Vec<u8>>> {
    const BEGIN: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
    const END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
    let text = String::from_utf8_lossy(text);
    let mut keys = Vec::new();
    for section in text.split(BEGIN).skip(1) {
        let (body, _) = section.split_once(END).ok_or_else(|| wrong(CUT))?;
        let plain: String = body.chars().filter(|c| !c.is_whitespace()).collect();
        keys.push(STANDARD.decode(plain).map_err(|_| wrong(NO_BASE64))?);
    }
    Ok(keys)
}

const CUT: &str = "is PEM that ends within a section";
const NO_BASE64: &str = "is PEM with a section that is no base64";
/// RFC 1421, 4.6.1.1.
const OLD_ENCRYPTION: &str = "Proc-Type: 4,ENCRYPTED";

/// Of a fault, not of what stands in the file.
fn unreadable(error: pem::Error) -> crate::error::Error {
    wrong(match error {
        pem::Error::MissingSectionEnd { .. } => CUT,
        pem::Error::Base64Decode(_) => NO_BASE64,
        _ => "is PEM that cannot be read",
    })
}

fn contains(text: &[u8], part: &str) -> bool {
    text.windows(part.len())
        .any(|window| window == part.as_bytes())
}
