//! The settings of the pipeline that a client's calls share.

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::catalog::{
    COMPRESSION_THREADS_DEFAULT_MAX, COMPRESSION_THREADS_MAX, COMPRESSION_THREADS_MIN,
    CONNECTIONS_PER_HOST_MAX, CONNECTIONS_PER_HOST_MIN, MEMORY_BUDGET_DEFAULT, MEMORY_BUDGET_MIN,
    QUERY_ANSWER_LIMIT_MAX, QUERY_ANSWER_LIMIT_MIN, RETRY_TIME_DEFAULT, RETRY_TIME_MAX,
    RETRY_TIME_MIN, STREAMING_ATTEMPTS_DEFAULT, STREAMING_ATTEMPTS_MAX, STREAMING_ATTEMPTS_MIN,
    STREAMING_CONCURRENCY_DEFAULT, STREAMING_CONCURRENCY_MAX, STREAMING_CONCURRENCY_MIN,
};
use crate::error::{Error, ErrorKind, Result, Step};
use crate::ingest::{Rules, streaming};
use crate::pipeline::{CompressionLevel, MIN_BUDGET, Pipeline};
use crate::props::{Fallback, InDoubt, IngestionMode};

// A budget must hold one block.
const _: () = assert!(MEMORY_BUDGET_MIN == MIN_BUDGET);

#[derive(Clone, Debug)]
pub(super) struct PipelineSettings {
    pub(super) level: CompressionLevel,
    threads: usize,
    budget: usize,
}

impl Default for PipelineSettings {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            level: CompressionLevel::default(),
            threads: cores.min(COMPRESSION_THREADS_DEFAULT_MAX),
            budget: MEMORY_BUDGET_DEFAULT,
        }
    }
}

impl PipelineSettings {
    pub(super) fn set_threads(&mut self, threads: usize) -> Result<()> {
        let range = COMPRESSION_THREADS_MIN..=COMPRESSION_THREADS_MAX;
        self.threads = within("compression threads", threads, range)?;
        Ok(())
    }

    pub(super) fn set_budget(&mut self, bytes: usize) -> Result<()> {
        if bytes < MEMORY_BUDGET_MIN {
            let why = format!("must be at least {MEMORY_BUDGET_MIN} bytes, not {bytes}");
            return Err(wrong("memory budget", why));
        }
        self.budget = bytes;
        Ok(())
    }

    pub(super) fn build(&self) -> Pipeline {
        Pipeline::new(self.level, self.threads, self.budget)
    }
}

/// Accepts a value of `query answer limit` within its range.
pub(super) fn check_query_answer_limit(bytes: usize) -> Result<usize> {
    if (QUERY_ANSWER_LIMIT_MIN..=QUERY_ANSWER_LIMIT_MAX).contains(&bytes) {
        return Ok(bytes);
    }
    let why =
        format!("must be {QUERY_ANSWER_LIMIT_MIN} to {QUERY_ANSWER_LIMIT_MAX} bytes, not {bytes}");
    Err(wrong("query answer limit", why))
}

/// Accepts a value of `connections per host` within its range.
pub(super) fn check_connections_per_host(count: usize) -> Result<usize> {
    let range = CONNECTIONS_PER_HOST_MIN..=CONNECTIONS_PER_HOST_MAX;
    within("connections per host", count, range)
}

/// What decides about the calls of a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallSettings {
    pub(super) mode: IngestionMode,
    pub(super) streaming: streaming::Settings,
    /// How much of the estimated limit managed ingestion streams.
    pub(super) size_factor: f64,
    /// How long an ingestion goes on after a failure that may pass.
    pub(super) retry_time: Duration,
}

/// How data gets to the service, and what decides about streaming requests.
#[derive(Clone, Debug)]
pub(super) struct IngestionSettings {
    pub(super) mode: IngestionMode,
    pub(super) in_doubt: InDoubt,
    pub(super) unavailable: Fallback,
    pub(super) schema_lag: Fallback,
    attempts: usize,
    concurrency: usize,
    pub(super) size_factor: f64,
}

/// The factors that the setting `streaming size factor` takes.
const SIZE_FACTORS: RangeInclusive<f64> = 0.1..=4.0;

impl Default for IngestionSettings {
    fn default() -> Self {
        Self {
            mode: IngestionMode::default(),
            in_doubt: InDoubt::default(),
            unavailable: Fallback::Queue,
            schema_lag: Fallback::Fail,
            attempts: STREAMING_ATTEMPTS_DEFAULT,
            concurrency: STREAMING_CONCURRENCY_DEFAULT,
            size_factor: 1.0,
        }
    }
}

impl IngestionSettings {
    pub(super) fn set_attempts(&mut self, attempts: usize) -> Result<()> {
        let range = STREAMING_ATTEMPTS_MIN..=STREAMING_ATTEMPTS_MAX;
        self.attempts = within("streaming attempts", attempts, range)?;
        Ok(())
    }

    pub(super) fn set_concurrency(&mut self, requests: usize) -> Result<()> {
        let range = STREAMING_CONCURRENCY_MIN..=STREAMING_CONCURRENCY_MAX;
        self.concurrency = within("streaming concurrency", requests, range)?;
        Ok(())
    }

    pub(super) fn set_size_factor(&mut self, factor: f64) -> Result<()> {
        if !SIZE_FACTORS.contains(&factor) {
            let (least, most) = (SIZE_FACTORS.start(), SIZE_FACTORS.end());
            let why = format!("must be {least} to {most}, not {factor}");
            return Err(wrong("streaming size factor", why));
        }
        self.size_factor = factor;
        Ok(())
    }

    pub(super) fn streaming(&self) -> streaming::Settings {
        streaming::Settings {
            rules: Rules {
                attempts: u32::try_from(self.attempts).unwrap_or(u32::MAX),
                in_doubt: self.in_doubt,
                unavailable: self.unavailable,
                schema_lag: self.schema_lag,
            },
            concurrency: self.concurrency,
        }
    }
}

/// A value of a setting within its range.
fn within(setting: &str, value: usize, range: RangeInclusive<usize>) -> Result<usize> {
    if range.contains(&value) {
        return Ok(value);
    }
    let why = format!("must be {} to {}, not {value}", range.start(), range.end());
    Err(wrong(setting, why))
}

/// How long an ingestion goes on after a failure that may pass.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryTime(pub(super) Duration);

impl Default for RetryTime {
    fn default() -> Self {
        Self(Duration::from_secs(RETRY_TIME_DEFAULT as u64))
    }
}

impl RetryTime {
    pub(super) fn of_seconds(seconds: usize) -> Result<Self> {
        let range = RETRY_TIME_MIN..=RETRY_TIME_MAX;
        if !range.contains(&seconds) {
            let why = format!(
                "must be {} to {} seconds, not {seconds}",
                range.start(),
                range.end()
            );
            return Err(wrong("retry time", why));
        }
        Ok(Self(Duration::from_secs(seconds as u64)))
    }
}

/// The error of an invalid value of a setting.
pub(super) fn wrong(setting: &str, why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, Step::BuildClient, why).with_argument(setting)
}
