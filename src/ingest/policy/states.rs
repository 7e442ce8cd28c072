//! Which tables cannot stream for a while, and how much of the estimate's limit has turned out to be too much.
//!
//! Times are given by the caller: monotonic ones, so that a clock that is set back or forward changes nothing.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::verdict::Reason;
use crate::error::Error;

/// Tables that are remembered at most; beyond them the one that was used least recently is forgotten.
const MAX_TABLES: usize = 10_000;
/// For what somebody has to change.
const LONG: Duration = Duration::from_secs(15 * 60);
/// For what changes by itself.
const SHORT: Duration = Duration::from_secs(60);
/// After a request too many.
const THROTTLED: Duration = Duration::from_secs(10);
/// What is left of the limit after data was too large.
const LEARNED: f64 = 0.75;
const LEAST_FACTOR: f64 = 0.1;

/// The state of the tables of one client.
#[derive(Debug, Default)]
pub(crate) struct TableStates(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    by_name: HashMap<Name, Table>,
    cluster: Option<Closed>,
    /// Counts uses.
    used: u64,
}

/// A database and a table, as they are spelt: `T` and `t` can be two tables. Two texts, not one: `a-b` and `c` are not `a`
/// and `b-c`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    database: String,
    table: String,
}

impl Name {
    pub(crate) fn new(database: &str, table: &str) -> Self {
        Self {
            database: database.to_owned(),
            table: table.to_owned(),
        }
    }
}

#[derive(Debug, Default)]
struct Table {
    closed: Option<Closed>,
    /// How much of the limit is used, and until when.
    learned: Option<(f64, Instant)>,
    used: u64,
}

/// That streaming is not tried.
#[derive(Debug)]
struct Closed {
    until: Instant,
    reason: Reason,
    cause: Error,
    /// Whether one call tries again: the others wait for what it finds.
    is_probed: bool,
    /// Whether a call was queued because of it.
    is_known: bool,
}

/// Why a call is queued without a try.
#[derive(Debug)]
pub(crate) struct Barrier {
    /// The error of an earlier call.
    pub(crate) cause: Error,
    /// Whether it is the first call that is queued because of it.
    pub(crate) is_first: bool,
}

/// What the state of its table says to a call.
#[derive(Debug)]
pub(crate) enum Admission<'a> {
    /// It may.
    Open(Ticket<'a>),
    /// It is queued.
    Closed(Barrier),
}

/// A call that streams. When it ends without a word about its table, another one may probe.
#[derive(Debug)]
pub(crate) struct Ticket<'a> {
    states: &'a TableStates,
    name: Name,
    probes_table: bool,
    probes_cluster: bool,
    /// How much of the estimate's limit its data was let take.
    factor: f64,
}

impl TableStates {
    /// Whether it is known that a call cannot stream now: for what is decided before its data is read. `heeds_off` says
    /// whether it heeds that streaming is off: without that it tries.
    pub(crate) fn closed(&self, name: &Name, heeds_off: bool, now: Instant) -> Option<Barrier> {
        self.lock().closed(name, heeds_off, now)
    }

    /// Whether a call may stream now. Its data must be there: others wait for it while it probes.
    pub(crate) fn admit(&self, name: Name, heeds_off: bool, now: Instant) -> Admission<'_> {
        let mut tables = self.lock();
        if let Some(barrier) = tables.closed(&name, heeds_off, now) {
            return Admission::Closed(barrier);
        }
        let factor = tables.factor(&name, now);
        let probe = |closed: &mut Closed| {
            let probes = (heeds_off || !closed.reason.is_off()) && closed.may_probe(now);
            closed.is_probed |= probes;
            probes
        };
        let probes_cluster = tables.cluster.as_mut().is_some_and(probe);
        let own = tables.by_name.get_mut(&name);
        let own = own.and_then(|table| table.closed.as_mut());
        let probes_table = own.is_some_and(probe);
        Admission::Open(Ticket {
            states: self,
            name,
            probes_table,
            probes_cluster,
            factor,
        })
    }

    /// How much of the estimate's limit the table takes.
    pub(crate) fn factor(&self, name: &Name, now: Instant) -> f64 {
        self.lock().factor(name, now)
    }

    /// Forgets what is known of the table, and of the cluster.
    pub(crate) fn forget(&self, name: &Name) {
        let mut tables = self.lock();
        tables.by_name.remove(name);
        tables.cluster = None;
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Closed {
    fn may_probe(&self, now: Instant) -> bool {
        now >= self.until && !self.is_probed
    }
}

impl Tables {
    /// Why a call cannot stream now, if it cannot: it is queued then.
    fn closed(&mut self, name: &Name, heeds_off: bool, now: Instant) -> Option<Barrier> {
        let closes =
            |closed: &&mut Closed| (heeds_off || !closed.reason.is_off()) && !closed.may_probe(now);
        let barrier = |closed: &mut Closed| Barrier {
            cause: closed.cause.clone(),
            is_first: !std::mem::replace(&mut closed.is_known, true),
        };
        let own = self.touch(name).and_then(|table| table.closed.as_mut());
        let own = own.filter(closes).map(barrier);
        own.or_else(|| self.cluster.as_mut().filter(closes).map(barrier))
    }

    fn factor(&mut self, name: &Name, now: Instant) -> f64 {
        let learned = self.touch(name).and_then(|table| table.learned);
        match learned {
            Some((factor, until)) if now < until => factor,
            _ => 1.0,
        }
    }

    /// What is known of the table, if anything is: it was used now.
    fn touch(&mut self, name: &Name) -> Option<&mut Table> {
        self.used += 1;
        let table = self.by_name.get_mut(name)?;
        table.used = self.used;
        Some(table)
    }

    /// The same, made where it is not there.
    fn keep(&mut self, name: &Name) -> &mut Table {
        if !self.by_name.contains_key(name) && self.by_name.len() >= MAX_TABLES {
            let oldest = self.by_name.iter().min_by_key(|(_, table)| table.used);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                self.by_name.remove(&oldest);
            }
        }
        self.used += 1;
        let used = self.used;
        let table = self.by_name.entry(name.clone()).or_default();
        table.used = used;
        table
    }
}

