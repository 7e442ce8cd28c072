//! What the error of a request without a whole answer says: the cause in plain words, first of all. The
//! names and the texts of the libraries below mean nothing to a user.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use rustls::CertificateError;
use rustls::pki_types::UnixTime;
use time::OffsetDateTime;

use super::connect::CONNECT_TIMEOUT;
use super::tunnel::Closed;
use super::verifier::Rejected;
use crate::error::Error;
use crate::secret::{excerpt, redact, redact_beginning};

/// A host name that the system cannot resolve, with the system's text.
#[derive(Debug)]
pub(super) struct Unresolved(pub(super) String);

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Unresolved {}

/// Why a request has no whole answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no connection: nothing was sent.
    Connect(Box<dyn StdError + Send + Sync>),
    /// There is none in time.
    NoConnection,
    /// The certificates that hosts are verified with cannot be read.
    Certificates(Error),
    /// The connection broke, or what came is not HTTP.
    Exchange(hyper::Error),
    /// The connection broke before all of the request was handed to it.
    Unfinished(hyper::Error),
    /// The answer, or the rest of it, did not come within this time.
    Silent(Duration),
    /// Nor was the request taken within it.
    Stuck(Duration),
    /// A success came before the request had left.
    Early,
    /// The body is not what its encoding says.
    NotGzip,
}

impl Failure {
    pub(super) fn connect(cause: impl StdError + Send + Sync + 'static) -> Self {
        Self::Connect(Box::new(cause))
    }

    fn is_connecting(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::NoConnection)
    }

    /// The error of the library or the system below.
    pub(super) fn cause(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Connect(cause) => Some(&**cause),
            Self::Exchange(cause) | Self::Unfinished(cause) => Some(cause),
            Self::Certificates(_)
            | Self::NoConnection
            | Self::Silent(_)
            | Self::Stuck(_)
            | Self::Early
            | Self::NotGzip => None,
        }
    }

    /// Whether the whole request may have left. Service and storage act on whole requests only.
    pub(super) fn may_have_been_sent(&self) -> bool {
        match self {
            Self::Connect(_) | Self::NoConnection | Self::Certificates(_) => false,
            Self::Early | Self::Unfinished(_) | Self::Stuck(_) => false,
            Self::Silent(_) | Self::NotGzip => true,
            Self::Exchange(error) => {
                // A pipe breaks on a write only: the rest of the request was not accepted.
                let broke = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
                let was_cut = chain(error).any(|it| it.downcast_ref().is_some_and(broke));
                !error.is_canceled() && !was_cut
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&cause(false, self))
    }
}

/// The message of such an error. `secure` says whether the address is one of https.
pub(super) fn message(host: &str, proxy: Option<&str>, secure: bool, failure: &Failure) -> String {
    let begin = match failure.is_connecting() {
        true => "cannot connect to",
        false => "no answer from",
    };
    let through = proxy.map(|proxy| format!(" through the proxy {proxy}"));
    let cause = cause(secure, failure);
    let through = through.unwrap_or_default();
    redact(&format!("{begin} {host}{through}: {cause}"))
}

