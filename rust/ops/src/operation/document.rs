//! TOML files.

use scratchrs_core::{Result, document};

use crate::table::Table;

/// See [`document::read`].
///
/// # Errors
///
/// As there.
pub fn read_toml(file: &str) -> Result<Option<Table>> {
    Ok(document::read(file)?.map(Table))
}
