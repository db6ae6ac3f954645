//! What this process is making, and what it has made and not bound yet.
//!
//! # On disk
//!
//! ```text
//! work/<pid>-<n>.pid        locked as long as the process lives
//! work/<pid>-<n>/claims     a hash on each line
//! work/<pid>-<n>/<m>/       one thing being made
//! ```
//!
//! # Claims
//!
//! A collection reads the claims under the lock of the store. So a process that claims does not take it, but sees
//! that it is free afterwards, before it looks what is there: a collection that comes later finds
//! the claim, and one that did not has taken away all that it was to.
//!
//! # Crash
//!
//! The lock of a dead process can be taken; a collection takes it, and deletes both.

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
    /// Directories that were made and have nothing in them any more.
    idle: Vec<PathBuf>,
    claims: HashMap<Sha256, Claim>,
    /// How many lines the file of claims has: more than there are claims, after a while.
    lines: usize,
}

/// Why something is claimed.
#[derive(Clone, Copy, Debug, Default)]
struct Claim {
    /// By how many creations under way.
    creating: u32,
    /// Whether it was made and not bound yet.
    is_made: bool,
}

/// What is claimed in a store.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// By other processes, or by this one for what it is making.
    pub(super) firm: HashSet<Sha256>,
    /// By this process, for what it has made and not bound yet.
    pub(super) own: HashSet<Sha256>,
}

fn with_sessions<T>(act: impl FnOnce(&mut BTreeMap<String, Session>) -> T) -> T {
    act(&mut SESSIONS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A directory of this process in which something is made. Dropping it removes what is in it.
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
        // Most are empty in the end, and making one takes longer than looking.
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
            // What cannot be removed now is removed when this process is gone.
            let _ = fs::remove(&self.directory);
        }
    }
}

/// A directory with nothing in it, for something that is to be made.
///
/// A session begins under the lock of the store: a process that deletes an unused store holds it.
pub(super) fn begin(store: &Store, lock_timeout: Duration) -> Result<Work> {
    let in_session = |sessions: &mut BTreeMap<String, Session>| {
        let session = sessions.get_mut(store.root())?;
        session.is_alive().then(|| session.new_directory())
    };
    let directory = match with_sessions(in_session) {
        Some(directory) => directory?,
        // Another process may have removed the whole store.
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

/// The lock that this process holds for as long as its session in a store lasts, if it has one.
pub(super) fn lasting_lock(store: &Store) -> Option<Arc<PidLock>> {
    with_sessions(|sessions| Some(Arc::clone(&sessions.get(store.root())?.lock)))
}

/// Claims what is to be made. If another process holds the lock of the store, `wait` takes it and gives it
/// back, or says why not; then nothing is claimed.
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

/// Ends the claims of a creation, but for what it has made. Lines of the file are removed later: to
/// claim too much for a while does no harm.
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

/// Ends the claim of something that is bound now. The caller holds the lock of the store.
pub(super) fn bound(store: &Store, hash: Sha256) {
    with_sessions(|sessions| {
        let Some(session) = sessions.get_mut(store.root()) else { return };
        session.update(hash, |claim| claim.is_made = false);
        if session.claims.is_empty() && session.lines > 0 {
            session.rewrite();
        }
    });
}

/// Ends the session of this process in all stores, or in one: what it made and did not bind can be
/// collected. A process that is about to end calls it, so that nothing is left of it.
///
/// # Errors
///
/// If something cannot be removed; the next collection tries again.
pub fn end_session(store: Option<&Store>) -> Result<()> {
    let ended: Vec<Session> = with_sessions(|sessions| match store {
        Some(store) => sessions.remove(store.root()).into_iter().collect(),
        None => std::mem::take(sessions).into_values().collect(),
    });
    for Session { directory, lock, .. } in ended {
        // The directory first: without a lock it would belong to no process.
        let removed = fs::remove(&directory);
        drop(lock);
        removed?;
    }
    Ok(())
}

/// Whether a process that lives has made something in a store, or is about to.
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

/// Reads what is claimed. Unless it touches nothing, it removes what dead processes have left; the
/// caller holds the lock of the store then.
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
        // On a disk that several machines share, the number may be that of another's process.
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

    /// Whether the lock and the directory are still there.
    fn is_alive(&mut self) -> bool {
        while let Some(idle) = self.idle.last() {
            // It is in the directory, and that goes with the lock.
            if fs::is_dir(idle) {
                return true;
            }
            self.idle.pop();
        }
        self.lock.is_held() && fs::is_dir(&self.directory)
    }

    /// A directory with nothing in it. The caller knows that the session is alive.
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

    /// Changes a claim, if there is one, and forgets it if nothing is left of it.
    fn update(&mut self, hash: Sha256, change: impl FnOnce(&mut Claim)) {
        let Some(claim) = self.claims.get_mut(&hash) else { return };
        change(claim);
        if claim.creating == 0 && !claim.is_made {
            self.claims.remove(&hash);
        }
    }

    /// Leaves a line for each claim only. If that fails, what is not claimed any more stays a little
    /// longer.
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
