//! Reproducible tarballs of directories.
//!
//! The tar stream is that of Julia's `Tar.create` (Tar.jl as bundled with Julia 1.6 and later):
//! entries in the byte order of their names, each directory before what it holds, no record for the
//! root unless there is nothing else, and no blocks of zeros at the end. Everything on disk goes in,
//! `.git` and empty directories too. The gzip layer names no file, no time and no system, so the
//! bytes depend on the tree and on the version of the compressor alone.
//!
//! # Crash
//!
//! The tarball is written under a temporary name beside its final one and renamed when complete. A
//! process that is killed leaves the old state and perhaps the temporary file. Nothing is forced to
//! the disk: a tarball can be made again.

use std::ffi::{OsStr, OsString};
use std::fs::FileType;
use std::io::{self, Write};
use std::path::Path;

use flate2::{Compression, GzBuilder};
use scratchrs_model::hash::Sha256;
use sha2::Digest;

use crate::error::{Context, Error, Operation};
use crate::header::{self, Kind};
use crate::platform;
use crate::source::{self, BUFFER_SIZE, Leaf, SourceFile};

/// What gzip compresses with; fixed, as it decides about the bytes.
const LEVEL: Compression = Compression::new(6);

/// The value of gzip's operating system field that means `unknown`.
const UNKNOWN_SYSTEM: u8 = 255;

/// A tarball as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The digest of the compressed file: what `Artifacts.toml` records beside a download's URL.
    pub sha256: Sha256,
    /// The size of the compressed file in bytes.
    pub size: u64,
}

/// Writes the directory `tree` as a gzipped tarball to the file `tarball`, replacing what is there.
///
/// The same tree gives the same bytes, whoever owns it and whenever it was made. A `tree` that is a
/// symbolic link to a directory is followed; links inside are kept as links. The tree is listed
/// before the tarball is begun, so a tarball inside of it does not hold itself.
///
/// # Errors
///
/// Something in the tree cannot be read, is a FIFO, socket or device, or changes while it is read;
/// `tree` is not a directory; or the tarball cannot be written. Whatever was at `tarball` is then
/// still there, and nothing else is.
pub fn pack(tree: &Path, tarball: &Path) -> Result<Packed, Error> {
    let entries = list_tree(tree)?;
    let directory = match tarball.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".scratchrs-pack-");
    platform::share(&mut builder);
    let temporary = builder.tempfile_in(directory).context(Operation::Create, tarball)?;

    let file = Measured { inner: temporary.as_file(), sha256: sha2::Sha256::new(), size: 0 };
    let mut gzip = GzBuilder::new().mtime(0).operating_system(UNKNOWN_SYSTEM).write(file, LEVEL);
    write_tar(tree, &entries, &mut gzip, tarball)?;
    let Measured { sha256, size, .. } = gzip.finish().context(Operation::Write, tarball)?;

    temporary
        .persist(tarball)
        .map_err(|failure| failure.error)
        .context(Operation::Rename, tarball)?;
    Ok(Packed { sha256: Sha256(sha256.finalize().into()), size })
}

/// Something that gets a record in the archive.
struct Entry {
    /// From the root of the tree, with slashes on every system.
    path: OsString,
    /// `None` for a directory.
    leaf: Option<Leaf>,
}

/// Lists what lies below `root` in the order of the archive.
fn list_tree(root: &Path) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    // What is still to be visited, the next one last.
    let mut pending = Vec::new();
    push_children(root, None, &mut pending)?;
    while let Some((path, file_type)) = pending.pop() {
        let leaf = if file_type.is_dir() {
            push_children(root, Some(&path), &mut pending)?;
            None
        } else {
            Some(Leaf::of(file_type, &root.join(&path))?)
        };
        entries.push(Entry { path, leaf });
    }
    Ok(entries)
}

/// Puts what the directory `parent` (the root if `None`) holds on top of `pending`.
fn push_children(
    root: &Path,
    parent: Option<&OsString>,
    pending: &mut Vec<(OsString, FileType)>,
) -> Result<(), Error> {
    let children = match parent {
        Some(parent) => source::list_directory(&root.join(parent))?,
        None => source::list_directory(root)?,
    };
    pending.extend(children.into_iter().rev().map(|(name, file_type)| {
        let path = match parent {
            Some(parent) => [parent, &name].map(OsString::as_os_str).join(OsStr::new("/")),
            None => name,
        };
        (path, file_type)
    }));
    Ok(())
}

