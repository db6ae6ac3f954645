//! Where scratch spaces and their log are.

use scratchrs_fs as fs;
use scratchrs_model::layout::{SCRATCH_USAGE_LOG, SCRATCHSPACES, absolute, join};

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
        match self.directory {
            Some(directory) => in_current_directory(directory),
            None => in_current_directory(&join(self.depot, &[SCRATCHSPACES])),
        }
    }

    /// The absolute path of the log of uses.
    ///
    /// # Errors
    ///
    /// As [`Place::root`].
    pub fn usage_log(&self) -> Result<String> {
        in_current_directory(&join(self.depot, &SCRATCH_USAGE_LOG))
    }
}

fn in_current_directory(path: &str) -> Result<String> {
    let current = || std::env::current_dir().map(|path| path.to_string_lossy().into_owned());
    let error = fs::Error::on("find the current directory for", path);
    Ok(absolute(path, current).map_err(error)?)
}
