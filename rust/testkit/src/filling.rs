//! The files that the worker's generator writes into a space.

use std::fs;
use std::io;
use std::path::Path;

/// Fills a directory with files that hold `content`; nothing if `content` is empty. `half_way` is
/// called when some of them exist.
///
/// # Errors
///
/// Those of the file system, and of `half_way`.
pub fn fill(
    directory: &Path,
    content: &str,
    half_way: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    if content.is_empty() {
        return half_way();
    }
    fs::write(directory.join("first"), content)?;
    half_way()?;
    fs::create_dir(directory.join("below"))?;
    fs::write(directory.join("below/second"), content)
}
