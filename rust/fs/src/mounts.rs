//! Mount points at or below a path, which a removal must never empty.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, MountPoint, Result};
use crate::walk::{MountPolicy, TreeCursor, walk_below};

/// The mounts of one moment.
///
/// On Linux they are read once from `/proc/self/mountinfo`, so one value serves for many paths. Elsewhere, and
/// if that file cannot be read, each query walks through the tree and compares devices.
#[derive(Debug)]
pub struct Mounts {
    mounts: Option<Vec<Mount>>,
    /// The names of all path components of mount points.
    names: HashSet<OsString>,
}

/// A mounted file system, or a mounted part of one.
#[derive(Debug)]
struct Mount {
    id: u64,
    parent: u64,
    /// The device of its file system.
    device: Vec<u8>,
    /// The part of its file system that is mounted: a directory or a file.
    root: PathBuf,
    /// Where it is mounted.
    point: PathBuf,
}

impl Mounts {
    /// Reads the current mounts.
    pub fn read() -> Self {
        let table = match cfg!(target_os = "linux") {
            true => std::fs::read("/proc/self/mountinfo").ok(),
            false => None,
        };
        Self::of(table.as_deref())
    }

    fn of(table: Option<&[u8]>) -> Self {
        let lines = |table: &[u8]| -> Option<Vec<Mount>> {
            let lines = table.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            lines.map(mount).collect()
        };
        let mounts = table.and_then(lines).filter(|mounts| !mounts.is_empty());
        let paths = mounts.iter().flatten().flat_map(|mount| [&mount.point, &mount.root]);
        let names = paths.flat_map(|path| path.iter().map(OsString::from)).collect();
        Self { mounts, names }
    }

    /// A mount point at or below `path`, if there is one. A link at `path` is not followed, links in its
    /// parents are.
    ///
    /// Finds a mount too that was made under another path of the same directory, as with a bind mount.
    pub fn within(&self, path: &Path) -> Option<PathBuf> {
        let Some(mounts) = &self.mounts else { return search(path) };
        let name = path.file_name()?;
        // The usual answer, without a system call.
        if !self.names.contains(name) {
            return None;
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = std::fs::canonicalize(parent.unwrap_or(Path::new("."))).ok()?;
        let real = parent.join(name);
        if let Some(mount) = mounts.iter().find(|mount| mount.point.starts_with(&real)) {
            let below = mount.point.strip_prefix(&real).ok()?;
            return Some(path.components().chain(below.components()).collect());
        }
        // The last of several mounts at one point hides the others.
        let holding = mounts.iter().filter(|mount| parent.starts_with(&mount.point));
        let own = holding.max_by_key(|mount| mount.point.as_os_str().len())?;
        let place = own.place(&real)?;
        let is_within = |mount: &&Mount| {
            let above =
                mounts.iter().find(|above| above.id == mount.parent && above.id != mount.id);
            above.is_some_and(|above| {
                above.device == own.device
                    && above.place(&mount.point).is_some_and(|point| point.starts_with(&place))
            })
        };
        mounts.iter().find(is_within).map(|mount| mount.point.clone())
    }

    /// Refuses a path with a mount point at or below it.
    ///
    /// # Errors
    ///
    /// There is one; see [`Error::mount_point`].
    pub fn refuse(&self, path: &Path) -> Result<()> {
        self.within(path).map_or(Ok(()), |point| {
            let error = io::Error::new(io::ErrorKind::ResourceBusy, MountPoint(point));
            Err(Error::on("remove", path)(error))
        })
    }
}

impl Mount {
    /// The path within its file system of a path that leads into it.
    fn place(&self, path: &Path) -> Option<PathBuf> {
        Some(self.root.join(path.strip_prefix(&self.point).ok()?))
    }
}

/// Reads a line: number, parent number, device, root, mount point, and fields that are not used here.
fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let mut number = || std::str::from_utf8(fields.next()?).ok()?.parse().ok();
    let (id, parent) = (number()?, number()?);
    let device = fields.next()?.to_vec();
    let mut path = || crate::platform::path_of(unescaped(fields.next()?));
    Some(Mount { id, parent, device, root: path()?, point: path()? })
}

/// Spaces and the like are written as a backslash and three octal digits.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, behind @ ..] = rest {
        let digits = behind.get(..3).filter(|_| *first == b'\\');
        let code =
            digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &behind[3..] } else { behind };
    }
    bytes
}

/// As [`Mounts::within`], by a walk through the tree. Directories that cannot be read are skipped, as a removal
/// cannot enter a mount either.
fn search(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    let mut cursor = TreeCursor::open(parent, MountPolicy::Refuse).ok()?;
    match cursor.enter(name) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            return Some(path.to_owned());
        }
        entered => entered.ok()?,
    }
    let stop_at_mount = |error: Error| match error.io_error().kind() {
        io::ErrorKind::CrossesDevices => Err(error),
        _ => Ok(()),
    };
    let walked = walk_below(&mut cursor, stop_at_mount, |_, _| true);
    walked.err().map(|error| error.path().to_owned())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    /// The mount of the root, of a depot with a space in its path, a bind mount in an item, and one of
    /// a part of the depot at another place, in which something else is mounted.
    const TABLE: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 8:2 / /data\\040of/depot rw - ext4 /dev/sdb1 rw
31 30 8:1 /srv/files /data\\040of/depot/artifacts/one/m rw - ext4 /dev/sda1 rw
32 22 8:2 /artifacts/two /mnt/two rw - ext4 /dev/sdb1 rw
33 32 0:40 / /mnt/two/deep/m rw - tmpfs tmpfs rw
";

    #[test]
    fn a_table_of_mounts_is_read() {
        let mounts = Mounts::of(Some(TABLE.as_bytes()));
        let points = mounts.mounts.unwrap().into_iter().map(|mount| mount.point);
        let points: Vec<_> = points.map(|point| point.display().to_string()).collect();
        assert_eq!(points[1], "/data of/depot");
        assert_eq!(points.len(), 5);
        assert_eq!(unescaped(br"\134\011x\9\04"), b"\\\tx\\9\\04");
        for unreadable in [&b""[..], b"22 1 8:1 /", b"x 1 8:1 / / rw"] {
            assert!(Mounts::of(Some(unreadable)).mounts.is_none(), "a walk searches then");
        }
    }

    #[test]
    fn mounts_of_this_machine_are_found() {
        for mounts in [Mounts::read(), Mounts::of(None)] {
            assert_eq!(mounts.within(Path::new("/proc")), Some(PathBuf::from("/proc")));
            assert_eq!(mounts.within(Path::new("/proc/self")), None, "a link is not followed");
            assert_eq!(mounts.within(Path::new("/proc/")), Some(PathBuf::from("/proc")));
            assert_eq!(mounts.within(Path::new("/nowhere/x")), None);
            let lab = tempfile::tempdir().unwrap();
            let link = lab.path().join("link");
            std::os::unix::fs::symlink("/", &link).unwrap();
            assert_eq!(mounts.within(&link.join("proc")), Some(link.join("proc")));
            assert_eq!(mounts.within(&link), None);
            assert_eq!(mounts.within(lab.path()), None);
        }
        let error = Mounts::read().refuse(Path::new("/proc")).unwrap_err();
        assert_eq!(error.mount_point(), Some(Path::new("/proc")));
        let text = "can't remove `/proc`: `/proc` is a mount point; unmount it first";
        assert_eq!(error.to_string(), text);
    }
}
