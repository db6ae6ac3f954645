//! Copies of files and trees.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use crate::create::create_file;
use crate::error::{Error, Result};
use crate::metadata::{DirEntry, FileKind};
use crate::platform::Access;
use crate::progress::{Cancelled, Progress};
use crate::read::open_to_read;
use crate::syscall_path::SyscallPath;
use crate::walk::{MountPolicy, TreeCursor};

/// Copies the contents of a file to a new one. File systems with reflinks share them.
///
/// # Errors
///
/// As [`create_file`]; or `source` cannot be read, or is not a regular file.
pub fn copy_file(source: &Path, path: &Path, access: Access) -> Result<()> {
    let open = || open_to_read(SyscallPath::of(source)?.path());
    let mut from = open().map_err(Error::on("open", source))?;
    let mut to = create_file(path, access)?;
    io::copy(&mut from, &mut to).map_err(Error::on("write", path))?;
    Ok(())
}

/// Copies the entries of the directory `source` into `target`, an empty directory: directories, files and
/// whether they are executable, and links unchanged. Other metadata is not copied.
///
/// `progress` advances by the bytes of each file.
///
/// # Errors
///
/// An entry cannot be read or written, or is neither a file, a link nor a directory. Cancellation is the
/// inner result. `target` then contains a part of the tree.
pub fn copy_tree(
    source: &Path,
    target: &Path,
    progress: &Progress,
) -> Result<std::result::Result<(), Cancelled>> {
    let (mut from, entries) = TreeCursor::open_and_list(source)?;
    let mut to = TreeCursor::open(target, MountPolicy::Cross)
        .map_err(Error::on("open the directory", target))?;
    let mut pending = vec![entries];
    while let Some(entries) = pending.last_mut() {
        if let Err(cancelled) = progress.check() {
            return Ok(Err(cancelled));
        }
        let Some(DirEntry { name, kind }) = entries.pop() else {
            pending.pop();
            from.leave_checked()?;
            to.leave_checked()?;
            continue;
        };
        if kind == FileKind::Directory {
            create_and_enter(&mut to, &name)?;
            pending.push(from.enter_and_list(&name)?);
        } else {
            copy_entry(&from, &to, &name, kind, progress)?;
        }
    }
    Ok(Ok(()))
}

fn create_and_enter(cursor: &mut TreeCursor, name: &OsStr) -> Result<()> {
    let made = cursor.create_dir(name).and_then(|()| cursor.enter(name));
    made.map_err(|error| Error::on("create the directory", cursor.path().join(name))(error))
}

/// Copies anything but a directory.
fn copy_entry(
    from: &TreeCursor,
    to: &TreeCursor,
    name: &OsStr,
    kind: FileKind,
    progress: &Progress,
) -> Result<()> {
    let (source, target) = (|| from.path().join(name), || to.path().join(name));
    match kind {
        FileKind::Directory => {}
        FileKind::Link => {
            let text = from.read_link(name);
            let text =
                text.map_err(|error| Error::on("read the symbolic link", source())(error))?;
            let made = to.symlink(&text, name);
            made.map_err(|error| Error::on("create the symbolic link", target())(error))?;
        }
        FileKind::File => {
            let found = from.metadata(name);
            let found = found.map_err(|error| Error::on("inspect", source())(error))?;
            let file = from.open_file(name);
            let mut file = file.map_err(|error| Error::on("open", source())(error))?;
            let access = Access { executable: found.is_executable, read_only: false };
            let copy = to.create_file(name, access);
            let mut copy = copy.map_err(|error| Error::on("create", target())(error))?;
            let copied = io::copy(&mut file, &mut copy);
            copied.map_err(|error| Error::on("write", target())(error))?;
            progress.advance(found.size);
        }
        FileKind::Special(_) => {
            let problem = io::Error::other("it is neither a file, a directory nor a link");
            return Err(Error::on("copy", source())(problem));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;
    #[cfg(unix)]
    use crate::mode::tests::mode;
    use crate::set_executable;

    #[test]
    fn a_tree_is_copied_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let (source, target) = (directory.path().join("source"), directory.path().join("target"));
        fs::create_dir_all(source.join("deep/empty")).unwrap();
        fs::create_dir(&target).unwrap();
        fs::write(source.join("deep/run"), "run").unwrap();
        set_executable(&source.join("deep/run"), true).unwrap();
        fs::write(source.join("file"), "file").unwrap();
        #[cfg(unix)]
        crate::symlink(OsStr::new("nowhere"), &source.join("link"), false).unwrap();
        let progress = Progress::default();
        copy_tree(&source, &target, &progress).unwrap().unwrap();
        assert_eq!(progress.state().done, 7);
        assert!(target.join("deep/empty").is_dir());
        assert_eq!(fs::read(target.join("deep/run")).unwrap(), b"run");
        #[cfg(unix)]
        {
            assert_eq!(mode(&target.join("deep/run")) & 0o100, 0o100);
            assert_eq!(mode(&target.join("file")) & 0o111, 0);
            assert_eq!(fs::read_link(target.join("link")).unwrap(), Path::new("nowhere"));
        }
        progress.cancel();
        fs::create_dir(directory.path().join("other")).unwrap();
        let result = copy_tree(&source, &directory.path().join("other"), &progress).unwrap();
        assert_eq!(result, Err(Cancelled));
        #[cfg(unix)]
        {
            let socket = std::os::unix::net::UnixListener::bind(source.join("socket")).unwrap();
            fs::create_dir(directory.path().join("third")).unwrap();
            let error = copy_tree(&source, &directory.path().join("third"), &Progress::default());
            assert_eq!(error.unwrap_err().path(), source.join("socket"));
            drop(socket);
        }
    }

    #[test]
    fn a_read_only_file_can_be_written_through_the_handle_that_created_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        let access = Access { executable: true, read_only: true };
        create_file(&path, access).unwrap().write_all(b"contents").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"contents");
        assert!(fs::metadata(&path).unwrap().permissions().readonly());
        let copy = directory.path().join("copy");
        copy_file(&path, &copy, Access::default()).unwrap();
        assert_eq!(fs::read(&copy).unwrap(), b"contents");
        assert!(!fs::metadata(&copy).unwrap().permissions().readonly());
        #[cfg(unix)]
        {
            assert_eq!(mode(&path) & 0o322, 0o100);
            assert_eq!(mode(&copy) & 0o700, 0o600);
            set_executable(&copy, true).unwrap();
            assert_eq!(mode(&copy) & 0o700, 0o700);
            set_executable(&copy, false).unwrap();
            assert_eq!(mode(&copy) & 0o111, 0);
        }
    }
}
