//! Locks between processes, in the format of Julia's pidfiles.
//!
//! # On disk
//!
//! A lock is held while its file exists. The file has mode 0444 and says `<pid> <host>`. Source:
//! Julia, `stdlib/FileWatching/src/pidfile.jl`; Pkg locks its usage logs in this way since 1.9.
//!
//! # Locking
//!
//! ScratchRS also locks the file with `flock`. The system releases that when the process ends,
//! however it ends, so a waiter knows at once. A lock file without `flock` belongs to Julia or to a
//! dead process, and Julia's rules apply: it is broken if its process is dead, or if it was not
//! touched for long. Only a process with the `flock` on a stale file removes it, so two waiters
//! cannot break each other's locks.
//!
//! # Second names
//!
//! Each acquisition of a lock creates a file, and ext4 first searches all inodes that were deleted
//! in the last seconds. So a lock that is held as long as its process runs can lend its file to
//! another lock by a hard link: content and `flock` are valid for both. Only on Linux, and where
//! there are hard links.
//!
//! # Checking
//!
//! A process that writes a file which lock holders read need not take the lock: if the lock is free
//! afterwards, the next holder sees the file. Checking costs a tenth of taking it.
//!
//! # Filesystems
//!
//! Without `flock` (some network file systems) only Julia's rules apply. A process that holds a
//! lock for long touches the file, for waiters on other machines.
//!
//! A lock file can vanish between two system calls that examine it. On file systems that open the
//! file for each call (FUSE, NFS), the later call fails with `ENOENT` or `ESTALE`. The lock is then
//! free; this is not an error.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::clock;
use crate::error::{Error, Result};
use crate::io_error::{has_no_locks, is_vanished};
use crate::platform;

use holder::{Found, examine, host};
use policy::Refresh;
use refresher::Refresher;

pub use holder::Holder;
pub use policy::Policy;

mod holder;
mod policy;
mod refresher;

/// The first pause of a waiter. A log is locked for less than that.
const FIRST_PAUSE: Duration = Duration::from_micros(50);
/// The longest pause of a waiter: short for a person, long for a processor.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// How long the file of a lock that gets second names is not touched again.
const TOUCHED_FOR: Duration = Duration::from_secs(1);

/// A lock held by this process. Dropping it releases it.
#[derive(Debug)]
pub struct PidLock {
    path: PathBuf,
    file: Arc<File>,
    refresher: Option<Refresher>,
    /// When its file was last touched to get a second name.
    touched: Mutex<SystemTime>,
    is_released: bool,
}

/// The result of trying to take a lock.
#[derive(Debug)]
pub enum Attempt {
    /// This process holds it now.
    Acquired(PidLock),
    /// Another process, or another part of this one, holds it.
    Held(Holder),
}

impl PidLock {
    /// Takes the lock with the file `path`, unless it is held.
    ///
    /// # Errors
    ///
    /// The file cannot be created or read, or is not a regular file.
    pub fn try_acquire(path: &Path, policy: Policy) -> Result<Attempt> {
        Self::try_acquire_by(None, path, policy)
    }

    /// Takes the lock as [`PidLock::try_acquire`] does, by a second name of the file of `lasting`
    /// where that is possible.
    fn try_acquire_by(lasting: Option<&Self>, path: &Path, policy: Policy) -> Result<Attempt> {
        // Another round follows if the lock was acquired or released meanwhile.
        const ROUNDS: u32 = 16;
        for _ in 0..ROUNDS {
            let second = lasting.map(|lasting| lasting.name_also(path));
            let was_taken = matches!(&second, Some(Err(error)) if is_taken(error));
            if let Some(Ok(file)) = second {
                return Ok(Attempt::Acquired(Self::hold(path, file, policy)));
            }
            // Checking first is cheap; preparing a file that cannot be placed is not.
            match break_if_stale(path, policy) {
                Ok(Existing::Held(holder)) => return Ok(Attempt::Held(holder)),
                Ok(Existing::Gone) => {}
                Err(error) => return Err(Error::on("read the lock", path)(error)),
            }
            if was_taken {
                continue;
            }
            match platform::create_prepared(path, sign) {
                Ok(file) => {
                    let file = Arc::new(file);
                    return Ok(Attempt::Acquired(Self::hold(path, file, policy)));
                }
                Err(error) if is_taken(&error) => {}
                // The new file vanished, not its directory.
                Err(error) if is_vanished(&error) && has_directory(path) => {}
                Err(error) => return Err(Error::on("create the lock", path)(error)),
            }
        }
        Ok(Attempt::Held(Holder::default()))
    }

