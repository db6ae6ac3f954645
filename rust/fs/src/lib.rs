//! Effects on a file system, independent of depots: locks, atomic replacement, walks, removal.
//!
//! Every effect of ScratchRS on the disk goes through this crate. Each function documents what concurrent
//! readers see and what a killed process leaves, and each error names operation and path.

#![expect(clippy::disallowed_methods, reason = "this crate is where the disk is read and changed")]

#[cfg(windows)]
mod access_rights;
mod append;
mod clock;
mod copy;
mod create;
mod durable;
mod error;
mod file_id;
mod io_error;
mod link;
mod list;
mod lock;
mod measure;
mod metadata;
mod mode;
mod mounts;
mod parallel;
mod partial_file;
mod place;
mod platform;
mod progress;
mod read;
mod remove;
mod replace;
mod space;
mod stamp;
mod symlink_trial;
mod syscall_path;
#[cfg(test)]
mod testing;
mod walk;

pub use append::append;
pub use copy::{copy_file, copy_tree};
pub use create::{
    create_dir, create_dir_all, create_file, remove_dir_if_empty, symlink, with_parent_dir,
};
pub use durable::{sync_dir, sync_tree};
pub use error::{Error, Result, system_message};
pub use file_id::{FileId, canonical_below, canonicalize};
pub use link::{InvalidLinkMode, LinkMode, Linker};
pub use list::{names, read_dir, subdirectories};
pub use lock::{Attempt, Holder, PidLock, Policy};
pub use measure::Size;
pub use metadata::{
    DirEntry, FileKind, Metadata, exists, is_dir, is_empty_dir, is_file, is_writable_dir, metadata,
    symlink_metadata, touch,
};
pub use mode::{
    copy_permissions, is_executable, keeps_modes, make_read_only, make_tree_read_only,
    set_executable,
};
pub use mounts::Mounts;
pub use parallel::{join, parallel_map, parallel_map_with, try_parallel_map};
pub use partial_file::PartialFile;
pub use place::{IfExists, place, restore_replaced};
pub use platform::Access;
pub use progress::{Cancelled, Progress, ProgressState, Unit};
pub use read::{open, open_nofollow, read, read_from, read_link, read_up_to};
pub use remove::{StagedRemoval, TrustedDir, remove, remove_leftovers};
pub use replace::{TEMP_PREFIX, remove_temp_files, replace, replace_locked, replace_with};
pub use space::{free_space, free_space_less_reserve};
pub use stamp::{FileStamp, Snapshot};
pub use symlink_trial::makes_symlinks;
pub use walk::{TreeCursor, walk};
