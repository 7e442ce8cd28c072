//! Fault rules and traffic counters over real HTTP: on the built-in storage, and on Azurite as well when
//! `KUSTO_TEST_AZURITE=blob_url,queue_url,table_url` names one that has the emulator's accounts.

#[path = "../storage/common.rs"]
mod common;
mod control;
mod kusto;
mod matching;
mod requests;
mod storage;
mod traffic;
mod wire;