/// Writes the entries of the tree at `root` to `out` as a tar stream. Errors of `out` are reported
/// as those of the file `destination`.
fn write_tar(
    root: &Path,
    entries: &[Entry],
    out: &mut impl Write,
    destination: &Path,
) -> Result<(), Error> {
    let mut write = |bytes: &[u8]| out.write_all(bytes).context(Operation::Write, destination);
    if entries.is_empty() {
        return write(&header::record(b".", Kind::Directory));
    }
    let mut buffer = vec![0; BUFFER_SIZE];
    for Entry { path, leaf } in entries {
        let on_disk = root.join(path);
        let path = platform::bytes(path);
        match leaf {
            None => write(&header::record(path, Kind::Directory))?,
            Some(Leaf::Symlink) => {
                let target = source::read_link(&on_disk)?;
                write(&header::record(path, Kind::Symlink { target: platform::bytes(&target) }))?;
            }
            Some(Leaf::File) => {
                let file = SourceFile::open(&on_disk)?;
                let size = file.size;
                write(&header::record(path, Kind::File { size, executable: file.executable }))?;
                file.read(&mut buffer, &mut write)?;
                write(header::padding(size))?;
            }
        }
    }
    Ok(())
}

/// A writer that takes digest and size of what it passes on.
struct Measured<W> {
    inner: W,
    sha256: sha2::Sha256,
    size: u64,
}

