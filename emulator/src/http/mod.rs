//! The plumbing of HTTP: connections, TLS and bodies, and faults played on them.
//!
//! It knows no address: what is answered to which request is up to `server` and `storage`.

mod body;
mod listener;
mod play;
mod request_body;
mod response;
mod tls;

pub(crate) use body::Body;
pub(crate) use listener::{Cut, serve};
pub(crate) use play::play;
pub(crate) use request_body::RequestBody;
pub(crate) use response::{empty, garbage, set, typed};
pub(crate) use tls::{Authority, CaFile, client_config};
