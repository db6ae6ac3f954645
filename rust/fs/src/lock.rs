//! Locks between processes, in the format of Julia's pidfiles.
//!
//! # On disk
//!
//! A lock is held while its file exists. The file has mode 0444 and says `<pid> <host>`. Source:
//! Julia, `stdlib/FileWatching/src/pidfile.jl`; Pkg locks its usage logs in this way since 1.9.
//!
//! # Locking
//!
//! On top of that, the file is locked with `flock` as long as one of our processes holds it. The
//! system drops that lock when the process dies, however it dies, so that a waiter knows at once
//! and without guessing. A lock that nobody has flocked is Julia's, or that of a dead process;
//! it is broken by Julia's rules: its process is dead, or it has not been touched for long.
//! Only the holder of the `flock` on a stale file removes it, so two waiters cannot break each
//! other's locks.
//!
//! # Second names
//!
//! A lock that is taken often costs a new file each time, and ext4 looks through all that were
//! deleted in the last seconds before it makes one. So a lock that is held for as long as its process
//! lives can give its file the name of another lock for a moment: what the file says, and its
//! `flock`, hold for both. On Linux only, and not where there are no hard links.
//!
//! # Looking
//!
//! Who has written something that holders of a lock look for need not take it: if nobody holds it
//! afterwards, whoever takes it later finds what was written. To look costs a tenth of taking it.
//!
//! # Filesystems
//!
//! Without `flock` (some network file systems) only Julia's rules hold. The holder of a lock that
//! is held for long touches the file, for waiters on other machines.
//!
//! A lock file can vanish between two system calls that examine it. Where the system opens files by
//! path or by handle for each call (FUSE, NFS), the later call answers `ENOENT` or `ESTALE`. The lock is
//! free then, and that is no error.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use fs2::FileExt;

use crate::clock;
use crate::error::{Error, Result, has_vanished};
use crate::platform;
use crate::regular::open_to_read;

/// For how long a lock is believed without a sign of life, and which holders give one.
///
/// Julia breaks a lock whose process may be alive when its file was not touched for five times
/// `stale_after`, or for 25 times if its holders never touch it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Julia's `stale_age`.
    stale_after: Duration,
    refresh: Refresh,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refresh {
    /// Each holder touches the file every half of `stale_after`; here, a thread does.
    Holder,
    /// So do the others. This process holds the lock for less than `stale_after`, and does not.
    Others,
    /// No holder does.
    Never,
}

impl Policy {
    /// A lock that is held for long. A thread touches its file, and it is believed for five times
    /// `stale_after`.
    pub const fn refreshed(stale_after: Duration) -> Self {
        Self { stale_after, refresh: Refresh::Holder }
    }

    /// A lock that this process holds for less than `stale_after`. It is believed for five times as
    /// long: others that hold it for longer touch its file.
    pub const fn brief(stale_after: Duration) -> Self {
        Self { stale_after, refresh: Refresh::Others }
    }

    /// A lock whose file is touched by no holder. It is believed for 25 times `stale_after`.
    pub const fn unrefreshed(stale_after: Duration) -> Self {
        Self { stale_after, refresh: Refresh::Never }
    }

    /// The same lock, held by this process for less than `stale_after`.
    pub const fn briefly(self) -> Self {
        Self::brief(self.stale_after)
    }

    /// For how long a lock is believed after its file was last touched, if its process is not known
    /// to be dead.
    pub const fn believed_for(self) -> Duration {
        let factor = match self.refresh {
            Refresh::Holder | Refresh::Others => 5,
            Refresh::Never => 25,
        };
        self.stale_after.saturating_mul(factor)
    }
}

/// How long a waiter sleeps before it looks again. A log is locked for less than that.
const FIRST_PAUSE: Duration = Duration::from_micros(50);
/// What the pauses of a waiter grow to: short for a person, and nothing for a processor.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// A lock held by this process. Dropping it releases it.
#[derive(Debug)]
pub struct PidLock {
    path: PathBuf,
    file: Arc<File>,
    refresher: Option<Refresher>,
    is_released: bool,
}

