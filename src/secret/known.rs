//! The secrets that are alive in this process, and their removal from texts that leave the library.
//!
//! A token that a service quotes without the word `Bearer`, or a signature in an unusual encoding,
//! has no shape that a rule could find: only its value tells. Every [`Secret`](super::Secret) and
//! [`SecretUrl`](super::SecretUrl) is therefore in this set while it lives, and [`mask`] looks for
//! all of them. The set is the process's, not a client's: errors are made in places that know no
//! client, and the log is one for all clients. It holds weak references, so it is never larger than
//! the secrets in use and keeps none of them in memory.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, LazyLock, PoisonError, RwLock, Weak};

use super::MASK;

/// A shorter value cannot be told from a word of the text. Tokens, keys and signatures are longer.
const MIN_LENGTH: usize = 8;
/// So much of the beginning of a secret is masked too: texts are cut off.
const ENOUGH: usize = 16;
/// How often a text may have been escaped: a signature in an address in a parameter of an address.
const MAX_ESCAPES: usize = 3;

/// The schemes of the storage addresses that the service reads.
const STORAGE_SCHEMES: [&str; 4] = ["http", "https", "abfss", "adl"];

type Start = [u8; MIN_LENGTH];

#[derive(Default)]
struct Known {
    by_start: HashMap<Start, Vec<Weak<Part>>>,
}

static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);

/// Keeps the secret parts of a value in the set while it lives.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Registered(Arc<[Arc<Part>]>);

/// A secret part of a value, which leaves the set when its last owner does.
#[derive(PartialEq, Eq)]
struct Part(Box<[u8]>);

impl Drop for Part {
    fn drop(&mut self) {
        // Not waited for: a search that holds the lock may be the last owner itself. What stays then
        // is gone with the next entry that comes or goes.
        if let Ok(mut known) = KNOWN.try_write() {
            known.prune();
        }
    }
}

impl Registered {
    /// `value` is a secret itself, or a storage address that holds some.
    pub(super) fn new(value: &str) -> Self {
        let parts = secret_parts(value.trim()).into_iter();
        Self(parts.filter_map(register).collect())
    }
}

