//! Packages of Debian, downloaded and verified with Debian's keyring, and unpacked into a folder without
//! touching the system. The mirror is that of this machine's apt.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::program;

/// Names that Debian's own archive gives to a suite beside its code name. Third parties use others.
const DEBIAN_SUITES: [&str; 5] = ["stable", "oldstable", "oldoldstable", "testing", "unstable"];

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Whether this machine has apt-get and Debian's keyring.
pub(crate) fn is_debian() -> bool {
    Path::new("/usr/bin/apt-get").exists() && Path::new(KEYRING).exists()
}

/// Fills `folder` once: calls `fill` with an empty directory in it, unless `is_complete`, which is asked again
/// once no other process fills it. `fill` moves what it makes out of that directory, which is deleted.
pub(crate) fn fill_once(
    folder: &Path,
    is_complete: impl Fn() -> bool,
    fill: impl FnOnce(&Path) -> Result<()>,
) -> Result<()> {
    if is_complete() {
        return Ok(());
    }
    scratchrs_fs::create_dir_all(folder)?;
    let lock = File::create(folder.join("lock"))?;
    lock.lock().context("could not wait for another process that fills the folder")?;
    if is_complete() {
        return Ok(());
    }
    let unpacking = folder.join("unpacking");
    scratchrs_fs::remove(&unpacking)?;
    scratchrs_fs::create_dir_all(&unpacking)?;
    fill(&unpacking)?;
    Ok(scratchrs_fs::remove(&unpacking)?)
}

/// An apt for one suite, with separate lists, cache and state.
pub(crate) struct Apt {
    directory: PathBuf,
}

impl Apt {
    /// Fetches the lists of a suite into `directory`.
    pub(crate) fn set_up(directory: PathBuf, suite: &str) -> Result<Self> {
        ensure!(is_debian(), "apt-get or `{KEYRING}` is missing");
        for name in ["lists/partial", "cache/archives/partial", "packages"] {
            scratchrs_fs::create_dir_all(&directory.join(name))?;
        }
        let known = program::output(system_apt(["update", "--print-uris"]))?;
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let site = debian_site(&known, suite, code_name(&release))
            .context("this machine's apt has no source that is Debian's own archive")?;
        let source = format!("deb [signed-by={KEYRING}] {site} {suite} main\n");
        fs::write(directory.join("sources.list"), source)?;
        fs::write(directory.join("apt.conf"), configuration(&directory))?;
        let apt = Self { directory };
        program::run(apt.get("update"))?;
        Ok(apt)
    }

    /// The versions of a package, the newest first.
    pub(crate) fn versions(&self, package: &str) -> Result<Vec<String>> {
        let mut madison = Command::new("apt-cache");
        madison.args(["madison", package]).env("LC_ALL", "C.UTF-8");
        let table = program::output(self.configured(madison))?;
        let version = |line: &str| line.split('|').nth(1).map(|version| version.trim().to_owned());
        Ok(table.lines().filter_map(version).collect())
    }

    /// Downloads and verifies packages, each a name or `<name>=<version>`, and unpacks them into `root`.
    pub(crate) fn unpack(&self, packages: &[impl AsRef<OsStr>], root: &Path) -> Result<()> {
        let directory = self.directory.join("packages");
        let mut download = self.get("download");
        download.args(packages).current_dir(&directory);
        program::run(download)?;
        scratchrs_fs::create_dir_all(root)?;
        for package in fs::read_dir(&directory)? {
            let mut command = Command::new("dpkg-deb");
            command.arg("--extract").arg(package?.path()).arg(root);
            program::run(command)?;
        }
        Ok(())
    }

    fn get(&self, verb: &str) -> Command {
        self.configured(system_apt(["-qq", verb]))
    }

    fn configured(&self, mut command: Command) -> Command {
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
fn debian_site<'a>(uris: &'a str, wanted: &str, code_name: &str) -> Option<&'a str> {
    let sources: Vec<_> = uris.lines().filter_map(source).collect();
    let is_wanted = |(_, suite): &&(&str, &str)| *suite == wanted;
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
        assert_eq!(
            debian_site(&known, "bullseye", "bookworm"),
            Some("http://mirror.example.org/debian")
        );
        assert_eq!(debian_site(&known, "bullseye", "noble"), None);
        assert_eq!(debian_site("", "bullseye", "bookworm"), None);
    }

    #[test]
    fn a_site_with_the_wanted_suite_comes_first() {
        let known = uris(&[
            "http://mirror.example.org/debian/dists/stable",
            "http://old.example.org/debian/dists/bullseye",
        ]);
        assert_eq!(
            debian_site(&known, "bullseye", "trixie"),
            Some("http://old.example.org/debian")
        );
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
}
