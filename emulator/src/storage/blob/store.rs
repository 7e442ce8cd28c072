//! Blobs and blocks in memory.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use time::OffsetDateTime;

use crate::storage::content::Content;
use crate::storage::error::StorageError;
use crate::storage::new_etag;
use crate::storage::request::Call;

/// One container.
#[derive(Default)]
pub(super) struct Container {
    blobs: BTreeMap<String, Blob>,
    /// Staged blocks by blob, in the order of their arrival.
    staged: HashMap<String, Vec<(String, Content)>>,
}

/// A committed blob.
pub(super) struct Blob {
    pub(super) content: Content,
    blocks: Vec<(String, Content)>,
    pub(super) headers: HeaderSet,
    pub(super) etag: String,
    pub(super) created: OffsetDateTime,
    pub(super) modified: OffsetDateTime,
}

/// What a write is answered with.
pub(super) struct Stamp {
    pub(super) etag: String,
    pub(super) modified: OffsetDateTime,
}

/// When a write may go ahead.
pub(super) struct PutConditions {
    pub(super) must_be_new: bool,
    pub(super) if_match: Option<String>,
    /// The permission "create" alone does not allow it.
    pub(super) may_overwrite: bool,
}

/// Where a block of a block list is looked for.
#[derive(Clone, Copy)]
pub(super) enum BlockChoice {
    Committed,
    Uncommitted,
    Latest,
}

impl BlockChoice {
    pub(super) fn parse(element: &str) -> Result<Self, StorageError> {
        match element {
            "Committed" => Ok(Self::Committed),
            "Uncommitted" => Ok(Self::Uncommitted),
            "Latest" => Ok(Self::Latest),
            _ => Err(StorageError::invalid_xml()),
        }
    }
}

/// Ids with sizes, as Get Block List shows them.
pub(super) struct BlockLists {
    pub(super) committed: Vec<(String, u64)>,
    pub(super) uncommitted: Vec<(String, u64)>,
}

impl Container {
    pub(super) fn get(&self, name: &str) -> Result<&Blob, StorageError> {
        self.blobs
            .get(name)
            .ok_or_else(StorageError::blob_not_found)
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.blobs.remove(name);
        self.staged.remove(name);
    }

    /// The blobs that begin with `prefix`, from `marker` on, by name.
    pub(super) fn list(&self, prefix: &str, marker: &str) -> impl Iterator<Item = (&str, &Blob)> {
        let from = prefix.max(marker);
        self.blobs
            .range::<str, _>((Bound::Included(from), Bound::Unbounded))
            .take_while(move |(name, _)| name.starts_with(prefix))
            .map(|(name, blob)| (name.as_str(), blob))
    }

    /// Makes `content` the blob and forgets its staged blocks.
    pub(super) fn put(
        &mut self,
        name: &str,
        content: Content,
        blocks: Vec<(String, Content)>,
        headers: HeaderSet,
        conditions: &PutConditions,
        now: OffsetDateTime,
    ) -> Result<Stamp, StorageError> {
        let old = self.blobs.get(name);
        check(conditions, old)?;
        let created = old.map_or(now, |blob| blob.created);
        let stamp = Stamp {
            etag: new_etag(),
            modified: now,
        };
        let blob = Blob {
            content,
            blocks,
            headers,
            etag: stamp.etag.clone(),
            created,
            modified: now,
        };
        self.blobs.insert(name.to_owned(), blob);
        self.staged.remove(name);
        Ok(stamp)
    }

    /// Keeps a block until a block list takes it up. A block of the same id is replaced.
    pub(super) fn stage(
        &mut self,
        name: &str,
        id: String,
        content: Content,
    ) -> Result<(), StorageError> {
        let staged = self.staged.entry(name.to_owned()).or_default();
        if staged
            .first()
            .is_some_and(|(other, _)| other.len() != id.len())
        {
            return Err(StorageError::invalid_blob_or_block());
        }
        match staged.iter_mut().find(|(other, _)| *other == id) {
            Some((_, old)) => *old = content,
            None => staged.push((id, content)),
        }
        Ok(())
    }

