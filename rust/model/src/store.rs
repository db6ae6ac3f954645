//! The store: files and trees that are created at run time, and stored once by content.
//!
//! # On disk
//!
//! ```text
//! <store>/                                    scratchspaces/<UUID of ScratchRS>/store
//! ├── artifacts/<xx>/<64 hex>                 a content: a file named by its hash
//! ├── artifacts/<xx>/<64 hex>/                a tree: a directory named by its tree hash
//! ├── variants/<xx>/<64 hex>                  a content with the other executable bit
//! ├── trees/<xx>/<64 hex>                     the record of a tree
//! ├── logs/my_artifact_usage.toml             uses, for users and for OhMyArtifacts' tools
//! ├── logs/my_artifact_orphanages.toml        unused contents, and since when
//! ├── logs/my_artifact_uses.log               the log of bindings
//! ├── logs/my_artifact_users.log              the projects that use bindings
//! ├── logs/.my_artifact_usage_lock            the lock of all these
//! ├── store.toml                              how trees are linked, if that was set
//! ├── work/<host>-<pid>/                      contents under construction
//! └── <UUID>/Artifacts.toml                   the bindings of a package, by name
//! ```
//!
//! `<xx>` is the first byte of the hash. `artifacts`, the two TOML files in `logs` and the files of
//! packages have the layout of OhMyArtifacts.jl.
//!
//! Hashes are those of git's SHA-256 objects as Pkg computes them: a file is a blob, a directory a
//! tree.

pub mod bindings;
pub mod layout;
mod line;
pub mod orphans;
pub mod record;
pub mod users;
pub mod uses;
