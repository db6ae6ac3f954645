//! The session of this process in a store: its contents under construction, and those that it has
//! created and not bound yet.
//!
//! # On disk
//!
//! ```text
//! work/<pid>-<n>.pid        locked while the process runs
//! work/<pid>-<n>/claims     a hash on each line
//! work/<pid>-<n>/<m>/       a content under construction
//! ```
//!
//! # Claims
//!
//! A collection reads the claims under the lock of the store. A process claims hashes without the
//! lock, then waits until the lock is free, and only then checks which contents exist. A collection
//! that takes the lock later finds the claims; one that had the lock before has finished its
//! deletions.
//!
//! # Crash
//!
//! The next collection takes the lock of a dead process, and deletes its directory and lock.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use scratchrs_fs::{self as fs, Attempt, FileKind, PidLock};
use scratchrs_model::hash::Sha256;
use scratchrs_model::store::layout::WORK;

use super::Store;
use crate::error::Result;
use crate::locks;

const CLAIMS: &str = "claims";
const LOCK: &str = ".pid";

/// The sessions of this process, by the store's directory.
static SESSIONS: Mutex<BTreeMap<String, Session>> = Mutex::new(BTreeMap::new());

#[derive(Debug)]
struct Session {
    directory: PathBuf,
    lock: Arc<PidLock>,
    next: u64,
    /// Empty directories for reuse.
    idle: Vec<PathBuf>,
    claims: HashMap<Sha256, Claim>,
    /// The number of lines in the file of claims, which can be larger than the number of claims.
    lines: usize,
}

/// Why a hash is claimed.
#[derive(Clone, Copy, Debug, Default)]
struct Claim {
    /// The number of running creations that claim it.
    creating: u32,
    /// Whether it was created and not bound yet.
    is_made: bool,
}

/// The claimed hashes of a store.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// Claimed by other processes, or by running creations of this one.
    pub(super) firm: HashSet<Sha256>,
    /// Created by this process and not bound yet.
    pub(super) own: HashSet<Sha256>,
}