    /// Takes the lock, waiting for at most `lock_timeout`.
    ///
    /// # Errors
    ///
    /// As [`PidLock::try_acquire`]. A timeout is not an error.
    pub fn acquire(path: &Path, policy: Policy, lock_timeout: Duration) -> Result<Attempt> {
        Self::acquire_by(None, path, policy, lock_timeout)
    }

    /// Takes the lock as [`PidLock::acquire`] does, by a second name of the file of `lasting`,
    /// which lasts longer, where that is possible.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn acquire_by(
        lasting: Option<&Self>,
        path: &Path,
        policy: Policy,
        lock_timeout: Duration,
    ) -> Result<Attempt> {
        let started = clock::stopwatch();
        let mut pause = FIRST_PAUSE;
        loop {
            let attempt = Self::try_acquire_by(lasting, path, policy)?;
            let left = lock_timeout.saturating_sub(started.elapsed());
            if matches!(attempt, Attempt::Acquired(_)) || left.is_zero() {
                return Ok(attempt);
            }
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Gives the file of this lock the name `path` too, as one that was made just now.
    fn name_also(&self, path: &Path) -> io::Result<Arc<File>> {
        self.touch()?;
        platform::name_also(&self.file, path)?;
        Ok(Arc::clone(&self.file))
    }

    /// Touches the file, unless that was done less than a second ago.
    fn touch(&self) -> io::Result<()> {
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock::now();
        if now.duration_since(*touched).is_ok_and(|age| age < TOUCHED_FOR) {
            return Ok(());
        }
        self.file.set_modified(now)?;
        *touched = now;
        Ok(())
    }

    fn hold(path: &Path, file: Arc<File>, policy: Policy) -> Self {
        // Reads under the lock come after taking it; see `is_lock_free`.
        fence(Ordering::SeqCst);
        let is_refreshed = policy.refresh == Refresh::Holder;
        let refresher = is_refreshed.then(|| Refresher::start(&file, policy)).flatten();
        let touched = Mutex::new(SystemTime::UNIX_EPOCH);
        Self { path: path.to_owned(), file, refresher, touched, is_released: false }
    }

    /// The lock file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the lock file is still the one that this process created: Julia may have broken the
    /// lock as stale.
    pub fn is_held(&self) -> bool {
        is_at(&self.file, &self.path)
    }
}

/// Releasing a lock.
impl PidLock {
    /// Releases the lock, as dropping it does.
    ///
    /// # Errors
    ///
    /// The lock file cannot be removed. The lock is valid until this process ends, or longer for
    /// processes that do not know its end.
    pub fn release(mut self) -> Result<()> {
        self.give_back().map_err(Error::on("remove the lock", &self.path))
    }

    fn give_back(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.is_released, true) {
            return Ok(());
        }
        if let Some(refresher) = self.refresher.take() {
            refresher.stop();
        }
        if !self.is_held() {
            return Ok(());
        }
        match platform::free_name(&self.path) {
            Err(error) if !is_vanished(&error) => {
                // The process in the file is alive, so the file must look stale to the next one,
                // this process and Julia included. But not if the file has another name.
                if let Some(file) = Arc::get_mut(&mut self.file) {
                    let _ = file.set_modified(SystemTime::UNIX_EPOCH);
                }
                Err(error)
            }
            _ => Ok(()),
        }
    }
}

impl Drop for PidLock {
    fn drop(&mut self) {
        // No caller to report to: see `release`.
        let _ = self.give_back();
    }
}

