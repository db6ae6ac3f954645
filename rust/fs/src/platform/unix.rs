//! The operations of a Unix system.

use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fs2::FileExt;
#[cfg(target_os = "linux")]
use rustix::fs::Mode;
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
use rustix::fs::RenameFlags;
use rustix::fs::{Access, AtFlags, CWD, OFlags, Timespec, Timestamps, UTIME_NOW};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use crate::metadata::FileKind;

/// Whether there is a directory at `path`, by the cheapest call.
pub(crate) fn is_dir(path: &Path) -> bool {
    let Ok(short) = crate::syscall_path::SyscallPath::of(path) else { return false };
    let path = short.path();
    // With a slash at the end, only a directory exists.
    let mut name = Vec::with_capacity(path.as_os_str().len() + 1);
    name.extend_from_slice(path.as_os_str().as_bytes());
    name.push(b'/');
    rustix::fs::access(name, Access::EXISTS).is_ok()
}

/// Whether entries of the directory at `path` may be created and removed.
pub(crate) fn is_writable_dir(path: &Path) -> bool {
    rustix::fs::access(path, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

/// The inode, which identifies a file or directory in its file system.
pub(crate) fn identity(metadata: &Stat) -> Option<u64> {
    Some(metadata.ino())
}

/// The metadata of a file.
pub(crate) type Stat = Metadata;

/// The metadata of `path`; links are followed.
pub(crate) fn stat(path: &Path) -> io::Result<Stat> {
    std::fs::metadata(path)
}

/// The metadata of `path`; a link at `path` is not followed.
pub(crate) fn lstat(path: &Path) -> io::Result<Stat> {
    std::fs::symlink_metadata(path)
}

/// The metadata of an open file.
pub(crate) fn fstat(file: &File) -> io::Result<Stat> {
    file.metadata()
}

/// Whether two handles are the same file.
pub(crate) fn is_same_file(a: &Stat, b: &Stat) -> bool {
    a.ino() == b.ino() && a.dev() == b.dev()
}

/// Whether a file has several hard links.
pub(crate) fn has_other_names(metadata: &Stat) -> bool {
    metadata.nlink() > 1
}

/// Waits until no other handle has locked the file, and locks it until this one is closed.
pub(crate) fn lock_exclusive(file: &File) -> io::Result<()> {
    FileExt::lock_exclusive(file)
}

/// Locks the file until its handle is closed. Returns whether no other handle had locked it.
pub(crate) fn try_lock_exclusive(file: &File) -> io::Result<bool> {
    let locked = match FileExt::try_lock_exclusive(file) {
        Err(error) if wants_writer(&error) => FileExt::try_lock_shared(file),
        result => result,
    };
    match locked {
        Err(error) if error.raw_os_error() == fs2::lock_contended_error().raw_os_error() => {
            Ok(false)
        }
        result => result.map(|()| true),
    }
}

/// Whether an error of an exclusive lock call means that the file must be open for writing, as on NFS.
fn wants_writer(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::BADF.raw_os_error())
}

/// Removes a file, whose name is free at once.
pub(crate) use std::fs::remove_file as free_name;

/// Whether an open file has been deleted, and has its name still: not on a Unix system.
pub(crate) fn is_deleted(_file: &File) -> bool {
    false
}

/// Whether a file can be replaced, deleted and renamed while it is open, whatever its file system.
pub(crate) const OPEN_FILES_ARE_REPLACED: bool = true;

/// Whether a process of this machine has ended.
pub(crate) fn is_dead(pid: u32) -> bool {
    match i32::try_from(pid).ok().and_then(Pid::from_raw) {
        Some(id) => test_kill_process(id) == Err(Errno::SRCH) || is_zombie(pid),
        None => true,
    }
}

/// Whether a process has ended, and its parent has not waited for it. In a container whose first process does
/// not reap orphans, it remains a zombie.
fn is_zombie(pid: u32) -> bool {
    // `<pid> (<name>) <state> …`, with any characters in the name. Only Linux has this file.
    let stat = std::fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    let name_end = stat.iter().rposition(|byte| *byte == b')');
    name_end.is_some_and(|end| stat[end..].starts_with(b") Z"))
}

/// Exchanges two directories atomically. `Unsupported` if the system or the file system cannot do that.
pub(crate) fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    match rustix::fs::renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
        result => return result.map_err(io::Error::from),
    }
    let _ = (a, b);
    Err(io::ErrorKind::Unsupported.into())
}

