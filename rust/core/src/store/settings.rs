//! The settings of a store, in `store.toml`.
//!
//! ```toml
//! link = "hardlink"
//! ```

use std::path::Path;

use scratchrs_fs::{self as fs, LinkMode};
use toml::{Table, Value};

use super::Store;
use crate::error::{Error, Result};

/// The settings of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// How the files of trees are linked to their contents. If `None`, the best mode that the file
    /// system supports.
    pub link: Option<LinkMode>,
}

/// Reads the settings of a store.
///
/// # Errors
///
/// If the file exists and cannot be read, or is invalid.
pub fn settings(store: &Store) -> Result<Settings> {
    let path = store.layout().below(&[scratchrs_model::store::layout::SETTINGS]);
    let text = fs::read(Path::new(&path))?;
    let fault = |message: String| Error::Format {
        path: path.clone().into(),
        line: None,
        column: None,
        message,
    };
    let table: Table =
        String::from_utf8_lossy(&text).parse().map_err(|error| fault(format!("{error}")))?;
    match table.get("link") {
        None => Ok(Settings::default()),
        Some(Value::String(link)) => {
            Ok(Settings { link: Some(link.parse().map_err(|error| fault(format!("{error}")))?) })
        }
        Some(_) => Err(fault("`link` must be a string".to_owned())),
    }
}

/// Writes the settings of a store.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write_settings(store: &Store, settings: Settings) -> Result<()> {
    let path = store.layout().below(&[scratchrs_model::store::layout::SETTINGS]);
    match settings.link {
        None => fs::remove(Path::new(&path))?,
        Some(link) => {
            let path = Path::new(&path);
            fs::with_parent_dir(path, || fs::replace(path, format!("link = \"{link}\"\n")))?;
        }
    }
    Ok(())
}
