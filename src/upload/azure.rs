//! Azure Blob Storage behind [`BlobTarget`] and [`Containers`].

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderName};

use super::attempt::BlobTarget;
use super::failover::Containers;
use crate::error::{Error, ErrorKind, Result, Step};
use crate::http::host::host_of;
use crate::http::request::Request;
use crate::http::storage::{child_url, expect, request, send};
use crate::http::transport::Transport;
use crate::http::xml;
use crate::log::events;
use crate::op::Scope;
use crate::resources::{Container, IngestionResources, Resources};
use crate::secret::SecretUrl;

/// The containers of one call, in the order of their accounts' recent success.
pub(crate) struct AzureContainers<'a> {
    scope: &'a Scope,
    transport: &'a Transport,
    resources: &'a Resources,
    blob_name: String,
    state: Mutex<State>,
}

struct State {
    from: Arc<IngestionResources>,
    ordered: Vec<Container>,
    replaced: bool,
    /// The address of the blob in the container of this number, which was asked for last.
    address: Option<(usize, SecretUrl)>,
}

impl<'a> AzureContainers<'a> {
    /// `blob_name` is the same in every container, so that a repeated attempt replaces its own.
    pub(crate) fn new(
        scope: &'a Scope,
        transport: &'a Transport,
        resources: &'a Resources,
        from: Arc<IngestionResources>,
        blob_name: String,
    ) -> Self {
        let ordered = resources.ranking().order(&from.containers);
        let state = Mutex::new(State {
            from,
            ordered,
            replaced: false,
            address: None,
        });
        Self {
            scope,
            transport,
            resources,
            blob_name,
            state,
        }
    }

    /// The address, with SAS, of the blob in a container, as sent to the service.
    pub(crate) fn blob_url(&self, attempt: usize) -> Result<SecretUrl> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, url)) = state.address.as_ref().filter(|(of, _)| *of == attempt) {
            return Ok(url.clone());
        }
        let container = state.ordered.get(attempt).ok_or_else(|| {
            Error::new(ErrorKind::Internal, Step::UploadBlob, "no such container")
        })?;
        let url = blob_in(container, &self.blob_name)?;
        state.address = Some((attempt, url.clone()));
        Ok(url)
    }

    /// The resources that its attempts use by now.
    pub(crate) fn lent(&self) -> Arc<IngestionResources> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.from.clone()
    }

    /// After a 403 or a 404 the remaining attempts use fresh resources, once.
    async fn replace_rest(&self, failed: usize) {
        let stale = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if std::mem::replace(&mut state.replaced, true) {
                return;
            }
            state.from.clone()
        };
        match self.resources.replace(self.scope, &stale).await {
            Ok(fresh) => {
                let ordered = self.resources.ranking().order(&fresh.containers);
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.ordered.truncate(failed + 1);
                state.ordered.extend(ordered);
                state.address = None;
                state.from = fresh;
            }
            Err(error) => renewal_failed(&error),
        }
    }
}

/// The address of the blob of this name in a container, with the container's signature.
pub(crate) fn blob_in(container: &Container, name: &str) -> Result<SecretUrl> {
    let url = child_url(container.url().expose(), &[name])?;
    Ok(container.url().with_same_query(url))
}

fn renewal_failed(error: &Error) {
    events::RenewalFailed {
        step: error.step(),
        host: error.host().unwrap_or_default(),
        error,
    }
    .emit();
}

