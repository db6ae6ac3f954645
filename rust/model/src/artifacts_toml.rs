//! `Artifacts.toml`: bindings of names to artifacts, by platform.
//!
//! ```toml
//! [iris]                                # for every platform
//! git-tree-sha1 = "dbd04e28be047a54fbe9bf67e934be5b5e0d357a"
//! lazy = true
//!
//!     [[iris.download]]                 # places of the tarball, in the order to try
//!     sha256 = "…"
//!     url = "https://example.org/iris.tar.gz"
//!
//! [[tool]]                              # one of several platforms
//! arch = "x86_64"
//! git-tree-sha1 = "…"
//! os = "linux"
//! ```
//!
//! Every string in an entry of a platform, except its hash, is a tag of the platform.
//!
//! # Compatibility
//!
//! Pkg stops at the first invalid entry, sometimes with an error without details. Here a file that
//! is TOML is read to its end: each invalid entry is a [`Diagnostic`] with its place, and the
//! others are valid. An invalid entry is never skipped in favour of one that fits less well.

mod choice;
mod download;
mod edit;
mod named;
mod part;
mod reader;

use std::collections::BTreeMap;

use serde::Serialize;
use smol_str::SmolStr;

pub use choice::{Chosen, Host, Unchosen, Undecided};
pub use download::{Field, InvalidField, read_download};
pub use edit::{BindOptions, Refusal, bind, unbind};
pub use named::{NamedHashes, named_hashes};

use crate::diagnostic::Diagnostic;
use crate::hash::{Sha256, TreeHash};
use crate::platform::Platform;

/// The names of a file of bindings, the preferred one first.
pub const FILE_NAMES: [&str; 2] = ["JuliaArtifacts.toml", "Artifacts.toml"];

const HASH: &str = "git-tree-sha1";
const LAZY: &str = "lazy";
const DOWNLOAD: &str = "download";
const URL: &str = "url";
const SHA256: &str = "sha256";
const SIZE: &str = "size";

/// The artifact that a name is bound to.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The artifact.
    pub hash: TreeHash,
    /// Whether it is installed on first use.
    pub lazy: bool,
    /// The places to download it from, in the order to try. `None` if the file has no such field.
    pub downloads: Option<Vec<Download>>,
    /// Problems of the places to download it from.
    pub invalid_downloads: Box<[Diagnostic]>,
    /// The line in which it begins, from 1.
    pub line: u32,
    /// The column in which it begins, if it is known.
    column: Option<u16>,
}

/// A source of an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Download {
    /// The URL of the tarball.
    pub url: String,
    /// The hash of the tarball.
    pub sha256: Sha256,
    /// The size of the tarball in bytes, if it is known.
    pub size: Option<u64>,
}

/// The bindings of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bindings {
    names: BTreeMap<SmolStr, Binding>,
    /// Diagnostics of entries that can be used nevertheless.
    warnings: Vec<Diagnostic>,
}

type Readable<T> = Result<T, Box<Diagnostic>>;

/// The entries of an array, each for a platform.
type Elements = Vec<(Readable<Platform>, Readable<Entry>)>;

#[derive(Clone, Debug, PartialEq)]
enum Binding {
    Everywhere(Readable<Entry>),
    ByPlatform(Elements),
    Invalid(Box<Diagnostic>),
}

impl Bindings {
    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// If it is not TOML, a name is bound twice, or it has very many values for its size.
    pub fn read(text: &str) -> Result<Self, Diagnostic> {
        reader::read(text)
    }

    /// The bound names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(SmolStr::as_str)
    }

    /// The entry of a name for a platform. `None` if the name is not bound, or not for this
    /// platform.
    ///
    /// # Errors
    ///
    /// If the entry is invalid.
    pub fn select(&self, name: &str, platform: &Platform) -> Result<Option<&Entry>, &Diagnostic> {
        match self.names.get(name) {
            None => Ok(None),
            Some(Binding::Invalid(diagnostic)) => Err(diagnostic),
            Some(Binding::Everywhere(entry)) => valid(entry).map(Some),
            Some(Binding::ByPlatform(entries)) => {
                let readable: Vec<_> = entries
                    .iter()
                    .filter_map(|(platform, entry)| Some((platform.as_ref().ok()?, entry)))
                    .collect();
                match platform.choose(readable.iter().map(|(platform, _)| *platform)) {
                    Some(chosen) => valid(readable[chosen].1).map(Some),
                    None => entries
                        .iter()
                        .find_map(|(platform, _)| valid(platform).err())
                        .map_or(Ok(None), Err),
                }
            }
        }
    }

    /// All valid entries of a name, with their platforms. `None` means all platforms.
    pub fn entries(&self, name: &str) -> Vec<(Option<&Platform>, &Entry)> {
        match self.names.get(name) {
            None | Some(Binding::Invalid(_)) => Vec::new(),
            Some(Binding::Everywhere(entry)) => entry.iter().map(|entry| (None, entry)).collect(),
            Some(Binding::ByPlatform(entries)) => entries
                .iter()
                .filter_map(|(platform, entry)| {
                    Some((platform.as_ref().ok(), entry.as_ref().ok()?))
                })
                .collect(),
        }
    }

    /// All problems of the file, in the order of its lines.
    pub fn diagnostics(&self) -> Vec<&Diagnostic> {
        let mut diagnostics: Vec<&Diagnostic> = self.warnings.iter().collect();
        for name in self.names() {
            diagnostics.extend(self.diagnostics_of(name));
            let entries = self.entries(name).into_iter();
            diagnostics.extend(entries.flat_map(|(_, entry)| &entry.invalid_downloads));
        }
        diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
        diagnostics
    }

    /// The diagnostics of the invalid entries of a name, in the order of the file.
    pub fn diagnostics_of(&self, name: &str) -> Vec<&Diagnostic> {
        match self.names.get(name) {
            None => Vec::new(),
            Some(Binding::Invalid(diagnostic)) => vec![diagnostic],
            Some(Binding::Everywhere(entry)) => valid(entry).err().into_iter().collect(),
            Some(Binding::ByPlatform(entries)) => entries
                .iter()
                .flat_map(|(platform, entry)| [valid(platform).err(), valid(entry).err()])
                .flatten()
                .collect(),
        }
    }
}

fn valid<T>(readable: &Readable<T>) -> Result<&T, &Diagnostic> {
    readable.as_ref().map_err(|problem| &**problem)
}

#[cfg(test)]
mod tests;
