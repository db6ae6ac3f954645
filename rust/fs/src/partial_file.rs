//! A file that grows by appending, such as a download, and that a later process may continue.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::read::open_regular;

/// The size of a piece.
const BUFFER_SIZE: usize = 128 * 1024;

/// A file that grows by appending.
///
/// # Crash
///
/// Appended bytes survive a killed process, but not always a system crash. The process that opens the file next
/// must verify them.
///
/// # Locking
///
/// Only one process writes to the file: the caller has a unique name for it, or holds a lock.
#[derive(Debug)]
pub struct PartialFile {
    path: PathBuf,
    file: File,
    length: u64,
}

impl PartialFile {
    /// Opens the file at `path`, or creates an empty one.
    ///
    /// # Errors
    ///
    /// The file system refuses, or `path` is not a regular file.
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

    /// Its size in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Passes its bytes to `sink` in pieces, until that breaks.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or has become shorter.
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

    /// Appends `bytes`.
    ///
    /// # Errors
    ///
    /// The file system refuses. A part of the bytes may be in the file then, and is not counted.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let mut append = || -> io::Result<()> {
            self.file.seek(SeekFrom::Start(self.length))?;
            self.file.write_all(bytes)
        };
        append().map_err(Error::on("write", &self.path))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Truncates it to zero bytes.
    ///
    /// # Errors
    ///
    /// The file system refuses.
    pub fn clear(&mut self) -> Result<()> {
        self.file.set_len(0).map_err(Error::on("empty", &self.path))?;
        self.length = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(file: &mut PartialFile) -> Vec<u8> {
        let mut content = Vec::new();
        let end = file.read(|piece| {
            content.extend_from_slice(piece);
            ControlFlow::<()>::Continue(())
        });
        assert_eq!(end.unwrap(), ControlFlow::Continue(()));
        content
    }

    #[test]
    fn a_later_process_continues() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let mut first = PartialFile::open(&path).unwrap();
        assert_eq!(first.length(), 0);
        first.append(b"one, ").unwrap();
        first.append(b"two, ").unwrap();
        let mut second = PartialFile::open(&path).unwrap();
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
        let mut file = PartialFile::open(&directory.path().join("file")).unwrap();
        file.append(&vec![1; BUFFER_SIZE + 1]).unwrap();
        let mut pieces = 0;
        let end = file.read(|_| {
            pieces += 1;
            ControlFlow::Break("enough")
        });
        assert_eq!((end.unwrap(), pieces), (ControlFlow::Break("enough"), 1));
    }

    #[test]
    fn an_error_names_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("nowhere/file");
        assert_eq!(PartialFile::open(&path).unwrap_err().path(), path);
    }
}
