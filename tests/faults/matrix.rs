//! The matrix: every case, several at a time, and one table of how they ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use kusto_emulator::StorageKind;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::case::Case;
use crate::check::Ending;
use crate::run::run;
use crate::{support, table};

/// Cases under way: most of their time they wait for pauses of the client to end.
const PARALLEL: usize = 32;
/// And those that move megabytes.
const PARALLEL_LARGE: usize = 12;
/// On Azurite, which resets connections under load.
const PARALLEL_ON_AZURITE: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_loses_nothing_and_is_told() {
    let [built_in, azurite] = &support::storages()[..] else {
        return on_built_in().await;
    };
    let cases: Vec<Case> = wanted().filter(Case::is_for_azurite).collect();
    let here = run_all(&cases, built_in).await;
    let there = run_all(&cases, azurite).await;
    for (case, ending) in &there {
        assert_eq!(ending, &here[case], "{case}: another ending on Azurite");
    }
    println!(
        "{} cases on Azurite, all with the same endings",
        cases.len()
    );
}

/// The whole matrix, whose table must equal that of docs/FAULTS.md.
async fn on_built_in() {
    let cases: Vec<Case> = wanted().collect();
    let endings = run_all(&cases, &StorageKind::BuiltIn).await;
    let rendered = table::render(&endings);
    println!("{rendered}");
    match std::env::var_os("KUSTO_FAULTS_TABLE") {
        Some(file) => std::fs::write(file, rendered).unwrap(),
        None if cases.len() == Case::all().len() => assert!(
            committed_table().contains(&rendered),
            "docs/FAULTS.md is not current: run `cargo xtask faults`"
        ),
        None => {}
    }
}

/// docs/FAULTS.md.
pub(crate) fn committed_table() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/FAULTS.md");
    std::fs::read_to_string(path).unwrap()
}

/// The cases whose names contain the text of `KUSTO_TEST_CASE`, for debugging one; otherwise all.
fn wanted() -> impl Iterator<Item = Case> {
    let part = std::env::var("KUSTO_TEST_CASE").unwrap_or_default();
    let all = Case::all().into_iter();
    all.filter(move |case| case.to_string().contains(&part))
}

async fn run_all(cases: &[Case], storage: &StorageKind) -> BTreeMap<Case, Ending> {
    let (small, large) = match storage {
        StorageKind::BuiltIn => (PARALLEL, PARALLEL_LARGE),
        StorageKind::Azurite(_) => (PARALLEL_ON_AZURITE, PARALLEL_ON_AZURITE),
    };
    let (small, large) = [small, large].map(|n| Arc::new(Semaphore::new(n))).into();
    let mut running = JoinSet::new();
    for case in cases.iter().copied() {
        let (small, large, storage) = (small.clone(), large.clone(), storage.clone());
        running.spawn(async move {
            let _turn = match case.target.is_of_blocks() {
                true => large.acquire_owned().await,
                false => small.acquire_owned().await,
            };
            // In a separate task, so that a panic is reported with its case.
            let ended = tokio::spawn(run(case, storage)).await;
            (case, ended.unwrap_or_else(|panic| Err(panic.to_string())))
        });
    }
    let (mut endings, mut wrong) = (BTreeMap::new(), Vec::new());
    while let Some(ended) = running.join_next().await {
        match ended.unwrap() {
            (case, Ok(ending)) => drop(endings.insert(case, ending)),
            (case, Err(problem)) => wrong.push(format!("{case}: {problem}")),
        }
    }
    wrong.sort();
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    endings
}
