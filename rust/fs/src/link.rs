//! Sharing the content of a file with a second path: by a link if the file system can, else by a copy.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::io_error::{is_unsupported, where_supported};
use crate::platform;
use crate::read::open_to_read;
use crate::syscall_path::SyscallPath;

/// How a second path shares the content of the first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum LinkMode {
    /// A separate file that shares the blocks of the first until one of them is written to (Btrfs, XFS, APFS,
    /// ReFS).
    Reflink,
    /// A hard link: both names have one content and one set of permissions.
    Hardlink,
    /// A symbolic link with the absolute path of the first.
    Symlink,
    /// A separate file with its own blocks.
    Copy,
}

impl LinkMode {
    /// All modes, the best first: a separate file at no cost, a shared file at no cost, a file that programs
    /// can distinguish from a regular one, and a file that costs its size.
    pub const ALL: [Self; 4] = [Self::Reflink, Self::Hardlink, Self::Symlink, Self::Copy];

    /// The name of the mode, which [`FromStr`] reads.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reflink => "reflink",
            Self::Hardlink => "hardlink",
            Self::Symlink => "symlink",
            Self::Copy => "copy",
        }
    }
}

impl fmt::Display for LinkMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is not the name of a [`LinkMode`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid link mode `{text}`: expected one of `{names}`", text = .0, names = LinkMode::ALL.map(LinkMode::name).join("`, `"))]
pub struct InvalidLinkMode(String);

impl FromStr for LinkMode {
    type Err = InvalidLinkMode;

    fn from_str(text: &str) -> std::result::Result<Self, InvalidLinkMode> {
        let mode = LinkMode::ALL.into_iter().find(|mode| mode.name() == text);
        mode.ok_or_else(|| InvalidLinkMode(text.to_owned()))
    }
}

/// Links many files in the same mode. A mode that the file system does not support is tried once. Several threads
/// may share one linker.
#[derive(Debug)]
pub struct Linker {
    /// The modes to try, in this order. The last one is a copy, which every file system supports.
    modes: Vec<LinkMode>,
    /// The index of the first of them that was not refused.
    current: AtomicUsize,
}

impl Linker {
    /// A linker that uses the given mode, or copies if the file system does not support it. Without a mode, it
    /// uses the best supported one.
    ///
    /// A program that requests a mode may not work with another one, but works with copies.
    pub fn new(wanted: Option<LinkMode>) -> Self {
        let modes = match wanted {
            None => LinkMode::ALL.to_vec(),
            Some(LinkMode::Copy) => vec![LinkMode::Copy],
            Some(mode) => vec![mode, LinkMode::Copy],
        };
        Self { modes, current: AtomicUsize::new(0) }
    }

    /// The mode to try with the next file. After the first file, it is the mode that was used.
    pub fn mode(&self) -> LinkMode {
        self.modes[self.current.load(Ordering::Relaxed)]
    }

    /// Creates `target` with the content and the permissions of the file `original`, and returns the mode that
    /// was used.
    ///
    /// # Errors
    ///
    /// `target` exists; the file system supports the mode, and fails; or `original` has as many hard links as
    /// the file system allows ([`Error::is_link_limit`]). A failed copy leaves no file.
    pub fn link(&self, original: &Path, target: &Path) -> Result<LinkMode> {
        self.link_by(target, |mode| link(mode, original, target))
    }

    fn link_by(
        &self,
        target: &Path,
        mut link: impl FnMut(LinkMode) -> io::Result<()>,
    ) -> Result<LinkMode> {
        let mut index = self.current.load(Ordering::Relaxed);
        loop {
            let mode = self.modes[index];
            match link(mode) {
                Ok(()) => return Ok(mode),
                Err(error) if mode != LinkMode::Copy && is_unsupported(&error) => {
                    index += 1;
                    self.current.fetch_max(index, Ordering::Relaxed);
                }
                Err(error) => return Err(Error::on(verb(mode), target)(error)),
            }
        }
    }
}

fn verb(mode: LinkMode) -> &'static str {
    match mode {
        LinkMode::Reflink | LinkMode::Copy => "copy a file to",
        LinkMode::Hardlink | LinkMode::Symlink => "create the link",
    }
}

fn link(mode: LinkMode, original: &Path, target: &Path) -> io::Result<()> {
    let text = original.as_os_str();
    let short = (SyscallPath::of(original)?, SyscallPath::of(target)?);
    let (original, target) = (short.0.path(), short.1.path());
    match mode {
        LinkMode::Hardlink => fs::hard_link(original, target),
        LinkMode::Symlink => platform::symlink(text, target, false),
        LinkMode::Reflink => {
            reflink_copy::reflink(original, target)?;
            with_permissions_of(original, target)
        }
        LinkMode::Copy => copy(original, target),
    }
}

