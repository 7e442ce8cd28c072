//! The outcome that a case must have, by rule.

use kusto_ingest::prelude::ErrorKind;

use crate::case::{Case, Extent};
use crate::data::Kind;
use crate::fault::{Fault, Nature};
use crate::target::Target;

/// The result that a call must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Success, and every row.
    Whole,
    /// An error that is not in doubt, of one of these kinds, and no row.
    Failed(&'static [ErrorKind]),
    /// The same, because the source is lost.
    Unrepeatable,
    /// An error that is in doubt; the rows are there if the service carried out the request.
    InDoubt(&'static [ErrorKind]),
}

pub(crate) fn expected(case: &Case) -> Expected {
    if case.fault.nature() == Nature::Harmless || is_no_fault(case) {
        return Expected::Whole;
    }
    let kinds = match (case.target, case.fault) {
        // Nothing was signed and there was no login: the host itself rejects.
        (Target::Metadata, Fault::Status { status: 403, .. }) => &[ErrorKind::Service],
        _ => case.fault.kinds(),
    };
    if case.target.is_in_doubt(case.fault) {
        return Expected::InDoubt(kinds);
    }
    if case.fault.nature() == Nature::Silence {
        return Expected::Failed(kinds);
    }
    match case.extent {
        Extent::Once if case.is_repeated_in_place() || is_asked_anew(case) => Expected::Whole,
        _ if !case.target.has_another() => Expected::Failed(kinds),
        _ if case.kind == Kind::LargeReader => Expected::Unrepeatable,
        Extent::Once | Extent::OneAccount => Expected::Whole,
        Extent::Everywhere => Expected::Failed(kinds),
    }
}

/// A host without the metadata is a cluster of the public cloud.
fn is_no_fault(case: &Case) -> bool {
    case.target == Target::Metadata && matches!(case.fault, Fault::Status { status: 404, .. })
}

/// A rejected signature is replaced once, where there is no other account, and so is a table that is not
/// there.
fn is_asked_anew(case: &Case) -> bool {
    match case.target {
        Target::StatusEntity => {
            let is_missing = matches!(case.fault, Fault::Status { status: 404, .. });
            is_missing || case.fault.nature() == Nature::Forbidden
        }
        Target::StatusPoll => case.fault.nature() == Nature::Forbidden,
        _ => false,
    }
}
