//! Downloads as Pkg makes them: from a Pkg server and from URLs, through proxies where they are
//! set.
//!
//! [`Settings`] are read from the environment variables of Julia, Pkg and libcurl. A [`Client`]
//! downloads with them into files that the caller names. This crate does not depend on depots or
//! on the content of the files.
//!
//! A download resumes after a broken transfer, also one of an earlier process; is retried after
//! transient failures; is hashed while it is received; can be cancelled at any time, also while no
//! bytes arrive; and reports every byte to a [`scratchrs_fs::Progress`].
//!
//! Each module uses only those above it:
//!
//! | module | contents |
//! |---|---|
//! | `error` | why a download failed |
//! | `file_url`, `url`, `variables` | local paths as URLs; URLs and logins; environment variables |
//! | `certificates`, `netrc`, `proxy`, `server` | one group of settings each |
//! | `settings` | all settings |
//! | `connect`, `transport` | TCP connections; sending and receiving on them, cancellable |
//! | `http` | one request and its response |
//! | `auth`, `client` | tokens of Pkg servers; requests with redirections |
//! | `resume`, `progress`, `download` | a file from one or several requests |

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests prepare files themselves"))]

mod auth;
mod certificates;
mod client;
mod connect;
mod download;
mod error;
mod file_url;
mod http;
mod netrc;
mod progress;
mod proxy;
mod resume;
mod server;
mod settings;
mod transport;
mod url;
mod variables;

pub use client::Client;
pub use download::{Downloaded, Request};
pub use error::{Error, Failure, LimitSource, Reason, Result};
pub use file_url::file_url;
pub use resume::discard;
pub use server::{JuliaSession, Server};
pub use settings::{Settings, Timeouts};
