//! Appending to a log.

use std::fs::OpenOptions;
use std::io::{self, Seek, Write};
use std::path::Path;

use crate::error::{Error, Result};
use crate::regular::open_regular;

/// Appends `text` to the file at `path`, which is made if it is missing, in one write.
///
/// The caller holds the lock of the file.
///
/// # Crash
///
/// The system performs one write at the end of a file whole or not at all, also against other
/// processes that append without the lock (NFS excepted). If the disk is full in the middle of
/// it, the part is taken back.
///
/// # Errors
///
/// If it is not a regular file, or cannot be written. The file is then as it was, or made and empty.
pub fn append(path: &Path, text: &str) -> Result<()> {
    let append = || -> io::Result<()> {
        let mut file = open_regular(path, OpenOptions::new().append(true).create(true))?;
        let written = file.write(text.as_bytes())?;
        if written == text.len() {
            return Ok(());
        }
        // Nobody else's words are cut off: what follows ours stays.
        let end = file.stream_position()?;
        if file.metadata()?.len() == end {
            file.set_len(end.saturating_sub(written as u64))?;
        }
        Err(io::ErrorKind::StorageFull.into())
    };
    append().map_err(Error::on("append to", path))
}
