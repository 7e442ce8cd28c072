//! Signed tokens (RFC 7515): `base64url(header).base64url(claims).base64url(signature)`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

/// The key of every emulator, as Azurite has one of every account: the directory's secrets are known to all as well, and
/// `ring` makes no keys of this kind.
const KEY: &[u8] = include_bytes!("signing_key.der");

/// The key that signs.
pub(super) struct SigningKey {
    pair: RsaKeyPair,
    public: PublicKeyComponents<Vec<u8>>,
    id: String,
}

impl SigningKey {
    pub(super) fn well_known() -> Result<Self, String> {
        let pair = RsaKeyPair::from_pkcs8(KEY)
            .map_err(|error| format!("the key of the tokens is refused: {error}"))?;
        let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
        let id = encode(&Sha256::digest(&public.n));
        Ok(Self { pair, public, id })
    }

    /// A token with these claims.
    pub(super) fn sign(&self, claims: &Json) -> Result<String, String> {
        let header = json!({"typ": "JWT", "alg": "RS256", "kid": self.id, "x5t": self.id});
        let signed = format!("{}.{}", of_json(&header), of_json(claims));
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .map_err(|_| "a token could not be signed".to_owned())?;
        Ok(format!("{signed}.{}", encode(&signature)))
    }

    /// The claims of a token that this key has signed.
    pub(super) fn verify(&self, token: &str) -> Option<Json> {
        let parts = Parts::of(token)?;
        if parts.header.get("alg")? != "RS256" {
            return None;
        }
        let (signed, signature) = (parts.signed.as_bytes(), &parts.signature);
        let checked = self
            .public
            .verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature);
        checked.ok().map(|()| parts.claims)
    }

    /// The public half, as the key endpoint shows it.
    pub(super) fn shown(&self) -> Json {
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id, "x5t": self.id,
            "n": encode(&self.public.n), "e": encode(&self.public.e),
        })
    }
}

/// A token taken apart; nothing of it is checked.
pub(super) struct Parts<'t> {
    pub(super) header: Json,
    pub(super) claims: Json,
    /// What the signature is of.
    pub(super) signed: &'t str,
    pub(super) signature: Vec<u8>,
}

impl<'t> Parts<'t> {
    pub(super) fn of(token: &'t str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        Some(Self {
            header: read_json(header)?,
            claims: read_json(claims)?,
            signed,
            signature: decode(signature)?,
        })
    }
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What some clients pad all the same.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

pub(super) fn of_json(json: &Json) -> String {
    encode(json.to_string().as_bytes())
}

fn read_json(text: &str) -> Option<Json> {
    serde_json::from_slice(&decode(text)?).ok()
}
