//! The login of an application with a certificate: what it signs stands for its secret (RFC 7523, 2.2).

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use serde_json::{Value as Json, json};
use time::{Duration, OffsetDateTime};

use super::application::Application;
use super::credential::{AccessToken, TokenCredential};
use super::request::TokenRequest;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::op::ids::new_id;
use crate::secret::Secret;

mod der;
mod pem;
mod pfx;

/// Clocks differ.
const BEFORE: Duration = Duration::minutes(1);
const LIFE: Duration = Duration::minutes(10);
/// Bytes of a SHA-1.
const THUMBPRINT: usize = 20;

/// Logs in as an application of Entra ID with a certificate: PEM, or with the feature `pfx` a PFX file (PKCS#12).
/// The key must be RSA of 2048 to 4096 bits.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use kusto_ingest::auth::Certificate;
/// use kusto_ingest::client::Client;
///
/// let pem = std::fs::read("application.pem").expect("the certificate and its key");
/// let login = Certificate::new("11111111-2222-3333-4444-555555555555", &pem, None)?
///     .with_tenant("contoso.onmicrosoft.com");
/// let client = Client::builder("https://mycluster.westeurope.kusto.windows.net")?
///     .credential(Arc::new(login))
///     .build()?;
/// # Ok::<(), kusto_ingest::error::Error>(())
/// ```
#[derive(Clone)]
pub struct Certificate {
    client_id: String,
    key: Arc<RsaKeyPair>,
    /// The certificate of the key first, each in DER.
    chain: Arc<Vec<Vec<u8>>>,
    thumbprint: Option<[u8; THUMBPRINT]>,
    sends_chain: bool,
    tenant: Option<String>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("client_id", &self.client_id)
            .field("tenant", &self.tenant)
            .field("sends_chain", &self.sends_chain)
            .finish_non_exhaustive()
    }
}

/// A key and the certificates beside it, as a file has them.
struct Parts {
    key: RsaKeyPair,
    certificates: Vec<Vec<u8>>,
}

impl Certificate {
    /// Takes the application's id and the text of a PEM file or the bytes of a PFX file, also in base64. The
    /// certificates may stand in any order, before the key or after it; that of the key is found. `password` is
    /// that of a PFX file, or of an encrypted key (PKCS#8).
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for what cannot be read, a wrong password, a key that is not RSA or too small, and one
    /// without its certificate (a key alone needs [`Certificate::with_thumbprint`], after which it is checked);
    /// [`ErrorKind::Unsupported`] for a PFX file or an encrypted key in a build without the feature `pfx`.
    pub fn new(
        client_id: impl Into<String>,
        file: &[u8],
        password: Option<&Secret>,
    ) -> Result<Self> {
        let parts = match bytes_of(file) {
            Content::Pem(text) => pem::read(&text, password)?,
            Content::Pfx(bytes) => pfx::read(&bytes, password)?,
            Content::Nothing => return Err(wrong("is neither PEM nor a PFX file")),
        };
        let chain = leaf_first(&parts)?;
        Ok(Self {
            client_id: client_id.into(),
            key: Arc::new(parts.key),
            chain: Arc::new(chain),
            thumbprint: None,
            sends_chain: false,
            tenant: None,
        })
    }

    /// The application's tenant, by id or domain. Without it, it is that of the connection string
    /// (`Authority Id`).
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Whether the chain of certificates is sent along, which applications need that are trusted by subject name and
    /// issuer.
    #[must_use]
    pub fn with_chain(mut self, sent: bool) -> Self {
        self.sends_chain = sent;
        self
    }

