//! The size of a blob in storage, asked of storage itself.

use std::time::Duration;

use http::Method;
use url::Url;

use crate::error::Step;
use crate::http::host::{host_of, is_loopback};
use crate::http::storage::{request, send};
use crate::http::transport::Transport;
use crate::op::Scope;

/// How long it may take: it is asked for a decision only, and without it the queue takes the blob.
const LIMIT: Duration = Duration::from_secs(10);

/// The size of the blob at an address as the service takes it; `None` where it cannot be asked for or does not come.
pub(super) async fn size(scope: &Scope, transport: &Transport, address: &str) -> Option<u64> {
    let url = readable(address)?;
    let host = host_of(&url);
    let step = Step::StreamData;
    let asking = send(transport, step, &host, request(Method::HEAD, url));
    let asking = async {
        let asked = tokio::time::timeout(LIMIT, asking).await;
        Ok(asked.ok().and_then(|reply| reply.ok()))
    };
    let reply = scope.run(step, &host, Box::pin(asking)).await.ok()??;
    match reply.status {
        200 => reply.header("content-length")?.parse().ok(),
        _ => None,
    }
}

/// The address, if this client may read the blob: only the service can log in as the forms behind a `;` say.
fn readable(address: &str) -> Option<Url> {
    let url = Url::parse(address).ok()?;
    let is_private = url.scheme() == "https" || url.host_str().is_some_and(is_loopback);
    let query = url.query().unwrap_or_default();
    let is_for_service =
        url.path().contains(';') || query.contains(';') || query.contains("token=");
    (is_private && !is_for_service).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_signature_opens_is_asked_for() {
        for address in [
            "https://a.example/c/b.csv",
            "https://a.example/c/b.csv?sv=1&sig=x",
            "http://127.0.0.1:1/c/b?sig=x",
        ] {
            assert!(readable(address).is_some(), "{address}");
        }
        for address in [
            "https://a.example/c/b;managed_identity=system",
            "https://a.example/c/b;impersonate",
            "https://a.example/c/b;token=x",
            "https://a.example/c/b?token=x",
            "http://a.example/c/b?sig=x",
            "no address",
        ] {
            assert!(readable(address).is_none(), "{address}");
        }
    }
}