/// How long streaming is not tried after this, and whether for all tables; `None` for what says nothing about them.
fn window(reason: Reason, retry_after: Option<Duration>) -> Option<(Duration, bool)> {
    match reason {
        Reason::TableOff | Reason::TableConfig => Some((LONG, false)),
        Reason::ClusterOff => Some((LONG, true)),
        // Each call would find out anew, and hold its data meanwhile, for as long as connecting takes.
        Reason::ClusterPaused | Reason::NoEndpoint | Reason::Unreached => Some((SHORT, true)),
        Reason::NotFound => Some((SHORT, false)),
        Reason::Throttled => Some((retry_after.unwrap_or_default().max(THROTTLED), false)),
        _ => None,
    }
}

impl Ticket<'_> {
    /// The call streamed: nothing stands in the way.
    pub(crate) fn succeeded(self) {
        let mut tables = self.states.lock();
        if tables.cluster.is_some() {
            tables.cluster = None;
        }
        if let Some(table) = tables.touch(&self.name) {
            table.closed = None;
        }
    }

    /// The call could not stream, because of this, and `is_queued` or failed. Whether it is the first that is queued in a
    /// window in which calls are not tried.
    pub(crate) fn failed(
        mut self,
        (reason, is_queued): (Reason, bool),
        retry_after: Option<Duration>,
        cause: &Error,
        now: Instant,
    ) -> bool {
        let states = self.states;
        let mut tables = states.lock();
        // Calls that were too large together have learned one thing, not several.
        if reason == Reason::TooLarge && self.factor == tables.factor(&self.name, now) {
            tables.keep(&self.name).learn(now);
        }
        let closed = close(&mut tables, &self.name, reason, retry_after, cause, now);
        let Some((closed, is_of_cluster)) = closed else {
            return false;
        };
        match is_of_cluster {
            true => self.probes_cluster = false,
            false => self.probes_table = false,
        }
        let is_first = is_queued && !closed.is_known;
        closed.is_known |= is_queued;
        is_first
    }

    /// The service throttles a request of the call, which comes back later: the others need not find out.
    pub(crate) fn throttled(&self, retry_after: Option<Duration>, cause: &Error, now: Instant) {
        let mut tables = self.states.lock();
        let reason = Reason::Throttled;
        close(&mut tables, &self.name, reason, retry_after, cause, now);
    }
}

/// Begins a window, or goes on with it; with it whether it is that of the cluster. `None` for what begins none.
fn close<'a>(
    tables: &'a mut Tables,
    name: &Name,
    reason: Reason,
    retry_after: Option<Duration>,
    cause: &Error,
    now: Instant,
) -> Option<(&'a mut Closed, bool)> {
    let (window, is_of_cluster) = window(reason, retry_after)?;
    let until = now.checked_add(window).unwrap_or(now + LONG);
    let slot = match is_of_cluster {
        true => &mut tables.cluster,
        false => &mut tables.keep(name).closed,
    };
    match slot {
        Some(closed) if closed.until >= until => closed.is_probed = false,
        _ => {
            let known = slot.as_ref().filter(|closed| closed.until > now);
            *slot = Some(Closed {
                until,
                reason,
                cause: cause.clone(),
                is_probed: false,
                is_known: known.is_some_and(|closed| closed.is_known),
            });
        }
    }
    slot.as_mut().map(|closed| (closed, is_of_cluster))
}

impl Table {
    /// Less than this was too large.
    fn learn(&mut self, now: Instant) {
        let known = self.learned.filter(|(_, until)| now < *until);
        let factor = known.map_or(1.0, |(factor, _)| factor) * LEARNED;
        self.learned = Some((factor.max(LEAST_FACTOR), now + LONG));
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if !self.probes_cluster && !self.probes_table {
            return;
        }
        let mut tables = self.states.lock();
        if let Some(closed) = tables.cluster.as_mut().filter(|_| self.probes_cluster) {
            closed.is_probed = false;
        }
        let own = tables.by_name.get_mut(&self.name);
        let own = own.and_then(|table| table.closed.as_mut());
        if let Some(closed) = own.filter(|_| self.probes_table) {
            closed.is_probed = false;
        }
    }
}

#[cfg(test)]
mod tests;
