//! A machine that has nothing but Julia: an empty home, which is the current directory, and the few programs that Julia
//! itself runs.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use scratchrs_fs::Progress;
use scratchrs_testkit::symlink;

use super::super::isolation;
use super::super::together::run_into;
use crate::environment::Environment;
use crate::julia::Julia;
use crate::program;

/// The programs that Debian's Julia 1.5.3 runs: to start, to download and to unpack. Later versions bring theirs.
const PROGRAMS: [&str; 6] = ["curl", "dirname", "gzip", "readlink", "sh", "tar"];

/// Makes a directory read-only for the command that follows.
const READ_ONLY: &str =
    "mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\" && exec \"$@\"";

/// The machine.
#[derive(Clone)]
pub(super) struct Machine<'a> {
    root: PathBuf,
    home: PathBuf,
    julia: &'a Julia,
    pkg_server: String,
    /// A command that runs Julia as its arguments say.
    wrapper: Vec<OsString>,
    option: Option<&'static str>,
    is_traced: bool,
    output: &'a File,
}

impl<'a> Machine<'a> {
    /// A machine in the directory `root`. The output of its sessions goes to `output`.
    pub(super) fn set_up(
        root: &Path,
        environment: &Environment,
        julia: &'a Julia,
        is_traced: bool,
        output: &'a File,
    ) -> Result<Self> {
        for directory in ["bin", "home", "scripts", "tmp"] {
            scratchrs_fs::create_dir_all(&root.join(directory))?;
        }
        for name in PROGRAMS {
            let mut candidates = std::env::split_paths(&environment.path).map(|it| it.join(name));
            if let Some(program) = candidates.find(|program| program.is_file()) {
                symlink(program, root.join("bin").join(name));
            }
        }
        let scripts = root.join("scripts");
        let sessions = environment.root.join("test/install");
        scratchrs_fs::copy_tree(&sessions, &scripts, &Progress::default())??;
        let readme = fs::read_to_string(environment.root.join("README.md"))?;
        let example = first_example(&readme).context("README.md has no example")?;
        fs::write(scripts.join("example.jl"), example)?;
        let (root, home) = (root.to_owned(), root.join("home"));
        let (pkg_server, wrapper, option) = (String::new(), Vec::new(), None);
        Ok(Self { root, home, julia, pkg_server, wrapper, option, is_traced, output })
    }

    /// The same with a Pkg server, and without the registry on disk.
    pub(super) fn with_pkg_server(self, url: String) -> Self {
        Self { pkg_server: url, ..self }
    }

    /// The same, with an option of Julia.
    pub(super) fn with_option(self, option: &'static str) -> Self {
        Self { option: Some(option), ..self }
    }

    /// The same, where the depot is on a read-only file system.
    pub(super) fn with_read_only_depot(self) -> Self {
        let words = ["unshare", "--mount", "sh", "-c", READ_ONLY].map(OsString::from);
        let wrapper = words.into_iter().chain([self.depot().into_os_string()]).collect();
        Self { wrapper, ..self }
    }

    /// A machine with a copy of the environment of this one in its home, and without a depot.
    pub(super) fn with_copied_environment(&self) -> Result<Self> {
        let another = self.with_home("another-home")?;
        let environments = self.depot().join("environments");
        for name in scratchrs_fs::subdirectories(&environments)? {
            scratchrs_fs::copy_tree(
                &environments.join(name),
                &another.home,
                &Progress::default(),
            )??;
        }
        Ok(another)
    }

    /// A machine to which the depot of this one is moved.
    pub(super) fn with_moved_depot(&self) -> Result<Self> {
        let another = self.with_home("another-home")?;
        fs::rename(self.depot(), another.depot())?;
        Ok(another)
    }

    fn with_home(&self, name: &str) -> Result<Self> {
        let home = self.root.join(name);
        scratchrs_fs::create_dir_all(&home)?;
        Ok(Self { home, ..self.clone() })
    }

    fn depot(&self) -> PathBuf {
        self.home.join(".julia")
    }

    /// Whether its Julia has the option `--pkgimages`.
    pub(super) fn has_package_images(&self) -> bool {
        self.julia.version.series() >= (1, 9)
    }

    /// Runs a script of `test/install/`. Its first argument is the path of the registry, or empty if there is a Pkg
    /// server.
    pub(super) fn run(&self, script: &str, arguments: &[&str]) -> Result<()> {
        let registry = match self.pkg_server.as_str() {
            "" => self.root.join("git/General"),
            _ => PathBuf::new(),
        };
        let mut words = self.wrapper.clone();
        words.extend(["env", "-i"].map(OsString::from));
        for (name, value) in [
            ("HOME", self.home.as_os_str()),
            ("PATH", self.root.join("bin").as_os_str()),
            ("TMPDIR", self.root.join("tmp").as_os_str()),
            ("JULIA_PKG_SERVER", OsStr::new(&self.pkg_server)),
        ] {
            let mut variable = OsString::from(format!("{name}="));
            variable.push(value);
            words.push(variable);
        }
        let mut session = Command::new(&words[0]);
        session.args(&words[1..]).arg(&self.julia.executable).args(self.option);
        session.arg(self.root.join(format!("scripts/{script}.jl"))).arg(registry).args(arguments);
        session.current_dir(&self.home);
        if !self.is_traced {
            return run_into(self.output, session);
        }
        let log = self.root.join(format!("{script}.trace"));
        run_into(self.output, isolation::traced(&session, &log))?;
        let mut allowed = vec![self.root.clone(), self.julia.prefix.clone()];
        // The script that starts Debian's Julia is elsewhere.
        allowed.extend(self.julia.executable.parent().and_then(Path::parent).map(Path::to_owned));
        isolation::check_within(&log, &allowed).with_context(|| program::shown(&session))
    }
}

/// Whether `with_read_only_depot` works here.
pub(super) fn can_mount() -> bool {
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "true"]);
    program::output(unshare).is_ok()
}

/// The first example in Julia of a text in Markdown.
fn first_example(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("\n```julia\n")?;
    Some(rest.split_once("\n```\n")?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_example_is_found() {
        let text = "# A\n\n```julia\nusing A\n\nf()\n```\n\n```julia\ng()\n```\n";
        assert_eq!(first_example(text), Some("using A\n\nf()"));
        assert_eq!(first_example("# A\n\n```console\n$ ls\n```\n"), None);
    }
}
