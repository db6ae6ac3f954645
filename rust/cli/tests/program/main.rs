//! The built program, run as a user runs it: whole outputs, exit codes, and what it leaves on
//! the disk.

#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]
#![expect(clippy::unwrap_used, reason = "what cannot be set up ends the test")]

mod arguments;
mod artifact;
mod artifact_install;
mod bad_depots;
mod choice;
mod depots;
mod gc;
// Next to git, tar and sha256sum.
#[cfg(unix)]
mod hash;
mod jll;
mod lab;
mod list;
mod machine;
mod path;
mod projects;
mod removal;
mod report;
#[cfg(unix)]
mod special;
mod store;
#[cfg(unix)]
mod terminal;