/// Who holds a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// The process, if the file says so.
    pub pid: Option<u32>,
    /// Its machine; empty if the file does not say.
    pub host: String,
    /// For how long the lock file has existed, or since it was last touched.
    pub age: Duration,
}

/// What came of trying to take a lock.
#[derive(Debug)]
pub enum Attempt {
    /// It is ours.
    Acquired(PidLock),
    /// Somebody has it.
    Held(Holder),
}

impl PidLock {
    /// Takes the lock whose file is at `path`, unless somebody has it.
    ///
    /// # Errors
    ///
    /// If the file cannot be made or read, or is not a regular file.
    pub fn try_acquire(path: &Path, policy: Policy) -> Result<Attempt> {
        Self::try_acquire_by(None, path, policy)
    }

    /// Takes the lock as [`PidLock::try_acquire`] does, by a second name of the file of `lasting` where
    /// that is possible.
    fn try_acquire_by(lasting: Option<&Self>, path: &Path, policy: Policy) -> Result<Attempt> {
        // Every round but the last follows a lock that came or went while we looked.
        const ROUNDS: u32 = 16;
        for _ in 0..ROUNDS {
            let second = lasting.map(|lasting| lasting.name_also(path));
            let was_taken = matches!(&second, Some(Err(error)) if is_taken(error));
            if let Some(Ok(file)) = second {
                return Ok(Attempt::Acquired(Self::hold(path, file, policy)));
            }
            // To look first is cheap; to prepare a file that cannot be put in place is not.
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
                // The new file vanished, and not the directory that it was to be in.
                Err(error) if has_vanished(&error) && has_directory(path) => {}
                Err(error) => return Err(Error::on("create the lock", path)(error)),
            }
        }
        Ok(Attempt::Held(Holder::default()))
    }

    /// Takes the lock, waiting for at most `patience`.
    ///
    /// # Errors
    ///
    /// As [`PidLock::try_acquire`]. That somebody held on to it is no error.
    pub fn acquire(path: &Path, policy: Policy, patience: Duration) -> Result<Attempt> {
        Self::acquire_by(None, path, policy, patience)
    }

    /// Takes the lock as [`PidLock::acquire`] does, by a second name of the file of `lasting`, which
    /// lasts longer, where that is possible.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn acquire_by(
        lasting: Option<&Self>,
        path: &Path,
        policy: Policy,
        patience: Duration,
    ) -> Result<Attempt> {
        let started = clock::stopwatch();
        let mut pause = FIRST_PAUSE;
        loop {
            let attempt = Self::try_acquire_by(lasting, path, policy)?;
            let left = patience.saturating_sub(started.elapsed());
            if matches!(attempt, Attempt::Acquired(_)) || left.is_zero() {
                return Ok(attempt);
            }
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Gives the file of this lock the name `path` too, as one that was made just now.
    fn name_also(&self, path: &Path) -> io::Result<Arc<File>> {
        self.file.set_modified(clock::now())?;
        platform::name_also(&self.file, path)?;
        Ok(Arc::clone(&self.file))
    }

    fn hold(path: &Path, file: Arc<File>, policy: Policy) -> Self {
        // What is looked for under the lock is looked for after it was taken; see `is_lock_free`.
        fence(Ordering::SeqCst);
        let is_refreshed = policy.refresh == Refresh::Holder;
        let refresher = is_refreshed.then(|| Refresher::start(&file, policy)).flatten();
        Self { path: path.to_owned(), file, refresher, is_released: false }
    }

    /// The lock file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the lock file is still the one that we made: a process of Julia that found it old
    /// may have broken it.
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
    /// If the lock file cannot be removed. Others believe the lock until this process has ended, or
    /// longer where they cannot tell that it has.
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
        // If it is refused, as for a moment on Windows, it is worth another try.
        let remove = || fs::remove_file(&self.path);
        match remove().or_else(|_| remove()) {
            Err(error) if !has_vanished(&error) => {
                // The process that the file names lives on: the file must look old to whatever wants
                // the lock next, this process and Julia's included. But not where it has another name.
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
        // There is no caller to tell: see `release`.
        let _ = self.give_back();
    }
}

/// Writes who we are into a new lock file, and locks it.
fn sign(file: &mut File) -> io::Result<()> {
    // Somebody who looks whether the file is stale holds it for a moment.
    match file.lock_exclusive() {
        Err(error) if !platform::has_no_locks(&error) => return Err(error),
        _ => {}
    }
    file.write_all(format!("{} {}", std::process::id(), host()).as_bytes())
}

fn host() -> String {
    hostname::get().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

enum Existing {
    Held(Holder),
    Gone,
}

/// A lock file, as it is found.
enum Found {
    Held(Holder),
    /// Whoever made it is gone. It is locked as long as this is open.
    Stale(File),
    Absent,
}

/// Whether somebody holds the lock at `path`. Nothing is changed: a stale file stays.
///
/// # Errors
///
/// If the file is there and cannot be read.
pub fn is_lock_held(path: &Path, policy: Policy) -> Result<bool> {
    Ok(lock_holder(path, policy)?.is_some())
}

/// The process that holds the lock at `path`, if one does. Nothing is changed: a stale file stays.
///
/// # Errors
///
/// If the file is there and cannot be read.
pub fn lock_holder(path: &Path, policy: Policy) -> Result<Option<Holder>> {
    match examine(path, policy).map_err(Error::on("read the lock", path))? {
        Found::Held(holder) => Ok(Some(holder)),
        Found::Stale(_) | Found::Absent => Ok(None),
    }
}

/// Whether nobody holds the lock at `path`, by looking only. Whoever takes it later sees what the
/// caller did before.
///
/// False too where others of the same file system may be on other machines: these see each other's
/// locks late, unless they ask for them. And if the file of a dead process is there.
pub fn is_lock_free(path: &Path) -> bool {
    // The look comes after what the caller did: of two who write and then look, one sees the other.
    fence(Ordering::SeqCst);
    let is_absent = matches!(
        fs::symlink_metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound
    );
    is_absent && path.parent().is_some_and(platform::is_local)
}

/// Removes the lock file at `path` if whoever made it is gone.
fn break_if_stale(path: &Path, policy: Policy) -> io::Result<Existing> {
    let file = match examine(path, policy)? {
        Found::Held(holder) => return Ok(Existing::Held(holder)),
        Found::Absent => return Ok(Existing::Gone),
        Found::Stale(file) => file,
    };
    if is_at(&file, path) {
        match fs::remove_file(path) {
            Err(error) if !has_vanished(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(Existing::Gone)
}

/// Finds out what is at `path`. A file that vanishes meanwhile is absent.
fn examine(path: &Path, policy: Policy) -> io::Result<Found> {
    match examine_file(path, policy) {
        Err(error) if has_vanished(&error) => Ok(Found::Absent),
        found => found,
    }
}

fn examine_file(path: &Path, policy: Policy) -> io::Result<Found> {
    let mut file = open_to_read(path)?;
    let holder = read_holder(&mut file)?;
    let unclaimed = match FileExt::try_lock_exclusive(&file) {
        Err(error) if platform::wants_writer(&error) => FileExt::try_lock_shared(&file),
        result => result,
    };
    match unclaimed {
        Err(error) if is_contended(&error) => return Ok(Found::Held(holder)),
        Err(error) if !platform::has_no_locks(&error) => return Err(error),
        _ => {}
    }
    if !is_stale(&holder, policy, &host()) {
        return Ok(Found::Held(holder));
    }
    Ok(Found::Stale(file))
}

fn has_directory(path: &Path) -> bool {
    path.parent().is_some_and(|directory| {
        // A name alone is one in the current directory.
        directory.as_os_str().is_empty() || platform::is_directory(directory)
    })
}

fn is_taken(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AlreadyExists
}

fn is_contended(error: &io::Error) -> bool {
    error.raw_os_error() == fs2::lock_contended_error().raw_os_error()
}

/// Whether the open `file` is what stands at `path`.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(ours), Ok(theirs)) => platform::is_same_file(&ours, &theirs),
        _ => false,
    }
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

/// Julia's rule, for a lock that no process of ours has flocked.
fn is_stale(holder: &Holder, policy: Policy, this_host: &str) -> bool {
    if holder.age > policy.believed_for() {
        return true;
    }
    match holder.pid {
        // Julia also waits until the file is older than `stale_after`. There is nothing to wait
        // for: a number that was given to another process meanwhile looks alive.
        Some(pid) => holder.host == this_host && platform::is_dead(pid),
        // Empty for the moment between making it and writing to it.
        None => holder.age > policy.stale_after,
    }
}

/// Touches a lock file until it is told to stop.
#[derive(Debug)]
struct Refresher {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Refresher {
    /// None if the file cannot be had twice: the lock then lasts as long as it is believed.
    fn start(file: &File, policy: Policy) -> Option<Self> {
        let file = file.try_clone().ok()?;
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("scratchrs-lock".to_owned())
            .spawn(move || {
                let pause = policy.stale_after / 2;
                while stopped.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Timeout) {
                    let _ = file.set_modified(clock::now());
                }
            })
            .ok()?;
        Some(Self { stop, thread })
    }

    fn stop(self) {
        let Self { stop, thread } = self;
        drop(stop);
        let _ = thread.join();
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

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
            lasting.file.set_modified(clock::now() - Duration::from_secs(1000)).unwrap();
            let by = || PidLock::acquire_by(Some(&lasting), &path, POLICY, Duration::ZERO).unwrap();
            let Attempt::Acquired(lock) = by() else { panic!("free") };
            assert!(lock.is_held() && is_at(&lasting.file, &path));
            let Attempt::Held(holder) = by() else { panic!("held twice") };
            assert_eq!(holder.pid, Some(std::process::id()));
            assert!(holder.age < Duration::from_secs(500), "Julia goes by the age");
            drop(lock);
            assert!(lasting.is_held() && !fs::exists(&path).unwrap());
        }
        // One whose file is gone can't have other names.
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
    fn looking_at_a_lock_changes_nothing() {
        let depot = tempfile::tempdir().unwrap();
        let path = depot.path().join("log.pid");
        assert!(!is_lock_held(&path, POLICY).unwrap());
        write_lock(&path, &format!("{} {}", i32::MAX, host()), Duration::ZERO);
        assert!(!is_lock_held(&path, POLICY).unwrap() && path.exists());
        let lock = acquire(&path).expect("stale");
        assert!(is_lock_held(&path, POLICY).unwrap() && lock.is_held());
    }

    #[test]
    fn a_lock_is_free_only_where_nothing_is_to_be_seen_of_it() {
        let depot = tempfile::tempdir().unwrap();
        let path = depot.path().join("log.pid");
        let is_local = platform::is_local(depot.path());
        assert_eq!(is_lock_free(&path), is_local);
        let lock = acquire(&path).expect("free");
        assert!(!is_lock_free(&path));
        drop(lock);
        assert_eq!(is_lock_free(&path), is_local);
        write_lock(&path, &format!("{} {}", i32::MAX, host()), Duration::ZERO);
        assert!(!is_lock_free(&path), "somebody has to break it first");
        assert!(!is_lock_free(&depot.path().join("nowhere/log.pid")));
        // What belongs to the kernel is like what belongs to another machine.
        assert!(!is_lock_free(Path::new("/proc/self/log.pid")));
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
                        let patience = Duration::from_secs(60);
                        let attempt = PidLock::acquire(&path, POLICY, patience).unwrap();
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
