//! The store: files and trees created at run time, stored once by content.
//!
//! A [`Creation`] provides a directory, which the caller fills; its content is hashed and moved to
//! its address. [`bind`] then binds a name in a file of bindings to the address. A content without
//! a name is an orphan, and [`collect`] deletes it after a grace period. See
//! [`scratchrs_model::store`] for the layout on disk.
//!
//! # Locking
//!
//! Each store has one lock, `logs/.my_artifact_usage_lock`, which is held only briefly: to bind, to
//! unbind, and while a collection decides and deletes. No content is hashed, copied or linked under
//! it, and finding a content takes no lock.
//!
//! Contents that a process is creating, or has created and not bound yet, are in no file of
//! bindings. The process claims their addresses in its own directory in `work`, then waits until
//! the lock is free, and only then checks whether they exist. A collection spares the claims of
//! running processes.
//!
//! # Crash
//!
//! A content or tree is moved to its address by one rename; before, it is in the directory of its
//! process. The lock shows that a process is dead, and the next collection deletes its leftovers. A
//! binding is appended in one write, or its file is replaced.
//!
//! # Invariant
//!
//! A content of a tree is never deleted before the tree. So an existing tree can be bound without
//! checking each of its files.

mod adoption;
mod aliases;
mod binding;
mod collection;
mod creation;
mod decision;
mod mark;
mod report;
mod session;
mod settings;
mod status;
mod survey;
mod tree;
mod users;
mod verification;

use std::path::Path;
use std::time::Duration;

use scratchrs_fs::{self as fs, Attempt, FileKind, PidLock, Progress};
use scratchrs_model::hash::Sha256;
use scratchrs_model::key::ScratchKey;
use scratchrs_model::store::layout::{self, Layout};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::locks;
use crate::place::Place;

pub use adoption::adopt;
pub use binding::{
    BindOptions, Bound, OpenOptions, Opened, bind, bindings, bound_hash, open_bindings, unbind,
    usage,
};
pub use collection::collect;
pub(crate) use collection::collect_beside;
pub use creation::{CreateOptions, Creation};
pub use decision::{COLLECTION_INTERVAL, CollectOptions};
pub use report::{
    Adopted, Artifact, ArtifactKind, BoundName, Collected, Corrupt, Created, MissingArtifact,
    NameInFile, Orphan, Status, Verified,
};
pub use session::end_session;
pub use settings::{Settings, settings, write_settings};
pub use status::status;
pub(crate) use survey::{StoredItem, Survey, hold_if_unused, is_in_use};
pub(crate) use users::Project;
pub use verification::verify;

/// A store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    layout: Layout,
}

impl Store {
    /// The store of a depot: a scratch space of ScratchRS.
    ///
    /// # Errors
    ///
    /// If the depot's path is relative and the current directory does not exist.
    pub fn of(place: Place<'_>) -> Result<Self> {
        Self::space(place, layout::OWNER, layout::KEY)
    }

    /// The store of OhMyArtifacts.jl in a depot.
    ///
    /// # Errors
    ///
    /// The errors of [`Store::of`].
    pub fn of_peer(place: Place<'_>) -> Result<Self> {
        Self::space(place, layout::PEER_OWNER, layout::PEER_KEY)
    }

    fn space(place: Place<'_>, owner: Uuid, key: &str) -> Result<Self> {
        let root = place.space(owner, ScratchKey::new(key)?)?;
        Ok(Self { layout: Layout::new(root) })
    }

    /// The store in the directory `root`, an absolute path.
    pub fn at(root: &str) -> Self {
        Self { layout: Layout::new(root) }
    }

    /// The directory of the store.
    pub fn root(&self) -> &str {
        self.layout.root()
    }

    /// The layout of the store.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The address of a hash, which may not exist.
    pub fn path(&self, hash: Sha256) -> String {
        self.layout.artifact(hash)
    }

    /// The kind of the content with this hash, or `None` if the store does not have it.
    ///
    /// # Errors
    ///
    /// If its metadata cannot be read.
    pub fn kind(&self, hash: Sha256) -> Result<Option<ArtifactKind>> {
        let found = fs::symlink_metadata(Path::new(&self.path(hash)))?;
        Ok(found.map(|found| match found.kind {
            FileKind::Directory => ArtifactKind::Tree,
            _ => ArtifactKind::File,
        }))
    }

    /// Runs `act` under the lock. Waits for at most `lock_timeout` for the lock.
    fn locked<T>(&self, lock_timeout: Duration, act: impl FnOnce() -> Result<T>) -> Result<T> {
        let lock = self.layout.lock();
        let path = Path::new(&lock);
        let lasting = session::lasting_lock(self);
        let acquire = || PidLock::acquire_by(lasting.as_deref(), path, locks::STORE, lock_timeout);
        match fs::with_parent_dir(path, acquire)? {
            Attempt::Acquired(_lock) => act(),
            Attempt::Held(holder) => Err(Error::Busy { lock: path.to_owned(), holder }),
        }
    }

    /// Runs `act` under the lock. Waits for the lock until the work is cancelled.
    fn locked_while_wanted<T>(
        &self,
        progress: &Progress,
        act: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        const SLICE: Duration = Duration::from_millis(200);
        let mut act = Some(act);
        loop {
            progress.check()?;
            let attempt = self.locked(SLICE, || match act.take() {
                Some(act) => act(),
                None => Err(Error::Cancelled),
            });
            match attempt {
                Err(Error::Busy { .. }) if act.is_some() => {}
                result => return result,
            }
        }
    }
}
