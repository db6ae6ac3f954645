//! The cursor on systems that open directories relative to the handle of another.

#[cfg(target_os = "linux")]
use std::cell::Cell;
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::MountPolicy;
use crate::metadata::{DirEntry, FileKind, Metadata};
use crate::platform::Access;

/// The maximum number of open directories below the root.
const OPEN_AT_MOST: usize = 8;

/// Directories from a root to one below it, the innermost of which is the current one.
#[derive(Debug)]
pub struct TreeCursor {
    root: Arc<OwnedFd>,
    /// The path of the current directory.
    path: Vec<u8>,
    /// The directories below the root.
    levels: Vec<Level>,
    /// The handles of the innermost of them. Empty if the current one was moved.
    open: VecDeque<OwnedFd>,
    mounts: MountPolicy,
    /// Whether the system may have `openat2`: `false` after the first failed call.
    #[cfg(target_os = "linux")]
    has_openat2: Cell<bool>,
    buffer: Vec<u8>,
}

/// A directory below the root.
#[derive(Debug)]
struct Level {
    /// The length of the path of the directory above.
    parent_length: usize,
    /// Device and inode, once its handle is closed.
    identity: Option<Identity>,
}

/// The identity of a file: device and inode.
pub(crate) type Identity = (u64, u64);

impl TreeCursor {
    /// Begins in the directory at `root`, or that a link there leads to.
    ///
    /// # Errors
    ///
    /// It is not a directory, or cannot be read.
    pub(crate) fn open(root: &Path, mounts: MountPolicy) -> io::Result<Self> {
        let short = crate::syscall_path::SyscallPath::of(root)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(CWD, short.path(), flags, Mode::empty())?;
        Ok(Self::at(Arc::new(handle), root, mounts))
    }

    /// Begins in an open directory, which has the path `path`.
    pub(crate) fn at(root: Arc<OwnedFd>, path: &Path, mounts: MountPolicy) -> Self {
        Self {
            root,
            path: path.as_os_str().as_bytes().to_vec(),
            levels: Vec::new(),
            open: VecDeque::new(),
            mounts,
            #[cfg(target_os = "linux")]
            has_openat2: Cell::new(true),
            buffer: Vec::new(),
        }
    }

    /// The number of directories from the root to the current one.
    pub fn depth(&self) -> usize {
        self.levels.len()
    }

