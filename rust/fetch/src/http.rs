//! One request and its response, without redirections.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use scratchrs_fs::{Progress, system_message};
use ureq::http::Response;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, RustlsConnector};
use ureq::{Agent, Body, ProxyProtocol};

use crate::connect::Peer;
use crate::error::Reason;
use crate::netrc::Netrc;
use crate::proxy::{Protocol, Proxy, Route};
use crate::server::{Header, Server};
use crate::settings::Settings;
use crate::transport::{self, CancellableConnector, NoResolver};
use crate::url::{Login, Url, basic_authorization};

pub(crate) const AUTHORIZATION: &str = "Authorization";

const USER_AGENT: &str = concat!("scratchrs/", env!("CARGO_PKG_VERSION"));

/// Sends requests with the same settings, and reuses connections.
#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) settings: Settings,
    pub(crate) progress: Progress,
    started: Instant,
    /// One for each route and each security of a connection.
    agents: Mutex<HashMap<(Route, Security), Agent>>,
    /// Read when the first connection needs them.
    roots: OnceLock<Result<RootCerts, Reason>>,
    /// Read for the first URL without a login.
    netrc: OnceLock<Netrc>,
    notes: Mutex<Vec<String>>,
}

/// How secure a connection is, from the weakest to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Security {
    /// Without TLS.
    Plain,
    /// With TLS; certificates are not verified, because the user turned that off.
    Unverified,
    /// With TLS and verified certificates.
    Verified,
}

impl Http {
    pub(crate) fn new(settings: &Settings, progress: &Progress) -> Self {
        Self {
            settings: settings.clone(),
            progress: progress.clone(),
            started: Instant::now(),
            agents: Mutex::default(),
            roots: OnceLock::new(),
            netrc: OnceLock::new(),
            notes: Mutex::default(),
        }
    }

    /// Problems that did not stop any download, one sentence each: that a token could not be
    /// renewed, for example.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds a note, unless it was added before.
    pub(crate) fn note(&self, note: String) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.settings.now + self.started.elapsed()
    }

    /// The Pkg server, if `url` is one of its URLs.
    pub(crate) fn server_of(&self, url: &Url) -> Option<&Server> {
        self.settings.server.as_ref().filter(|server| server.contains(url.as_str()))
    }

    /// Requests `url` without following redirections. A header `Authorization` replaces `login`.
    pub(crate) fn get<'a>(
        &self,
        url: &Url,
        headers: impl Iterator<Item = &'a Header>,
        login: Option<Login>,
    ) -> Result<Response<Body>, Reason> {
        let scheme = url.scheme();
        if !matches!(scheme.as_str(), "http" | "https") {
            return Err(Reason::Scheme(scheme));
        }
        let mut request = self.agent(url)?.get(url.without_login());
        let mut has_login = false;
        for (name, value) in headers {
            has_login |= name == AUTHORIZATION;
            request = request.header(name, value);
        }
        if let Some(login) = login.filter(|_| !has_login) {
            request = request.header(AUTHORIZATION, basic_authorization(&login));
        }
        transport::content_received();
        request.call().map_err(|error| self.reason(error))
    }

    /// The login in a URL, else the one in the `.netrc` for its host.
    pub(crate) fn login(&self, url: &Url) -> Option<Login> {
        let read = || self.settings.netrc.as_deref().map(Netrc::read).unwrap_or_default();
        url.login().or_else(|| self.netrc.get_or_init(read).login(url.host()))
    }

    /// The reason for an error of ureq.
    pub(crate) fn reason(&self, error: impl Into<ureq::Error>) -> Reason {
        reason(error.into(), self.settings.timeouts.stall)
    }

    /// The security of a connection to the host of `url`.
    pub(crate) fn security(&self, url: &Url) -> Security {
        match url.scheme().as_str() {
            "https" if self.settings.verified_hosts.contains(url.host()) => Security::Verified,
            "https" => Security::Unverified,
            _ => Security::Plain,
        }
    }

    fn agent(&self, url: &Url) -> Result<Agent, Reason> {
        let route = self.settings.proxies.route(url)?;
        let security = self.security(url);
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        match agents.entry((route.clone(), security)) {
            Entry::Occupied(agent) => Ok(agent.get().clone()),
            Entry::Vacant(entry) => Ok(entry.insert(self.make_agent(route, security)?).clone()),
        }
    }

    fn make_agent(&self, route: Route, security: Security) -> Result<Agent, Reason> {
        let (peer, proxy) = match route {
            Route::Direct => (Peer::Server, None),
            Route::Forward(proxy) => (Peer::ForwardProxy(proxy), None),
            Route::Tunnel(proxy) if matches!(proxy.protocol, Protocol::Socks { .. }) => {
                (Peer::SocksProxy(proxy), None)
            }
            Route::Tunnel(proxy) => (Peer::Server, Some(ureq_proxy(&proxy)?)),
        };
        let tls = match security {
            Security::Plain => TlsConfig::builder(),
            Security::Verified => TlsConfig::builder().root_certs(self.roots()?),
            Security::Unverified => TlsConfig::builder().disable_verification(true),
        };
        let concurrent = self.settings.concurrent_downloads.get();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(USER_AGENT)
            .max_idle_connections(concurrent)
            .max_idle_connections_per_host(concurrent)
            .proxy(proxy)
            .tls_config(tls.build())
            .build();
        let timeouts = self.settings.timeouts.clone();
        let connector =
            ().chain(ConnectProxyConnector::default())
                .chain(CancellableConnector { peer, timeouts, progress: self.progress.clone() })
                .chain(RustlsConnector::default());
        Ok(Agent::with_parts(config, connector, NoResolver))
    }

    fn roots(&self) -> Result<RootCerts, Reason> {
        self.roots.get_or_init(|| self.settings.roots.read()).clone()
    }
}

