//! The rights of this process to a file on Windows.
//!
//! Julia and Pkg take the right to execute for the owner's execute bit. Julia's `isexecutable` asks for the access of
//! this process by the file's access control list, and its `chmod` writes that list. A new file inherits the list of
//! its directory, by which it is executable.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::Path;
use std::ptr;
use std::sync::OnceLock;

use windows_sys::Win32::Foundation::{ERROR_SUCCESS, HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization as rights;
use windows_sys::Win32::Security::{
    ACL, AccessCheck, CreateWellKnownSid, DACL_SECURITY_INFORMATION, DuplicateToken,
    GENERIC_MAPPING, GROUP_SECURITY_INFORMATION, NO_INHERITANCE, OWNER_SECURITY_INFORMATION,
    PRIVILEGE_SET, PSECURITY_DESCRIPTOR, SECURITY_MAX_SID_SIZE, SecurityImpersonation,
    TOKEN_DUPLICATE, TOKEN_IMPERSONATE, TOKEN_QUERY, WinWorldSid,
};
use windows_sys::Win32::Storage::FileSystem as files;
use windows_sys::Win32::System::SystemServices::FILE_READ_ONLY_VOLUME;
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

/// Memory of the system.
struct Local(*mut core::ffi::c_void);

impl Drop for Local {
    fn drop(&mut self) {
        // SAFETY: the system allocated it for us, and it is freed once.
        unsafe { LocalFree(self.0) };
    }
}

/// Whether this process may execute the file at `path`. A link is not followed.
///
/// # Errors
///
/// The file is missing, or its access control list cannot be read.
pub(crate) fn may_execute(path: &Path) -> io::Result<bool> {
    let file = open(path, files::READ_CONTROL)?;
    is_granted(&file, files::FILE_GENERIC_EXECUTE)
}

/// Whether this process may create files in the directory at `path`, or that a link there leads to.
///
/// # Errors
///
/// The directory is missing, or its access control list cannot be read.
pub(crate) fn may_create_in(path: &Path) -> io::Result<bool> {
    let mut options = OpenOptions::new();
    options.access_mode(files::READ_CONTROL).custom_flags(files::FILE_FLAG_BACKUP_SEMANTICS);
    let directory = options.open(path)?;
    Ok(is_granted(&directory, files::FILE_ADD_FILE)? && !is_on_read_only_volume(&directory)?)
}

fn is_on_read_only_volume(file: &File) -> io::Result<bool> {
    let mut flags = 0;
    let (none, unneeded) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the handle is open, and only the flags are asked for.
    let success = unsafe {
        files::GetVolumeInformationByHandleW(
            file.as_raw_handle(),
            none,
            0,
            unneeded,
            unneeded,
            &raw mut flags,
            none,
            0,
        )
    };
    if success == 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(flags & FILE_READ_ONLY_VOLUME != 0)
    }
}

/// Whether the access control list of a file grants a right.
fn is_granted(file: &File, right: u32) -> io::Result<bool> {
    let (descriptor, _) = security(file)?;
    let mapping = GENERIC_MAPPING {
        GenericRead: files::FILE_GENERIC_READ,
        GenericWrite: files::FILE_GENERIC_WRITE,
        GenericExecute: files::FILE_GENERIC_EXECUTE,
        GenericAll: files::FILE_ALL_ACCESS,
    };
    let mut privileges = PRIVILEGE_SET::default();
    let mut length = size_of::<PRIVILEGE_SET>() as u32;
    let (mut granted, mut is_granted) = (0, 0);
    // SAFETY: the descriptor and the token are valid, and the lengths are those of the values.
    let checked = unsafe {
        AccessCheck(
            descriptor.0,
            impersonation()?.as_raw_handle(),
            right,
            &raw const mapping,
            &raw mut privileges,
            &raw mut length,
            &raw mut granted,
            &raw mut is_granted,
        )
    };
    if checked == 0 { Err(io::Error::last_os_error()) } else { Ok(is_granted != 0) }
}