    /// Makes the listed blocks the blob.
    pub(super) fn commit(
        &mut self,
        name: &str,
        list: &[(BlockChoice, String)],
        headers: HeaderSet,
        conditions: &PutConditions,
        now: OffsetDateTime,
    ) -> Result<Stamp, StorageError> {
        let staged = by_id(self.staged.get(name).map_or(&[][..], Vec::as_slice));
        let committed = by_id(self.blobs.get(name).map_or(&[][..], |blob| &blob.blocks));
        let mut content = Content::default();
        let mut blocks = Vec::with_capacity(list.len());
        for (choice, id) in list {
            let id = id.as_str();
            let block = match choice {
                BlockChoice::Committed => committed.get(id),
                BlockChoice::Uncommitted => staged.get(id),
                BlockChoice::Latest => staged.get(id).or_else(|| committed.get(id)),
            };
            let block = *block.ok_or_else(StorageError::invalid_block_list)?;
            content.append(block);
            blocks.push((id.to_owned(), block.clone()));
        }
        self.put(name, content, blocks, headers, conditions, now)
    }

    pub(super) fn block_lists(&self, name: &str) -> Result<BlockLists, StorageError> {
        let sizes = |blocks: &[(String, Content)]| {
            blocks
                .iter()
                .map(|(id, content)| (id.clone(), content.len()))
                .collect()
        };
        let (blob, staged) = (self.blobs.get(name), self.staged.get(name));
        if blob.is_none() && staged.is_none() {
            return Err(StorageError::blob_not_found());
        }
        Ok(BlockLists {
            committed: sizes(blob.map_or(&[][..], |blob| &blob.blocks)),
            uncommitted: sizes(staged.map_or(&[][..], Vec::as_slice)),
        })
    }
}

fn by_id(blocks: &[(String, Content)]) -> HashMap<&str, &Content> {
    blocks
        .iter()
        .map(|(id, content)| (id.as_str(), content))
        .collect()
}

fn check(conditions: &PutConditions, old: Option<&Blob>) -> Result<(), StorageError> {
    if old.is_some() && conditions.must_be_new {
        return Err(StorageError::blob_exists());
    }
    if old.is_some() && !conditions.may_overwrite {
        return Err(StorageError::permission_mismatch());
    }
    match (&conditions.if_match, old) {
        (None, _) => Ok(()),
        (Some(wanted), Some(blob)) if wanted == "*" || *wanted == blob.etag => Ok(()),
        (Some(_), _) => Err(StorageError::condition_not_met()),
    }
}

/// The headers a blob gives back on every read: its content headers and its metadata.
#[derive(Default)]
pub(super) struct HeaderSet(Vec<(String, String)>);

const CONTENT_HEADERS: [&str; 6] = [
    "content-type",
    "content-encoding",
    "content-language",
    "content-disposition",
    "cache-control",
    "content-md5",
];

impl HeaderSet {
    /// Takes them from a request, where the content headers may carry a prefix.
    pub(super) fn of(call: &Call<'_>, prefix: &str) -> Self {
        let content = CONTENT_HEADERS.into_iter().filter_map(|name| {
            let value = call.header(&format!("{prefix}{name}"))?;
            Some((name.to_owned(), value.to_owned()))
        });
        let metadata = call.headers.iter().filter_map(|(name, value)| {
            let name = name.as_str();
            let value = value
                .to_str()
                .ok()
                .filter(|_| name.starts_with("x-ms-meta-"))?;
            Some((name.to_owned(), value.to_owned()))
        });
        Self(content.chain(metadata).collect())
    }

    /// Adds what only `other` has.
    pub(super) fn add_missing(&mut self, other: Self) {
        for (name, value) in other.0 {
            if self.get(&name).is_none() {
                self.0.push((name, value));
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}
