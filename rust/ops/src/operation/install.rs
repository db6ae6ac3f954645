//! Artifacts that are downloaded.

use std::path::Path;

use scratchrs_archive::Links;
use scratchrs_core::artifact::{
    self, InstallBegun, InstallOptions, Installation, Installed, Wanted,
};
use scratchrs_core::{Error, Result, tarball};
use scratchrs_fetch::{JuliaSession, Settings};
use scratchrs_fs::Watch;
use scratchrs_model::hash::TreeHash;

use super::artifact::{download, parsed, stack};
use super::tickets::Tickets;
use super::{PATIENCE, system_time};

/// What a session of Julia says of itself and of its environment.
pub(super) struct Session {
    settings: Settings,
    links: Links,
}

impl Session {
    /// Takes the texts apart, as the list of operations describes them.
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
        InstallOptions { settings: &self.settings, links: self.links }
    }

    /// Tells the path of an artifact, and what came up.
    fn told(self, installed: Installed) -> Vec<String> {
        let mut texts = vec![installed.path];
        texts.extend(installed.warnings);
        texts.extend(self.settings.complaints);
        texts
    }
}

/// See [`tarball::download`].
///
/// # Errors
///
/// As there.
pub fn download_file(url: &str, path: &str, session: Vec<&str>, watch: &Watch) -> Result<()> {
    let session = Session::read(&session, None)?;
    tarball::download(url, Path::new(path), &session.settings, watch)
}

/// See [`tarball::unpack`].
///
/// # Errors
///
/// As there.
pub fn unpack_tarball(
    tarball: &str,
    directory: &str,
    session: Vec<&str>,
    watch: &Watch,
) -> Result<()> {
    let session = Session::read(&session, None)?;
    tarball::unpack(Path::new(tarball), Path::new(directory), session.links, watch)
}

/// See [`artifact::install`]. Nothing counts as overridden.
///
/// # Errors
///
/// As there, and if a hash is none.
#[expect(clippy::too_many_arguments, reason = "these are the arguments of Pkg's function")]
pub fn install_artifact(
    depots: Vec<&str>,
    directory: &str,
    name: &str,
    hash: &str,
    downloads: Vec<&str>,
    file: &str,
    with_server: bool,
    session: Vec<&str>,
    watch: &Watch,
) -> Result<Vec<String>> {
    let mut session = Session::read(&session, depots.first())?;
    if !with_server {
        session.settings.server = None;
    }
    let hash = parsed(hash)?;
    let (unhashed, downloads): (Vec<_>, Vec<_>) =
        downloads.chunks_exact(3).partition(|texts| texts[1].is_empty());
    let wanted = Wanted {
        name: name.to_owned(),
        hash,
        downloads: downloads.into_iter().map(download).collect::<Result<_>>()?,
        unhashed: unhashed.into_iter().map(|texts| texts[0].to_owned()).collect(),
        bound_in: bound_in(file, name, hash),
    };
    let stack = stack(depots, directory)?;
    let installed = artifact::install(&stack, &wanted, session.options(), watch)?;
    Ok(session.told(installed))
}

/// The file, and the line of it, in which a name stands for an artifact.
fn bound_in(file: &str, name: &str, hash: TreeHash) -> Option<(String, usize)> {
    let bindings = artifact::bindings(file).ok()??;
    let mut entries = bindings.entries(name).into_iter();
    let line = entries.find_map(|(_, entry)| (entry.hash == hash).then_some(entry.line))?;
    Some((file.to_owned(), line))
}

/// Installations that Julia was told to download for and has not ended yet.
static INSTALLATIONS: Tickets<Installation> = Tickets::new("installation");

/// See [`artifact::begin_install`]. Nothing counts as overridden.
///
/// # Errors
///
/// As there.
pub fn begin_install(depots: Vec<&str>, directory: &str, hash: &str) -> Result<Vec<String>> {
    let stack = stack(depots, directory)?;
    Ok(match artifact::begin_install(&stack, parsed(hash)?, PATIENCE)? {
        InstallBegun::Ready(path) => vec!["ready".to_owned(), path, String::new()],
        InstallBegun::Install(installation) => {
            let file = installation.file().display().to_string();
            let ticket = INSTALLATIONS.keep(*installation);
            vec!["install".to_owned(), file, ticket.to_string()]
        }
        InstallBegun::Busy(holder) => {
            let pid = holder.pid.map(|pid| pid.to_string()).unwrap_or_default();
            vec!["busy".to_owned(), pid, holder.host, String::new()]
        }
    })
}

/// See [`Installation::finish`].
///
/// # Errors
///
/// As there, and if the hash is none.
pub fn finish_install(
    ticket: u64,
    name: &str,
    sha256: &str,
    session: Vec<&str>,
    watch: &Watch,
) -> Result<Vec<String>> {
    let installation = INSTALLATIONS.take(ticket)?;
    let session = Session::read(&session, None)?;
    let sha256 = (!sha256.is_empty()).then(|| sha256.parse()).transpose();
    let sha256 = sha256.map_err(|error| {
        Error::InvalidInput(format!("the hash of the tarball of `{name}` is none: {error}"))
    })?;
    let installed = installation.finish(name, sha256, session.options(), watch)?;
    Ok(session.told(installed))
}

/// See [`Installation::abandon`].
///
/// # Errors
///
/// If there is no such ticket.
pub fn abandon_install(ticket: u64) -> Result<()> {
    INSTALLATIONS.take(ticket)?.abandon();
    Ok(())
}
