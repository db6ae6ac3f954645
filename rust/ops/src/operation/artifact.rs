//! Artifacts that are created, bound and checked.

use scratchrs_core::Result;
use scratchrs_core::artifact::{self, CorruptArtifact, Creation, FileDiagnostic, Stack, Verdict};
use scratchrs_fs::Progress;
use scratchrs_model::artifacts_toml::{BindOptions, Host};

use super::arguments::{downloads, optional_platform, parsed, platform, stack};
use super::tickets::Tickets;
use super::{LOCK_TIMEOUT, now};
use crate::replies::{Begun, Overrides, PlatformChoice, sentences};

/// See [`Stack::read_overrides`].
///
/// # Errors
///
/// As there.
pub fn read_overrides(depots: Vec<&str>, directory: Option<&str>) -> Result<Overrides> {
    let mut stack = stack(depots, directory)?;
    let diagnostics = stack.read_overrides()?.into_iter();
    let invalid = diagnostics.map(|FileDiagnostic { file, diagnostic }| {
        format!("Invalid override in '{file}': {diagnostic}")
    });
    let overrides = stack.overrides();
    let by_name = overrides.by_name();
    Ok(Overrides {
        by_hash: overrides.by_hash().map(|(hash, target)| (hash, target.clone())).collect(),
        by_name: by_name
            .map(|(package, name, target)| (package.to_string(), name.to_owned(), target.clone()))
            .collect(),
        invalid: invalid.collect(),
    })
}

/// See [`Platform::choose`](scratchrs_model::platform::Platform::choose).
///
/// # Errors
///
/// If the host is invalid.
pub fn choose_platform(host: Vec<&str>, platforms: Vec<&str>) -> Result<PlatformChoice> {
    let host = platform(&host)?.into_host();
    let mut choice = PlatformChoice::default();
    let mut valid = Vec::new();
    for (index, tags) in platforms.split(|text| text.is_empty()).enumerate().skip(1) {
        match platform(tags) {
            Ok(platform) => valid.push((index, platform)),
            Err(error) => choice.invalid.push(error.to_string()),
        }
    }
    let chosen = host.choose(valid.iter().map(|(_, platform)| platform));
    choice.number = chosen.map(|chosen| valid[chosen].0);
    Ok(choice)
}

/// See [`artifact::check`].
///
/// # Errors
///
/// As there, and if the platform is invalid.
pub fn check_binding(file: &str, name: &str, tags: Vec<&str>) -> Result<()> {
    let host = optional_platform(&tags)?.map(|platform| Host::given(platform.into_host()));
    artifact::check(file, name, host.as_ref())
}

/// The creations that Julia has begun, and the depots that they are for.
static CREATIONS: Tickets<(Creation, Stack)> = Tickets::new("creation of an artifact");

/// See [`artifact::begin`].
///
/// # Errors
///
/// As there.
pub fn begin_artifact(depots: Vec<&str>, directory: Option<&str>) -> Result<Begun> {
    let stack = stack(depots, directory)?;
    let creation = artifact::begin(&stack)?;
    let directory = creation.directory().display().to_string();
    Ok(Begun { directory, ticket: CREATIONS.insert((creation, stack)) })
}

/// See [`Creation::publish`].
///
/// # Errors
///
/// As there.
pub fn publish_artifact(ticket: u64, progress: &Progress) -> Result<String> {
    let (creation, stack) = CREATIONS.take(ticket)?;
    Ok(creation.publish(&stack, progress)?.hash.to_string())
}

/// See [`Creation::abandon`].
///
/// # Errors
///
/// As there.
pub fn abandon_artifact(ticket: u64) -> Result<()> {
    CREATIONS.take(ticket)?.0.abandon()
}

/// See [`artifact::remove`]. Overrides are ignored.
///
/// # Errors
///
/// As there.
pub fn remove_artifact(depots: Vec<&str>, directory: Option<&str>, hash: &str) -> Result<()> {
    artifact::remove(&stack(depots, directory)?, parsed(hash)?).map(drop)
}

/// See [`artifact::verify_tree`].
///
/// # Errors
///
/// As there.
pub fn verify_tree(path: &str, hash: &str, progress: &Progress) -> Result<Option<CorruptArtifact>> {
    progress.begin(format!("Verifying artifact {hash}"));
    Ok(match artifact::verify_tree(path, parsed(hash)?, progress)? {
        Verdict::Corrupt(corrupt) => Some(corrupt),
        Verdict::Sound(_) | Verdict::Overridden(_) | Verdict::Missing => None,
    })
}

/// See [`artifact::bind`]. Without `with_downloads`, the list of downloads is left out of the file.
///
/// # Errors
///
/// As there, and if the platform or a download is invalid.
#[expect(clippy::too_many_arguments, reason = "these are the arguments of Pkg's function")]
pub fn bind_artifact(
    depots: Vec<&str>,
    file: &str,
    name: &str,
    hash: &str,
    tags: Vec<&str>,
    download_texts: Vec<&str>,
    with_downloads: bool,
    lazy: bool,
    force: bool,
) -> Result<Vec<String>> {
    let platform = optional_platform(&tags)?;
    let downloads = downloads(&download_texts)?;
    let options = BindOptions {
        platform: platform.as_ref(),
        downloads: with_downloads.then_some(&downloads),
        lazy,
        force,
    };
    let stack = stack(depots, None)?;
    let bound = artifact::bind(&stack, file, name, parsed(hash)?, options, now(), LOCK_TIMEOUT)?;
    Ok(sentences(&bound.removed_records))
}

/// See [`artifact::unbind`].
///
/// # Errors
///
/// As there, and if the platform is invalid.
pub fn unbind_artifact(file: &str, name: &str, tags: Vec<&str>) -> Result<()> {
    let platform = optional_platform(&tags)?;
    artifact::unbind(file, name, platform.as_ref(), LOCK_TIMEOUT).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_is_chosen_by_its_tags() {
        let host = || vec!["os", "linux", "arch", "x86_64", "libstdcxx_version", "3.4.30"];
        let platforms = vec![
            "", "arch", "x86_64", "os", "windows", "", "arch", "x86_64", "os", "linux", "libc",
            "glibc", "", "arch", "aarch64", "os", "linux",
        ];
        let choose = |platforms| choose_platform(host(), platforms).unwrap();
        assert_eq!((choose(platforms).number, choose(vec![]).number), (Some(2), None));
        let with_fault = ["", "os", "li nux", "arch", "x", "", "os", "linux", "arch", "x86_64"];
        let choice = choose(with_fault.to_vec());
        assert_eq!((choice.number, choice.invalid.len()), (Some(2), 1), "{choice:?}");
        assert!(choose_platform(vec!["os", "linux"], vec![]).is_err());
    }
}
