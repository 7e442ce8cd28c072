//! The port on which the machine gives tokens to its programs.

use std::sync::Arc;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};

use super::reply::failure;
use crate::entra::{Entra, IdentityRoute};
use crate::http::{Body, early};

/// The largest form, in bytes.
const LIMIT: usize = 1 << 16;

/// The machine that programs run on.
pub(crate) struct Machine {
    entra: Arc<Entra>,
}

impl Machine {
    pub(crate) fn new(entra: Arc<Entra>) -> Self {
        Self { entra }
    }

    /// Answers one request.
    pub(crate) async fn handle(&self, request: Request<Incoming>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let Some(route) = IdentityRoute::of(path) else {
            let message = format!("The machine has no endpoint at '{path}'.");
            let reply = failure(StatusCode::NOT_FOUND, "NotFound", &message);
            return early(reply, &parts, body);
        };
        if !route.methods().contains(&parts.method) {
            let message = format!("'{path}' does not take {} requests.", parts.method);
            let reply = failure(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", &message);
            return early(reply, &parts, body);
        }
        let reply = match Limited::new(body, LIMIT).collect().await {
            Ok(body) => self.entra.answer_identity(route, &parts, &body.to_bytes()),
            Err(_) => failure(
                StatusCode::BAD_REQUEST,
                "General_BadRequest",
                "The request's body is cut short or too large.",
            ),
        };
        tracing::info!(method = %parts.method, path, status = reply.status().as_u16(), "machine");
        reply
    }
}
