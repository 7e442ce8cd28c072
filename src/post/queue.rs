//! Posting a message to one of the input queues.
//!
//! Delivery is at least once: the service may process one message twice, and this module may post
//! one twice when that is safe. A post whose outcome is in doubt is repeated only when the
//! properties make ingestion idempotent (`ingest-by:` tag with `ingestIfNotExists`); otherwise the
//! error reports the doubt and the caller decides.

use azure_core::error::ErrorKind as AzureKind;
use azure_storage_queue::clients::{QueueClient, QueueClientOptions};
use azure_storage_queue::models::QueueMessage;

use crate::error::{Error, ErrorKind, Result, Step};
use crate::http::retry::{
    Patience, RetryPolicy, last, remember, retry_in_doubt, retry_until_in_doubt,
};
use crate::http::storage::{STORAGE_API_VERSION, azure_error, azure_options};
use crate::http::transport::Transport;
use crate::op::Scope;
use crate::resources::{Queue, Ranking};

/// Queues that are tried for one message, as in the official SDKs.
const MAX_QUEUES: usize = 3;

/// Posts `text` to the first of `queues`, best first, that takes it.
pub(crate) async fn post(
    scope: &Scope,
    transport: &Transport,
    queues: &[Queue],
    ranking: &Ranking,
    text: &str,
    idempotent: bool,
) -> Result<()> {
    let mut failed = Failed::default();
    let mut patience = Patience::new();
    loop {
        for queue in queues.iter().take(MAX_QUEUES) {
            let Err(error) = post_to(scope, transport, queue, text, idempotent).await else {
                ranking.record(queue.account(), true);
                return Ok(());
            };
            patience.begin();
            ranking.record(queue.account(), false);
            tracing::warn!(host = queue.host(), %error, "posting the message failed");
            let stop =
                (error.is_in_doubt() && !idempotent) || scope.check(Step::PostMessage).is_err();
            failed.add(error);
            if stop {
                return Err(failed.summary());
            }
        }
        let round = queues.len().min(MAX_QUEUES);
        match failed.wait(scope, &mut patience, round).await {
            Ok(true) => {}
            Ok(false) => return Err(failed.summary()),
            Err(stopped) => {
                failed.add(stopped);
                return Err(failed.summary());
            }
        }
    }
}

/// The queues that failed.
#[derive(Default)]
struct Failed {
    errors: Vec<Error>,
    in_doubt: bool,
}

impl Failed {
    fn add(&mut self, error: Error) {
        self.in_doubt |= error.is_in_doubt();
        remember(&mut self.errors, error);
    }

    /// Pauses before another round; the last one had `round` errors.
    async fn wait(&self, scope: &Scope, patience: &mut Patience, round: usize) -> Result<bool> {
        let round = last(&self.errors, round);
        let host = round.last().and_then(Error::host).unwrap_or_default();
        patience.wait(scope, Step::PostMessage, host, round).await
    }

    fn summary(mut self) -> Error {
        match self.errors.pop() {
            None => Error::new(
                ErrorKind::Service,
                Step::FetchIngestionResources,
                "the service returned no queue to post to",
            ),
            Some(last) => last.with_in_doubt(self.in_doubt).after(self.errors),
        }
    }
}

async fn post_to(
    scope: &Scope,
    transport: &Transport,
    queue: &Queue,
    text: &str,
    idempotent: bool,
) -> Result<()> {
    let host = queue.host();
    let send = || async {
        let lane = transport.lane(queue.url().expose())?;
        let client = client(&transport.on(&lane), queue, Step::PostMessage)?;
        let message = QueueMessage {
            message_text: Some(text.to_owned()),
        };
        let to_error = |error| azure_error(Step::PostMessage, &host, error);
        let body = message.try_into().map_err(to_error)?;
        let sent = client.send_message(body, None).await.map(|_| ());
        if is_answered(&sent) {
            lane.answered();
        }
        sent.map_err(to_error)
    };
    let policy = RetryPolicy::STORAGE;
    if idempotent {
        retry_in_doubt(scope, Step::PostMessage, &host, policy, send).await
    } else {
        retry_until_in_doubt(scope, Step::PostMessage, &host, policy, send).await
    }
}

/// Whether the whole answer was read; a refusal is one.
fn is_answered(sent: &azure_core::Result<()>) -> bool {
    match sent {
        Ok(()) => true,
        Err(error) => matches!(error.kind(), AzureKind::HttpResponse { .. }),
    }
}

/// The official client for a queue, on our connections.
pub(crate) fn client(transport: &Transport, queue: &Queue, step: Step) -> Result<QueueClient> {
    let options = QueueClientOptions {
        client_options: azure_options(transport),
        version: STORAGE_API_VERSION.to_owned(),
    };
    QueueClient::new(queue.url().expose().clone(), None, Some(options))
        .map_err(|error| azure_error(step, &queue.host(), error))
}
