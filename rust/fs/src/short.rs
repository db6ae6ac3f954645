//! Paths that are longer than a system call takes.

use std::borrow::Cow;
use std::io;
use std::path::Path;

/// A path to the same file that a system call takes, however long the path is that it was made of.
///
/// On Linux a path of 4096 bytes or more is followed in parts, and this leads through the handle of the
/// last directory that was reached, `/proc/self/fd/<n>/<rest>`, which is held open as long as this is.
/// Elsewhere the path is the same, and the system calls it too long if it is.
#[derive(Debug)]
pub struct Short<'a> {
    path: Cow<'a, Path>,
    #[cfg(target_os = "linux")]
    _directory: Option<std::os::fd::OwnedFd>,
}

impl<'a> Short<'a> {
    /// A path that leads where `path` does.
    ///
    /// # Errors
    ///
    /// `path` is too long, and a directory on its way cannot be entered.
    pub fn of(path: &'a Path) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        {
            if path.as_os_str().len() < linux::PATH_MAX {
                return Ok(Self { path: path.into(), _directory: None });
            }
            let (directory, rest) = linux::follow(path)?;
            Ok(Self { path: linux::through(&directory, rest).into(), _directory: Some(directory) })
        }
        #[cfg(not(target_os = "linux"))]
        Ok(Self { path: path.into() })
    }

    /// The path that a system call takes.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::OsStr;
    use std::io;
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Path, PathBuf};

    use rustix::fs::{CWD, Mode, OFlags};

    /// How long a path may be, with the zero at its end.
    pub(super) const PATH_MAX: usize = 4096;

    /// How long a part is at most: there is room for the handle before the last one.
    const PART: usize = PATH_MAX - 64;

    /// Opens directories on the way of a path until the rest is short enough.
    pub(super) fn follow(path: &Path) -> io::Result<(OwnedFd, &Path)> {
        let mut rest = path.as_os_str().as_bytes();
        let mut directory: Option<OwnedFd> = None;
        loop {
            let (part, behind) = split(rest).ok_or(rustix::io::Errno::NAMETOOLONG)?;
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let part = OsStr::from_bytes(part);
            let opened = match &directory {
                Some(above) => rustix::fs::openat(above, part, flags, Mode::empty())?,
                None => rustix::fs::openat(CWD, part, flags, Mode::empty())?,
            };
            if behind.len() < PART {
                return Ok((opened, Path::new(OsStr::from_bytes(behind))));
            }
            directory = Some(opened);
            rest = behind;
        }
    }

    /// Parts a path at the last slash that leaves a part short enough, and something behind it.
    fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
        let end = path.iter().rposition(|byte| *byte != b'/')?;
        let slash = path[..PART.min(end)].iter().rposition(|byte| *byte == b'/')?;
        let behind = path[slash..].iter().position(|byte| *byte != b'/')? + slash;
        // The root is its own slash.
        Some((&path[..slash.max(1)], &path[behind..]))
    }

    pub(super) fn through(directory: &OwnedFd, rest: &Path) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(rest)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_path_of_any_length_leads_to_its_file() {
        let lab = tempfile::tempdir().unwrap();
        for name in [&"d".repeat(20), &"n".repeat(250)] {
            let mut path = lab.path().to_owned();
            for _ in 0..13_000 / name.len() {
                path.push(name);
                let short = Short::of(&path).unwrap();
                fs::create_dir(short.path()).unwrap();
                assert!(short.path().as_os_str().len() < linux::PATH_MAX);
            }
            let file = path.join("file");
            fs::write(Short::of(&file).unwrap().path(), name).unwrap();
            let text = fs::read_to_string(Short::of(&file).unwrap().path()).unwrap();
            assert_eq!(text, *name);
            let slashes = format!("{}//{}", lab.path().display(), "/".repeat(5000));
            assert!(Short::of(Path::new(&slashes)).is_err(), "nothing is behind the slashes");
            let missing = path.join("missing/file");
            assert!(fs::metadata(Short::of(&missing).unwrap().path()).is_err());
            crate::remove(&lab.path().join(name)).unwrap();
        }
        let name = lab.path().join("x".repeat(5000));
        assert!(Short::of(&name).is_err(), "no file system has such a name");
    }
}
