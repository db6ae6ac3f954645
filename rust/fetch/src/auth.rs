//! The token that a Pkg server wants, from the file `auth.toml` that Pkg keeps for it.
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
//! Whoever renews the token holds `auth.toml.pid`, and looks again when it has it. Pkg renews
//! without a lock; the last one wins.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use scratchrs_fs::{self as fs, Attempt, PidLock, Policy};

use crate::client::{AUTHORIZATION, Client};
use crate::error::Reason;
use crate::server::{Header, Server};
use crate::url::Url;

/// A token that is good for longer than this is not renewed.
const GOOD_ENOUGH: f64 = 600.0;

/// No file with a token has more bytes than this.
const MOST_BYTES: u64 = 256 * 1024;

const LOCK_POLICY: Policy = Policy::unrefreshed(Duration::from_secs(60));
const LOCK_PATIENCE: Duration = Duration::from_secs(60);

/// What a file says.
#[derive(Clone, Debug)]
struct Authorization {
    table: toml::Table,
    access_token: String,
    /// In seconds since 1970.
    expires_at: f64,
}

impl Authorization {
    /// Reads what a file says that was written at `written`.
    ///
    /// # Errors
    ///
    /// A sentence about what is wrong with it, without its name.
    fn read(bytes: &[u8], written: SystemTime) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not in UTF-8".to_owned())?;
        let table: toml::Table = text.parse().map_err(|error| place(text, &error))?;
        let access_token = table.get("access_token").and_then(toml::Value::as_str);
        let access_token = access_token.ok_or("it has no `access_token`")?.to_owned();
        let at = number(&table, "expires_at").unwrap_or(f64::INFINITY);
        let within = number(&table, "expires_in").unwrap_or(f64::INFINITY);
        let expires_at = at.min(seconds(written) + within);
        Ok(Self { table, access_token, expires_at })
    }

    /// Where to get a new token, and the token to get it with.
    fn refresh(&self) -> Option<(&str, &str)> {
        let text = |name| self.table.get(name).and_then(toml::Value::as_str);
        Some((text("refresh_url")?, text("refresh_token")?))
    }
}

