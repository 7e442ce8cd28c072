//! The storage services through their REST surface: on the built-in storage, and on Azurite as well
//! when `KUSTO_TEST_AZURITE=blob_url,queue_url,table_url` names one that has the emulator's accounts.

mod accounts;
mod blob;
mod common;
mod queue;
mod sas;
mod table;