    /// The certificate's thumbprint, the SHA-1 of it in 40 hexadecimal digits: for a key without its certificate,
    /// and to check a certificate. The application then signs as older libraries do (RS256).
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for another text, and for that of another certificate.
    pub fn with_thumbprint(mut self, text: &str) -> Result<Self> {
        let wrong = |message: &str| wrong(message).with_argument(THUMBPRINT_KEYWORD);
        let thumbprint = thumbprint_of(text)
            .ok_or_else(|| wrong("must be 40 hexadecimal digits, the SHA-1 of the certificate"))?;
        if let Some(leaf) = self.chain.first()
            && digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, leaf).as_ref() != thumbprint
        {
            return Err(wrong("is not that of the certificate"));
        }
        self.thumbprint = Some(thumbprint);
        Ok(self)
    }

    /// Checks that the login is complete.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a key without a certificate or a thumbprint.
    pub fn check(&self) -> Result<()> {
        match (self.chain.is_empty(), self.thumbprint, self.sends_chain) {
            (true, None, _) => Err(wrong(
                "has a key and no certificate of it: add the certificate, or its thumbprint",
            )),
            (true, Some(_), true) => Err(wrong(
                "has no certificate, whose chain is to be sent: add it to the key",
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(super) fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// A new assertion for this token endpoint.
    pub(super) fn assertion(&self, audience: &str) -> Result<Secret> {
        self.check()?;
        let now = OffsetDateTime::now_utc();
        let at = |time: OffsetDateTime| time.unix_timestamp();
        let claims = json!({
            "aud": audience,
            "iss": self.client_id,
            "sub": self.client_id,
            "jti": new_id().to_string(),
            "nbf": at(now.saturating_sub(BEFORE)),
            "iat": at(now),
            "exp": at(now.saturating_add(LIFE)),
        });
        let (header, padding) = self.header();
        let encode = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        let made = self.key.sign(
            padding,
            &SystemRandom::new(),
            signed.as_bytes(),
            &mut signature,
        );
        made.map_err(|_| wrong("has a key that does not sign"))?;
        let signature = URL_SAFE_NO_PAD.encode(signature);
        Ok(Secret::from(format!("{signed}.{signature}")))
    }

    fn header(&self) -> (Json, &'static dyn RsaEncoding) {
        let mut header = json!({"typ": "JWT"});
        let padding: &'static dyn RsaEncoding = match (self.chain.first(), self.thumbprint) {
            (Some(leaf), None) => {
                header["alg"] = json!("PS256");
                let digest = digest::digest(&SHA256, leaf);
                header["x5t#S256"] = json!(URL_SAFE_NO_PAD.encode(digest));
                &RSA_PSS_SHA256
            }
            (_, thumbprint) => {
                header["alg"] = json!("RS256");
                header["x5t"] = json!(URL_SAFE_NO_PAD.encode(thumbprint.unwrap_or_default()));
                &RSA_PKCS1_SHA256
            }
        };
        if self.sends_chain {
            let chain: Vec<_> = self.chain.iter().map(|der| STANDARD.encode(der)).collect();
            header["x5c"] = json!(chain);
        }
        (header, padding)
    }
}

#[async_trait]
impl TokenCredential for Certificate {
    async fn get_token(&self, request: &TokenRequest) -> Result<AccessToken> {
        self.check()?;
        Application::from(self.clone()).get_token(request).await
    }
}

pub(super) const KEYWORD: &str = "Application Certificate Blob";
pub(super) const PASSWORD_KEYWORD: &str = "Application Certificate Password";
const THUMBPRINT_KEYWORD: &str = "Application Certificate Thumbprint";

const TWO_KEYS: &str = "has two keys: which of them is meant cannot be known";

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, Step::AcquireToken, message).with_argument(KEYWORD)
}

enum Content {
    Pem(Vec<u8>),
    Pfx(Vec<u8>),
    Nothing,
}

/// PEM, also with its line breaks written as `\n`, with a mark of its encoding, or in UTF-16 as some tools of Windows
/// write it; or PFX, also in base64.
fn bytes_of(file: &[u8]) -> Content {
    const DER_SEQUENCE: u8 = 0x30;
    if file.first() == Some(&DER_SEQUENCE) {
        return Content::Pfx(file.to_vec());
    }
    let text = text_of(file);
    if text.contains("-----BEGIN ") {
        // No section has a backslash of its own.
        let text = text.replace("\\r", "").replace("\\n", "\n");
        return Content::Pem(text.into_bytes());
    }
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    match STANDARD.decode(plain) {
        Ok(bytes) if bytes.first() == Some(&DER_SEQUENCE) => Content::Pfx(bytes),
        Ok(bytes) if bytes.starts_with(b"-----BEGIN ") => Content::Pem(bytes),
        _ => Content::Nothing,
    }
}

