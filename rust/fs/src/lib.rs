//! Effects on a file system, knowing no depot: locks, atomic replacement, removal.
//!
//! Every effect of ScratchRS on the disk goes through here. Each function says what a reader and
//! what a process killed in the middle leave or see, and each error names what was attempted
//! and on which path.

mod append;
mod clock;
mod directory;
mod durable;
mod error;
mod file_id;
mod link;
mod lock;
mod look;
mod measure;
mod mounts;
mod parallel;
mod partial;
mod platform;
mod progress;
mod regular;
mod remove;
mod replace;
mod short;
mod stamp;
mod trail;
mod tree;

pub use append::append;
pub use directory::{
    ensure_directory, ensure_parent, identity, in_directory, is_directory, is_empty_directory,
    is_writable_directory, names, publish, publish_new, real_path, remove_if_empty, restore,
    subdirectories,
};
pub use durable::{sync_directory, sync_tree};
pub use error::{Error, Result, is_read_only};
pub use file_id::{FileId, existing_real_path, file_id, link_target};
pub use link::{
    LINK_MODES, LinkMode, Linker, UnknownLinkMode, has_too_many_names, make_read_only, move_new,
    rename, resolve,
};
pub use lock::{Attempt, Holder, PidLock, Policy, is_lock_free, is_lock_held, lock_holder};
pub use look::{Held, Look, look, touch, write_new};
pub use measure::{Entry, EntryKind, Size, entries, measure, measure_directory};
pub use mounts::Mounts;
pub use parallel::{
    join, parallel_map, parallel_map_on, parallel_map_with, processors, try_parallel_map,
};
pub use partial::Partial;
pub use progress::{Cancelled, Progress, ProgressState, Unit};
pub use regular::{FileReader, is_regular, read_regular, try_is_directory};
pub use remove::{SetAside, remove, remove_leftovers, set_aside};
pub use replace::{
    Overtaken, UNFINISHED, discard_unfinished, open, read, read_from, replace, replace_under,
};
pub use short::Short;
pub use stamp::Stamp;
pub use trail::{Child, Crossing, FileKind, Properties, Trail, visit};
pub use tree::{
    Access, allow_as, copy_file, copy_tree, create_file, forbid_writing, free_space,
    free_space_but_reserve, keeps_modes, make_directory, make_link, set_executable,
};
