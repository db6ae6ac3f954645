//! Artifacts: immutable trees whose names are their hashes. `Artifacts.toml` files bind names to
//! them.
//!
//! # On disk
//!
//! ```text
//! <depot>/artifacts/
//! ├── Overrides.toml                    replacements of artifacts      (administrators)
//! ├── <hash>/                           an artifact                    (Pkg, us)
//! ├── <hash>.pid                        its lock                       (Pkg 1.13, us)
//! ├── <hash>@tree                       the record of its files
//! ├── <hash>@download-<URL's checksum>  a complete or partial download
//! ├── <hash>@building-<process>/        an artifact being installed
//! ├── @building-<process>-<number>/     an artifact being created
//! └── @building-<process>-<number>.pid  its lock
//! ```
//!
//! An artifact is installed if its directory exists in any depot of the stack. New artifacts are
//! created in the first depot.
//!
//! # Crash
//!
//! An artifact is built in a directory beside its path, with its final modes, and then renamed. So
//! it either is complete or does not exist. The next creation of an artifact, or the next
//! installation of the same one, deletes the leftovers of a killed process.

mod bind;
mod bindings;
mod choice;
mod contents;
mod create;
mod install;
mod presence;
mod record;
mod repair;
mod report;
mod stack;
mod states;
mod usages;
mod verify;
mod waiting;

pub use bind::{bind, unbind};
pub use bindings::{bindings, check, file_above};
pub use choice::{binding, choose, downloadable};
pub use contents::{archive, list, remove};
pub(crate) use create::creation_of;
pub use create::{Creation, begin};
pub use install::{
    InstallBegun, InstallOptions, Installation, Wanted, begin_install, install, install_all, wanted,
};
pub use presence::{Presence, confirm, log_use, log_use_daily};
pub use repair::repair;
pub use report::{
    BindingState, Bound, BoundBy, CorruptArtifact, Created, FailedArtifact, FileBinding,
    FileChange, FileDiagnostic, Installed, InstalledArtifact, LeftOut, Listed, Listing, Repairs,
    UnreadableArtifact, Verdict, Verification,
};
pub use stack::Stack;
pub use states::list_bindings;
pub use usages::{BindingFile, KnownFiles, known_files, usage};
pub use verify::{verify, verify_all, verify_tree};

/// Removes leftovers of killed creations, and records of missing artifacts, from a directory of
/// artifacts.
///
/// # Errors
///
/// If the file system refuses.
pub(crate) fn remove_leftovers(artifacts: &str) -> crate::Result<()> {
    create::remove_abandoned(artifacts)?;
    Ok(record::remove_orphans(std::path::Path::new(artifacts))?)
}
