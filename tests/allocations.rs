//! How often an ingestion of a few bytes asks for memory: a separate test program, because the allocator
//! is the process's. The ingestions run on the thread that counts, so that nobody else's requests are
//! among them.
#![cfg(any(target_os = "linux", target_vendor = "apple"))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use kusto_emulator::{Emulator, Options};
use kusto_ingest::op::run_here;
use kusto_ingest::prelude::*;

/// What an ingestion in one block may take. It took 189 when it was first counted.
const MOST: u64 = 105;
const ITEMS: u64 = 50;

/// The system's allocator, which counts for each thread.
struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // The thread may be ending.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call is passed on to the system's allocator as it is; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those that this function asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above; the memory came from the same allocator.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Small ingestions on a thread with room for a call; how often each asked for memory.
fn counted(runtime: &tokio::runtime::Runtime, client: &Client) -> u64 {
    let props = IngestionProperties::new("Demo", "T").with_format(DataFormat::Json);
    let data = bytes::Bytes::from_static(&[b'7'; 2048]);
    let ingest = || {
        let source = Source::bytes(data.clone());
        let call = client.ingest(source, &props, CallOptions::new());
        run_here(runtime.handle(), call).unwrap()
    };
    // Connections, resources, and what a thread makes once.
    for _ in 0..5 {
        drop(ingest());
    }
    let before = COUNT.get();
    for _ in 0..ITEMS {
        drop(ingest());
    }
    (COUNT.get() - before) / ITEMS
}

#[test]
fn a_small_item_asks_for_memory_a_bounded_number_of_times() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let options = Options {
        ingestion: false,
        ..Options::default()
    };
    let emulator = runtime.block_on(Emulator::start(options)).unwrap();
    let client = runtime.block_on(async {
        let builder = Client::builder(emulator.engine_url()).unwrap();
        let builder = builder
            .ingestion_endpoint(emulator.data_management_url())
            .unwrap();
        builder.build().unwrap()
    });
    let thread = std::thread::Builder::new().stack_size(8 * 1024 * 1024);
    let counting = move || counted(&runtime, &client);
    let each = thread.spawn(counting).unwrap().join().unwrap();
    // Fewer would mean that the calls ran elsewhere.
    assert!((20..=MOST).contains(&each), "{each} for each item");
}
