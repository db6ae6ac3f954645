//! Installing corrupt artifacts again.

use std::collections::BTreeMap;

use scratchrs_fs::Progress;
use scratchrs_model::artifacts_toml::Host;
use scratchrs_model::hash::TreeHash;

use super::bindings::bindings;
use super::contents::artifacts;
use super::install::{InstallOptions, Wanted, install_all, reinstall, remove_leftovers, wanted};
use super::report::{FailedArtifact, Installed, InstalledArtifact, LeftOut, Repairs};
use super::stack::Stack;
use super::usages::known_files;
use super::verify::verify_all;
use crate::error::{Error, Result};

/// Verifies all artifacts of a stack. Installs corrupt ones again if one of `files`, or a file in
/// the usage logs, binds them and has a source; and installs missing ones that `files` bind for the
/// host and that are not lazy.
///
/// An artifact that is corrupt in another depot than the first is installed in the first, which has
/// precedence.
///
/// # Crash
///
/// An artifact that is replaced exists at any time, corrupt or intact.
///
/// # Errors
///
/// If a directory, a log or a file exists and cannot be read, or the work is cancelled. Artifacts
/// that cannot be installed are part of the result.
pub fn repair(
    stack: &Stack,
    files: &[&str],
    host: &Host,
    options: InstallOptions<'_>,
    progress: &Progress,
) -> Result<Repairs> {
    let (missing, left_out) = missing(stack, files, host)?;
    let verification = verify_all(stack, progress)?;
    // A repair that was killed just before its end has left an intact artifact, and the corrupt
    // one.
    for (hash, path) in artifacts(stack)? {
        remove_leftovers(stack, &path, hash);
    }
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

/// The installed artifact; if the installation failed, adds it to `failed`.
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

/// The artifacts that files bind, for all platforms, each with the sources of all its names. The
/// caller has the diagnostics of the files already.
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

/// The missing and downloadable artifacts that files bind; and the names that are left out. Applies
/// the overrides by name for the package of each file.
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
