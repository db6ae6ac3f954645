//! How to download, as the environment sets it.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::certificates::Roots;
use crate::netrc;
use crate::proxy::Proxies;
use crate::server::Server;
use crate::verify::VerifiedHosts;

/// How to download.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The Pkg server, unless there is none.
    pub server: Option<Server>,
    /// The directory `servers` of the user's depot, in which there may be tokens for servers.
    pub servers_directory: Option<PathBuf>,
    /// The Julia that runs, of which a Pkg server is told.
    pub julia: Option<JuliaSession>,
    /// JULIA_PKG_IGNORE_HASHES: whether a tree that has another hash than its name is accepted.
    /// None where that is not said.
    pub ignores_hashes: Option<bool>,
    /// JULIA_PKG_CONCURRENT_DOWNLOADS: how many downloads there are at a time.
    pub concurrent_downloads: NonZeroUsize,
    /// How long to wait for what.
    pub patience: Patience,
    /// The time, to tell whether a token is still good.
    pub now: SystemTime,
    /// What in the environment nobody understands, and is not heeded: a sentence each.
    pub complaints: Vec<String>,
    /// The file with logins for hosts.
    pub(crate) netrc: Option<PathBuf>,
    pub(crate) proxies: Proxies,
    pub(crate) roots: Roots,
    pub(crate) verified_hosts: VerifiedHosts,
}

/// What a Pkg server is told of the Julia that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JuliaSession {
    /// Its version, as `1.10.8`.
    pub version: String,
    /// The triplet of the platform that it runs on.
    pub system: String,
    /// Whether a person is at it.
    pub is_interactive: bool,
}

/// How long to wait for what. The numbers for connections are those of Julia's Downloads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For how long a connection may take to come about.
    pub connect: Duration,
    /// For how long nothing may come.
    pub stall: Duration,
    /// The pauses before a failed transfer is tried again, which are also as many as there are
    /// tries after the first. A try that brought something counts as a first one.
    pub retries: Vec<Duration>,
    /// For how long to wait at most where a server asks to wait.
    pub longest_wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            stall: Duration::from_secs(20),
            retries: [500, 1000, 2000, 4000].map(Duration::from_millis).into(),
            longest_wait: Duration::from_secs(60),
        }
    }
}

const CONCURRENT_DOWNLOADS: NonZeroUsize = NonZeroUsize::new(8).expect("8 is not 0");

impl Settings {
    /// The settings that environment `variables` make. What is no Unicode is nobody's setting.
    ///
    /// The variables are those of Pkg (JULIA_PKG_SERVER, JULIA_PKG_SERVER_…,
    /// JULIA_PKG_IGNORE_HASHES, JULIA_PKG_CONCURRENT_DOWNLOADS), of Julia's NetworkOptions
    /// (JULIA_SSL_CA_ROOTS_PATH, SSL_CERT_FILE, SSL_CERT_DIR, JULIA_ALWAYS_VERIFY_HOSTS,
    /// JULIA_NO_VERIFY_HOSTS, JULIA_SSL_NO_VERIFY_HOSTS), of libcurl (http_proxy, https_proxy,
    /// HTTPS_PROXY, all_proxy, ALL_PROXY, no_proxy, NO_PROXY; NETRC, HOME), and those that tell a machine
    /// of continuous integration.
    pub fn new<K, V>(variables: impl IntoIterator<Item = (K, V)>, now: SystemTime) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let unicode = |(name, value): (K, V)| {
            Some((name.into().into_string().ok()?, value.into().into_string().ok()?))
        };
        let variables = Variables::new(variables.into_iter().filter_map(unicode).collect());
        let mut complaints = Vec::new();
        Self {
            server: Server::new(&variables, &mut complaints),
            servers_directory: None,
            julia: None,
            ignores_hashes: ignores_hashes(&variables, &mut complaints),
            concurrent_downloads: concurrent_downloads(&variables, &mut complaints),
            patience: Patience::default(),
            now,
            netrc: netrc::path(&variables),
            proxies: Proxies::new(&variables),
            roots: Roots::new(&variables),
            verified_hosts: VerifiedHosts::new(&variables, &mut complaints),
            complaints,
        }
    }
}

/// Environment variables.
pub(crate) struct Variables(Vec<(String, String)>);

impl Variables {
    pub(crate) fn new(variables: Vec<(String, String)>) -> Self {
        Self(variables)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The value of the first that is set and not empty.
    pub(crate) fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().filter_map(|name| self.get(name)).find(|value| !value.is_empty())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn ignores_hashes(variables: &Variables, complaints: &mut Vec<String>) -> Option<bool> {
    const NAME: &str = "JULIA_PKG_IGNORE_HASHES";
    let value = variables.first(&[NAME])?;
    // As `Base.get_bool_env` reads it.
    match value {
        "t" | "T" | "true" | "True" | "TRUE" | "y" | "Y" | "yes" | "Yes" | "YES" | "1" => {
            Some(true)
        }
        "f" | "F" | "false" | "False" | "FALSE" | "n" | "N" | "no" | "No" | "NO" | "0" => {
            Some(false)
        }
        _ => {
            complaints.push(format!("{NAME} is neither true nor false, and not heeded: {value}"));
            Some(false)
        }
    }
}

fn concurrent_downloads(variables: &Variables, complaints: &mut Vec<String>) -> NonZeroUsize {
    const NAME: &str = "JULIA_PKG_CONCURRENT_DOWNLOADS";
    let Some(value) = variables.get(NAME) else { return CONCURRENT_DOWNLOADS };
    value.trim().parse().unwrap_or_else(|_| {
        complaints.push(format!("{NAME} is no number above zero, and not heeded: {value}"));
        CONCURRENT_DOWNLOADS
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        Settings::new(variables.iter().copied(), SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn an_empty_environment_has_pkgs_defaults() {
        let settings = settings(&[]);
        let server = settings.server.expect("there is one");
        assert_eq!(server.url(), "https://pkg.julialang.org");
        assert_eq!(settings.concurrent_downloads.get(), 8);
        assert_eq!(settings.ignores_hashes, None);
        assert_eq!(settings.complaints, [""; 0]);
    }

    #[test]
    fn numbers_and_truths_are_read_as_julia_reads_them() {
        let ignores = |value| {
            let settings = settings(&[("JULIA_PKG_IGNORE_HASHES", value)]);
            (settings.ignores_hashes, settings.complaints.len())
        };
        assert_eq!(ignores("Yes"), (Some(true), 0));
        assert_eq!(ignores("0"), (Some(false), 0));
        assert_eq!(ignores(""), (None, 0));
        assert_eq!(ignores("yEs"), (Some(false), 1));
        let downloads = |value| {
            let settings = settings(&[("JULIA_PKG_CONCURRENT_DOWNLOADS", value)]);
            (settings.concurrent_downloads.get(), settings.complaints.len())
        };
        assert_eq!(downloads(" 3 "), (3, 0));
        assert_eq!(downloads("0"), (8, 1));
        assert_eq!(downloads("many"), (8, 1));
    }
}
