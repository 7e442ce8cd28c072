//! Responses as every service makes them: status, type, headers.

use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use super::body::Body;

/// A reply with nothing but a status.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// A reply with a body of the given type.
pub(crate) fn typed(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Body>,
) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Sets a header; a value that is not allowed in one is left out.
pub(crate) fn set(response: &mut Response<Body>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// A success that no service gives: the HTML page of something in between.
pub(crate) fn garbage(status: StatusCode) -> Response<Body> {
    let page = "<html><head><title>Sign in</title></head><body>This is no answer of the service.</body></html>";
    typed(status, "text/html", page.to_owned())
}
