//! Collection of depots.

use std::time::Duration;

use chrono::TimeDelta;
use scratchrs_core::Result;
use scratchrs_core::gc::{self, Explained, Moment, Options, Report, Status};
use scratchrs_fs::Progress;
use scratchrs_model::collection::Policy;
use scratchrs_model::depot_path::DepotPath;
use scratchrs_model::quantity;

use super::now;

/// For how long a collection waits for the lock of a log.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

fn options(depots: &[&str], ignore_roots: &[&str]) -> Options {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Options {
        depots: depots.iter().copied().map(DepotPath::new).collect(),
        policy: Policy { collect_delay: TimeDelta::days(7), scratch_cleanup_period: None },
        all_depots: false,
        max_size: None,
        evict_in_use: false,
        dry_run: true,
        lock_timeout: LOCK_TIMEOUT,
        ignore_roots: texts(ignore_roots),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the edge where the clock is read")]
fn moment() -> Moment {
    Moment { now: now(), clock: std::time::SystemTime::now() }
}

/// See [`gc::collect`].
///
/// # Errors
///
/// As there, or if a duration or the size is invalid.
#[expect(clippy::too_many_arguments, reason = "an operation takes all options one by one")]
pub fn collect_depots(
    depots: Vec<&str>,
    delay: &str,
    period: Option<&str>,
    max_size: Option<&str>,
    all_depots: bool,
    evict_in_use: bool,
    is_dry_run: bool,
    ignore_roots: Vec<&str>,
    progress: &Progress,
) -> Result<Report> {
    let options = Options {
        policy: Policy {
            collect_delay: quantity::duration(delay)?,
            scratch_cleanup_period: period.map(quantity::duration).transpose()?,
        },
        max_size: max_size.map(quantity::size).transpose()?,
        all_depots,
        evict_in_use,
        dry_run: is_dry_run,
        ..options(&depots, &ignore_roots)
    };
    gc::collect(&options, moment(), progress)
}

/// See [`gc::status`].
///
/// # Errors
///
/// As there.
pub fn depot_status(
    depots: Vec<&str>,
    all_depots: bool,
    ignore_roots: Vec<&str>,
    progress: &Progress,
) -> Result<Status> {
    let options = Options { all_depots, ..options(&depots, &ignore_roots) };
    gc::status(&options, moment(), progress)
}

/// See [`gc::why`].
///
/// # Errors
///
/// As there.
pub fn explain_item(
    depots: Vec<&str>,
    query: &str,
    ignore_roots: Vec<&str>,
    progress: &Progress,
) -> Result<Explained> {
    let options = options(&depots, &ignore_roots);
    gc::why(query, &options, moment(), progress)
}
