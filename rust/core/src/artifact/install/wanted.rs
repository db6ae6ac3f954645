//! Which artifact to install, and from which sources.

use scratchrs_fetch::Settings;
use scratchrs_model::artifacts_toml::{Bindings, Download, Entry, Host};
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::hash::{Sha256, TreeHash};

use crate::artifact::choice::downloadable;
use crate::artifact::report::LeftOut;
use crate::artifact::stack::Stack;

/// An artifact to install, with its sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The name of the artifact, for messages.
    pub name: String,
    /// Its hash.
    pub hash: TreeHash,
    /// The sources of its tarball, tried in this order, after the Pkg server.
    pub downloads: Vec<Download>,
    /// Further URLs, of tarballs whose hash is unknown; only the hash of the tree is checked.
    pub unhashed: Vec<String>,
    /// The file that binds the artifact, and the line of the binding if it is known.
    pub bound_in: Option<(String, Option<usize>)>,
    /// The diagnostics of invalid sources in that file.
    pub invalid: Vec<Diagnostic>,
}

impl Wanted {
    /// The artifact that `file` binds to `name` by `entry`.
    pub fn of_entry(name: &str, entry: &Entry, file: &str) -> Self {
        Self {
            downloads: entry.downloads.clone().unwrap_or_default(),
            bound_in: Some((file.to_owned(), Some(entry.line as usize))),
            invalid: entry.invalid_downloads.to_vec(),
            ..Self::without_sources(name, entry.hash)
        }
    }

    /// An artifact without known sources: only the Pkg server is tried.
    pub fn without_sources(name: &str, hash: TreeHash) -> Self {
        Self {
            name: name.to_owned(),
            hash,
            downloads: Vec::new(),
            unhashed: Vec::new(),
            bound_in: None,
            invalid: Vec::new(),
        }
    }

    /// The file that binds the artifact, followed by `:<line>` if the line is known.
    pub(super) fn binding(&self) -> Option<String> {
        let (file, line) = self.bound_in.as_ref()?;
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        Some(format!("{file}{line}"))
    }

    /// The diagnostics of invalid sources with their file, one line each.
    pub(super) fn diagnostics(&self) -> impl Iterator<Item = String> {
        let file = self.bound_in.as_ref().map(|(file, _)| file.as_str()).unwrap_or_default();
        self.invalid.iter().map(move |diagnostic| diagnostic.in_file(file))
    }

    /// The sources, in the order in which they are tried.
    pub(super) fn sources(&self, settings: &Settings) -> Vec<Source> {
        let largest = self.downloads.iter().filter_map(|download| download.size).max();
        let server = settings.server.as_ref().map(|server| Source {
            limit: largest.map(server_limit),
            is_server: true,
            ..Source::at(&server.artifact_url(self.hash))
        });
        let downloads = self.downloads.iter().map(|download| Source {
            sha256: Some(download.sha256),
            size: download.size,
            ..Source::at(&download.url)
        });
        let unhashed = self.unhashed.iter().map(|url| Source::at(url));
        server.into_iter().chain(downloads).chain(unhashed).collect()
    }
}

/// The downloadable artifacts that a file binds for a host, lazy ones only if `include_lazy`; and
/// the names that are left out, each with the reason.
pub fn wanted(
    stack: &Stack,
    file: &str,
    bindings: &Bindings,
    host: &Host,
    include_lazy: bool,
) -> (Vec<Wanted>, Vec<LeftOut>) {
    let (entries, left_out) = downloadable(stack, file, bindings, host, include_lazy);
    let wanted = entries.iter().map(|(name, entry)| Wanted::of_entry(name, entry, file));
    (wanted.collect(), left_out)
}

/// A source of a tarball.
pub(super) struct Source {
    pub(super) url: String,
    pub(super) sha256: Option<Sha256>,
    pub(super) size: Option<u64>,
    /// The largest accepted size in bytes, if `size` is unknown.
    pub(super) limit: Option<u64>,
    pub(super) is_server: bool,
}

impl Source {
    fn at(url: &str) -> Self {
        Self { url: url.to_owned(), sha256: None, size: None, limit: None, is_server: false }
    }
}

/// The largest accepted size of the tarball of a Pkg server, where the largest of the other sources
/// has `size` bytes. It has the same tree, but may be compressed differently.
fn server_limit(size: u64) -> u64 {
    size.saturating_mul(16).saturating_add(1024 * 1024)
}
