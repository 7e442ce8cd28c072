//! The `kusto-emulator` command.
fn main() {}
