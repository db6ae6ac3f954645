//! A work queue of files to hash and write, and the threads that process it.
//!
//! Each file goes to the next free thread; a large one arrives in pieces, so that memory does not
//! grow with its size.

use std::any::Any;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use scratchrs_fs as effect;
use scratchrs_fs::Access;
use scratchrs_model::hash::TreeHash;
use sha1::Sha1;
use sha1::digest::Digest;

use crate::error::Error;
use crate::object;
use crate::platform;
use crate::unpack::stream::is_zero;
use crate::unpack::tree::ContentsId;

/// The length of the queue.
const QUEUED_FILES: usize = 32;

/// The number of queued pieces of a large file.
const QUEUED_PIECES: usize = 4;

/// The size of a hole in a sparse file: a multiple of the block size of every file system.
const HOLE: usize = 64 * 1024;

/// A file to be hashed, and written if it has a path.
pub(super) struct Job {
    pub(super) contents: ContentsId,
    pub(super) size: u64,
    pub(super) path: Option<(PathBuf, Access)>,
    pub(super) data: Data,
}

/// The contents of a file.
pub(super) enum Data {
    Whole(Vec<u8>),
    Pieces(Receiver<Vec<u8>>),
}

/// The sending side of the queue, for the thread that reads the archive.
pub(super) struct WorkQueue<'a> {
    jobs: SyncSender<Job>,
    shared: &'a Shared,
}

/// The state shared by the queue and its threads.
#[derive(Default)]
pub(super) struct Shared {
    jobs: Mutex<Option<Receiver<Job>>>,
    unfinished: Mutex<usize>,
    finished: Condvar,
    error: Mutex<Option<Error>>,
    failed: AtomicBool,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Opens the queue. After it is dropped, the threads finish the queued files, and end.
    pub(super) fn open(&self) -> WorkQueue<'_> {
        let (sender, receiver) = mpsc::sync_channel(QUEUED_FILES);
        *lock(&self.jobs) = Some(receiver);
        WorkQueue { jobs: sender, shared: self }
    }

    /// Processes files until the queue is closed, and returns their hashes. Run by each thread.
    pub(super) fn work(&self) -> Vec<(ContentsId, TreeHash)> {
        let mut hashes = Vec::new();
        loop {
            let Some(Ok(job)) = lock(&self.jobs).as_ref().map(Receiver::recv) else {
                return hashes;
            };
            let contents = job.contents;
            // After an error, queued files are only removed from the queue.
            if !self.failed.load(Ordering::Relaxed) {
                // After a panic, the other threads must not wait for this one.
                match panic::catch_unwind(AssertUnwindSafe(|| hash_and_write(job))) {
                    Ok(Ok(hash)) => hashes.push((contents, hash)),
                    Ok(Err(error)) => self.fail(error),
                    Err(payload) => {
                        *lock(&self.panic) = Some(payload);
                        self.fail(Error::Cancelled);
                    }
                }
            }
            *lock(&self.unfinished) -= 1;
            self.finished.notify_all();
        }
    }

    /// Records a failure, so that queued files are not begun. The first error is kept.
    pub(super) fn fail(&self, error: Error) {
        lock(&self.error).get_or_insert(error);
        self.failed.store(true, Ordering::Relaxed);
    }

    /// The first error, if there was one.
    ///
    /// # Panics
    ///
    /// A thread panicked.
    pub(super) fn check(&self) -> Result<(), Error> {
        if let Some(payload) = lock(&self.panic).take() {
            panic::resume_unwind(payload);
        }
        let failed = self.failed.load(Ordering::Relaxed);
        failed.then(|| lock(&self.error).take()).flatten().map_or(Ok(()), Err)
    }
}

impl WorkQueue<'_> {
    /// Adds a file with all its contents.
    pub(super) fn push(&self, job: Job) {
        *lock(&self.shared.unfinished) += 1;
        if self.jobs.send(job).is_err() {
            *lock(&self.shared.unfinished) -= 1;
        }
    }

    /// Adds a file whose contents are sent later to the returned sender. Sending fails after an
    /// error.
    pub(super) fn push_pieces(
        &self,
        contents: ContentsId,
        size: u64,
        path: Option<(PathBuf, Access)>,
    ) -> SyncSender<Vec<u8>> {
        let (sender, receiver) = mpsc::sync_channel(QUEUED_PIECES);
        self.push(Job { contents, size, path, data: Data::Pieces(receiver) });
        sender
    }

    /// The first error, if there was one.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.shared.check()
    }

    /// Waits until all queued files are finished.
    ///
    /// # Errors
    ///
    /// The first error.
    pub(super) fn wait(&self) -> Result<(), Error> {
        let mut unfinished = lock(&self.shared.unfinished);
        while *unfinished > 0 {
            unfinished =
                self.shared.finished.wait(unfinished).unwrap_or_else(PoisonError::into_inner);
        }
        drop(unfinished);
        self.shared.check()
    }
}

fn hash_and_write(job: Job) -> Result<TreeHash, Error> {
    let Job { size, path, data, .. } = job;
    let mut hasher = object::blob::<Sha1>(size);
    let mut target = match path {
        Some((path, access)) => Some(Target::create(path, access)?),
        None => None,
    };
    match data {
        Data::Whole(contents) => {
            hasher.update(&contents);
            if let Some(target) = &mut target {
                target.write(&contents)?;
            }
        }
        Data::Pieces(pieces) => {
            for piece in pieces {
                hasher.update(&piece);
                if let Some(target) = &mut target {
                    target.write_with_holes(&piece)?;
                }
            }
        }
    }
    if let Some(target) = target {
        target.finish(size)?;
    }
    Ok(TreeHash(hasher.finalize().into()))
}

/// A file being written.
struct Target {
    file: File,
    path: PathBuf,
    ends_in_hole: bool,
}

impl Target {
    fn create(path: PathBuf, access: Access) -> Result<Self, Error> {
        let file = effect::create_file(&path, access)?;
        platform::keep_mode(&path, access);
        Ok(Self { file, path, ends_in_hole: false })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.file.write_all(bytes).map_err(effect::Error::on("write", &self.path))?)
    }

    /// Writes the bytes, but leaves holes for zeros, which take no space.
    fn write_with_holes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        for part in bytes.chunks(HOLE) {
            self.ends_in_hole = part.len() == HOLE && is_zero(part);
            if self.ends_in_hole {
                let seek = self.file.seek(SeekFrom::Current(HOLE as i64));
                seek.map_err(effect::Error::on("write", &self.path))?;
            } else {
                self.write(part)?;
            }
        }
        Ok(())
    }

    fn finish(self, size: u64) -> Result<(), Error> {
        if self.ends_in_hole {
            self.file.set_len(size).map_err(effect::Error::on("write", &self.path))?;
        }
        Ok(())
    }
}
