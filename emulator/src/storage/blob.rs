//! The blob service: block blobs in containers.

mod store;

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::{Method, Response, StatusCode};

use self::store::{Blob, BlockChoice, Container, HeaderSet, PutConditions};
use super::content::{Content, read_limited};
use super::error::StorageError;
use super::request::Call;
use super::{http_date, xml};
use crate::http::{Body, RequestBody, empty, set, typed};
use crate::services::StorageOperation;

/// Azure's limit of 50,000 blocks makes a list of at most about 5 MB.
const BLOCK_LIST_LIMIT: usize = 16 << 20;
const LIST_PAGE: i64 = 5000;

/// All containers of one account.
pub(crate) struct BlobService {
    containers: Mutex<std::collections::HashMap<String, Container>>,
}

type Reply = Result<Response<Body>, StorageError>;

impl BlobService {
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let containers = names
            .map(|name| (name.to_owned(), Container::default()))
            .collect();
        Self {
            containers: Mutex::new(containers),
        }
    }

    pub(crate) async fn handle(&self, call: &Call<'_>, body: &mut RequestBody) -> Reply {
        if call.rest.is_empty() {
            return self.list(call);
        }
        if call.query.get("snapshot").is_some() || call.query.get("versionid").is_some() {
            return Err(StorageError::not_implemented("snapshots and versions"));
        }
        match call.operation {
            Some(StorageOperation::PutBlob) => self.put_blob(call, body).await,
            Some(StorageOperation::PutBlock) => self.put_block(call, body).await,
            Some(StorageOperation::PutBlockList) => self.put_block_list(call, body).await,
            Some(StorageOperation::GetBlob | StorageOperation::GetBlobProperties) => self.get(call),
            Some(StorageOperation::GetBlockList) => self.get_block_list(call),
            Some(StorageOperation::DeleteBlob) => self.delete(call),
            _ if call.comp().is_some() => Err(StorageError::not_implemented(
                "this value of 'comp' for blobs",
            )),
            _ => Err(StorageError::unsupported_verb()),
        }
    }

    /// Runs `action` on the call's container.
    fn with_container<T>(
        &self,
        call: &Call<'_>,
        action: impl FnOnce(&mut Container) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let mut containers = self
            .containers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let container = containers
            .get_mut(call.resource)
            .ok_or_else(StorageError::container_not_found)?;
        action(container)
    }

    async fn put_blob(&self, call: &Call<'_>, body: &mut RequestBody) -> Reply {
        call.permissions.require_any("cw")?;
        match call.header("x-ms-blob-type") {
            Some("BlockBlob") => {}
            Some("AppendBlob" | "PageBlob") => {
                return Err(StorageError::not_implemented("append and page blobs"));
            }
            Some(other) => return Err(StorageError::invalid_header("x-ms-blob-type", other)),
            None => return Err(StorageError::missing_header("x-ms-blob-type")),
        }
        if call.header("x-ms-copy-source").is_some() {
            return Err(StorageError::not_implemented("copying from a URL"));
        }
        require_length(call)?;
        let content = Content::read(body).await?;
        let conditions = put_conditions(call);
        let mut headers = HeaderSet::of(call, "x-ms-blob-");
        headers.add_missing(HeaderSet::of(call, ""));
        let created = self.with_container(call, |container| {
            container.put(
                call.rest,
                content,
                Vec::new(),
                headers,
                &conditions,
                call.now,
            )
        })?;
        Ok(written(&created))
    }

    async fn put_block(&self, call: &Call<'_>, body: &mut RequestBody) -> Reply {
        call.permissions.require_any("w")?;
        let id = call
            .query
            .get("blockid")
            .ok_or_else(|| StorageError::missing_parameter("blockid"))?;
        // A literal '+' in a query reads as a space; base64 has no spaces.
        let id = id.replace(' ', "+");
        if !STANDARD
            .decode(&id)
            .is_ok_and(|raw| (1..=64).contains(&raw.len()))
        {
            return Err(StorageError::invalid_parameter("blockid", id));
        }
        if call.header("x-ms-copy-source").is_some() {
            return Err(StorageError::not_implemented("copying from a URL"));
        }
        require_length(call)?;
        self.with_container(call, |_| Ok(()))?;
        let content = Content::read(body).await?;
        if content.len() == 0 {
            return Err(StorageError::invalid_header("Content-Length", "0"));
        }
        self.with_container(call, |container| container.stage(call.rest, id, content))?;
        Ok(empty(StatusCode::CREATED))
    }

    async fn put_block_list(&self, call: &Call<'_>, body: &mut RequestBody) -> Reply {
        call.permissions.require_any("w")?;
        let text = String::from_utf8(read_limited(body, BLOCK_LIST_LIMIT).await?)
            .map_err(|_| StorageError::invalid_xml())?;
        let list = xml::children(&text, "BlockList")?
            .into_iter()
            .map(|(kind, id)| Ok((BlockChoice::parse(&kind)?, id.trim().to_owned())))
            .collect::<Result<Vec<_>, StorageError>>()?;
        let conditions = put_conditions(call);
        let headers = HeaderSet::of(call, "x-ms-blob-");
        let created = self.with_container(call, |container| {
            container.commit(call.rest, &list, headers, &conditions, call.now)
        })?;
        Ok(written(&created))
    }

    fn get(&self, call: &Call<'_>) -> Reply {
        call.permissions.require_any("r")?;
        let range = call.header("x-ms-range").or_else(|| call.header("range"));
        let head = call.method == Method::HEAD;
        self.with_container(call, |container| {
            let blob = container.get(call.rest)?;
            check_read_conditions(call, blob)?;
            let len = blob.content.len();
            let range = range.filter(|_| !head).and_then(parse_range);
            let (start, end) = range.unwrap_or((0, len));
            if range.is_some() && start >= len {
                return Err(StorageError::invalid_range());
            }
            let end = end.min(len);
            let pieces = if head {
                Vec::new()
            } else {
                blob.content.slice(start, end)
            };
            let mut response = blob_response(blob, pieces);
            set(&mut response, "content-length", &(end - start).to_string());
            if range.is_some() {
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                set(
                    &mut response,
                    "content-range",
                    &format!("bytes {start}-{}/{len}", end - 1),
                );
            }
            Ok(response)
        })
    }

    fn delete(&self, call: &Call<'_>) -> Reply {
        call.permissions.require_any("d")?;
        self.with_container(call, |container| {
            check_write_conditions(call, container.get(call.rest)?)?;
            container.remove(call.rest);
            Ok(empty(StatusCode::ACCEPTED))
        })
    }

    fn get_block_list(&self, call: &Call<'_>) -> Reply {
        call.permissions.require_any("r")?;
        let kind = call
            .query
            .get("blocklisttype")
            .unwrap_or("committed")
            .to_lowercase();
        self.with_container(call, |container| {
            let mut document = xml::Document::new();
            document.open("BlockList");
            let lists = container.block_lists(call.rest)?;
            for (name, blocks) in [
                ("CommittedBlocks", lists.committed),
                ("UncommittedBlocks", lists.uncommitted),
            ] {
                if kind != "all" && !name.to_lowercase().starts_with(&kind) {
                    continue;
                }
                document.open(name);
                for (id, size) in blocks {
                    document.open("Block");
                    document.element("Name", &id);
                    document.element("Size", &size.to_string());
                    document.close("Block");
                }
                document.close(name);
            }
            document.close("BlockList");
            Ok(typed(StatusCode::OK, "application/xml", document.finish()))
        })
    }

    /// List Blobs, flat.
    fn list(&self, call: &Call<'_>) -> Reply {
        if call.operation != Some(StorageOperation::ListBlobs) {
            return Err(StorageError::not_implemented("this container operation"));
        }
        call.permissions.require_any("l")?;
        if call.query.get("delimiter").is_some() {
            return Err(StorageError::not_implemented("hierarchical listing"));
        }
        let prefix = call.query.get("prefix").unwrap_or_default();
        let marker = call.query.get("marker").unwrap_or_default();
        let page = usize::try_from(
            call.query
                .number("maxresults", LIST_PAGE, 1, i64::MAX)?
                .min(LIST_PAGE),
        )
        .unwrap_or(1);
        self.with_container(call, |container| {
            let mut found = container.list(prefix, marker);
            let mut document = xml::Document::new();
            document.open("EnumerationResults");
            document.element("Prefix", prefix);
            document.open("Blobs");
            for (name, blob) in found.by_ref().take(page) {
                list_entry(&mut document, name, blob);
            }
            document.close("Blobs");
            document.element("NextMarker", found.next().map_or("", |(name, _)| name));
            document.close("EnumerationResults");
            Ok(typed(StatusCode::OK, "application/xml", document.finish()))
        })
    }
}

