//! The capabilities of ScratchRS: the rules of `scratchrs-model` applied to a real depot through
//! `scratchrs-fs`.
//!
//! Nothing here reads the environment or the clock, or prints: callers pass in what the world
//! looks like and get values and errors back.

pub mod artifact;
pub mod debug_log;
pub mod document;
mod error;
mod failure;
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
pub use place::Place;
