#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kusto_ingest::fuzz::streamed_answer(data));
