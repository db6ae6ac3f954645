//! Artifacts.

use scratchrs_core::artifact::{Complaint, Stack};
use scratchrs_core::{Error, Result};
use scratchrs_model::overrides::Target;
use scratchrs_model::platform::Platform;

fn stack(depots: Vec<&str>, directory: &str) -> Result<Stack> {
    Stack::new(depots, (!directory.is_empty()).then_some(directory))
}

/// See [`Stack::read_overrides`].
///
/// # Errors
///
/// As there.
pub fn read_overrides(depots: Vec<&str>, directory: &str) -> Result<Vec<String>> {
    let mut stack = stack(depots, directory)?;
    let complaints = stack.read_overrides()?;
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
    for Complaint { file, fault } in complaints {
        let message = format!("Invalid override in '{file}': {fault}");
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

/// The platform of tags and values in turns.
fn platform(texts: &[&str]) -> Result<Platform> {
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
