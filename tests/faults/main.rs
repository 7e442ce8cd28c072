//! Every fault at every step, and what came of it: see docs/FAULTS.md.

mod bed;
mod case;
mod data;
mod fault;
mod matrix;
mod named;
mod oracle;
mod reader;
mod run;
mod sources;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod target;
