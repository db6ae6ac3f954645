//! Tokens for Pkg servers, from the file `auth.toml` of Pkg.
//!
//! Source: Pkg, `PlatformEngines.jl` (`get_auth_header`).
//!
//! # On disk
//!
//! ```text
//! servers/<host>/auth.toml    access_token, expires_at, expires_in, refresh_url, refresh_token
//! ```
//!
//! # Locking
//!
//! A token is renewed under the lock `auth.toml.pid`, after the file is read again. Pkg renews
//! without a lock; the last write wins.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use scratchrs_fs::{self as fs, Attempt, PidLock, Policy};

use crate::error::Reason;
use crate::http::{AUTHORIZATION, Http};
use crate::server::{Header, Server};
use crate::url::Url;

/// A token that is valid for longer than this, in seconds, is not renewed.
const MIN_VALIDITY: f64 = 600.0;

/// The longest response to a request for a token, in bytes.
const MAX_BYTES: u64 = 256 * 1024;

const LOCK_POLICY: Policy = Policy::unrefreshed(Duration::from_secs(60));
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// The content of `auth.toml`.
#[derive(Clone, Debug)]
struct Authorization {
    table: toml::Table,
    access_token: String,
    /// In seconds since 1970.
    expires_at: f64,
}

impl Authorization {
    /// Parses a file that was written at `written`.
    ///
    /// # Errors
    ///
    /// A message without the name of the file.
    fn parse(bytes: &[u8], written: SystemTime) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        let table: toml::Table = text.parse().map_err(|error| located(text, &error))?;
        let access_token = table.get("access_token").and_then(toml::Value::as_str);
        let access_token = access_token.ok_or("it has no `access_token`")?.to_owned();
        let at = number(&table, "expires_at").unwrap_or(f64::INFINITY);
        let within = number(&table, "expires_in").unwrap_or(f64::INFINITY);
        let expires_at = at.min(seconds(written) + within);
        Ok(Self { table, access_token, expires_at })
    }

    /// The URL of new tokens, and the token to send there.
    fn refresh(&self) -> Option<(&str, &str)> {
        let text = |name| self.table.get(name).and_then(toml::Value::as_str);
        Some((text("refresh_url")?, text("refresh_token")?))
    }
}

/// The message of a TOML error with its line number. The line itself is left out: it may hold a
/// secret.
fn located(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    match before.map(|before| before.matches('\n').count() + 1) {
        Some(line) => format!("line {line}: {}", error.message()),
        None => error.message().to_owned(),
    }
}

