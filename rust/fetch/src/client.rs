//! Requests with redirections, and with the headers for the Pkg server.

use std::time::Duration;

use scratchrs_fs::Progress;
use ureq::Body;
use ureq::http::Response;

use crate::auth;
use crate::error::Reason;
use crate::http::{AUTHORIZATION, Http, Security};
use crate::server::Header;
use crate::settings::Settings;
use crate::url::{Url, masked};

/// The limit of Julia's Downloads.
const MAX_REDIRECTS: usize = 50;

/// Downloads with the same settings, as one piece of work with one progress. Several threads may
/// download with one client, and share its connections.
#[derive(Debug)]
pub struct Client {
    pub(crate) http: Http,
}

/// The response after all redirections.
pub(crate) struct FinalResponse {
    pub(crate) response: Response<Body>,
    /// The target of the last redirection, if there was one.
    pub(crate) redirected_to: Option<Url>,
}

/// A request that failed.
pub(crate) struct FailedRequest {
    pub(crate) reason: Reason,
    pub(crate) redirected_to: Option<Url>,
}

impl Client {
    /// A client with these settings, which reports to `progress`.
    pub fn new(settings: &Settings, progress: &Progress) -> Self {
        Self { http: Http::new(settings, progress) }
    }

    /// Problems that did not stop any download, one sentence each: that a token could not be
    /// renewed, for example.
    pub fn notes(&self) -> Vec<String> {
        self.http.notes()
    }

    /// Requests `url`, with `headers` added to those of every request, and follows redirections.
    ///
    /// Headers for the Pkg server are sent only to the Pkg server. A login is sent only over a
    /// connection that is at least as secure as each one before it: a redirection from `https` to
    /// `http` never gets the login that was meant for `https`.
    pub(crate) fn get(
        &self,
        url: &Url,
        headers: &[Header],
    ) -> Result<FinalResponse, FailedRequest> {
        let mut redirected_to: Option<Url> = None;
        let mut strongest = Security::Plain;
        for _ in 0..=MAX_REDIRECTS {
            let next = redirected_to.as_ref().unwrap_or(url);
            let security = self.http.security(next);
            strongest = strongest.max(security);
            let login = if security == strongest { self.http.login(next) } else { None };
            let server_headers = self.server_headers(next);
            let headers = headers.iter().chain(&server_headers);
            let step = self.http.get(next, headers, login).and_then(|response| {
                let location = redirection(next, &response)?;
                Ok((response, location))
            });
            match step {
                Ok((_, Some(location))) => redirected_to = Some(location),
                Ok((response, None)) => return Ok(FinalResponse { response, redirected_to }),
                Err(reason) => return Err(FailedRequest { reason, redirected_to }),
            }
        }
        Err(FailedRequest { reason: Reason::TooManyRedirects, redirected_to })
    }

    fn server_headers(&self, url: &Url) -> Vec<Header> {
        let Some(server) = self.http.server_of(url) else { return Vec::new() };
        let mut headers = server.headers(self.http.settings.julia.as_ref());
        let token = auth::access_token(&self.http, server, url);
        headers.extend(token.map(|token| (AUTHORIZATION.to_owned(), format!("Bearer {token}"))));
        headers
    }
}

/// The target of a redirection, or `None` if the response is not a redirection.
fn redirection(url: &Url, response: &Response<Body>) -> Result<Option<Url>, Reason> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get("location").map(|location| location.to_str());
    match location {
        Some(Ok(location)) => url
            .join(location)
            .map(Some)
            .map_err(|_| Reason::Redirect(format!("`{}` is not a URL", masked(location)))),
        _ => Err(Reason::Redirect("it has no `Location` header".to_owned())),
    }
}

/// How long the server asks to wait. A date is ignored, since the clocks may differ.
pub(crate) fn retry_after(response: &Response<Body>) -> Option<Duration> {
    let value = response.headers().get("retry-after")?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}
