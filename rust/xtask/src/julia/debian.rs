//! Debian's Julia 1.5.3 (suite bullseye), unpacked into a folder without touching the system.
//!
//! # On disk
//!
//! ```text
//! <folder>/lock          held while a process unpacks
//!          unpacking/    in progress, or left by a killed process
//!          root/usr/…    the packages, with a script instead of `usr/bin/julia`
//!          bin/julia     a link to that script; created last, when everything is complete
//! ```
//!
//! apt-get downloads and verifies the packages with Debian's keyring, with separate lists, cache
//! and state in the folder. It uses the mirror of this machine's apt.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::console;
use crate::program;

/// The script, in the folder, and the name of the program beside it.
const STARTER: &str = "root/usr/bin/julia";
const PROGRAM: &str = "julia-1.5.3";

const SUITE: &str = "bullseye";

/// Names that Debian's own archive gives to a suite beside its code name. Third parties use others.
const DEBIAN_SUITES: [&str; 6] =
    [SUITE, "stable", "oldstable", "oldoldstable", "testing", "unstable"];

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Julia and all libraries that it loads, except libc and those of the compiler. All are from its
/// own suite: the libunwind of later ones crashes it at the first exception.
const PACKAGES: [&str; 28] = [
    "julia",
    "julia-common",
    "libbsd0",
    "libcurl3-gnutls",
    "libdsfmt-19937-1",
    "libedit2",
    "libffi7",
    "libgfortran5",
    "libgit2-1.1",
    "libgmp10",
    "libhttp-parser2.9",
    "libjulia1",
    "libllvm9",
    "libmbedcrypto3",
    "libmbedtls12",
    "libmbedx509-0",
    "libmd0",
    "libmpfr6",
    "libopenblas0-pthread",
    "libopenlibm3",
    "libpcre2-8-0",
    "libpcre3",
    "libquadmath0",
    "libssh2-1",
    "libtinfo6",
    "libunwind8",
    "libutf8proc2",
    "libz3-4",
];

/// Whether this machine has apt-get and Debian's keyring.
pub(super) fn is_debian() -> bool {
    Path::new("/usr/bin/apt-get").exists() && Path::new(KEYRING).exists()
}

/// The executable of the Julia in `folder`, which is downloaded if it is missing.
pub(super) fn unpacked(folder: &Path) -> Result<PathBuf> {
    let executable = folder.join("bin/julia");
    if is_complete(folder, &executable) {
        return Ok(executable);
    }
    fetch(folder, &executable).context(
        "could not unpack Debian's Julia 1.5.3; if this machine's apt has no mirror with the \
         suite bullseye, add one to its sources, or set SCRATCHRS_JULIAS to another Julia",
    )?;
    Ok(executable)
}

/// Whether it is complete. An earlier version had a script instead of the link only.
fn is_complete(folder: &Path, executable: &Path) -> bool {
    executable.exists() && folder.join(STARTER).with_file_name(PROGRAM).exists()
}

fn fetch(folder: &Path, executable: &Path) -> Result<()> {
    ensure!(is_debian(), "apt-get or `{KEYRING}` is missing");
    scratchrs_fs::create_dir_all(folder)?;
    let lock = File::create(folder.join("lock"))?;
    lock.lock().context("could not wait for another process that unpacks it")?;
    if is_complete(folder, executable) {
        return Ok(());
    }
    console::status("Fetching", format_args!("Debian's Julia 1.5.3 into {}", folder.display()));
    let unpacking = folder.join("unpacking");
    for left_over in [&unpacking, &folder.join("root"), &folder.join("bin")] {
        scratchrs_fs::remove(left_over)?;
    }
    let apt = Apt::set_up(unpacking.join("apt"))?;
    let packages = apt.download()?;
    unpack(&packages, &unpacking.join("root"))?;
    write_starter(&unpacking)?;
    check(&unpacking.join("bin/julia"))?;
    fs::rename(unpacking.join("root"), folder.join("root"))?;
    fs::rename(unpacking.join("bin"), folder.join("bin"))?;
    Ok(scratchrs_fs::remove(&unpacking)?)
}

/// An apt with separate lists, cache and state.
struct Apt {
    directory: PathBuf,
}