fn register(part: &str) -> Option<Arc<Part>> {
    // In the form that the text has in the end: `mask` removes every escape as well.
    let bytes = fully_unescaped(part).bytes;
    let start: Start = bytes.get(..MIN_LENGTH)?.try_into().ok()?;
    // Most values are known already: several parts of one ingestion hold the same signature.
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    let same = known.find(&start, &bytes);
    drop(known);
    if same.is_some() {
        return same;
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    // Another thread may have been quicker.
    let same = known.find(&start, &bytes);
    if same.is_some() {
        return same;
    }
    let secret = Arc::new(Part(bytes.into()));
    known.add(start, Arc::downgrade(&secret));
    Some(secret)
}

impl Known {
    fn find(&self, start: &Start, bytes: &[u8]) -> Option<Arc<Part>> {
        let mut same_start = self.by_start.get(start)?.iter().filter_map(Weak::upgrade);
        same_start.find(|secret| *secret.0 == *bytes)
    }

    fn add(&mut self, start: Start, secret: Weak<Part>) {
        self.prune();
        self.by_start.entry(start).or_default().push(secret);
    }

    /// Removes the entries of secrets that are gone; without any, nothing stays in memory.
    fn prune(&mut self) {
        self.by_start.retain(|_, list| {
            list.retain(|secret| secret.strong_count() > 0);
            !list.is_empty()
        });
        if self.by_start.is_empty() {
            self.by_start = HashMap::new();
        }
    }

    /// Adds the places of all secrets in `view` to `found`.
    fn search(&self, view: &View, found: &mut Vec<Range<usize>>) {
        let mut at = 0;
        while let Some(start) = view.bytes.get(at..at + MIN_LENGTH) {
            let longest = self
                .by_start
                .get(start)
                .into_iter()
                .flatten()
                .filter_map(Weak::upgrade)
                .map(|secret| matching(&secret.0, &view.bytes[at..]))
                .max()
                .unwrap_or(0);
            if longest > 0 {
                found.push(view.span(at..at + longest));
            }
            at += longest.max(1);
        }
    }
}

/// How many bytes of `text` are to be masked because they begin with the secret, or with enough of
/// it, or end within it.
fn matching(secret: &[u8], text: &[u8]) -> usize {
    let pairs = secret.iter().zip(text);
    let common = pairs.take_while(|(a, b)| a == b).count();
    match common == secret.len() || common >= ENOUGH || common == text.len() {
        true => common,
        false => 0,
    }
}

/// Replaces every secret of the set, also in percent, JSON and base64 encoding.
pub(crate) fn mask(text: String) -> String {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    if known.by_start.is_empty() || text.len() < MIN_LENGTH {
        return text;
    }
    let mut found = Vec::new();
    let mut view = View::of(&text);
    known.search(&view, &mut found);
    for _ in 0..MAX_ESCAPES {
        let Some(inner) = view.unescaped() else { break };
        known.search(&inner, &mut found);
        view = inner;
    }
    view.each_base64_decoded(|decoded| known.search(decoded, &mut found));
    drop(known);
    replace(text, found)
}

fn replace(text: String, mut found: Vec<Range<usize>>) -> String {
    if found.is_empty() {
        return text;
    }
    found.sort_by_key(|range| range.start);
    let mut out = String::with_capacity(text.len());
    let mut shown_to = 0;
    for range in found {
        // What matches may begin and end within a character.
        let (mut start, mut end) = (range.start, range.end);
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        while !text.is_char_boundary(end) {
            end += 1;
        }
        if start >= shown_to {
            out.push_str(&text[shown_to..start]);
            out.push_str(MASK);
        }
        shown_to = shown_to.max(end);
    }
    out.push_str(&text[shown_to..]);
    out
}

/// The parts of a value that must not be seen: all of it, unless it is a storage address.
fn secret_parts(value: &str) -> Vec<&str> {
    // A password may contain `://`. Of an address itself nothing is secret: registered as a whole,
    // its host would be masked everywhere.
    let scheme = value.split_once("://").map(|(scheme, _)| scheme);
    let is_address = scheme.is_some_and(|scheme| {
        let mut known = STORAGE_SCHEMES.iter();
        known.any(|known| known.eq_ignore_ascii_case(scheme))
    });
    if !is_address {
        return vec![value];
    }
    let (address, credentials) = value.split_once(';').unwrap_or((value, ""));
    let (_, query) = address.split_once('?').unwrap_or((address, ""));
    let signatures = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| name.eq_ignore_ascii_case("sig"))
        .map(|(_, signature)| signature);
    signatures
        .chain(credentials.split(';').flat_map(credential_parts))
        .collect()
}

/// A segment behind `;`: a key, or a name with values. Two forms contain nothing secret.
fn credential_parts(segment: &str) -> Vec<&str> {
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphabetic() || c == '_');
    match segment.split_once('=') {
        Some(("managed_identity", _)) => Vec::new(),
        // An account key in base64 ends with `=` as well.
        Some((name, values)) if is_name(name) && !values.trim_matches('=').is_empty() => {
            values.split(',').collect()
        }
        _ if segment == "impersonate" => Vec::new(),
        _ => vec![segment],
    }
}

/// A text with some encoding removed; `spans` says where each byte stands in the original text. The
/// original itself has none: they are larger than the text by far.
struct View {
    bytes: Vec<u8>,
    spans: Option<Vec<Range<usize>>>,
}

impl View {
    fn of(text: &str) -> Self {
        Self {
            bytes: text.as_bytes().to_vec(),
            spans: None,
        }
    }

    /// Where these bytes stand in the original text.
    fn span(&self, bytes: Range<usize>) -> Range<usize> {
        match &self.spans {
            Some(spans) => spans[bytes.start].start..spans[bytes.end - 1].end,
            None => bytes,
        }
    }

