//! Who asked, by the ids that a request and its reply carry.

use hyper::HeaderMap;
use uuid::Uuid;

/// Who asked, for correlation.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// `x-ms-client-request-id`, made up when the client sent none.
    pub client_request_id: String,
    /// `x-ms-activity-id` of the reply.
    pub activity_id: Uuid,
    /// The name or address by which the client reached the service, without the port.
    pub host: String,
}

impl Identity {
    /// Reads the headers.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let sent = headers
            .get("x-ms-client-request-id")
            .and_then(|value| value.to_str().ok());
        let client_request_id =
            sent.map_or_else(|| format!("unspecified;{}", Uuid::new_v4()), str::to_owned);
        Self {
            client_request_id,
            activity_id: Uuid::new_v4(),
            host: host(headers).unwrap_or("localhost").to_owned(),
        }
    }
}

fn host(headers: &HeaderMap) -> Option<&str> {
    let authority = headers.get("host")?.to_str().ok()?;
    let port = authority
        .rfind(':')
        .filter(|at| !authority[*at..].contains(']'));
    Some(&authority[..port.unwrap_or(authority.len())])
}
