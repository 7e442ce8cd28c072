//! The TLS configuration of every connection: ring, the system's roots, and the caller's own.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_native_certs::ErrorKind as LoadError;

use crate::error::{Error, ErrorKind, Result, RetryClass, Step};

/// The numbers that all Unix systems share: too many open files in the system, and in the process.
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

/// Builds the configuration. `extra_roots_pem` holds zero or more PEM certificates to trust
/// besides the system's, for TLS-inspecting proxies and for the local emulator.
///
/// A machine without any root certificate still gets a configuration: plain HTTP to a loopback
/// service must work there, and HTTPS then fails with its own error.
pub(crate) fn client_config(extra_roots_pem: &[u8]) -> Result<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(system_roots()?);
    for certificate in CertificateDer::pem_slice_iter(extra_roots_pem) {
        let certificate = certificate.map_err(|error| bad_pem(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| bad_pem(error.to_string()))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Internal, Step::BuildClient, error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// The system's certificates; none where there are none. Not being able to open a file is another
/// matter: every HTTPS host would seem to have a wrong certificate.
fn system_roots() -> Result<Vec<CertificateDer<'static>>> {
    let loaded = rustls_native_certs::load_native_certs();
    let no_descriptor = loaded.errors.iter().find_map(|error| match &error.kind {
        LoadError::Io { inner, .. } if matches!(inner.raw_os_error(), Some(ENFILE | EMFILE)) => {
            Some(inner)
        }
        _ => None,
    });
    match no_descriptor {
        Some(cause) if cfg!(unix) => {
            let message = format!("cannot read the system's certificates: {cause}");
            let error = Error::new(ErrorKind::Internal, Step::BuildClient, message);
            Err(error.with_retry(RetryClass::Later))
        }
        _ => Ok(loaded.certs),
    }
}

fn bad_pem(cause: String) -> Error {
    Error::new(ErrorKind::Config, Step::BuildClient, cause).with_argument("ca certificates (PEM)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_extra_roots_are_fine_and_a_broken_one_is_named() {
        assert!(client_config(b"").is_ok());
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let error = client_config(broken).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(error.argument(), Some("ca certificates (PEM)"));
    }
}