/// Writes process and host into a new lock file, and locks it.
fn sign(file: &mut File) -> io::Result<()> {
    // A process that checks whether the file is stale locks it for a moment.
    match platform::lock_exclusive(file) {
        Err(error) if !has_no_locks(&error) => return Err(error),
        _ => {}
    }
    file.write_all(format!("{} {}", std::process::id(), host()).as_bytes())
}

enum Existing {
    Held(Holder),
    Gone,
}

/// Removes the lock file at `path` if it is stale.
fn break_if_stale(path: &Path, policy: Policy) -> io::Result<Existing> {
    let file = match examine(path, policy)? {
        Found::Held(holder) => return Ok(Existing::Held(holder)),
        Found::Absent => return Ok(Existing::Gone),
        Found::Stale(file) => file,
    };
    if is_at(&file, path) {
        log::debug!(
            "breaking the lock `{}`: its process is dead, or it is too old",
            path.display()
        );
        match platform::free_name(path) {
            Err(error) if !is_vanished(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(Existing::Gone)
}

fn has_directory(path: &Path) -> bool {
    path.parent().is_some_and(|directory| {
        // The parent of a name alone is the current directory.
        directory.as_os_str().is_empty() || platform::is_dir(directory)
    })
}

fn is_taken(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AlreadyExists
}

/// Whether the open `file` is the one at `path`.
fn is_at(file: &File, path: &Path) -> bool {
    match (platform::fstat(file), platform::lstat(path)) {
        (Ok(ours), Ok(theirs)) => {
            platform::is_same_file(&ours, &theirs) && !platform::is_deleted(file)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};

    use super::*;

    const POLICY: Policy = Policy::unrefreshed(Duration::from_secs(3));

    fn acquire(path: &Path) -> Option<PidLock> {
        match PidLock::try_acquire(path, POLICY).unwrap() {
            Attempt::Acquired(lock) => Some(lock),
            Attempt::Held(_) => None,
        }
    }

    fn write_lock(path: &Path, text: &str, age: Duration) {
        fs::write(path, text).unwrap();
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.set_modified(clock::now() - age).unwrap();
    }

    #[test]
    fn a_lock_is_held_once_and_leaves_nothing() {
        let depot = tempfile::tempdir().unwrap();
        let path = depot.path().join("log.pid");
        let lock = acquire(&path).expect("free");
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{} {}", std::process::id(), host()));
        match PidLock::try_acquire(&path, POLICY).unwrap() {
            Attempt::Held(holder) => assert_eq!(holder.pid, Some(std::process::id())),
            Attempt::Acquired(_) => panic!("held twice"),
        }
        drop(lock);
        assert_eq!(fs::read_dir(depot.path()).unwrap().count(), 0);
        assert!(acquire(&path).is_some());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_file_of_a_lasting_lock_is_that_of_another_lock_for_a_moment() {
        let depot = tempfile::tempdir().unwrap();
        let path = depot.path().join("log.pid");
        let lasting = acquire(&depot.path().join("process.pid")).expect("free");
        for _ in 0..2 {
            let long_ago = clock::now() - Duration::from_secs(1000);
            lasting.file.set_modified(long_ago).unwrap();
            *lasting.touched.lock().unwrap() = long_ago;
            let by = || PidLock::acquire_by(Some(&lasting), &path, POLICY, Duration::ZERO).unwrap();
            let Attempt::Acquired(lock) = by() else { panic!("free") };
            assert!(lock.is_held() && is_at(&lasting.file, &path));
            let Attempt::Held(holder) = by() else { panic!("held twice") };
            assert_eq!(holder.pid, Some(std::process::id()));
            assert!(holder.age < Duration::from_secs(500), "Julia compares the age");
            drop(lock);
            assert!(lasting.is_held() && !fs::exists(&path).unwrap());
        }
        // A removed file cannot get another name.
        fs::remove_file(depot.path().join("process.pid")).unwrap();
        let by = PidLock::acquire_by(Some(&lasting), &path, POLICY, Duration::ZERO).unwrap();
        let Attempt::Acquired(lock) = by else { panic!("free") };
        assert!(lock.is_held() && !is_at(&lasting.file, &path));
    }

    #[test]
    fn the_lock_of_a_dead_process_is_broken_at_once() {
        let depot = tempfile::tempdir().unwrap();
        let path = depot.path().join("log.pid");
        write_lock(&path, &format!("{} {}", i32::MAX, host()), Duration::ZERO);
        assert!(acquire(&path).is_some());
    }

    #[test]
    fn a_lock_of_julia_is_respected_until_it_is_old() {
        let depot = tempfile::tempdir().unwrap();
        let path = depot.path().join("log.pid");
        let alive = format!("{} {}", std::process::id(), host());
        for text in [&alive, "1 elsewhere", "", "nonsense"] {
            write_lock(&path, text, Duration::ZERO);
            assert!(acquire(&path).is_none(), "{text:?} was broken");
            write_lock(&path, text, Duration::from_secs(100));
            assert!(acquire(&path).is_some(), "{text:?} was kept");
        }
    }

    #[test]
    fn a_lock_that_was_broken_is_not_taken_from_the_next_one() {
        let depot = tempfile::tempdir().unwrap();
        let path = depot.path().join("log.pid");
        let first = acquire(&path).expect("free");
        fs::remove_file(&path).unwrap();
        assert!(!first.is_held());
        let second = acquire(&path).expect("free");
        drop(first);
        assert!(second.is_held());
    }

    #[test]
    fn reading_the_holder_changes_nothing() {
        let depot = tempfile::tempdir().unwrap();
        let path = depot.path().join("log.pid");
        assert!(PidLock::holder(&path, POLICY).unwrap().is_none());
        write_lock(&path, &format!("{} {}", i32::MAX, host()), Duration::ZERO);
        assert!(PidLock::holder(&path, POLICY).unwrap().is_none() && path.exists());
        let lock = acquire(&path).expect("stale");
        assert!(PidLock::holder(&path, POLICY).unwrap().is_some() && lock.is_held());
    }

    #[test]
    fn a_lock_is_free_only_without_a_file() {
        let depot = tempfile::tempdir().unwrap();
        let path = depot.path().join("log.pid");
        let is_local = platform::is_local(depot.path());
        assert_eq!(PidLock::is_free(&path), is_local);
        let lock = acquire(&path).expect("free");
        assert!(!PidLock::is_free(&path));
        drop(lock);
        assert_eq!(PidLock::is_free(&path), is_local);
        write_lock(&path, &format!("{} {}", i32::MAX, host()), Duration::ZERO);
        assert!(!PidLock::is_free(&path), "it has to be broken first");
        assert!(!PidLock::is_free(&depot.path().join("nowhere/log.pid")));
        // What belongs to the kernel is like what belongs to another machine.
        let of_kernel = Path::new("/proc/self/log.pid");
        assert!(cfg!(windows) || !PidLock::is_free(of_kernel));
    }

    #[test]
    fn a_refreshed_lock_stays_young() {
        let depot = tempfile::tempdir().unwrap();
        let path = depot.path().join("log.pid");
        let policy = Policy::refreshed(Duration::from_millis(2));
        let Attempt::Acquired(lock) = PidLock::try_acquire(&path, policy).unwrap() else {
            panic!("free");
        };
        lock.file.set_modified(clock::now() - Duration::from_secs(100)).unwrap();
        while fs::metadata(&path).unwrap().modified().unwrap().elapsed().unwrap().as_secs() > 50 {
            std::thread::yield_now();
        }
    }

    #[test]
    fn one_of_many_threads_has_the_lock() {
        let depot = tempfile::tempdir().unwrap();
        let path = depot.path().join("log.pid");
        let counter = depot.path().join("counter");
        fs::write(&counter, "0").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let lock_timeout = Duration::from_secs(60);
                        let attempt = PidLock::acquire(&path, POLICY, lock_timeout).unwrap();
                        assert!(matches!(attempt, Attempt::Acquired(_)));
                        let count: u32 = fs::read_to_string(&counter).unwrap().parse().unwrap();
                        fs::write(&counter, (count + 1).to_string()).unwrap();
                    }
                });
            }
        });
        assert_eq!(fs::read_to_string(&counter).unwrap(), "400");
    }
}
