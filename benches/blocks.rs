//! Reading a file and cutting it into blocks, without compressing: wall time for 64 MiB.

#[path = "../xtask/src/samples.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "written for xtask, with its tests"
)]
mod samples;
#[path = "../xtask/src/storm.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "written for xtask, with its tests"
)]
mod storm;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kusto_ingest::bench;

const SIZE: usize = 64 << 20;

fn blocks(criterion: &mut Criterion) {
    let path = std::env::temp_dir().join(format!("kusto-ingest-bench-{}", std::process::id()));
    std::fs::write(&path, samples::noise(SIZE)).expect("the temporary directory takes 64 MiB");
    let mut group = criterion.benchmark_group("blocks");
    group.throughput(Throughput::Bytes(SIZE as u64));
    group.sample_size(20);
    group.bench_function("file", |bencher| {
        bencher.iter(|| bench::blocks(path.clone()));
    });
    group.finish();
    std::fs::remove_file(&path).expect("nobody else removes it");
}

criterion_group!(all, blocks);
criterion_main!(all);