impl Apt {
    fn set_up(directory: PathBuf) -> Result<Self> {
        for name in ["lists/partial", "cache/archives/partial", "packages"] {
            scratchrs_fs::create_dir_all(&directory.join(name))?;
        }
        let known = program::output(system_apt(["update", "--print-uris"]))?;
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let site = debian_site(&known, code_name(&release))
            .context("this machine's apt has no source that is Debian's own archive")?;
        let source = format!("deb [signed-by={KEYRING}] {site} {SUITE} main\n");
        fs::write(directory.join("sources.list"), source)?;
        fs::write(directory.join("apt.conf"), configuration(&directory))?;
        Ok(Self { directory })
    }

    /// Downloads and verifies the packages, and returns their files.
    fn download(&self) -> Result<Vec<PathBuf>> {
        program::run(self.command("update"))?;
        let packages = self.directory.join("packages");
        let mut download = self.command("download");
        download.args(PACKAGES).current_dir(&packages);
        program::run(download)?;
        let files = fs::read_dir(&packages)?.map(|entry| Ok(entry?.path()));
        files.collect()
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = system_apt(["-qq", verb]);
        command.arg("--config-file").arg(self.directory.join("apt.conf"));
        command
    }
}

/// Options that apt reads after the system's configuration, whose network settings stay in effect.
fn configuration(directory: &Path) -> String {
    let directory = directory.display();
    format!(
        r#"Dir::Etc::SourceList "{directory}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State::Lists "{directory}/lists";
Dir::State::Status "/dev/null";
Dir::Cache "{directory}/cache";
Dir::Cache::PkgCache "";
Dir::Cache::SrcPkgCache "";
Acquire::Languages "none";
APT::Default-Release "";
// As root, apt would otherwise switch to a user without write access here.
APT::Sandbox::User "root";
// In containers, these clear the cache of the system.
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"#
    )
}

/// The system's apt-get, with untranslated output.
fn system_apt(arguments: [&str; 2]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("LC_ALL", "C.UTF-8");
    command
}

/// Of the sources in the output of `apt-get update --print-uris`, the site of Debian's archive: one
/// that carries the wanted suite, or else one that carries any suite of Debian's.
fn debian_site<'a>(uris: &'a str, code_name: &str) -> Option<&'a str> {
    let sources: Vec<_> = uris.lines().filter_map(source).collect();
    let is_wanted = |(_, suite): &&(&str, &str)| *suite == SUITE;
    let is_debian =
        |(_, suite): &&(&str, &str)| *suite == code_name || DEBIAN_SUITES.contains(suite);
    let chosen = sources.iter().find(is_wanted).or_else(|| sources.iter().find(is_debian))?;
    Some(chosen.0)
}

/// The site and suite of a line `'<site>/dists/<suite>/InRelease' <file> <size>`.
fn source(line: &str) -> Option<(&str, &str)> {
    let (uri, _) = line.strip_prefix('\'')?.split_once('\'')?;
    uri.strip_suffix("/InRelease")?.rsplit_once("/dists/")
}

/// The system's code name, from the text of `/etc/os-release`; empty if it has none.
fn code_name(release: &str) -> &str {
    let line = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    line.unwrap_or_default().trim_matches('"')
}

fn unpack(packages: &[PathBuf], root: &Path) -> Result<()> {
    scratchrs_fs::create_dir_all(root)?;
    for package in packages {
        let mut command = Command::new("dpkg-deb");
        command.arg("--extract").arg(package).arg(root);
        program::run(command)?;
    }
    Ok(())
}

/// Writes the script that starts Julia with its own libraries before those of the system. Replaces
/// the program by a script that starts it with its own libraries, so that child processes that
/// Julia starts by its own path also use them.
fn write_starter(unpacking: &Path) -> Result<()> {
    let libraries = libraries(&unpacking.join("root/usr/lib"))?;
    let text = format!(
        r#"#!/bin/sh
# Debian's Julia 1.5.3 with the libraries of its own suite. Made by `cargo xtask`.
bin=$(dirname "$(readlink -f "$0")")
root=$(dirname "$(dirname "$bin")")
usr=$root/usr/lib/{libraries}
libraries=$usr/openblas-pthread:$usr:$root/lib/{libraries}
LD_LIBRARY_PATH=$libraries${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}
export LD_LIBRARY_PATH
exec "$bin/{PROGRAM}" "$@"
"#
    );
    let starter = unpacking.join(STARTER);
    fs::rename(&starter, starter.with_file_name(PROGRAM))?;
    fs::write(&starter, text)?;
    make_executable(&starter)?;
    let bin = unpacking.join("bin");
    scratchrs_fs::create_dir_all(&bin)?;
    link_to_starter(&bin.join("julia"))
}

