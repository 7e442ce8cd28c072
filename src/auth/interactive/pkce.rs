//! Random texts of one login, and the proof that whoever has the code has begun it (RFC 7636).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};

use crate::error::{Error, ErrorKind, Result, Step};
use crate::secret::Secret;

/// 32 random bytes as a text.
#[derive(Clone, Debug)]
pub(super) struct Random(Secret);

impl Random {
    pub(super) fn new() -> Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| {
            let message = format!("the system gives no random numbers: {error}");
            Error::new(ErrorKind::Auth, Step::AcquireToken, message)
        })?;
        Ok(Self(Secret::from(URL_SAFE_NO_PAD.encode(bytes))))
    }

    pub(super) fn text(&self) -> &str {
        self.0.expose()
    }

    /// The challenge of this verifier, by the method S256.
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.text().as_bytes()))
    }

    /// Whether it is this text, in a time that does not tell how much of it is.
    pub(super) fn is(&self, text: &str) -> bool {
        let (own, other) = (self.text().as_bytes(), text.as_bytes());
        let differing = own.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b));
        own.len() == other.len() && std::hint::black_box(differing) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636, appendix B.
    #[test]
    fn the_challenge_is_that_of_the_standard() {
        let verifier = Random(Secret::from("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        let expected = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert_eq!(verifier.challenge(), expected);
    }

    #[test]
    fn only_the_whole_text_is_equal() {
        let random = Random::new().unwrap();
        let text = random.text().to_owned();
        assert_eq!(text.len(), 43);
        assert!(random.is(&text));
        for other in [
            "",
            &text[..42],
            &format!("{text}a"),
            &text.to_lowercase()[..],
        ] {
            assert!(!random.is(other) || other == text, "{other}");
        }
        assert!(!random.is(Random::new().unwrap().text()));
    }
}
