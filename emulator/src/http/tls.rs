//! A certificate authority of the emulator's own, made anew at every start, and its file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use time::OffsetDateTime;
use tokio_rustls::TlsAcceptor;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// One emulator's authority and the server certificate it signed.
pub(crate) struct Authority {
    certificate: CertificateDer<'static>,
    pub(crate) pem: String,
    pub(crate) acceptor: TlsAcceptor,
}

impl Authority {
    /// Makes an authority and a certificate for `names` (host names and addresses).
    pub(crate) fn new(names: Vec<String>) -> Result<Self, BoxError> {
        let ca_key = KeyPair::generate()?;
        let ca_params = ca_params()?;
        let ca = ca_params.self_signed(&ca_key)?;
        let issuer = Issuer::new(ca_params, ca_key);
        let server_key = KeyPair::generate()?;
        let server = server_params(names)?.signed_by(&server_key, &issuer)?;
        let key = PrivateKeyDer::try_from(server_key.serialize_der())?;
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![server.der().clone(), ca.der().clone()], key)?;
        Ok(Self {
            certificate: ca.der().clone(),
            pem: ca.pem(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }
}

/// The TLS settings of the emulator's own client: it trusts this emulator and nobody else.
pub(crate) fn client_config(authority: Option<&Authority>) -> Result<ClientConfig, BoxError> {
    let mut roots = RootCertStore::empty();
    if let Some(authority) = authority {
        roots.add(authority.certificate.clone())?;
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn ca_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = params(Vec::new(), "kusto-emulator local CA")?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn server_params(names: Vec<String>) -> Result<CertificateParams, rcgen::Error> {
    let mut params = params(names, "kusto-emulator")?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // OpenSSL 3 in its strict mode, as Python 3.13 uses it, wants the issuer's key identifier.
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn params(names: Vec<String>, common_name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    let now = OffsetDateTime::now_utc();
    params.not_before = now - time::Duration::DAY;
    // Apple's clients refuse certificates that live longer.
    params.not_after = now + time::Duration::days(397);
    Ok(params)
}

/// The CA's certificate on disk.
pub(crate) struct CaFile {
    pub(crate) path: PathBuf,
    pub(crate) pem: String,
    temporary: bool,
}

impl CaFile {
    pub(crate) fn write(wanted: Option<&Path>, pem: &str) -> Result<Self, String> {
        let temporary = || {
            std::env::temp_dir().join(format!(
                "kusto-emulator-ca-{}.pem",
                uuid::Uuid::new_v4().simple()
            ))
        };
        let path = wanted.map_or_else(temporary, Path::to_owned);
        let written = std::fs::write(&path, pem);
        written.map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
        Ok(Self {
            path,
            pem: pem.to_owned(),
            temporary: wanted.is_none(),
        })
    }
}

impl Drop for CaFile {
    fn drop(&mut self) {
        if self.temporary {
            // A file left behind does no harm; there is nobody to tell.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
