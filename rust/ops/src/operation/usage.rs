//! Usage logs.

use scratchrs_core::Result;
use scratchrs_core::usage::{self, SpaceUsage};
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
    let depot = DepotPath::new(depot);
    let usage = SpaceUsage { space, project };
    Ok(usage::track(place(&depot, None), usage, now(), LOCK_TIMEOUT)?.into())
}

/// See [`usage::condense`].
///
/// # Errors
///
/// As there.
pub fn condense_usage(depot: &str) -> Result<Vec<String>> {
    Ok(sentences(&usage::condense(place(&DepotPath::new(depot), None), now(), LOCK_TIMEOUT)?))
}
