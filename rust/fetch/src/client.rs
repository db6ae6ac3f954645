//! Requests and their answers.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use scratchrs_fs::Progress;
use ureq::http::Response;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, RustlsConnector};
use ureq::{Agent, Body, ProxyProtocol};

use crate::connection::{self, CancellableConnector, NoResolver, Via, basic, words};
use crate::error::Reason;
use crate::netrc::{Login, Netrc};
use crate::proxy::{Protocol, Proxy, Route};
use crate::server::Header;
use crate::settings::Settings;
use crate::url::Url;

/// As many as Julia's downloads follow.
const MOST_REDIRECTS: usize = 50;

pub(crate) const AUTHORIZATION: &str = "Authorization";

const USER_AGENT: &str = concat!("scratchrs/", env!("CARGO_PKG_VERSION"));

/// Downloads with the same settings, for one piece of work, which is watched as a whole. Several
/// threads may download with one client, and use its connections in turn.
#[derive(Debug)]
pub struct Client {
    pub(crate) settings: Settings,
    pub(crate) progress: Progress,
    started: Instant,
    /// One for each way to take, and each kind of security on it.
    agents: Mutex<HashMap<(Route, Security), Agent>>,
    /// Read when the first connection needs them.
    roots: OnceLock<Result<RootCerts, Reason>>,
    /// Read when the first URL has no login.
    netrc: OnceLock<Netrc>,
    notes: Mutex<Vec<String>>,
}

/// How far a connection is trusted, from the weakest to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Security {
    /// Without TLS.
    Plain,
    /// With TLS, and certificates are not verified, because the user turned that off.
    Unverified,
    /// With TLS and verified certificates.
    Verified,
}

/// A server's answer.
pub(crate) struct Answer {
    pub(crate) response: Response<Body>,
    /// Where the last redirection led to, if there was one.
    pub(crate) redirected_to: Option<Url>,
}

/// A request without an answer that is worth anything.
pub(crate) struct Unanswered {
    pub(crate) reason: Reason,
    pub(crate) redirected_to: Option<Url>,
}

impl Client {
    /// A client that does as `settings` say, and reports to `progress`.
    pub fn new(settings: &Settings, progress: &Progress) -> Self {
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

    /// What came up that did not stop any download, as that a token could not be renewed: a
    /// sentence each.
    pub fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn note(&self, note: String) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.settings.now + self.started.elapsed()
    }

    /// Requests `url`, with `headers` added to those of every request, and follows redirections.
    ///
    /// Headers for the Pkg server are sent only to the Pkg server. A login is sent only over a connection
    /// that is at least as strong as each one before it: a redirection from `https` to `http` never
    /// gets the login that was meant for `https`.
    pub(crate) fn get(&self, url: &Url, headers: &[Header]) -> Result<Answer, Unanswered> {
        let mut redirected_to: Option<Url> = None;
        let mut strongest = Security::Plain;
        for _ in 0..=MOST_REDIRECTS {
            let next = redirected_to.as_ref().unwrap_or(url);
            let security = self.security(next);
            strongest = strongest.max(security);
            let login = if security == strongest { self.login(next) } else { None };
            let told = self.headers_for(next);
            let step = self.ask(next, headers.iter().chain(&told), login).and_then(|response| {
                let location = redirection(next, &response)?;
                Ok((response, location))
            });
            match step {
                Ok((_, Some(location))) => redirected_to = Some(location),
                Ok((response, None)) => return Ok(Answer { response, redirected_to }),
                Err(reason) => return Err(Unanswered { reason, redirected_to }),
            }
        }
        Err(Unanswered { reason: Reason::TooManyRedirects, redirected_to })
    }

    fn headers_for(&self, url: &Url) -> Vec<Header> {
        let server = self.settings.server.as_ref().filter(|server| server.has(url.as_str()));
        let Some(server) = server else { return Vec::new() };
        let mut headers = server.headers(self.settings.julia.as_ref());
        let token = self.access_token(server, url);
        headers.extend(token.map(|token| (AUTHORIZATION.to_owned(), format!("Bearer {token}"))));
        headers
    }

    /// Requests `url` without following redirections. A header `Authorization` replaces `login`.
    pub(crate) fn ask<'a>(
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
            request = request.header(AUTHORIZATION, basic(&login));
        }
        connection::content_received();
        request.call().map_err(|error| self.reason(error))
    }

    /// The login that a URL has, or a `.netrc` for its host.
    fn login(&self, url: &Url) -> Option<Login> {
        let read = || self.settings.netrc.as_deref().map(Netrc::read).unwrap_or_default();
        url.login().or_else(|| self.netrc.get_or_init(read).login(url.host()))
    }

    /// What an error of ureq means.
    pub(crate) fn reason(&self, error: impl Into<ureq::Error>) -> Reason {
        reason(error.into(), self.settings.patience.stall)
    }

    fn security(&self, url: &Url) -> Security {
        match url.scheme().as_str() {
            "https" if self.settings.verified_hosts.has(url.host()) => Security::Verified,
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
            Entry::Vacant(place) => Ok(place.insert(self.make_agent(route, security)?).clone()),
        }
    }

    fn make_agent(&self, route: Route, security: Security) -> Result<Agent, Reason> {
        let (via, proxy) = match route {
            Route::Direct => (Via::Nothing, None),
            Route::Forward(proxy) => (Via::Forward(proxy), None),
            Route::Tunnel(proxy) if matches!(proxy.protocol, Protocol::Socks { .. }) => {
                (Via::Socks(proxy), None)
            }
            Route::Tunnel(proxy) => (Via::Nothing, Some(ureq_proxy(&proxy)?)),
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
        let patience = self.settings.patience.clone();
        let connector =
            ().chain(ConnectProxyConnector::default())
                .chain(CancellableConnector { via, patience, progress: self.progress.clone() })
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

/// Where an answer sends who asked; None if it is an answer.
fn redirection(url: &Url, response: &Response<Body>) -> Result<Option<Url>, Reason> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get("location").map(|location| location.to_str());
    match location {
        Some(Ok(location)) => url
            .join(location)
            .map(Some)
            .map_err(|_| Reason::Redirect(format!("`{}` is no URL", crate::url::masked(location)))),
        _ => Err(Reason::Redirect("it says no place".to_owned())),
    }
}

/// What the server asks to wait, in seconds. A date is not heeded: clocks differ.
pub(crate) fn retry_after(response: &Response<Body>) -> Option<Duration> {
    let value = response.headers().get("retry-after")?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
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
        io::ErrorKind::UnexpectedEof => Reason::Broken("it was closed too early".to_owned()),
        _ => Reason::Broken(words(&error)),
    }
}

fn tls_reason(error: &rustls::Error) -> Reason {
    match error {
        rustls::Error::InvalidCertificate(error) => Reason::Untrusted(error.to_string()),
        other => Reason::Broken(other.to_string()),
    }
}

fn reason(error: ureq::Error, stall: Duration) -> Reason {
    match error {
        ureq::Error::Other(error) => match error.downcast::<Reason>() {
            Ok(reason) => *reason,
            Err(error) => Reason::Broken(error.to_string()),
        },
        ureq::Error::Timeout(_) => Reason::Stalled(stall),
        ureq::Error::Rustls(error) => tls_reason(&error),
        ureq::Error::Io(error) => io_reason(error, stall),
        ureq::Error::ConnectProxyFailed(message) => Reason::Proxy(message),
        ureq::Error::InvalidProxyUrl => Reason::Proxy("its URL is none".to_owned()),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => Reason::NoUrl,
        other => Reason::Protocol(other.to_string()),
    }
}
