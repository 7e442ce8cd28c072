//! The settings of the pipeline that a client's calls share.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::catalog::{
    COMPRESSION_THREADS_DEFAULT_MAX, COMPRESSION_THREADS_MAX, COMPRESSION_THREADS_MIN,
    CONNECTIONS_PER_HOST_MAX, CONNECTIONS_PER_HOST_MIN, MEMORY_BUDGET_DEFAULT, MEMORY_BUDGET_MIN,
    QUERY_ANSWER_LIMIT_MAX, QUERY_ANSWER_LIMIT_MIN, RETRY_TIME_DEFAULT, RETRY_TIME_MAX,
    RETRY_TIME_MIN,
};
use crate::error::{Error, ErrorKind, Result, Step};
use crate::pipeline::{CompressionLevel, MIN_BUDGET, Pipeline};

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
        if !range.contains(&threads) {
            let why = format!(
                "must be {} to {}, not {threads}",
                range.start(),
                range.end()
            );
            return Err(wrong("compression threads", why));
        }
        self.threads = threads;
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
    if range.contains(&count) {
        return Ok(count);
    }
    let why =
        format!("must be {CONNECTIONS_PER_HOST_MIN} to {CONNECTIONS_PER_HOST_MAX}, not {count}");
    Err(wrong("connections per host", why))
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
