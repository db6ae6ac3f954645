//! The entries of a tree that is being built: each is made where nothing is yet, and no link is
//! followed at the end of a path.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::error::{Error, Result};
use crate::platform;
use crate::progress::{Cancelled, Progress};
use crate::regular::open_to_read;
use crate::short::Short;
use crate::trail::{Child, Crossing, FileKind, Trail, visit};

/// What a new file allows, as far as the umask lets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Whoever may read it may execute it.
    pub executable: bool,
    /// Nobody may write to it, but through the handle that made it.
    pub read_only: bool,
}

/// Makes a directory where nothing is yet.
///
/// # Errors
///
/// Something is there, or the directory above is not.
pub fn make_directory(path: &Path) -> Result<()> {
    let make = || fs::create_dir(Short::of(path)?.path());
    make().map_err(Error::on("create the directory", path))
}

/// Creates a file where nothing is yet, to be written to.
///
/// # Errors
///
/// Something is there (be it a link), or the directory above is not.
pub fn create_file(path: &Path, access: Access) -> Result<File> {
    let create = || platform::create_options(access).open(Short::of(path)?.path());
    create().map_err(Error::on("create", path))
}

/// Makes a symbolic link where nothing is yet. On Windows, which has two kinds, `to_directory` says
/// whether it is to lead to a directory.
///
/// # Errors
///
/// Something is there, the directory above is not, or the system lets us make no links.
pub fn make_link(target: &OsStr, path: &Path, to_directory: bool) -> Result<()> {
    let make = || platform::make_link(target, Short::of(path)?.path(), to_directory);
    make().map_err(Error::on("create the symbolic link", path))
}

/// Copies the contents of a file to a new one. File systems that can let both share them.
///
/// # Errors
///
/// As [`create_file`]; or `source` cannot be read, or is not a regular file.
pub fn copy_file(source: &Path, path: &Path, access: Access) -> Result<()> {
    let open = || open_to_read(Short::of(source)?.path());
    let mut from = open().map_err(Error::on("open", source))?;
    let mut to = create_file(path, access)?;
    io::copy(&mut from, &mut to).map_err(Error::on("write", path))?;
    Ok(())
}

/// Copies what is in the directory `source` into `target`, a directory with nothing in it: files with
/// whether they are executable, links as they are, directories. Of the rest nothing is kept.
///
/// `progress` advances by the bytes of each file.
///
/// # Errors
///
/// Something cannot be read or written, or is neither a file, a link nor a directory. A part of the
/// tree is in `target` then; so it is if nobody wants it any more, which is the inner result.
pub fn copy_tree(
    source: &Path,
    target: &Path,
    progress: &Progress,
) -> Result<std::result::Result<(), Cancelled>> {
    let (mut from, children) = Trail::open_and_list(source, Crossing::Allowed)?;
    let mut to =
        Trail::open(target, Crossing::Allowed).map_err(Error::on("open the directory", target))?;
    let mut pending = vec![children];
    while let Some(children) = pending.last_mut() {
        if let Err(cancelled) = progress.check() {
            return Ok(Err(cancelled));
        }
        let Some(Child { name, kind }) = children.pop() else {
            pending.pop();
            from.go_back()?;
            to.go_back()?;
            continue;
        };
        if kind == FileKind::Directory {
            make_and_enter(&mut to, &name)?;
            pending.push(from.enter_and_list(&name)?);
        } else {
            copy_entry(&from, &to, &name, kind, progress)?;
        }
    }
    Ok(Ok(()))
}

fn make_and_enter(trail: &mut Trail, name: &OsStr) -> Result<()> {
    let made = trail.make_directory(name).and_then(|()| trail.enter(name));
    made.map_err(|error| Error::on("create the directory", trail.path().join(name))(error))
}

