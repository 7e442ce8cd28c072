//! Reads the status of ingestions from the status table or the queues.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::report::IngestionStatus;
use super::{ItemState, Outcome, OutcomeQuery, Report, Route, TrackingToken, queue, table};
use crate::error::{Error, ErrorKind, Result, Step};
use crate::http::transport::Transport;
use crate::op::Scope;
use crate::resources::{IngestionResources, Queue, Resources, StatusTable};

/// The status of the ingestions of one cluster.
#[derive(Debug)]
pub(crate) struct Tracker {
    transport: Transport,
    resources: Arc<Resources>,
}

impl Tracker {
    pub(crate) fn new(transport: Transport, resources: Arc<Resources>) -> Self {
        Self {
            transport,
            resources,
        }
    }

    /// The state of every item now; [`Queued`](super::ItemState::Queued) without a status table. An
    /// outage of the table is waited out for as long as the scope is patient.
    pub(crate) async fn status(&self, scope: &Scope, token: &TrackingToken) -> Result<Report> {
        let Some(address) = token.status_table() else {
            let of_token = |id: &Uuid| IngestionStatus::of_token(*id, token);
            return Ok(Report::new(
                token.source_ids().iter().map(of_token).collect(),
            ));
        };
        self.resources
            .with_fresh(scope, |scope, lent| async move {
                let lent = self.lending(&scope, address, lent).await?;
                let own = own_table(&lent, address);
                // A status is in its own table, or where that table is by now.
                let tables = own.map_or(&*lent.status_tables, std::slice::from_ref);
                let mut items = Vec::with_capacity(token.source_ids().len());
                for id in token.source_ids() {
                    let item = self.find(&scope, tables, *id).await?;
                    let missing = || match own {
                        Some(table) => no_entity(*id, table.host()),
                        None => self.no_table(address),
                    };
                    items.push(item.ok_or_else(missing)?);
                }
                Ok(Report::new(items))
            })
            .await
    }

    /// These resources, or those of now if they do not hold the table at this address: it may be
    /// newer than they are.
    async fn lending(
        &self,
        scope: &Scope,
        address: &str,
        lent: Arc<IngestionResources>,
    ) -> Result<Arc<IngestionResources>> {
        if own_table(&lent, address).is_some() {
            return Ok(lent);
        }
        self.resources.miss(&lent, &self.no_table(address));
        self.resources.get(scope).await
    }

    /// The item's entity in the first of the tables that has it.
    async fn find(
        &self,
        scope: &Scope,
        tables: &[StatusTable],
        id: Uuid,
    ) -> Result<Option<IngestionStatus>> {
        for status_table in tables {
            let found = table::read(scope, &self.transport, status_table, id).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Reads the status every `poll` until no item is pending. Failures that may pass are waited out until
    /// the deadline; without one, for as long as the scope is patient.
    pub(crate) async fn until_final(
        &self,
        scope: &Scope,
        token: &TrackingToken,
        poll: Duration,
    ) -> Result<Report> {
        if poll.is_zero() {
            return Err(Error::invalid_argument("poll", "must be more than 0"));
        }
        // To return "queued" would look like an end, and there is none to wait for.
        if !token.has_status_table() && token.route() == Route::Queued {
            return Err(no_end());
        }
        let mut seen = None;
        self.poll(scope, token, poll, &mut seen)
            .await
            .map_err(|error| match error.kind() {
                ErrorKind::TimedOut => error.with_hint(&unfinished(seen.as_ref(), token)),
                _ => error,
            })
    }

    /// `seen` is the last report that was read.
    async fn poll(
        &self,
        scope: &Scope,
        token: &TrackingToken,
        poll: Duration,
        seen: &mut Option<Report>,
    ) -> Result<Report> {
        loop {
            let patience = scope.remaining().unwrap_or(scope.patience());
            let patient = scope.clone().patient(patience);
            let report = self.status(&patient, token).await?;
            if report.is_final() {
                return Ok(report);
            }
            *seen = Some(report);
            scope
                .sleep(Step::ReadStatus, self.resources.host(), poll)
                .await?;
        }
    }

    /// Notifications, left in their queues.
    pub(crate) async fn peek_outcomes(
        &self,
        scope: &Scope,
        query: &OutcomeQuery,
    ) -> Result<Report> {
        self.resources
            .with_fresh(scope, |scope, lent| async move {
                let queues = self.notification_queues(&lent, query.outcome)?;
                queue::peek(&scope, &self.transport, queues, query).await
            })
            .await
            .map(Report::new)
    }

    /// Notifications, removed from their queues.
    pub(crate) async fn take_outcomes(
        &self,
        scope: &Scope,
        query: &OutcomeQuery,
    ) -> Result<Report> {
        self.resources
            .with_fresh(scope, |scope, lent| async move {
                let queues = self.notification_queues(&lent, query.outcome)?;
                queue::take(&scope, &self.transport, queues, query).await
            })
            .await
            .map(Report::new)
    }

    fn notification_queues<'a>(
        &self,
        lent: &'a IngestionResources,
        outcome: Outcome,
    ) -> Result<&'a [Queue]> {
        let (queues, name) = match outcome {
            Outcome::Failures => (&lent.failed_queues, "queue for failed ingestions"),
            Outcome::Successes => (&lent.successful_queues, "queue for successful ingestions"),
        };
        if queues.is_empty() {
            Err(self.resources.missing(name))
        } else {
            Ok(queues)
        }
    }

    fn no_table(&self, address: &str) -> Error {
        Error::new(
            ErrorKind::NotFound,
            Step::ReadStatus,
            format!(
                "the service does not hand out the status table {address}, where the token says \
                 the status is, and has no such status elsewhere: is the token another cluster's?"
            ),
        )
        .with_host(self.resources.host())
    }
}

fn own_table<'a>(lent: &'a IngestionResources, address: &str) -> Option<&'a StatusTable> {
    let mut tables = lent.status_tables.iter();
    tables.find(|table| table.url().redacted() == address)
}

/// Only the notification queues report about such an ingestion.
fn no_end() -> Error {
    Error::new(
        ErrorKind::InvalidState,
        Step::CheckArguments,
        "the ingestion does not report to a status table, so that its end cannot be waited for: ingest \
         with the report method table, or queue and table",
    )
    .with_argument("reportMethod")
}

/// What is missing at the deadline.
fn unfinished(seen: Option<&Report>, token: &TrackingToken) -> String {
    let all = token.source_ids().len();
    let items = if all == 1 { "item" } else { "items" };
    let Some(seen) = seen else {
        return format!("the status of the {items} could not be read");
    };
    let pending = seen.count(ItemState::Pending);
    let are = if pending == 1 { "is" } else { "are" };
    format!("{pending} of {all} {items} {are} still pending")
}

fn no_entity(id: Uuid, host: &str) -> Error {
    Error::new(
        ErrorKind::NotFound,
        Step::ReadStatus,
        format!("the status table has no entry for source id {id}"),
    )
    .with_host(host)
}
