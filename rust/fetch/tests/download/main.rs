//! Downloads from a server on this machine that misbehaves.

#![expect(clippy::unwrap_used, reason = "a failed setup ends the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

mod cancelling;
mod lab;
mod network;
mod pkg_server;
mod resuming;
mod security;
mod transfers;
