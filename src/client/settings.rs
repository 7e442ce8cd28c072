//! The settings of the pipeline that a client's calls share.

use std::num::NonZeroUsize;

use crate::error::{Error, ErrorKind, Result, Step};
use crate::pipeline::{CompressionLevel, MIN_BUDGET, Pipeline};

/// More than this many threads per client are taken for a mistake.
const MAX_THREADS: usize = 64;
/// Cores beyond this are left to the program unless it says otherwise.
const DEFAULT_MAX_THREADS: usize = 4;
const DEFAULT_BUDGET: usize = 64 * 1024 * 1024;

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
            threads: cores.min(DEFAULT_MAX_THREADS),
            budget: DEFAULT_BUDGET,
        }
    }
}

impl PipelineSettings {
    pub(super) fn set_threads(&mut self, threads: usize) -> Result<()> {
        if !(1..=MAX_THREADS).contains(&threads) {
            let why = format!("must be 1 to {MAX_THREADS}, not {threads}");
            return Err(wrong("compression threads", why));
        }
        self.threads = threads;
        Ok(())
    }

    pub(super) fn set_budget(&mut self, bytes: usize) -> Result<()> {
        if bytes < MIN_BUDGET {
            let why = format!("must be at least {MIN_BUDGET} bytes, not {bytes}");
            return Err(wrong("memory budget", why));
        }
        self.budget = bytes;
        Ok(())
    }

    pub(super) fn build(&self) -> Pipeline {
        Pipeline::new(self.level, self.threads, self.budget)
    }
}

/// The value of a setting that cannot be.
pub(super) fn wrong(setting: &str, why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, Step::BuildClient, why).with_argument(setting)
}
