//! Values that must not be printed, and the removal of secrets from texts that will be.

use std::fmt;
use std::sync::Arc;

mod known;

use known::Registered;
pub(crate) use known::mask;

/// A token, key or signature: held, sent, never printed. While it lives, the texts of errors and
/// logs are searched for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    value: String,
    _known: Registered,
}

/// What is printed in place of a secret.
pub const MASK: &str = "****";

impl Secret {
    /// Takes ownership of the value.
    pub fn new(value: impl Into<String>) -> Self {
        let value = value.into();
        Self {
            _known: Registered::new(&value),
            value,
        }
    }

    /// The value itself. The name is meant to stand out in review: the caller must only send the
    /// value.
    pub fn expose(&self) -> &str {
        &self.value
    }

    /// Whether the value is empty or only white space, which no real token is.
    pub fn is_blank(&self) -> bool {
        self.value.trim().is_empty()
    }
}

impl From<&SecretUrl> for Secret {
    /// The whole address. Its secrets are in the set already.
    fn from(url: &SecretUrl) -> Self {
        Self {
            value: url.url.as_str().to_owned(),
            _known: url._known.clone(),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self::new(value)
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

/// A storage URL whose query holds a signature: printed without it. While it lives, the texts of
/// errors and logs are searched for the signature.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl {
    url: Arc<url::Url>,
    _known: Registered,
}

impl SecretUrl {
    /// Takes ownership of the URL.
    pub fn new(url: url::Url) -> Self {
        Self {
            _known: Registered::new(url.as_str()),
            url: Arc::new(url),
        }
    }

    /// Another URL with the query of this one, whose secrets are in the set already.
    pub(crate) fn with_same_query(&self, url: url::Url) -> Self {
        debug_assert_eq!(url.query(), self.url.query());
        Self {
            url: Arc::new(url),
            _known: self._known.clone(),
        }
    }

    /// The same URL for a request: only to be sent.
    pub(crate) fn shared(&self) -> Arc<url::Url> {
        self.url.clone()
    }

    /// The URL with its signature: only to be sent.
    pub fn expose(&self) -> &url::Url {
        &self.url
    }

    /// The URL without its query and without credentials behind `;`.
    pub fn redacted(&self) -> &str {
        redact_url(self.url.as_str())
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.redacted())
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.redacted())
    }
}

/// A storage URL up to its first secret: cut at `?` (SAS) and at `;` (account key, `impersonate`,
/// managed identity), where Kusto's storage connection strings put credentials.
pub fn redact_url(url: &str) -> &str {
    url.split(['?', ';']).next().unwrap_or_default()
}

/// Removes secrets from the text of a third party: those that this process holds, the query part of
/// anything that looks like a URL, and the word after `Bearer `. The text may have any length and
/// content.
pub fn redact(text: &str) -> String {
    redact_shapes(&mask(text.to_owned()))
}

/// The beginning of a third party's text, without secrets and without what [`misleads`] its reader;
/// lines, tabs and the joiners that some scripts need are kept. The text may have any length: so much
/// is searched that what is shown has no half of a secret at its end, and not all of it, because the
/// search needs many times the memory of its text.
pub(crate) fn excerpt(text: &str, max_chars: usize) -> String {
    let (searched, is_whole) = searched(text);
    let shown = redact(&plain(searched));
    match shown.char_indices().nth(max_chars) {
        Some((at, _)) => format!("{}...", &shown[..at]),
        None if is_whole => shown,
        None => shown + "...",
    }
}

/// As [`redact`], for a text of any length from the network: what is searched of it, which costs no
/// call its deadline. The rest is left out.
pub(crate) fn redact_beginning(text: &str) -> String {
    let (searched, is_whole) = searched(text);
    let shown = redact(searched);
    if is_whole { shown } else { shown + "..." }
}

/// The part of a text that is searched for secrets, and whether it is all of it. No text of the
/// service is longer: the status table allows no more, nor does a queue.
fn searched(text: &str) -> (&str, bool) {
    const SEARCHED: usize = 64 * 1024;
    let mut end = text.len().min(SEARCHED);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (&text[..end], end == text.len())
}

/// A character that is not seen itself but changes what is read: a control character, a line separator,
/// one of those that turn the direction, join, or have no width (of Unicode's category Cf).
pub(crate) fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text without what misleads. White space becomes a space, which must not join two words: the first
/// may be the mark of a secret.
fn plain(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' | '\u{200c}' | '\u{200d}' => Some(c),
        _ if !misleads(c) => Some(c),
        _ => c.is_whitespace().then_some(' '),
    };
    text.chars().filter_map(shown).collect()
}

/// A code or an id of a third party; `None` when the text cannot be one.
pub(crate) fn identifier(text: &str) -> Option<String> {
    const MAX_LENGTH: usize = 128;
    let text = text.trim();
    let fits = !text.is_empty() && text.len() <= MAX_LENGTH;
    let plain = |c: char| c.is_ascii_graphic() || c == ' ';
    (fits && text.chars().all(plain)).then(|| redact(text))
}

/// One pass, for secrets that only their place in the text shows.
fn redact_shapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut is_token = false;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.find(ends_secret).unwrap_or(rest.len()));
        let shown = if is_token { 0 } else { shown_part(word) };
        out.push_str(&word[..shown]);
        if shown < word.len() {
            out.push_str(MASK);
        }
        let gap = after.find(|c| !ends_secret(c)).unwrap_or(after.len());
        let (gap, next) = after.split_at(gap);
        out.push_str(gap);
        is_token = ends_with_bearer(word) && gap.chars().all(char::is_whitespace);
        rest = next;
    }
    out
}

