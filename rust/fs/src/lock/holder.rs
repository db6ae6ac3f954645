//! The process that holds a lock, and whether its lock is stale.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use super::PidLock;
use super::policy::Policy;
use crate::clock;
use crate::error::{Error, Result};
use crate::io_error::{has_no_locks, is_vanished};
use crate::platform;
use crate::read::open_to_read;

/// The process that holds a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// Its process number, if the file has one.
    pub pid: Option<u32>,
    /// Its machine; empty if the file does not name it.
    pub host: String,
    /// The time since the lock file was last touched.
    pub age: Duration,
}

/// The state of a lock file.
pub(super) enum Found {
    Held(Holder),
    /// Its process is dead. It is locked as long as this handle is open.
    Stale(File),
    Absent,
}

impl PidLock {
    /// The process that holds the lock at `path`, if there is one. Changes nothing: a stale file
    /// stays.
    ///
    /// # Errors
    ///
    /// The file exists and cannot be read.
    pub fn holder(path: &Path, policy: Policy) -> Result<Option<Holder>> {
        match examine(path, policy).map_err(Error::on("read the lock", path))? {
            Found::Held(holder) => Ok(Some(holder)),
            Found::Stale(_) | Found::Absent => Ok(None),
        }
    }

    /// Whether the lock at `path` is certainly free. A process that takes it later sees the
    /// previous writes of the caller.
    ///
    /// `false` too if the file system may be shared with other machines, which see each other's
    /// files late unless they take the lock; and if the file of a dead process exists.
    pub fn is_free(path: &Path) -> bool {
        // Of two processes that write and then check, at least one finds the file of the other.
        fence(Ordering::SeqCst);
        let is_absent = matches!(
            fs::symlink_metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound
        );
        is_absent && path.parent().is_some_and(platform::is_local)
    }
}

/// The state of the lock file at `path`. A file that vanishes meanwhile is absent.
pub(super) fn examine(path: &Path, policy: Policy) -> io::Result<Found> {
    match examine_file(path, policy) {
        Err(error) if is_vanished(&error) => Ok(Found::Absent),
        Err(error) if platform::is_in_the_way(path, &error) => Ok(Found::Held(Holder::default())),
        found => found,
    }
}

fn examine_file(path: &Path, policy: Policy) -> io::Result<Found> {
    let mut file = open_to_read(path)?;
    let holder = read_holder(&mut file)?;
    match platform::try_lock_exclusive(&file) {
        Ok(false) => return Ok(Found::Held(holder)),
        Err(error) if !has_no_locks(&error) => return Err(error),
        _ => {}
    }
    if !is_stale(&holder, policy, &host()) {
        return Ok(Found::Held(holder));
    }
    Ok(Found::Stale(file))
}

fn read_holder(file: &mut File) -> io::Result<Holder> {
    let mut text = Vec::new();
    file.take(1024).read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let (pid, host) = text.split_once(' ').unwrap_or((&text, ""));
    let age = file
        .metadata()?
        .modified()
        .map(|touched| clock::now().duration_since(touched).unwrap_or(Duration::ZERO))?;
    Ok(Holder { pid: pid.parse().ok(), host: host.trim_end().to_owned(), age })
}

/// Julia's rule, for a lock without `flock`.
fn is_stale(holder: &Holder, policy: Policy, this_host: &str) -> bool {
    if holder.age > policy.valid_for() {
        return true;
    }
    match holder.pid {
        // Julia also waits until the file is older than `stale_after`, which does not help: another
        // process can get the id meanwhile.
        Some(pid) => holder.host == this_host && platform::is_dead(pid),
        // Empty for a moment after its creation.
        None => holder.age > policy.stale_after,
    }
}

pub(super) fn host() -> String {
    hostname::get().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