/// Creates the file at `path` after `prepare` has filled it, so that other processes never see it empty.
///
/// The file is created without a name and then linked to its name. If the file system cannot do that, it is
/// created under its name, and is visible before `prepare` is done.
pub(crate) fn create_prepared(
    path: &Path,
    mut prepare: impl FnMut(&mut File) -> io::Result<()>,
) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    if let Some(mut file) = create_nameless(path) {
        prepare(&mut file)?;
        match name_also(&file, path) {
            Ok(()) => return Ok(file),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            Err(_) => {}
        }
    }
    let mut options = OpenOptions::new();
    let mut file = options.read(true).write(true).create_new(true).mode(LOCK_MODE).open(path)?;
    prepare(&mut file).inspect_err(|_| {
        // Only this one: if it has vanished, the name may be that of another file by now.
        let named = file.metadata().and_then(|ours| Ok((ours, std::fs::symlink_metadata(path)?)));
        if named.is_ok_and(|(ours, theirs)| is_same_file(&ours, &theirs)) {
            let _ = std::fs::remove_file(path);
        }
    })?;
    Ok(file)
}

/// Whether a file that will soon be free or gone is the cause of an error: never on a Unix system.
pub(crate) fn is_in_the_way(_path: &Path, _error: &io::Error) -> bool {
    false
}

/// Creates a hard link to an open file, unless `path` exists. `Unsupported` if the system cannot do that.
pub(crate) fn name_also(file: &File, path: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd;
        let handle = format!("/proc/self/fd/{}", file.as_raw_fd());
        rustix::fs::linkat(CWD, handle, CWD, path, AtFlags::SYMLINK_FOLLOW)?;
        Ok(())
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (file, path);
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Whether only this machine uses the file system of a directory, so that all processes see a change at once.
/// `false` if that is unknown.
pub(crate) fn is_local(directory: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        // As `man 2 statfs` has them: ext4, XFS, Btrfs, F2FS, bcachefs, ZFS, tmpfs, overlayfs.
        const LOCAL: &[u32] = &[
            0xef53,
            0x5846_5342,
            0x9123_683e,
            0xf2f5_2010,
            0xca45_1a4e,
            0x2fc1_2fc1,
            0x0102_1994,
            0x794c_7630,
        ];
        rustix::fs::statfs(directory).is_ok_and(|found| LOCAL.contains(&(found.f_type as u32)))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = directory;
        false
    }
}

const LOCK_MODE: u32 = 0o444;

#[cfg(target_os = "linux")]
fn create_nameless(path: &Path) -> Option<File> {
    let directory = path.parent()?;
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    rustix::fs::open(directory, flags, Mode::from_raw_mode(LOCK_MODE)).ok().map(File::from)
}

/// Options to create a file that must not exist.
pub(crate) fn create_options(access: super::Access) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode_of(access));
    options
}

/// The mode of a new file, before the umask.
pub(crate) fn mode_of(access: super::Access) -> u32 {
    let executable = if access.executable { 0o111 } else { 0 };
    let writable = if access.read_only { 0 } else { 0o200 };
    0o444 | executable | writable
}

/// The path that has these bytes.
pub(crate) fn path_of(bytes: Vec<u8>) -> Option<PathBuf> {
    Some(std::ffi::OsString::from_vec(bytes).into())
}

