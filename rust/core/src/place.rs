//! Where scratch spaces and their log are.

use std::borrow::Cow;

use scratchrs_fs as fs;
use scratchrs_model::key::ScratchKey;
use scratchrs_model::layout::{self, SCRATCHSPACES, UsageLogFile, absolute, join};
use uuid::Uuid;

use crate::error::Result;

/// The depot, and a directory that stands in for its scratch spaces, if the user gave one.
///
/// Uses are logged in the depot even then, as Scratch.jl does.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The first depot of the stack. May be relative to the current directory.
    pub depot: &'a str,
    /// The directory in the place of the depot's `scratchspaces`.
    pub directory: Option<&'a str>,
}

impl Place<'_> {
    /// The absolute path of the directory that holds the packages' directories of spaces.
    ///
    /// # Errors
    ///
    /// If a relative path is given and there is no current directory.
    pub fn root(&self) -> Result<String> {
        Ok(match self.directory {
            Some(directory) => in_current_directory(directory)?.into_owned(),
            None => join(&in_current_directory(self.depot)?, &[SCRATCHSPACES]),
        })
    }

    /// The absolute path of a space.
    ///
    /// # Errors
    ///
    /// As [`Place::root`].
    pub fn space(&self, owner: Uuid, key: ScratchKey<'_>) -> Result<String> {
        let place = in_current_directory(self.directory.unwrap_or(self.depot))?;
        Ok(layout::space(&place, self.directory.is_none(), owner, key))
    }

    /// The absolute path of the log of uses.
    ///
    /// # Errors
    ///
    /// As [`Place::root`].
    pub fn usage_log(&self) -> Result<String> {
        Ok(UsageLogFile::Scratch.path(&in_current_directory(self.depot)?))
    }
}

/// `path` as Julia's `abspath` gives it.
///
/// # Errors
///
/// If it is relative and there is no current directory.
pub(crate) fn in_current_directory(path: &str) -> Result<Cow<'_, str>> {
    let current = || std::env::current_dir().map(|path| path.to_string_lossy().into_owned());
    let error = fs::Error::on("find the current directory for", path);
    Ok(absolute(path, current).map_err(error)?)
}
