//! Appending to a log.

use std::fs::OpenOptions;
use std::io::{self, Seek, Write};
use std::path::Path;

use crate::error::{Error, Result};
use crate::read::open_regular;

/// Appends `text` to the file at `path` in one write, and creates it if it does not exist.
///
/// The caller holds the lock of the file.
///
/// # Crash
///
/// One write is atomic, also with respect to processes that append without the lock (except on NFS). If the
/// disk is full, a part that was written is removed.
///
/// # Errors
///
/// It is not a regular file, or cannot be written. The file is then unchanged, or created and empty.
pub fn append(path: &Path, text: &str) -> Result<()> {
    let append = || -> io::Result<()> {
        let mut file = open_regular(path, OpenOptions::new().append(true).create(true))?;
        let written = file.write(text.as_bytes())?;
        if written == text.len() {
            return Ok(());
        }
        // Text that another process has appended since stays.
        let end = file.stream_position()?;
        if file.metadata()?.len() == end {
            file.set_len(end.saturating_sub(written as u64))?;
        }
        Err(io::ErrorKind::StorageFull.into())
    };
    append().map_err(Error::on("append to", path))
}
