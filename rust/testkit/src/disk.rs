//! A file system of a test's own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::NamedTempFile;

/// What can be mounted for a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSystem {
    /// In memory, with so many kibibytes.
    Tmpfs(usize),
    /// Files can share their blocks; links of both kinds.
    Btrfs,
    /// FAT or exFAT, whichever this system knows: no links, and no permissions.
    Fat,
}

impl FileSystem {
    /// A script that mounts it at `$1`, with an image in the file `$2`. It says what is missing.
    fn script(self) -> String {
        match self {
            Self::Tmpfs(kibibytes) => format!("mount -t tmpfs -o size={kibibytes}k tmpfs \"$1\""),
            Self::Btrfs => "truncate -s 128M \"$2\" && mkfs.btrfs -q -f \"$2\" >&2 \
                            && mount -o loop \"$2\" \"$1\""
                .to_owned(),
            // What the kernel does not know, a program may.
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

/// A file system that is mounted in a namespace of its own, which goes with the process that keeps
/// it. Nobody else sees it.
#[derive(Debug)]
pub struct Disk {
    keeper: Child,
    root: PathBuf,
    _image: NamedTempFile,
}

impl Disk {
    /// Mounts a new file system at the directory `root`.
    ///
    /// # Errors
    ///
    /// Why that is not possible here, in the words of the program that could not.
    pub fn new(root: &Path, kind: FileSystem) -> Result<Self, String> {
        let image = NamedTempFile::new().expect("a file");
        let script = format!("{} && echo mounted && read -r end", kind.script());
        let mut keeper = Command::new("unshare")
            .args(["--mount", "--", "sh", "-c", &script, "sh"])
            .args([root, image.path()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut line = String::new();
        let mut said = BufReader::new(keeper.stdout.take().expect("it is caught"));
        said.read_line(&mut line).expect("it speaks UTF-8");
        if line != "mounted\n" {
            let output = keeper.wait_with_output().expect("it is ours");
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(said.lines().last().unwrap_or("nothing can be mounted here").to_owned());
        }
        Ok(Self { keeper, root: root.to_owned(), _image: image })
    }

    /// The directory of the file system as this process sees it, which is not in the namespace.
    pub fn seen_from_outside(&self) -> PathBuf {
        let inside = self.root.strip_prefix("/").expect("it is absolute");
        Path::new(&format!("/proc/{}/root", self.keeper.id())).join(inside)
    }

    /// `command`, to be run where the file system is seen under its own name.
    pub fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.args(["--mount", "--target", &self.keeper.id().to_string(), "--"]);
        inside.arg(command.get_program()).args(command.get_args());
        inside.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        inside
    }

    /// Writes a file that leaves so many bytes.
    pub fn fill(&self, left: u64) {
        self.empty();
        let free = scratchrs_fs::free_space(&self.seen_from_outside()).expect("it says so");
        let size = usize::try_from(free.saturating_sub(left)).expect("it is small");
        fs::write(self.filler(), vec![0; size]).expect("there is room");
    }

    /// Removes what [`Disk::fill`] has written.
    pub fn empty(&self) {
        let _ = fs::remove_file(self.filler());
    }

    fn filler(&self) -> PathBuf {
        self.seen_from_outside().join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}
