//! The threads that hash files and write them.
//!
//! Files are given to whichever thread is free; a large one comes piece by piece, so that memory
//! does not grow with its size.

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
use crate::unpack::stream::is_zero;
use crate::unpack::tree::ContentsId;

/// How many files wait for a thread.
const FILES_AHEAD: usize = 32;

/// How many pieces of a large file wait.
const PIECES_AHEAD: usize = 4;

/// What of a file may stay a hole: a multiple of the block size of every file system.
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

/// Where files are handed in, by the one that reads the archive.
pub(super) struct Counter<'a> {
    jobs: SyncSender<Job>,
    state: &'a State,
}

/// What both sides know.
#[derive(Default)]
pub(super) struct State {
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

impl State {
    /// Opens the counter. When it is dropped, the threads finish what was handed in, and end.
    pub(super) fn open(&self) -> Counter<'_> {
        let (sender, receiver) = mpsc::sync_channel(FILES_AHEAD);
        *lock(&self.jobs) = Some(receiver);
        Counter { jobs: sender, state: self }
    }

    /// Works until the counter is closed, and gives the hashes of the files: what one thread does.
    pub(super) fn work(&self) -> Vec<(ContentsId, TreeHash)> {
        let mut hashes = Vec::new();
        loop {
            let Some(Ok(job)) = lock(&self.jobs).as_ref().map(Receiver::recv) else {
                return hashes;
            };
            let contents = job.contents;
            // After an error, what waits is only taken off the queue.
            if !self.failed.load(Ordering::Relaxed) {
                // A panic would leave somebody waiting for this thread.
                match panic::catch_unwind(AssertUnwindSafe(|| carry_out(job))) {
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

    /// Says that something failed, so that what waits is not begun. The first error counts.
    pub(super) fn fail(&self, error: Error) {
        lock(&self.error).get_or_insert(error);
        self.failed.store(true, Ordering::Relaxed);
    }

    /// The first error, if there was one.
    ///
    /// # Panics
    ///
    /// A thread has.
    pub(super) fn check(&self) -> Result<(), Error> {
        if let Some(payload) = lock(&self.panic).take() {
            panic::resume_unwind(payload);
        }
        let failed = self.failed.load(Ordering::Relaxed);
        failed.then(|| lock(&self.error).take()).flatten().map_or(Ok(()), Err)
    }
}

impl Counter<'_> {
    /// Hands in a file with all its contents.
    pub(super) fn hand_in(&self, job: Job) {
        *lock(&self.state.unfinished) += 1;
        if self.jobs.send(job).is_err() {
            *lock(&self.state.unfinished) -= 1;
        }
    }

    /// Hands in a file whose contents come later, through what is returned. If nobody takes them,
    /// there was an error.
    pub(super) fn hand_in_pieces(
        &self,
        contents: ContentsId,
        size: u64,
        path: Option<(PathBuf, Access)>,
    ) -> SyncSender<Vec<u8>> {
        let (sender, receiver) = mpsc::sync_channel(PIECES_AHEAD);
        self.hand_in(Job { contents, size, path, data: Data::Pieces(receiver) });
        sender
    }

    /// The first error, if there was one.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.state.check()
    }

    /// Waits until everything is done that was handed in.
    ///
    /// # Errors
    ///
    /// Something failed.
    pub(super) fn wait(&self) -> Result<(), Error> {
        let mut unfinished = lock(&self.state.unfinished);
        while *unfinished > 0 {
            unfinished =
                self.state.finished.wait(unfinished).unwrap_or_else(PoisonError::into_inner);
        }
        drop(unfinished);
        self.state.check()
    }
}

fn carry_out(job: Job) -> Result<TreeHash, Error> {
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

/// A file that is being written.
struct Target {
    file: File,
    path: PathBuf,
    ends_in_hole: bool,
}

impl Target {
    fn create(path: PathBuf, access: Access) -> Result<Self, Error> {
        let file = effect::create_file(&path, access)?;
        Ok(Self { file, path, ends_in_hole: false })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.file.write_all(bytes).map_err(effect::Error::on("write", &self.path))?)
    }

    /// Writes what is not zero: what was never written is read as zeros, and takes no space.
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
