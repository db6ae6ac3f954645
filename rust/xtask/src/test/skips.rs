//! Skipped tests.
//!
//! Tests append to the file in `SCRATCHRS_SKIPS`: one line each, with a kind, the test, and the
//! reason, separated by tabs. The kind is `skipped` if something is missing on this machine;
//! `inapplicable` if the feature does not exist in a version of Julia, or an optional input was not
//! given.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The variable with the path of the file.
pub(super) const VARIABLE: &str = "SCRATCHRS_SKIPS";

/// The skipped tests of one run.
pub(super) struct Skips {
    path: PathBuf,
    /// Skipped by `cargo xtask test` itself.
    own: Vec<Skip>,
}

/// A skipped test.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Skip {
    /// Whether it is counted.
    pub(super) is_counted: bool,
    pub(super) what: String,
    pub(super) why: String,
}

impl Skips {
    /// Begins a run with an empty file.
    pub(super) fn begin(target: &Path) -> Result<Self> {
        let path = target.join("skips.txt");
        fs::write(&path, "").with_context(|| format!("could not write `{}`", path.display()))?;
        Ok(Self { path, own: Vec::new() })
    }

    /// The path for [`VARIABLE`].
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Records a test skipped here.
    pub(super) fn add(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.own.push(Skip { is_counted: true, what: what.into(), why: why.into() });
    }

    /// Records a test that does not apply here.
    pub(super) fn leave_out(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.own.push(Skip { is_counted: false, what: what.into(), why: why.into() });
    }

    /// All skipped tests, without duplicates.
    pub(super) fn all(&self) -> Result<BTreeSet<Skip>> {
        let text = fs::read_to_string(&self.path)
            .with_context(|| format!("could not read `{}`", self.path.display()))?;
        let recorded = text.lines().map(|line| {
            let mut parts = line.split('\t');
            let mut next = || parts.next().unwrap_or_default().to_owned();
            Skip { is_counted: next() != "inapplicable", what: next(), why: next() }
        });
        Ok(recorded.chain(self.own.iter().cloned()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tests_say_is_counted_once() {
        let directory = tempfile::tempdir().unwrap();
        let mut skips = Skips::begin(directory.path()).unwrap();
        let text = "skipped\tone\twhy\nskipped\tone\twhy\ninapplicable\ttwo\twhy\n";
        fs::write(skips.path(), text).unwrap();
        skips.add("three", "why");
        let all = skips.all().unwrap();
        let counted: Vec<_> =
            all.iter().filter(|skip| skip.is_counted).map(|skip| skip.what.as_str()).collect();
        assert_eq!(counted, ["one", "three"]);
        assert_eq!(all.len(), 3);
        let again = Skips::begin(directory.path()).unwrap();
        assert_eq!(again.all().unwrap().len(), 0);
    }
}