    /// Without one layer of `%2B`, `\u002B` and `\/`; `None` when there is none.
    fn unescaped(&self) -> Option<Self> {
        if !self.bytes.iter().any(|byte| matches!(byte, b'%' | b'\\')) {
            return None;
        }
        let mut bytes = Vec::with_capacity(self.bytes.len());
        let mut spans = Vec::with_capacity(self.bytes.len());
        let mut at = 0;
        while at < self.bytes.len() {
            let (byte, length) = escape(&self.bytes[at..]).unwrap_or((self.bytes[at], 1));
            bytes.push(byte);
            spans.push(self.span(at..at + length));
            at += length;
        }
        let spans = Some(spans);
        (bytes.len() < self.bytes.len()).then_some(Self { bytes, spans })
    }

    /// Every run of base64 characters, decoded from each of its first four: what stands before the
    /// encoded text may be of the same characters. One at a time, so that their memory does not add
    /// up.
    fn each_base64_decoded(&self, mut visit: impl FnMut(&Self)) {
        let mut at = 0;
        while at < self.bytes.len() {
            let run = self.bytes[at..].iter().map_while(|byte| sextet(*byte));
            let run: Vec<u8> = run.collect();
            for skipped in 0..run.len().min(4) {
                visit(&self.decode(at + skipped, &run[skipped..]));
            }
            at += run.len() + 1;
        }
    }

    fn decode(&self, from: usize, sextets: &[u8]) -> Self {
        let count = sextets.len() * 6 / 8;
        let byte = |index: usize| {
            let (at, shift) = (index * 8 / 6, index * 8 % 6);
            let two = u16::from(sextets[at]) << 6 | u16::from(sextets[at + 1]);
            (two >> (4 - shift)) as u8
        };
        let span = |index: usize| {
            let at = from + index * 8 / 6;
            self.span(at..at + 2)
        };
        Self {
            bytes: (0..count).map(byte).collect(),
            spans: Some((0..count).map(span).collect()),
        }
    }
}

fn fully_unescaped(text: &str) -> View {
    let mut view = View::of(text);
    for _ in 0..MAX_ESCAPES {
        match view.unescaped() {
            Some(inner) => view = inner,
            None => break,
        }
    }
    view
}

