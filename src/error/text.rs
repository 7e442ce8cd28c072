//! The text of an error.
//!
//! What failed at a step: `upload blob: storage rejected the request (host a.example, HTTP 503)`. A
//! connection that failed has its cause first and the step last: `cannot connect to 127.0.0.1:9: connection
//! refused (4 attempts in 1.2 s, while fetching the identity token)`. Attempts are counted, and causes other
//! than that of the last one are named once each.

use std::fmt;
use std::time::Duration;

use super::{Error, ErrorKind};

/// Causes of other attempts that are named at most.
const MAX_CAUSES: usize = 4;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_cause(f)?;
        let mut details = self.details();
        if let Some(id) = self.activity_id() {
            details.push(format!("activity id {id}"));
        }
        if self.is_in_doubt() {
            details.push("outcome in doubt".to_owned());
        }
        let attempts = self.leaves();
        let count: u64 = attempts.iter().map(|attempt| attempt.0.stands_for).sum();
        if count > 1 {
            details.push(format!(
                "{count} attempts in {}",
                seconds(self.took(&attempts))
            ));
        }
        if self.kind() == ErrorKind::Network {
            details.push(format!("while {}", self.step().doing()));
        }
        if !details.is_empty() {
            write!(f, " ({})", details.join(", "))?;
        }
        self.write_others(f, &attempts)
    }
}

impl Error {
    /// What failed, without its details.
    fn write_cause(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind() != ErrorKind::Network {
            write!(f, "{}: ", self.step())?;
        }
        // A message such as `table 'X' does not exist` begins with it.
        let is_said = |argument: &&str| self.message().starts_with(&format!("{argument} '"));
        if let Some(argument) = self.argument().filter(|argument| !is_said(argument)) {
            write!(f, "{argument}: ")?;
        }
        f.write_str(self.message())
    }

    /// Host, status and code, as far as the message does not say them.
    fn details(&self) -> Vec<String> {
        let mut details = Vec::new();
        if let Some(host) = self.host().filter(|host| !self.message().contains(host)) {
            details.push(format!("host {host}"));
        }
        if let Some(status) = self.http_status() {
            details.push(format!("HTTP {status}"));
        }
        if let Some(code) = self.service_code() {
            details.push(format!("code {code}"));
        }
        details
    }

    /// The attempts that failed, those of attempts included; itself when there are none.
    fn leaves(&self) -> Vec<&Error> {
        match self.attempts() {
            [] => vec![self],
            attempts => attempts.iter().flat_map(Error::leaves).collect(),
        }
    }

    fn took(&self, attempts: &[&Error]) -> Duration {
        let begun = attempts.iter().map(|attempt| attempt.0.since).min();
        begun.map_or(Duration::ZERO, |begun| self.0.at.duration_since(begun))
    }

    /// The causes of the attempts, but for this error's own.
    fn write_others(&self, f: &mut fmt::Formatter<'_>, attempts: &[&Error]) -> fmt::Result {
        let own = Cause(self).to_string();
        let mut causes: Vec<(String, u64)> = Vec::new();
        for attempt in attempts {
            let text = Cause(attempt).to_string();
            match causes.iter_mut().find(|(known, _)| *known == text) {
                _ if text == own => {}
                Some((_, count)) => *count += attempt.0.stands_for,
                None => causes.push((text, attempt.0.stands_for)),
            }
        }
        for (index, (text, count)) in causes.iter().take(MAX_CAUSES).enumerate() {
            let begin = if index == 0 {
                "; others failed: "
            } else {
                "; "
            };
            write!(f, "{begin}{text}")?;
            if *count > 1 {
                write!(f, " ({count} times)")?;
            }
        }
        match causes.len().saturating_sub(MAX_CAUSES) {
            0 => Ok(()),
            left => write!(f, "; and {left} other causes"),
        }
    }
}

/// An attempt among others: its message with host, status and code.
struct Cause<'a>(&'a Error);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.message())?;
        let details = self.0.details();
        match details.is_empty() {
            true => Ok(()),
            false => write!(f, " ({})", details.join(", ")),
        }
    }
}

/// `1.2 s`, `43 s`.
fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Step;
    use super::*;

    fn refused() -> Error {
        let message = "cannot connect to h:9: connection refused";
        Error::new(ErrorKind::Network, Step::FetchIdentityToken, message).with_host("h:9")
    }

    #[test]
    fn an_argument_with_which_the_message_begins_is_said_once() {
        let missing = |argument| {
            let message = "table 'T' does not exist";
            Error::new(ErrorKind::NotFound, Step::CheckTable, message)
                .with_argument(argument)
                .to_string()
        };
        assert_eq!(missing("table"), "check table: table 'T' does not exist");
        let other = "check table: tab: table 'T' does not exist";
        assert_eq!(missing("tab"), other);
    }

    fn lasting(mut error: Error) -> Error {
        error.0.at = error.0.since + Duration::from_millis(1234);
        error
    }

    #[test]
    fn like_attempts_are_counted_and_the_step_comes_last() {
        assert_eq!(
            refused().to_string(),
            "cannot connect to h:9: connection refused (while fetching the identity token)"
        );
        let first = refused();
        let last = lasting(refused().since(first.0.since));
        let all = last.after(vec![first, refused(), refused()]);
        assert_eq!(
            all.to_string(),
            "cannot connect to h:9: connection refused (4 attempts in 1.2 s, while fetching the identity token)"
        );
    }

    #[test]
    fn other_causes_are_named_once_each() {
        let busy = || {
            Error::new(ErrorKind::Throttled, Step::FetchIdentityToken, "busy").with_http_status(503)
        };
        let all = refused().after(vec![busy(), refused(), busy()]);
        let text = all.to_string();
        let end = "while fetching the identity token); others failed: busy (HTTP 503) (2 times)";
        assert!(
            text.contains("4 attempts in") && text.ends_with(end),
            "{text}"
        );
    }

    #[test]
    fn attempts_of_attempts_and_those_left_out_count() {
        let mut first = refused();
        first.add_left_out(&refused());
        let container = refused().after(vec![first]);
        let text = refused()
            .after(vec![container.clone(), container])
            .to_string();
        assert!(text.contains("(7 attempts in 0.0 s"), "{text}");
    }
}
