//! The client against services, storage and proxies that misbehave on the wire: raw sockets.

mod certificate;
mod connections;
mod early;
mod events;
mod ids;
mod login;
mod machine;
mod moved;
mod outcomes;
mod proxy;
mod server;
mod steps;
mod storage;
mod texts;
mod tools;
mod user_login;
mod values;
