//! The locks of a depot, and for how long each is believed: one table for all.
//!
//! Pkg breaks a lock by its own numbers, whatever ours are. So a lock that Pkg takes too has Pkg's
//! `stale_age` here, and a holder that may need longer than that refreshes it.

use std::time::Duration;

use scratchrs_fs::Policy;

/// `logs/<log>.pid`, held for as long as it takes to append a record or to rewrite the log. Pkg believes
/// it for 15 s (`Types.jl: write_env_usage`).
pub(crate) const LOG: Policy = Policy::brief(Duration::from_secs(3));

/// The same lock where it is held over other work: in a sweep, and while a file is bound.
pub(crate) const LOG_HELD: Policy = Policy::refreshed(Duration::from_secs(3));

/// `<file that binds artifacts>.pid`, which only ScratchRS takes.
pub(crate) const BINDING_FILE: Policy = Policy::unrefreshed(Duration::from_secs(3));

/// `artifacts/<hash>.pid`, held while an artifact is installed. Pkg takes it since Julia 1.13
/// (`Artifacts.jl: download_artifact`), and believes it for 100 s.
pub(crate) const ARTIFACT: Policy = Policy::refreshed(Duration::from_secs(20));

/// `packages/<name>/<slug>.pid`, held while a sweep renames the package. Pkg takes it to install one
/// (`Operations.jl`), and believes it for 50 s.
pub(crate) const PACKAGE: Policy = Policy::brief(Duration::from_secs(10));

/// `artifacts/@building-….pid`, held as long as the directory of a creation is there.
pub(crate) const CREATION: Policy = Policy::refreshed(Duration::from_secs(20));

/// `<key>@generating.pid`, held from the beginning of a generation to its end.
pub(crate) const GENERATION: Policy = Policy::refreshed(Duration::from_secs(10));

/// The lock of a store, held while something is decided or written, never while something is made.
pub(crate) const STORE: Policy = Policy::unrefreshed(Duration::from_secs(10));

/// `store/work/<process>-<n>.pid`, held as long as a process has a session in a store. Where there is no
/// `flock`, a process of another machine is taken for dead after a day.
pub(crate) const SESSION: Policy = Policy::unrefreshed(Duration::from_secs(3600));
