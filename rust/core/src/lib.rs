//! The operations on a depot: the rules of `scratchrs-model`, with the effects of `scratchrs-fs`,
//! `scratchrs-archive` and `scratchrs-fetch`.
//!
//! This crate neither prints nor reads the environment or the clock: callers pass settings and
//! times, and get values and errors.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests prepare files themselves"))]

pub mod artifact;
pub mod debug_log;
pub mod document;
mod error;
mod failure;
mod front_end;
pub mod gc;
pub mod generation;
mod locks;
mod place;
pub mod project;
pub mod scratch;
pub mod store;
pub mod tarball;
mod time;
pub mod usage;

pub use error::{Error, ErrorCode, Result};
pub use failure::Failure;
pub use front_end::FrontEnd;
pub use place::{IfMissing, Place, check_depot};