impl<W: Write> Write for Measured<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::fixture::Tree;
    use flate2::read::GzDecoder;
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::process::Command;

    /// Every kind of entry, and paths and targets on either side of what a header holds.
    fn sample() -> Tree {
        let name = "n".repeat(100);
        Tree::new()
            .file("foo/bar", "bar")
            .file("foo.bar", "")
            .file("foo-bar", [7; 512])
            .file_with_mode("bin/run", [0; 513], 0o700)
            .file(".git/config", "[core]")
            .directory("empty/too")
            .link("link", "foo/bar")
            .link("broken-é", "../nowhere/schön")
            .link("far", "t/".repeat(60))
            .file(&format!("{}/{name}", "p".repeat(99)), "split")
            .file(&format!("{}/{name}", "p".repeat(120)), "pax")
            .link(&format!("{}/l", "p".repeat(120)), "u".repeat(500))
    }

    fn tar_stream(tree: &Path) -> Vec<u8> {
        let mut stream = Vec::new();
        write_tar(tree, &list_tree(tree).unwrap(), &mut stream, Path::new("stream")).unwrap();
        stream
    }

    fn sha256(bytes: &[u8]) -> Sha256 {
        Sha256(sha2::Sha256::digest(bytes).into())
    }

    /// Digests of what `Tar.create` of Tar.jl 1.10.0 wrote for the same trees, run by hand on Julia
    /// 1.5.3.
    #[test]
    fn the_stream_is_that_of_tar_jl() {
        let stream = tar_stream(sample().path());
        assert_eq!(stream.len(), 17408);
        assert_eq!(
            sha256(&stream).to_string(),
            "702fac620ed94d55467723fee6d9bad05fd0ea1766fadc04f7500e9542deebf6"
        );
        let empty = tar_stream(Tree::new().path());
        assert_eq!(empty.len(), 512);
        assert_eq!(
            sha256(&empty).to_string(),
            "e764268f026677a73a053d0d79e1037128505e47b49137d4dd2f0c57797272de"
        );
    }

    #[test]
    fn the_tarball_is_the_stream_gzipped_and_nothing_more() {
        let (tree, out) = (sample(), Tree::new());
        let tarball = out.path().join("a.tar.gz");
        let packed = pack(tree.path(), &tarball).unwrap();
        let bytes = fs::read(&tarball).unwrap();
        assert_eq!(packed, Packed { sha256: sha256(&bytes), size: bytes.len() as u64 });
        // Deflate, no flags, no time, nothing about level or system.
        assert_eq!(bytes[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
        let mut stream = Vec::new();
        GzDecoder::new(&bytes[..]).read_to_end(&mut stream).unwrap();
        assert_eq!(stream, tar_stream(tree.path()));
        assert_eq!(names(out.path()), ["a.tar.gz"]);
    }

    #[test]
    fn a_tarball_may_be_replaced_and_read_by_whom_the_umask_lets() {
        let (tree, out) = (sample(), Tree::new().file("ordinary", ""));
        let tarball = out.path().join("a.tar.gz");
        let first = pack(tree.path(), &tarball).unwrap();
        let second = pack(tree.file("more", "").path(), &tarball).unwrap();
        assert_ne!(first, second);
        assert_eq!(fs::metadata(&tarball).unwrap().len(), second.size);

        let made_by_shell = out.path().join("shell");
        let status =
            Command::new("sh").args(["-c", ": > \"$0\""]).arg(&made_by_shell).status().unwrap();
        assert!(status.success());
        let mode = |path: &Path| fs::metadata(path).unwrap().mode();
        assert_eq!(mode(&tarball), mode(&made_by_shell));
    }

    #[test]
    fn a_tarball_inside_of_the_tree_does_not_hold_itself() {
        let tree = sample();
        let beside = Tree::new();
        let outside = pack(tree.path(), &beside.path().join("a.tar.gz")).unwrap();
        assert_eq!(pack(tree.path(), &tree.path().join("a.tar.gz")).unwrap(), outside);
    }

    #[test]
    fn a_failure_leaves_everything_as_it_was() {
        let out = Tree::new().file("a.tar.gz", "old").directory("b.tar.gz/in_the_way");
        let target = out.path().join("a.tar.gz");

        let result = pack(sample().fifo("fifo").path(), &target);
        assert!(
            matches!(result, Err(Error::UnsupportedFileType { found: "a FIFO", .. })),
            "{result:?}"
        );
        let result = pack(&out.path().join("missing"), &target);
        assert!(matches!(result, Err(Error::Io { operation: Operation::List, .. })), "{result:?}");
        let result = pack(sample().path(), &out.path().join("missing/a.tar.gz"));
        assert!(
            matches!(result, Err(Error::Io { operation: Operation::Create, .. })),
            "{result:?}"
        );
        let result = pack(sample().path(), &out.path().join("b.tar.gz"));
        assert!(
            matches!(result, Err(Error::Io { operation: Operation::Rename, .. })),
            "{result:?}"
        );

        assert_eq!(fs::read(&target).unwrap(), b"old");
        assert_eq!(names(out.path()), ["a.tar.gz", "b.tar.gz"]);
    }

    /// Files of the kernel that lie about their size, or refuse to be read, met when the tarball is
    /// begun already.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_failure_half_way_leaves_everything_as_it_was() {
        let out = Tree::new().file("a.tar.gz", "old");
        let result = pack(Path::new("/proc/sys/kernel/random"), &out.path().join("a.tar.gz"));
        assert!(matches!(result, Err(Error::ChangedWhileReading { .. })), "{result:?}");
        assert_eq!(fs::read(out.path().join("a.tar.gz")).unwrap(), b"old");
        assert_eq!(names(out.path()), ["a.tar.gz"]);
    }

    #[test]
    fn a_full_disk_is_an_error_of_the_tarball() {
        let tree = sample();
        let result = write_tar(
            tree.path(),
            &list_tree(tree.path()).unwrap(),
            &mut &mut [0; 700][..],
            Path::new("t"),
        );
        assert!(
            matches!(&result, Err(Error::Io { operation: Operation::Write, path, .. }) if path == Path::new("t")),
            "{result:?}"
        );
    }

    #[test]
    fn a_link_as_root_is_followed() {
        let tree = sample();
        let link = Tree::new().link("l", tree.path());
        assert_eq!(tar_stream(&link.path().join("l")), tar_stream(tree.path()));
    }

    #[test]
    fn modes_beyond_the_owners_execute_bit_do_not_matter() {
        let stream = |mode| tar_stream(Tree::new().file_with_mode("f", "f", mode).path());
        assert_eq!(stream(0o644), stream(0o600));
        assert_eq!(stream(0o755), stream(0o700));
        assert_ne!(stream(0o644), stream(0o744));
        let tree = Tree::new().directory("d");
        let before = tar_stream(tree.path());
        fs::set_permissions(tree.path().join("d"), fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(tar_stream(tree.path()), before);
    }

    fn names(directory: &Path) -> Vec<OsString> {
        source::list_directory(directory).unwrap().into_iter().map(|(name, _)| name).collect()
    }
}
