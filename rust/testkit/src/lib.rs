//! Depots, processes and faults for tests. No product contains this crate.
//!
//! A [`DepotLab`] is the depot of a test. The program `scratchrs-worker` of this crate performs the
//! operations of a Julia session on it, in a separate process; [`strace`] kills that process at a
//! chosen system call, or makes the call fail.
//!
//! A failed setup panics, and so fails the test.

#![expect(clippy::disallowed_methods, reason = "a tool for development, not a part of ScratchRS")]

#[cfg(target_os = "linux")]
mod disk;
mod elf;
mod files;
mod filling;
mod fuzz;
mod julias;
mod lab;
#[cfg(target_os = "linux")]
mod memory;
mod served;
pub mod server;
mod skips;
#[cfg(target_os = "linux")]
pub mod strace;
mod worker;

#[cfg(target_os = "linux")]
pub use disk::{Disk, FileSystem};
pub use elf::elf;
pub use files::{FOO, in_quotes, native, set_mode, symlink};
pub use filling::fill;
pub use fuzz::{Random, fuzz};
pub use julias::julias;
pub use lab::{DepotLab, OWNER, projects_by_space};
#[cfg(target_os = "linux")]
pub use memory::{peak_of, print_peak};
pub use served::ServedArtifact;
pub use skips::{inapplicable, skip};
pub use worker::{Running, Worker};

/// Prints a message to the terminal, past the test harness, which captures the output of tests.
pub fn report(what: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{what}");
}
