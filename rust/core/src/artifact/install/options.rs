//! The options of an installation.

use scratchrs_archive::Links;
use scratchrs_fetch::Settings;
use scratchrs_model::time::DepotTime;

/// How to install artifacts.
#[derive(Clone, Copy, Debug)]
pub struct InstallOptions<'a> {
    /// How to download.
    pub settings: &'a Settings,
    /// How to unpack symbolic links.
    pub links: Links,
    /// The time of the logged uses.
    pub now: DepotTime,
}

impl InstallOptions<'_> {
    /// Whether a tree that does not match its hash is installed. On Windows, the hash of a tree
    /// whose links were replaced by copies cannot match.
    pub(super) fn ignores_hashes(&self) -> bool {
        let cannot_match = cfg!(windows) && self.links == Links::Copied;
        self.settings.ignores_hashes.unwrap_or(cannot_match)
    }
}
