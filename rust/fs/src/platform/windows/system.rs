//! The calls of Windows that no crate has a safe function for.

use std::fs::File;
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::{Component, Path, Prefix};

use windows_sys::Win32::Foundation::{
    ERROR_INVALID_PARAMETER, ERROR_LOCK_VIOLATION, WAIT_OBJECT_0,
};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_STANDARD_INFO, FileStandardInfo, GetFileInformationByHandleEx, LOCKFILE_EXCLUSIVE_LOCK,
    LOCKFILE_FAIL_IMMEDIATELY, LockFileEx, MoveFileExW,
};
use windows_sys::Win32::System::IO::OVERLAPPED;
use windows_sys::Win32::System::Threading::{
    OpenProcess, PROCESS_SYNCHRONIZE, WaitForSingleObject,
};

/// Renames a file or directory, unless the new name exists.
pub(super) fn move_new(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (wide(from)?, wide(to)?);
    // SAFETY: both are strings of 16-bit units with a zero at the end.
    checked(unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), 0) })
}

/// Waits until no other handle has locked the file, and locks it until this one is closed.
pub(crate) fn lock_exclusive(file: &File) -> io::Result<()> {
    lock(file, LOCKFILE_EXCLUSIVE_LOCK)
}

/// Locks the file until its handle is closed. Returns whether no other handle had locked it.
pub(crate) fn try_lock_exclusive(file: &File) -> io::Result<bool> {
    match lock(file, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY) {
        Err(error) if is_code(&error, ERROR_LOCK_VIOLATION) => Ok(false),
        locked => locked.map(|()| true),
    }
}

/// Locks a byte far behind the content: no other process can read a byte that is locked, and Julia reads the content.
fn lock(file: &File, flags: u32) -> io::Result<()> {
    const OFFSET_HIGH: u32 = 1 << 30;
    let mut overlapped = OVERLAPPED::default();
    overlapped.Anonymous.Anonymous.OffsetHigh = OFFSET_HIGH;
    // SAFETY: the handle is open, and synchronous, so the call is over when it returns.
    checked(unsafe { LockFileEx(file.as_raw_handle(), flags, 0, 1, 0, &raw mut overlapped) })
}

/// Whether an open file has been deleted, and has its name until its last handle is closed.
pub(crate) fn is_deleted(file: &File) -> bool {
    let mut found = FILE_STANDARD_INFO::default();
    // SAFETY: the handle is open, and the call writes no more bytes than `found` has.
    let success = unsafe {
        GetFileInformationByHandleEx(
            file.as_raw_handle(),
            FileStandardInfo,
            (&raw mut found).cast(),
            size_of::<FILE_STANDARD_INFO>() as u32,
        )
    };
    success != 0 && found.DeletePending
}

/// Whether a process of this machine has ended.
pub(crate) fn is_dead(pid: u32) -> bool {
    // SAFETY: no pointer is passed.
    let handle = unsafe { OpenProcess(PROCESS_SYNCHRONIZE, 0, pid) };
    if handle.is_null() {
        // Another user's process cannot be opened.
        return is_code(&io::Error::last_os_error(), ERROR_INVALID_PARAMETER);
    }
    // SAFETY: the handle is new and nobody else closes it.
    let process = unsafe { OwnedHandle::from_raw_handle(handle) };
    // Its number remains as long as a process has a handle of it. SAFETY: the handle is open.
    unsafe { WaitForSingleObject(process.as_raw_handle(), 0) == WAIT_OBJECT_0 }
}

fn is_code(error: &io::Error, code: u32) -> bool {
    error.raw_os_error() == Some(code.cast_signed())
}

fn checked(success: i32) -> io::Result<()> {
    if success == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// A path for a system call, of any length.
fn wide(path: &Path) -> io::Result<Vec<u16>> {
    let path = std::path::absolute(path)?;
    let mut units: Vec<u16> = path.as_os_str().encode_wide().collect();
    if units.contains(&0) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let (prefix, replaced) = match path.components().next() {
        Some(Component::Prefix(prefix)) => match prefix.kind() {
            Prefix::Disk(_) => (r"\\?\", 0),
            Prefix::UNC(..) => (r"\\?\UNC", 1),
            _ => ("", 0),
        },
        _ => ("", 0),
    };
    units.splice(..replaced, prefix.encode_utf16());
    units.push(0);
    Ok(units)
}
