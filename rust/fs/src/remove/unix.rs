//! Removing a tree of any depth by the handles of its directories: a link that replaces a directory
//! meanwhile is not followed.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, statat};
use rustix::io::Errno;

use super::{TrustedDir, is_removal_name, removal_name};
use crate::error::{self, Error, MountPoint};
use crate::io_error::{is_link_loop, is_read_only, is_vanished};
use crate::measure::Size;
use crate::metadata::{DirEntry, FileKind};
use crate::syscall_path::SyscallPath;
use crate::walk::{MountPolicy, TreeCursor, UNLISTED};

/// The identity of a directory: device and inode.
pub(super) type Identity = crate::walk::Identity;

/// An open directory.
pub(super) type Handle = Arc<OwnedFd>;

const DIRECTORY: OFlags = UNLISTED.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Opens the directory at `path`.
pub(super) fn open(path: &Path) -> io::Result<Handle> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    Ok(Arc::new(rustix::fs::open(SyscallPath::of(path)?.path(), DIRECTORY, Mode::empty())?))
}

/// The identity of the directory at `path`, or `None` if it is not a directory.
pub(super) fn directory(path: &Path, trusted: &TrustedDir) -> io::Result<Option<Identity>> {
    let Some((handle, name)) = trusted.handle_for(path).zip(path.file_name()) else {
        let found = std::fs::symlink_metadata(path)?;
        return Ok(found.is_dir().then(|| (found.dev(), found.ino())));
    };
    let found = statat(handle, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let is_directory = FileType::from_raw_mode(found.st_mode) == FileType::Directory;
    Ok(is_directory.then(|| crate::walk::identity(&found)))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The parent directory of `path`, opened, and the name of `path` in it; `None` if the directory
/// does not exist. Links in `trusted`, which contains `path`, are followed, and none below it. A
/// directory that replaces the parent later is not touched.
fn above<'a>(path: &'a Path, trusted: &TrustedDir) -> io::Result<Option<(Handle, &'a OsStr)>> {
    let name = path.file_name();
    let name = name.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it has no name"))?;
    let open_parent = || -> io::Result<Handle> {
        let mut directory = match &trusted.handle {
            Some(handle) => Arc::clone(handle),
            None => open(&trusted.path)?,
        };
        for below in parent(path).strip_prefix(&trusted.path).unwrap_or(Path::new("")) {
            let flags = DIRECTORY | OFlags::NOFOLLOW;
            directory = Arc::new(rustix::fs::openat(&directory, below, flags, Mode::empty())?);
        }
        Ok(directory)
    };
    match open_parent() {
        Err(absent) if absent.kind() == io::ErrorKind::NotFound => Ok(None),
        directory => Ok(Some((directory?, name))),
    }
}

/// Renames the directory at `path`, and returns its new path; `None` if it does not exist. If
/// renaming fails it keeps its name. No link is followed below `trusted`.
pub(super) fn rename_aside(path: &Path, trusted: &TrustedDir) -> error::Result<Option<PathBuf>> {
    let failed = |error: io::Error| Error::on("remove", path)(error);
    let Some((directory, name)) = above(path, trusted).map_err(failed)? else { return Ok(None) };
    if is_removal_name(name) {
        return Ok(Some(path.to_owned()));
    }
    for count in 0.. {
        let aside = removal_name(path, count);
        match rename_new(directory.as_fd(), name, &aside).map_err(io::Error::from) {
            Ok(()) => return Ok(Some(path.with_file_name(aside))),
            Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => {}
            Err(absent) if absent.kind() == io::ErrorKind::NotFound => return Ok(None),
            // Only its entries could be removed.
            Err(refused) if is_read_only(&refused) => return Err(failed(refused)),
            Err(_) => break,
        }
    }
    Ok(Some(path.to_owned()))
}

/// Renames in one directory, unless the new name exists.
fn rename_new(directory: BorrowedFd<'_>, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        let flags = rustix::fs::RenameFlags::NOREPLACE;
        match rustix::fs::renameat_with(directory, from, directory, to, flags) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
            renamed => return renamed,
        }
    }
    match statat(directory, to, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Err(Errno::EXIST),
        Err(_) => rustix::fs::renameat(directory, from, directory, to),
    }
}

/// Removes the file or link at `path`, and returns its size. No link is followed below `trusted`.
pub(super) fn remove_leaf(path: &Path, trusted: &TrustedDir) -> io::Result<Size> {
    let Some((directory, name)) = above(path, trusted)? else { return Ok(Size::default()) };
    let found = match statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(Size::default()),
        found => found?,
    };
    match rustix::fs::unlinkat(&directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(Size::of_file(found.st_size as u64, found.st_nlink > 1)),
        Err(error) => Err(error.into()),
    }
}

/// Removes the directory at `path` with its entries, and returns their size. Continues after an
/// error, and returns the first one in the end. If its identity is not `expected`, nothing is
/// removed.
pub(super) fn remove_tree(
    path: &Path,
    expected: Identity,
    trusted: &TrustedDir,
) -> error::Result<Size> {
    let failed = |error: io::Error| Error::on("remove", path)(error);
    let name = path.file_name().unwrap_or_default();
    let opened = trusted.handle_for(path).cloned().map_or_else(|| open(parent(path)), Ok);
    let cursor = opened.map(|handle| TreeCursor::at(handle, parent(path), MountPolicy::Refuse));
    let cursor = match cursor {
        Err(absent) if absent.kind() == io::ErrorKind::NotFound => return Ok(Size::default()),
        cursor => cursor.map_err(failed)?,
    };
    let mut removal =
        Removal { cursor, levels: Vec::new(), size: Size::default(), first_error: Ok(()) };
    removal.enter(name);
    if removal.cursor.depth() > 0
        && !removal.is_at(expected).map_err(|error| failed(error.into()))?
    {
        return Err(failed(io::Error::other("another directory has taken its place")));
    }
    removal.run();
    removal.first_error.map(|()| removal.size)
}

