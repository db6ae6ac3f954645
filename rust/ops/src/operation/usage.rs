//! Usage logs.

use scratchrs_core::{Result, usage};
use scratchrs_model::depot_path::DepotPath;

use super::arguments::place;
use super::{LOCK_TIMEOUT, now};
use crate::replies::{Tracked, sentences};

/// See [`usage::track`].
///
/// # Errors
///
/// As there.
pub fn track_access(depot: &str, space: &str, project: &str) -> Result<Tracked> {
    Ok(usage::track(place(&DepotPath::new(depot), None), space, project, now(), LOCK_TIMEOUT)?
        .into())
}

/// See [`usage::condense`].
///
/// # Errors
///
/// As there.
pub fn condense_usage(depot: &str) -> Result<Vec<String>> {
    Ok(sentences(&usage::condense(place(&DepotPath::new(depot), None), now(), LOCK_TIMEOUT)?))
}
