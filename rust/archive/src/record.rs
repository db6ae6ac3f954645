//! The record of a tree: its entries as a value, created while hashing or unpacking, stored beside
//! an artifact, and compared later.
//!
//! # On disk
//!
//! `docs/formats.md` describes the bytes. The digest at their end detects a torn or corrupt record.
//! A record belongs to an artifact if its tree hash, computed from the entries, is the artifact's
//! name.

use std::cmp::Ordering;
use std::fmt;
use std::iter;
use std::path::PathBuf;

use schemars::JsonSchema;
use scratchrs_model::hash::TreeHash;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha1::digest::Digest;

use crate::object::{self, LinkLength, Mode, TreeDigest};
use crate::platform;

const MAGIC: &[u8] = b"scratchrs-tree-1\n";

/// The hashes of one tree. The name of an artifact may be either, depending on the program that
/// created it.
///
/// They differ only if the target of a symbolic link is not ASCII: in the header of its blob, Pkg
/// writes the number of characters, git and Tar.jl that of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeHashes {
    /// The hash by `Pkg.GitTools.tree_hash` and `create_artifact`.
    pub pkg: TreeHash,
    /// The hash by git.
    pub git: TreeHash,
}

impl TreeHashes {
    /// Whether `hash` is one of the two. Verification accepts either.
    pub fn contains(&self, hash: &TreeHash) -> bool {
        [&self.pkg, &self.git].contains(&hash)
    }
}

/// The entries of a tree that count in its hash, ordered by the bytes of their paths.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TreeRecord {
    /// The concatenated paths and link targets.
    texts: Vec<u8>,
    entries: Vec<Stored>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Stored {
    /// The offset of the path in the texts.
    path_at: usize,
    path_length: u32,
    content: StoredContent,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum StoredContent {
    File {
        executable: bool,
        size: u64,
        blob: TreeHash,
    },
    /// The target follows the path.
    Symlink {
        length: u32,
    },
    EmptyTree,
}

/// An entry of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Relative to the root, its components separated by slashes. The bytes are those in git and
    /// tar.
    pub path: &'a [u8],
    /// Its content.
    pub content: Content<'a>,
}

/// The content of an entry of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// A file.
    File {
        /// Whether its owner may execute it.
        executable: bool,
        /// Its size in bytes.
        size: u64,
        /// The git blob hash of its contents.
        blob: TreeHash,
    },
    /// A symbolic link.
    Symlink {
        /// Its target.
        target: &'a [u8],
    },
    /// A directory that counts as an empty tree: all its files are in a `.git`.
    EmptyTree,
}

impl Entry<'_> {
    /// The path on this system.
    pub(crate) fn to_path(self) -> PathBuf {
        platform::to_path_lossy(self.path)
    }

    /// Git's sort key of an entry: its path, with a slash if it is a directory.
    fn sort_key(&self) -> impl Iterator<Item = u8> {
        let slash = (self.content == Content::EmptyTree).then_some(b'/');
        self.path.iter().copied().chain(slash)
    }

    fn cmp_key(&self, other: &Entry<'_>) -> Ordering {
        // Most comparisons need no iterator over single bytes.
        if self.content != Content::EmptyTree && other.content != Content::EmptyTree {
            return self.path.cmp(other.path);
        }
        self.sort_key().cmp(other.sort_key())
    }
}

impl TreeRecord {
    /// Adds the next entry in order.
    pub(crate) fn push(&mut self, path: &[u8], content: Content<'_>) {
        let path_at = self.texts.len();
        self.texts.extend_from_slice(path);
        let content = match content {
            Content::File { executable, size, blob } => {
                StoredContent::File { executable, size, blob }
            }
            Content::Symlink { target } => {
                self.texts.extend_from_slice(target);
                StoredContent::Symlink { length: target.len() as u32 }
            }
            Content::EmptyTree => StoredContent::EmptyTree,
        };
        self.entries.push(Stored { path_at, path_length: path.len() as u32, content });
    }

