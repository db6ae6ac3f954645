//! Downloads as Pkg makes them: from a Pkg server and from URLs, over whatever network there is.
//!
//! [`Settings`] say how, as the environment variables of Julia, Pkg and libcurl set it. A
//! [`Client`] downloads with them into files that it is given; it knows no depot, and what a file
//! means is the caller's to know.
//!
//! A download goes on after a broken transfer, and where an earlier process left off; is tried
//! again where that may help; is hashed while it comes; can be cancelled at any moment, also
//! while nothing comes; and reports each byte to a [`scratchrs_fs::Progress`].

mod auth;
mod certificates;
mod client;
mod connection;
mod download;
mod error;
mod netrc;
mod proxy;
mod resume;
mod server;
mod settings;
mod url;
mod verify;

pub use client::Client;
pub use download::{Downloaded, Request};
pub use error::{Error, Failure, LimitSource, Reason, Result};
pub use resume::discard;
pub use server::Server;
pub use settings::{JuliaSession, Patience, Settings};
pub use url::{Url, file_url};
