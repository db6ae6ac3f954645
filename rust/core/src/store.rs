//! The store: files and trees made at run time, kept once, by content.
//!
//! Something is made by a [`Creation`]: its caller fills a directory aside, and what is in there is
//! hashed and moved to its address. A name of a file of bindings is then bound to the address
//! ([`bind`]). What no name leads to is an orphan, and is removed by [`collect`] some time later.
//! See [`scratchrs_model::store`] for what lies on disk.
//!
//! # Locking
//!
//! One lock for each store, `logs/.my_artifact_usage_lock`, held for moments only: to bind and to
//! unbind, and while a collection decides and takes away. Nothing is hashed, copied or linked under it,
//! and looking something up takes no lock.
//!
//! What a process is making, or has made and not bound yet, is not in any file of bindings. It
//! claims those addresses in its own directory below `work`, and then waits for whoever holds the lock,
//! before it looks whether they are there; a collection leaves alone what a living process claims.
//!
//! # Crash
//!
//! A content or a tree comes to its address by one rename; before, it is in the directory of the
//! process that makes it. A dead process is known by its lock, and the next collection
//! removes what it left. A binding is appended in one write, or its file replaced.
//!
//! # Invariant
//!
//! A content that a tree at its address has is never removed before the tree. So a tree that is
//! there can be bound without looking at each of its files.

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
    /// If the depot's path is relative and there is no current directory.
    pub fn of(place: Place<'_>) -> Result<Self> {
        Self::space(place, layout::OWNER, layout::KEY)
    }

    /// The store that OhMyArtifacts.jl has in a depot.
    ///
    /// # Errors
    ///
    /// As [`Store::of`].
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

    /// Where things are in the store.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The address of what has this hash, whether it is there or not.
    pub fn path(&self, hash: Sha256) -> String {
        self.layout.artifact(hash)
    }

    /// What lies at the address of `hash`; none if nothing.
    ///
    /// # Errors
    ///
    /// If that cannot be read.
    pub fn kind(&self, hash: Sha256) -> Result<Option<ArtifactKind>> {
        let found = fs::symlink_metadata(Path::new(&self.path(hash)))?;
        Ok(found.map(|found| match found.kind {
            FileKind::Directory => ArtifactKind::Tree,
            _ => ArtifactKind::File,
        }))
    }

    /// Runs `act` while the lock is held, which it waits for no longer than `lock_timeout`.
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

    /// Runs `act` while the lock is held, which it waits for as long as the work is wanted.
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
