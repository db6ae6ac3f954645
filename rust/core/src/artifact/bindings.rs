//! Reading the files that bind artifacts to names.

use std::path::Path;

use scratchrs_fs as fs;
use scratchrs_model::artifacts_toml::{Bindings, FILE_NAMES, Host, Unchosen};
use scratchrs_model::project;

use crate::document::read_text;
use crate::error::{Error, Result};
use crate::place::in_current_directory;

/// The file that binds artifacts for the code at `path`, a file or a directory: the nearest one in
/// its directory or above, unless a directory with a project file is nearer.
///
/// # Errors
///
/// If `path` is relative and the current directory does not exist.
pub fn file_above(path: &str) -> Result<Option<String>> {
    let path = in_current_directory(path)?.into_owned();
    let path = Path::new(&path);
    let start = if fs::is_dir(path) { Some(path) } else { path.parent() };
    // Like Julia, this does not search the root of the file system.
    for directory in
        start.into_iter().flat_map(Path::ancestors).filter(|path| path.parent().is_some())
    {
        let has = |name: &str| fs::is_file(&directory.join(name));
        if let Some(name) = FILE_NAMES.iter().find(|name| has(name)) {
            return Ok(Some(directory.join(name).to_string_lossy().into_owned()));
        }
        if project::FILE_NAMES.iter().any(|name| has(name)) {
            return Ok(None);
        }
    }
    Ok(None)
}

/// The bindings of a file, or `None` if the file does not exist.
///
/// # Errors
///
/// If the file is not TOML, or cannot be read. Invalid entries are not errors; see
/// [`Bindings::diagnostics`].
pub fn bindings(file: &str) -> Result<Option<Bindings>> {
    let Some(text) = read_text(file)? else { return Ok(None) };
    Bindings::read(&text).map(Some).map_err(|diagnostic| Error::of_diagnostic(file, diagnostic))
}

/// Checks the entry of a name in a file: for a host, or for all platforms if `host` is `None`.
///
/// # Errors
///
/// [`Error::Format`], with file and line, if the entry is invalid; and the errors of [`bindings`].
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
