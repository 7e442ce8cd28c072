//! The plumbing of HTTP: connections, TLS, the hosts it is asked for, bodies, and faults played on them.
//!
//! It knows no address: what is answered to which request is up to `server` and `storage`.

mod body;
mod early;
mod gzip;
mod hosts;
mod listener;
mod play;
mod request_body;
mod response;
mod tls;
mod tunnel;

pub(crate) use body::Body;
pub(crate) use early::early;
pub(crate) use gzip::{Gzip, accepts_gzip};
pub(crate) use hosts::Hosts;
pub(crate) use listener::{Cut, Port, serve};
pub(crate) use play::play;
pub(crate) use request_body::RequestBody;
pub(crate) use response::{empty, garbage, set, typed};
pub(crate) use tls::{Authority, CaFile, client_config};
pub(crate) use tunnel::{Tunnels, tunnel};
