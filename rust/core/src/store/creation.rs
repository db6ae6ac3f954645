//! Creating contents and trees in a store.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use scratchrs_archive::{blob_hash_sha256, content_record, content_record_hash};
use scratchrs_fs::{self as fs, FileKind, IfExists, LinkMode, Metadata, Progress};
use scratchrs_model::hash::Sha256;
use scratchrs_model::layout;
use scratchrs_model::store::record::Record;

use super::report::{ArtifactKind, Created};
use super::session::{self, Work};
use super::{Store, settings, tree};
use crate::error::{Error, Result};

const TREE: &str = "tree";
const COPY: &str = "copy";
/// The time to wait for the lock of the store if another process has removed the session of this
/// one.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// A directory that the caller fills. Dropping it removes its content.
#[derive(Debug)]
pub struct Creation {
    store: Store,
    source: Work,
}

/// How a tree is stored.
#[derive(Clone, Copy, Debug, Default)]
pub struct CreateOptions {
    /// How the files of the tree are linked to their contents. An existing tree that is linked in
    /// another way is linked again. If `None`, the setting of the store applies, or the best mode
    /// that the file system supports, and an existing tree is kept.
    pub link: Option<LinkMode>,
}

impl Creation {
    /// Begins a creation with an empty directory. The first creation of a process takes the lock of
    /// the store.
    ///
    /// # Errors
    ///
    /// If the directory cannot be created, or another process holds the lock for longer than
    /// `lock_timeout`.
    pub fn begin(store: &Store, lock_timeout: Duration) -> Result<Self> {
        Ok(Self { store: store.clone(), source: session::begin(store, lock_timeout)? })
    }

    /// The directory to fill.
    pub fn directory(&self) -> &Path {
        self.source.directory()
    }

    /// Copies a file, or the content of a directory, into the directory, which must be empty.
    /// Returns the argument for [`Creation::finish`].
    ///
    /// # Errors
    ///
    /// If an entry cannot be read or written, or is neither a file, a directory nor a link; or the
    /// work is cancelled.
    pub fn copy(&self, path: &Path, progress: &Progress) -> Result<Option<String>> {
        progress.begin(format!("Copying `{}`", path.display()));
        if fs::is_dir(path) {
            fs::copy_tree(path, self.directory(), progress)??;
            return Ok(None);
        }
        let Some(found) = fs::metadata(path)?.filter(Metadata::is_file) else {
            let message = format!("there is neither a file nor a directory `{}`", path.display());
            return Err(Error::NotFound(message));
        };
        let copy = self.directory().join(COPY);
        fs::copy_file(
            path,
            &copy,
            fs::Access { executable: found.is_executable, read_only: false },
        )?;
        Ok(Some(COPY.to_owned()))
    }

    /// Stores the file or directory at `returned`, a path in the directory, absolute or relative to
    /// it; or the whole directory if it is `None`. Files are moved, not copied, unless their
    /// content is stored already.
    ///
    /// # Errors
    ///
    /// If `returned` is not in the directory or does not exist; an entry is neither a file, a
    /// directory nor a link; a link leads out of the tree, to a missing file or in a cycle; or the
    /// file system refuses. Some contents of the tree may be stored then; a collection deletes
    /// them.
    pub fn finish(
        self,
        returned: Option<&str>,
        options: CreateOptions,
        progress: &Progress,
    ) -> Result<Created> {
        let (target, found) = self.target(returned)?;
        let link = match options.link {
            Some(link) => Some(link),
            None => settings(&self.store)?.link,
        };
        if found.kind == FileKind::Directory {
            return self.store_tree(&target, link, options.link, progress);
        }
        self.store_file(&target, &found, || self.wait(progress), progress)
    }

    /// Like [`Creation::finish`], for a small file at `returned`. Waits for at most `lock_timeout`
    /// for the lock of the store.
    ///
    /// # Errors
    ///
    /// The creation, if it must be finished with [`Creation::finish`].
    pub fn finish_quickly(
        self,
        returned: &str,
        lock_timeout: Duration,
    ) -> std::result::Result<Result<Created>, Self> {
        const SMALL: u64 = 1 << 20;
        let Ok((target, found)) = self.target(Some(returned)) else { return Err(self) };
        if found.kind != FileKind::File || found.size > SMALL {
            return Err(self);
        }
        let wait = || self.store.locked(lock_timeout, || Ok(()));
        match self.store_file(&target, &found, wait, &Progress::default()) {
            Err(Error::Busy { .. }) => Err(self),
            result => Ok(result),
        }
    }

    /// Removes the directory with its content.
    ///
    /// # Errors
    ///
    /// If an entry cannot be removed.
    pub fn abandon(self) -> Result<()> {
        Ok(fs::remove(self.directory())?)
    }