/// Copies what is no directory.
fn copy_entry(
    from: &Trail,
    to: &Trail,
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
            let made = to.make_link(&text, name);
            made.map_err(|error| Error::on("create the symbolic link", target())(error))?;
        }
        FileKind::File => {
            let found = from.properties(name);
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

/// Makes what is at `path`, a file, executable for those who may read it, or for nobody.
///
/// # Errors
///
/// If the file system refuses.
pub fn set_executable(path: &Path, executable: bool) -> Result<()> {
    platform::set_executable(path, executable).map_err(Error::on("change the mode of", path))
}

/// Takes from each file of a tree what lets anybody write to it. Directories keep theirs, and links
/// are not followed. A file whose mode the system does not let us change keeps it.
///
/// # Errors
///
/// If a directory cannot be read.
pub fn forbid_writing(tree: &Path) -> Result<()> {
    visit(tree, |trail, Child { name, kind }| {
        if *kind == FileKind::File {
            let _ = trail.forbid_writing(name);
        }
        true
    })
}

/// Lets a directory allow what `other` allows.
///
/// # Errors
///
/// If the file system refuses.
pub fn allow_as(directory: &Path, other: &Path) -> Result<()> {
    let allow = || fs::set_permissions(directory, fs::metadata(other)?.permissions());
    allow().map_err(Error::on("change the mode of", directory))
}

/// Whether files in a directory keep the mode that they are given: some file systems of other
/// systems don't. `None` where nobody may try.
pub fn keeps_modes(directory: &Path) -> Option<bool> {
    let file = tempfile::NamedTempFile::new_in(directory).ok()?;
    let keeps = |executable| {
        set_executable(file.path(), executable).is_ok()
            && file
                .as_file()
                .metadata()
                .is_ok_and(|metadata| platform::is_executable(&metadata) == executable)
    };
    Some(keeps(true) && keeps(false))
}

/// How many more bytes may be written to the file system that `path` is on, if a reserve is left free
/// for others: a twentieth of it, at most 256 MiB. `None` where the file system does not say.
pub fn free_space_but_reserve(path: &Path) -> Option<u64> {
    const MOST: u64 = 256 * 1024 * 1024;
    let reserve = (fs2::total_space(path).ok()? / 20).min(MOST);
    Some(free_space(path)?.saturating_sub(reserve))
}

/// How many more bytes may be written to the file system that `path` is on; `None` where it does
/// not say.
pub fn free_space(path: &Path) -> Option<u64> {
    fs2::available_space(path).ok()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_tree_is_copied_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let (source, target) = (directory.path().join("source"), directory.path().join("target"));
        fs::create_dir_all(source.join("deep/empty")).unwrap();
        fs::create_dir(&target).unwrap();
        fs::write(source.join("deep/run"), "run").unwrap();
        fs::set_permissions(source.join("deep/run"), fs::Permissions::from_mode(0o750)).unwrap();
        fs::write(source.join("file"), "file").unwrap();
        fs::set_permissions(source.join("file"), fs::Permissions::from_mode(0o600)).unwrap();
        make_link(OsStr::new("nowhere"), &source.join("link"), false).unwrap();
        let progress = Progress::default();
        copy_tree(&source, &target, &progress).unwrap().unwrap();
        assert_eq!(progress.state().done, 7);
        assert!(target.join("deep/empty").is_dir());
        assert_eq!(fs::read(target.join("deep/run")).unwrap(), b"run");
        assert_eq!(mode(&target.join("deep/run")) & 0o100, 0o100);
        assert_eq!(mode(&target.join("file")) & 0o111, 0);
        assert_eq!(fs::read_link(target.join("link")).unwrap(), Path::new("nowhere"));
        progress.cancel();
        fs::create_dir(directory.path().join("other")).unwrap();
        let result = copy_tree(&source, &directory.path().join("other"), &progress).unwrap();
        assert_eq!(result, Err(Cancelled));
        let socket = std::os::unix::net::UnixListener::bind(source.join("socket")).unwrap();
        fs::create_dir(directory.path().join("third")).unwrap();
        let error = copy_tree(&source, &directory.path().join("third"), &Progress::default());
        assert_eq!(error.unwrap_err().path(), source.join("socket"));
        drop(socket);
    }

    #[test]
    fn what_is_read_only_can_be_written_by_whom_made_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        let access = Access { executable: true, read_only: true };
        create_file(&path, access).unwrap().write_all(b"contents").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"contents");
        assert_eq!(mode(&path) & 0o322, 0o100);
        let copy = directory.path().join("copy");
        copy_file(&path, &copy, Access::default()).unwrap();
        assert_eq!(fs::read(&copy).unwrap(), b"contents");
        assert_eq!(mode(&copy) & 0o700, 0o600);
        set_executable(&copy, true).unwrap();
        assert_eq!(mode(&copy) & 0o700, 0o700);
        set_executable(&copy, false).unwrap();
        assert_eq!(mode(&copy) & 0o111, 0);
    }

    #[test]
    fn nothing_is_made_where_something_is_nor_through_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let [link, outside] = ["link", "outside"].map(|name| directory.path().join(name));
        make_link(outside.as_os_str(), &link, false).unwrap();
        assert!(&create_file(&link, Access::default()).unwrap_err().is_occupied());
        assert!(&make_directory(&link).unwrap_err().is_occupied());
        assert!(&make_link(outside.as_os_str(), &link, false).unwrap_err().is_occupied());
        assert!(!outside.exists());
    }

    #[test]
    fn a_tree_that_nobody_may_write_to_has_directories_as_before() {
        let directory = tempfile::tempdir().unwrap();
        let tree = directory.path().join("tree");
        let below = tree.join("below");
        fs::create_dir_all(&below).unwrap();
        let outside = directory.path().join("outside");
        fs::write(&outside, "").unwrap();
        make_link(outside.as_os_str(), &below.join("link"), false).unwrap();
        create_file(&below.join("program"), Access { executable: true, read_only: false }).unwrap();
        let before = (mode(&tree), mode(&below), mode(&outside));
        forbid_writing(&tree).unwrap();
        assert_eq!((mode(&tree), mode(&below), mode(&outside)), before);
        assert_eq!(mode(&below.join("program")) & 0o322, 0o100);
        fs::set_permissions(&tree, fs::Permissions::from_mode(0o700)).unwrap();
        allow_as(&tree, directory.path()).unwrap();
        assert_eq!(mode(&tree), mode(directory.path()));
    }

    #[test]
    fn this_file_system_keeps_modes() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(keeps_modes(directory.path()), Some(true));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        assert_eq!(keeps_modes(&directory.path().join("nowhere")), None);
    }

    #[test]
    fn a_file_system_says_how_much_is_free() {
        assert!(free_space(&std::env::temp_dir()).is_some());
        assert_eq!(free_space(Path::new("/nowhere")), None);
    }
}
