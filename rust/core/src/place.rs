//! The paths of scratch spaces and of their usage log.

use std::borrow::Cow;

use scratchrs_fs as fs;
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::key::ScratchKey;
use scratchrs_model::layout::{self, SCRATCHSPACES, UsageLogFile, absolute};
use uuid::Uuid;

use crate::error::{Error, Result};

/// A depot, and an optional directory that replaces its `scratchspaces`. As with Scratch.jl, the
/// usage log is that of the depot in both cases.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The first depot of the stack. The path may be relative.
    pub depot: &'a DepotPath,
    /// The directory that replaces `scratchspaces`.
    pub directory: Option<&'a str>,
}

impl Place<'_> {
    /// The absolute path of the directory of all spaces.
    ///
    /// # Errors
    ///
    /// If a path is relative and the current directory does not exist.
    pub fn root(&self) -> Result<String> {
        Ok(match self.directory {
            Some(directory) => in_current_directory(directory)?.into_owned(),
            None => absolute_depot(self.depot)?.join(&[SCRATCHSPACES]),
        })
    }

    /// The absolute path of a space.
    ///
    /// # Errors
    ///
    /// The errors of [`Place::root`].
    pub fn space(&self, owner: Uuid, key: ScratchKey<'_>) -> Result<String> {
        let place = in_current_directory(self.directory.unwrap_or(self.depot.as_str()))?;
        Ok(layout::space(&place, self.directory.is_none(), owner, key))
    }

    /// The absolute path of the usage log.
    ///
    /// # Errors
    ///
    /// The errors of [`Place::root`].
    pub fn usage_log(&self) -> Result<String> {
        Ok(UsageLogFile::Scratch.path(absolute_depot(self.depot)?.as_ref()))
    }
}

/// What becomes of a depot that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfMissing {
    /// It will be created, or counts as empty.
    Accept,
    /// It is an error.
    Refuse,
}

/// Checks that a depot is a directory.
///
/// # Errors
///
/// [`Error::InvalidInput`] if it is something else, or missing and that is refused. An unreadable depot is reported where
/// it is read.
pub fn check_depot(depot: &DepotPath, if_missing: IfMissing) -> Result<()> {
    let problem = match fs::metadata(depot.as_path()) {
        Ok(None) if if_missing == IfMissing::Refuse => "does not exist",
        Ok(Some(found)) if !found.is_dir() => "is not a directory",
        _ => return Ok(()),
    };
    Err(Error::InvalidInput(format!("the depot `{depot}` {problem}")))
}

/// The depot by its absolute path.
///
/// # Errors
///
/// If it is relative and the current directory does not exist.
pub(crate) fn absolute_depot(depot: &DepotPath) -> Result<Cow<'_, DepotPath>> {
    Ok(match in_current_directory(depot.as_str())? {
        Cow::Borrowed(path) if path == depot.as_str() => Cow::Borrowed(depot),
        path => Cow::Owned(DepotPath::new(path)),
    })
}

/// The absolute path of `path`, as by Julia's `abspath`.
///
/// # Errors
///
/// If `path` is relative and the current directory does not exist.
pub(crate) fn in_current_directory(path: &str) -> Result<Cow<'_, str>> {
    let current = || std::env::current_dir().map(|path| path.to_string_lossy().into_owned());
    let error = fs::Error::on("get the current directory for", path);
    Ok(absolute(path, current).map_err(error)?)
}
