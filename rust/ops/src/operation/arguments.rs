//! Arguments that several operations take, read from texts.

use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use scratchrs_archive::Links;
use scratchrs_core::artifact::{InstallOptions, Stack};
use scratchrs_core::store::Store;
use scratchrs_core::{Error, Place, Result};
use scratchrs_fetch::{JuliaSession, Settings};
use scratchrs_model::artifacts_toml::Download;
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::platform::Platform;

use super::{now, system_time};

/// A depot, and the directory that replaces its `scratchspaces`.
pub(super) fn place<'a>(depot: &'a DepotPath, directory: Option<&'a str>) -> Place<'a> {
    Place { depot, directory }
}

/// Depots, or the directory that replaces their artifacts.
pub(super) fn stack(depots: Vec<&str>, directory: Option<&str>) -> Result<Stack> {
    Stack::new(depots, directory)
}

/// The store of a depot, or the one in the directory `root`.
pub(super) fn store(depot: &str, directory: Option<&str>, root: Option<&str>) -> Result<Store> {
    match root {
        Some(root) => Ok(Store::at(root)),
        None => Store::of(place(&DepotPath::new(depot), directory)),
    }
}

/// A hash or a mode of linking.
pub(super) fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T> {
    text.parse().map_err(|error: T::Err| Error::InvalidInput(error.to_string()))
}

/// A platform of tags and values in turns.
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

/// The same; `None` without tags.
pub(super) fn optional_platform(texts: &[&str]) -> Result<Option<Platform>> {
    if texts.is_empty() { Ok(None) } else { platform(texts).map(Some) }
}

/// Downloads: for each its URL, its hash and its size, which is 0 if it is unknown.
pub(super) fn downloads(texts: &[&str]) -> Result<Vec<Download>> {
    texts.chunks_exact(3).map(download).collect()
}

fn download(texts: &[&str]) -> Result<Download> {
    let invalid = |error: &dyn Display| {
        Error::InvalidInput(format!("the download from `{}`: {error}", texts[0]))
    };
    let size: u64 = texts[2].parse().map_err(|error| invalid(&error))?;
    Ok(Download {
        url: texts[0].to_owned(),
        sha256: texts[1].parse().map_err(|error| invalid(&error))?,
        size: (size > 0).then_some(size),
    })
}

/// A session of Julia, and its environment.
pub(super) struct Session {
    pub(super) settings: Settings,
    pub(super) links: Links,
}

impl Session {
    /// Reads the version of Julia, its platform, whether it is interactive, and names and values of
    /// environment variables in turns. The directory of servers is that of `depot`.
    pub(super) fn read(texts: &[&str], depot: Option<&&str>) -> Result<Self> {
        let [version, system, is_interactive, environment @ ..] = texts else {
            return Err(Error::InvalidInput("a session is three texts or more".to_owned()));
        };
        let variables = environment.chunks_exact(2).map(|pair| (pair[0], pair[1]));
        let links = Links::new(variables.clone());
        let mut settings = Settings::new(variables, system_time());
        settings.servers_directory = depot.map(|depot| Path::new(depot).join("servers"));
        settings.julia = Some(JuliaSession {
            version: (*version).to_owned(),
            system: (*system).to_owned(),
            is_interactive: *is_interactive == "true",
        });
        Ok(Self { settings, links })
    }

    pub(super) fn options(&self) -> InstallOptions<'_> {
        InstallOptions { settings: &self.settings, links: self.links, now: now() }
    }
}
