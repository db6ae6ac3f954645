//! Giving the content of a file a second place: by a link where the file system can, else by a
//! copy.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};
use crate::platform;
use crate::short::Short;

/// How a second place shares the content of the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkMode {
    /// A file of its own whose blocks are those of the first until one of the two is written to
    /// (Btrfs, XFS, APFS, ReFS).
    Reflink,
    /// A second name of the same file: one content, one set of permissions.
    Hardlink,
    /// A symbolic link with the absolute path of the first.
    Symlink,
    /// A file of its own, with blocks of its own.
    Copy,
}

/// All modes, the best first: what is its own file and costs nothing, what costs nothing, what
/// every program can tell from a file, what costs as much again.
pub const LINK_MODES: [LinkMode; 4] =
    [LinkMode::Reflink, LinkMode::Hardlink, LinkMode::Symlink, LinkMode::Copy];

impl LinkMode {
    /// The name of the mode, which it is read from too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reflink => "reflink",
            Self::Hardlink => "hardlink",
            Self::Symlink => "symlink",
            Self::Copy => "copy",
        }
    }
}

impl fmt::Display for LinkMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no [`LinkMode`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownLinkMode(String);

impl fmt::Display for UnknownLinkMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = LINK_MODES.map(LinkMode::name).join("`, `");
        write!(f, "`{}` is no way to link files: expected one of `{names}`", self.0)
    }
}

impl std::error::Error for UnknownLinkMode {}

impl FromStr for LinkMode {
    type Err = UnknownLinkMode;

    fn from_str(text: &str) -> std::result::Result<Self, UnknownLinkMode> {
        let mode = LINK_MODES.into_iter().find(|mode| mode.name() == text);
        mode.ok_or_else(|| UnknownLinkMode(text.to_owned()))
    }
}

/// Links many files in the same way, and finds out on the way what the file system can do: what it
/// refuses once as unknown to it is not tried again. Several threads may share one.
#[derive(Debug)]
pub struct Linker {
    /// What to try, in this order; the last is a copy, which every file system can do.
    modes: Vec<LinkMode>,
    /// Which of them is the first that has not been refused.
    current: AtomicUsize,
}

impl Linker {
    /// A linker for the given mode, which falls back on copies only; without one, for the best that
    /// the file system can do.
    ///
    /// A program that asks for a mode may be unable to stand another one, but it can stand a copy.
    pub fn new(wanted: Option<LinkMode>) -> Self {
        let modes = match wanted {
            None => LINK_MODES.to_vec(),
            Some(LinkMode::Copy) => vec![LinkMode::Copy],
            Some(mode) => vec![mode, LinkMode::Copy],
        };
        Self { modes, current: AtomicUsize::new(0) }
    }

    /// The mode that the next file will be tried with: the one really used, once there was a file.
    pub fn mode(&self) -> LinkMode {
        self.modes[self.current.load(Ordering::Relaxed)]
    }

    /// Gives `target`, where nothing may be, the content and the permissions of the file `original`,
    /// and returns in which mode.
    ///
    /// # Errors
    ///
    /// If the file system refuses for another reason than that it does not know the mode; also if
    /// `original` has as many names as it can have ([`has_too_many_names`]). A copy that fails
    /// leaves nothing.
    pub fn link(&self, original: &Path, target: &Path) -> Result<LinkMode> {
        let mut index = self.current.load(Ordering::Relaxed);
        loop {
            let mode = self.modes[index];
            match place(mode, original, target) {
                Ok(()) => return Ok(mode),
                Err(error) if mode != LinkMode::Copy && platform::is_unsupported(&error) => {
                    index += 1;
                    self.current.fetch_max(index, Ordering::Relaxed);
                }
                Err(error) => return Err(Error::on(verb(mode), target)(error)),
            }
        }
    }
}

fn verb(mode: LinkMode) -> &'static str {
    match mode {
        LinkMode::Reflink | LinkMode::Copy => "copy a file to",
        LinkMode::Hardlink | LinkMode::Symlink => "make the link",
    }
}

