//! gzip by level, threads and kind of data: wall time for 8 MiB.
//!
//! `cargo xtask bench gzip` makes the table with CPU time and ratio.

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

use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use kusto_ingest::bench;

const SIZE: usize = 8 << 20;

fn gzip(criterion: &mut Criterion) {
    for (kind, sample) in samples::KINDS {
        let mut group = criterion.benchmark_group(format!("gzip/{kind}"));
        group.throughput(Throughput::Bytes(SIZE as u64));
        group.sample_size(10);
        let data = Bytes::from(sample(SIZE));
        for level in bench::LEVELS {
            for threads in [1, 2] {
                let name = BenchmarkId::new(level, threads);
                if let Err(reason) = bench::gzip(data.slice(..1), level, threads) {
                    println!("SKIP gzip/{kind}/{level}/{threads}: {reason}");
                    continue;
                }
                group.bench_function(name, |bencher| {
                    bencher.iter_batched(
                        || data.clone(),
                        |data| bench::gzip(data, level, threads),
                        BatchSize::PerIteration,
                    );
                });
            }
        }
        group.finish();
    }
}

criterion_group!(all, gzip);
criterion_main!(all);