fn ureq_proxy(proxy: &Proxy) -> Result<ureq::Proxy, Reason> {
    let protocol = match proxy.protocol {
        Protocol::Https => ProxyProtocol::Https,
        Protocol::Http | Protocol::Socks { .. } => ProxyProtocol::Http,
    };
    let host = &proxy.host;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let mut builder = ureq::Proxy::builder(protocol).host(&host).port(proxy.port);
    if let Some((user, password)) = &proxy.credentials {
        builder = builder.username(user).password(password);
    }
    builder.build().map_err(|error| Reason::Proxy(error.to_string()))
}

fn io_reason(error: io::Error, stall: Duration) -> Reason {
    let inner = error.get_ref();
    if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return tls_reason(error);
    }
    if inner.is_some_and(|inner| inner.is::<ureq::Error>()) {
        return reason(ureq::Error::from(error), stall);
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Reason::ConnectionBroken("closed too early".to_owned()),
        _ => Reason::ConnectionBroken(system_message(&error)),
    }
}

fn tls_reason(error: &rustls::Error) -> Reason {
    match error {
        rustls::Error::InvalidCertificate(error) => Reason::Untrusted(error.to_string()),
        other => Reason::ConnectionBroken(other.to_string()),
    }
}

fn reason(error: ureq::Error, stall: Duration) -> Reason {
    match error {
        ureq::Error::Other(error) => match error.downcast::<Reason>() {
            Ok(reason) => *reason,
            Err(error) => Reason::ConnectionBroken(error.to_string()),
        },
        ureq::Error::Timeout(_) => Reason::Stalled(stall),
        ureq::Error::Rustls(error) => tls_reason(&error),
        ureq::Error::Io(error) => io_reason(error, stall),
        ureq::Error::ConnectProxyFailed(message) => Reason::Proxy(message),
        ureq::Error::InvalidProxyUrl => Reason::Proxy("its URL is invalid".to_owned()),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => Reason::InvalidUrl,
        other => Reason::Protocol(other.to_string()),
    }
}
