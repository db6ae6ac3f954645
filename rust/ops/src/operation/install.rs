//! Artifacts that are downloaded.

use std::path::Path;

use scratchrs_archive::Links;
use scratchrs_core::artifact::{
    self, InstallBegun, InstallOptions, Installation, Installed, Presence, Wanted,
};
use scratchrs_core::{Error, Result, tarball};
use scratchrs_fetch::{JuliaSession, Settings};
use scratchrs_fs::{Holder, Progress};
use scratchrs_model::artifacts_toml::{Download, Field, read_download};
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::hash::TreeHash;

use super::artifact::{parsed, stack};
use super::tickets::Tickets;
use super::usage::in_words;
use super::{LOCK_TIMEOUT, now, system_time};

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
        InstallOptions { settings: &self.settings, links: self.links, now: now() }
    }

    /// Tells the path of an artifact, and what came up.
    fn told(self, installed: Installed) -> Vec<String> {
        let mut texts = vec![installed.path];
        texts.extend(installed.warnings);
        texts.extend(installed.removed_records.iter().map(healed));
        texts.extend(self.settings.warnings);
        texts
    }
}

/// See [`tarball::download`].
///
/// # Errors
///
/// As there.
pub fn download_file(url: &str, path: &str, session: Vec<&str>, progress: &Progress) -> Result<()> {
    let session = Session::read(&session, None)?;
    tarball::download(url, Path::new(path), &session.settings, progress)
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
    progress: &Progress,
) -> Result<()> {
    let session = Session::read(&session, None)?;
    tarball::unpack(Path::new(tarball), Path::new(directory), session.links, progress)
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
    progress: &Progress,
) -> Result<Vec<String>> {
    let mut session = Session::read(&session, depots.first())?;
    if !with_server {
        session.settings.server = None;
    }
    let hash = parsed(hash)?;
    let stack = stack(depots, directory)?;
    let places = Places::read(&downloads, name, hash, file, field);
    let wanted = Wanted {
        name: name.to_owned(),
        hash,
        downloads: places.valid,
        unhashed: places.unhashed,
        bound_in: places.bound_in,
        invalid: places.invalid,
    };
    let installed = artifact::install(&stack, &wanted, session.options(), progress)?;
    Ok(session.told(installed))
}

/// The places of a binding, as a session has them.
struct Places {
    valid: Vec<Download>,
    /// Those without a hash, which only an artifact without a file can have.
    unhashed: Vec<String>,
    invalid: Vec<Diagnostic>,
    bound_in: Option<(String, Option<usize>)>,
}

impl Places {
    /// Reads three texts for each place. What is invalid is told with its line if the file has it too:
    /// the session may have changed what it read.
    fn read(
        texts: &[&str],
        name: &str,
        hash: TreeHash,
        file: &str,
        address: fn(&str) -> Field<'_>,
    ) -> Self {
        let bindings = artifact::bindings(file).ok().flatten().unwrap_or_default();
        let entries = bindings.entries(name);
        let entry = entries.iter().map(|(_, entry)| entry).find(|entry| entry.hash == hash);
        let known = entry.map(|entry| entry.invalid_downloads.as_slice()).unwrap_or_default();
        let line = entry.map(|entry| entry.line);
        let bound_in = (!file.is_empty()).then(|| (file.to_owned(), line));
        let mut places =
            Self { valid: Vec::new(), unhashed: Vec::new(), invalid: Vec::new(), bound_in };
        for place in texts.chunks_exact(3) {
            let [url, sha256, size] = [address(place[0]), field(place[1]), field(place[2])];
            match (url, sha256) {
                (Field::Text(url) | Field::Address(url), Field::Missing) if file.is_empty() => {
                    places.unhashed.push(url.to_owned());
                    continue;
                }
                _ => {}
            }
            let (download, invalid) = read_download(url, sha256, size);
            places.valid.extend(download);
            places.invalid.extend(invalid.iter().map(|invalid| {
                let message = format!("artifact `{name}`: {invalid}");
                let same = known.iter().find(|diagnostic| diagnostic.message == message).cloned();
                same.unwrap_or(Diagnostic { line, column: None, message })
            }));
        }
        places
    }
}

