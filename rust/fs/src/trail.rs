//! Walking a tree by the handles of its directories, however deep it is.
//!
//! A [`Trail`] leads from a directory, its root, to one below it. It holds the handles of the innermost
//! few directories only, and gets back to the others by `..`. So the number of open files does not
//! grow with the depth, no path is ever too long for the system, and the time is linear in the number
//! of directories. Nothing recurses: the stack does not grow with the depth either.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::path::Path;

use crate::error::{Error, Result};

#[cfg(not(unix))]
#[path = "trail/windows.rs"]
mod system;
#[cfg(unix)]
#[path = "trail/unix.rs"]
mod system;

pub use system::Trail;
#[cfg(unix)]
pub(crate) use system::{Identity, UNLISTED, identity};

/// Whether a walk enters file systems that are mounted below its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crossing {
    /// It does.
    Allowed,
    /// It does not: to enter a mount point is an error ([`std::io::ErrorKind::CrossesDevices`]). A
    /// directory that is bound from elsewhere is a mount point too.
    Forbidden,
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Its name.
    pub name: OsString,
    /// What it is.
    pub kind: FileKind,
}

/// What an entry of a directory is; links are not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// A FIFO, a socket or a device, in words.
    Special(&'static str),
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FileKind {
    /// What it is, in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Directory => "a directory",
            Self::File => "a file",
            Self::Link => "a symbolic link",
            Self::Special(name) => name,
        }
    }
}

/// The metadata of an entry of a directory; links are not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Properties {
    /// What it is.
    pub kind: FileKind,
    /// Its size in bytes.
    pub size: u64,
    /// Whether its owner may execute it.
    pub is_executable: bool,
    /// Whether it has other names too.
    pub has_other_names: bool,
}

impl Trail {
    /// Begins as [`Trail::open`], and lists the root.
    ///
    /// # Errors
    ///
    /// As [`Trail::open`] and [`Trail::entries`].
    pub fn open_and_list(root: &Path, crossing: Crossing) -> Result<(Self, Vec<Child>)> {
        let open = || -> io::Result<_> {
            let mut trail = Self::open(root, crossing)?;
            let children = trail.entries()?;
            Ok((trail, children))
        };
        open().map_err(Error::on("list the directory", root))
    }

    /// Goes on as [`Trail::enter`], and lists the directory.
    ///
    /// # Errors
    ///
    /// As [`Trail::enter`] and [`Trail::entries`].
    pub fn enter_and_list(&mut self, name: &OsStr) -> Result<Vec<Child>> {
        let failed = |path: &Path, error| Error::on("list the directory", path)(error);
        self.enter(name).map_err(|error| failed(&self.path().join(name), error))?;
        self.entries().map_err(|error| failed(self.path(), error))
    }

    /// Goes back as [`Trail::leave`], where the tree must not change meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Trail::leave`].
    pub fn go_back(&mut self) -> Result<()> {
        self.leave().map_err(|error| Error::on("return to the directory", self.path())(error))
    }
}

/// Calls `visit` with each entry of each directory at and below `root` that is not a directory, in no
/// order, until it returns `false`. Links are not followed, mounts are crossed.
///
/// # Errors
///
/// A directory cannot be read.
pub fn visit(root: &Path, mut visit: impl FnMut(&Trail, &Child) -> bool) -> Result<()> {
    let (mut trail, children) = Trail::open_and_list(root, Crossing::Allowed)?;
    let mut pending = vec![children];
    while let Some(children) = pending.last_mut() {
        match children.pop() {
            None => {
                pending.pop();
                trail.go_back()?;
            }
            Some(Child { name, kind: FileKind::Directory }) => {
                pending.push(trail.enter_and_list(&name)?);
            }
            Some(child) if visit(&trail, &child) => {}
            Some(_) => break,
        }
    }
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use rustix::fs::{Mode, OFlags};

    use super::*;

    fn at(lab: &Path, levels: usize) -> Trail {
        let mut trail = Trail::open(lab, Crossing::Forbidden).unwrap();
        for level in 0..levels {
            let name = format!("level {level}");
            trail.make_directory(name.as_ref()).unwrap();
            trail.enter(name.as_ref()).unwrap();
        }
        trail
    }

    #[test]
    fn a_trail_leads_back_the_way_that_it_came() {
        let lab = tempfile::tempdir().unwrap();
        let mut trail = at(lab.path(), 40);
        for level in (0..40).rev() {
            assert_eq!(trail.depth(), level + 1);
            assert!(trail.path().ends_with(format!("level {level}")));
            let names: Vec<_> =
                trail.entries().unwrap().into_iter().map(|child| child.name).collect();
            let below = format!("level {}", level + 1);
            assert_eq!(names, if level == 39 { vec![] } else { vec![OsString::from(below)] });
            trail.leave().unwrap();
        }
        assert_eq!((trail.path(), trail.depth()), (lab.path(), 0));
    }

    /// The directories above the current one are moved: what is at their old place is not taken for
    /// them, and neither is what they are in now.
    #[test]
    fn a_trail_does_not_go_on_where_it_was_not() {
        let lab = tempfile::tempdir().unwrap();
        let mut trail = at(lab.path(), 30);
        let moved = lab.path().join("level 0/level 1/level 2");
        fs::rename(moved.join("level 3"), lab.path().join("moved")).unwrap();
        fs::rename(&moved, lab.path().join("moved too")).unwrap();
        fs::create_dir_all(moved.join("level 3/level 4")).unwrap();
        let mut lost = 0;
        while trail.depth() > 0 {
            lost += usize::from(trail.leave().is_err());
            assert!(trail.path().starts_with(lab.path()));
        }
        assert_eq!(lost, 1, "it goes on above what was moved");
        assert_eq!(trail.entries().unwrap().len(), 3);
    }

    #[test]
    fn neither_a_mode_nor_a_walk_follows_a_link() {
        let lab = tempfile::tempdir().unwrap();
        let outside = lab.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::set_permissions(&outside, fs::Permissions::from_mode(0o500)).unwrap();
        symlink(&outside, lab.path().join("link")).unwrap();
        let mut trail = Trail::open(lab.path(), Crossing::Forbidden).unwrap();
        for flags in [OFlags::DIRECTORY, OFlags::empty()] {
            let _ = trail.set_mode("link".as_ref(), flags, Mode::RWXU);
        }
        assert_eq!(fs::metadata(&outside).unwrap().permissions().mode() & 0o777, 0o500);
        assert!(trail.enter("link".as_ref()).is_err());
        trail.set_mode("outside".as_ref(), OFlags::DIRECTORY, Mode::RWXU).unwrap();
        assert_eq!(fs::metadata(&outside).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
