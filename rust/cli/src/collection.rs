//! Options of the commands about whole depots.

use std::time::Duration;

use scratchrs_core::gc::{Moment, Options};
use scratchrs_model::collection::Policy;
use scratchrs_model::quantity;

use crate::failure::Result;
use crate::session::Session;

/// How long a command waits for the lock of a usage log.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// The default grace period, as in Pkg.
pub(crate) const COLLECT_DELAY: &str = "7d";

/// Roots that are ignored.
#[derive(clap::Args)]
pub(crate) struct IgnoredRoots {
    /// Treat a manifest, Artifacts.toml file, project or usage log as missing, such as an unreadable
    /// one; may be repeated
    #[arg(long = "ignore-root", value_name = "PATH")]
    pub(crate) paths: Vec<String>,
}

/// The options of a dry run of a collection.
pub(crate) fn dry_run(session: &Session, ignore_roots: &[String]) -> Result<Options> {
    let collect_delay = quantity::duration(COLLECT_DELAY).unwrap_or_default();
    Ok(Options {
        depots: session.depots()?,
        policy: Policy { collect_delay, scratch_cleanup_period: None },
        all_depots: false,
        max_size: None,
        evict_in_use: false,
        dry_run: true,
        lock_timeout: LOCK_TIMEOUT,
        ignore_roots: ignore_roots.to_vec(),
    })
}

/// The time of the session.
pub(crate) fn moment(session: &Session) -> Moment {
    Moment { now: session.environment.now, clock: session.environment.clock }
}
