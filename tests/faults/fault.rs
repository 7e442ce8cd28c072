//! The faults of the matrix: how they are armed, and what they mean for the request they hit.

use std::fmt;

use kusto_ingest::prelude::ErrorKind;
use serde_json::{Value, json};

/// The fault of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fault {
    Status {
        status: u16,
        retry_after: bool,
    },
    ExpiredSas,
    WrongSas,
    Cut(Cut),
    Late,
    Garbage,
    InvalidBlockList,
    /// Never answered; the call's deadline ends it.
    Deadline(Done),
    /// Never answered and not done; the caller ends it.
    Cancel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Cut {
    Before,
    During,
    After,
}

/// Whether the service carries out the request before it falls silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Done {
    No,
    Yes,
}

/// The conclusion that a client can draw from a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// No failure, only a delay.
    Harmless,
    /// The request was rejected and may succeed later.
    Passing,
    /// The request may have been carried out.
    Unclear,
    /// The request was rejected, and will be again.
    Final,
    /// The signature or the token was rejected.
    Forbidden,
    /// There is no answer.
    Silence,
}

impl Fault {
    /// Every fault, in the order of the table.
    pub(crate) fn all() -> Vec<Fault> {
        let mut all = Vec::new();
        for status in [429, 500, 503] {
            all.extend([false, true].map(|retry_after| Fault::Status {
                status,
                retry_after,
            }));
        }
        all.extend([404, 403].map(|status| Fault::Status {
            status,
            retry_after: false,
        }));
        all.extend([Fault::ExpiredSas, Fault::WrongSas]);
        all.extend([Cut::Before, Cut::During, Cut::After].map(Fault::Cut));
        all.extend([Fault::Late, Fault::Garbage, Fault::InvalidBlockList]);
        all.extend([Done::No, Done::Yes].map(Fault::Deadline));
        all.push(Fault::Cancel);
        all
    }

    pub(crate) fn nature(self) -> Nature {
        match self {
            Fault::Late => Nature::Harmless,
            Fault::Status { status, .. } => match status {
                429 | 503 => Nature::Passing,
                500 => Nature::Unclear,
                403 => Nature::Forbidden,
                _ => Nature::Final,
            },
            Fault::Cut(_) | Fault::Garbage => Nature::Unclear,
            Fault::InvalidBlockList => Nature::Final,
            Fault::ExpiredSas | Fault::WrongSas => Nature::Forbidden,
            Fault::Deadline(_) | Fault::Cancel => Nature::Silence,
        }
    }

    /// Whether the request was carried out nevertheless.
    pub(crate) fn is_done(self) -> bool {
        matches!(
            self,
            Fault::Late | Fault::Cut(Cut::After) | Fault::Deadline(Done::Yes)
        )
    }

    /// The kinds of error that may report it.
    pub(crate) fn kinds(self) -> &'static [ErrorKind] {
        match self {
            Fault::Status { status, .. } => match status {
                429 => &[ErrorKind::Throttled],
                503 => &[ErrorKind::Service, ErrorKind::Throttled],
                404 => &[ErrorKind::NotFound],
                403 => &[ErrorKind::Auth],
                _ => &[ErrorKind::Service],
            },
            Fault::ExpiredSas | Fault::WrongSas => &[ErrorKind::Auth],
            Fault::Cut(_) => &[ErrorKind::Network],
            Fault::Garbage | Fault::InvalidBlockList => &[ErrorKind::Service],
            Fault::Late => &[],
            Fault::Deadline(_) => &[ErrorKind::TimedOut],
            Fault::Cancel => &[ErrorKind::Cancelled],
        }
    }

    /// As the emulator's control endpoint takes it.
    pub(crate) fn wire(self) -> Value {
        match self {
            Fault::Status {
                status,
                retry_after,
            } => {
                let mut fault = json!({"kind": "status", "status": status});
                if retry_after {
                    fault["retryAfter"] = 1.into();
                }
                fault
            }
            Fault::ExpiredSas => json!({"kind": "expiredSas"}),
            Fault::WrongSas => json!({"kind": "wrongSas"}),
            Fault::Cut(Cut::Before) => json!({"kind": "cut", "when": "before"}),
            Fault::Cut(Cut::During) => json!({"kind": "cut", "when": "during", "bytes": 20}),
            Fault::Cut(Cut::After) => json!({"kind": "cut", "when": "after"}),
            Fault::Late => json!({"kind": "late", "millis": 50}),
            Fault::Garbage => json!({"kind": "garbage"}),
            Fault::InvalidBlockList => json!({"kind": "invalidBlockList"}),
            Fault::Deadline(Done::Yes) => json!({"kind": "stall", "when": "after"}),
            Fault::Deadline(Done::No) | Fault::Cancel => json!({"kind": "stall", "when": "before"}),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Status {
                status,
                retry_after: true,
            } => write!(f, "{status}+"),
            Fault::Status { status, .. } => write!(f, "{status}"),
            Fault::ExpiredSas => f.write_str("expired SAS"),
            Fault::WrongSas => f.write_str("wrong SAS"),
            Fault::Cut(Cut::Before) => f.write_str("cut before"),
            Fault::Cut(Cut::During) => f.write_str("cut during"),
            Fault::Cut(Cut::After) => f.write_str("cut after"),
            Fault::Late => f.write_str("late"),
            Fault::Garbage => f.write_str("garbage"),
            Fault::InvalidBlockList => f.write_str("InvalidBlockList"),
            Fault::Deadline(Done::No) => f.write_str("silent until the deadline"),
            Fault::Deadline(Done::Yes) => f.write_str("done and silent until the deadline"),
            Fault::Cancel => f.write_str("silent until cancelled"),
        }
    }
}