fn with_sessions<T>(act: impl FnOnce(&mut BTreeMap<String, Session>) -> T) -> T {
    act(&mut SESSIONS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A directory of this process for a content under construction. Dropping it removes its content.
#[derive(Debug)]
pub(super) struct Work {
    root: String,
    directory: PathBuf,
}

impl Work {
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // Most are empty at the end, and creating one takes longer than checking.
        let is_empty = matches!(fs::is_empty_dir(&self.directory), Ok(Some(true)));
        let is_kept = is_empty
            && with_sessions(|sessions| match sessions.get_mut(&self.root) {
                Some(session) if self.directory.starts_with(&session.directory) => {
                    session.idle.push(std::mem::take(&mut self.directory));
                    true
                }
                _ => false,
            });
        if !is_kept {
            // Otherwise the first collection after the end of this process removes it.
            let _ = fs::remove(&self.directory);
        }
    }
}

/// Returns an empty directory for a content under construction.
///
/// A session begins under the lock of the store: a process that deletes an unused store holds it.
pub(super) fn begin(store: &Store, lock_timeout: Duration) -> Result<Work> {
    let in_session = |sessions: &mut BTreeMap<String, Session>| {
        let session = sessions.get_mut(store.root())?;
        session.is_alive().then(|| session.new_directory())
    };
    let directory = match with_sessions(in_session) {
        Some(directory) => directory?,
        // There is no session, or another process has removed the store.
        None => store.locked(lock_timeout, || {
            with_sessions(|sessions| match in_session(sessions) {
                Some(directory) => directory,
                None => {
                    sessions.remove(store.root());
                    let mut session = Session::begin(store)?;
                    let directory = session.new_directory();
                    sessions.insert(store.root().to_owned(), session);
                    directory
                }
            })
        })?,
    };
    Ok(Work { root: store.root().to_owned(), directory })
}

/// The lock of this process's session in a store, if it has one.
pub(super) fn lasting_lock(store: &Store) -> Option<Arc<PidLock>> {
    with_sessions(|sessions| Some(Arc::clone(&sessions.get(store.root())?.lock)))
}

/// Claims hashes before their contents are created. If another process holds the lock of the store,
/// `wait` waits for it; if `wait` fails, the claims are withdrawn.
pub(super) fn claim(
    store: &Store,
    hashes: &BTreeSet<Sha256>,
    wait: impl FnOnce() -> Result<()>,
) -> Result<()> {
    with_sessions(|sessions| match sessions.get_mut(store.root()) {
        Some(session) => session.claim(hashes),
        None => Ok(()),
    })?;
    if PidLock::is_free(Path::new(&store.layout().lock())) {
        return Ok(());
    }
    wait().inspect_err(|_| settle(store, hashes, None))
}

/// Ends the claims of a creation, except that of its result `made`. Their lines in the file are
/// removed later: superfluous claims do no harm.
pub(super) fn settle(store: &Store, hashes: &BTreeSet<Sha256>, made: Option<Sha256>) {
    with_sessions(|sessions| {
        let Some(session) = sessions.get_mut(store.root()) else { return };
        for hash in hashes {
            session.update(*hash, |claim| {
                claim.creating = claim.creating.saturating_sub(1);
                claim.is_made |= made == Some(*hash);
            });
        }
    });
}

/// Ends the claim of a content that is bound now. The caller holds the lock of the store.
pub(super) fn bound(store: &Store, hash: Sha256) {
    with_sessions(|sessions| {
        let Some(session) = sessions.get_mut(store.root()) else { return };
        session.update(hash, |claim| claim.is_made = false);
        if session.claims.is_empty() && session.lines > 0 {
            session.rewrite();
        }
    });
}

/// Ends the session of this process in all stores, or in one. Collections can then delete contents
/// that it created and did not bind. A process calls this before it ends, so that it leaves no
/// files.
///
/// # Errors
///
/// If a file cannot be removed. The next collection tries again.
pub fn end_session(store: Option<&Store>) -> Result<()> {
    let ended: Vec<Session> = with_sessions(|sessions| match store {
        Some(store) => sessions.remove(store.root()).into_iter().collect(),
        None => std::mem::take(sessions).into_values().collect(),
    });
    for Session { directory, lock, .. } in ended {
        // The directory is removed first, because it must not exist without the lock.
        let removed = fs::remove(&directory);
        drop(lock);
        removed?;
    }
    Ok(())
}

/// Whether a running process has a session in a store.
pub(super) fn is_alive(store: &Store) -> Result<bool> {
    let work = PathBuf::from(store.layout().below(&[WORK]));
    for entry in fs::read_dir(&work)? {
        let is_lock = entry.name.to_str().is_some_and(|name| name.ends_with(LOCK));
        if is_lock && PidLock::holder(&work.join(&entry.name), locks::SESSION)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads the claims. Unless `touches_nothing`, also removes the leftovers of dead processes; then
/// the caller holds the lock of the store.
pub(super) fn read_claims(store: &Store, touches_nothing: bool) -> Result<Claims> {
    let mut claims = Claims::default();
    let own = with_sessions(|sessions| {
        let session = sessions.get(store.root())?;
        for (hash, claim) in &session.claims {
            let set = if claim.creating > 0 { &mut claims.firm } else { &mut claims.own };
            set.insert(*hash);
        }
        Some(session.directory.clone())
    });
    let work = PathBuf::from(store.layout().below(&[WORK]));
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(&work)? {
        let Some(name) = entry.name.to_str() else { continue };
        let is_lock = matches!(entry.kind, FileKind::File | FileKind::Special(_));
        names.insert(name.strip_suffix(LOCK).filter(|_| is_lock).unwrap_or(name).to_owned());
    }
    for name in names {
        let directory = work.join(&name);
        if Some(&directory) == own.as_ref() {
            continue;
        }
        let lock = work.join(format!("{name}{LOCK}"));
        if touches_nothing {
            if PidLock::holder(&lock, locks::SESSION)?.is_some() {
                claims.firm.extend(listed(&directory)?);
            }
            continue;
        }
        match PidLock::try_acquire(&lock, locks::SESSION)? {
            Attempt::Acquired(_lock) => fs::remove(&directory)?,
            Attempt::Held(_) => claims.firm.extend(listed(&directory)?),
        }
    }
    Ok(claims)
}

fn listed(directory: &Path) -> Result<Vec<Sha256>> {
    let text = fs::read(&directory.join(CLAIMS))?;
    let text = String::from_utf8_lossy(&text);
    Ok(text.lines().filter_map(|line| line.parse().ok()).collect())
}

impl Session {
    fn begin(store: &Store) -> Result<Self> {
        let work = PathBuf::from(store.layout().below(&[WORK]));
        fs::create_dir_all(&work)?;
        // On a shared disk, a process of another machine may have the same id.
        for count in 0_u32.. {
            let name = format!("{}-{count}", std::process::id());
            let path = work.join(format!("{name}{LOCK}"));
            if let Attempt::Acquired(lock) = PidLock::try_acquire(&path, locks::SESSION)? {
                let directory = work.join(name);
                fs::remove(&directory)?;
                fs::create_dir_all(&directory)?;
                let lock = Arc::new(lock);
                let (claims, idle) = (HashMap::new(), Vec::new());
                return Ok(Self { directory, lock, next: 0, idle, claims, lines: 0 });
            }
        }
        unreachable!("there are fewer processes than numbers")
    }

    /// Whether the lock and the directory still exist.
    fn is_alive(&mut self) -> bool {
        while let Some(idle) = self.idle.last() {
            // It is in the directory, which is removed with the lock.
            if fs::is_dir(idle) {
                return true;
            }
            self.idle.pop();
        }
        self.lock.is_held() && fs::is_dir(&self.directory)
    }

    /// Returns an empty directory. The caller has checked that the session is alive.
    fn new_directory(&mut self) -> Result<PathBuf> {
        if let Some(directory) = self.idle.pop() {
            return Ok(directory);
        }
        let directory = self.directory.join(self.next.to_string());
        self.next += 1;
        fs::create_dir_all(&directory)?;
        Ok(directory)
    }

    fn claim(&mut self, hashes: &BTreeSet<Sha256>) -> Result<()> {
        let mut added = String::new();
        let mut count = 0;
        for hash in hashes {
            if !self.claims.contains_key(hash) {
                added.push_str(&format!("{hash}\n"));
                count += 1;
            }
        }
        if count > 0 {
            fs::append(&self.directory.join(CLAIMS), &added)?;
        }
        self.lines += count;
        for hash in hashes {
            self.claims.entry(*hash).or_default().creating += 1;
        }
        if self.lines > 1024 + 4 * self.claims.len() {
            self.rewrite();
        }
        Ok(())
    }

    /// Changes a claim, if it exists, and removes it if it has no reason any more.
    fn update(&mut self, hash: Sha256, change: impl FnOnce(&mut Claim)) {
        let Some(claim) = self.claims.get_mut(&hash) else { return };
        change(claim);
        if claim.creating == 0 && !claim.is_made {
            self.claims.remove(&hash);
        }
    }

    /// Rewrites the file with one line for each claim. If that fails, withdrawn claims stay in it
    /// for a while.
    fn rewrite(&mut self) {
        let path = self.directory.join(CLAIMS);
        let lines: String = self.claims.keys().map(|hash| format!("{hash}\n")).collect();
        let written =
            if lines.is_empty() { fs::remove(&path) } else { fs::replace(&path, &lines).map(drop) };
        if written.is_ok() {
            self.lines = self.claims.len();
        }
    }
}
