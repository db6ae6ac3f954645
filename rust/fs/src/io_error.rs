//! Classes of I/O errors.

use std::io;

#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(not(unix))]
pub(crate) use windows::*;

/// Turns "not supported by this file system" into success, for optional requests.
pub(crate) fn where_supported(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if is_unsupported(&error) => Ok(()),
        result => result,
    }
}

/// Whether a path does not and cannot exist: it is missing, leads through a file or a loop of links, or
/// is not valid on any file system.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidInput | InvalidFilename)
        || is_link_loop(error)
}

/// Whether a file is missing, or vanished while it was used: NFS then answers `ESTALE`.
pub(crate) fn is_vanished(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::StaleNetworkFileHandle)
}

/// Whether a path exists already, or is a directory that is not empty.
pub(crate) fn is_occupied(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty};
    matches!(error.kind(), AlreadyExists | DirectoryNotEmpty)
}

/// Whether writing there is forbidden.
pub(crate) fn is_read_only(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem)
}

#[cfg(unix)]
mod unix {
    use std::io;

    use rustix::io::Errno;

    /// The name of an error number in the manuals.
    pub(crate) fn error_name(code: i32) -> Option<&'static str> {
        const NAMES: &[(Errno, &str)] = &[
            (Errno::ACCESS, "EACCES"),
            (Errno::BUSY, "EBUSY"),
            (Errno::DQUOT, "EDQUOT"),
            (Errno::EXIST, "EEXIST"),
            (Errno::INVAL, "EINVAL"),
            (Errno::IO, "EIO"),
            (Errno::ISDIR, "EISDIR"),
            (Errno::LOOP, "ELOOP"),
            (Errno::MFILE, "EMFILE"),
            (Errno::NAMETOOLONG, "ENAMETOOLONG"),
            (Errno::NOENT, "ENOENT"),
            (Errno::NOLCK, "ENOLCK"),
            (Errno::NOSPC, "ENOSPC"),
            (Errno::NOTDIR, "ENOTDIR"),
            (Errno::NOTEMPTY, "ENOTEMPTY"),
            (Errno::PERM, "EPERM"),
            (Errno::ROFS, "EROFS"),
            (Errno::STALE, "ESTALE"),
            (Errno::XDEV, "EXDEV"),
        ];
        NAMES.iter().find(|(errno, _)| errno.raw_os_error() == code).map(|(_, name)| *name)
    }

    /// Whether an error means a loop of symbolic links.
    pub(crate) fn is_link_loop(error: &io::Error) -> bool {
        error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
    }

    /// Whether an error of a lock call means that the file system has no such locks.
    pub(crate) fn has_no_locks(error: &io::Error) -> bool {
        let code = error.raw_os_error();
        let errors = [Errno::NOLCK, Errno::OPNOTSUPP, Errno::NOSYS, Errno::INVAL];
        errors.iter().any(|errno| code == Some(errno.raw_os_error()))
    }

    /// Whether an error means that the file system, or a pair of them, does not support the operation, rather
    /// than that the operation failed.
    pub(crate) fn is_unsupported(error: &io::Error) -> bool {
        let errors =
            [Errno::OPNOTSUPP, Errno::XDEV, Errno::INVAL, Errno::NOTTY, Errno::NOSYS, Errno::PERM];
        let code = error.raw_os_error();
        error.kind() == io::ErrorKind::Unsupported
            || errors.iter().any(|errno| code == Some(errno.raw_os_error()))
    }
}

#[cfg(not(unix))]
mod windows {
    use std::io;

    pub(crate) fn error_name(_code: i32) -> Option<&'static str> {
        None
    }

    pub(crate) fn is_link_loop(_error: &io::Error) -> bool {
        false
    }

    pub(crate) fn has_no_locks(_error: &io::Error) -> bool {
        false
    }

    pub(crate) fn is_unsupported(error: &io::Error) -> bool {
        use windows_sys::Win32::Foundation as win32;
        const CODES: [u32; 4] = [
            win32::ERROR_INVALID_FUNCTION,
            win32::ERROR_NOT_SAME_DEVICE,
            win32::ERROR_NOT_SUPPORTED,
            win32::ERROR_PRIVILEGE_NOT_HELD,
        ];
        // The crate `reflink-copy` has them in this form, in which COM returns them.
        const IN_COM: u32 = 0x8007_0000;
        let code = error.raw_os_error().map(i32::cast_unsigned);
        let is_one = |code: u32| CODES.iter().any(|known| code == *known || code == known | IN_COM);
        error.kind() == io::ErrorKind::Unsupported || code.is_some_and(is_one)
    }
}
