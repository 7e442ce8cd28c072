//! What a call carries along through all of its tasks: where its log goes, and the ids by which its
//! requests and its events are found.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tracing::Dispatch;
use tracing::instrument::WithSubscriber;
use uuid::Uuid;

use super::ids::new_id;
use crate::log;

tokio::task_local! {
    static CURRENT: Context;
}

/// The context of a call; that of a call which is no ingestion of a client without a log of its own
/// is empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context {
    receiver: Option<Dispatch>,
    client_request_id: Option<Arc<str>>,
    source_id: Option<Uuid>,
}

impl Context {
    /// That of a client whose events go to `receiver`, or to the process's own.
    pub(crate) fn new(receiver: Option<Dispatch>) -> Self {
        if receiver.is_some() {
            log::decide_together();
        }
        Self {
            receiver,
            ..Self::default()
        }
    }

    /// That of an ingestion.
    pub(crate) fn of_ingestion(&self, client_request_id: &str, source_id: Uuid) -> Self {
        Self {
            receiver: self.receiver.clone(),
            client_request_id: Some(client_request_id.into()),
            source_id: Some(source_id),
        }
    }

    /// Runs a call in this context. The future is boxed where it is made: it is large, and what goes
    /// around it would move all of it again.
    pub(crate) fn run<'a, T: 'a>(
        self,
        call: Pin<Box<dyn Future<Output = T> + Send + 'a>>,
    ) -> Pin<Box<dyn Future<Output = T> + Send + 'a>> {
        let receiver = self.receiver.clone();
        let call = CURRENT.scope(self, call);
        match receiver {
            Some(receiver) => Box::pin(call.with_subscriber(receiver)),
            None => Box::pin(call),
        }
    }
}

fn current() -> Context {
    CURRENT.try_with(Context::clone).unwrap_or_default()
}

/// Work of the current call that becomes a task of its own.
pub(crate) fn carried<'a, T: 'a>(
    work: impl Future<Output = T> + Send + 'a,
) -> Pin<Box<dyn Future<Output = T> + Send + 'a>> {
    current().run(Box::pin(work))
}

/// Work of the current ingestion for one of its items.
pub(crate) fn for_item<'a, T: 'a>(
    source_id: Uuid,
    work: impl Future<Output = T> + Send + 'a,
) -> Pin<Box<dyn Future<Output = T> + Send + 'a>> {
    let context = Context {
        source_id: Some(source_id),
        ..current()
    };
    context.run(Box::pin(work))
}

/// The id of the ingestion under way, which the ids of all its requests begin with.
pub(crate) fn client_request_id() -> Option<Arc<str>> {
    CURRENT
        .try_with(|context| context.client_request_id.clone())
        .ok()
        .flatten()
}

/// The source id of the item under way.
pub(crate) fn source_id() -> Option<Uuid> {
    CURRENT.try_with(|context| context.source_id).ok().flatten()
}

/// A fresh id of a request of the current ingestion: `ID;UUID`, the shape that the service's
/// documentation recommends. It is never used twice, also not when the caller gives one id to two
/// ingestions: an answer of storage is known by it. `None` outside ingestions.
pub(crate) fn request_id() -> Option<String> {
    CURRENT
        .try_with(|context| Some(with_new_id(context.client_request_id.as_deref()?)))
        .ok()
        .flatten()
}

fn with_new_id(id: &str) -> String {
    let mut fresh = Uuid::encode_buffer();
    let fresh: &str = new_id().hyphenated().encode_lower(&mut fresh);
    [id, ";", fresh].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tasks_of_an_ingestion_have_its_ids() {
        assert_eq!(request_id(), None);
        let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
        let context = Context::new(None).of_ingestion("mine", first);
        context
            .run(Box::pin(async {
                let task = tokio::spawn(carried(async { (request_id(), source_id()) }));
                let (id, source) = task.await.unwrap();
                let id = id.unwrap();
                assert!(id.starts_with("mine;"), "{id}");
                assert_ne!(Some(id), request_id());
                assert_eq!(source, Some(first));
                assert_eq!(for_item(second, async { source_id() }).await, Some(second));
                assert_eq!(tokio::spawn(async { source_id() }).await.unwrap(), None);
            }))
            .await;
    }
}
