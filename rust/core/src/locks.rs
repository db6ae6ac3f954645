//! The locks of a depot, and when each becomes stale.
//!
//! Pkg breaks a lock according to its own `stale_age`. So a lock that Pkg takes, too, has that
//! `stale_age` here, and a holder that may need more time refreshes it.

use std::time::Duration;

use scratchrs_fs::Policy;

/// `logs/<log>.pid`, held while a record is appended or the log is rewritten. For Pkg, it is stale
/// after 15 s (`Types.jl: write_env_usage`).
pub(crate) const LOG: Policy = Policy::brief(Duration::from_secs(3));

/// The same lock, held during longer work: the renames of a collection, and the binding of a file.
pub(crate) const LOG_HELD: Policy = Policy::refreshed(Duration::from_secs(3));

/// `<file>.pid` beside a file of bindings. Only ScratchRS takes it.
pub(crate) const BINDING_FILE: Policy = Policy::unrefreshed(Duration::from_secs(3));

/// `artifacts/<hash>.pid`, held while an artifact is installed. Pkg takes it since Julia 1.13
/// (`Artifacts.jl: download_artifact`); for Pkg, it is stale after 100 s.
pub(crate) const ARTIFACT: Policy = Policy::refreshed(Duration::from_secs(20));

/// `packages/<name>/<slug>.pid`, held while a collection renames the package. Pkg takes it to
/// install a package (`Operations.jl`); for Pkg, it is stale after 50 s.
pub(crate) const PACKAGE: Policy = Policy::brief(Duration::from_secs(10));

/// `artifacts/@building-….pid`, held while the directory of a creation exists.
pub(crate) const CREATION: Policy = Policy::refreshed(Duration::from_secs(20));

/// `<key>@generating.pid`, held from the beginning of a generation to its end.
pub(crate) const GENERATION: Policy = Policy::refreshed(Duration::from_secs(10));

/// The lock of a store, held while names or logs are read and written, never while contents are
/// created.
pub(crate) const STORE: Policy = Policy::unrefreshed(Duration::from_secs(10));

/// `store/work/<process>-<n>.pid`, held while a process has a session in a store. Without `flock`,
/// a process of another machine counts as dead after a day.
pub(crate) const SESSION: Policy = Policy::unrefreshed(Duration::from_secs(3600));