    /// The path of the current directory. It may be too long for a system call.
    pub fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.path))
    }

    /// The name of the current directory; empty for the root.
    pub(crate) fn name(&self) -> &OsStr {
        self.name_of(self.levels.len())
    }

    /// The name of the directory at this depth.
    fn name_of(&self, depth: usize) -> &OsStr {
        let end = self.levels.get(depth).map_or(self.path.len(), |below| below.parent_length);
        let start = match depth.checked_sub(1) {
            Some(above) => self.levels[above].parent_length,
            None => end,
        };
        let name = &self.path[start..end];
        OsStr::from_bytes(name.strip_prefix(b"/").unwrap_or(name))
    }

    /// The handle of the current directory.
    pub(crate) fn handle(&self) -> BorrowedFd<'_> {
        self.open.back().unwrap_or(&self.root).as_fd()
    }

    /// Enters the directory `name` in the current one. No link is followed.
    ///
    /// # Errors
    ///
    /// The directory does not exist, cannot be opened, or is a mount point that must not be
    /// crossed. The current directory is then the same as before.
    pub fn enter(&mut self, name: &OsStr) -> io::Result<()> {
        let opened = loop {
            match self.open_below(name, DIRECTORY) {
                // Other threads need handles, too.
                Err(Errno::MFILE | Errno::NFILE) if self.open.len() > 1 => {
                    self.close_outermost()?
                }
                opened => break opened?,
            }
        };
        self.levels.push(Level { parent_length: self.path.len(), identity: None });
        if !self.path.ends_with(b"/") {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name.as_bytes());
        self.open.push_back(opened);
        if self.open.len() > OPEN_AT_MOST {
            self.close_outermost()?;
        }
        Ok(())
    }

    fn close_outermost(&mut self) -> io::Result<()> {
        let level = self.levels.len() - self.open.len();
        let Some(handle) = self.open.pop_front() else { return Ok(()) };
        self.levels[level].identity = Some(identity(&rustix::fs::fstat(&handle)?));
        Ok(())
    }

    /// Returns to the directory above the current one.
    ///
    /// # Errors
    ///
    /// The directory above no longer exists, or no longer contains the current one. Then there is
    /// no current directory; the next call returns to the next one above.
    pub fn leave(&mut self) -> io::Result<()> {
        let Some(level) = self.levels.pop() else { return Ok(()) };
        self.path.truncate(level.parent_length);
        let left = self.open.pop_back();
        if !self.open.is_empty() || self.levels.is_empty() {
            return Ok(());
        }
        let above = match left.and_then(|left| self.open_above(&left)) {
            Some(above) => above,
            // Another process has moved or removed the directory that was left.
            None => self.descend()?,
        };
        self.open.push_back(above);
        Ok(())
    }

    /// The directory above one that was left, if it still contains that one.
    fn open_above(&self, left: &OwnedFd) -> Option<OwnedFd> {
        let expected = self.levels.last()?.identity;
        let above = open(left, OsStr::new(".."), DIRECTORY).ok()?;
        (Some(identity(&rustix::fs::fstat(&above).ok()?)) == expected).then_some(above)
    }

    /// The current directory, by its name and those of all above it.
    fn descend(&self) -> io::Result<OwnedFd> {
        let mut handle: Option<OwnedFd> = None;
        for depth in 1..=self.levels.len() {
            let above = handle.as_ref().unwrap_or(&self.root);
            handle = Some(open(above, self.name_of(depth), DIRECTORY)?);
        }
        let expected = self.levels.last().and_then(|level| level.identity);
        match handle {
            Some(handle) if Some(identity(&rustix::fs::fstat(&handle)?)) == expected => Ok(handle),
            _ => Err(io::Error::other("a directory was moved or replaced while it was read")),
        }
    }

    /// Opens the entry `name`. No link is followed, and no mount crossed if that is forbidden.
    fn open_below(&self, name: &OsStr, access: OFlags) -> Result<OwnedFd, Errno> {
        if self.mounts == MountPolicy::Cross {
            return open(self.handle(), name, access);
        }
        #[cfg(target_os = "linux")]
        if self.has_openat2.get() {
            use rustix::fs::ResolveFlags;
            let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let resolve = ResolveFlags::NO_XDEV;
            match rustix::fs::openat2(self.handle(), name, flags, Mode::empty(), resolve) {
                // Some sandboxes forbid unknown system calls.
                Err(Errno::NOSYS | Errno::PERM) => self.has_openat2.set(false),
                opened => return opened,
            }
        }
        let opened = open(self.handle(), name, access)?;
        if is_same_mount(self.handle(), opened.as_fd())? { Ok(opened) } else { Err(Errno::XDEV) }
    }

    /// The entries of the current directory, in no order.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn read_dir(&mut self) -> io::Result<Vec<DirEntry>> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.reserve(BUFFER_SIZE);
        let children = self.list(buffer.spare_capacity_mut());
        self.buffer = buffer;
        Ok(children?)
    }

    #[cfg(target_os = "linux")]
    fn list(&self, buffer: &mut [MaybeUninit<u8>]) -> Result<Vec<DirEntry>, Errno> {
        let mut entries = rustix::fs::RawDir::new(self.handle(), buffer);
        let mut children = Vec::new();
        while let Some(entry) = entries.next() {
            match entry {
                Ok(entry) => {
                    self.add(entry.file_name().to_bytes(), entry.file_type(), &mut children)?
                }
                // It was removed while it was open.
                Err(Errno::NOENT) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(children)
    }

    #[cfg(not(target_os = "linux"))]
    fn list(&self, _buffer: &mut [MaybeUninit<u8>]) -> Result<Vec<DirEntry>, Errno> {
        let mut children = Vec::new();
        for entry in rustix::fs::Dir::new(rustix::io::dup(self.handle())?)? {
            let entry = entry?;
            self.add(entry.file_name().to_bytes(), entry.file_type(), &mut children)?;
        }
        Ok(children)
    }

    fn add(&self, name: &[u8], kind: FileType, children: &mut Vec<DirEntry>) -> Result<(), Errno> {
        if matches!(name, b"." | b"..") {
            return Ok(());
        }
        let name = OsString::from_vec(name.to_vec());
        let kind = match kind {
            // Some file systems do not store the types of entries in the directory.
            FileType::Unknown => match self.stat(&name) {
                Err(Errno::NOENT) => return Ok(()),
                found => FileType::from_raw_mode(found?.st_mode),
            },
            kind => kind,
        };
        children.push(DirEntry { name, kind: file_kind(kind) });
        Ok(())
    }

    pub(crate) fn stat(&self, name: &OsStr) -> Result<Stat, Errno> {
        rustix::fs::statat(self.handle(), name, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// The metadata of the entry `name`; a link is not followed.
    ///
    /// # Errors
    ///
    /// It is missing, or its metadata cannot be read.
    pub fn metadata(&self, name: &OsStr) -> io::Result<Metadata> {
        Ok(metadata(&self.stat(name)?))
    }

    /// The text of the link `name`.
    ///
    /// # Errors
    ///
    /// The link does not exist, or cannot be read.
    pub fn read_link(&self, name: &OsStr) -> io::Result<OsString> {
        let text = rustix::fs::readlinkat(self.handle(), name, Vec::new())?;
        Ok(OsString::from_vec(text.into_bytes()))
    }

    /// Opens the file `name` for reading. Does not wait for the writer of a FIFO, and follows no
    /// link.
    ///
    /// # Errors
    ///
    /// The file does not exist, or cannot be read.
    pub fn open_file(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(self.handle(), name, flags, Mode::empty())?))
    }

    /// Creates the file `name`, which must not exist, and opens it for writing.
    pub(crate) fn create_file(&self, name: &OsStr, access: Access) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(crate::platform::mode_of(access) as _);
        Ok(File::from(rustix::fs::openat(self.handle(), name, flags, mode)?))
    }

    /// Creates the directory `name`, which must not exist.
    pub(crate) fn create_dir(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(self.handle(), name, Mode::from_raw_mode(0o777))?)
    }

    /// Creates the symbolic link `name`, which must not exist.
    pub(crate) fn symlink(&self, target: &OsStr, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, self.handle(), name)?)
    }

    /// Removes write permission from the file `name`; a link stays unchanged.
    pub(crate) fn make_read_only(&self, name: &OsStr) -> io::Result<()> {
        let mode = Mode::from_raw_mode(self.stat(name)?.st_mode & 0o7777);
        let write = Mode::WUSR | Mode::WGRP | Mode::WOTH;
        match mode.intersects(write) {
            true => Ok(self.set_mode(name, OFlags::empty(), mode.difference(write))?),
            false => Ok(()),
        }
    }

    /// Changes the mode of the entry `name`, opened with `flags`. A link is not followed, even if
    /// it replaces the entry at this moment, and no mount is crossed if that is forbidden.
    pub(crate) fn set_mode(&self, name: &OsStr, flags: OFlags, mode: Mode) -> Result<(), Errno> {
        #[cfg(target_os = "linux")]
        {
            use std::os::fd::AsRawFd;
            let opened = self.open_below(name, OFlags::PATH | flags)?;
            let path = format!("/proc/self/fd/{}", opened.as_raw_fd());
            rustix::fs::chmodat(CWD, path, mode, AtFlags::empty())
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = flags;
            rustix::fs::chmodat(self.handle(), name, mode, AtFlags::SYMLINK_NOFOLLOW)
        }
    }
}

