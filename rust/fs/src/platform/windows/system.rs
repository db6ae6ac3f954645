//! The calls of Windows that no crate has a safe function for.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::{Component, Path, Prefix};

use windows_sys::Win32::Foundation::{
    ERROR_CALL_NOT_IMPLEMENTED, ERROR_INVALID_FUNCTION, ERROR_INVALID_PARAMETER,
    ERROR_LOCK_VIOLATION, ERROR_NOT_SUPPORTED, WAIT_OBJECT_0,
};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_DISPOSITION_FLAG_DELETE, FILE_DISPOSITION_FLAG_IGNORE_READONLY_ATTRIBUTE,
    FILE_DISPOSITION_FLAG_POSIX_SEMANTICS, FILE_DISPOSITION_INFO_EX, FILE_FLAG_OPEN_REPARSE_POINT,
    FILE_STANDARD_INFO, FileDispositionInfoEx, FileStandardInfo, GetDriveTypeW,
    GetFileInformationByHandleEx, LOCKFILE_EXCLUSIVE_LOCK, LOCKFILE_FAIL_IMMEDIATELY, LockFileEx,
    MoveFileExW, SetFileInformationByHandle,
};
use windows_sys::Win32::System::IO::OVERLAPPED;
use windows_sys::Win32::System::Threading::{
    OpenProcess, PROCESS_SYNCHRONIZE, WaitForSingleObject,
};
use windows_sys::Win32::System::WindowsProgramming::{DRIVE_FIXED, DRIVE_RAMDISK};

/// Renames a file or directory, unless the new name exists.
pub(super) fn move_new(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (wide(from)?, wide(to)?);
    // SAFETY: both are strings of 16-bit units with a zero at the end.
    checked(unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), 0) })
}

/// Deletes a file, whose name is free when this returns.
pub(super) fn delete_at_once(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.access_mode(DELETE).custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
    let file = options.open(path)?;
    let how = FILE_DISPOSITION_INFO_EX {
        Flags: FILE_DISPOSITION_FLAG_DELETE
            | FILE_DISPOSITION_FLAG_POSIX_SEMANTICS
            | FILE_DISPOSITION_FLAG_IGNORE_READONLY_ATTRIBUTE,
    };
    // SAFETY: the handle is open, and the call reads no more bytes than `how` has.
    checked(unsafe {
        SetFileInformationByHandle(
            file.as_raw_handle(),
            FileDispositionInfoEx,
            (&raw const how).cast(),
            size_of::<FILE_DISPOSITION_INFO_EX>() as u32,
        )
    })
}

/// Whether the system or the file system does not know a call: systems differ in how they say so.
pub(super) fn is_unknown_call(error: &io::Error) -> bool {
    const CODES: [u32; 4] = [
        ERROR_INVALID_FUNCTION,
        ERROR_NOT_SUPPORTED,
        ERROR_INVALID_PARAMETER,
        ERROR_CALL_NOT_IMPLEMENTED,
    ];
    CODES.iter().any(|code| is_code(error, *code))
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

/// Whether a directory is on a disk of this machine that nobody takes out.
pub(super) fn is_on_local_drive(directory: &Path) -> io::Result<bool> {
    // Without links and substituted drives: `\\?\C:\…`, or `\\?\UNC\…` for another machine.
    let path = std::fs::canonicalize(directory)?;
    let Some(Component::Prefix(prefix)) = path.components().next() else { return Ok(false) };
    let Prefix::VerbatimDisk(letter) = prefix.kind() else { return Ok(false) };
    let root = [u16::from(letter), u16::from(b':'), u16::from(b'\\'), 0];
    // SAFETY: a string of 16-bit units with a zero at the end.
    let kind = unsafe { GetDriveTypeW(root.as_ptr()) };
    Ok(matches!(kind, DRIVE_FIXED | DRIVE_RAMDISK))
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
