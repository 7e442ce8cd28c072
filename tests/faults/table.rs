//! The table of docs/FAULTS.md: outcomes by step, extent and fault, equal ones in one row.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::case::{Case, Extent};
use crate::check::Ending;
use crate::data::Kind;
use crate::fault::Fault;
use crate::target::Target;

/// How one fault ended, by the source.
type ByKind = BTreeMap<Kind, Ending>;

/// A row: faults of one step and extent that all end alike.
struct Row {
    target: Target,
    extent: Extent,
    faults: Vec<Fault>,
    endings: ByKind,
}

/// The table in Markdown, with its counts.
pub(crate) fn render(endings: &BTreeMap<Case, Ending>) -> String {
    let mut text = String::new();
    let count = |fits: fn(&Ending) -> bool| endings.values().filter(|e| fits(e)).count();
    let ok = count(|e| e.said == "ok");
    let doubt = count(|e| e.said.starts_with("in doubt"));
    let unread = endings
        .iter()
        .filter(|(case, ending)| case.target == Target::StatusPoll && ending.said != "ok")
        .count();
    writeln!(
        text,
        "{} cases: {ok} succeeded with every row, {} failed with none, {doubt} ended in doubt, {unread} failed to read the \
         status of rows that are there.\n",
        endings.len(),
        endings.len() - ok - doubt - unread,
    )
    .unwrap();
    let kinds = Kind::ALL.map(Kind::name).join(" | ");
    writeln!(text, "| Step | Hit | Faults | {kinds} |").unwrap();
    writeln!(text, "|---|---|---|{}", "---|".repeat(Kind::ALL.len())).unwrap();
    for row in rows(endings) {
        let faults: Vec<String> = row.faults.iter().map(Fault::to_string).collect();
        write!(
            text,
            "| {} | {} | {} |",
            row.target.name(),
            row.extent.name(),
            faults.join(", ")
        )
        .unwrap();
        for kind in Kind::ALL {
            write!(
                text,
                " {} |",
                row.endings.get(&kind).map_or_else(|| "-".to_owned(), cell)
            )
            .unwrap();
        }
        text.push('\n');
    }
    text
}

fn rows(endings: &BTreeMap<Case, Ending>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let groups: BTreeSet<(Target, Extent)> = endings
        .keys()
        .map(|case| (case.target, case.extent))
        .collect();
    for (target, extent) in groups {
        let mut by_fault: BTreeMap<Fault, ByKind> = BTreeMap::new();
        for (case, ending) in endings {
            if (case.target, case.extent) == (target, extent) {
                let kinds = by_fault.entry(case.fault).or_default();
                kinds.insert(case.kind, ending.clone());
            }
        }
        let first = rows.len();
        for (fault, endings) in by_fault {
            match rows[first..].iter_mut().find(|row| row.endings == endings) {
                Some(row) => row.faults.push(fault),
                None => rows.push(Row {
                    target,
                    extent,
                    faults: vec![fault],
                    endings,
                }),
            }
        }
    }
    rows
}

fn cell(ending: &Ending) -> String {
    let mut text = match (ending.said.as_str(), ending.whole) {
        ("ok", _) => "all rows".to_owned(),
        (said, true) => format!("{said}; all rows"),
        (said, false) => format!("{said}; none"),
    };
    match ending.orphans {
        0 => {}
        1 => text.push_str("; 1 blob left"),
        more => write!(text, "; {more} blobs left").unwrap(),
    }
    text
}