/// The name of the directory with the libraries, which Debian calls after the machine's triplet.
fn libraries(directory: &Path) -> Result<String> {
    let names = scratchrs_fs::subdirectories(directory)?;
    let has_julia = |name: &String| directory.join(name).join("libjulia.so.1").exists();
    names.into_iter().find(has_julia).context("the packages have no `libjulia.so.1`")
}

#[cfg(unix)]
fn link_to_starter(link: &Path) -> Result<()> {
    Ok(std::os::unix::fs::symlink(Path::new("..").join(STARTER), link)?)
}

/// Debian does not support this system.
#[cfg(not(unix))]
fn link_to_starter(_: &Path) -> Result<()> {
    Ok(())
}

#[cfg(unix)]
fn make_executable(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(file, fs::Permissions::from_mode(0o755))?)
}

/// Debian does not support this system.
#[cfg(not(unix))]
fn make_executable(_: &Path) -> Result<()> {
    Ok(())
}

/// Runs it, and throws an exception, which fails if a library is missing or wrong.
fn check(julia: &Path) -> Result<()> {
    let mut command = Command::new(julia);
    command
        .args(["--startup-file=no", "-e", "try error() catch; print(VERSION) end"])
        .env_remove("LD_LIBRARY_PATH");
    let version = program::output(command)?;
    ensure!(version == "1.5.3", "the unpacked Julia has version `{version}`");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uris(sources: &[&str]) -> String {
        let line = |source: &&str| format!("'{source}/InRelease' some_file 0 \n");
        sources.iter().map(line).collect()
    }

    #[test]
    fn the_site_is_that_of_debians_own_archive() {
        let known = uris(&[
            "https://packages.example.org/apt/dists/tools-bookworm",
            "https://node.example.org/node_20.x/dists/nodistro",
            "http://mirror.example.org/debian-security/dists/bookworm-security",
            "http://mirror.example.org/debian/dists/bookworm-updates",
            "http://mirror.example.org/debian/dists/bookworm",
        ]);
        assert_eq!(debian_site(&known, "bookworm"), Some("http://mirror.example.org/debian"));
        assert_eq!(debian_site(&known, "noble"), None);
        assert_eq!(debian_site("", "bookworm"), None);
    }

    #[test]
    fn a_site_with_the_wanted_suite_comes_first() {
        let known = uris(&[
            "http://mirror.example.org/debian/dists/stable",
            "http://old.example.org/debian/dists/bullseye",
        ]);
        assert_eq!(debian_site(&known, "trixie"), Some("http://old.example.org/debian"));
    }

    #[test]
    fn only_releases_count_as_sources() {
        let line = "'http://m/debian/dists/bookworm/main/binary-amd64/Packages.xz' f 0 ";
        assert_eq!(source(line), None);
        assert_eq!(source("W: something"), None);
        assert_eq!(
            source("'http://m/dists/x/dists/sid/InRelease' f 0"),
            Some(("http://m/dists/x", "sid"))
        );
    }

    #[test]
    fn the_code_name_may_be_quoted_or_missing() {
        assert_eq!(code_name("ID=debian\nVERSION_CODENAME=bookworm\n"), "bookworm");
        assert_eq!(code_name("VERSION_CODENAME=\"trixie\""), "trixie");
        assert_eq!(code_name("ID=arch"), "");
    }

    #[test]
    #[ignore = "downloads about 80 MB; run it on Debian after a change here"]
    fn julia_is_unpacked_once_and_a_broken_half_again() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("root/usr/bin")).unwrap();
        fs::create_dir_all(folder.path().join("unpacking/root")).unwrap();
        let julia = unpacked(folder.path()).unwrap();
        check(&julia).unwrap();
        assert_eq!(unpacked(folder.path()).unwrap(), julia);
        let left = scratchrs_fs::subdirectories(folder.path()).unwrap();
        assert_eq!(left, ["bin", "root"]);
    }
}