/// The number of bytes of a directory that are read at once.
const BUFFER_SIZE: usize = 32 * 1024;

/// The flags to open a directory that is not listed.
#[cfg(target_os = "linux")]
pub(crate) const UNLISTED: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
pub(crate) const UNLISTED: OFlags = OFlags::RDONLY;

/// The flags to open a directory that is listed.
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

fn open(directory: impl AsFd, name: &OsStr, access: OFlags) -> Result<OwnedFd, Errno> {
    let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(directory, name, flags, Mode::empty())
}

#[expect(clippy::unnecessary_cast, reason = "other systems have other types")]
fn metadata(found: &Stat) -> Metadata {
    let kind = file_kind(FileType::from_raw_mode(found.st_mode));
    let time = |seconds, nanoseconds| {
        let since = Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanoseconds).ok()?);
        UNIX_EPOCH.checked_add(since)
    };
    let modified = time(found.st_mtime as i64, found.st_mtime_nsec as i64);
    Metadata {
        kind,
        size: found.st_size as u64,
        is_executable: found.st_mode & 0o100 != 0,
        has_other_names: found.st_nlink > 1 && kind != FileKind::Directory,
        identity: Some(found.st_ino as u64),
        changed: modified.max(time(found.st_ctime as i64, found.st_ctime_nsec as i64)),
    }
}

#[expect(clippy::unnecessary_cast, reason = "other systems have other types")]
pub(crate) fn identity(found: &Stat) -> Identity {
    (found.st_dev as u64, found.st_ino as u64)
}

/// Whether a directory is in the same mount as the one above it. Linux reports that since 5.8, and
/// the number of an open file's mount since 3.15. Otherwise the devices are compared.
fn is_same_mount(above: BorrowedFd<'_>, below: BorrowedFd<'_>) -> Result<bool, Errno> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{StatxAttributes, StatxFlags, statx};
        let found = statx(below, c"", AtFlags::EMPTY_PATH, StatxFlags::empty());
        let root = StatxAttributes::MOUNT_ROOT;
        if let Some(found) = found.ok().filter(|found| found.stx_attributes_mask.contains(root)) {
            return Ok(!found.stx_attributes.contains(root));
        }
    }
    match (mount_id(above), mount_id(below)) {
        (Some(above), Some(below)) => Ok(above == below),
        _ => Ok(rustix::fs::fstat(above)?.st_dev == rustix::fs::fstat(below)?.st_dev),
    }
}

#[cfg(target_os = "linux")]
fn mount_id(handle: BorrowedFd<'_>) -> Option<String> {
    use std::os::fd::AsRawFd;
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", handle.as_raw_fd())).ok()?;
    info.lines().find_map(|line| Some(line.strip_prefix("mnt_id:")?.trim().to_owned()))
}

#[cfg(not(target_os = "linux"))]
fn mount_id(_handle: BorrowedFd<'_>) -> Option<String> {
    None
}

fn file_kind(kind: FileType) -> FileKind {
    match kind {
        FileType::Directory => FileKind::Directory,
        FileType::RegularFile => FileKind::File,
        FileType::Symlink => FileKind::Link,
        FileType::Fifo => FileKind::Special("a FIFO"),
        FileType::Socket => FileKind::Special("a socket"),
        FileType::BlockDevice => FileKind::Special("a block device"),
        FileType::CharacterDevice => FileKind::Special("a character device"),
        FileType::Unknown => FileKind::Special("something unknown"),
    }
}
