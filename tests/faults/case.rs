//! The cases of the matrix, and the rules that exclude combinations.

use std::fmt;

use serde_json::Value;

use crate::data::{BLOCKS, Data, Kind, LARGE, SMALL};
use crate::fault::{Cut, Fault, Nature};
use crate::target::{Position, Target};

/// How many requests a fault hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Extent {
    Once,
    /// For ever, on one of the two storage accounts.
    OneAccount,
    /// For ever and everywhere.
    Everywhere,
}

impl Extent {
    pub(crate) const ALL: [Extent; 3] = [Extent::Once, Extent::OneAccount, Extent::Everywhere];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Extent::Once => "once",
            Extent::OneAccount => "one account",
            Extent::Everywhere => "everywhere",
        }
    }
}

/// One combination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Case {
    pub(crate) target: Target,
    pub(crate) fault: Fault,
    pub(crate) extent: Extent,
    pub(crate) kind: Kind,
}

impl Case {
    /// Every combination that makes sense.
    pub(crate) fn all() -> Vec<Case> {
        let mut all = Vec::new();
        for target in Target::ALL {
            for fault in Fault::all() {
                for extent in Extent::ALL {
                    for kind in Kind::ALL {
                        all.push(Case {
                            target,
                            fault,
                            extent,
                            kind,
                        });
                    }
                }
            }
        }
        all.retain(|case| case.fault_fits() && case.extent_fits() && case.kind_fits());
        all
    }

    /// Those that are run on Azurite too: cases that leave data in storage or depend on its
    /// behaviour.
    pub(crate) fn is_for_azurite(&self) -> bool {
        let fault = matches!(
            self.fault,
            Fault::Status {
                status: 503,
                retry_after: false
            } | Fault::ExpiredSas
                | Fault::InvalidBlockList
                | Fault::Cut(Cut::After)
        );
        let kind = match self.target.is_of_blocks() {
            true => self.kind == Kind::Reader,
            false => matches!(self.kind, Kind::Bytes | Kind::Reader),
        };
        fault && kind && self.target.is_storage() && self.extent == Extent::Once
    }

    fn fault_fits(&self) -> bool {
        match self.fault {
            // A signature belongs to storage; elsewhere a 403 is about the token.
            Fault::ExpiredSas | Fault::WrongSas => self.target.is_storage(),
            Fault::Status { status: 403, .. } => !self.target.is_storage(),
            Fault::InvalidBlockList => self.target == Target::Commit,
            Fault::Cut(Cut::During) => self.target.has_body(),
            _ => true,
        }
    }

    fn extent_fits(&self) -> bool {
        match self.fault.nature() {
            // The first silence ends the call.
            Nature::Silence => self.extent == Extent::Once,
            // A late answer is late once or always: nothing else happens.
            Nature::Harmless => self.extent == Extent::Once,
            // The middle does not differ from its neighbours.
            _ if self.target == Target::PutBlock(Position::Middle) => self.extent == Extent::Once,
            _ => self.extent != Extent::OneAccount || self.target.has_another(),
        }
    }

    /// The large reader differs from the small one only while it is read, and where it must be
    /// read again. Before its end was read, whether it still can be depends on who is faster: only
    /// faults that do not lead to another container are aimed there.
    fn kind_fits(&self) -> bool {
        let first = matches!(
            self.target,
            Target::PutBlock(Position::First | Position::Middle)
        );
        if self.kind != Kind::LargeReader {
            // Megabytes take their time: the sources are all tried at the last block only.
            return self.kind == Kind::Reader || !first;
        }
        // `Retry-After` is honoured in the same way for every source.
        if matches!(
            self.fault,
            Fault::Status {
                retry_after: true,
                ..
            }
        ) {
            return false;
        }
        match self.target {
            Target::Commit => true,
            Target::PutBlock(Position::Last) => self.extent != Extent::Everywhere,
            Target::PutBlock(_) => {
                self.fault.nature() == Nature::Silence
                    || (self.extent == Extent::Once && self.is_repeated_in_place())
            }
            _ => false,
        }
    }

    /// Whether the request is sent again to the same place.
    pub(crate) fn is_repeated_in_place(&self) -> bool {
        match self.fault.nature() {
            Nature::Passing => true,
            Nature::Unclear => !self.target.is_unsafe(),
            _ => false,
        }
    }

    pub(crate) fn data(&self) -> &'static Data {
        match (self.target.is_of_blocks(), self.kind) {
            (_, Kind::LargeReader) => &LARGE,
            (true, _) => &BLOCKS,
            (false, _) => &SMALL,
        }
    }

    /// The rule to arm. `account` is the one that fails where only one does.
    pub(crate) fn rule(&self, blocks: u64, account: &str) -> Value {
        let mut rule = self.target.wire(blocks);
        rule["fault"] = self.fault.wire();
        match self.extent {
            Extent::Once => rule["times"] = 1.into(),
            Extent::OneAccount => rule["account"] = account.into(),
            Extent::Everywhere => {}
        }
        rule
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {} {}, {}",
            self.target.name(),
            self.fault,
            self.extent.name(),
            self.kind.name()
        )
    }
}
