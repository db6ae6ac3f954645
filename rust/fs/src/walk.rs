//! The one way to walk a tree: by the handles of its directories.
//!
//! `walkdir` walks by paths, so it fails at 4,096 bytes, follows a link that replaces a directory
//! during the walk, and enters mounts. A [`TreeCursor`] opens each directory relative to the one
//! above, keeps at most eight handles open, and returns to the others by `..`: any depth, constant
//! stack, linear time.
//!
//! [`walk`] visits every entry. Copying, listing for an archive and removal keep a state per
//! directory, and move a cursor themselves.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use crate::error::{Error, Result};
use crate::metadata::{DirEntry, FileKind};

#[cfg(not(unix))]
#[path = "walk/windows.rs"]
mod system;
#[cfg(unix)]
#[path = "walk/unix.rs"]
mod system;

pub use system::TreeCursor;
#[cfg(unix)]
pub(crate) use system::{Identity, UNLISTED, identity};

/// Whether a walk enters file systems that are mounted below its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MountPolicy {
    /// Mounts are entered.
    Cross,
    /// Entering a mount point is an error ([`std::io::ErrorKind::CrossesDevices`]). A bind mount is
    /// a mount point too.
    Refuse,
}

impl TreeCursor {
    /// Begins in the directory at `root`, or that a link there leads to, and lists it. Mounts below
    /// are entered.
    ///
    /// # Errors
    ///
    /// It is not a directory, or cannot be read.
    pub fn open_and_list(root: &Path) -> Result<(Self, Vec<DirEntry>)> {
        let open = || -> io::Result<_> {
            let mut cursor = Self::open(root, MountPolicy::Cross)?;
            let entries = cursor.read_dir()?;
            Ok((cursor, entries))
        };
        open().map_err(Error::on(LIST, root))
    }

    /// As [`TreeCursor::enter`], and lists the directory.
    ///
    /// # Errors
    ///
    /// As [`TreeCursor::enter`] and [`TreeCursor::read_dir`].
    pub fn enter_and_list(&mut self, name: &OsStr) -> Result<Vec<DirEntry>> {
        self.enter(name).map_err(|error| Error::on(LIST, self.path().join(name))(error))?;
        self.read_dir().map_err(|error| Error::on(LIST, self.path())(error))
    }

    /// As [`TreeCursor::leave`], with the path in the error.
    ///
    /// # Errors
    ///
    /// As [`TreeCursor::leave`].
    pub fn leave_checked(&mut self) -> Result<()> {
        self.leave().map_err(|error| Error::on("return to the directory", self.path())(error))
    }
}

const LIST: &str = "list the directory";

/// Calls `visit` with each entry below the directory `root`, a directory before its entries, in no
/// order, until it returns `false`. Links are not followed, mounts are entered.
///
/// # Errors
///
/// A directory cannot be read.
pub fn walk(root: &Path, visit: impl FnMut(&TreeCursor, &DirEntry) -> bool) -> Result<()> {
    let mut cursor = TreeCursor::open(root, MountPolicy::Cross).map_err(Error::on(LIST, root))?;
    walk_below(&mut cursor, Err, visit)
}

/// As [`walk`], below the current directory of `cursor`. Each error is passed to `on_error`: if
/// that returns `Ok`, the walk continues without the directory.
///
/// # Errors
///
/// The first error that `on_error` returns.
pub(crate) fn walk_below(
    cursor: &mut TreeCursor,
    mut on_error: impl FnMut(Error) -> Result<()>,
    mut visit: impl FnMut(&TreeCursor, &DirEntry) -> bool,
) -> Result<()> {
    let mut pending = vec![list(cursor, &mut on_error)?];
    while let Some(entries) = pending.last_mut() {
        let Some(entry) = entries.pop() else {
            pending.pop();
            // After an error, the current directory is one that other processes did not move.
            while !pending.is_empty()
                && let Err(error) = cursor.leave_checked()
            {
                on_error(error)?;
                pending.pop();
            }
            continue;
        };
        if !visit(cursor, &entry) {
            break;
        }
        if entry.kind != FileKind::Directory {
            continue;
        }
        match cursor.enter(&entry.name) {
            Ok(()) => pending.push(list(cursor, &mut on_error)?),
            Err(error) => on_error(Error::on(LIST, cursor.path().join(&entry.name))(error))?,
        }
    }
    Ok(())
}

