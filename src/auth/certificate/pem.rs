//! PEM files: a key, and certificates in any order.

use rustls::pki_types::pem::{self, PemObject, SectionKind};

use super::{Parts, key_of, wrong};
use crate::error::Result;

pub(super) fn read(text: &[u8]) -> Result<Parts> {
    let mut key = None;
    let mut certificates = Vec::new();
    let mut is_elliptic = false;
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
        let (kind, der) = section.map_err(unreadable)?;
        match kind {
            SectionKind::Certificate => certificates.push(der),
            SectionKind::PrivateKey | SectionKind::RsaPrivateKey if key.is_some() => {
                return Err(wrong(
                    "has two keys: which of them is meant cannot be known",
                ));
            }
            SectionKind::PrivateKey => key = Some(key_of(&der, false)?),
            SectionKind::RsaPrivateKey => key = Some(key_of(&der, true)?),
            SectionKind::EcPrivateKey => is_elliptic = true,
            _ => {}
        }
    }
    match key {
        Some(key) => Ok(Parts { key, certificates }),
        None if is_elliptic => Err(wrong(
            "has a key that is not RSA: Entra ID needs an RSA key",
        )),
        None if is_encrypted(text) => Err(wrong(
            "has an encrypted key: decrypt it (`openssl pkey -in FILE`), or give a PFX file and its password",
        )),
        None => Err(wrong(
            "has no private key: it needs a section PRIVATE KEY or RSA PRIVATE KEY",
        )),
    }
}

/// Of a fault, not of what stands in the file.
fn unreadable(error: pem::Error) -> crate::error::Error {
    wrong(match error {
        pem::Error::MissingSectionEnd { .. } => "is PEM that ends within a section",
        pem::Error::Base64Decode(_) => "is PEM with a section that is no base64",
        _ => "is PEM that cannot be read",
    })
}

fn is_encrypted(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        || text.contains("Proc-Type: 4,ENCRYPTED")
}