fn place(mode: LinkMode, original: &Path, target: &Path) -> io::Result<()> {
    let text = original.as_os_str();
    let short = (Short::of(original)?, Short::of(target)?);
    let (original, target) = (short.0.path(), short.1.path());
    match mode {
        LinkMode::Hardlink => fs::hard_link(original, target),
        LinkMode::Symlink => platform::make_link(text, target, false),
        LinkMode::Reflink => {
            reflink_copy::reflink(original, target)?;
            with_permissions_of(original, target)
        }
        LinkMode::Copy => copy(original, target),
    }
}

fn with_permissions_of(original: &Path, target: &Path) -> io::Result<()> {
    let allow = || fs::set_permissions(target, fs::metadata(original)?.permissions());
    platform::where_supported(allow()).inspect_err(|_| {
        let _ = fs::remove_file(target);
    })
}

fn copy(original: &Path, target: &Path) -> io::Result<()> {
    let mut from = crate::regular::open_to_read(original)?;
    let mut to = fs::OpenOptions::new().write(true).create_new(true).open(target)?;
    let copied = io::copy(&mut from, &mut to)
        .and_then(|_| from.metadata())
        .and_then(|metadata| platform::where_supported(to.set_permissions(metadata.permissions())));
    copied.inspect_err(|_| {
        let _ = fs::remove_file(target);
    })
}

/// Whether a link could not be made because the file has as many names as the file system allows
/// (65,000 on ext4).
pub fn has_too_many_names(error: &Error) -> bool {
    error.io_error().kind() == io::ErrorKind::TooManyLinks
}

/// Moves the file or directory `built` to `target`, unless something is there already, and returns
/// whether it did. Of several processes that move something there, one does.
///
/// # Crash
///
/// `built` is at its old place or at `target`, whole; on a file system without `renameat2` (NFS)
/// a file may be at both.
///
/// # Errors
///
/// If the file system refuses.
pub fn move_new(built: &Path, target: &Path) -> Result<bool> {
    let failed = || Error::on("move into place", target);
    let short = (Short::of(built).map_err(failed())?, Short::of(target).map_err(failed())?);
    let moved = match platform::rename_new(short.0.path(), short.1.path()) {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            rename_unless_there(short.0.path(), short.1.path())
        }
        result => result,
    };
    match moved {
        Ok(()) => Ok(true),
        Err(error) if is_taken(&error) => Ok(false),
        Err(error) => Err(failed()(error)),
    }
}

fn is_taken(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty};
    matches!(error.kind(), AlreadyExists | DirectoryNotEmpty)
}

/// As [`move_new`], where the file system can't do it in one call: a name for a file is taken by
/// linking it, and a directory replaces at most an empty one.
fn rename_unless_there(built: &Path, target: &Path) -> io::Result<()> {
    if fs::symlink_metadata(built)?.is_dir() {
        return fs::rename(built, target);
    }
    match fs::hard_link(built, target) {
        Ok(()) => fs::remove_file(built),
        Err(error) if is_taken(&error) => Err(error),
        // No links either: whoever comes in between has the same content to put there.
        Err(_) if fs::symlink_metadata(target).is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(built, target),
    }
}

/// Takes the right to write from the file or directory at `path`, and leaves the others as they
/// are. A file system without permissions (vfat as it is mounted for everybody) is no error.
///
/// # Errors
///
/// If there is nothing at `path`, or the file system refuses.
pub fn make_read_only(path: &Path) -> Result<()> {
    let make = || -> io::Result<()> {
        let short = Short::of(path)?;
        let path = short.path();
        let metadata = fs::symlink_metadata(path)?;
        match platform::without_write(&metadata) {
            None => Ok(()),
            Some(permissions) => platform::where_supported(fs::set_permissions(path, permissions)),
        }
    };
    make().map_err(Error::on("take the right to write from", path))
}