/// What is wrong with a text that is no TOML, and where. The line itself may have a secret in it.
fn place(text: &str, error: &toml::de::Error) -> String {
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

impl Client {
    /// The token to ask `server` for `url` with, renewed if it is about to expire. Without one the
    /// server is asked all the same; what speaks against one is noted.
    pub(crate) fn access_token(&self, server: &Server, url: &Url) -> Option<String> {
        let file = self.token_file(server)?;
        let authorization = self.read_token(&file)?;
        if !url.is_secure() {
            let file = file.display();
            self.note(format!("the token in `{file}` was not sent, as {url} is not secure"));
            return None;
        }
        if self.is_good(&authorization) {
            return Some(authorization.access_token);
        }
        let lasting = self.while_it_lasts(authorization.clone());
        match self.renew(&file, authorization) {
            Ok(token) => Some(token),
            Err(problem) => {
                self.note(format!("the token in `{}` was not renewed: {problem}", file.display()));
                lasting
            }
        }
    }

    /// A note that there is no token for the server of `url`, if it is the Pkg server.
    pub(crate) fn missing_token(&self, url: &Url) -> Option<String> {
        let server = self.settings.server.as_ref().filter(|server| server.has(url.as_str()))?;
        let file = self.token_file(server).filter(|file| !file.exists())?;
        Some(format!("there is no token for the server, which would be in `{}`", file.display()))
    }

    fn token_file(&self, server: &Server) -> Option<PathBuf> {
        let directory = self.settings.servers_directory.as_ref()?;
        Some(directory.join(server.directory_name()?).join("auth.toml"))
    }

    fn read_token(&self, file: &Path) -> Option<Authorization> {
        let read = || -> Result<Option<Authorization>, String> {
            let Ok(metadata) = file.metadata() else { return Ok(None) };
            let bytes = fs::read(file).map_err(|error| error.to_string())?;
            let written = metadata.modified().unwrap_or(UNIX_EPOCH);
            Authorization::read(&bytes, written).map(Some)
        };
        read().unwrap_or_else(|problem| {
            self.note(format!("the token in `{}` can't be used: {problem}", file.display()));
            None
        })
    }

    fn is_good(&self, authorization: &Authorization) -> bool {
        authorization.expires_at >= seconds(self.now()) + GOOD_ENOUGH
    }

    fn while_it_lasts(&self, authorization: Authorization) -> Option<String> {
        let lasts = authorization.expires_at > seconds(self.now());
        lasts.then_some(authorization.access_token)
    }

    /// Has the token in `file` renewed, unless somebody else does it first. The old token is
    /// returned where there is nothing to renew it with.
    fn renew(&self, file: &Path, old: Authorization) -> Result<String, String> {
        if old.refresh().is_none() {
            return self.last_of(old);
        }
        let lock = file.with_extension("toml.pid");
        let lock = PidLock::acquire(&lock, LOCK_POLICY, LOCK_PATIENCE);
        let Attempt::Acquired(_lock) = lock.map_err(|error| error.to_string())? else {
            return Err("somebody else has been renewing it for a minute".to_owned());
        };
        // Somebody else may have renewed it while we waited.
        let current = self.read_token(file).ok_or("it is gone")?;
        if self.is_good(&current) {
            return Ok(current.access_token);
        }
        let Some((url, token)) = current.refresh() else {
            return self.last_of(current);
        };
        let new = self.ask_for_token(url, token)?;
        let text = toml::to_string(&new.table).map_err(|error| error.to_string())?;
        fs::replace(file, &text, None).map_err(|error| error.to_string())?;
        Ok(new.access_token)
    }

    /// The token of what can't be renewed, unless it has expired.
    fn last_of(&self, authorization: Authorization) -> Result<String, String> {
        self.while_it_lasts(authorization).ok_or_else(|| {
            "it has expired, and has no `refresh_url` and `refresh_token`".to_owned()
        })
    }

    fn ask_for_token(&self, url: &str, token: &str) -> Result<Authorization, String> {
        let url = Url::parse(url).map_err(|reason| format!("its `refresh_url`: {reason}"))?;
        if !url.is_secure() {
            return Err(format!("its `refresh_url` is not secure: {url}"));
        }
        let asked = self.now();
        let bytes =
            self.ask_with_token(&url, token).map_err(|reason| format!("{url}: {reason}"))?;
        let mut new = Authorization::read(&bytes, asked)
            .map_err(|problem| format!("what came from {url} is of no use: {problem}"))?;
        if let Some(lifetime) = number(&new.table, "expires_in") {
            // Independent of when the file is written, and of other clocks than ours.
            let expires_at = (seconds(asked) + lifetime).floor();
            new.table.insert("expires_at".to_owned(), toml::Value::Integer(expires_at as i64));
        }
        Ok(new)
    }

    /// The answer to a request that is signed with `token`, and that goes where it is sent only.
    fn ask_with_token(&self, url: &Url, token: &str) -> Result<Vec<u8>, Reason> {
        let mut headers: Vec<Header> = Vec::new();
        if let Some(server) = self.settings.server.as_ref().filter(|s| s.has(url.as_str())) {
            headers.extend(server.headers(self.settings.julia.as_ref()));
        }
        headers.push((AUTHORIZATION.to_owned(), format!("Bearer {token}")));
        let response = self.ask(url, headers.iter(), None)?;
        let code = response.status().as_u16();
        if code != 200 {
            return Err(Reason::Status { code, retry_after: None });
        }
        let mut bytes = Vec::new();
        let mut body = response.into_body().into_reader().take(MOST_BYTES);
        body.read_to_end(&mut bytes).map_err(|error| self.reason(error))?;
        Ok(bytes)
    }
}