fn cause(secure: bool, failure: &Failure) -> String {
    let error = match failure {
        Failure::NoConnection => return no_connection(),
        Failure::Certificates(error) => return error.message().to_owned(),
        Failure::Silent(limit) => return format!("it did not come within {limit:?}"),
        Failure::Stuck(limit) => return format!("the request was not taken within {limit:?}"),
        Failure::Early => return "a success came before the request had been sent".to_owned(),
        Failure::NotGzip => return "the answer is not the gzip that it says to be".to_owned(),
        Failure::Connect(error) => &**error as &(dyn StdError + 'static),
        Failure::Exchange(error) | Failure::Unfinished(error) => error,
    };
    let connecting = failure.is_connecting();
    let found = chain(error).find_map(|cause| {
        let of_name = cause.downcast_ref().map(of_name);
        let of_tls = || cause.downcast_ref().map(of_tls);
        let of_tunnel = || cause.downcast_ref().map(Closed::to_string);
        let of_system = || of_system(connecting, secure, cause.downcast_ref()?);
        of_name
            .or_else(of_tls)
            .or_else(of_tunnel)
            .or_else(of_system)
    });
    found.unwrap_or_else(|| of_text(secure, error))
}

fn no_connection() -> String {
    format!("no connection within {} s", CONNECT_TIMEOUT.as_secs())
}

fn of_name(error: &Unresolved) -> String {
    let text = error.0.as_str();
    let text = text.rsplit_once(": ").map_or(text, |(_, text)| text);
    let is_unknown = ["not known", "No address", "nodename", "No such host"];
    match is_unknown.iter().any(|known| text.contains(known)) {
        true => "unknown host name".to_owned(),
        false => format!("the host name could not be resolved ({text})"),
    }
}

fn of_tls(error: &rustls::Error) -> String {
    use rustls::Error as Tls;
    match error {
        Tls::InvalidCertificate(error) => of_certificate(error),
        Tls::InvalidMessage(_) => {
            "the server does not speak TLS; is its address one of http?".to_owned()
        }
        Tls::AlertReceived(alert) => {
            let alert = spaced(&format!("{alert:?}"));
            format!("the server ended the TLS handshake ({alert})")
        }
        Tls::NoCertificatesPresented => "the server presented no certificate".to_owned(),
        Tls::PeerIncompatible(_) => {
            "the server offers no version or cipher of TLS that this library has".to_owned()
        }
        _ => "the TLS handshake failed".to_owned(),
    }
}

fn of_certificate(error: &CertificateError) -> String {
    let rejected = match error {
        CertificateError::Other(other) => other.0.downcast_ref::<Rejected>(),
        _ => None,
    };
    match rejected {
        Some(rejected) => {
            let Rejected { error, issuer } = rejected;
            let why = why_rejected(error);
            format!("the server's certificate, issued by '{issuer}', is not accepted: {why}")
        }
        None => {
            let why = why_rejected(error);
            format!("the server's certificate is not accepted: {why}")
        }
    }
}

/// What is shown of the names of a certificate, in characters: it may have thousands.
const MOST_NAMES: usize = 300;

fn why_rejected(error: &CertificateError) -> String {
    use CertificateError as Wrong;
    match error {
        Wrong::ExpiredContext { not_after, .. } => format!("it expired on {}", day(*not_after)),
        Wrong::Expired => "it has expired".to_owned(),
        Wrong::NotValidYetContext { not_before, .. } => {
            format!("it is not valid before {}", day(*not_before))
        }
        Wrong::NotValidYet => "it is not valid yet".to_owned(),
        Wrong::NotValidForNameContext {
            expected,
            presented,
        } => {
            let presented: Vec<_> = presented.iter().map(|name| quoted(name)).collect();
            let names = match presented.is_empty() {
                true => "no name".to_owned(),
                false => excerpt(&presented.join(", "), MOST_NAMES),
            };
            format!("it is for {names}, not for {}", expected.to_str())
        }
        Wrong::NotValidForName => "it is for another name".to_owned(),
        Wrong::UnknownIssuer => "its issuer is not trusted here; if that is a proxy which reads \
                                 along, or a CA of your own, give its certificate in the setting \
                                 `ca certificates`"
            .to_owned(),
        Wrong::Revoked => "it was revoked".to_owned(),
        Wrong::BadSignature => "its signature is wrong".to_owned(),
        _ => "it cannot be verified".to_owned(),
    }
}

/// The name in `DnsName("a.example")`.
fn quoted(name: &str) -> &str {
    let inner = name
        .split_once('"')
        .and_then(|(_, rest)| rest.rsplit_once('"'));
    inner.map_or(name, |(inner, _)| inner)
}

/// `HandshakeFailure` as `handshake failure`.
fn spaced(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

fn day(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match OffsetDateTime::from_unix_timestamp(seconds) {
        Ok(time) => time.date().to_string(),
        Err(_) => "a day out of range".to_owned(),
    }
}

/// An error of the system; `None` for one that only wraps another.
fn of_system(connecting: bool, secure: bool, error: &io::Error) -> Option<String> {
    use io::ErrorKind as Kind;
    let text = match error.kind() {
        Kind::ConnectionRefused => "connection refused",
        Kind::ConnectionReset => "the connection was reset",
        Kind::ConnectionAborted => "the connection was aborted",
        Kind::BrokenPipe => "the connection was closed while the request was sent",
        Kind::HostUnreachable => "the host is unreachable",
        Kind::NetworkUnreachable => "the network is unreachable",
        Kind::TimedOut if connecting => return Some(no_connection()),
        Kind::TimedOut => "the other side of the connection was silent for too long",
        Kind::UnexpectedEof if connecting && secure => {
            "the connection was closed during the TLS handshake; is the address one of http?"
        }
        Kind::UnexpectedEof => "the connection was closed before the end of the answer",
        _ if error.get_ref().is_some() => return None,
        _ => return Some(system_text(error)),
    };
    Some(text.to_owned())
}

/// The system's own words, without the number.
fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    let mut letters = text[..end].chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// What the HTTP library says has no types that are public, only texts.
const TEXTS: [(&str, &str); 7] = [
    (
        "message head is too large",
        "the answer has more headers, or longer ones, than are read of an answer",
    ),
    (
        "invalid HTTP header",
        "the answer has a header that HTTP does not allow",
    ),
    (
        "invalid content-length",
        "the answer's lengths (Content-Length) are no number, or contradict each other",
    ),
    (
        "transfer-encoding",
        "the answer has a Transfer-Encoding that HTTP does not allow",
    ),
    (
        "operation was canceled",
        "the connection was closed before the request was sent",
    ),
    (
        "before message completed",
        "the connection was closed before the answer",
    ),
    (
        "end of file before message length",
        "the connection was closed before the end of the answer",
    ),
];

fn of_text(secure: bool, error: &(dyn StdError + 'static)) -> String {
    let texts: Vec<String> = chain(error).map(|cause| cause.to_string()).collect();
    let known = TEXTS
        .iter()
        .find(|(theirs, _)| texts.iter().any(|text| text.contains(theirs)));
    if let Some((_, ours)) = known {
        return (*ours).to_owned();
    }
    match (is_no_http(error), secure) {
        (true, false) => "the answer is not HTTP; is the address one of https?".to_owned(),
        (true, true) => "the answer is not HTTP".to_owned(),
        (false, _) => "the connection failed".to_owned(),
    }
}

fn is_no_http(error: &(dyn StdError + 'static)) -> bool {
    chain(error).any(|cause| {
        let text = cause.to_string();
        let beginnings = ["HTTP version", "HTTP status-code", "HTTP method"];
        beginnings.iter().any(|it| text.contains(it))
    })
}

/// Whether another attempt meets the same: the two sides cannot agree on TLS, above all because a
/// certificate is not accepted, or one of them uses TLS and the other does not; or a proxy refuses the
/// login to it.
pub(super) fn is_permanent(secure: bool, failure: &Failure) -> bool {
    let Some(error) = failure.cause() else {
        return false;
    };
    // After the handshake a message that is not TLS is a broken connection.
    let connecting = failure.is_connecting();
    let refused = chain(error).any(|cause| {
        use rustls::Error as Tls;
        match cause.downcast_ref() {
            Some(
                Tls::InvalidCertificate(_)
                | Tls::NoCertificatesPresented
                | Tls::UnsupportedNameType
                | Tls::PeerIncompatible(_)
                | Tls::InvalidCertRevocationList(_),
            ) => true,
            Some(Tls::InvalidMessage(_)) => connecting,
            _ => false,
        }
    });
    let by_proxy = |cause: &(dyn StdError + 'static)| {
        // Another attempt has the same password, which the proxy may count as another wrong one.
        matches!(cause.downcast_ref(), Some(Closed::LoginRequired))
    };
    refused || chain(error).any(by_proxy) || (!secure && is_no_http(error))
}

/// The texts of an error of the program's own and of its sources on one line, without repetitions and without
/// secrets.
pub(crate) fn describe_chain(error: &(dyn StdError + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    for cause in chain(error) {
        let text = cause.to_string();
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
    }
    redact_beginning(&texts.join(": "))
}

/// An error and its sources.
pub(crate) fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let current = next?;
        // An I/O error shows the sources of the error in it, not that error itself.
        let wrapped = current
            .downcast_ref::<io::Error>()
            .and_then(|io| io.get_ref());
        next = match wrapped {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => current.source(),
        };
        Some(current)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_say_what_is_wrong_with_them() {
        let wrong = |error| of_tls(&rustls::Error::InvalidCertificate(error));
        let day_one = UnixTime::since_unix_epoch(std::time::Duration::from_secs(86_400));
        let expired = CertificateError::ExpiredContext {
            time: day_one,
            not_after: day_one,
        };
        assert!(wrong(expired).ends_with("it expired on 1970-01-02"));
        let named = CertificateError::NotValidForNameContext {
            expected: "a.example".try_into().unwrap(),
            presented: vec!["DnsName(\"b.example\")".to_owned()],
        };
        assert!(wrong(named).ends_with("it is for b.example, not for a.example"));
        let many = CertificateError::NotValidForNameContext {
            expected: "a.example".try_into().unwrap(),
            presented: vec!["DnsName(\"b.example\")".to_owned(); 1000],
        };
        assert!(wrong(many).ends_with("b.e..., not for a.example"));
        let issuer = wrong(CertificateError::UnknownIssuer);
        assert!(
            issuer.contains("issuer") && issuer.contains("ca certificates"),
            "{issuer}"
        );
    }

    /// Each attempt would send the same wrong password.
    #[test]
    fn a_login_that_a_proxy_refuses_is_not_repeated() {
        let is_last = |closed| is_permanent(true, &Failure::connect(closed));
        assert!(is_last(Closed::LoginRequired));
        assert!(!is_last(Closed::Refused(502)) && !is_last(Closed::NoAnswer));
    }

    #[test]
    fn names_are_unknown_or_cannot_be_resolved_now() {
        let of = |text: &str| of_name(&Unresolved(text.to_owned()));
        let failed = "failed to lookup address information: ";
        assert_eq!(
            of(&format!("{failed}Name or service not known")),
            "unknown host name"
        );
        assert_eq!(
            of(&format!("{failed}Temporary failure in name resolution")),
            "the host name could not be resolved (Temporary failure in name resolution)"
        );
    }

    #[test]
    fn the_systems_words_have_no_number() {
        let text = system_text(&io::Error::from_raw_os_error(1));
        assert!(
            !text.contains("os error") && text.starts_with(char::is_lowercase),
            "{text}"
        );
    }
}
