//! The projects that use the files of bindings in a store, and the unused files.
//!
//! # Locking
//!
//! Uses are logged, and unused files deleted, under the lock of the store: a process that has
//! opened a file for an existing project does not lose it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use scratchrs_fs::{self as fs, FileId};
use scratchrs_model::store::users::{self, User};
use scratchrs_model::time::DepotTime;

use super::Store;
use super::aliases::relocated;
use crate::error::Result;
use crate::project;

/// The time during which a process does not log the same use again.
const LOGGED_FOR: TimeDelta = TimeDelta::days(1);

/// The times of logged uses, by file and project.
type Logged = BTreeMap<(String, Option<String>), DepotTime>;

/// The uses that this process has logged.
static LOGGED: Mutex<Logged> = Mutex::new(BTreeMap::new());

fn with_logged<T>(act: impl FnOnce(&mut Logged) -> T) -> T {
    act(&mut LOGGED.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Whether this process has recently logged the use of a file for a project.
pub(super) fn is_logged(file: &str, project: Option<&str>, now: DepotTime) -> bool {
    let key = (file.to_owned(), project.map(str::to_owned));
    with_logged(|logged| {
        logged.get(&key).is_some_and(|time| {
            let age = now.since(*time);
            age >= TimeDelta::zero() && age < LOGGED_FOR
        })
    })
}

/// Logs the use of a file in the store for a project, if that is known. The caller holds the lock
/// of the store.
pub(super) fn log(store: &Store, file: &str, project: Option<&str>, now: DepotTime) -> Result<()> {
    let Some(below) = below(store, file) else { return Ok(()) };
    let project = project.map(str::to_owned);
    let user = User { time: now, file: below, project: project.clone() };
    fs::append(Path::new(&store.layout().users()), &user.to_line())?;
    with_logged(|logged| logged.insert((file.to_owned(), project), now));
    Ok(())
}

/// A project that uses a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Project {
    /// The project file, if it is known.
    pub(crate) path: Option<String>,
    /// The time of its latest logged use.
    pub(crate) last_used: DepotTime,
    /// Whether the project is known to be deleted.
    pub(crate) is_gone: bool,
}

/// The projects that use the files of bindings in a store.
#[derive(Debug, Default)]
pub(crate) struct Users {
    log: Vec<User>,
    /// Whether each project is known to be deleted.
    gone: HashMap<String, bool>,
    /// Whether a line of the log is invalid: then unknown projects may use the files.
    is_torn: bool,
}

impl Users {
    /// Reads the log of a store, and checks which projects exist, at the path in the log or at the
    /// corresponding path in the depot of the store. Projects in the directories `going` count as
    /// deleted.
    pub(super) fn read(store: &Store, going: &[PathBuf]) -> Result<Self> {
        let (log, torn) = users::read(&fs::read(Path::new(&store.layout().users()))?);
        let mut gone = HashMap::new();
        let ids: HashSet<FileId> = going.iter().filter_map(|going| FileId::of(going)).collect();
        for path in log.iter().filter_map(|user| user.project.as_deref()) {
            if !gone.contains_key(path) {
                let is_gone = if going.iter().any(|going| Path::new(path).starts_with(going)) {
                    true
                } else if !project::is_missing(path) {
                    is_below(path, &ids)
                } else {
                    let mut others = relocated(store, path).into_iter();
                    others.all(|path| project::is_missing(&path) || is_below(&path, &ids))
                };
                gone.insert(path.to_owned(), is_gone);
            }
        }
        Ok(Self { log, gone, is_torn: torn > 0 })
    }

    fn is_gone(&self, project: &str) -> bool {
        self.gone.get(project).copied().unwrap_or(false)
    }

    /// The projects that use a file, each with the time of its latest use.
    pub(crate) fn of(&self, store: &Store, file: &str) -> Vec<Project> {
        let Some(below) = below(store, file) else { return Vec::new() };
        let mut last: BTreeMap<Option<&str>, DepotTime> = BTreeMap::new();
        for user in self.log.iter().filter(|user| user.file == below) {
            let known = last.entry(user.project.as_deref()).or_insert(user.time);
            *known = user.time.max(*known);
        }
        let project = |(path, last_used): (Option<&str>, DepotTime)| Project {
            path: path.map(str::to_owned),
            last_used,
            is_gone: path.is_some_and(|path| self.is_gone(path)),
        };
        last.into_iter().map(project).collect()
    }

    /// Whether all users of a file are known and deleted.
    pub(super) fn has_abandoned(&self, store: &Store, file: &str) -> bool {
        let Some(below) = below(store, file) else { return false };
        let users = self.log.iter().filter(|user| user.file == below);
        !self.is_torn && users::is_abandoned(users, |project| self.is_gone(project))
    }

    /// Whether a file is in use: by an existing project, or since less than a day by an unknown
    /// one.
    pub(super) fn are_there(&self, now: DepotTime) -> bool {
        self.log.iter().any(|user| match &user.project {
            Some(project) => !self.is_gone(project),
            None => now.since(user.time) < LOGGED_FOR,
        })
    }

    /// Condenses the log to the latest use of each existing file and project. The caller holds the
    /// lock of the store.
    pub(super) fn condense(self, store: &Store, now: DepotTime) -> Result<()> {
        if self.log.is_empty() && !self.is_torn {
            return Ok(());
        }
        let is_there = |file: &str| {
            let path = store.layout().below(&file.split('/').collect::<Vec<_>>());
            !matches!(fs::symlink_metadata(Path::new(&path)), Ok(None))
        };
        let Self { log, gone, .. } = self;
        let is_gone = |project: &str| gone.get(project).copied().unwrap_or(false);
        let condensed = users::condensed(log, is_there, is_gone, now);
        fs::replace(Path::new(&store.layout().users()), users::to_text(&condensed))?;
        Ok(())
    }
}

/// Whether `path` is in one of some directories, under any path of these.
fn is_below(path: &str, directories: &HashSet<FileId>) -> bool {
    let mut above = Path::new(path).ancestors();
    !directories.is_empty()
        && above.any(|above| FileId::of(above).is_some_and(|id| directories.contains(&id)))
}

/// The path of a file relative to the store, with slashes, or `None` if it is outside.
fn below(store: &Store, file: &str) -> Option<String> {
    let rest = Path::new(file).strip_prefix(store.root()).ok()?;
    let names: Option<Vec<&str>> = rest.iter().map(|name| name.to_str()).collect();
    Some(names?.join("/"))
}
