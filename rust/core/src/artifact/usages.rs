//! The files that bind artifacts, and the artifacts that they bind.

use std::collections::BTreeMap;
use std::path::Path;

use scratchrs_fs as fs;
use scratchrs_model::aliases::relocated;
use scratchrs_model::artifacts_toml::{NamedHashes, named_hashes};
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::UsageLogFile;
use scratchrs_model::time::DepotTime;

use super::report::{BoundBy, FileDiagnostic};
use super::stack::Stack;
use crate::document::read_bytes;
use crate::error::Result;
use crate::usage;

/// A file of bindings in the usage logs of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingFile {
    /// Its path.
    pub path: String,
    /// The time of its latest logged use.
    pub last_used: Option<DepotTime>,
    /// The artifacts that it binds, for all platforms.
    pub named: NamedHashes,
}

/// The files of bindings in the usage logs of a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownFiles {
    /// The existing files, sorted.
    pub files: Vec<BindingFile>,
    /// The missing files, whose bindings are unknown.
    pub missing: Vec<String>,
    /// The diagnostics of the logs and files.
    pub diagnostics: Vec<FileDiagnostic>,
}

/// The uses of an artifact.
#[derive(Clone, Default)]
pub(super) struct Uses {
    pub(super) names: Vec<String>,
    pub(super) last_used: Option<DepotTime>,
    pub(super) files: Vec<String>,
}

impl KnownFiles {
    /// The uses of each artifact that a file binds.
    pub(super) fn uses(&self) -> BTreeMap<TreeHash, Uses> {
        let mut all: BTreeMap<TreeHash, Uses> = BTreeMap::new();
        for file in &self.files {
            for (hash, name) in file.named.iter() {
                let uses = all.entry(hash).or_default();
                uses.last_used = uses.last_used.max(file.last_used);
                if uses.files.last() != Some(&file.path) {
                    uses.files.push(file.path.clone());
                }
                let name = name.filter(|name| uses.names.iter().all(|known| known != name));
                uses.names.extend(name.map(str::to_owned));
            }
        }
        all
    }
}

/// The files of bindings in the usage logs of all depots, and the files `more`.
///
/// # Errors
///
/// If a log or a file exists and cannot be read.
pub fn known_files<F: AsRef<str>>(
    stack: &Stack,
    more: impl IntoIterator<Item = F>,
) -> Result<KnownFiles> {
    let mut known = KnownFiles::default();
    let mut times: BTreeMap<String, Option<DepotTime>> =
        more.into_iter().map(|file| (file.as_ref().to_owned(), None)).collect();
    for depot in stack.depots() {
        let (log, skipped) = usage::read_log(depot, UsageLogFile::Artifacts)?;
        let file = UsageLogFile::Artifacts.path(depot);
        let in_log = |diagnostic| FileDiagnostic { file: file.clone(), diagnostic };
        known.diagnostics.extend(skipped.into_iter().map(in_log));
        for (path, records) in log.iter() {
            let latest = records.iter().filter_map(|record| record.time).max();
            // The depot may have another path now than when the use was logged.
            let is_missing = |path: &str| !fs::exists(Path::new(path));
            let other = is_missing(path).then(|| relocated(path, depot)).into_iter().flatten();
            let found = other.into_iter().find(|path| !is_missing(path));
            let time = times.entry(found.unwrap_or_else(|| path.to_owned())).or_default();
            *time = latest.max(*time);
        }
    }
    for (path, last_used) in times {
        let Some(bytes) = read_bytes(&path)? else {
            known.missing.push(path);
            continue;
        };
        let in_file = |diagnostic| FileDiagnostic { file: path.clone(), diagnostic };
        match named_hashes(&bytes) {
            Ok((named, diagnostic)) => {
                known.diagnostics.extend(diagnostic.map(in_file));
                known.files.push(BindingFile { path, last_used, named });
            }
            Err(diagnostic) => known.diagnostics.push(in_file(diagnostic)),
        }
    }
    Ok(known)
}

/// The files in `known` that bind an artifact, each with the names that it binds to it.
pub fn usage(known: &KnownFiles, hash: TreeHash) -> Vec<BoundBy> {
    let uses = known.files.iter().filter_map(|file| {
        let BindingFile { path, last_used, named } = file;
        let is_bound = named.hashes().contains(&hash);
        let names = || named.names_of(hash).map(str::to_owned).collect();
        is_bound.then(|| BoundBy { path: path.clone(), names: names(), last_used: *last_used })
    });
    uses.collect()
}
