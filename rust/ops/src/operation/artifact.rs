//! Artifacts.

use scratchrs_core::artifact::{self, CorruptArtifact, Creation, FileDiagnostic, Stack, Verdict};
use scratchrs_core::{Error, Result};
use scratchrs_fs::Progress;
use scratchrs_model::artifacts_toml::{BindOptions, Download, Host};
use scratchrs_model::hash::TreeHash;
use scratchrs_model::overrides::Target;
use scratchrs_model::platform::Platform;

use super::tickets::Tickets;
use super::usage::in_words;
use super::{LOCK_TIMEOUT, now};

pub(super) fn stack(depots: Vec<&str>, directory: &str) -> Result<Stack> {
    Stack::new(depots, (!directory.is_empty()).then_some(directory))
}

/// See [`Stack::read_overrides`].
///
/// # Errors
///
/// As there.
pub fn read_overrides(depots: Vec<&str>, directory: &str) -> Result<Vec<String>> {
    let mut stack = stack(depots, directory)?;
    let diagnostics = stack.read_overrides()?;
    let overrides = stack.overrides();
    let mut texts = Vec::new();
    let mut push = |what: &str, key: String, name: &str, target: &Target| {
        let (what, target) = match target {
            Target::Path(path) => (what.to_owned(), path.clone()),
            Target::Artifact(hash) => (format!("{what}-hash"), hash.to_string()),
        };
        texts.extend([what, key, name.to_owned(), target]);
    };
    for (hash, target) in overrides.by_hash() {
        push("hash", hash.to_string(), "", target);
    }
    for (package, name, target) in overrides.by_name() {
        push("UUID", package.to_string(), name, target);
    }
    for FileDiagnostic { file, diagnostic } in diagnostics {
        let message = format!("Invalid override in '{file}': {diagnostic}");
        texts.extend(["fault".to_owned(), String::new(), String::new(), message]);
    }
    Ok(texts)
}

/// The number, from 1, of the platform that a host gets, or nothing; and then what is wrong with
/// those that are no platforms. See [`Platform::choose`].
///
/// # Errors
///
/// If the host is no platform.
pub fn choose_platform(host: Vec<&str>, platforms: Vec<&str>) -> Result<Vec<String>> {
    let host = platform(&host)?.into_host();
    let mut reply = vec![String::new()];
    let mut sensible = Vec::new();
    for (index, tags) in platforms.split(|text| text.is_empty()).enumerate().skip(1) {
        match platform(tags) {
            Ok(platform) => sensible.push((index, platform)),
            Err(error) => reply.push(error.to_string()),
        }
    }
    if let Some(chosen) = host.choose(sensible.iter().map(|(_, platform)| platform)) {
        reply[0] = sensible[chosen].0.to_string();
    }
    Ok(reply)
}

/// See [`artifact::check`].
///
/// # Errors
///
/// As there, and if the platform is none.
pub fn check_binding(file: &str, name: &str, tags: Vec<&str>) -> Result<()> {
    let host = optional_platform(&tags)?.map(|platform| Host::given(platform.into_host()));
    artifact::check(file, name, host.as_ref())
}

/// Artifacts that Julia was told to fill and has not ended yet, and the depots that they are for.
static CREATIONS: Tickets<(Creation, Stack)> = Tickets::new("creation of an artifact");

/// See [`artifact::begin`].
///
/// # Errors
///
/// As there.
pub fn begin_artifact(depots: Vec<&str>, directory: &str) -> Result<Vec<String>> {
    let stack = stack(depots, directory)?;
    let creation = artifact::begin(&stack)?;
    let directory = creation.directory().display().to_string();
    Ok(vec![directory, CREATIONS.keep((creation, stack)).to_string()])
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

/// See [`artifact::remove`]. Nothing counts as overridden.
///
/// # Errors
///
/// As there.
pub fn remove_artifact(depots: Vec<&str>, directory: &str, hash: &str) -> Result<()> {
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

/// See [`artifact::bind`]. Of no platform are no tags, and `with_downloads` tells an empty list from
/// none.
///
/// # Errors
///
/// As there, and if the platform or a download is none.
#[expect(clippy::too_many_arguments, reason = "these are the arguments of Pkg's function")]
pub fn bind_artifact(
    depots: Vec<&str>,
    file: &str,
    name: &str,
    hash: &str,
    tags: Vec<&str>,
    downloads: Vec<&str>,
    with_downloads: bool,
    lazy: bool,
    force: bool,
) -> Result<Vec<String>> {
    let platform = optional_platform(&tags)?;
    let downloads: Vec<Download> =
        downloads.chunks_exact(3).map(download).collect::<Result<_>>()?;
    let options = BindOptions {
        platform: platform.as_ref(),
        downloads: with_downloads.then_some(&downloads),
        lazy,
        force,
    };
    let stack = stack(depots, "")?;
    let bound = artifact::bind(&stack, file, name, parsed(hash)?, options, now(), LOCK_TIMEOUT)?;
    Ok(bound.removed_records.iter().map(in_words).collect())
}

/// See [`artifact::unbind`].
///
/// # Errors
///
/// As there, and if the platform is none.
pub fn unbind_artifact(file: &str, name: &str, tags: Vec<&str>) -> Result<()> {
    let platform = optional_platform(&tags)?;
    artifact::unbind(file, name, platform.as_ref(), LOCK_TIMEOUT).map(drop)
}

fn optional_platform(tags: &[&str]) -> Result<Option<Platform>> {
    if tags.is_empty() { Ok(None) } else { platform(tags).map(Some) }
}

/// The download of an address, a hash and a size; no size is zero.
pub(super) fn download(texts: &[&str]) -> Result<Download> {
    let invalid = |error: &dyn std::fmt::Display| {
        Error::InvalidInput(format!("the download from `{}`: {error}", texts[0]))
    };
    let size: u64 = texts[2].parse().map_err(|error| invalid(&error))?;
    Ok(Download {
        url: texts[0].to_owned(),
        sha256: texts[1].parse().map_err(|error| invalid(&error))?,
        size: (size > 0).then_some(size),
    })
}

pub(super) fn parsed(text: &str) -> Result<TreeHash> {
    text.parse::<TreeHash>().map_err(|error| Error::InvalidInput(error.to_string()))
}

/// The platform of tags and values in turns.
pub(super) fn platform(texts: &[&str]) -> Result<Platform> {
    let tags: Vec<_> = texts.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    let tag = |wanted: &str| {
        let value = tags.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
        value.ok_or_else(|| Error::InvalidInput(format!("the platform has no tag `{wanted}`")))
    };
    let (arch, os) = (tag("arch")?, tag("os")?);
    let others = tags.iter().copied().filter(|(tag, _)| !matches!(*tag, "arch" | "os"));
    Platform::new(arch, os, others).map_err(|error| Error::InvalidInput(error.to_string()))
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
        assert_eq!(choose(platforms), ["2"]);
        assert_eq!(choose(vec![]), [""]);
        let with_fault = ["", "os", "li nux", "arch", "x", "", "os", "linux", "arch", "x86_64"];
        let reply = choose(with_fault.to_vec());
        assert_eq!((&*reply[0], reply.len()), ("2", 2), "{reply:?}");
        assert!(choose_platform(vec!["os", "linux"], vec![]).is_err());
    }
}
