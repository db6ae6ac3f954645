//! The rules of a Julia depot as functions over values, without disk, clock and environment.
//!
//! The keys of spaces, the layout of a depot, the formats of the files that Pkg and ScratchRS
//! share. `scratchrs-fs` has the effects; `scratchrs-core` uses both.

mod absolute;
pub mod aliases;
pub mod artifacts_toml;
pub mod clone_name;
pub mod collection;
pub mod depot_path;
pub mod depots;
pub mod diagnostic;
pub mod extension;
pub mod generation;
pub mod hash;
pub mod key;
pub mod layout;
pub mod manifest;
pub mod orphans;
pub mod overrides;
pub mod platform;
pub mod project;
pub mod quantity;
pub mod root;
pub mod slug;
pub mod store;
pub mod time;
mod toml_events;
mod toml_sections;
pub mod toml_text;
pub mod usage_log;
pub mod windows_name;

pub use toml_events::syntax_error;
