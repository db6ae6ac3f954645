//! Removing a tree.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, MountPoint, Result};
use crate::measure::Size;
use crate::mounts::Mounts;

#[cfg(not(unix))]
#[path = "remove/windows.rs"]
mod system;
#[cfg(unix)]
#[path = "remove/unix.rs"]
mod system;

/// Removes `path`: a file, a link (not its target), or a directory with its entries, including
/// directories without permissions for their owner. Removing a missing path is not an error, nor is
/// an entry that vanishes meanwhile.
///
/// Stack and number of open files do not grow with the depth of a directory.
///
/// # Crash
///
/// A directory is renamed first, so that it disappears at once for other processes; a killed
/// process leaves it under its new name, `<name>@removing-<pid>-<count>`, for [`remove_leftovers`].
/// If renaming fails, the directory is removed under its own name.
///
/// # Errors
///
/// If there is a mount in the directory or at `path`, nothing is removed ([`Error::mount_point`]).
/// Other entries that cannot be removed stay, under the new name.
pub fn remove(path: &Path) -> Result<()> {
    StagedRemoval::begin_now(path)?.map_or(Ok(()), |staged| staged.remove().map(drop))
}

/// A directory in which paths are removed. Links in its path are followed; a link below it is not,
/// even if it replaces a directory at this moment.
///
/// It is opened once: a directory that replaces it later is not touched.
#[derive(Clone, Debug)]
pub struct TrustedDir {
    path: PathBuf,
    /// `None` if it could not be opened: it is opened again for each path then.
    handle: Option<system::Handle>,
}

impl TrustedDir {
    /// Opens the directory at `path`.
    pub fn open(path: &Path) -> Self {
        let path: PathBuf = path.components().collect();
        let handle = system::open(&path).ok();
        Self { path, handle }
    }

    /// The directory at `path`, which is not opened: that pays only for more than one path.
    fn unopened(path: &Path) -> Self {
        Self { path: path.components().collect(), handle: None }
    }

    /// Its handle, if `path` is an entry of it.
    #[cfg(unix)]
    fn handle_for(&self, path: &Path) -> Option<&system::Handle> {
        self.handle.as_ref().filter(|_| path.parent() == Some(self.path.as_path()))
    }
}

/// A path that is about to be removed, and already has another name.
#[derive(Debug)]
#[must_use = "it has lost its name, and still takes its space"]
pub struct StagedRemoval {
    /// Its old path.
    path: PathBuf,
    /// Its new path. The same, if renaming failed.
    renamed: PathBuf,
    /// No link below this directory is followed.
    trusted: TrustedDir,
    /// The identity of a directory; `None` for anything else.
    directory: Option<system::Identity>,
}

impl StagedRemoval {
    /// Renames `path`, to be removed. `None` if it does not exist.
    ///
    /// Only a directory is renamed; a file or a link is removed in one step. A directory that
    /// cannot be renamed keeps its name until it is removed, and so does one that has the name of a
    /// leftover already.
    ///
    /// `path` is below `trusted`.
    ///
    /// # Crash
    ///
    /// As [`remove`].
    ///
    /// # Errors
    ///
    /// The metadata cannot be read, there is a mount at `path` or below it, or its parent is not
    /// writable. `path` is then unchanged.
    pub fn begin(path: &Path, trusted: &TrustedDir, mounts: &Mounts) -> Result<Option<Self>> {
        Self::begin_unless(path, trusted, |path| mounts.refuse(path))
    }

    /// As [`StagedRemoval::begin`], with the current mounts, which are read only if `path` is a
    /// directory.
    fn begin_now(path: &Path) -> Result<Option<Self>> {
        let trusted = TrustedDir::unopened(path.parent().unwrap_or(Path::new("")));
        Self::begin_unless(path, &trusted, |path| Mounts::read().refuse(path))
    }

