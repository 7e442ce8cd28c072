//! The port on which the machine gives tokens to its programs.

use std::sync::Arc;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};

use super::entra_routes::play_on;
use super::reply::failure;
use crate::control::Control;
use crate::entra::{Entra, IdentityRoute};
use crate::faults::Subject;
use crate::http::{Body, Cut, RequestBody, early};
use crate::services::ServiceKind;
use crate::traffic::Connection;

/// The largest form, in bytes.
const LIMIT: usize = 1 << 16;

/// The machine that programs run on.
pub(crate) struct Machine {
    pub(crate) entra: Arc<Entra>,
    pub(crate) control: Arc<Control>,
}

impl Machine {
    /// Answers one request, unless a fault rule says otherwise.
    pub(crate) async fn handle(
        &self,
        request: Request<Incoming>,
        connection: &Connection,
    ) -> Result<Response<Body>, Cut> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let Some(route) = IdentityRoute::of(path) else {
            let message = format!("The machine has no endpoint at '{path}'.");
            let reply = failure(StatusCode::NOT_FOUND, "NotFound", &message);
            return Ok(early(reply, &parts, body));
        };
        if !route.methods().contains(&parts.method) {
            let message = format!("'{path}' does not take {} requests.", parts.method);
            let reply = failure(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", &message);
            return Ok(early(reply, &parts, body));
        }
        let kind = ServiceKind::ManagedIdentity;
        let meter = self.control.traffic.count(kind, connection);
        let body = RequestBody::new(body, Some(meter));
        let Ok(body) = Limited::new(body, LIMIT).collect().await else {
            return Ok(failure(
                StatusCode::BAD_REQUEST,
                "General_BadRequest",
                "The request's body is cut short or too large.",
            ));
        };
        let body = body.to_bytes();
        let serve = || self.entra.answer_identity(route, &parts, &body);
        let subject = Subject::of(kind);
        let reply = play_on(&self.control.faults, &subject, body.clone(), serve).await;
        let status = reply.as_ref().map_or(0, |reply| reply.status().as_u16());
        tracing::info!(method = %parts.method, path, status, "machine");
        reply
    }
}
