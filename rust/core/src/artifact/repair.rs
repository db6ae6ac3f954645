//! Installing corrupt artifacts again.

use std::collections::BTreeMap;

use scratchrs_fs::Progress;
use scratchrs_model::artifacts_toml::Host;
use scratchrs_model::hash::TreeHash;

use super::bindings::bindings;
use super::contents::artifacts;
use super::install::{InstallOptions, Wanted, install_all, reinstall, tidy, wanted};
use super::report::{FailedArtifact, Installed, InstalledArtifact, LeftOut, Repairs};
use super::stack::Stack;
use super::usages::known_files;
use super::verify::verify_all;
use crate::error::{Error, Result};

/// Verifies all artifacts of a stack, and installs corrupt ones again, if a file that binds them names a
/// source: one of `files`, or one that the logs know. Missing artifacts that `files` bind for a host,
/// other than lazily, are installed as well.
///
/// An artifact that is corrupt in another depot than the first is installed in the first, which has
/// precedence.
///
/// # Crash
///
/// An artifact that is replaced exists at any moment, corrupt or intact.
///
/// # Errors
///
/// If a directory, a log or a file exists and cannot be read, or it is cancelled. That an artifact cannot
/// be installed is part of the result.
pub fn repair(
    stack: &Stack,
    files: &[&str],
    host: &Host,
    options: InstallOptions<'_>,
    progress: &Progress,
) -> Result<Repairs> {
    let (missing, left_out) = missing(stack, files, host)?;
    let verification = verify_all(stack, progress)?;
    // A process that was killed just before its end has left an intact artifact, and what it replaced.
    artifacts(stack)?.iter().for_each(|(_, path)| tidy(path));
    let known = known_files(stack, files)?;
    let mut repairs = Repairs {
        sound: verification.sound,
        unreadable: verification.unreadable,
        diagnostics: known.diagnostics,
        left_out,
        ..Repairs::default()
    };
    let paths = known.files.iter().map(|file| file.path.as_str());
    let supplied = supplied(paths);
    for corrupt in verification.corrupt {
        let Some(wanted) = supplied.get(&corrupt.hash) else {
            repairs.unknown.push(corrupt);
            continue;
        };
        let result = reinstall(stack, wanted, options, progress);
        repairs.repaired.extend(installed(wanted, result, &mut repairs.failed)?);
    }
    let results = install_all(stack, &missing, options, progress);
    for (wanted, result) in missing.iter().zip(results) {
        repairs.installed.extend(installed(wanted, result, &mut repairs.failed)?);
    }
    Ok(repairs)
}

/// The artifact if it was installed; else it is added to `failed`.
fn installed(
    wanted: &Wanted,
    result: Result<Installed>,
    failed: &mut Vec<FailedArtifact>,
) -> Result<Option<InstalledArtifact>> {
    let hash = wanted.hash;
    match result {
        Ok(installed) => Ok(Some(InstalledArtifact { hash, path: installed.path })),
        Err(Error::Cancelled) => Err(Error::Cancelled),
        Err(error) => {
            failed.push(FailedArtifact { hash, name: wanted.name.clone(), error });
            Ok(None)
        }
    }
}

/// All artifacts for which files name sources, for any platform. If an artifact has several names, the
/// sources of all are tried. The diagnostics of the files are already known.
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

/// The missing artifacts that files bind and that can be downloaded; and the names that are left out.
/// Overrides by names of their packages apply to these files.
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