/// The byte that an escape at the beginning stands for, and the escape's length.
fn escape(text: &[u8]) -> Option<(u8, usize)> {
    let hex = |digits: Option<&[u8]>| {
        let digits = std::str::from_utf8(digits?).ok()?;
        u8::from_str_radix(digits, 16).ok()
    };
    match text {
        [b'%', ..] => Some((hex(text.get(1..3))?, 3)),
        [b'\\', b'/', ..] => Some((b'/', 2)),
        [b'\\', b'u', b'0', b'0', ..] => Some((hex(text.get(4..6))?, 6)),
        _ => None,
    }
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

    use super::super::{Secret, SecretUrl};
    use super::*;

    /// The text of `mask` with this word in it must not contain the word.
    #[track_caller]
    fn check(word: &str) {
        for text in [
            word.to_owned(),
            format!("the token {word} is refused"),
            format!("é\"{word}\", {word}"),
        ] {
            let masked = mask(text.clone());
            assert!(!masked.contains(word), "{text} became {masked}");
            assert!(masked.contains(MASK));
            let kept = text.replace(word, "").replace([' ', '"'], "");
            assert!(masked.len() <= kept.len() + 40, "{masked}");
        }
        assert!(mask(format!("before {word} after")).starts_with("before ****"));
        assert!(mask(format!("before {word} after")).ends_with("**** after"));
    }

    #[test]
    fn a_known_secret_is_found_in_every_encoding() {
        let value = "Kn0wn+s1gn/ature~of=many_Chars==";
        let _alive = Secret::new(value);
        check(value);
        let percent = utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
        check(&percent);
        check(
            &percent
                .to_lowercase()
                .replace("kn0wn", "Kn0wn")
                .replace("chars", "Chars"),
        );
        check(&utf8_percent_encode(&percent, NON_ALPHANUMERIC).to_string());
        check(&value.replace('/', "\\/").replace('+', "\\u002B"));
        for before in ["", "x", "xy", "user:"] {
            let joined = format!("{before}{value} and more");
            for encoded in [STANDARD.encode(&joined), URL_SAFE_NO_PAD.encode(&joined)] {
                let masked = mask(format!("Basic {encoded}"));
                assert!(masked.contains(MASK), "{encoded}");
                assert!(
                    !masked.contains(&encoded[8..encoded.len() - 16]),
                    "{masked}"
                );
            }
        }
    }

    #[test]
    fn a_secret_that_was_cut_off_is_found() {
        let _alive = Secret::new("C0t-0ff-by-a-limit-of-a-message");
        assert_eq!(mask("no C0t-0ff-by-a-lim...".to_owned()), "no ****...");
        assert_eq!(mask("no C0t-0ff-b".to_owned()), "no ****");
        assert_eq!(mask("no C0t-0ff-b...".to_owned()), "no C0t-0ff-b...");
        let _alive = Secret::new("C0t-with1n-a-ch\u{e4}racter");
        assert_eq!(mask("no C0t-with1n-a-ch\u{e3}".to_owned()), "no ****");
        let _alive = Secret::new("%A4-with1n-a-character");
        assert_eq!(mask("\u{e4}-with1n-a-character".to_owned()), "****");
    }

    #[test]
    fn a_storage_address_is_known_by_its_signature_and_its_key() {
        let url = "https://a.example/c/b?sv=2021-12-02&sig=S1g%2BOf%2fAn%3DAddress";
        let _alive = SecretUrl::new(url::Url::parse(url).unwrap());
        check("S1g+Of/An=Address");
        check("S1g%2bOf%2FAn%3dAddress");
        let text = "https://a.example/c/b, 2021-12-02".to_owned();
        assert_eq!(mask(text.clone()), text);
        let _alive = Secret::new("https://a.example/c/b;K3yOfAnAccount==");
        check("K3yOfAnAccount==");
        let _alive = Secret::new("https://a/c;AwsCredentials=AKIDAKIDAKID,Aws5ecretAws5ecret");
        check("Aws5ecretAws5ecret");
        let _alive = Secret::new("https://a/c;managed_identity=system");
        let text = "managed_identity=system".to_owned();
        assert_eq!(mask(text.clone()), text);
    }

    #[test]
    fn a_password_that_looks_a_little_like_an_address_is_known() {
        for value in [
            "pa55word://of-a-user",
            "pa55word://h;k?x=1",
            "ftp://pa55word-of-a-user",
        ] {
            let _alive = Secret::new(value);
            check(value);
        }
        let _alive = Secret::new("HTTPS://plain.example/container/blob");
        let text = "HTTPS://plain.example/container/other".to_owned();
        assert_eq!(mask(text.clone()), text);
    }

    #[test]
    fn what_is_no_secret_any_more_or_too_short_is_left() {
        let text = "a-passing-secret and short".to_owned();
        let alive = (Secret::new("a-passing-secret"), Secret::new("short"));
        assert_eq!(mask(text.clone()), "**** and short");
        let copy = alive.0.clone();
        drop(alive);
        assert_eq!(mask(text.clone()), "**** and short");
        drop(copy);
        assert_eq!(mask(text.clone()), text);
    }

    #[test]
    fn the_set_is_no_larger_than_the_secrets_in_use() {
        for number in 0..10_000 {
            let _ = Secret::new(format!("secret-number-{number}"));
        }
        let known = KNOWN.read().unwrap();
        let entries: usize = known.by_start.values().map(Vec::len).sum();
        assert!(entries < 500, "{entries}");
    }
}