fn text_of(file: &[u8]) -> String {
    let text = match file.strip_prefix(b"\xFF\xFE") {
        Some(wide) => {
            let units = wide
                .chunks_exact(2)
                .map(|it| u16::from_le_bytes([it[0], it[1]]));
            char::decode_utf16(units)
                .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        }
        None => String::from_utf8_lossy(file).into_owned(),
    };
    text.trim_start_matches('\u{FEFF}').to_owned()
}

/// The certificate of the key, and behind each the one of its issuer, as a chain is sent (RFC 7515, 4.1.6): others
/// are left out. The public key stands in the first as the key itself writes it.
fn leaf_first(parts: &Parts) -> Result<Vec<Vec<u8>>> {
    let public: &[u8] = parts.key.public().as_ref();
    let is_leaf = |der: &&Vec<u8>| der.windows(public.len()).any(|window| window == public);
    let Some(leaf) = parts.certificates.iter().find(is_leaf) else {
        return match parts.certificates.is_empty() {
            true => Ok(Vec::new()),
            false => Err(wrong("has no certificate of its key, only others")),
        };
    };
    let mut chain = vec![leaf];
    while let Some(issuer) = issuer_of(chain[chain.len() - 1], &parts.certificates) {
        // One that has issued itself ends it, and a circle too.
        if chain.contains(&issuer) {
            break;
        }
        chain.push(issuer);
    }
    Ok(chain.into_iter().cloned().collect())
}

fn issuer_of<'a>(certificate: &[u8], all: &'a [Vec<u8>]) -> Option<&'a Vec<u8>> {
    let (issuer, _) = der::names(certificate)?;
    all.iter()
        .find(|other| der::names(other).is_some_and(|(_, subject)| subject == issuer))
}

fn key_of(der: &[u8], is_pkcs1: bool) -> Result<RsaKeyPair> {
    let read = match is_pkcs1 {
        true => RsaKeyPair::from_der(der),
        false => RsaKeyPair::from_pkcs8(der),
    };
    read.map_err(|rejected| {
        let why = match rejected.to_string().as_str() {
            "WrongAlgorithm" => "has a key that is not RSA: Entra ID needs an RSA key".to_owned(),
            "TooSmall" | "TooLarge" => {
                "has an RSA key of less than 2048 or more than 4096 bits".to_owned()
            }
            other => format!("has a key that cannot be read ({other})"),
        };
        wrong(why)
    })
}

fn thumbprint_of(text: &str) -> Option<[u8; THUMBPRINT]> {
    let plain = |c: &char| !c.is_whitespace() && *c != ':' && *c != '\u{200E}';
    let digits: Vec<u8> = text
        .chars()
        .filter(plain)
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    if digits.len() != 2 * THUMBPRINT {
        return None;
    }
    let mut bytes = [0; THUMBPRINT];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbprint_is_written_in_several_ways() {
        let digits = "00112233445566778899aabbccddeeff01020304";
        let bytes = thumbprint_of(digits).unwrap();
        assert_eq!((bytes[1], bytes[19]), (0x11, 4));
        let spaced = "\u{200E}00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:01:02 03 04";
        assert_eq!(thumbprint_of(spaced), Some(bytes));
        for text in ["", "00", "zz112233445566778899aabbccddeeff01020304", "0"] {
            assert_eq!(thumbprint_of(text), None, "{text}");
        }
        assert_eq!(thumbprint_of(&"a".repeat(64)), None);
    }

    #[test]
    fn what_is_no_file_of_either_kind_is_refused() {
        for file in [
            &b""[..],
            b"text",
            b"\0\0",
            b"MDAw",
            b"-----BEGIN NOTHING-----\n",
        ] {
            let error = Certificate::new("id", file, None).unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::Config | ErrorKind::Unsupported),
                "{error}"
            );
        }
    }
}
