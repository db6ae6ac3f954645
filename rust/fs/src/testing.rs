//! For tests.

use std::io;
use std::path::Path;

/// Creates a symbolic link at `path`, of the kind for its target.
pub(crate) fn symlink(target: impl AsRef<Path>, path: impl AsRef<Path>) -> io::Result<()> {
    let (target, path) = (target.as_ref(), path.as_ref());
    let to_directory = path.parent().is_some_and(|directory| directory.join(target).is_dir());
    crate::platform::symlink(target.as_os_str(), path, to_directory)
}
