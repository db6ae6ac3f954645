//! Making something that is to be stored.

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
/// For how long others may hold the lock of the store, where another process has removed what this one
/// was making.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// A directory that its caller fills. Dropping it removes what was made.
#[derive(Debug)]
pub struct Creation {
    store: Store,
    source: Work,
}

/// How something is stored.
#[derive(Clone, Copy, Debug, Default)]
pub struct CreateOptions {
    /// How the files of a tree are linked to their contents. A tree that is there already and
    /// linked in another way is linked anew. Without a choice: what was chosen for the store, or
    /// the best that the file system can do; and a tree that is there stays as it is.
    pub link: Option<LinkMode>,
}

impl Creation {
    /// Begins: makes a directory to be filled.
    ///
    /// # Errors
    ///
    /// If it cannot be made, or another process holds the lock of the store for longer than `lock_timeout`:
    /// the first creation of a process takes it.
    pub fn begin(store: &Store, lock_timeout: Duration) -> Result<Self> {
        Ok(Self { store: store.clone(), source: session::begin(store, lock_timeout)? })
    }

    /// The directory to fill.
    pub fn directory(&self) -> &Path {
        self.source.directory()
    }

    /// Fills the directory, in which nothing is yet, with a copy of a file or of what is in a
    /// directory. Returns what [`Creation::finish`] is to store then.
    ///
    /// # Errors
    ///
    /// If something cannot be read or written, or is neither file, directory nor link; or nobody
    /// wants it any more.
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

    /// Stores what `returned` names in the directory: a path that is absolute or begins there; the
    /// whole directory if it is none. Files are moved, not copied; those that are stored already
    /// are left out.
    ///
    /// # Errors
    ///
    /// If `returned` is not in the directory or names nothing; if something is neither file,
    /// directory nor link, or a link leads out of the tree, to nothing or in a circle; or the file
    /// system refuses. Contents of a tree may have been stored by then; they are unused, and a
    /// collection removes them.
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

    /// Does at once what [`Creation::finish`] does, if `returned` is a small file; else gives the
    /// creation back. Waits for the lock of the store no longer than `lock_timeout`.
    ///
    /// # Errors
    ///
    /// The creation, if it has to be finished in the other way.
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

    /// Removes the directory, with all that is in it.
    ///
    /// # Errors
    ///
    /// If something cannot be removed.
    pub fn abandon(self) -> Result<()> {
        Ok(fs::remove(self.directory())?)
    }

    /// What is to be stored, and what it is.
    fn target(&self, returned: Option<&str>) -> Result<(PathBuf, Metadata)> {
        let Some(returned) = returned else { return looked_at(self.directory().to_owned()) };
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
        // Most return a file that they have just put there.
        if seen.kind == FileKind::File && path.parent() == Some(self.directory()) {
            return Ok((path, seen));
        }
        let found = fs::canonicalize(&path).map_err(|error| {
            let path = path.display();
            Error::InvalidInput(format!("the returned path `{path}` leads nowhere: {error}"))
        })?;
        if !found.starts_with(fs::canonicalize(self.directory())?) {
            return Err(outside());
        }
        looked_at(found)
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

    /// Builds the tree aside and puts it at its address; in the place of one that is there. Whether
    /// none was, and how its files are linked.
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
            // It is linked otherwise, or has no record: what is built is as good or better.
            fs::place(&built, &place, IfExists::Swap)?;
        }
        fs::make_read_only(&place)?;
        Ok((is_new, used))
    }

    /// Runs `act` while this process claims `hashes`. What it made stays claimed until it is bound.
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

fn looked_at(path: PathBuf) -> Result<(PathBuf, Metadata)> {
    match fs::symlink_metadata(&path)? {
        Some(found) => Ok((path, found)),
        None => Err(Error::InvalidInput(format!("there is nothing at `{}`", path.display()))),
    }
}
