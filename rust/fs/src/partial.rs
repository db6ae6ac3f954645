//! A file that is made little by little, and that a later process may go on with.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::regular::open_regular;

/// How much is read at a time.
const BUFFER_SIZE: usize = 128 * 1024;

/// A file that grows: a download.
///
/// # Crash
///
/// What was appended before a process was killed is there, as far as the system itself goes on.
/// Whoever opens the file next decides what it is worth.
///
/// # Locking
///
/// Nobody else writes to the file: the caller has a name of its own for it, or holds a lock.
#[derive(Debug)]
pub struct Partial {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Partial {
    /// Opens the file at `path`, or makes an empty one.
    ///
    /// # Errors
    ///
    /// If the file system refuses, or something is there that is not a regular file.
    pub fn open(path: &Path) -> Result<Self> {
        let open = || -> io::Result<(File, u64)> {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            let file = open_regular(path, &options)?;
            let length = file.metadata()?.len();
            Ok((file, length))
        };
        let (file, length) = open().map_err(Error::on("open", path))?;
        Ok(Self { path: path.to_owned(), file, length })
    }

    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Passes what it has to `sink`, piece by piece, unless that breaks off.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is not as long any more as it was.
    pub fn read<B>(
        &mut self,
        mut sink: impl FnMut(&[u8]) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>> {
        let mut read = || -> io::Result<ControlFlow<B>> {
            self.file.seek(SeekFrom::Start(0))?;
            let mut buffer = vec![0; BUFFER_SIZE];
            let mut left = self.length;
            while left > 0 {
                let size = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                self.file.read_exact(&mut buffer[..size])?;
                if let ControlFlow::Break(value) = sink(&buffer[..size]) {
                    return Ok(ControlFlow::Break(value));
                }
                left -= size as u64;
            }
            Ok(ControlFlow::Continue(()))
        };
        read().map_err(Error::on("read", &self.path))
    }

    /// Adds `bytes` at the end.
    ///
    /// # Errors
    ///
    /// If the file system refuses. A part of the bytes may be in the file then, and is not counted.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let mut append = || -> io::Result<()> {
            self.file.seek(SeekFrom::Start(self.length))?;
            self.file.write_all(bytes)
        };
        append().map_err(Error::on("write", &self.path))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Empties it.
    ///
    /// # Errors
    ///
    /// If the file system refuses.
    pub fn clear(&mut self) -> Result<()> {
        self.file.set_len(0).map_err(Error::on("empty", &self.path))?;
        self.length = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(partial: &mut Partial) -> Vec<u8> {
        let mut content = Vec::new();
        let end = partial.read(|piece| {
            content.extend_from_slice(piece);
            ControlFlow::<()>::Continue(())
        });
        assert_eq!(end.unwrap(), ControlFlow::Continue(()));
        content
    }

    #[test]
    fn a_later_process_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let mut first = Partial::open(&path).unwrap();
        assert_eq!(first.length(), 0);
        first.append(b"one, ").unwrap();
        first.append(b"two, ").unwrap();
        let mut second = Partial::open(&path).unwrap();
        assert_eq!(second.length(), 10);
        assert_eq!(content(&mut second), b"one, two, ");
        second.append(b"three").unwrap();
        assert_eq!(content(&mut second), b"one, two, three");
        second.clear().unwrap();
        second.append(b"anew").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"anew");
    }

    #[test]
    fn reading_breaks_off() {
        let directory = tempfile::tempdir().unwrap();
        let mut partial = Partial::open(&directory.path().join("file")).unwrap();
        partial.append(&vec![1; BUFFER_SIZE + 1]).unwrap();
        let mut pieces = 0;
        let end = partial.read(|_| {
            pieces += 1;
            ControlFlow::Break("enough")
        });
        assert_eq!((end.unwrap(), pieces), (ControlFlow::Break("enough"), 1));
    }

    #[test]
    fn an_error_names_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("nowhere/file");
        assert_eq!(Partial::open(&path).unwrap_err().path(), path);
    }
}