    fn begin_unless(
        path: &Path,
        trusted: &TrustedDir,
        refuse: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Option<Self>> {
        // With a separator at the end, the system would follow a link.
        let path: PathBuf = path.components().collect();
        let directory = match system::directory(&path, trusted) {
            Ok(directory) => directory,
            Err(absent) if absent.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(failed) => return Err(Error::on("remove", &path)(failed)),
        };
        log::debug!("deleting `{}`", path.display());
        let trusted = trusted.clone();
        if directory.is_none() {
            return Ok(Some(Self { renamed: path.clone(), path, trusted, directory }));
        }
        refuse(&path)?;
        let renamed = system::rename_aside(&path, &trusted)?;
        Ok(renamed.map(|renamed| Self { path, renamed, trusted, directory }))
    }

    /// Removes it, and returns its size.
    ///
    /// # Errors
    ///
    /// Entries that cannot be removed stay, under the new name. The error names the first one.
    pub fn remove(self) -> Result<Size> {
        let Self { path, renamed, trusted, directory } = self;
        match directory {
            Some(identity) => system::remove_tree(&renamed, identity, &trusted),
            None => remove_leaf(&renamed, &trusted).map_err(Error::on("remove", &path)),
        }
    }
}

fn remove_leaf(path: &Path, trusted: &TrustedDir) -> io::Result<Size> {
    match system::remove_leaf(path, trusted) {
        Err(busy) if busy.kind() == io::ErrorKind::ResourceBusy => {
            let point = Mounts::read().within(path).map(MountPoint);
            Err(point.map_or(busy, |point| io::Error::new(io::ErrorKind::ResourceBusy, point)))
        }
        removed => removed,
    }
}

/// Removes the leftovers of killed removals of `path`, and of those that are still running.
///
/// # Errors
///
/// As [`remove`], after the other leftovers were removed. The next call tries again.
pub fn remove_leftovers(path: &Path) -> Result<()> {
    let path: &Path = &path.components().collect::<PathBuf>();
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let here = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let entries = match fs::read_dir(here) {
        Err(absent) if absent.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(Error::on("read the directory", directory))?,
    };
    let mut prefix = name.to_owned();
    prefix.push(REMOVING);
    let mut first_error = Ok(());
    for entry in entries {
        let name = entry.map_err(Error::on("read the directory", directory))?.file_name();
        let is_own = name.as_encoded_bytes().starts_with(prefix.as_encoded_bytes());
        if is_own && is_removal_name(&name) {
            first_error = first_error.and(remove(&directory.join(name)));
        }
    }
    first_error
}

const REMOVING: &str = "@removing-";

/// The name of `path` during its removal.
pub(crate) fn removal_name(path: &Path, count: u32) -> OsString {
    let mut name: OsString = path.file_name().unwrap_or_default().to_owned();
    name.push(format!("{REMOVING}{}-{count}", std::process::id()));
    name
}

/// Whether this is the name of a path during its removal, which gets no second suffix.
fn is_removal_name(name: &OsStr) -> bool {
    let Some((_, numbers)) = name.to_str().and_then(|name| name.rsplit_once(REMOVING)) else {
        return false;
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    numbers.split_once('-').is_some_and(|(pid, count)| is_number(pid) && is_number(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::symlink;

    #[test]
    fn a_tree_is_removed_and_nothing_outside_it() {
        let depot = tempfile::tempdir().unwrap();
        let outside = depot.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "").unwrap();
        let tree = depot.path().join("tree");
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::write(tree.join("a/b/file"), "").unwrap();
        symlink(&outside, tree.join("a/link")).unwrap();
        // On Windows, the attribute of a file forbids to delete it; of a directory, it forbids nothing.
        for path in ["a/b/file", "a/b", "a"] {
            let mut permissions = fs::metadata(tree.join(path)).unwrap().permissions();
            permissions.set_readonly(true);
            fs::set_permissions(tree.join(path), permissions).unwrap();
        }
        remove(&tree).unwrap();
        assert!(outside.join("file").exists());
        assert_eq!(fs::read_dir(depot.path()).unwrap().count(), 1, "nothing is left beside");
    }

    #[test]
    #[cfg(windows)]
    fn a_directory_with_an_open_file_is_removed_whole_or_not_at_all() {
        use std::os::windows::fs::OpenOptionsExt;
        let lab = tempfile::tempdir().unwrap();
        let tree = lab.path().join("tree");
        fs::create_dir(&tree).unwrap();
        for name in ["a", "open"] {
            fs::write(tree.join(name), "").unwrap();
        }
        let open = fs::OpenOptions::new().read(true).share_mode(1).open(tree.join("open")).unwrap();
        let removed = remove(&tree);
        drop(open);
        assert_eq!(tree.join("a").exists(), removed.is_err());
        remove(&tree).unwrap();
        remove_leftovers(&tree).unwrap();
        assert_eq!(fs::read_dir(lab.path()).unwrap().count(), 0);
    }

    /// More levels than recursive calls fit on a thread's stack, and a path that the system does
    /// not accept.
    #[test]
    #[cfg(unix)]
    fn a_deep_tree_is_removed_measured_and_copied_with_little_stack() {
        use std::io::Write;

        use crate::walk::{MountPolicy, TreeCursor};
        let lab = tempfile::tempdir().unwrap();
        let [tree, copy] = ["tree", "copy"].map(|name| lab.path().join(name));
        fs::create_dir(&tree).unwrap();
        fs::create_dir(&copy).unwrap();
        let mut cursor = TreeCursor::open(&tree, MountPolicy::Cross).unwrap();
        for _ in 0..3000 {
            cursor.create_dir("dd".as_ref()).unwrap();
            cursor.enter("dd".as_ref()).unwrap();
        }
        let access = crate::Access::default();
        cursor.create_file("file".as_ref(), access).unwrap().write_all(b"12345").unwrap();
        let small_stack = std::thread::Builder::new().stack_size(64 * 1024);
        let work = move || {
            crate::copy_tree(&tree, &copy, &crate::Progress::default()).unwrap().unwrap();
            crate::make_tree_read_only(&copy).unwrap();
            for tree in [tree, copy] {
                assert_eq!(Size::of(&tree), Size { bytes: 5, shared: 0, files: 1 });
                remove(&tree).unwrap();
            }
        };
        small_stack.spawn(work).unwrap().join().unwrap();
        assert_eq!(fs::read_dir(lab.path()).unwrap().count(), 0);
    }

    /// A walk whose way back is gone goes on with what is left.
    #[test]
    fn directories_that_vanish_meanwhile_are_no_error() {
        let lab = tempfile::tempdir().unwrap();
        for round in 0..20 {
            let tree = lab.path().join("tree");
            for branch in 0..4 {
                let deep = tree.join(format!("{branch}")).join("d/".repeat(40));
                fs::create_dir_all(&deep).unwrap();
                fs::write(deep.join("file"), "").unwrap();
            }
            let leftover = lab.path().join(format!("tree@removing-1-{round}"));
            fs::rename(&tree, &leftover).unwrap();
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| remove(&leftover).unwrap());
                }
            });
            assert_eq!(fs::read_dir(lab.path()).unwrap().count(), 0, "in round {round}");
        }
    }

    /// What takes the place of a directory while it is removed is not followed.
    #[test]
    fn a_link_that_takes_the_place_of_a_directory_is_not_followed() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let lab = tempfile::tempdir().unwrap();
        let outside = lab.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "").unwrap();
        let leftover = lab.path().join("tree@removing-1-0");
        for _ in 0..100 {
            for name in ["a", "b", "c"] {
                fs::create_dir_all(leftover.join(name).join("below")).unwrap();
            }
            let is_done = AtomicBool::new(false);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    while !is_done.load(Ordering::Relaxed) {
                        for name in ["a", "b", "c", "a/below"] {
                            let place = leftover.join(name);
                            if fs::rename(&place, lab.path().join("away")).is_ok() {
                                let _ = symlink(&outside, &place);
                                let _ = remove(&lab.path().join("away"));
                            }
                        }
                    }
                });
                let _ = remove(&leftover);
                is_done.store(true, Ordering::Relaxed);
            });
            remove(&leftover).unwrap();
            assert!(outside.join("file").exists());
        }
    }

    #[test]
    fn a_leftover_gets_no_further_suffix() {
        let lab = tempfile::tempdir().unwrap();
        let leftover = lab.path().join("tree@removing-1-0");
        fs::create_dir_all(leftover.join("below")).unwrap();
        let trusted = TrustedDir::open(lab.path());
        let aside = StagedRemoval::begin(&leftover, &trusted, &Mounts::read())
            .unwrap()
            .expect("it is there");
        assert!(leftover.join("below").exists(), "it has its name still");
        assert_eq!(aside.remove().unwrap(), Size::default());
        assert!(!leftover.exists());
        for name in ["tree", "tree@removing-", "tree@removing-1", "tree@removing-a-0"] {
            assert!(!is_removal_name(name.as_ref()), "{name}");
        }
    }

    /// Another directory than the one that was renamed is not removed, also if a directory above it
    /// was replaced by a link. The right one is, if the directory above it is open.
    #[test]
    fn only_the_directory_that_was_staged_is_removed() {
        for is_open in [false, true] {
            let lab = tempfile::tempdir().unwrap();
            let above = lab.path().join("above");
            fs::create_dir_all(above.join("tree/below")).unwrap();
            let trusted =
                if is_open { TrustedDir::open(&above) } else { TrustedDir::unopened(&above) };
            let staged =
                StagedRemoval::begin(&above.join("tree"), &trusted, &Mounts::read()).unwrap();
            let name = fs::read_dir(&above).unwrap().next().unwrap().unwrap().file_name();
            let other = lab.path().join("other");
            fs::create_dir_all(other.join(&name).join("precious")).unwrap();
            let moved = lab.path().join("moved");
            fs::rename(&above, &moved).unwrap();
            symlink(&other, &above).unwrap();
            let removed = staged.expect("it exists").remove();
            // Windows knows the directory by its number, and does not find it again.
            let is_found = is_open && cfg!(unix);
            if is_found {
                removed.unwrap();
            } else {
                let error = removed.unwrap_err();
                let reason = "another directory has taken its place";
                assert!(error.to_string().contains(reason), "{error}");
            }
            assert_eq!(moved.join(&name).exists(), !is_found);
            assert!(other.join(name).join("precious").exists());
        }
    }

    /// An entry that takes the place of a renamed directory is not removed.
    #[test]
    fn a_directory_with_the_name_of_a_staged_one_is_not_removed() {
        let lab = tempfile::tempdir().unwrap();
        let trusted = TrustedDir::open(lab.path());
        fs::create_dir(lab.path().join("tree")).unwrap();
        let staged =
            StagedRemoval::begin(&lab.path().join("tree"), &trusted, &Mounts::read()).unwrap();
        let name = fs::read_dir(lab.path()).unwrap().next().unwrap().unwrap().path();
        fs::rename(&name, lab.path().join("moved")).unwrap();
        fs::create_dir_all(name.join("precious")).unwrap();
        assert!(staged.expect("it exists").remove().is_err());
        assert!(name.join("precious").exists() && lab.path().join("moved").exists());
    }

    /// A link that takes the place of a directory between the trusted one and the item.
    #[test]
    fn no_link_is_followed_below_what_is_trusted() {
        let lab = tempfile::tempdir().unwrap();
        let [depot, outside] = ["depot", "outside"].map(|name| lab.path().join(name));
        fs::create_dir_all(outside.join("tree")).unwrap();
        fs::write(outside.join("file"), "").unwrap();
        fs::create_dir(&depot).unwrap();
        symlink(&outside, depot.join("group")).unwrap();
        let mounts = Mounts::read();
        let group = depot.join("group");
        let depot = TrustedDir::open(&depot);
        assert!(StagedRemoval::begin(&group.join("tree"), &depot, &mounts).is_err());
        let file = StagedRemoval::begin(&group.join("file"), &depot, &mounts)
            .unwrap()
            .expect("it is there");
        assert!(file.remove().is_err());
        assert!(outside.join("tree").exists() && outside.join("file").exists());
        let group_dir = TrustedDir::open(&group);
        let trusted = StagedRemoval::begin(&group.join("tree"), &group_dir, &mounts).unwrap();
        trusted.expect("it is there").remove().unwrap();
        assert!(!outside.join("tree").exists());
    }

    #[test]
    fn leftovers_of_a_killed_removal_are_removed() {
        let depot = tempfile::tempdir().unwrap();
        let beside = |name: &str| depot.path().join(name);
        for name in ["tree@removing-1-0", "tree@removing-23-1", "trees@removing-1-0", "tree"] {
            fs::create_dir_all(beside(name).join("below")).unwrap();
        }
        remove_leftovers(&beside("tree")).unwrap();
        assert!(!beside("tree@removing-1-0").exists() && !beside("tree@removing-23-1").exists());
        assert!(beside("trees@removing-1-0").exists() && beside("tree").exists());
        remove_leftovers(&beside("nowhere/tree")).unwrap();
    }

    #[test]
    fn a_link_is_removed_and_its_target_stays() {
        let depot = tempfile::tempdir().unwrap();
        let target = depot.path().join("target");
        fs::create_dir(&target).unwrap();
        let link = depot.path().join("link");
        symlink(&target, &link).unwrap();
        remove(Path::new(&format!("{}/", link.display()))).unwrap();
        assert!(target.exists() && fs::symlink_metadata(&link).is_err());
        remove(&link).unwrap();
    }
}