/// How much of a word may be shown: all of it, unless it is a URL with text after its first `?` or
/// `;`, or contains a signature without being a whole URL.
fn shown_part(word: &str) -> usize {
    let url = word.find("://").map(|scheme| scheme + 3);
    let query = url.and_then(|at| Some(at + word[at..].find(['?', ';'])? + 1));
    let signature = ["sig=", "sig%3d", "sig%3D"]
        .iter()
        .filter_map(|name| Some(word.find(name)? + name.len()))
        .min();
    let end = word.len();
    query.unwrap_or(end).min(signature.unwrap_or(end))
}

fn ends_with_bearer(word: &str) -> bool {
    const BEARER: &[u8] = b"bearer";
    let end = word.len().saturating_sub(BEARER.len());
    word.as_bytes()[end..].eq_ignore_ascii_case(BEARER)
}

fn ends_secret(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`' | ')' | ']' | '}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_never_prints() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "**** ****");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn the_signature_of_a_child_stays_known_without_its_parent() {
        let url = |path: &str| url::Url::parse(&format!("https://a/{path}?sig=S1gOfAParent"));
        let parent = SecretUrl::new(url("c").unwrap());
        let child = parent.with_same_query(url("c/b").unwrap());
        drop(parent);
        assert_eq!(mask("no S1gOfAParent".to_owned()), "no ****");
        assert_eq!(child.redacted(), "https://a/c/b");
    }

    #[test]
    fn url_is_cut_at_query_and_at_semicolon() {
        assert_eq!(redact_url("https://a/b?sig=x"), "https://a/b");
        assert_eq!(redact_url("https://a/b;key=="), "https://a/b");
        assert_eq!(redact_url("https://a/b"), "https://a/b");
    }

    #[test]
    fn a_text_of_many_urls_neither_overflows_the_stack_nor_takes_for_ever() {
        let text = "a:// bearer; ".repeat(100_000);
        assert_eq!(redact(&text), text);
        let text = "http://h?s ".repeat(100_000);
        assert_eq!(redact(&text), "http://h?**** ".repeat(100_000));
    }

    #[test]
    fn a_third_partys_text_neither_hides_nor_turns_what_is_read() {
        let turned =
            "user \u{202e}nimda\u{2066}\u{200b}\u{feff}: \u{1b}[2Jno\u{2028}next\u{2029}\r\n\tend";
        assert_eq!(excerpt(turned, 99), "user nimda: [2Jno next  \n\tend");
        let joined = "\u{645}\u{6cc}\u{200c}\u{62e} \u{1f468}\u{200d}\u{1f466}";
        assert_eq!(excerpt(joined, 99), joined);
        for hidden in ["Bearer\rabc.def", "Bea\u{200b}rer\u{85}abc.def"] {
            assert_eq!(excerpt(hidden, 99), "Bearer ****");
        }
        assert_eq!(excerpt("/c?si\u{2060}g=x", 99), "/c?sig=****");
    }

    #[test]
    fn the_beginning_of_a_long_text_has_no_half_of_a_secret() {
        assert_eq!(excerpt("é http://h?sig=x", 99), "é http://h?****");
        assert_eq!(excerpt("ééé", 2), "éé...");
        let _alive = Secret::new("A-secret-across-the-end-of-an-excerpt");
        let text = format!("{}A-secret-across-the-end-of-an-excerpt", "é".repeat(10));
        assert_eq!(excerpt(&text, 15), format!("{}****", "é".repeat(10)));
        let text = "http://h?s ".repeat(1_000_000);
        let shown = excerpt(&text, usize::MAX);
        assert!(shown.len() < 128 * 1024 && shown.ends_with("..."));
        let text = format!("x{}", "é".repeat(1_000_000));
        assert_eq!(excerpt(&text, 2), "xé...");
    }

    #[test]
    fn of_a_text_without_end_the_beginning_is_kept() {
        let text = "http://h?s ".repeat(1_000_000);
        let shown = redact_beginning(&text);
        assert!(shown.len() < 128 * 1024 && shown.ends_with("..."));
        assert!(shown.starts_with("http://h?**** http://h?****"));
        let long = "x".repeat(64 * 1024);
        assert_eq!(redact_beginning(&long), long);
    }

    #[test]
    fn text_loses_every_query_and_token() {
        assert_eq!(
            redact("PUT \"https://a/b?sig=x%2B\" and http://c/d;key failed: Bearer abc.def, again"),
            "PUT \"https://a/b?****\" and http://c/d;**** failed: Bearer **** again"
        );
        assert_eq!(redact("no url here"), "no url here");
        assert_eq!(redact("https://a/b? empty"), "https://a/b? empty");
        assert_eq!(redact("bearer "), "bearer ");
        assert_eq!(
            redact("GET /c/b?sv=1&sig=a%2B: no"),
            "GET /c/b?sv=1&sig=**** no"
        );
        assert_eq!(
            redact("/login?next=%2Fc%3Fsv%3D1%26sig%3Da%252B: no"),
            "/login?next=%2Fc%3Fsv%3D1%26sig%3D**** no"
        );
        assert_eq!(redact("BEARER\n é.b"), "BEARER\n ****");
        assert_eq!(
            redact("http://x then http://y?s=1"),
            "http://x then http://y?****"
        );
    }
}
