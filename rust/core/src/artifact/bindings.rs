//! Files that bind artifacts to names.
//!
//! # Locking
//!
//! A file is changed under `<file>.pid`, for as long as reading, changing and replacing it takes, so
//! that two processes which bind at once both succeed. Pkg takes no lock: what it writes in that
//! moment is lost, as is what two processes of Pkg write at once. While a name is bound, the lock of
//! the log of uses is held too: a collection that has not seen the new name is over, or waits.
//!
//! # Crash
//!
//! The use of the file is logged first, then the file is replaced: a process that is killed between
//! the two leaves a record that does no harm, and never a file that no collection knows of.

use std::path::{Path, PathBuf};
use std::time::Duration;

use scratchrs_fs::{self as fs, Attempt, PidLock};
use scratchrs_model::artifacts_toml::{
    self, BindOptions, Bindings, Chosen, Entry, FILE_NAMES, Host, Refusal, Unchosen,
};
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::UsageLogFile;
use scratchrs_model::platform::Platform;
use scratchrs_model::project;
use scratchrs_model::time::DepotTime;

use super::report::{Bound, LeftOut};
use super::stack::{Stack, read_text};
use crate::error::{Error, Result};
use crate::locks;
use crate::place::in_current_directory;
use crate::usage::{self, Announced};

/// The file that binds artifacts for the code at `path`, a file or a directory: the one nearest
/// above it, unless a project begins in between.
///
/// # Errors
///
/// If `path` is relative and there is no current directory.
pub fn file_above(path: &str) -> Result<Option<String>> {
    let path = in_current_directory(path)?.into_owned();
    let path = Path::new(&path);
    let start = if path.is_dir() { Some(path) } else { path.parent() };
    // As in Julia, the root of the file system is not looked at.
    for directory in
        start.into_iter().flat_map(Path::ancestors).filter(|path| path.parent().is_some())
    {
        let has = |name: &str| directory.join(name).is_file();
        if let Some(name) = FILE_NAMES.iter().find(|name| has(name)) {
            return Ok(Some(directory.join(name).to_string_lossy().into_owned()));
        }
        if project::FILE_NAMES.iter().any(|name| has(name)) {
            return Ok(None);
        }
    }
    Ok(None)
}

/// The bindings of a file; None if there is no such file.
///
/// # Errors
///
/// If it is not TOML, or cannot be read. Entries that make no sense are no error:
/// [`Bindings::diagnostics`] has them.
pub fn bindings(file: &str) -> Result<Option<Bindings>> {
    let Some(text) = read_text(file)? else { return Ok(None) };
    Bindings::read(&text).map(Some).map_err(|diagnostic| Error::of_diagnostic(file, diagnostic))
}

/// What a name stands for on a host in the bindings of a file, which [`Stack::load`] has read. None if
/// it stands for nothing there. All that takes a name goes by this rule.
///
/// # Errors
///
/// If what it stands for is invalid; or ([`Error::Undecided`]) if that depends on what is not known of
/// the host, unless an override puts the same directory in the place of whatever it is.
pub fn choose<'b>(
    stack: &Stack,
    file: &str,
    bindings: &'b Bindings,
    name: &str,
    host: &Host,
) -> Result<Option<Chosen<'b>>> {
    match bindings.choose(name, host) {
        Ok(chosen) => Ok(chosen),
        Err(Unchosen::Invalid(diagnostic)) => Err(Error::of_diagnostic(file, diagnostic)),
        Err(Unchosen::Undecided(undecided)) => {
            if stack.overridden_together(&undecided.hashes)?.is_some() {
                let host = Host::given(host.platform().clone());
                return choose(stack, file, bindings, name, &host);
            }
            let (file, name) = (file.into(), name.to_owned());
            Err(Error::Undecided { file, name, tags: undecided.tags })
        }
    }
}

/// Says what is invalid in what a name stands for in a file, on a host or, without one, on any platform.
///
/// # Errors
///
/// [`Error::Format`], with file and line, if something is. As [`bindings`].
pub fn check(file: &str, name: &str, host: Option<&Host>) -> Result<()> {
    let Some(bindings) = bindings(file)? else { return Ok(()) };
    let diagnostic = match host {
        Some(host) => match bindings.choose(name, host) {
            Err(Unchosen::Invalid(diagnostic)) => Some(diagnostic),
            _ => None,
        },
        None => bindings.diagnostics_of(name).first().map(|diagnostic| (*diagnostic).clone()),
    };
    diagnostic.map_or(Ok(()), |diagnostic| Err(Error::of_diagnostic(file, diagnostic)))
}

/// What a name stands for in a file, on a host. None if the file is not there, or the name stands for
/// nothing. The overrides of the file's package are in force in the stack from now on.
///
/// # Errors
///
/// As [`Stack::load`] and [`choose`].
pub fn binding(stack: &mut Stack, file: &str, name: &str, host: &Host) -> Result<Option<Entry>> {
    let Some(bindings) = stack.load(file)? else { return Ok(None) };
    let chosen = choose(stack, file, &bindings, name, host)?;
    Ok(chosen.map(|chosen| chosen.entry.clone()))
}

