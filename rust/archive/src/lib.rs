//! Directories as content: the git tree hash by which Pkg names an artifact, and the tarball in
//! which one travels.
//!
//! - [`tree_hash`] and [`blob_hash`] are Pkg's `GitTools` functions of these names, with the
//!   SHA-256 variants beside them.
//! - [`pack`] writes the tar stream that Julia's `Tar.create` writes, gzipped so that the same
//!   tree gives the same bytes on every machine.
//!
//! Trees are read as they lie on disk, and not trusted: symbolic links are never followed, FIFOs
//! are never waited for, and a file whose size changes while it is read is an error. Memory grows
//! with the number of entries, not with the size of files, and no function recurses over a tree.
//!
//! What this crate does not do: it knows no depot, takes no lock, and decides nothing about where
//! an artifact lies or whether a hash is the right one.

mod error;
#[cfg(test)]
#[cfg(unix)]
mod fixture;
mod header;
mod pack;
mod parallel;
mod platform;
mod source;
mod tree_hash;

pub use error::{Error, Operation};
pub use pack::{Packed, pack};
pub use tree_hash::{blob_hash, blob_hash_sha256, tree_hash, tree_hash_sha256};