fn with_permissions_of(original: &Path, target: &Path) -> io::Result<()> {
    let allow = || fs::set_permissions(target, fs::metadata(original)?.permissions());
    where_supported(allow()).inspect_err(|_| {
        let _ = fs::remove_file(target);
    })
}

fn copy(original: &Path, target: &Path) -> io::Result<()> {
    let mut from = open_to_read(original)?;
    let mut to = fs::OpenOptions::new().write(true).create_new(true).open(target)?;
    let copied = io::copy(&mut from, &mut to)
        .and_then(|_| from.metadata())
        .and_then(|metadata| where_supported(to.set_permissions(metadata.permissions())));
    copied.inspect_err(|_| {
        let _ = fs::remove_file(target);
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::FileId;

    /// A read-only file, linked in a mode: its path, and that of the link.
    fn linked(directory: &Path, mode: LinkMode) -> (PathBuf, PathBuf) {
        let (original, target) = (directory.join("original"), directory.join(mode.name()));
        fs::write(&original, "content").unwrap();
        let mut permissions = fs::metadata(&original).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&original, permissions.clone()).unwrap();
        let linker = Linker::new(Some(mode));
        let used = linker.link(&original, &target).unwrap();
        assert!(used == mode || used == LinkMode::Copy && mode == LinkMode::Reflink);
        assert_eq!(linker.mode(), used, "what was used is known afterwards");
        assert_eq!(fs::read(&target).unwrap(), b"content");
        assert_eq!(fs::metadata(&target).unwrap().permissions(), permissions);
        let again = linker.link(&original, &target).unwrap_err();
        assert_eq!(again.io_error().kind(), io::ErrorKind::AlreadyExists, "{mode}");
        (original, target)
    }

    #[test]
    fn copies_and_hard_links_have_the_content_and_the_mode_of_the_file() {
        for mode in [LinkMode::Reflink, LinkMode::Hardlink, LinkMode::Copy] {
            let lab = tempfile::tempdir().unwrap();
            let (original, target) = linked(lab.path(), mode);
            let is_same = FileId::of(&original).unwrap() == FileId::of(&target).unwrap();
            assert_eq!(is_same, mode == LinkMode::Hardlink, "{mode}");
        }
    }

    #[test]
    fn a_symbolic_link_leads_to_the_file() {
        let lab = tempfile::tempdir().unwrap();
        let (original, target) = linked(lab.path(), LinkMode::Symlink);
        assert_eq!(fs::read_link(target).unwrap(), original);
    }

    /// A mode that the file system does not support is tried once; any other error does not count.
    #[test]
    fn an_unsupported_mode_is_not_tried_again() {
        let linker = Linker::new(None);
        let mut tried = Vec::new();
        let mut link = |outcomes: &[(LinkMode, Option<io::ErrorKind>)]| {
            tried.clear();
            let used = linker.link_by(Path::new("target"), |mode| {
                tried.push(mode);
                let outcome = outcomes.iter().find(|(of, _)| *of == mode).and_then(|found| found.1);
                outcome.map_or(Ok(()), |kind| Err(kind.into()))
            });
            (used.ok(), tried.clone())
        };
        use LinkMode::{Hardlink, Reflink, Symlink};
        let refused = Some(io::ErrorKind::PermissionDenied);
        let unsupported = Some(io::ErrorKind::Unsupported);
        assert_eq!(link(&[(Reflink, refused)]), (None, vec![Reflink]));
        assert_eq!(link(&[(Reflink, unsupported)]), (Some(Hardlink), vec![Reflink, Hardlink]));
        assert_eq!(link(&[]), (Some(Hardlink), vec![Hardlink]));
        assert_eq!(link(&[(Hardlink, refused)]), (None, vec![Hardlink]));
        assert_eq!(link(&[(Hardlink, unsupported)]), (Some(Symlink), vec![Hardlink, Symlink]));
        assert_eq!(linker.mode(), Symlink);
    }

    #[test]
    fn a_mode_is_read_from_its_name() {
        for mode in LinkMode::ALL {
            assert_eq!(mode.name().parse(), Ok(mode));
        }
        let error = "junction".parse::<LinkMode>().unwrap_err().to_string();
        assert!(error.starts_with("invalid link mode `junction`"), "{error}");
    }
}
