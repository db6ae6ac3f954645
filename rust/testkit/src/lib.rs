//! Depots, processes and faults for tests. Nothing of this is in a product.
//!
//! A [`DepotLab`] is a depot of a test's own. The program `scratchrs-worker` of this crate does on
//! it, in a process of its own, what Julia would ask for; [`strace`] kills that process at a
//! chosen system call, or lets the call fail.
//!
//! What cannot be set up ends the test, by a panic.

#[cfg(target_os = "linux")]
mod disk;
mod filling;
mod fuzz;
mod julias;
mod lab;
#[cfg(unix)]
mod served;
pub mod server;
mod skips;
#[cfg(target_os = "linux")]
pub mod strace;
mod worker;

#[cfg(target_os = "linux")]
pub use disk::{Disk, FileSystem};
pub use filling::fill;
pub use fuzz::{Random, fuzz};
pub use julias::julias;
pub use lab::{DepotLab, OWNER, projects_by_space};
#[cfg(unix)]
pub use served::ServedArtifact;
pub use skips::{inapplicable, skip};
pub use worker::{Running, Worker};

/// Says something on the terminal, past the test harness, which keeps what tests print.
pub fn report(what: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{what}");
}
