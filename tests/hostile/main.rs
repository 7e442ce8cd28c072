//! The client against services, storage and proxies that misbehave on the wire: raw sockets.

mod proxy;
mod server;
mod values;
