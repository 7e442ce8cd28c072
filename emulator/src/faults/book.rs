//! The armed rules: which one a request meets, and how often each did.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::rule::{Fault, FaultRule, RuleError};
use crate::services::{ServiceKind, StorageOperation};

/// An armed rule and what it did so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultReport {
    /// By which it can be disarmed.
    pub id: u64,
    /// The rule as it was armed.
    pub rule: FaultRule,
    /// Matching requests that reached the rule: those let through and those after its last time are among them,
    /// those at which an earlier rule fired are not.
    pub matched: u64,
    /// How often it fired.
    pub fired: u64,
}

/// What rules know of a request.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) service: ServiceKind,
    pub(crate) operation: Option<StorageOperation>,
    pub(crate) command: &'a str,
    pub(crate) account: &'a str,
    pub(crate) resource: &'a str,
    /// Of streaming ingestion.
    pub(crate) database: &'a str,
    pub(crate) table: &'a str,
    pub(crate) attempt: Option<u64>,
}

impl Subject<'_> {
    /// A request of which no more is known than the service.
    pub(crate) fn of(service: ServiceKind) -> Self {
        Self {
            service,
            operation: None,
            command: "",
            account: "",
            resource: "",
            database: "",
            table: "",
            attempt: None,
        }
    }
}

/// What a request meets: a fault, and how long it holds.
pub(crate) struct Met {
    pub(crate) fault: Fault,
    /// Cancelled when the rule is disarmed.
    pub(crate) disarmed: CancellationToken,
}

/// The armed rules of one emulator, in the order of their arming.
pub(crate) struct Book {
    page: Mutex<Page>,
    /// So that requests pass without the lock while nothing is armed.
    armed: AtomicUsize,
    /// The emulator's end, until which a stalled request waits.
    pub(crate) end: CancellationToken,
}

#[derive(Default)]
struct Page {
    last_id: u64,
    rules: Vec<Armed>,
}

struct Armed {
    report: FaultReport,
    /// When it fired last.
    last: Option<Instant>,
    disarmed: CancellationToken,
}

impl Drop for Armed {
    fn drop(&mut self) {
        self.disarmed.cancel();
    }
}

impl Book {
    pub(crate) fn new(end: CancellationToken) -> Self {
        Self {
            page: Mutex::default(),
            armed: AtomicUsize::new(0),
            end,
        }
    }

    fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn arm(&self, rule: FaultRule) -> Result<u64, RuleError> {
        rule.check()?;
        let mut page = self.page();
        page.last_id += 1;
        let id = page.last_id;
        page.rules.push(Armed {
            report: FaultReport {
                id,
                rule,
                matched: 0,
                fired: 0,
            },
            last: None,
            disarmed: CancellationToken::new(),
        });
        self.armed.store(page.rules.len(), Ordering::Release);
        Ok(id)
    }

    pub(crate) fn reports(&self) -> Vec<FaultReport> {
        let page = self.page();
        page.rules
            .iter()
            .map(|armed| armed.report.clone())
            .collect()
    }

    /// Disarms one rule; false when there is none of that id.
    pub(crate) fn disarm(&self, id: u64) -> bool {
        let mut page = self.page();
        let before = page.rules.len();
        page.rules.retain(|armed| armed.report.id != id);
        self.armed.store(page.rules.len(), Ordering::Release);
        page.rules.len() < before
    }

    pub(crate) fn disarm_all(&self) {
        let mut page = self.page();
        page.rules.clear();
        self.armed.store(0, Ordering::Release);
    }

    /// Whether nothing is armed.
    pub(crate) fn is_empty(&self) -> bool {
        self.armed.load(Ordering::Acquire) == 0
    }

    /// The fault that this request meets; every rule it reaches counts it.
    pub(crate) fn meet(&self, subject: &Subject<'_>) -> Option<Met> {
        if self.is_empty() {
            return None;
        }
        let mut page = self.page();
        let rules = page.rules.iter_mut();
        rules
            .filter(|armed| matches(&armed.report.rule, subject))
            .find_map(Armed::meet)
    }
}

impl Armed {
    /// Counts a request that matches.
    fn meet(&mut self) -> Option<Met> {
        let report = &mut self.report;
        report.matched += 1;
        let rule = &report.rule;
        let times_left = rule.times.is_none_or(|times| report.fired < times);
        let too_early = rule
            .insisting()
            .zip(self.last)
            .is_some_and(|(wait, last)| last.elapsed() < wait);
        let due = report.matched > rule.skip && (times_left || too_early);
        due.then(|| {
            report.fired += 1;
            self.last = Some(Instant::now());
            tracing::info!(rule = report.id, fault = ?report.rule.fault, "a fault rule fires");
            Met {
                fault: report.rule.fault.clone(),
                disarmed: self.disarmed.clone(),
            }
        })
    }
}

fn matches(rule: &FaultRule, subject: &Subject<'_>) -> bool {
    let is = |wanted: &Option<String>, name: &str| {
        wanted
            .as_ref()
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(name))
    };
    rule.service == subject.service
        && rule
            .operation
            .is_none_or(|wanted| subject.operation == Some(wanted))
        && rule
            .command
            .as_ref()
            .is_none_or(|wanted| begins_with(subject.command, wanted.trim_start()))
        && is(&rule.account, subject.account)
        && is(&rule.resource, subject.resource)
        && is(&rule.database, subject.database)
        && rule
            .table
            .as_ref()
            .is_none_or(|wanted| wanted == subject.table)
        && (rule.attempt.is_none() || rule.attempt == subject.attempt)
}

fn begins_with(text: &str, start: &str) -> bool {
    text.trim_start()
        .get(..start.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(start))
}
