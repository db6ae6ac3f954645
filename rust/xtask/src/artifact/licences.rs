//! The licences of the crates linked into released libraries and programs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use walkdir::WalkDir;

use super::tree::File;
use crate::environment::Environment;
use crate::program;
use crate::targets::Target;

/// The beginnings of the names of files with licences and required notices.
const LICENCE_NAMES: [&str; 6] =
    ["license", "licence", "copying", "copyright", "notice", "unlicense"];

/// Endings of the names of files that are code, whatever their beginning.
const CODE: [&str; 6] = ["rs", "c", "h", "py", "pl", "S"];

/// All crates that the workspace may need for a target.
#[derive(Deserialize)]
pub(super) struct Crates {
    packages: Vec<Crate>,
}

/// Cargo's metadata of a crate.
#[derive(Deserialize)]
struct Crate {
    name: String,
    version: String,
    /// Its source; `None` for crates of the workspace.
    source: Option<String>,
    manifest_path: PathBuf,
    #[serde(default)]
    authors: Vec<String>,
    license: Option<String>,
    repository: Option<String>,
}

impl Crates {
    /// Runs `cargo metadata`.
    pub(crate) fn read(environment: &Environment, target: &Target) -> Result<Self> {
        let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform"];
        let mut command = environment.cargo(arguments);
        command.arg(target.tuple());
        let metadata = program::output(command)?;
        serde_json::from_str(&metadata).context("could not parse the output of `cargo metadata`")
    }

    /// The directories that hold downloaded crates, one for each registry.
    pub(crate) fn registries(&self) -> BTreeSet<&Path> {
        let downloaded = self.downloaded();
        downloaded.filter_map(|package| package.directory().parent()).collect()
    }

    /// The licences of ScratchRS, and of all crates linked into the crates `shipped`.
    pub(super) fn licences(
        &self,
        environment: &Environment,
        target: &Target,
        shipped: &[&str],
    ) -> Result<Vec<File>> {
        let linked = linked(environment, target, shipped)?;
        let mut files = copies(&environment.root, "ScratchRS", 1)?;
        for package in self.downloaded() {
            if linked.contains(&(package.name.clone(), package.version.clone())) {
                files.extend(package.licences()?);
            }
        }
        Ok(files)
    }

    fn downloaded(&self) -> impl Iterator<Item = &Crate> {
        self.packages.iter().filter(|package| package.source.is_some())
    }
}

impl Crate {
    fn directory(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }

    /// The licence files of the crate; if there are none, the licence in its manifest.
    fn licences(&self) -> Result<Vec<File>> {
        let name = format!("{}-{}", self.name, self.version);
        let files = copies(self.directory(), &name, usize::MAX)?;
        if !files.is_empty() {
            return Ok(files);
        }
        let contents = self.statement().into_bytes();
        let path = format!("share/licenses/{name}/LICENSE");
        Ok(vec![File { path, contents, is_executable: false }])
    }

    fn statement(&self) -> String {
        let Self { name, version, .. } = self;
        format!(
            "{name} {version} comes without a licence file. Its manifest says:\n\n\
             license: {}\nauthors: {}\nrepository: {}\n",
            self.license.as_deref().unwrap_or("none"),
            self.authors.join(", "),
            self.repository.as_deref().unwrap_or("none"),
        )
    }
}

/// The licence files in `directory`, and in directories below it, where crates have the code of others: as
/// files of an artifact, sorted by name. At a depth of 1, only those in the directory itself.
fn copies(directory: &Path, name: &str, depth: usize) -> Result<Vec<File>> {
    let mut files = Vec::new();
    for entry in WalkDir::new(directory).max_depth(depth) {
        let entry = entry.with_context(|| format!("could not list `{}`", directory.display()))?;
        if entry.file_type().is_file() && is_licence(Path::new(entry.file_name())) {
            let below = entry.path().strip_prefix(directory)?.to_string_lossy().replace('\\', "/");
            files.push(File::copy(entry.path(), format!("share/licenses/{name}/{below}"), false)?);
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Whether a file of this name has a licence or a required notice.
fn is_licence(name: &Path) -> bool {
    let lower = name.to_string_lossy().to_lowercase();
    let is_code = name.extension().is_some_and(|it| CODE.iter().any(|code| it == *code));
    LICENCE_NAMES.iter().any(|start| lower.starts_with(start)) && !is_code
}

/// Names and versions of the crates linked into the crates `shipped`: their dependencies on the
/// target, without build dependencies.
fn linked(
    environment: &Environment,
    target: &Target,
    shipped: &[&str],
) -> Result<BTreeSet<(String, String)>> {
    let mut command = environment.cargo(["tree", "--edges", "normal,no-proc-macro", "--target"]);
    command.arg(target.tuple());
    command.args(["--prefix", "none", "--no-dedupe", "--format", "{p}"]);
    for name in shipped {
        command.args(["--package", name]);
    }
    Ok(program::output(command)?.lines().filter_map(name_and_version).collect())
}

/// Reads `<name> v<version>`, optionally followed by the path of the crate.
fn name_and_version(line: &str) -> Option<(String, String)> {
    let mut words = line.split(' ');
    let name = words.next()?;
    let version = words.next()?.strip_prefix('v')?;
    Some((name.to_owned(), version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_line_of_cargo_tree_names_a_crate() {
        let read = |line| name_and_version(line).map(|(name, version)| format!("{name} {version}"));
        assert_eq!(read("toml v1.2.1+spec-1.1.0").as_deref(), Some("toml 1.2.1+spec-1.1.0"));
        assert_eq!(read("a v0.1.0 (/w/rust/a)").as_deref(), Some("a 0.1.0"));
        assert_eq!(read(""), None);
    }

    #[test]
    fn licence_files_are_found_by_name() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["LICENSE-MIT", "COPYING", "licence.md", "README.md", "lib.rs"] {
            fs::write(directory.path().join(name), name).unwrap();
        }
        fs::create_dir(directory.path().join("c")).unwrap();
        for name in ["COPYING", "copying.c", "LICENSE.rs"] {
            fs::write(directory.path().join("c").join(name), name).unwrap();
        }
        let files = copies(directory.path(), "a-1.0.0", usize::MAX).unwrap();
        let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
        let expected = ["COPYING", "LICENSE-MIT", "c/COPYING", "licence.md"];
        assert_eq!(paths, expected.map(|name| format!("share/licenses/a-1.0.0/{name}")));
    }

    #[test]
    fn a_crate_without_a_licence_file_gets_what_its_manifest_says() {
        let directory = tempfile::tempdir().unwrap();
        let package = Crate {
            name: "a".to_owned(),
            version: "1.0.0".to_owned(),
            source: Some("registry".to_owned()),
            manifest_path: directory.path().join("Cargo.toml"),
            authors: vec!["Ada".to_owned()],
            license: Some("MIT".to_owned()),
            repository: None,
        };
        let files = package.licences().unwrap();
        assert_eq!(files[0].path, "share/licenses/a-1.0.0/LICENSE");
        let text = String::from_utf8(files[0].contents.clone()).unwrap();
        assert!(text.ends_with("license: MIT\nauthors: Ada\nrepository: none\n"), "{text}");
    }
}