/// Opens a file with `options`, without waiting for the writer of a FIFO.
pub(crate) fn open_at_once(path: &Path, options: &OpenOptions) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    options.clone().custom_flags(flags.bits().cast_signed()).open(path)
}

/// Opens a file of any kind for reading, without waiting, and not through a link at the end of `path`.
pub(crate) fn open_nofollow(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// Sets the times of a file to now. Permission to write to the file is enough.
pub(crate) fn touch(path: &Path) -> io::Result<()> {
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let times = Timestamps { last_access: now, last_modification: now };
    Ok(rustix::fs::utimensat(CWD, path, &times, AtFlags::empty())?)
}

/// Gives a temporary file the permissions of a new file: by default, only its owner can read it.
pub(crate) fn apply_umask(temporary: &mut tempfile::Builder<'_, '_>) {
    temporary.permissions(std::fs::Permissions::from_mode(0o666));
}

/// Whether a directory can be opened and synced.
pub(crate) const SYNCS_DIRECTORIES: bool = true;

/// Options to open a file that is written to the disk.
pub(crate) fn options_to_sync() -> OpenOptions {
    OpenOptions::new().read(true).clone()
}

/// Writes all changes of the file system of a directory to the disk. `Unsupported` if the system cannot do
/// that.
pub(crate) fn sync_file_system(directory: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    return Ok(rustix::fs::syncfs(File::open(directory)?)?);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = directory;
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The kind of an open file.
pub(crate) fn kind(file: &File) -> io::Result<FileKind> {
    Ok(FileKind::of(file.metadata()?.file_type()))
}

/// The name of a special file.
pub(crate) fn special_name(kind: std::fs::FileType) -> &'static str {
    match () {
        () if kind.is_fifo() => "a FIFO",
        () if kind.is_socket() => "a socket",
        () if kind.is_block_device() => "a block device",
        () if kind.is_char_device() => "a character device",
        () => "something unknown",
    }
}

pub(crate) fn symlink(target: &OsStr, path: &Path, _to_directory: bool) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

pub(crate) fn set_executable(path: &Path, executable: bool) -> io::Result<()> {
    let mut permissions = std::fs::metadata(path)?.permissions();
    let mode = permissions.mode() & !0o111;
    let readable = mode & 0o444;
    permissions.set_mode(mode | if executable { 0o100 | readable >> 2 } else { 0 });
    std::fs::set_permissions(path, permissions)
}

/// Not asked for: the mode decides.
pub(crate) fn may_execute(_path: &Path) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether the owner of a file may execute it.
pub(crate) fn is_executable(metadata: &Metadata) -> bool {
    metadata.permissions().mode() & 0o100 != 0
}

/// The permissions of a file, for the one that replaces it.
pub(crate) fn permissions(replaced: &Metadata) -> Option<std::fs::Permissions> {
    Some(replaced.permissions())
}

/// The time of the last change of content, name or permissions.
pub(crate) fn changed(metadata: &Metadata) -> Option<SystemTime> {
    let nanoseconds = u32::try_from(metadata.ctime_nsec()).ok()?;
    let since = Duration::new(u64::try_from(metadata.ctime()).ok()?, nanoseconds);
    Some(metadata.modified().ok()?.max(UNIX_EPOCH + since))
}

/// Renames, and replaces a file by a file, and an empty directory by a directory.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)
}

/// Renames, unless the new name exists. `Unsupported` if the system or the file system cannot do that.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
        result => return result.map_err(io::Error::from),
    }
    let _ = (from, to);
    Err(io::ErrorKind::Unsupported.into())
}

/// The permissions of a file without those to write; `None` if it has none of these.
pub(crate) fn without_write(metadata: &Metadata) -> Option<std::fs::Permissions> {
    let mut permissions = metadata.permissions();
    let mode = permissions.mode();
    permissions.set_mode(mode & !0o222);
    (mode & 0o222 != 0).then_some(permissions)
}