/// Renames `path` to `target`, replacing a file that is there.
///
/// # Errors
///
/// If the file system refuses.
pub fn rename(path: &Path, target: &Path) -> Result<()> {
    let rename = || fs::rename(Short::of(path)?.path(), Short::of(target)?.path());
    rename().map_err(Error::on("rename to", target))
}

/// The absolute path of what is at `path`, links resolved.
///
/// # Errors
///
/// If there is nothing, or links lead in a circle.
pub fn resolve(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).map_err(Error::on("find", path))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    fn original(directory: &Path) -> PathBuf {
        let path = directory.join("original");
        fs::write(&path, "content").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o555)).unwrap();
        path
    }

    #[test]
    fn every_mode_gives_the_content_and_the_mode_of_the_file() {
        let lab = tempfile::tempdir().unwrap();
        let original = original(lab.path());
        for mode in LINK_MODES {
            let linker = Linker::new(Some(mode));
            let target = lab.path().join(mode.name());
            let used = linker.link(&original, &target).unwrap();
            assert!(used == mode || used == LinkMode::Copy && mode == LinkMode::Reflink);
            assert_eq!(linker.mode(), used, "what was used is known afterwards");
            assert_eq!(fs::read(&target).unwrap(), b"content");
            assert_eq!(fs::metadata(&target).unwrap().mode() & 0o777, 0o555);
            let again = linker.link(&original, &target).unwrap_err();
            assert_eq!(again.io_error().kind(), io::ErrorKind::AlreadyExists, "{mode}");
        }
        let inode = |name: &str| fs::metadata(lab.path().join(name)).unwrap().ino();
        assert_eq!(inode("hardlink"), inode("original"));
        assert_ne!(inode("copy"), inode("original"));
        assert_eq!(fs::read_link(lab.path().join("symlink")).unwrap(), original);
    }

    /// What the file system cannot do is tried once: another error is no reason to try less.
    #[test]
    fn what_is_not_supported_is_not_tried_again() {
        let linker = Linker::new(None);
        let lab = tempfile::tempdir().unwrap();
        let original = original(lab.path());
        let first = linker.link(&original, &lab.path().join("first")).unwrap();
        assert_eq!(linker.mode(), first);
        linker.link(&original, &lab.path().join("nowhere/second")).unwrap_err();
        assert_eq!(linker.mode(), first);
        let index = linker.current.load(Ordering::Relaxed);
        assert_eq!(linker.modes[index], first);
    }

    #[test]
    fn a_place_is_taken_once() {
        let lab = tempfile::tempdir().unwrap();
        let at = |name: &str| lab.path().join(name);
        for (round, kind) in ["file", "directory"].into_iter().enumerate() {
            let make = |name: &str| {
                if kind == "file" {
                    fs::write(at(name), name).unwrap();
                } else {
                    fs::create_dir(at(name)).unwrap();
                    fs::write(at(name).join("inside"), name).unwrap();
                }
            };
            let target = at(&format!("target {round}"));
            make("first");
            make("second");
            assert!(move_new(&at("first"), &target).unwrap(), "{kind}");
            assert!(!move_new(&at("second"), &target).unwrap(), "{kind}");
            assert!(at("second").exists() && !at("first").exists());
            rename_unless_there(&at("second"), &target).unwrap_err();
            crate::remove(&at("second")).unwrap();
        }
    }

    #[test]
    fn a_read_only_file_keeps_its_other_rights() {
        let lab = tempfile::tempdir().unwrap();
        let file = lab.path().join("file");
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o765)).unwrap();
        make_read_only(&file).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o545);
    }

    #[test]
    fn a_mode_is_read_from_its_name() {
        for mode in LINK_MODES {
            assert_eq!(mode.name().parse(), Ok(mode));
        }
        let error = "junction".parse::<LinkMode>().unwrap_err().to_string();
        assert!(error.starts_with("`junction` is no way to link files"), "{error}");
    }
}