fn list_entry(document: &mut xml::Document, name: &str, blob: &Blob) {
    document.open("Blob");
    document.element("Name", name);
    document.open("Properties");
    document.element("Creation-Time", &http_date(blob.created));
    document.element("Last-Modified", &http_date(blob.modified));
    document.element("Etag", &blob.etag);
    document.element("Content-Length", &blob.content.len().to_string());
    document.element(
        "Content-Type",
        blob.headers
            .get("content-type")
            .unwrap_or("application/octet-stream"),
    );
    document.element(
        "Content-Encoding",
        blob.headers.get("content-encoding").unwrap_or_default(),
    );
    document.element("BlobType", "BlockBlob");
    document.close("Properties");
    document.close("Blob");
}

fn require_length(call: &Call<'_>) -> Result<(), StorageError> {
    call.header("content-length")
        .map(|_| ())
        .ok_or_else(StorageError::missing_content_length)
}

fn put_conditions(call: &Call<'_>) -> PutConditions {
    PutConditions {
        must_be_new: call.header("if-none-match") == Some("*"),
        if_match: call.header("if-match").map(str::to_owned),
        may_overwrite: call.permissions.has('w'),
    }
}

fn check_write_conditions(call: &Call<'_>, blob: &Blob) -> Result<(), StorageError> {
    match call.header("if-match") {
        Some(wanted) if wanted != "*" && wanted != blob.etag => {
            Err(StorageError::condition_not_met())
        }
        _ => Ok(()),
    }
}

