//! Assertions that stand for a client's secret (RFC 7523): signed by a certificate of the application, or by another
//! issuer that the application trusts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use serde_json::Value as Json;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use webpki::EndEntityCert;
use webpki::ring::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256_LEGACY_KEY};

use super::directory::App;
use super::error::Refusal;
use super::jwt::{Parts, encode};
use super::{Entra, State};

/// The longest life of an assertion that is remembered, in seconds.
const LONGEST: i64 = 24 * 3600;
/// How far the clocks may differ, in seconds.
const LEEWAY: i64 = 300;

impl Entra {
    /// Checks the assertion of an application. `own` is the address of the token endpoint, which the application's own
    /// assertions are for.
    pub(super) fn check_assertion(
        &self,
        state: &mut State,
        app: &App,
        assertion: &str,
        own: &[String],
    ) -> Result<(), Refusal> {
        let Some(parts) = Parts::of(assertion) else {
            return Err(Refusal::of_client(50_027, "The assertion is no JWT."));
        };
        let issuer = word(&parts.claims, "iss");
        let is_own = issuer.eq_ignore_ascii_case(&app.client_id);
        match is_own {
            true => check_own(app, &parts, own)?,
            false => self.check_foreign(app, assertion, &parts)?,
        }
        self.check_times(&parts)?;
        if is_own {
            return self.use_once(state, app, &parts);
        }
        Ok(())
    }

    /// The emulator plays every issuer of workloads: what such a one signs is signed by its key.
    fn check_foreign(&self, app: &App, assertion: &str, parts: &Parts<'_>) -> Result<(), Refusal> {
        let claim = |name| word(&parts.claims, name);
        let known = |one: &&super::directory::Federated| one.issuer == claim("iss");
        let of_issuer: Vec<_> = app.federated.iter().filter(known).collect();
        let refused = |number, what: &str| {
            let text = format!(
                "No matching federated identity record found for presented assertion {what}."
            );
            Err(Refusal::of_client(number, text))
        };
        if of_issuer.is_empty() {
            return refused(700_211, &format!("issuer '{}'", claim("iss")));
        }
        if self.key.verify(assertion).is_none() {
            return refused(700_211, "signature");
        }
        let of_subject: Vec<_> = of_issuer
            .iter()
            .filter(|one| one.subject == claim("sub"))
            .collect();
        if of_subject.is_empty() {
            return refused(700_213, &format!("subject '{}'", claim("sub")));
        }
        match of_subject.iter().any(|one| one.audience == claim("aud")) {
            true => Ok(()),
            false => refused(700_212, &format!("audience '{}'", claim("aud"))),
        }
    }

    fn check_times(&self, parts: &Parts<'_>) -> Result<(), Refusal> {
        let now = self.now();
        let expires = number(&parts.claims, "exp");
        let begins = number(&parts.claims, "nbf").unwrap_or(now);
        // One that is valid for longer than its id is remembered could be used again.
        let lasting = now - LEEWAY + 1..=now + LONGEST;
        if expires.is_some_and(|exp| lasting.contains(&exp)) && begins <= now + LEEWAY {
            return Ok(());
        }
        let text = format!(
            "Client assertion is not within its valid time range. Current time: {now}, assertion: {begins} to {}.",
            expires.unwrap_or_default()
        );
        Err(Refusal::of_client(700_024, text))
    }

    fn use_once(&self, state: &mut State, app: &App, parts: &Parts<'_>) -> Result<(), Refusal> {
        let now = self.now();
        state.used.retain(|_, expires| *expires > now - LEEWAY);
        let jti = word(&parts.claims, "jti");
        if jti.is_empty() {
            return Err(Refusal::of_client(50_027, "The assertion has no 'jti'."));
        }
        let expires = number(&parts.claims, "exp").unwrap_or(now);
        match state
            .used
            .insert(format!("{}/{jti}", app.client_id), expires)
        {
            None => Ok(()),
            Some(_) => Err(Refusal::of_client(
                50_013,
                "The assertion was used before: its 'jti' is not new.",
            )),
        }
    }
}

/// What an application signs with its certificate.
fn check_own(app: &App, parts: &Parts<'_>, own: &[String]) -> Result<(), Refusal> {
    if word(&parts.claims, "sub") != word(&parts.claims, "iss") {
        let text = "Client assertion application identifier doesn't match 'client_id' parameter.";
        return Err(Refusal::of_client(700_021, text));
    }
    let audience = word(&parts.claims, "aud");
    if !own.iter().any(|own| own == audience) {
        let text = format!("Client assertion audience claim '{audience}' does not match.");
        return Err(Refusal::of_client(700_023, text));
    }
    let algorithm = match word(&parts.header, "alg") {
        "RS256" => RSA_PKCS1_2048_8192_SHA256,
        "PS256" => RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        other => {
            let text = format!("The algorithm '{other}' of the client assertion is not supported.");
            return Err(Refusal::of_client(5_002_738, text));
        }
    };
    let known = app
        .certificates
        .iter()
        .filter_map(|one| STANDARD.decode(one).ok());
    let named = known.filter(|der| is_named(&parts.header, der));
    let has_signed = |der: &Vec<u8>| {
        let der = CertificateDer::from(der.as_slice());
        EndEntityCert::try_from(&der).is_ok_and(|certificate| {
            let (signed, signature) = (parts.signed.as_bytes(), &parts.signature);
            certificate
                .verify_signature(algorithm, signed, signature)
                .is_ok()
        })
    };
    match named.into_iter().any(|der| has_signed(&der)) {
        true => Ok(()),
        false => Err(Refusal::of_client(
            700_027,
            "The certificate with identifier used to sign the client assertion is not registered on application, or its signature is wrong.",
        )),
    }
}

/// Whether the header means this certificate.
fn is_named(header: &Json, der: &[u8]) -> bool {
    let says = |name: &str, thumbprint: String| {
        let named = header.get(name).and_then(Json::as_str);
        // MSAL for Go writes it in the other base64.
        let url_safe = |named: &str| named.replace('+', "-").replace('/', "_");
        named.map(|named| url_safe(named).trim_end_matches('=') == thumbprint)
    };
    says("x5t#S256", encode(&Sha256::digest(der)))
        .or_else(|| says("x5t", encode(&Sha1::digest(der))))
        .unwrap_or(false)
}

fn word<'j>(json: &'j Json, name: &str) -> &'j str {
    json.get(name).and_then(Json::as_str).unwrap_or_default()
}

/// Some clients write their times with a fraction.
#[expect(
    clippy::cast_possible_truncation,
    reason = "seconds since 1970; what is out of range is clamped"
)]
fn number(json: &Json, name: &str) -> Option<i64> {
    let value = json.get(name)?;
    value
        .as_i64()
        .or_else(|| value.as_f64().map(|real| real as i64))
}
