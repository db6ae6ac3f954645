//! Directories as content: the git tree hash by which Pkg names an artifact, and the tarball in
//! which one travels.
//!
//! - [`tree_hash`] and [`blob_hash`] are Pkg's `GitTools` functions of these names, with the
//!   SHA-256 variants beside them. [`tree_record`] keeps what a tree consists of.
//! - [`pack`] writes the tar stream that Julia's `Tar.create` writes, compressed so that the same
//!   tree gives the same bytes on every machine.
//! - [`unpack`] reads what others wrote, and trusts nothing of it; [`inspect`] only looks at it.
//!
//! Trees are read as they lie on disk, and not trusted: symbolic links are never followed, FIFOs
//! are never waited for, and a file whose size changes while it is read is an error. Memory grows
//! with the number of entries, not with the size of files, and no function recurses over a tree.
//!
//! Long work tells a [`Progress`](scratchrs_fs::Progress) how many bytes are done, and what there is to
//! do as far as it knows itself; the caller says which stage that is.
//!
//! What this crate does not do: it knows no depot, takes no lock, and decides nothing about where
//! an artifact lies or whether a hash is the right one.

mod contents;
mod error;
#[cfg(test)]
#[cfg(unix)]
mod fixture;
mod gzip;
mod header;
mod image;
mod listing;
mod object;
mod pack;
mod parallel;
mod platform;
mod record;
mod source;
mod tree_hash;
mod unpack;

pub use contents::{content_record, content_record_hash, entry_path};
pub use error::{BadArchive, Error};
pub use pack::{Compression, Packed, pack};
pub use record::{Change, Content, Difference, Entry, InvalidRecord, TreeHashes, TreeRecord};
pub use tree_hash::{blob_hash, blob_hash_sha256, tree_hash, tree_hash_sha256, tree_record};
pub use unpack::{Links, UnpackOptions, Unpacked, inspect, unpack};
