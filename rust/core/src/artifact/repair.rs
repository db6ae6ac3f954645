//! Putting right what has rotted.

use std::collections::BTreeMap;

use scratchrs_fs::Progress;
use scratchrs_model::artifacts_toml::Host;
use scratchrs_model::hash::TreeHash;

use super::bindings::{LeftOut, bindings};
use super::contents::artifacts;
use super::install::{InstallOptions, Wanted, install_all, reinstall, tidy, wanted};
use super::stack::{FileDiagnostic, Stack};
use super::usages::known_files;
use super::verify::{Rot, Unreadable, verify_all};
use crate::error::{Error, Result};

/// What came of a repair.
#[derive(Debug, Default)]
pub struct Repairs {
    /// How many artifacts were sound before.
    pub sound: usize,
    /// Artifacts that had rotted and are sound now, with their paths.
    pub repaired: Vec<(TreeHash, String)>,
    /// Artifacts that were missing and are there now, with their paths.
    pub installed: Vec<(TreeHash, String)>,
    /// Artifacts that could not be had, and why.
    pub failed: Vec<(Wanted, Error)>,
    /// Names in the given files of which it is not known what they stand for, or how to get it.
    pub left_out: Vec<LeftOut>,
    /// Artifacts that have rotted, and that no known file says where to get.
    pub unknown: Vec<Rot>,
    /// Artifacts that nobody could look at.
    pub unreadable: Vec<Unreadable>,
    /// What makes no sense in logs and in files that bind artifacts.
    pub diagnostics: Vec<FileDiagnostic>,
}

/// Verifies all artifacts of a stack, and installs again those that have rotted, if a file that binds
/// them says where to get them: one of `files`, or one that the logs know. What `files` bind for
/// a host, other than lazily, and is missing is installed as well.
///
/// What has rotted in another depot than the first is installed in the first, where it is found first.
///
/// # Crash
///
/// An artifact that is replaced is there at any moment, rotten or sound.
///
/// # Errors
///
/// If a directory, a log or a file is there and cannot be read, or nobody wants it any more. That an
/// artifact cannot be had is no error.
pub fn repair(
    stack: &Stack,
    files: &[&str],
    host: &Host,
    options: InstallOptions<'_>,
    progress: &Progress,
) -> Result<Repairs> {
    let (missing, left_out) = missing(stack, files, host)?;
    let survey = verify_all(stack, progress)?;
    // One that was killed just before its end has left a sound artifact, and what it had replaced.
    artifacts(stack)?.iter().for_each(|(_, path)| tidy(path));
    let known = known_files(stack, files)?;
    let mut repairs = Repairs {
        sound: survey.sound,
        unreadable: survey.unreadable,
        diagnostics: known.diagnostics,
        left_out,
        ..Repairs::default()
    };
    let paths = known.files.iter().map(|file| file.path.as_str());
    let supplied = supplied(paths);
    for rot in survey.rotten {
        let Some(wanted) = supplied.get(&rot.hash) else {
            repairs.unknown.push(rot);
            continue;
        };
        match reinstall(stack, wanted, options, progress) {
            Ok(installed) => repairs.repaired.push((rot.hash, installed.path)),
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(error) => repairs.failed.push((wanted.clone(), error)),
        }
    }
    let results = install_all(stack, &missing, options, progress);
    for (wanted, result) in missing.into_iter().zip(results) {
        match result {
            Ok(installed) => repairs.installed.push((wanted.hash, installed.path)),
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(error) => repairs.failed.push((wanted, error)),
        }
    }
    Ok(repairs)
}

/// All artifacts that files name a place for, for any platform. Of several names of one, the places
/// of all are tried. What makes no sense in the files is known already.
fn supplied<'a>(files: impl Iterator<Item = &'a str>) -> BTreeMap<TreeHash, Wanted> {
    let mut supplied: BTreeMap<TreeHash, Wanted> = BTreeMap::new();
    for file in files {
        let Ok(Some(bindings)) = bindings(file) else { continue };
        for name in bindings.names() {
            for (_, entry) in bindings.entries(name) {
                let wanted = Wanted::of_entry(name, entry, file);
                let known = supplied.entry(entry.hash).or_insert_with(|| wanted.clone());
                for download in wanted.downloads {
                    if !known.downloads.contains(&download) {
                        known.downloads.push(download);
                    }
                }
            }
        }
    }
    supplied
}

/// What files bind, can be downloaded and is not there; and what is not known of them. What overrides
/// say of the names of their packages counts for these files.
fn missing(stack: &Stack, files: &[&str], host: &Host) -> Result<(Vec<Wanted>, Vec<LeftOut>)> {
    let (mut missing, mut left_out): (Vec<Wanted>, Vec<LeftOut>) = (Vec::new(), Vec::new());
    for file in files {
        let mut stack = stack.clone();
        let Some(bindings) = stack.load(file)? else { continue };
        let (found, unknown) = wanted(&stack, file, &bindings, host, false);
        left_out.extend(unknown);
        for one in found {
            let is_known = missing.iter().any(|known| known.hash == one.hash);
            if !is_known && stack.find(one.hash)?.is_none() {
                missing.push(one);
            }
        }
    }
    Ok((missing, left_out))
}