/// The state of a removal.
struct Removal {
    cursor: TreeCursor,
    /// The directories that are being emptied, the outermost first.
    levels: Vec<Level>,
    size: Size,
    first_error: error::Result<()>,
}

/// A directory that is being emptied.
struct Level {
    entries: vec::IntoIter<DirEntry>,
    /// Whether its mode has been changed.
    is_accessible: bool,
}

impl Removal {
    fn run(&mut self) {
        while let Some(level) = self.levels.last_mut() {
            match level.entries.next() {
                Some(DirEntry { name, kind: FileKind::Directory }) => self.enter(&name),
                Some(DirEntry { name, .. }) => self.remove_leaf(&name),
                None => self.leave(),
            }
        }
    }

    fn is_at(&self, expected: Identity) -> Result<bool, Errno> {
        let found = rustix::fs::fstat(self.cursor.handle())?;
        Ok(crate::walk::identity(&found) == expected)
    }

    /// Records an error of the entry `name` of the current directory, or of the directory itself if
    /// `name` is empty.
    fn note(&mut self, name: &OsStr, error: impl Into<io::Error>) {
        let error = error.into();
        if self.first_error.is_ok() && !is_vanished(&error) {
            let path: PathBuf = self.cursor.path().join(name).components().collect();
            self.first_error = Err(Error::on("remove", path)(error));
        }
    }

    /// Enters a directory, to empty it.
    fn enter(&mut self, name: &OsStr) {
        let entered = match self.cursor.enter(name) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                match self.allow_entering(name) {
                    Err(refused) if refused.kind() == io::ErrorKind::PermissionDenied => Err(error),
                    allowed => allowed.and_then(|()| self.cursor.enter(name)),
                }
            }
            entered => entered,
        };
        match entered.map_err(|error| (error.kind(), error)) {
            Ok(()) => {
                let entries = self.cursor.read_dir().unwrap_or_else(|error| {
                    self.note("".as_ref(), error);
                    Vec::new()
                });
                self.levels.push(Level { entries: entries.into_iter(), is_accessible: false });
            }
            // A file or a link has replaced it.
            Err((kind, error))
                if !self.levels.is_empty()
                    && (kind == io::ErrorKind::NotADirectory || is_link_loop(&error)) =>
            {
                self.remove_leaf(name);
            }
            Err((io::ErrorKind::CrossesDevices, _)) => {
                let point = MountPoint(self.cursor.path().join(name));
                self.note(name, io::Error::new(io::ErrorKind::ResourceBusy, point));
            }
            // An empty directory can be removed without opening it.
            Err((_, error)) => {
                let removed = self.unlink(name, AtFlags::REMOVEDIR);
                if removed.is_err() {
                    self.note(name, error);
                }
            }
        }
    }

    /// Lets the owner of the directory `name` list, search and change it.
    fn allow_entering(&mut self, name: &OsStr) -> io::Result<()> {
        self.with_access(|cursor| {
            let mode = Mode::from_raw_mode(cursor.stat(name)?.st_mode & 0o7777);
            cursor.set_mode(name, OFlags::DIRECTORY, mode | Mode::RWXU)
        })
        .map_err(io::Error::from)
    }

    /// Calls `act` in the current directory; if that is forbidden, again after granting its owner
    /// all permissions. The parent of the whole tree keeps its mode.
    fn with_access<T>(
        &mut self,
        mut act: impl FnMut(&TreeCursor) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let Self { cursor, levels, .. } = self;
        match (act(cursor), levels.last_mut()) {
            (Err(error @ (Errno::ACCESS | Errno::PERM)), Some(level)) if !level.is_accessible => {
                level.is_accessible = true;
                let mode = rustix::fs::fstat(cursor.handle())?.st_mode & 0o7777;
                let mode = Mode::from_raw_mode(mode) | Mode::RWXU;
                // Only its owner can change it; else the first error is the useful one.
                rustix::fs::fchmod(cursor.handle(), mode).map_err(|_| error)?;
                act(cursor)
            }
            (result, _) => result,
        }
    }

    fn unlink(&mut self, name: &OsStr, flags: AtFlags) -> Result<(), Errno> {
        self.with_access(|cursor| rustix::fs::unlinkat(cursor.handle(), name, flags))
    }

    fn remove_leaf(&mut self, name: &OsStr) {
        let found = match self.with_access(|cursor| cursor.stat(name)) {
            Ok(found) => found,
            Err(error) => return self.note(name, error),
        };
        // A directory has replaced it.
        if FileType::from_raw_mode(found.st_mode) == FileType::Directory {
            return self.note(name, Errno::ISDIR);
        }
        match self.unlink(name, AtFlags::empty()) {
            Ok(()) => self.size += Size::of_file(found.st_size as u64, found.st_nlink > 1),
            Err(error) => self.note(name, error),
        }
    }

    /// Returns to the parent, and removes the directory that was emptied.
    fn leave(&mut self) {
        let name = self.cursor.name().to_owned();
        self.levels.pop();
        let mut is_lost = false;
        // Another process has removed or moved a directory between.
        while let Err(error) = self.cursor.leave() {
            self.note("".as_ref(), error);
            self.levels.pop();
            is_lost = true;
        }
        if is_lost {
            return;
        }
        if let Err(error) = self.unlink(&name, AtFlags::REMOVEDIR) {
            self.note(&name, error);
        }
    }
}