/// What a field is: nothing, or a letter for its type and the value. Of another type than a string or an
/// integer, the value is the type.
fn field(text: &str) -> Field<'_> {
    match text.split_at_checked(1) {
        Some(("s", text)) => Field::Text(text),
        Some(("i", number)) => Field::Integer(number.parse().ok()),
        Some((_, kind)) => Field::Other(kind),
        None => Field::Missing,
    }
}

/// The same for an address that the session downloads from by itself: any string will do.
fn any_address(text: &str) -> Field<'_> {
    match field(text) {
        Field::Text(text) if !text.is_empty() => Field::Address(text),
        other => other,
    }
}

/// The places of an artifact that are valid, as address, hash and size, for a session that downloads by
/// itself; and what is invalid, each with an empty address and hash before it.
///
/// # Errors
///
/// If the hash is none; or if some place is invalid and none is valid.
pub fn read_downloads(
    name: &str,
    hash: &str,
    downloads: Vec<&str>,
    file: &str,
) -> Result<Vec<String>> {
    let places = Places::read(&downloads, name, parsed(hash)?, file, any_address);
    if let (true, true, Some(diagnostic)) =
        (places.valid.is_empty(), places.unhashed.is_empty(), places.invalid.first())
    {
        return Err(Error::of_diagnostic(file, diagnostic.clone()));
    }
    let valid = places.valid.into_iter().flat_map(|Download { url, sha256, size }| {
        [url, sha256.to_string(), size.unwrap_or_default().to_string()]
    });
    let unhashed = places.unhashed.into_iter().flat_map(|url| [url, String::new(), "0".to_owned()]);
    let invalid = places.invalid.into_iter().flat_map(|diagnostic| {
        let separator = if diagnostic.line.is_some() { ":" } else { ": " };
        [String::new(), String::new(), format!("{file}{separator}{diagnostic}")]
    });
    Ok(valid.chain(unhashed).chain(invalid).collect())
}

/// Tells what was removed from the log of uses.
fn healed(diagnostic: &Diagnostic) -> String {
    format!(
        "the log of artifact files had a part that cannot be read, which was removed: {}",
        in_words(diagnostic)
    )
}

/// See [`artifact::confirm`] and [`artifact::log_use_daily`]. Nothing counts as overridden.
///
/// # Errors
///
/// As there.
pub fn use_artifact(
    depots: Vec<&str>,
    directory: &str,
    hash: &str,
    file: &str,
) -> Result<Vec<String>> {
    let stack = stack(depots, directory)?;
    let path = match artifact::confirm(&stack, parsed(hash)?, LOCK_TIMEOUT)? {
        Presence::Present(path) => path,
        Presence::Missing => return Ok(vec!["missing".to_owned()]),
        Presence::Busy(holder) => return Ok(busy(holder)),
    };
    let mut texts = vec!["ready".to_owned(), path];
    if !file.is_empty() {
        let tracked = artifact::log_use_daily(&stack, file, now(), LOCK_TIMEOUT)?;
        texts.extend(tracked.removed_records.iter().map(healed));
    }
    Ok(texts)
}

fn busy(holder: Holder) -> Vec<String> {
    let pid = holder.pid.map(|pid| pid.to_string()).unwrap_or_default();
    vec!["busy".to_owned(), pid, holder.host, String::new()]
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
    Ok(match artifact::begin_install(&stack, parsed(hash)?, LOCK_TIMEOUT)? {
        InstallBegun::Ready(path) => vec!["ready".to_owned(), path, String::new()],
        InstallBegun::Install(installation) => {
            let file = installation.file().display().to_string();
            let ticket = INSTALLATIONS.keep(*installation);
            vec!["install".to_owned(), file, ticket.to_string()]
        }
        InstallBegun::Busy(holder) => busy(holder),
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
    progress: &Progress,
) -> Result<Vec<String>> {
    let installation = INSTALLATIONS.take(ticket)?;
    let session = Session::read(&session, None)?;
    let sha256 = (!sha256.is_empty()).then(|| sha256.parse()).transpose();
    let sha256 = sha256.map_err(|error| {
        Error::InvalidInput(format!("the hash of the tarball of `{name}` is none: {error}"))
    })?;
    let installed = installation.finish(name, sha256, session.options(), progress)?;
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
