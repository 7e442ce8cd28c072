//! The TLS configuration of every connection: ring, the system's roots, and the caller's own.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_native_certs::ErrorKind as LoadError;

use super::verifier::Verifier;
use crate::error::{Error, ErrorKind, Result, RetryClass, Step};

/// The numbers that all Unix systems share: too many open files in the system, and in the process.
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

/// The system's certificates of this process, once they have been read as a whole.
static SYSTEM_ROOTS: Mutex<Option<Arc<RootCertStore>>> = Mutex::new(None);

/// The configuration of one transport. The system's certificates are read at the first connection of
/// https of the process: a program that has none does not pay for them.
pub(super) struct Tls {
    extra_roots: Vec<CertificateDer<'static>>,
    config: OnceLock<Arc<ClientConfig>>,
}

impl Tls {
    /// `extra_roots_pem` holds zero or more PEM certificates to trust besides the system's, for
    /// TLS-inspecting proxies and for the local emulator.
    pub(super) fn new(extra_roots_pem: &[u8]) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        let mut extra_roots = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(extra_roots_pem) {
            let certificate = certificate.map_err(|error| bad_pem(error.to_string()))?;
            let added = roots.add(certificate.clone());
            added.map_err(|error| bad_pem(error.to_string()))?;
            extra_roots.push(certificate);
        }
        Ok(Self {
            extra_roots,
            config: OnceLock::new(),
        })
    }

    /// The configuration. One for all connections: TLS sessions are resumed across them.
    ///
    /// A machine without any root certificate still gets one: HTTPS then fails with its own error.
    pub(super) fn config(&self) -> Result<Arc<ClientConfig>> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let Roots { roots, is_whole } = system_roots()?;
        let mut roots = (*roots).clone();
        roots.add_parsable_certificates(self.extra_roots.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| {
                Error::new(ErrorKind::Internal, Step::BuildClient, error.to_string())
            })?;
        let config = match Verifier::new(roots.clone(), provider) {
            Some(verifier) => config
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier)),
            None => config.with_root_certificates(roots),
        };
        let mut config = config.with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let config = Arc::new(config);
        match is_whole {
            true => Ok(self.config.get_or_init(|| config).clone()),
            false => Ok(config),
        }
    }
}

struct Roots {
    roots: Arc<RootCertStore>,
    /// Whether all of them could be read. Otherwise the next connection reads them again.
    is_whole: bool,
}

/// The system's certificates; none where there are none. Not being able to open a file is another
/// matter: every HTTPS host would seem to have a wrong certificate.
fn system_roots() -> Result<Roots> {
    // Held while they are read: others that connect meanwhile need not read them, too.
    let mut known = SYSTEM_ROOTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(roots) = &*known {
        let roots = roots.clone();
        return Ok(Roots {
            roots,
            is_whole: true,
        });
    }
    let loaded = rustls_native_certs::load_native_certs();
    let no_descriptor = loaded.errors.iter().find_map(|error| match &error.kind {
        LoadError::Io { inner, .. } if matches!(inner.raw_os_error(), Some(ENFILE | EMFILE)) => {
            Some(inner)
        }
        _ => None,
    });
    if let Some(cause) = no_descriptor
        && cfg!(unix)
    {
        let message = format!("cannot read the system's certificates: {cause}");
        let error = Error::new(ErrorKind::Internal, Step::BuildClient, message);
        return Err(error.with_retry(RetryClass::Later));
    }
    let is_whole = loaded.errors.is_empty() && !loaded.certs.is_empty();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(loaded.certs);
    let roots = Arc::new(roots);
    if is_whole {
        *known = Some(roots.clone());
    }
    Ok(Roots { roots, is_whole })
}

fn bad_pem(cause: String) -> Error {
    Error::new(ErrorKind::Config, Step::BuildClient, cause).with_argument("ca certificates (PEM)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_extra_roots_are_fine_and_a_broken_one_is_named() {
        assert!(Tls::new(b"").unwrap().config().is_ok());
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let error = Tls::new(broken).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(error.argument(), Some("ca certificates (PEM)"));
    }
}
