//! Checks that all files and the tag name the same version.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::artifact::VERSION;
use crate::environment::Environment;
use crate::program;

/// What names the version.
struct Sources<'a> {
    project: &'a str,
    changelog: &'a str,
    /// The recipes for Yggdrasil.
    recipes: &'a [String],
    /// The tags of the commit, one a line.
    tags: &'a str,
}

/// Checks it, and returns whether the commit has the tag of the version.
pub(super) fn check(environment: &Environment) -> Result<bool> {
    let root = &environment.root;
    let read = |name: &str| {
        fs::read_to_string(root.join(name)).with_context(|| format!("could not read `{name}`"))
    };
    let mut git = Command::new("git");
    git.args(["tag", "--points-at", "HEAD"]).current_dir(root);
    // Sources without git have no tag.
    let tags = program::output(git).unwrap_or_default();
    let (project, changelog) = (read("Project.toml")?, read("CHANGELOG.md")?);
    let recipe = |name| read(&format!("docs/yggdrasil/{name}/build_tarballs.jl"));
    let recipes = ["ScratchRS", "ScratchRS_jlrs"].into_iter().map(recipe);
    let recipes = recipes.collect::<Result<Vec<_>>>()?;
    Sources { project: &project, changelog: &changelog, recipes: &recipes, tags: &tags }
        .check(VERSION)
}

/// Checks that the working copy binds what was built: `text` is the text of `Artifacts.toml`.
pub(super) fn check_bindings(root: &Path, text: &str) -> Result<()> {
    let known = fs::read_to_string(root.join("Artifacts.toml"))?;
    ensure!(
        known == text,
        "the tagged `Artifacts.toml` does not bind what was built: copy the one of the output directory, commit \
         it, and move the tag"
    );
    Ok(())
}

impl Sources<'_> {
    /// Checks it for the version in `Cargo.toml`.
    fn check(&self, version: &str) -> Result<bool> {
        let project: toml::Table = self.project.parse().context("could not read `Project.toml`")?;
        let found = project.get("version").and_then(|it| it.as_str()).unwrap_or("none");
        ensure!(found == version, "`Project.toml` has the version {found}, `Cargo.toml` {version}");
        for recipe in self.recipes {
            let line = format!("version = v\"{version}\"");
            ensure!(
                recipe.lines().any(|it| it == line),
                "a recipe in `docs/yggdrasil` does not have the line `{line}`"
            );
        }
        let tag = format!("v{version}");
        for other in self.tags.lines().filter(|tag| is_version(tag)) {
            ensure!(
                other == tag,
                "the commit has the tag {other}, `Cargo.toml` the version {version}"
            );
        }
        let is_tagged = self.tags.lines().any(|it| it == tag);
        let heading = self.changelog.lines().find(|line| line.starts_with("## "));
        let heading = heading.context("`CHANGELOG.md` has no version")?;
        let words = heading.split([' ', ':', '[', ']', ',']);
        let is_named = words.clone().any(|word| word == version);
        ensure!(
            is_named,
            "the newest heading of `CHANGELOG.md` is `{heading}`, expected {version}"
        );
        let is_unreleased = words.clone().any(|word| word.eq_ignore_ascii_case("unreleased"));
        ensure!(
            !(is_tagged && is_unreleased),
            "the commit has the tag {tag}, but `CHANGELOG.md` says `{heading}`"
        );
        Ok(is_tagged)
    }
}

/// Whether a tag is that of a version: `v` and a digit.
fn is_version(tag: &str) -> bool {
    tag.strip_prefix('v').is_some_and(|rest| rest.starts_with(|it: char| it.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(project: &str, changelog: &str, tags: &str) -> Result<bool, String> {
        let project = format!("name = \"A\"\nversion = \"{project}\"\n");
        let recipes = ["name = \"A\"\nversion = v\"1.2.0\"\n".to_owned()];
        let sources = Sources { project: &project, changelog, recipes: &recipes, tags };
        sources.check("1.2.0").map_err(|error| error.to_string())
    }

    #[test]
    fn a_release_has_the_same_version_everywhere() {
        let released = "# Changelog\n\n## [1.2.0], 2027-01-01\n\n## 1.1.0\n";
        assert_eq!(check("1.2.0", released, "v1.2.0\nnightly\n"), Ok(true));
        assert_eq!(check("1.2.0", released, ""), Ok(false));
        assert_eq!(check("1.2.0", "## Unreleased: 1.2.0\n", "other\n"), Ok(false));
    }

    #[test]
    fn a_file_with_another_version_is_named() {
        let released = "## 1.2.0\n";
        for (project, changelog, tags, message) in [
            ("1.2.1", released, "", "`Project.toml` has the version 1.2.1, `Cargo.toml` 1.2.0"),
            (
                "1.2.0",
                released,
                "v1.1.0\n",
                "the commit has the tag v1.1.0, `Cargo.toml` the version 1.2.0",
            ),
            (
                "1.2.0",
                "## 1.1.0\n## 1.2.0\n",
                "",
                "the newest heading of `CHANGELOG.md` is `## 1.1.0`, expected 1.2.0",
            ),
            ("1.2.0", "# None\n", "", "`CHANGELOG.md` has no version"),
            (
                "1.2.0",
                "## Unreleased: 1.2.0\n",
                "v1.2.0\n",
                "the commit has the tag v1.2.0, but `CHANGELOG.md` says `## Unreleased: 1.2.0`",
            ),
        ] {
            assert_eq!(check(project, changelog, tags), Err(message.to_owned()));
        }
    }

    #[test]
    fn this_working_copy_agrees() {
        super::check(&Environment::read().unwrap()).unwrap();
    }
}
