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
//! └── @building-<process>-<number>.pid  the lock of an artifact being created
//! <depot>/scratchrs/building/
//! ├── <hash>@building-<process>/        an artifact being installed
//! └── @building-<process>-<number>/     an artifact being created
//! ```
//!
//! An artifact is installed if its directory exists in any depot of the stack. New artifacts are
//! created in the first depot.
//!
//! # Crash
//!
//! An artifact is built in another directory, with its final modes, and then renamed. So it either is
//! complete or does not exist. The next creation of an artifact, the next installation of the same
//! one, or the next collection deletes the leftovers of a killed process.

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
mod site;
mod stack;
mod states;
mod usages;
mod verify;
mod waiting;

use scratchrs_model::depot_path::DepotPath;

use site::Site;

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

/// Removes leftovers of killed creations and installations, and records of missing artifacts, from a depot.
/// Returns the number of artifacts whose installation had left something where it was built.
///
/// # Errors
///
/// If the file system refuses.
pub(crate) fn remove_leftovers(depot: &DepotPath) -> crate::Result<usize> {
    let site = Site::of_depot(depot);
    let names = site.names()?;
    create::remove_abandoned(&site, &names)?;
    let removed = install::remove_abandoned(&site, &names)?;
    record::remove_orphans(site.artifacts())?;
    Ok(removed)
}