fn check_read_conditions(call: &Call<'_>, blob: &Blob) -> Result<(), StorageError> {
    check_write_conditions(call, blob)?;
    match call.header("if-none-match") {
        Some(known) if known == "*" || known == blob.etag => Err(StorageError::new(
            StatusCode::NOT_MODIFIED,
            "ConditionNotMet",
            "The condition specified using HTTP conditional header(s) is not met.",
        )),
        _ => Ok(()),
    }
}

/// First byte and the byte after the last of `bytes=a-b` or `bytes=a-`. As HTTP wants it, a range
/// that cannot be read is as good as none.
fn parse_range(text: &str) -> Option<(u64, u64)> {
    let (start, end) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
    let start = start.parse().ok()?;
    let end = if end.is_empty() {
        u64::MAX
    } else {
        end.parse::<u64>().ok()?.checked_add(1)?
    };
    (start < end).then_some((start, end))
}

fn written(blob: &store::Stamp) -> Response<Body> {
    let mut response = empty(StatusCode::CREATED);
    set(&mut response, "etag", &blob.etag);
    set(&mut response, "last-modified", &http_date(blob.modified));
    set(&mut response, "x-ms-request-server-encrypted", "false");
    response
}

fn blob_response(blob: &Blob, pieces: Vec<Bytes>) -> Response<Body> {
    let mut response = typed(StatusCode::OK, "application/octet-stream", pieces);
    for (name, value) in blob.headers.pairs() {
        if let Ok(name) = hyper::header::HeaderName::try_from(name)
            && let Ok(value) = hyper::header::HeaderValue::from_str(value)
        {
            response.headers_mut().insert(name, value);
        }
    }
    set(&mut response, "accept-ranges", "bytes");
    set(&mut response, "etag", &blob.etag);
    set(&mut response, "last-modified", &http_date(blob.modified));
    set(
        &mut response,
        "x-ms-creation-time",
        &http_date(blob.created),
    );
    set(&mut response, "x-ms-blob-type", "BlockBlob");
    set(&mut response, "x-ms-lease-status", "unlocked");
    set(&mut response, "x-ms-lease-state", "available");
    set(&mut response, "x-ms-server-encrypted", "false");
    response
}

#[cfg(test)]
mod tests {
    use super::parse_range;

    #[test]
    fn ranges_are_half_open_and_unreadable_ones_are_none() {
        assert_eq!(parse_range("bytes=0-0"), Some((0, 1)));
        assert_eq!(parse_range("bytes=5-"), Some((5, u64::MAX)));
        for unreadable in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=9-3",
            "bytes=a-b",
            "items=0-1",
            "bytes=0-18446744073709551615",
        ] {
            assert_eq!(parse_range(unreadable), None, "{unreadable}");
        }
    }
}
