//! What differs between systems: one small function per difference, one version per system.

use std::ffi::OsStr;
use std::fs::{FileType, Metadata, OpenOptions};

/// The bytes of a file name or link text as git and tar hold them: on Unix its own.
#[cfg(unix)]
pub(crate) fn bytes(text: &OsStr) -> &[u8] {
    use std::os::unix::ffi::OsStrExt;
    text.as_bytes()
}

/// The bytes of a file name or link text as git and tar hold them: UTF-8, which is also how Julia
/// turns Windows' UTF-16 into a string (an unpaired surrogate is kept, as WTF-8).
#[cfg(windows)]
pub(crate) fn bytes(text: &OsStr) -> &[u8] {
    text.as_encoded_bytes()
}

/// Whether git and tar record the file as executable: the owner's bit alone decides, as in Pkg.
#[cfg(unix)]
pub(crate) fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o100 != 0
}

/// Whether git and tar record the file as executable: always.
///
/// Pkg asks the access control list, which lets every file be executed unless somebody took that
/// right away (as `chmod` in Julia does). So the two agree on files made in the ordinary way.
#[cfg(windows)]
pub(crate) fn is_executable(_: &Metadata) -> bool {
    true
}

/// Options to open a file for reading, which neither wait (a FIFO without a writer would hang the
/// caller) nor follow a symbolic link in the last component.
#[cfg(unix)]
pub(crate) fn read_options() -> OpenOptions {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags.bits().cast_signed());
    options
}

/// Options to open a file for reading.
#[cfg(windows)]
pub(crate) fn read_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    options
}

/// Lets others read the temporary file as far as the umask does: by default only the owner may.
#[cfg(unix)]
pub(crate) fn share(temporary: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    temporary.permissions(std::fs::Permissions::from_mode(0o666));
}

/// Nothing to do: a new file inherits the access rights of its directory.
#[cfg(windows)]
pub(crate) fn share(_: &mut tempfile::Builder<'_, '_>) {}

/// The type in words, for messages.
#[cfg(unix)]
pub(crate) fn describe(file_type: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match file_type {
        _ if file_type.is_fifo() => "a FIFO",
        _ if file_type.is_socket() => "a socket",
        _ if file_type.is_block_device() => "a block device",
        _ if file_type.is_char_device() => "a character device",
        _ => describe_common(file_type),
    }
}

/// The type in words, for messages.
#[cfg(windows)]
pub(crate) fn describe(file_type: FileType) -> &'static str {
    describe_common(file_type)
}

fn describe_common(file_type: FileType) -> &'static str {
    match file_type {
        _ if file_type.is_dir() => "a directory",
        _ if file_type.is_symlink() => "a symbolic link",
        _ if file_type.is_file() => "a file",
        _ => "something unknown",
    }
}