    /// The path to store, with its metadata.
    fn target(&self, returned: Option<&str>) -> Result<(PathBuf, Metadata)> {
        let Some(returned) = returned else { return existing(self.directory().to_owned()) };
        let source = self.directory().to_string_lossy();
        let Ok(path) =
            layout::absolute(returned, || Ok::<_, std::convert::Infallible>(source.to_string()));
        let path = PathBuf::from(path.into_owned());
        let outside = || {
            Error::InvalidInput(format!(
                "the returned path `{returned}` is outside of the given directory `{source}`"
            ))
        };
        if !path.starts_with(self.directory()) {
            return Err(outside());
        }
        let Some(seen) = fs::symlink_metadata(&path)? else {
            return Err(Error::InvalidInput(format!(
                "the returned path `{returned}` does not exist"
            )));
        };
        // The usual case: a file directly in the directory.
        if seen.kind == FileKind::File && path.parent() == Some(self.directory()) {
            return Ok((path, seen));
        }
        let found = fs::canonicalize(&path).map_err(|error| {
            let path = path.display();
            Error::InvalidInput(format!("the returned path `{path}` cannot be resolved: {error}"))
        })?;
        if fs::canonical_below(self.directory(), &found)?.is_none() {
            return Err(outside());
        }
        existing(found)
    }

    /// Waits for the lock of the store.
    fn wait(&self, progress: &Progress) -> Result<()> {
        self.store.locked_while_wanted(progress, || Ok(()))
    }

    fn store_file(
        &self,
        file: &Path,
        found: &Metadata,
        wait: impl FnOnce() -> Result<()>,
        progress: &Progress,
    ) -> Result<Created> {
        progress.begin("Hashing");
        let hash = blob_hash_sha256(file, progress)?;
        self.claimed(&BTreeSet::from([hash]), hash, wait, || {
            let path = self.store.path(hash);
            let is_new = tree::move_content(file, found.has_other_names, Path::new(&path))?;
            Ok(Created { hash, path, kind: ArtifactKind::File, is_new, link: None })
        })
    }

    fn store_tree(
        &self,
        directory: &Path,
        link: Option<LinkMode>,
        demanded: Option<LinkMode>,
        progress: &Progress,
    ) -> Result<Created> {
        progress.begin("Hashing");
        let mut record = content_record(directory, progress)?;
        tree::settle_links(directory, &mut record)?;
        let hash = content_record_hash(&record);
        let mut claimed: BTreeSet<Sha256> = record.contents().collect();
        claimed.insert(hash);
        self.claimed(
            &claimed,
            hash,
            || self.wait(progress),
            || {
                let created = |is_new, link: &str| Created {
                    hash,
                    path: self.store.path(hash),
                    kind: ArtifactKind::Tree,
                    is_new,
                    link: link.parse().ok(),
                };
                let is_there = self.store.kind(hash)?.is_some();
                if is_there {
                    let there = tree::read_record(&self.store, hash)?;
                    let linked = there.map(|record| record.link);
                    let is_right =
                        demanded.is_none_or(|mode| linked.as_deref() == Some(mode.name()));
                    if is_right && let Some(linked) = linked {
                        return Ok(created(false, &linked));
                    }
                }
                let (is_new, used) = self.build(directory, record, hash, link, progress)?;
                Ok(created(is_new && !is_there, used.name()))
            },
        )
    }

    /// Builds the tree in a working directory, and renames it to its address, or exchanges it with
    /// an existing tree. Returns whether it is new, and how its files are linked.
    fn build(
        &self,
        directory: &Path,
        mut record: Record,
        hash: Sha256,
        link: Option<LinkMode>,
        progress: &Progress,
    ) -> Result<(bool, LinkMode)> {
        let work = session::begin(&self.store, LOCK_TIMEOUT)?;
        let built = work.directory().join(TREE);
        let used = tree::build(&self.store, &record, Some(directory), &built, link, progress)?;
        record.link = used.to_string();
        // Without a record, the contents of the tree would be unknown.
        tree::write_record(&self.store, hash, &record, work.directory())?;
        let place = PathBuf::from(self.store.path(hash));
        let is_new = tree::into_place(&built, &place)?;
        if !is_new {
            // The existing tree is linked in another way, or has no record.
            fs::place(&built, &place, IfExists::Swap)?;
        }
        fs::make_read_only(&place)?;
        Ok((is_new, used))
    }

    /// Runs `act` while this process claims `hashes`. Its result stays claimed until it is bound.
    fn claimed(
        &self,
        hashes: &BTreeSet<Sha256>,
        made: Sha256,
        wait: impl FnOnce() -> Result<()>,
        act: impl FnOnce() -> Result<Created>,
    ) -> Result<Created> {
        session::claim(&self.store, hashes, wait)?;
        let result = act();
        session::settle(&self.store, hashes, result.is_ok().then_some(made));
        result
    }
}

fn existing(path: PathBuf) -> Result<(PathBuf, Metadata)> {
    match fs::symlink_metadata(&path)? {
        Some(found) => Ok((path, found)),
        None => Err(Error::InvalidInput(format!(
            "the returned path `{}` does not exist",
            path.display()
        ))),
    }
}