fn list(
    cursor: &mut TreeCursor,
    on_error: &mut impl FnMut(Error) -> Result<()>,
) -> Result<Vec<DirEntry>> {
    cursor.read_dir().or_else(|error| {
        on_error(Error::on(LIST, cursor.path())(error))?;
        Ok(Vec::new())
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    #[cfg(unix)]
    use std::fs;

    use super::*;

    fn at(lab: &Path, levels: usize) -> TreeCursor {
        let mut cursor = TreeCursor::open(lab, MountPolicy::Refuse).unwrap();
        for level in 0..levels {
            let name = format!("level {level}");
            cursor.create_dir(name.as_ref()).unwrap();
            cursor.enter(name.as_ref()).unwrap();
        }
        cursor
    }

    #[test]
    fn a_cursor_leads_back_the_way_that_it_came() {
        let lab = tempfile::tempdir().unwrap();
        let mut cursor = at(lab.path(), 40);
        for level in (0..40).rev() {
            assert_eq!(cursor.depth(), level + 1);
            assert!(cursor.path().ends_with(format!("level {level}")));
            let names: Vec<_> =
                cursor.read_dir().unwrap().into_iter().map(|entry| entry.name).collect();
            let below = format!("level {}", level + 1);
            assert_eq!(names, if level == 39 { vec![] } else { vec![OsString::from(below)] });
            cursor.leave().unwrap();
        }
        assert_eq!((cursor.path(), cursor.depth()), (lab.path(), 0));
    }

    /// The directories above the current one are moved: the cursor enters neither new directories
    /// at their old paths nor the directories that contain them now.
    #[test]
    #[cfg(unix)]
    fn a_cursor_does_not_go_on_where_it_was_not() {
        let lab = tempfile::tempdir().unwrap();
        let mut cursor = at(lab.path(), 30);
        let moved = lab.path().join("level 0/level 1/level 2");
        fs::rename(moved.join("level 3"), lab.path().join("moved")).unwrap();
        fs::rename(&moved, lab.path().join("moved too")).unwrap();
        fs::create_dir_all(moved.join("level 3/level 4")).unwrap();
        let mut lost = 0;
        while cursor.depth() > 0 {
            lost += usize::from(cursor.leave().is_err());
            assert!(cursor.path().starts_with(lab.path()));
        }
        assert_eq!(lost, 1, "it goes on above what was moved");
        assert_eq!(cursor.read_dir().unwrap().len(), 3);
    }

    #[test]
    #[cfg(unix)]
    fn neither_a_mode_nor_a_walk_follows_a_link() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        use rustix::fs::{Mode, OFlags};
        let lab = tempfile::tempdir().unwrap();
        let outside = lab.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::set_permissions(&outside, fs::Permissions::from_mode(0o500)).unwrap();
        symlink(&outside, lab.path().join("link")).unwrap();
        let mut cursor = TreeCursor::open(lab.path(), MountPolicy::Refuse).unwrap();
        for flags in [OFlags::DIRECTORY, OFlags::empty()] {
            let _ = cursor.set_mode("link".as_ref(), flags, Mode::RWXU);
        }
        assert_eq!(fs::metadata(&outside).unwrap().permissions().mode() & 0o777, 0o500);
        assert!(cursor.enter("link".as_ref()).is_err());
        cursor.set_mode("outside".as_ref(), OFlags::DIRECTORY, Mode::RWXU).unwrap();
        assert_eq!(fs::metadata(&outside).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
