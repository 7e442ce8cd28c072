//! Times in the answers of issuers: numbers, or texts that are numbers. Both are sent.

use serde::Deserialize;
use time::{Duration, OffsetDateTime};

type Span = std::time::Duration;

/// The longest life of a token that is believed: ten years.
const LONGEST_LIFE: f64 = 10.0 * 365.0 * 24.0 * 3600.0;

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Seconds {
    Number(f64),
    Text(String),
}

impl Seconds {
    fn value(&self) -> Option<f64> {
        match self {
            Self::Number(seconds) => Some(*seconds),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }

    /// So long after `start`; `None` for what is no life of a token.
    pub(super) fn after(&self, start: OffsetDateTime) -> Option<OffsetDateTime> {
        let seconds = self.value()?;
        let is_life = seconds > 0.0 && seconds <= LONGEST_LIFE;
        is_life.then(|| start.saturating_add(Duration::seconds(seconds as i64)))
    }

    /// As a span of time, zero among them; `None` for what is none.
    pub(super) fn duration(&self) -> Option<Span> {
        Span::try_from_secs_f64(self.value()?).ok()
    }

    /// The time so long after 1970.
    pub(super) fn since_1970(&self) -> Option<OffsetDateTime> {
        // A float beyond the range becomes its end, which is no time.
        OffsetDateTime::from_unix_timestamp(self.value()? as i64).ok()
    }
}
