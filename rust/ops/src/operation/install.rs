//! Artifacts that are downloaded.

use std::path::Path;

use scratchrs_core::artifact::{self, InstallBegun, Installation, Presence, Wanted};
use scratchrs_core::{Error, Result, tarball};
use scratchrs_fs::Progress;
use scratchrs_model::artifacts_toml::{Download, Field, read_download};
use scratchrs_model::diagnostic::Diagnostic;
use scratchrs_model::hash::{Sha256, TreeHash};

use super::arguments::{Session, parsed, stack};
use super::tickets::Tickets;
use super::{LOCK_TIMEOUT, now};
use crate::replies::{Availability, Installed, Source, Sources, warnings};

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

/// See [`artifact::install`]. Overrides are ignored.
///
/// # Errors
///
/// As there, and if the hash is invalid.
#[expect(clippy::too_many_arguments, reason = "these are the arguments of Pkg's function")]
pub fn install_artifact(
    depots: Vec<&str>,
    directory: Option<&str>,
    name: &str,
    hash: &str,
    downloads: Vec<&str>,
    file: Option<&str>,
    with_server: bool,
    session: Vec<&str>,
    progress: &Progress,
) -> Result<Installed> {
    let mut session = Session::read(&session, depots.first())?;
    if !with_server {
        session.settings.server = None;
    }
    let hash = parsed(hash)?;
    let stack = stack(depots, directory)?;
    let given = Given::read(&downloads, name, hash, file, field);
    let wanted = Wanted {
        name: name.to_owned(),
        hash,
        downloads: given.valid,
        unhashed: given.unhashed,
        bound_in: given.bound_in,
        invalid: given.invalid,
    };
    let installed = artifact::install(&stack, &wanted, session.options(), progress)?;
    Ok(reply(installed, session))
}

/// The path of an artifact, and the warnings of its installation.
fn reply(installed: artifact::Installed, session: Session) -> Installed {
    let artifact::Installed { path, warnings: mut all, removed_records, .. } = installed;
    all.extend(warnings(&removed_records));
    all.extend(session.settings.warnings);
    Installed { path, warnings: all }
}

/// The sources of an artifact, as a session has read them from a file of bindings.
struct Given {
    valid: Vec<Download>,
    /// URLs without a hash, which are valid only if no file binds the artifact.
    unhashed: Vec<String>,
    invalid: Vec<Diagnostic>,
    bound_in: Option<(String, Option<usize>)>,
}

impl Given {
    /// Reads three texts for each source. An invalid one is reported with its line if it is in the file:
    /// the session may have changed what it read.
    fn read(
        texts: &[&str],
        name: &str,
        hash: TreeHash,
        file: Option<&str>,
        address: fn(&str) -> Field<'_>,
    ) -> Self {
        let bindings = file.and_then(|file| artifact::bindings(file).ok().flatten());
        let bindings = bindings.unwrap_or_default();
        let entries = bindings.entries(name);
        let entry = entries.iter().map(|(_, entry)| entry).find(|entry| entry.hash == hash);
        let known = entry.map(|entry| &entry.invalid_downloads[..]).unwrap_or_default();
        let line = entry.map(|entry| entry.line as usize);
        let bound_in = file.map(|file| (file.to_owned(), line));
        let mut given =
            Self { valid: Vec::new(), unhashed: Vec::new(), invalid: Vec::new(), bound_in };
        for source in texts.chunks_exact(3) {
            let [url, sha256, size] = [address(source[0]), field(source[1]), field(source[2])];
            match (url, sha256) {
                (Field::Text(url) | Field::Address(url), Field::Missing) if file.is_none() => {
                    given.unhashed.push(url.to_owned());
                    continue;
                }
                _ => {}
            }
            let (download, invalid) = read_download(url, sha256, size);
            given.valid.extend(download);
            given.invalid.extend(invalid.iter().map(|invalid| {
                let message = format!("artifact `{name}`: {invalid}");
                let same = known.iter().find(|diagnostic| diagnostic.message == message).cloned();
                same.unwrap_or(Diagnostic { line, column: None, message })
            }));
        }
        given
    }
}

