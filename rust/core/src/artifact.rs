//! Artifacts: immutable trees, each named by its hash, which `Artifacts.toml` files give names to.
//!
//! # On disk
//!
//! ```text
//! <depot>/artifacts/
//! ├── Overrides.toml                    artifacts that lie elsewhere   (administrators)
//! ├── <hash>/                           an artifact                    (Pkg, us)
//! ├── <hash>.pid                        while it is installed          (Pkg 1.13, us)
//! ├── <hash>@tree                       what it consists of, file by file
//! ├── <hash>@download-<URL's checksum>  a download, whole or in part
//! ├── <hash>@building-<process>/        what is being installed
//! ├── @building-<process>-<number>/     what is being created
//! └── @building-<process>-<number>.pid  its lock
//! ```
//!
//! An artifact is there if its directory is, in any depot of the stack. New ones go to the first.
//!
//! # Crash
//!
//! An artifact is built aside and renamed, with the modes that it is to have: it is there as a whole
//! or not at all. What a killed process leaves is deleted by the next creation of an artifact, or
//! installs that one, next.

mod bindings;
mod contents;
mod create;
mod install;
mod presence;
mod record;
mod repair;
mod report;
mod stack;
mod usages;
mod verify;

pub use bindings::{bind, binding, bindings, check, choose, downloadable, file_above, unbind};
pub use contents::{archive, list, remove};
pub(crate) use create::creation_of;
pub use create::{Creation, begin};
pub use install::{
    InstallBegun, InstallOptions, Installation, Wanted, begin_install, install, install_all, wanted,
};
pub use presence::{Presence, confirm, log_use, log_use_daily};
pub use repair::repair;
pub use report::{
    Bound, BoundBy, CorruptArtifact, Created, FailedArtifact, FileChange, FileDiagnostic,
    Installed, InstalledArtifact, LeftOut, Listed, Listing, Repairs, UnreadableArtifact,
    Verification,
};
pub use stack::Stack;
pub(crate) use stack::read_text;
pub use usages::{BindingFile, KnownFiles, known_files, usage};
pub use verify::{Verdict, verify, verify_all, verify_tree};

/// Removes from a directory of artifacts what killed processes left, and what is of no use without
/// the artifact that it belongs to.
///
/// # Errors
///
/// If the file system refuses.
pub(crate) fn clear_away(artifacts: &str) -> crate::Result<()> {
    create::clear_away_the_dead(artifacts)?;
    Ok(record::remove_orphans(std::path::Path::new(artifacts))?)
}
