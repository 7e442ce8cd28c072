//! Requests to replies: bodies, the role check, the two response shapes, errors.

use hyper::HeaderMap;

use super::database::Engine;

/// Which of the two services an address plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Both services on one address.
    Both,
    /// Queries and schema commands.
    Engine,
    /// Ingestion resources and identity token.
    DataManagement,
}

/// What a request's path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST /v1/rest/mgmt`
    Mgmt,
    /// `POST /v1/rest/query`
    QueryV1,
    /// `POST /v2/rest/query`
    QueryV2,
}

/// A complete HTTP reply.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case, with values; `content-type` included.
    pub headers: Vec<(String, String)>,
    /// The body, not compressed.
    pub body: Vec<u8>,
}

/// Runs one command or query and gives its reply, errors included.
pub fn respond(
    engine: &Engine,
    role: Role,
    endpoint: Endpoint,
    headers: &HeaderMap,
    body: &[u8],
) -> Reply {
    let _ = (engine, role, endpoint, headers, body);
    Reply {
        status: 501,
        headers: Vec::new(),
        body: Vec::new(),
    }
}
