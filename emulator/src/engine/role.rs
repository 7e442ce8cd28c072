//! Engine and data management: which of them an address plays.

/// Which of the two services an address plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Both services on one address.
    Both,
    /// Queries and schema commands.
    Engine,
    /// Ingestion resources and identity token.
    DataManagement,
}
