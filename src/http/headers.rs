//! The headers that identify the caller to the service (wire-v1 section 1.5).

use http::header::{ACCEPT, HeaderName};

use super::request::Request;
use super::storage::VERSION;
use super::transport::CLIENT_REQUEST_ID;
use crate::op::ids::new_id;

/// The version of the service's REST contract that the official SDKs send.
pub(crate) const KUSTO_API_VERSION: &str = "2024-12-12";

/// The caller's identity: the values of the tracing headers and of the queue message's tracing
/// fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientIdentity {
    application: String,
    user: String,
    version: String,
}

impl ClientIdentity {
    /// `application` and `user` default to the program's name and the user's login when `None`.
    /// `wrapper` is the name and version of a language binding, such as `("Go", "0.1.0")`, and `runtime`
    /// those of what runs it, such as `("Go", "1.22.3")`.
    pub(crate) fn new(
        application: Option<&str>,
        user: Option<&str>,
        wrapper: Option<(&str, &str)>,
        runtime: Option<(&str, &str)>,
    ) -> Self {
        let pair = |key: String, version: &str| format!("{key}:{{{}}}", field(version));
        let runs_on = |(name, version)| pair(format!("Runtime.{}", field(name)), version);
        // What the program uses and runs on comes first, as in the official SDKs; then the library below.
        let library = pair("Kusto.Rust.Client".to_owned(), env!("CARGO_PKG_VERSION"));
        let own_runtime = ("Rust", env!("CARGO_PKG_RUST_VERSION"));
        let pairs = [
            wrapper.map(|(name, version)| pair(format!("Kusto.{}.Client", field(name)), version)),
            runtime.map(runs_on),
            Some(library),
            runtime.is_none().then(|| runs_on(own_runtime)),
        ];
        let pairs: Vec<String> = pairs.into_iter().flatten().collect();
        let version = pairs.join("|");
        Self {
            application: ascii(application.map_or_else(program_name, str::to_owned)),
            user: ascii(user.map_or_else(login_name, str::to_owned)),
            version: ascii(version),
        }
    }

    /// The value of `x-ms-app` and of a message's `ApplicationForTracing`.
    pub(crate) fn application(&self) -> &str {
        &self.application
    }

    /// The value of `x-ms-client-version` and of a message's `ClientVersionForTracing`.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Adds the headers that every request to the service carries.
    pub(crate) fn apply(&self, request: Request, client_request_id: &str) -> Request {
        request
            .header(ACCEPT, "application/json")
            .header(VERSION, KUSTO_API_VERSION)
            .header(APPLICATION, &self.application)
            .header(USER, &self.user)
            .header(CLIENT_VERSION, &self.version)
            .header(CLIENT_REQUEST_ID, &ascii(client_request_id.to_owned()))
    }
}

const APPLICATION: HeaderName = HeaderName::from_static("x-ms-app");
const USER: HeaderName = HeaderName::from_static("x-ms-user");
const CLIENT_VERSION: HeaderName = HeaderName::from_static("x-ms-client-version");

/// A fresh request id of the recommended shape `Client.Activity;UniqueId`.
pub(crate) fn new_request_id(activity: &str) -> String {
    format!("KRC.{activity};{}", new_id())
}

/// A value inside the braces of the version header: its delimiters become `_`.
fn field(value: &str) -> String {
    value
        .split(|c: char| c.is_whitespace() || matches!(c, '{' | '}' | '|'))
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("_")
}

/// Header values must be printable ASCII; the service rejects or garbles the rest.
fn ascii(value: String) -> String {
    value
        .chars()
        .map(|c| {
            if c.is_ascii_graphic() || c == ' ' {
                c
            } else {
                '?'
            }
        })
        .collect()
}

fn program_name() -> String {
    std::env::args_os()
        .next()
        .and_then(|path| {
            let name = std::path::Path::new(&path).file_name()?;
            Some(name.to_string_lossy().into_owned())
        })
        .unwrap_or_else(|| "[none]".to_owned())
}

fn login_name() -> String {
    ["USER", "USERNAME", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| "[none]".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_and_non_ascii_are_replaced() {
        let (wrapper, runtime) = (Some(("Go", "1 {2}")), Some(("Go", "1.22.3")));
        let identity = ClientIdentity::new(Some("Zähler\r\n7"), Some("ü"), wrapper, runtime);
        assert_eq!(identity.application(), "Z?hler??7");
        assert_eq!(identity.user, "?");
        let library = concat!("Kusto.Rust.Client:{", env!("CARGO_PKG_VERSION"), "}");
        assert_eq!(
            identity.version(),
            format!("Kusto.Go.Client:{{1_2}}|Runtime.Go:{{1.22.3}}|{library}")
        );
        let own = ClientIdentity::new(None, None, None, None);
        let expected = format!("{library}|Runtime.Rust:{{");
        assert!(own.version().starts_with(&expected), "{}", own.version());
    }

    #[test]
    fn request_ids_name_the_activity_and_differ() {
        let (a, b) = (new_request_id("execute"), new_request_id("execute"));
        assert!(a.starts_with("KRC.execute;"));
        assert_ne!(a, b);
    }
}