/// Those entries of a file that can be downloaded on a host, with their names; lazy ones only if
/// asked for. Names of which that is not known are in the second value.
pub fn downloadable(
    stack: &Stack,
    file: &str,
    bindings: &Bindings,
    host: &Host,
    include_lazy: bool,
) -> (Vec<(String, Entry)>, Vec<LeftOut>) {
    let (mut entries, mut left_out) = (Vec::new(), Vec::new());
    for name in bindings.names() {
        match choose(stack, file, bindings, name, host) {
            Ok(Some(Chosen { entry, .. })) if include_lazy || !entry.lazy => {
                entries.push((name.to_owned(), entry.clone()));
            }
            Ok(_) => {}
            Err(_) if !include_lazy && is_only_lazy(bindings, name, host) => {}
            Err(error) => left_out.push(LeftOut { name: name.to_owned(), error }),
        }
    }
    entries.retain(|(_, entry)| entry.downloads.is_some());
    (entries, left_out)
}

/// Whether a name stands for something lazy, whatever the choice comes to.
fn is_only_lazy(bindings: &Bindings, name: &str, host: &Host) -> bool {
    matches!(bindings.choose(name, host), Err(Unchosen::Undecided(it)) if it.is_lazy)
}

/// Lets `name` stand for the artifact `hash` in a file, which is made if it is missing, and logs that
/// the file is in use. Waits for at most `lock_timeout` for each of two locks.
///
/// # Errors
///
/// The file is then as it was: it is not TOML; the name is bound already and `options.force` is not
/// set ([`Error::Conflict`]); another process holds a lock for longer than `lock_timeout`; or the file system
/// refuses.
pub fn bind(
    stack: &Stack,
    file: &str,
    name: &str,
    hash: TreeHash,
    options: BindOptions<'_>,
    now: DepotTime,
    lock_timeout: Duration,
) -> Result<Bound> {
    let file = File::lock(file, lock_timeout)?;
    let before = read_text(&file.path)?.unwrap_or_default();
    let after = artifacts_toml::bind(&before, name, hash, options)
        .map_err(|refusal| file.refused(refusal, options.platform))?;
    // A read-only depot has no log, and a missing one has no artifacts.
    let announced = match stack.first_depot() {
        Ok(depot) => {
            usage::announce(depot, UsageLogFile::Artifacts, &file.path, now, lock_timeout)?
        }
        Err(_) => Announced::default(),
    };
    file.replace(&before, &after)?;
    Ok(Bound { file: file.path.clone(), removed_records: announced.removed_records })
}

/// Lets `name` stand for nothing in a file, or for nothing on one platform. Whether it stood for
/// something.
///
/// # Errors
///
/// As [`bind`]; and if the file is missing, or a platform is given and the name is bound for every
/// one.
pub fn unbind(
    file: &str,
    name: &str,
    platform: Option<&Platform>,
    lock_timeout: Duration,
) -> Result<bool> {
    let path = in_current_directory(file)?;
    let missing = || Error::NotFound(format!("there is no file `{path}`"));
    // A lock would be left in a directory that has no such file.
    read_text(&path)?.ok_or_else(missing)?;
    let file = File::lock(file, lock_timeout)?;
    let before = read_text(&file.path)?.ok_or_else(missing)?;
    let after = artifacts_toml::unbind(&before, name, platform)
        .map_err(|refusal| file.refused(refusal, platform))?;
    match after {
        None => Ok(false),
        Some(after) => file.replace(&before, &after).map(|()| true),
    }
}

/// A file that no other process of ours changes.
struct File {
    path: String,
    _lock: PidLock,
}

impl File {
    fn lock(file: &str, lock_timeout: Duration) -> Result<Self> {
        let path = in_current_directory(file)?.into_owned();
        let lock = PathBuf::from(format!("{path}.pid"));
        match PidLock::acquire(&lock, locks::BINDING_FILE, lock_timeout)? {
            Attempt::Acquired(lock) => Ok(Self { path, _lock: lock }),
            Attempt::Held(holder) => Err(Error::Busy { lock, holder }),
        }
    }

    fn replace(&self, before: &str, after: &str) -> Result<()> {
        if before != after || !Path::new(&self.path).exists() {
            fs::replace(Path::new(&self.path), after)?;
        }
        Ok(())
    }

    /// In Pkg's words, where Pkg has some.
    fn refused(&self, refusal: Refusal, platform: Option<&Platform>) -> Error {
        let path = &self.path;
        let message = match refusal {
            Refusal::Malformed(diagnostic) => return Error::of_diagnostic(path, diagnostic),
            Refusal::Bound { name, platform: None } => {
                let kind = if platform.is_some() { ", for every platform," } else { "" };
                format!("Mapping for '{name}'{kind} within {path} already exists!")
            }
            Refusal::Bound { name, platform: Some(platform) } => {
                format!("Mapping for '{name}'/{platform} within {path} already exists!")
            }
            Refusal::BoundByPlatform(name) => {
                format!("Mapping for '{name}', by platform, within {path} already exists!")
            }
            Refusal::BoundEverywhere(name) => {
                format!("'{name}' within {path} is bound for every platform, not for one")
            }
        };
        Error::Conflict(message)
    }
}
