//! A temporary file system for a test.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::NamedTempFile;

/// A file system to mount for a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSystem {
    /// In memory, with this size in kibibytes.
    Tmpfs(usize),
    /// Files can share their blocks; links of both kinds.
    Btrfs,
    /// FAT or exFAT, whichever this system supports, without links and permissions.
    Fat,
}

impl FileSystem {
    /// A script that mounts it at `$1`, with an image in the file `$2`. Its stderr explains a
    /// failure.
    fn script(self) -> String {
        match self {
            Self::Tmpfs(kibibytes) => format!("mount -t tmpfs -o size={kibibytes}k tmpfs \"$1\""),
            Self::Btrfs => "truncate -s 128M \"$2\" && mkfs.btrfs -q -f \"$2\" >&2 \
                            && mount -o loop \"$2\" \"$1\""
                .to_owned(),
            // If the kernel does not support it, a FUSE program may.
            Self::Fat => "truncate -s 64M \"$2\" \
                          && { mkfs.vfat \"$2\" >&2 && mount -t vfat -o loop \"$2\" \"$1\" \
                          || { mkfs.exfat \"$2\" >&2 \
                          && device=\"$(losetup --find --show \"$2\")\" \
                          && { mount -t exfat \"$device\" \"$1\" \
                          || mount.exfat-fuse \"$device\" \"$1\" >&2; }; \
                          mounted=$?; losetup --detach \"$device\"; test $mounted = 0; }; }"
                .to_owned(),
        }
    }
}

/// A file system in a mount namespace of its own, invisible to other processes. It is unmounted
/// when the process that holds the namespace ends.
#[derive(Debug)]
pub struct Disk {
    holder: Child,
    root: PathBuf,
    _image: NamedTempFile,
}

impl Disk {
    /// Mounts a new file system at the directory `root`.
    ///
    /// # Errors
    ///
    /// The message of the program that failed.
    pub fn new(root: &Path, kind: FileSystem) -> Result<Self, String> {
        let image = NamedTempFile::new().expect("a file");
        let script = format!("{} && echo mounted && read -r end", kind.script());
        let mut holder = Command::new("unshare")
            .args(["--mount", "--", "sh", "-c", &script, "sh"])
            .args([root, image.path()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut line = String::new();
        let mut printed = BufReader::new(holder.stdout.take().expect("piped"));
        printed.read_line(&mut line).expect("UTF-8");
        if line != "mounted\n" {
            let output = holder.wait_with_output().expect("a child process");
            let printed = String::from_utf8_lossy(&output.stderr);
            return Err(printed.lines().last().unwrap_or("mounting failed").to_owned());
        }
        Ok(Self { holder, root: root.to_owned(), _image: image })
    }

    /// The path of the file system for this process, which is not in the namespace.
    pub fn seen_from_outside(&self) -> PathBuf {
        let inside = self.root.strip_prefix("/").expect("an absolute path");
        Path::new(&format!("/proc/{}/root", self.holder.id())).join(inside)
    }

    /// `command`, run in the namespace, where the file system has its own path.
    pub fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.args(["--mount", "--target", &self.holder.id().to_string(), "--"]);
        inside.arg(command.get_program()).args(command.get_args());
        inside.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        inside
    }

    /// Writes a file that leaves this many bytes free.
    pub fn fill(&self, left: u64) {
        self.empty();
        let free = scratchrs_fs::free_space(&self.seen_from_outside()).expect("free space");
        let size = usize::try_from(free.saturating_sub(left)).expect("a small size");
        fs::write(self.filler(), vec![0; size]).expect("enough space");
    }

    /// Removes the file of [`Disk::fill`].
    pub fn empty(&self) {
        let _ = fs::remove_file(self.filler());
    }

    fn filler(&self) -> PathBuf {
        self.seen_from_outside().join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
