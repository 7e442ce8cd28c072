//! Which operation of the storage services a request is.

use hyper::Method;
use hyper::http::request::Parts;

use super::query::Query;
use super::request::{Address, header};
use crate::services::{Service, StorageOperation};

/// What a request asks for; none of these when it is one that ingestion has no use for.
pub(super) fn operation_of(
    address: &Address,
    parts: &Parts,
    query: &Query,
) -> Option<StorageOperation> {
    match address.service {
        Service::Blob => blob(&parts.method, address, query),
        Service::Queue => queue(&parts.method, address, query),
        Service::Table => table(parts, address),
    }
}

fn blob(method: &Method, address: &Address, query: &Query) -> Option<StorageOperation> {
    use StorageOperation as Op;
    let comp = query.get("comp");
    if address.rest.is_empty() {
        let lists = comp == Some("list") && query.get("restype") == Some("container");
        return (lists && method == Method::GET).then_some(Op::ListBlobs);
    }
    match (method.as_str(), comp) {
        ("PUT", None) => Some(Op::PutBlob),
        ("PUT", Some("block")) => Some(Op::PutBlock),
        ("PUT", Some("blocklist")) => Some(Op::PutBlockList),
        ("GET", None) => Some(Op::GetBlob),
        ("HEAD", None) => Some(Op::GetBlobProperties),
        ("GET", Some("blocklist")) => Some(Op::GetBlockList),
        ("DELETE", None) => Some(Op::DeleteBlob),
        _ => None,
    }
}

fn queue(method: &Method, address: &Address, query: &Query) -> Option<StorageOperation> {
    use StorageOperation as Op;
    let (what, id) = address.rest.split_once('/').unwrap_or((&address.rest, ""));
    match (what, method.as_str(), id.is_empty()) {
        ("", "GET" | "HEAD", _) if query.get("comp") == Some("metadata") => {
            Some(Op::GetQueueMetadata)
        }
        ("messages", "POST", true) => Some(Op::PutMessage),
        ("messages", "GET", true) if query.is_true("peekonly") => Some(Op::PeekMessages),
        ("messages", "GET", true) => Some(Op::GetMessages),
        ("messages", "DELETE", true) => Some(Op::ClearMessages),
        ("messages", "DELETE", false) => Some(Op::DeleteMessage),
        ("messages", "PUT", false) => Some(Op::UpdateMessage),
        _ => None,
    }
}

fn table(parts: &Parts, address: &Address) -> Option<StorageOperation> {
    use StorageOperation as Op;
    let keyed = !address.rest.trim_matches(['(', ')', ' ']).is_empty();
    let tunnelled =
        header(&parts.headers, "x-http-method").filter(|_| parts.method == Method::POST);
    match (tunnelled.unwrap_or(parts.method.as_str()), keyed) {
        ("POST", false) => Some(Op::InsertEntity),
        ("GET", true) => Some(Op::GetEntity),
        ("GET", false) => Some(Op::QueryEntities),
        ("PUT", true) => Some(Op::UpdateEntity),
        ("MERGE" | "PATCH", true) => Some(Op::MergeEntity),
        ("DELETE", true) => Some(Op::DeleteEntity),
        _ => None,
    }
}
