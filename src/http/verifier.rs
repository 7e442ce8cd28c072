//! Verifies servers as rustls does, and says of a certificate that is not accepted who signed it: the
//! administrator of a proxy that reads along is known by that name.

use std::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};

use crate::secret::misleads;

/// A certificate that is not accepted, and who signed it.
#[derive(Debug)]
pub(super) struct Rejected {
    pub(super) error: CertificateError,
    pub(super) issuer: String,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, issued by {}", self.error, self.issuer)
    }
}

impl std::error::Error for Rejected {}

/// The verifier of rustls, whose refusals are [`Rejected`].
#[derive(Debug)]
pub(super) struct Verifier(Arc<WebPkiServerVerifier>);

impl Verifier {
    /// `None` when there is no root certificate at all.
    pub(super) fn new(roots: RootCertStore, provider: Arc<CryptoProvider>) -> Option<Self> {
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.build().ok().map(Self)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self
            .0
            .verify_server_cert(certificate, others, name, ocsp, now);
        verified.map_err(|error| match (error, issuer_of(certificate)) {
            (rustls::Error::InvalidCertificate(error), Some(issuer)) => {
                let rejected = Rejected { error, issuer };
                CertificateError::Other(OtherError(Arc::new(rejected))).into()
            }
            (error, _) => error,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// The tags of DER (X.690) that the way to a name leads through.
const INTEGER: u8 = 0x02;
const OBJECT: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
/// The attributes of a name (RFC 5280, appendix A.1), the one that says most first: common name,
/// organisation, unit.
const ATTRIBUTES: [[u8; 3]; 3] = [[0x55, 0x04, 0x03], [0x55, 0x04, 0x0a], [0x55, 0x04, 0x0b]];
/// What is shown of a name: it is the server's word, and may be anything.
const MOST: usize = 100;

/// The name of the issuer, as far as it is of visible characters. It is shown between quotes, which it
/// does not close.
fn issuer_of(certificate: &[u8]) -> Option<String> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (mut rest, _) = element(certificate, SEQUENCE)?;
    if let Some((_, after)) = element(rest, VERSION) {
        rest = after;
    }
    let (_serial, rest) = element(rest, INTEGER)?;
    let (_algorithm, rest) = element(rest, SEQUENCE)?;
    let (name, _) = element(rest, SEQUENCE)?;
    let texts = attributes(name);
    let found = ATTRIBUTES.iter().find_map(|wanted| {
        let (_, text) = texts.iter().find(|(kind, _)| kind == wanted)?;
        Some(text.clone())
    })?;
    let shown: String = found
        .chars()
        .filter(|c| !misleads(*c) && *c != '\'')
        .take(MOST)
        .collect();
    (!shown.trim().is_empty()).then_some(shown)
}

/// The attributes of a name, each with its kind.
fn attributes(mut name: &[u8]) -> Vec<(&[u8], String)> {
    let mut found = Vec::new();
    while let Some((set, after)) = element(name, SET) {
        name = after;
        let attribute = element(set, SEQUENCE).and_then(|(pair, _)| {
            let (kind, rest) = element(pair, OBJECT)?;
            let (_, text, _) = any(rest)?;
            Some((kind, String::from_utf8_lossy(text).into_owned()))
        });
        found.extend(attribute);
    }
    found
}

/// The content of the element with this tag at the beginning, and what follows it.
fn element(data: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = any(data)?;
    (found == tag).then_some((content, rest))
}

/// Tag and content of the first element, and what follows it.
fn any(data: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = data.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first);
    if first >= 0x80 {
        // A certificate of more than 64 KiB names nobody here.
        let count = usize::from(first & 0x7f);
        let digits = rest.get(..count).filter(|digits| digits.len() <= 2)?;
        length = digits
            .iter()
            .fold(0, |sum, digit| sum << 8 | usize::from(*digit));
        rest = rest.get(count..)?;
    }
    Some((tag, rest.get(..length)?, rest.get(length..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An element of DER with a content of less than 128 bytes.
    fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        let mut all = vec![tag, u8::try_from(content.len()).unwrap()];
        assert!(all[1] < 0x80);
        all.extend(content);
        all
    }

    fn attribute(kind: [u8; 3], text: &str) -> Vec<u8> {
        let pair = der(
            SEQUENCE,
            &[&der(OBJECT, &[&kind]), &der(0x0c, &[text.as_bytes()])],
        );
        der(SET, &[&pair])
    }

    fn certificate(name: &[Vec<u8>]) -> Vec<u8> {
        let name = der(SEQUENCE, &[&name.concat()]);
        let version = der(VERSION, &[&der(INTEGER, &[&[2]])]);
        let serial = der(INTEGER, &[&[7]]);
        let algorithm = der(SEQUENCE, &[]);
        let rest = der(SEQUENCE, &[]);
        let all = der(SEQUENCE, &[&version, &serial, &algorithm, &name, &rest]);
        der(SEQUENCE, &[&all])
    }

    #[test]
    fn the_issuer_is_named_by_its_common_name_or_else_its_organisation() {
        let (common, organisation) = (ATTRIBUTES[0], ATTRIBUTES[1]);
        let both = [
            attribute(organisation, "Contoso"),
            attribute(common, "Proxy\u{7} CA"),
        ];
        assert_eq!(issuer_of(&certificate(&both)).as_deref(), Some("Proxy CA"));
        let one = [attribute(organisation, "Contoso")];
        assert_eq!(issuer_of(&certificate(&one)).as_deref(), Some("Contoso"));
        assert_eq!(issuer_of(&certificate(&[])), None);
        assert_eq!(issuer_of(&certificate(&[attribute(common, "\n")])), None);
    }

    #[test]
    fn the_name_of_an_issuer_is_read_as_it_is_written() {
        let common = ATTRIBUTES[0];
        let shown = |text: &str| issuer_of(&certificate(&[attribute(common, text)]));
        let turned = "C\u{202e}A\u{2069}\u{200b}\u{200d}\u{feff}\u{2028} of' Contoso', not 'x'";
        assert_eq!(shown(turned).as_deref(), Some("CA of Contoso, not x"));
        assert_eq!(shown("\u{2067}'\u{200c}"), None);
    }

    #[test]
    fn a_certificate_that_is_cut_or_wrong_names_nobody() {
        let whole = certificate(&[attribute(ATTRIBUTES[0], "CA")]);
        for end in 0..whole.len() {
            assert_eq!(issuer_of(&whole[..end]), None, "{end}");
        }
        for wrong in [
            &[SEQUENCE, 0x84, 1, 1, 1, 1][..],
            &[SEQUENCE, 0x80],
            &[SEQUENCE, 0xff],
        ] {
            assert_eq!(issuer_of(wrong), None);
        }
    }
}
