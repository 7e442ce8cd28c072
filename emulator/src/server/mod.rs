//! The ports of engine and data management: which request goes where, and who may ask.

mod auth;
mod control_routes;
mod entra_routes;
mod machine;
mod noted;
mod overview;
mod reply;
mod router;
mod streaming;

pub(crate) use auth::Access;
pub(crate) use machine::Machine;
pub(crate) use router::Router;
