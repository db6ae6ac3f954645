//! The audit of what a compiler built, and the packages that are made of it.

#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]
#![expect(clippy::unwrap_used, reason = "what cannot be set up ends the test")]

mod audit;
mod build;
mod workshop;
