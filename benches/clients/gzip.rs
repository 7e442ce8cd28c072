//! Compresses a file as an ingestion does.
//!
//! `bench_gzip FILE LEVEL THREADS TIMES` prints the size of one result in bytes; `LEVEL` `none` only
//! reads the file, which tells what the rest of the process costs. `bench_gzip levels` prints the
//! levels that there are, each with what compresses at it.

use kusto_ingest::bench;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments == ["levels"] {
        for level in bench::LEVELS {
            println!("{level} {}", bench::encoder(level)?);
        }
        return Ok(());
    }
    let [path, level, threads, times] = arguments.as_slice() else {
        return Err("FILE LEVEL THREADS TIMES".into());
    };
    let data = bytes::Bytes::from(std::fs::read(path)?);
    if level == "none" {
        println!("{}", data.len());
        return Ok(());
    }
    let threads = threads.parse()?;
    let mut size = 0;
    for _ in 0..times.parse::<u32>()? {
        size = bench::gzip(data.clone(), level, threads)?;
    }
    println!("{size}");
    Ok(())
}
