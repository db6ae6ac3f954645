//! Paths that are too long for a system call.

use std::borrow::Cow;
use std::io;
use std::path::Path;

/// A path to the same file that is short enough for a system call, however long the original is.
///
/// On Linux, a path of 4096 bytes or more is followed in parts, and replaced by one through the handle of the
/// last directory, `/proc/self/fd/<n>/<rest>`, which stays open with this value. Elsewhere the path is
/// unchanged, and the system refuses one that is too long.
#[derive(Debug)]
pub(crate) struct SyscallPath<'a> {
    path: Cow<'a, Path>,
    #[cfg(target_os = "linux")]
    _directory: Option<std::os::fd::OwnedFd>,
}

impl<'a> SyscallPath<'a> {
    /// A path to the same file as `path`.
    ///
    /// # Errors
    ///
    /// `path` is too long, and one of its directories cannot be opened.
    pub(crate) fn of(path: &'a Path) -> io::Result<Self> {
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

    /// The path for the system call.
    pub(crate) fn path(&self) -> &Path {
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

    /// The limit for a path with its terminating zero.
    pub(super) const PATH_MAX: usize = 4096;

    /// The limit for a part, which leaves space for the handle before it.
    const PART: usize = PATH_MAX - 64;

    /// Opens directories of a path until the rest is short enough.
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

    /// Splits a path at the last slash that leaves a short enough part and a rest.
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
                let short = SyscallPath::of(&path).unwrap();
                fs::create_dir(short.path()).unwrap();
                assert!(short.path().as_os_str().len() < linux::PATH_MAX);
            }
            let file = path.join("file");
            fs::write(SyscallPath::of(&file).unwrap().path(), name).unwrap();
            let text = fs::read_to_string(SyscallPath::of(&file).unwrap().path()).unwrap();
            assert_eq!(text, *name);
            let slashes = format!("{}//{}", lab.path().display(), "/".repeat(5000));
            assert!(SyscallPath::of(Path::new(&slashes)).is_err(), "nothing is behind the slashes");
            let missing = path.join("missing/file");
            assert!(fs::metadata(SyscallPath::of(&missing).unwrap().path()).is_err());
            crate::remove(&lab.path().join(name)).unwrap();
        }
        let name = lab.path().join("x".repeat(5000));
        assert!(SyscallPath::of(&name).is_err(), "no file system has such a name");
    }
}