fn number(table: &toml::Table, name: &str) -> Option<f64> {
    match table.get(name)? {
        toml::Value::Integer(number) => Some(*number as f64),
        toml::Value::Float(number) => Some(*number),
        _ => None,
    }
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// The token for a request of `url` to `server`, renewed if it is about to expire.
///
/// `None` without a usable token: the request is then sent without one, and a note gives the
/// problem.
pub(crate) fn access_token(http: &Http, server: &Server, url: &Url) -> Option<String> {
    let file = token_file(http, server)?;
    let authorization = read_token(http, &file)?;
    if !url.is_secure() {
        let file = file.display();
        http.note(format!("the token in `{file}` was not sent, as {url} is not secure"));
        return None;
    }
    if is_valid_long_enough(http, &authorization) {
        return Some(authorization.access_token);
    }
    let unexpired = unexpired_token(http, authorization.clone());
    match renew(http, &file, authorization) {
        Ok(token) => Some(token),
        Err(problem) => {
            http.note(format!("the token in `{}` was not renewed: {problem}", file.display()));
            unexpired
        }
    }
}

/// A note about the missing token for the server of `url`, if it is the Pkg server.
pub(crate) fn missing_token(http: &Http, url: &Url) -> Option<String> {
    let file = token_file(http, http.server_of(url)?).filter(|file| !fs::exists(file))?;
    Some(format!("no token for the server was found in `{}`", file.display()))
}

fn token_file(http: &Http, server: &Server) -> Option<PathBuf> {
    let directory = http.settings.servers_directory.as_ref()?;
    Some(directory.join(server.directory_name()?).join("auth.toml"))
}

fn read_token(http: &Http, file: &Path) -> Option<Authorization> {
    let read = || -> Result<Option<Authorization>, String> {
        let found = fs::read_up_to(file, u64::MAX).map_err(|error| error.to_string())?;
        let Some((bytes, stamp)) = found else { return Ok(None) };
        Authorization::parse(&bytes, stamp.modified().unwrap_or(UNIX_EPOCH)).map(Some)
    };
    read().unwrap_or_else(|problem| {
        http.note(format!("the token in `{}` can't be used: {problem}", file.display()));
        None
    })
}

fn is_valid_long_enough(http: &Http, authorization: &Authorization) -> bool {
    authorization.expires_at >= seconds(http.now()) + MIN_VALIDITY
}

fn unexpired_token(http: &Http, authorization: Authorization) -> Option<String> {
    let is_unexpired = authorization.expires_at > seconds(http.now());
    is_unexpired.then_some(authorization.access_token)
}

/// Renews the token in `file`, unless another process renews it first. Returns the old token if
/// there is nothing to renew it with.
fn renew(http: &Http, file: &Path, old: Authorization) -> Result<String, String> {
    if old.refresh().is_none() {
        return unrenewable_token(http, old);
    }
    let lock = file.with_extension("toml.pid");
    let lock = PidLock::acquire(&lock, LOCK_POLICY, LOCK_TIMEOUT);
    let Attempt::Acquired(_lock) = lock.map_err(|error| error.to_string())? else {
        return Err("another process has been renewing it for a minute".to_owned());
    };
    // Another process may have renewed it during the wait.
    let current = read_token(http, file).ok_or("the file was removed")?;
    if is_valid_long_enough(http, &current) {
        return Ok(current.access_token);
    }
    let Some((url, token)) = current.refresh() else {
        return unrenewable_token(http, current);
    };
    let new = request_token(http, url, token)?;
    let text = toml::to_string(&new.table).map_err(|error| error.to_string())?;
    fs::replace(file, &text).map_err(|error| error.to_string())?;
    Ok(new.access_token)
}

/// A token that can't be renewed, unless it has expired.
fn unrenewable_token(http: &Http, authorization: Authorization) -> Result<String, String> {
    unexpired_token(http, authorization)
        .ok_or_else(|| "it has expired, and has no `refresh_url` and `refresh_token`".to_owned())
}

fn request_token(http: &Http, url: &str, token: &str) -> Result<Authorization, String> {
    let url = Url::parse(url).map_err(|reason| format!("its `refresh_url`: {reason}"))?;
    if !url.is_secure() {
        return Err(format!("its `refresh_url` is not secure: {url}"));
    }
    let requested = http.now();
    let bytes = get_with_token(http, &url, token).map_err(|reason| format!("{url}: {reason}"))?;
    let mut new = Authorization::parse(&bytes, requested)
        .map_err(|problem| format!("invalid response from {url}: {problem}"))?;
    if let Some(lifetime) = number(&new.table, "expires_in") {
        // Computed with the local clock, so that it does not depend on when the file is written.
        let expires_at = (seconds(requested) + lifetime).floor();
        new.table.insert("expires_at".to_owned(), toml::Value::Integer(expires_at as i64));
    }
    Ok(new)
}

/// The body of the response to a request with `token`. Redirections are not followed: the token is
/// sent to `url` only.
fn get_with_token(http: &Http, url: &Url, token: &str) -> Result<Vec<u8>, Reason> {
    let mut headers: Vec<Header> = Vec::new();
    if let Some(server) = http.server_of(url) {
        headers.extend(server.headers(http.settings.julia.as_ref()));
    }
    headers.push((AUTHORIZATION.to_owned(), format!("Bearer {token}")));
    let response = http.get(url, headers.iter(), None)?;
    let code = response.status().as_u16();
    if code != 200 {
        return Err(Reason::Status { code, retry_after: None });
    }
    let mut bytes = Vec::new();
    let mut body = response.into_body().into_reader().take(MAX_BYTES);
    body.read_to_end(&mut bytes).map_err(|error| http.reason(error))?;
    Ok(bytes)
}
