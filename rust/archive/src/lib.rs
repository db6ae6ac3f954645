//! Directories as content: the git tree hash by which Pkg names an artifact, and tarballs.
//!
//! - [`tree_hash`] and [`blob_hash`] are Pkg's `GitTools` functions of these names, with SHA-256
//!   variants. [`tree_record`] lists the entries of a tree with their hashes.
//! - [`pack`] writes the tar stream of Julia's `Tar.create`, compressed such that the same tree
//!   gives the same bytes on every machine.
//! - [`unpack`] reads untrusted archives; [`inspect`] reads one without writing files.
//!
//! Trees on disk are untrusted too: symbolic links are never followed, opening a FIFO never blocks,
//! and a file whose size changes while it is read is an error. Memory grows with the number of
//! entries, not with the size of files, and no function recurses over a tree.
//!
//! Long work reports bytes to a [`Progress`](scratchrs_fs::Progress), and the total as soon as it
//! is known; the caller names the stage.
//!
//! This crate takes no lock, and does not decide where an artifact is stored or which hash it must
//! have.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests prepare files themselves"))]

mod contents;
mod error;
#[cfg(test)]
mod fixture;
mod gzip;
mod header;
mod listing;
mod object;
mod pack;
mod platform;
mod record;
mod reorder;
mod source;
mod tar_stream;
mod tree_hash;
mod unpack;

pub use contents::{content_record, content_record_hash, entry_path};
pub use error::{Error, InvalidArchive};
pub use pack::{Compression, Packed, pack};
pub use record::{Change, Difference, InvalidRecord, TreeHashes, TreeRecord};
pub use tree_hash::{blob_hash, blob_hash_sha256, tree_hash, tree_hash_sha256, tree_record};
pub use unpack::{Links, UnpackOptions, Unpacked, inspect, unpack};
