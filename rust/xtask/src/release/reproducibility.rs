//! Builds a second time, from a copy in another directory, and compares.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use scratchrs_model::hash::Sha256;
use sha2::Digest;

use crate::console;
use crate::environment::Environment;
use crate::program;

/// Compares the files of `first` with those that `build` makes from a copy of the working copy.
pub(super) fn check(
    environment: &Environment,
    first: &Path,
    build: impl Fn(&Environment, &Path) -> Result<()>,
) -> Result<()> {
    // A path of another length, not below the working copy.
    let directory = tempfile::Builder::new().prefix("scratchrs-built-again-").tempdir()?;
    let root = directory.path().join("copy");
    console::status("Copying", format_args!("the working copy to `{}`", root.display()));
    environment.copy_tracked(&root)?;
    let mut tools = Command::new("cp");
    tools.arg("--archive").arg(environment.root.join(".targets")).arg(&root);
    program::run(tools)?;
    let again = environment.of_copy(root);
    let second = directory.path().join("assets");
    build(&again, &second)?;
    let (first, second) = (digests(first)?, digests(&second)?);
    let different: BTreeSet<_> = first
        .keys()
        .chain(second.keys())
        .filter(|name| first.get(*name) != second.get(*name))
        .map(String::as_str)
        .collect();
    if !different.is_empty() {
        bail!("two builds differ in {}", Vec::from_iter(different).join(", "));
    }
    console::status("Compared", format_args!("{} files, all with the same bytes", first.len()));
    Ok(())
}

/// The digests of the files in a directory, by name.
fn digests(directory: &Path) -> Result<BTreeMap<String, Sha256>> {
    let mut digests = BTreeMap::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let digest = sha2::Sha256::digest(fs::read(entry.path())?);
            let name = entry.file_name().to_string_lossy().into_owned();
            digests.insert(name, Sha256(digest.into()));
        }
    }
    Ok(digests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_files() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("a"), "").unwrap();
        fs::create_dir(directory.path().join("b")).unwrap();
        let found = digests(directory.path()).unwrap();
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(found.len(), 1);
        assert_eq!(found["a"].to_string(), empty);
    }
}
