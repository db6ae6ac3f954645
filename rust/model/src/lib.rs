//! The rules of a Julia depot, as functions over values: no disk, no clock, no environment.
//!
//! What a space may be called, where things lie, how the files that Pkg shares with us read.
//! Effects live in `scratchrs-fs`; `scratchrs-core` puts both together.

pub mod depots;
pub mod generation;
pub mod hash;
pub mod key;
pub mod layout;
pub mod project;
pub mod time;
pub mod toml_text;
pub mod usage_log;