    /// The entries, ordered by the bytes of their paths.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.entries.iter().map(|stored| {
            let (path, rest) = self.texts[stored.path_at..].split_at(stored.path_length as usize);
            let content = match stored.content {
                StoredContent::File { executable, size, blob } => {
                    Content::File { executable, size, blob }
                }
                StoredContent::Symlink { length } => {
                    Content::Symlink { target: &rest[..length as usize] }
                }
                StoredContent::EmptyTree => Content::EmptyTree,
            };
            Entry { path, content }
        })
    }

    /// The total size of all files in bytes.
    pub fn bytes(&self) -> u64 {
        self.entries()
            .map(|entry| match entry.content {
                Content::File { size, .. } => size,
                Content::Symlink { .. } | Content::EmptyTree => 0,
            })
            .fold(0, u64::saturating_add)
    }

    /// The hashes of the tree.
    pub fn hashes(&self) -> TreeHashes {
        let pkg = self.hash(LinkLength::Characters);
        let differ = self.entries().any(|entry| match entry.content {
            Content::Symlink { target } => !target.is_ascii(),
            _ => false,
        });
        TreeHashes { pkg, git: if differ { self.hash(LinkLength::Bytes) } else { pkg } }
    }

    fn hash(&self, link_length: LinkLength) -> TreeHash {
        let mut tree = TreeDigest::new();
        for Entry { path, content } in self.entries() {
            match content {
                Content::File { executable, blob, .. } => {
                    tree.add::<Sha1>(path, Mode::of_file(executable), &blob.0);
                }
                Content::Symlink { target } => {
                    let digest = object::link::<Sha1>(target, link_length);
                    tree.add::<Sha1>(path, Mode::Symlink, &digest);
                }
                Content::EmptyTree => tree.add_empty_tree::<Sha1>(path),
            }
        }
        TreeHash(tree.finish::<Sha1>().into())
    }

    /// The differences of the tree `actual` from this one, ordered by path.
    pub fn differences(&self, actual: &Self) -> Vec<Difference> {
        let mut differences = Vec::new();
        let (mut expected, mut actual) = (self.entries().peekable(), actual.entries().peekable());
        loop {
            let order = match (expected.peek(), actual.peek()) {
                (Some(one), Some(other)) => one.cmp_key(other),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return differences,
            };
            let one = if order.is_le() { expected.next() } else { None };
            let other = if order.is_ge() { actual.next() } else { None };
            differences.extend(Difference::between(one, other));
        }
    }

    /// The record as stored on disk; see `docs/formats.md`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        push_number(&mut bytes, self.entries.len() as u64);
        let mut before: &[u8] = b"";
        for Entry { path, content } in self.entries() {
            let common = iter::zip(before, path).take_while(|(a, b)| a == b).count();
            push_number(&mut bytes, common as u64);
            push_text(&mut bytes, &path[common..]);
            match content {
                Content::File { executable, size, blob } => {
                    bytes.push(if executable { b'x' } else { b'f' });
                    push_number(&mut bytes, size);
                    bytes.extend_from_slice(&blob.0);
                }
                Content::Symlink { target } => {
                    bytes.push(b'l');
                    push_text(&mut bytes, target);
                }
                Content::EmptyTree => bytes.push(b'd'),
            }
            before = path;
        }
        let digest = Sha1::digest(&bytes);
        bytes.extend_from_slice(&digest);
        bytes
    }

    /// Parses the output of [`Self::to_bytes`].
    ///
    /// # Errors
    ///
    /// The bytes are not a record, or are corrupt.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidRecord> {
        const DIGEST_LENGTH: usize = 20;
        let (body, digest) = bytes
            .len()
            .checked_sub(DIGEST_LENGTH)
            .map(|at| bytes.split_at(at))
            .ok_or(InvalidRecord)?;
        if Sha1::digest(body).as_slice() != digest {
            return Err(InvalidRecord);
        }
        let mut reader = Reader(body.strip_prefix(MAGIC).ok_or(InvalidRecord)?);
        let record = reader.record().ok_or(InvalidRecord)?;
        if !reader.0.is_empty() || !record.is_in_order() {
            return Err(InvalidRecord);
        }
        Ok(record)
    }

    fn is_in_order(&self) -> bool {
        iter::zip(self.entries(), self.entries().skip(1)).all(|(a, b)| a.cmp_key(&b).is_lt())
    }
}

impl fmt::Debug for TreeRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries()).finish()
    }
}

fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn push_text(bytes: &mut Vec<u8>, text: &[u8]) {
    push_number(bytes, text.len() as u64);
    bytes.extend_from_slice(text);
}

/// The unread bytes of a record.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn record(&mut self) -> Option<TreeRecord> {
        let mut record = TreeRecord::default();
        let mut path = Vec::new();
        for _ in 0..self.number()? {
            let common = usize::try_from(self.number()?).ok()?;
            if common > path.len() {
                return None;
            }
            path.truncate(common);
            path.extend_from_slice(self.text()?);
            if !is_plain(&path) {
                return None;
            }
            let content = match self.take(1)? {
                kind @ (b"f" | b"x") => Content::File {
                    executable: kind == b"x",
                    size: self.number()?,
                    blob: TreeHash(self.take(20)?.try_into().ok()?),
                },
                b"l" => Content::Symlink { target: self.text()? },
                b"d" => Content::EmptyTree,
                _ => return None,
            };
            record.push(&path, content);
        }
        Some(record)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.take(1)?[0];
            let part = u64::from(byte & 0x7f);
            if part << shift >> shift != part {
                return None;
            }
            number |= part << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// A text of at most `u32::MAX` bytes, as all paths and targets are.
    fn text(&mut self) -> Option<&'a [u8]> {
        let length = u32::try_from(self.number()?).ok()?;
        self.take(length as usize)
    }
}

/// Whether a path stays below the root on any file system.
fn is_plain(path: &[u8]) -> bool {
    !path.contains(&0)
        && path
            .split(|byte| *byte == b'/')
            .all(|component| !matches!(component, b"" | b"." | b".."))
}

/// The bytes are not a valid record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the record of a tree, or corrupt")]
pub struct InvalidRecord;

/// A difference between a tree and its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Relative to the root of the tree.
    pub path: PathBuf,
    /// The change of this entry.
    pub change: Change,
}

/// A change of an entry of a tree.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is missing.
    Missing,
    /// Its contents or its type differ.
    Changed,
    /// Only its executable bit differs.
    ModeChanged,
    /// It is not in the record.
    Extra,
}

impl Difference {
    fn between(expected: Option<Entry<'_>>, actual: Option<Entry<'_>>) -> Option<Self> {
        let (entry, change) = match (expected, actual) {
            (Some(expected), Some(actual)) if expected == actual => return None,
            (Some(expected), Some(actual)) => match (expected.content, actual.content) {
                (Content::File { blob: one, .. }, Content::File { blob: other, .. })
                    if one == other =>
                {
                    (expected, Change::ModeChanged)
                }
                _ => (expected, Change::Changed),
            },
            (Some(expected), None) => (expected, Change::Missing),
            (None, Some(actual)) => (actual, Change::Extra),
            (None, None) => return None,
        };
        Some(Self { path: entry.to_path(), change })
    }
}
