//! Folders with what a compiler built.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use scratchrs_jll::binary::GlibcVersion;

/// A platform for which this machine's compiler builds.
pub(crate) const HOST: &str =
    if cfg!(target_arch = "x86_64") { "x86_64-linux-gnu" } else { "aarch64-linux-gnu" };

/// The newest glibc that there will be.
pub(crate) const ANY_GLIBC: GlibcVersion = GlibcVersion { major: 99, minor: 0 };

/// A folder, as `make install` leaves it.
pub(crate) struct Folder {
    directory: tempfile::TempDir,
}

impl Folder {
    /// An empty folder with a licence.
    pub(crate) fn new() -> Self {
        let folder = Self { directory: tempfile::tempdir().unwrap() };
        folder.write("share/licenses/Foo/LICENSE", "MIT");
        folder
    }

    /// A folder with the library `foo`, a program that needs it, and a file.
    pub(crate) fn of_foo() -> Self {
        let folder = Self::new();
        folder.compile("lib/libfoo.so.1", FOO, &["-shared", "-Wl,-soname,libfoo.so.1"]);
        scratchrs_testkit::symlink("libfoo.so.1", folder.path().join("lib/libfoo.so"));
        folder.compile("bin/foo", MAIN, &["-Llib", "-lfoo"]);
        folder.write("share/foo.txt", "text");
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn write(&self, path: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.place(path), contents).unwrap();
    }

    /// Compiles C code to a file of the folder, which is the current directory.
    pub(crate) fn compile(&self, path: &str, source: &str, flags: &[&str]) {
        self.compile_with("cc", path, source, flags);
    }

    pub(crate) fn compile_with(&self, compiler: &str, path: &str, source: &str, flags: &[&str]) {
        self.place(path);
        let sources = tempfile::tempdir().unwrap();
        let file = sources.path().join("source.c");
        fs::write(&file, source).unwrap();
        let mut command = Command::new(compiler);
        command.current_dir(self.path()).arg("-fPIC").arg("-o").arg(path).arg(file).args(flags);
        assert!(command.status().unwrap().success(), "{command:?}");
    }

    /// The path of a new file, whose directory exists.
    fn place(&self, path: &str) -> PathBuf {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }
}

/// A library.
pub(crate) const FOO: &str = "int foo(int x) { return x + 1; }";
/// A program that needs it.
const MAIN: &str = "int foo(int); int main(void) { return foo(41) - 42; }";