#[async_trait]
impl Containers for AzureContainers<'_> {
    fn len(&self) -> usize {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .ordered
            .len()
    }

    fn doubt(&self, error: &Error) {
        self.resources.doubt(&self.lent(), error);
    }

    async fn again(&self) {
        let lent = Box::pin(self.resources.get(self.scope)).await;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match lent {
            Ok(lent) => state.from = lent,
            Err(error) => renewal_failed(&error),
        }
        let ordered = self.resources.ranking().order(&state.from.containers);
        state.ordered.extend(ordered);
    }

    fn target(&self, attempt: usize) -> Result<Arc<dyn BlobTarget>> {
        let url = self.blob_url(attempt)?;
        Ok(Arc::new(AzureBlob::new(self.transport, url, attempt)))
    }

    async fn report(&self, attempt: usize, outcome: std::result::Result<(), &Error>) {
        let account = {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state
                .ordered
                .get(attempt)
                .map(|container| container.account().to_owned())
        };
        if let Some(account) = account {
            self.resources.ranking().record(&account, outcome.is_ok());
        }
        if outcome.is_err_and(|error| matches!(error.http_status(), Some(403 | 404))) {
            // Boxed: large and rare, as the futures of all requests to the service.
            Box::pin(self.replace_rest(attempt)).await;
        }
    }
}

struct AzureBlob {
    transport: Transport,
    url: SecretUrl,
    attempt: usize,
    host: String,
}

impl AzureBlob {
    fn new(transport: &Transport, url: SecretUrl, attempt: usize) -> Self {
        Self {
            transport: transport.clone(),
            attempt,
            host: host_of(url.expose()),
            url,
        }
    }

    /// A `PUT` with these parameters behind those of the signature.
    fn put(&self, parameters: &[(&str, &str)]) -> Request {
        if parameters.is_empty() {
            return request(Method::PUT, self.url.shared());
        }
        let mut url = self.url.expose().clone();
        for (name, value) in parameters {
            url.query_pairs_mut().append_pair(name, value);
        }
        request(Method::PUT, url)
    }

    async fn send(&self, step: Step, request: Request) -> Result<()> {
        let reply = send(&self.transport, step, &self.host, request).await?;
        expect(step, &self.host, &reply, CREATED)
    }
}

#[async_trait]
impl BlobTarget for AzureBlob {
    fn host(&self) -> &str {
        &self.host
    }

    async fn put_blob(&self, data: Bytes) -> Result<()> {
        let request = self
            .put(&[])
            .fixed(BLOB_TYPE, "BlockBlob")
            .fixed(CONTENT_TYPE, BINARY)
            .body(data);
        self.send(Step::UploadBlob, request).await
    }

    async fn put_block(&self, index: usize, data: Bytes) -> Result<()> {
        let id = block_id(self.attempt, index);
        let request = self
            .put(&[("comp", "block"), ("blockid", &id)])
            .fixed(CONTENT_TYPE, BINARY)
            .body(data);
        self.send(Step::UploadBlob, request).await
    }

    async fn put_block_list(&self, count: usize) -> Result<()> {
        let ids = (0..count).map(|index| xml::element("Latest", &block_id(self.attempt, index)));
        let list = format!(
            "{}<BlockList>{}</BlockList>",
            xml::PROLOG,
            ids.collect::<String>()
        );
        let request = self
            .put(&[("comp", "blocklist")])
            .fixed(CONTENT_TYPE, "application/xml")
            .body(list);
        self.send(Step::CommitBlob, request).await
    }
}

/// The status of a blob, a block or a list of blocks that was stored.
const CREATED: u16 = 201;
const BLOB_TYPE: HeaderName = HeaderName::from_static("x-ms-blob-type");
const BINARY: &str = "application/octet-stream";

/// Ids must have one length in a blob; the same index makes a repeated block replace itself. A second
/// attempt may split its blocks elsewhere and, after a 403, go to the same blob: a late block of the
/// first must not replace one of the second.
fn block_id(attempt: usize, index: usize) -> String {
    STANDARD.encode(((attempt as u64) << 32 | index as u64).to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blocks_of_two_attempts_are_never_the_same() {
        assert_eq!(block_id(1, 7), block_id(1, 7));
        assert_ne!(block_id(0, 7), block_id(1, 7));
        assert_ne!(block_id(1, 7), block_id(1, 8));
    }
}
