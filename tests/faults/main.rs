//! Every fault at every step, and its outcome: see docs/FAULTS.md.

mod bed;
mod case;
mod check;
mod child;
mod data;
mod fault;
mod leftovers;
mod logins;
mod matrix;
mod named;
mod oracle;
mod peers;
mod property;
mod random;
mod reader;
mod run;
mod soak;
mod sources;
mod streamed;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod target;
