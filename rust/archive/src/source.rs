//! Reading untrusted files and links on disk.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use scratchrs_fs as effect;
use scratchrs_fs::{FileKind, Metadata};

use crate::error::Error;
use crate::platform;

/// How many bytes of a file are in memory at a time.
pub(crate) const BUFFER_SIZE: usize = 128 * 1024;

/// The target of a symbolic link.
pub(crate) fn read_link(path: &Path) -> Result<OsString, Error> {
    Ok(effect::read_link(path)?)
}

/// The metadata of `path`; a link is not followed.
///
/// # Errors
///
/// It is missing, or its metadata cannot be read.
pub(crate) fn inspect(path: &Path) -> Result<Metadata, Error> {
    let missing = || effect::Error::on("inspect", path)(io::Error::from_raw_os_error(2));
    Ok(effect::symlink_metadata(path)?.ok_or_else(missing)?)
}

/// An open regular file, with its size and mode when it was opened.
pub(crate) struct SourceFile<'a> {
    path: &'a Path,
    file: File,
    pub(crate) size: u64,
    pub(crate) executable: bool,
}

impl<'a> SourceFile<'a> {
    /// Opens a file.
    ///
    /// Type, size and mode are those of the open file, even if another file gets its name
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or is not a regular file.
    pub(crate) fn open(path: &'a Path) -> Result<Self, Error> {
        let file = effect::open_nofollow(path)?;
        let found = Metadata::of_file(&file).map_err(effect::Error::on("inspect", path))?;
        if !found.is_file() {
            return Err(unsupported(found.kind, path));
        }
        Ok(Self {
            path,
            file,
            size: found.size,
            executable: effect::is_executable(&found, || path.to_owned()),
        })
    }

    /// Opens a file whose size and mode are known from a listing.
    ///
    /// They are not read again, which saves a quarter of the system calls for a small file: a
    /// change of the file shows as another size when it is read. An empty file is the exception,
    /// since a FIFO reads as empty.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or was listed as empty and has changed.
    pub(crate) fn open_listed(path: &'a Path, size: u64, executable: bool) -> Result<Self, Error> {
        if size > 0 {
            let file = effect::open_nofollow(path)?;
            return Ok(Self { path, file, size, executable });
        }
        let file = Self::open(path)?;
        if (file.size, file.executable) != (size, executable) {
            return Err(Error::ChangedWhileReading { path: path.to_owned(), expected: size });
        }
        Ok(file)
    }

    /// Passes the contents to `sink` in pieces, read into `buffer`.
    ///
    /// # Errors
    ///
    /// Reading fails, or gives another size than the file had when it was opened; or the first
    /// error of `sink`, which may have received a part by then.
    pub(crate) fn read(
        mut self,
        buffer: &mut [u8],
        mut sink: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut left = self.size;
        loop {
            let count = match self.file.read(buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(effect::Error::on("read", self.path)(error).into()),
            };
            if count as u64 > left || count == 0 && left > 0 {
                let path = self.path.to_owned();
                return Err(Error::ChangedWhileReading { path, expected: self.size });
            }
            sink(&buffer[..count])?;
            left -= count as u64;
            // A partly filled buffer means the end: small files need no second read, which would be
            // a fifth of their system calls.
            if left == 0 && count < buffer.len() {
                return Ok(());
            }
        }
    }

    /// Appends a part of the contents to `out`.
    ///
    /// # Errors
    ///
    /// Reading fails, or shows another size than the file had when it was opened.
    pub(crate) fn read_part(&self, part: Range<u64>, out: &mut Vec<u8>) -> Result<(), Error> {
        let at = out.len();
        let length = part.end - part.start;
        // At the end, one more byte is requested, to detect a longer file.
        let is_end = part.end == self.size;
        out.resize(at + length as usize + usize::from(is_end), 0);
        let count = platform::read_at(&self.file, part.start, &mut out[at..])
            .map_err(effect::Error::on("read", self.path))?;
        out.truncate(at + length as usize);
        if count as u64 == length {
            return Ok(());
        }
        Err(Error::ChangedWhileReading { path: self.path.to_owned(), expected: self.size })
    }
}

pub(crate) fn unsupported(kind: FileKind, path: &Path) -> Error {
    Error::UnsupportedFileType { path: path.to_owned(), found: kind.name() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::fixture::Tree;

    fn read(file: SourceFile<'_>, buffer_size: usize) -> Result<Vec<u8>, Error> {
        let mut contents = Vec::new();
        file.read(&mut vec![0; buffer_size], |piece| {
            contents.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(contents)
    }

    #[test]
    fn a_file_is_read_completely_with_any_buffer() {
        for contents in ["", "1", "1234", "123456789012", "1234567890123"] {
            let tree = Tree::new().file("f", contents);
            let path = tree.path().join("f");
            for buffer_size in [1, 3, 4, 100] {
                let file = SourceFile::open(&path).unwrap();
                assert_eq!(file.size, contents.len() as u64);
                assert_eq!(read(file, buffer_size).unwrap(), contents.as_bytes());
            }
        }
    }

    #[test]
    fn a_change_of_the_size_is_an_error() {
        let tree = Tree::new().file("f", "1234");
        let path = tree.path().join("f");
        for changed in ["", "123", "12345", "12345678"] {
            for buffer_size in [1, 4, 100] {
                fs::write(&path, "1234").unwrap();
                let file = SourceFile::open(&path).unwrap();
                fs::write(&path, changed).unwrap();
                let result = read(file, buffer_size);
                assert!(
                    matches!(&result, Err(Error::ChangedWhileReading { path: named, expected: 4 }) if *named == path),
                    "{result:?}"
                );
            }
        }
    }
}
