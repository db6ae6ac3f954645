//! Results as text for people: the program prints it, and Julia's `show` prints it.
//!
//! One module for each capability, with a function for each result. Nothing here computes a result.

pub mod artifact;
mod context;
mod diagnostics;
pub mod gc;
pub mod human;
mod meter;
pub mod scratch;
pub mod store;
mod style;
mod table;
mod text;

pub use context::Context;
pub use diagnostics::usage_log;
pub use meter::Meter;
pub use style::{done, error, hint};
pub use text::{Note, Text, plain};