/// Lets everyone who can read the file at `path` execute it, or nobody.
///
/// # Errors
///
/// The access control list cannot be changed, or the file system has none.
pub(crate) fn set_executable(path: &Path, executable: bool) -> io::Result<()> {
    if may_execute(path)? == executable {
        return Ok(());
    }
    let file = open(path, files::READ_CONTROL | files::WRITE_DAC)?;
    let (_descriptor, list) = security(&file)?;
    let mut everyone = [0_u8; SECURITY_MAX_SID_SIZE as usize];
    let mut length = everyone.len() as u32;
    let sid = everyone.as_mut_ptr().cast();
    // SAFETY: the buffer has the given length.
    if unsafe { CreateWellKnownSid(WinWorldSid, ptr::null_mut(), sid, &raw mut length) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let entry = |mode, permissions| rights::EXPLICIT_ACCESS_W {
        grfAccessPermissions: permissions,
        grfAccessMode: mode,
        grfInheritance: NO_INHERITANCE,
        Trustee: rights::TRUSTEE_W {
            TrusteeForm: rights::TRUSTEE_IS_SID,
            TrusteeType: rights::TRUSTEE_IS_WELL_KNOWN_GROUP,
            ptstrName: sid.cast(),
            ..rights::TRUSTEE_W::default()
        },
    };
    // An entry that denies comes first and wins; without it, the entries of before count again.
    let entries = match executable {
        false => vec![entry(rights::DENY_ACCESS, files::FILE_EXECUTE)],
        true => vec![
            entry(rights::REVOKE_ACCESS, 0),
            entry(rights::GRANT_ACCESS, files::FILE_GENERIC_READ | files::FILE_GENERIC_EXECUTE),
        ],
    };
    let mut changed: *mut ACL = ptr::null_mut();
    // SAFETY: the entries, with the SID in them, and the old list live until the end of the function.
    let result = unsafe {
        rights::SetEntriesInAclW(entries.len() as u32, entries.as_ptr(), list, &raw mut changed)
    };
    checked(result)?;
    let changed = Local(changed.cast());
    // SAFETY: the handle has the right to change the list, which is valid.
    checked(unsafe {
        rights::SetSecurityInfo(
            file.as_raw_handle(),
            rights::SE_FILE_OBJECT,
            DACL_SECURITY_INFORMATION,
            ptr::null_mut(),
            ptr::null_mut(),
            changed.0.cast(),
            ptr::null(),
        )
    })
}

fn open(path: &Path, access: u32) -> io::Result<File> {
    let flags = files::FILE_FLAG_OPEN_REPARSE_POINT | files::FILE_FLAG_BACKUP_SEMANTICS;
    OpenOptions::new().access_mode(access).custom_flags(flags).open(path)
}

/// The security descriptor of a file, and the access control list in it.
fn security(file: &File) -> io::Result<(Local, *mut ACL)> {
    let parts = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    let mut descriptor: PSECURITY_DESCRIPTOR = ptr::null_mut();
    let mut list: *mut ACL = ptr::null_mut();
    // SAFETY: the handle is open, and the pointers are to our own variables.
    checked(unsafe {
        rights::GetSecurityInfo(
            file.as_raw_handle(),
            rights::SE_FILE_OBJECT,
            parts,
            ptr::null_mut(),
            ptr::null_mut(),
            &raw mut list,
            ptr::null_mut(),
            &raw mut descriptor,
        )
    })?;
    Ok((Local(descriptor), list))
}

/// A token of this process, with which access can be checked.
fn impersonation() -> io::Result<&'static OwnedHandle> {
    static TOKEN: OnceLock<OwnedHandle> = OnceLock::new();
    if let Some(token) = TOKEN.get() {
        return Ok(token);
    }
    let access = TOKEN_IMPERSONATE | TOKEN_QUERY | TOKEN_DUPLICATE;
    // SAFETY: the handle of the current process is always valid.
    let own = token(|token| unsafe { OpenProcessToken(GetCurrentProcess(), access, token) })?;
    // SAFETY: the token is open, with the right to duplicate it.
    let duplicate = token(|token| unsafe {
        DuplicateToken(own.as_raw_handle(), SecurityImpersonation, token)
    })?;
    Ok(TOKEN.get_or_init(|| duplicate))
}

fn token(open: impl FnOnce(*mut HANDLE) -> i32) -> io::Result<OwnedHandle> {
    let mut handle: HANDLE = ptr::null_mut();
    if open(&raw mut handle) == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the system opened it for us.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

fn checked(result: u32) -> io::Result<()> {
    match result {
        ERROR_SUCCESS => Ok(()),
        code => Err(io::Error::from_raw_os_error(code.cast_signed())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_may_be_created_in_a_directory_for_them() {
        let directory = tempfile::tempdir().unwrap();
        assert!(may_create_in(directory.path()).unwrap());
        assert!(may_create_in(&directory.path().join("nowhere")).is_err());
    }

    #[test]
    fn the_right_to_execute_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "content").unwrap();
        for executable in [false, true, true, false, false, true] {
            set_executable(&path, executable).unwrap();
            assert_eq!(may_execute(&path).unwrap(), executable);
            assert_eq!(std::fs::read(&path).unwrap(), b"content");
            std::fs::write(&path, "content").unwrap();
        }
        std::fs::remove_file(&path).unwrap();
        assert!(may_execute(&path).is_err());
    }
}
