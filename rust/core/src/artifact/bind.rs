//! Binding and unbinding names in `Artifacts.toml` files.
//!
//! # Locking
//!
//! Reading, changing and replacing a file happens under `<file>.pid`, so two processes that bind at
//! the same time both succeed. Pkg takes no lock: its changes during that time are lost, as are
//! those of two processes of Pkg. While a name is bound, the lock of the usage log is held, too: a
//! collection that has not read the new name is over, or waits.
//!
//! # Crash
//!
//! The use of the file is logged before the file is replaced. After a kill in between, the log has
//! a record that does no harm. A file that no log lists would lose its artifacts to a collection.

use std::path::{Path, PathBuf};
use std::time::Duration;

use scratchrs_fs::{self as fs, Attempt, PidLock};
use scratchrs_model::artifacts_toml::{self, BindOptions, Refusal};
use scratchrs_model::hash::TreeHash;
use scratchrs_model::layout::UsageLogFile;
use scratchrs_model::platform::Platform;
use scratchrs_model::time::DepotTime;

use super::report::Bound;
use super::stack::Stack;
use crate::document::read_text;
use crate::error::{Error, Result};
use crate::locks;
use crate::place::in_current_directory;
use crate::usage::{self, Announced};

/// Binds `name` to the artifact `hash` in a file, which is created if it does not exist, and logs
/// the use of the file. Waits for at most `lock_timeout` for each of two locks.
///
/// # Errors
///
/// The file is then unchanged.
///
/// - [`Error::Format`]: the file is not TOML.
/// - [`Error::Conflict`]: the name is bound, and `options.force` is not set.
/// - [`Error::Busy`]: another process holds a lock for longer than `lock_timeout`.
/// - [`Error::Io`]: the file system refuses.
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
    // Without a depot, no collection deletes the artifact.
    let announced = match stack.first_depot() {
        Ok(depot) => {
            usage::announce(depot, UsageLogFile::Artifacts, &file.path, now, lock_timeout)?
        }
        Err(_) => Announced::default(),
    };
    file.replace(&before, &after)?;
    Ok(Bound { file: file.path.clone(), removed_records: announced.removed_records })
}

/// Removes the binding of `name` from a file, or its binding for one platform. Returns whether it
/// was bound.
///
/// # Errors
///
/// The errors of [`bind`]; [`Error::NotFound`] if the file does not exist; and [`Error::Conflict`]
/// if a platform is given but the name is bound for all platforms.
pub fn unbind(
    file: &str,
    name: &str,
    platform: Option<&Platform>,
    lock_timeout: Duration,
) -> Result<bool> {
    let path = in_current_directory(file)?;
    let missing = || Error::NotFound(format!("`{path}` does not exist"));
    // Without the file, no lock is created beside it.
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

/// A file of bindings that this process has locked.
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
        if before != after || !fs::exists(Path::new(&self.path)) {
            fs::replace(Path::new(&self.path), after)?;
        }
        Ok(())
    }

    /// The error of a refused change, with the text of Pkg where Pkg refuses it, too.
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
