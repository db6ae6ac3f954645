//! The settings of downloads, from environment variables.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::certificates::{Roots, VerifiedHosts};
use crate::netrc;
use crate::proxy::Proxies;
use crate::server::{JuliaSession, Server};
use crate::variables::Variables;

/// The settings of downloads.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The Pkg server; `None` if it is turned off.
    pub server: Option<Server>,
    /// The directory `servers` of the user's depot, which may hold tokens for servers.
    pub servers_directory: Option<PathBuf>,
    /// The running Julia, to describe to a Pkg server.
    pub julia: Option<JuliaSession>,
    /// JULIA_PKG_IGNORE_HASHES: whether a tree with another hash than its name is accepted. `None`
    /// if not set.
    pub ignores_hashes: Option<bool>,
    /// JULIA_PKG_CONCURRENT_DOWNLOADS: the number of concurrent downloads.
    pub concurrent_downloads: NonZeroUsize,
    /// Time-outs and retries.
    pub timeouts: Timeouts,
    /// The current time, to decide whether a token has expired.
    pub now: SystemTime,
    /// Invalid environment variables, which are ignored: one message each.
    pub warnings: Vec<String>,
    /// The file with logins for hosts.
    pub(crate) netrc: Option<PathBuf>,
    pub(crate) proxies: Proxies,
    pub(crate) roots: Roots,
    pub(crate) verified_hosts: VerifiedHosts,
}

/// Time-outs and retries. The defaults for connections are those of Julia's Downloads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// The longest time for opening a connection.
    pub connect: Duration,
    /// The longest time without received bytes.
    pub stall: Duration,
    /// The pause before each retry. An attempt that received bytes starts the list again.
    pub retries: Vec<Duration>,
    /// The longest wait that a server may ask for.
    pub max_wait: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            stall: Duration::from_secs(20),
            retries: [500, 1000, 2000, 4000].map(Duration::from_millis).into(),
            max_wait: Duration::from_secs(60),
        }
    }
}

const CONCURRENT_DOWNLOADS: NonZeroUsize = NonZeroUsize::new(8).expect("8 is not 0");

impl Settings {
    /// Reads the settings from environment `variables`. Those that are not Unicode are ignored.
    ///
    /// The variables are those of Pkg (JULIA_PKG_SERVER, JULIA_PKG_SERVER_…,
    /// JULIA_PKG_IGNORE_HASHES, JULIA_PKG_CONCURRENT_DOWNLOADS), of Julia's NetworkOptions
    /// (JULIA_SSL_CA_ROOTS_PATH, SSL_CERT_FILE, SSL_CERT_DIR, JULIA_ALWAYS_VERIFY_HOSTS,
    /// JULIA_NO_VERIFY_HOSTS, JULIA_SSL_NO_VERIFY_HOSTS), of libcurl (http_proxy, https_proxy,
    /// HTTPS_PROXY, all_proxy, ALL_PROXY, no_proxy, NO_PROXY; NETRC, HOME), and those that indicate
    /// continuous integration.
    pub fn new<K, V>(variables: impl IntoIterator<Item = (K, V)>, now: SystemTime) -> Self
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let unicode = |(name, value): (K, V)| {
            Some((name.into().into_string().ok()?, value.into().into_string().ok()?))
        };
        let variables = Variables::new(variables.into_iter().filter_map(unicode).collect());
        let mut warnings = Vec::new();
        Self {
            server: Server::new(&variables, &mut warnings),
            servers_directory: None,
            julia: None,
            ignores_hashes: ignores_hashes(&variables, &mut warnings),
            concurrent_downloads: concurrent_downloads(&variables, &mut warnings),
            timeouts: Timeouts::default(),
            now,
            netrc: netrc::path(&variables),
            proxies: Proxies::new(&variables),
            roots: Roots::new(&variables),
            verified_hosts: VerifiedHosts::new(&variables, &mut warnings),
            warnings,
        }
    }
}

fn ignores_hashes(variables: &Variables, warnings: &mut Vec<String>) -> Option<bool> {
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
            warnings.push(format!("{NAME}={value} is taken as false: expected true or false"));
            Some(false)
        }
    }
}

fn concurrent_downloads(variables: &Variables, warnings: &mut Vec<String>) -> NonZeroUsize {
    const NAME: &str = "JULIA_PKG_CONCURRENT_DOWNLOADS";
    let Some(value) = variables.get(NAME) else { return CONCURRENT_DOWNLOADS };
    value.trim().parse().unwrap_or_else(|_| {
        warnings.push(format!("ignoring {NAME}={value}: expected a positive number"));
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
    fn an_empty_environment_gives_the_defaults_of_pkg() {
        let settings = settings(&[]);
        let server = settings.server.expect("a default server");
        assert_eq!(server.url(), "https://pkg.julialang.org");
        assert_eq!(settings.concurrent_downloads.get(), 8);
        assert_eq!(settings.ignores_hashes, None);
        assert_eq!(settings.warnings, [""; 0]);
    }

    #[test]
    fn numbers_and_booleans_are_read_as_by_julia() {
        let ignores = |value| {
            let settings = settings(&[("JULIA_PKG_IGNORE_HASHES", value)]);
            (settings.ignores_hashes, settings.warnings.len())
        };
        assert_eq!(ignores("Yes"), (Some(true), 0));
        assert_eq!(ignores("0"), (Some(false), 0));
        assert_eq!(ignores(""), (None, 0));
        assert_eq!(ignores("yEs"), (Some(false), 1));
        let downloads = |value| {
            let settings = settings(&[("JULIA_PKG_CONCURRENT_DOWNLOADS", value)]);
            (settings.concurrent_downloads.get(), settings.warnings.len())
        };
        assert_eq!(downloads(" 3 "), (3, 0));
        assert_eq!(downloads("0"), (8, 1));
        assert_eq!(downloads("many"), (8, 1));
    }
}
