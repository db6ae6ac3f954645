//! Why an installation from a source failed, and the error if all sources failed.

use scratchrs_archive as archive;
use scratchrs_fetch::{self as fetch, LimitSource, Reason};
use scratchrs_model::hash::TreeHash;

use super::wanted::{Source, Wanted};
use crate::error::Error;

/// Why an installation from one source failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The download failed, or its hash does not match.
    Download(fetch::Error),
    /// The tarball is malformed or hostile.
    Archive(archive::Error),
    /// The tree in the tarball has this hash instead of the expected one.
    TreeMismatch(TreeHash),
    /// An error that does not depend on the source: no other source is tried.
    Local(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Local(error)
    }
}

impl From<fetch::Error> for Failure {
    fn from(error: fetch::Error) -> Self {
        match error {
            fetch::Error::Cancelled => Self::Local(Error::Cancelled),
            fetch::Error::Disk(error) => Self::Local(error.into()),
            error => Self::Download(error),
        }
    }
}

impl From<archive::Error> for Failure {
    fn from(error: archive::Error) -> Self {
        match error {
            archive::Error::Archive(_) => Self::Archive(error),
            error => Self::Local(error.into()),
        }
    }
}

impl Failure {
    /// Whether the downloaded tarball cannot be used, now or later.
    pub(super) fn spoils_tarball(&self) -> bool {
        matches!(self, Self::Archive(_) | Self::TreeMismatch(_))
    }

    /// The expected and the actual hash, if they differ.
    fn mismatch(&self, wanted: &Wanted) -> Option<(String, String)> {
        match self {
            Self::TreeMismatch(actual) => {
                Some((format!("git-tree-sha1 {}", wanted.hash), format!("git-tree-sha1 {actual}")))
            }
            Self::Download(fetch::Error::Mismatch { expected, actual, .. }) => {
                Some((format!("sha256 {expected}"), format!("sha256 {actual}")))
            }
            _ => None,
        }
    }

    /// The failure of the source at `url` as text of one or several lines.
    fn describe(&self, wanted: &Wanted, url: &str) -> String {
        match self {
            Self::Download(error) => match wanted.binding() {
                Some(binding) if exceeds_size(error) => format!("{error} in {binding}"),
                _ => error.to_string(),
            },
            Self::Archive(error) => format!("can't unpack the tarball from {url}: {error}"),
            Self::TreeMismatch(actual) => format!(
                "the tarball from {url} has another tree\n  expected git-tree-sha1 {}\n  got      \
                 git-tree-sha1 {actual}",
                wanted.hash
            ),
            Self::Local(error) => error.to_string(),
        }
    }

    /// The error of an installation from the only source, at `place`.
    pub(super) fn into_error(self, wanted: &Wanted, place: &str) -> Error {
        if let Some((expected, actual)) = self.mismatch(wanted) {
            return integrity(wanted, place, expected, actual);
        }
        match self {
            Self::Local(error) => error,
            Self::Archive(error) => Error::Content(error),
            failure => Error::Download(failure.describe(wanted, place)),
        }
    }
}

/// Whether a download is larger than its binding says.
fn exceeds_size(error: &fetch::Error) -> bool {
    let fetch::Error::Failed(failure) = error else { return false };
    matches!(failure.reason, Reason::TooLarge { set_by: LimitSource::ExpectedSize, .. })
}

fn integrity(wanted: &Wanted, place: &str, expected: String, actual: String) -> Error {
    let hint = wanted
        .binding()
        .map(|binding| format!("the binding in {binding} may be older than the file at the URL"));
    let name = &wanted.name;
    let message = format!("artifact `{name}` does not match its hash; nothing was installed");
    Error::Integrity { message, path: place.into(), expected, actual, hint }
}

/// The error of an installation for which all sources failed.
pub(super) fn all_failed(wanted: &Wanted, failures: &[(Source, Failure)]) -> Error {
    if failures.is_empty()
        && let Some(error) = invalid_sources(wanted)
    {
        return error;
    }
    if let Some(error) = all_mismatch(wanted, failures) {
        return error;
    }
    let Wanted { name, bound_in, invalid, .. } = wanted;
    let mut message = format!("can't install artifact `{name}`");
    for (source, failure) in failures {
        let lines = failure.describe(wanted, &source.url);
        message.push_str(&format!("\n  {}", lines.replace('\n', "\n  ")));
    }
    for diagnostic in wanted.diagnostics() {
        message.push_str(&format!("\n  {diagnostic}"));
    }
    if failures.iter().all(|(source, _)| source.is_server) && invalid.is_empty() {
        let file = bound_in.as_ref().map_or("its binding", |(file, _)| file);
        message.push_str(&format!("\n  {file} has no URL to download it from"));
    }
    Error::Download(message)
}

/// The diagnostics of the file of bindings, if it has no valid source and is known.
fn invalid_sources(wanted: &Wanted) -> Option<Error> {
    let (file, _) = wanted.bound_in.as_ref()?;
    let mut diagnostic = wanted.invalid.first()?.clone();
    for other in wanted.diagnostics().skip(1) {
        diagnostic.message.push_str(&format!("\n  {other}"));
    }
    Some(Error::of_diagnostic(file, diagnostic))
}

/// The last mismatch, if each source but the Pkg server has one.
fn all_mismatch(wanted: &Wanted, failures: &[(Source, Failure)]) -> Option<Error> {
    let declared = failures.iter().filter(|(source, _)| !source.is_server);
    let mismatches: Option<Vec<_>> =
        declared.map(|(source, failure)| Some((&source.url, failure.mismatch(wanted)?))).collect();
    let (url, (expected, actual)) = mismatches?.pop()?;
    Some(integrity(wanted, url, expected, actual))
}
