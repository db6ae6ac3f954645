//! Appending to a log.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use crate::error::{Error, Result};

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
/// The file is then as it was, or made and empty.
pub fn append(path: &Path, text: &str) -> Result<()> {
    let append = || -> io::Result<()> {
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        let before = file.metadata()?.len();
        let written = file.write(text.as_bytes())?;
        if written == text.len() {
            return Ok(());
        }
        // Nobody else's words are cut off: what follows ours stays.
        if file.metadata()?.len() == before + written as u64 {
            file.set_len(before)?;
        }
        Err(io::ErrorKind::StorageFull.into())
    };
    append().map_err(Error::on("append to", path))
}