/// A field: empty if it is missing, else a letter for its type and the value; for types other than strings and
/// integers, the name of the type.
fn field(text: &str) -> Field<'_> {
    match text.split_at_checked(1) {
        Some(("s", text)) => Field::Text(text),
        Some(("i", number)) => Field::Integer(number.parse().ok()),
        Some((_, kind)) => Field::Other(kind),
        None => Field::Missing,
    }
}

/// The same for an address that the session downloads from: any string is valid.
fn any_address(text: &str) -> Field<'_> {
    match field(text) {
        Field::Text(text) if !text.is_empty() => Field::Address(text),
        other => other,
    }
}

/// The sources of an artifact, for a session that downloads it.
///
/// # Errors
///
/// If the hash is invalid; or if there are invalid sources only.
pub fn read_downloads(
    name: &str,
    hash: &str,
    downloads: Vec<&str>,
    file: Option<&str>,
) -> Result<Sources> {
    let given = Given::read(&downloads, name, parsed(hash)?, file, any_address);
    let file = file.unwrap_or_default();
    if let (true, true, Some(diagnostic)) =
        (given.valid.is_empty(), given.unhashed.is_empty(), given.invalid.first())
    {
        return Err(Error::of_diagnostic(file, diagnostic.clone()));
    }
    let hashed = given.valid.into_iter();
    let hashed = hashed.map(|Download { url, sha256, .. }| Source { url, sha256: Some(sha256) });
    let unhashed = given.unhashed.into_iter().map(|url| Source { url, sha256: None });
    let invalid = given.invalid.iter().map(|diagnostic| diagnostic.in_file(file));
    Ok(Sources { valid: hashed.chain(unhashed).collect(), invalid: invalid.collect() })
}

/// See [`artifact::confirm`] and [`artifact::log_use_daily`]. Overrides are ignored.
///
/// # Errors
///
/// As there.
pub fn use_artifact(
    depots: Vec<&str>,
    directory: Option<&str>,
    hash: &str,
    file: Option<&str>,
) -> Result<Availability> {
    let stack = stack(depots, directory)?;
    let path = match artifact::confirm(&stack, parsed(hash)?, LOCK_TIMEOUT)? {
        Presence::Present(path) => path,
        Presence::Missing => return Ok(Availability::Missing),
        Presence::Busy(holder) => return Ok(Availability::busy(holder, None)),
    };
    let Some(file) = file else { return Ok(Availability::ready(path)) };
    let tracked = artifact::log_use_daily(&stack, file, now(), LOCK_TIMEOUT)?;
    Ok(Availability::Ready { path, warnings: warnings(&tracked.removed_records).collect() })
}

/// The installations that Julia has begun.
static INSTALLATIONS: Tickets<Installation> = Tickets::new("installation");

/// See [`artifact::begin_install`]. Overrides are ignored.
///
/// # Errors
///
/// As there.
pub fn begin_install(
    depots: Vec<&str>,
    directory: Option<&str>,
    hash: &str,
) -> Result<Availability> {
    let stack = stack(depots, directory)?;
    Ok(match artifact::begin_install(&stack, parsed(hash)?, LOCK_TIMEOUT)? {
        InstallBegun::Ready(path) => Availability::ready(path),
        InstallBegun::Install(installation) => {
            let path = installation.file().display().to_string();
            Availability::Begun { path, ticket: INSTALLATIONS.insert(*installation) }
        }
        InstallBegun::Busy(holder) => Availability::busy(holder, None),
    })
}

/// See [`Installation::finish`].
///
/// # Errors
///
/// As there, and if the hash is invalid.
pub fn finish_install(
    ticket: u64,
    name: &str,
    sha256: Option<&str>,
    session: Vec<&str>,
    progress: &Progress,
) -> Result<Installed> {
    let installation = INSTALLATIONS.take(ticket)?;
    let session = Session::read(&session, None)?;
    let sha256 = sha256.map(parsed::<Sha256>).transpose()?;
    let installed = installation.finish(name, sha256, session.options(), progress)?;
    Ok(reply(installed, session))
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
