//! URLs: parsing, joining, and display without secrets.

use std::fmt;
use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use iri_string::types::{UriAbsoluteString, UriReferenceString, UriString};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::error::Reason;
use crate::file_url::{self, PATHS, Paths};

/// A user name and a password.
pub(crate) type Login = (String, String);

/// An absolute URL. Its `Display` and `Debug` hide secrets: the login and tokens in the query are
/// `***`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Url(UriAbsoluteString);

/// The characters of a URL to percent-encode. `%` is kept if two hexadecimal digits follow.
const NOT_IN_URLS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'/')
    .remove(b'?')
    .remove(b'#')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');

/// The characters before the path to percent-encode: an IPv6 address has brackets.
const NOT_IN_AUTHORITIES: &AsciiSet = &NOT_IN_URLS.remove(b'[').remove(b']');

impl Url {
    /// Parses a URL. Characters that are not allowed in URLs, such as a space, are percent-encoded;
    /// a fragment is left out.
    ///
    /// # Errors
    ///
    /// The scheme is missing, or a part is invalid.
    pub(crate) fn parse(text: &str) -> Result<Self, Reason> {
        Self::parse_for(text, PATHS)
    }

    pub(crate) fn parse_for(text: &str, paths: Paths) -> Result<Self, Reason> {
        let encoded = encode(&file_url::with_drive_in_path(text, paths))?;
        match UriString::try_from(encoded) {
            Ok(uri) => Ok(Self(uri.into_absolute())),
            Err(_) => Err(Reason::InvalidUrl),
        }
    }

    /// Resolves the `reference` of a redirection against this URL.
    ///
    /// # Errors
    ///
    /// The result is not a valid URL.
    pub(crate) fn join(&self, reference: &str) -> Result<Self, Reason> {
        let reference = UriReferenceString::try_from(encode(reference)?);
        let reference = reference.map_err(|_| Reason::InvalidUrl)?;
        Self::parse(&reference.resolve_against(&self.0).to_string())
    }

    /// The whole URL, secrets included.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The scheme, in lower case.
    pub(crate) fn scheme(&self) -> String {
        self.0.scheme_str().to_ascii_lowercase()
    }

    /// The host, without the brackets of an IPv6 address; empty if the URL has none.
    pub(crate) fn host(&self) -> &str {
        let host = self.0.authority_components().map_or("", |authority| authority.host());
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
    }

    /// The port, if one is named.
    ///
    /// # Errors
    ///
    /// It is not a 16-bit number.
    pub(crate) fn port(&self) -> Result<Option<u16>, Reason> {
        let port = self.0.authority_components().and_then(|authority| authority.port());
        let port = port.filter(|port| !port.is_empty()).map(str::parse).transpose();
        port.map_err(|_| Reason::InvalidUrl)
    }

    /// The user name and the password in the URL.
    pub(crate) fn login(&self) -> Option<Login> {
        let userinfo = self.userinfo()?;
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        Some((decode(user), decode(password)))
    }

    fn userinfo(&self) -> Option<&str> {
        self.0.authority_components().and_then(|authority| authority.userinfo())
    }

    /// The URL to request, without user name and password.
    pub(crate) fn without_login(&self) -> String {
        match self.userinfo() {
            Some(userinfo) => self.as_str().replacen(&format!("//{userinfo}@"), "//", 1),
            None => self.as_str().to_owned(),
        }
    }

    /// Whether a secret may be sent there: over TLS, or to this machine.
    pub(crate) fn is_secure(&self) -> bool {
        let is_local =
            ["localhost", "127.0.0.1"].iter().any(|x| self.host().eq_ignore_ascii_case(x));
        self.scheme() == "https" || is_local
    }

    /// The path of the local file that a `file` URL names.
    ///
    /// # Errors
    ///
    /// It names another machine, or is not a valid path on this system.
    pub(crate) fn file_path(&self) -> Result<PathBuf, Reason> {
        self.file_path_for(PATHS)
    }

    pub(crate) fn file_path_for(&self, paths: Paths) -> Result<PathBuf, Reason> {
        file_url::local_path(self.host(), self.0.path_str(), paths)
    }
}

fn encode(text: &str) -> Result<String, Reason> {
    if text.chars().any(char::is_control) {
        return Err(Reason::InvalidUrl);
    }
    let text = text.trim();
    let authority = text.find("//").map_or(0, |slashes| slashes + 2);
    let path = text[authority..].find(['/', '?', '#']).map_or(text.len(), |end| authority + end);
    let (front, path) = text.split_at(path);
    Ok(encode_part(front, NOT_IN_AUTHORITIES) + &encode_part(path, NOT_IN_URLS))
}

/// Percent-encodes the characters in `set`, but no `%` that is followed by its digits.
fn encode_part(text: &str, set: &'static AsciiSet) -> String {
    let mut encoded = String::new();
    for (index, part) in text.split('%').enumerate() {
        let has_digits = part.len() >= 2 && part.bytes().take(2).all(|b| b.is_ascii_hexdigit());
        match index {
            0 => {}
            _ if has_digits => encoded.push('%'),
            _ => encoded.push_str("%25"),
        }
        encoded.extend(utf8_percent_encode(part, set));
    }
    encoded
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(self.as_str()))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({self})")
    }
}

/// The value of the header `Authorization` for a login.
pub(crate) fn basic_authorization((user, password): &Login) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

/// A URL, or the text given as one, without secrets and control characters.
pub(crate) fn masked(url: &str) -> String {
    let (front, query) = url.split_once('?').unwrap_or((url, ""));
    let mut shown = mask_userinfo(front);
    if url.len() > front.len() {
        let parameters: Vec<String> = query.split('&').map(mask_parameter).collect();
        shown.push('?');
        shown.push_str(&parameters.join("&"));
    }
    shown.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn mask_userinfo(front: &str) -> String {
    let Some((scheme, rest)) = front.split_once("://") else { return front.to_owned() };
    let authority_end = rest.find('/').unwrap_or(rest.len());
    match rest[..authority_end].rfind('@') {
        Some(at) => format!("{scheme}://***{}", &rest[at..]),
        None => front.to_owned(),
    }
}

/// A query parameter, without its value if its name suggests a secret.
fn mask_parameter(parameter: &str) -> String {
    const SECRETS: [&str; 8] =
        ["token", "key", "sig", "secret", "password", "passwd", "credential", "auth"];
    let Some((name, _)) = parameter.split_once('=') else { return parameter.to_owned() };
    let lower = name.to_ascii_lowercase();
    if SECRETS.iter().any(|secret| lower.contains(secret)) {
        format!("{name}=***")
    } else {
        parameter.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn secrets_are_not_shown() {
        for (text, shown) in [
            ("https://example.org/x.tar.gz", "https://example.org/x.tar.gz"),
            ("https://ada:pw@example.org/x", "https://***@example.org/x"),
            ("https://a@b@example.org/x@y", "https://***@example.org/x@y"),
            (
                "https://example.org/x?a=1&X-Amz-Signature=2&token=3",
                "https://example.org/x?a=1&X-Amz-Signature=***&token=***",
            ),
            ("https://example.org/x?token", "https://example.org/x?token"),
            ("no url", "no url"),
            ("a\nb", "a\u{fffd}b"),
        ] {
            assert_eq!(masked(text), shown);
        }
        assert_eq!(url("HTTPS://ada:pw@example.org").to_string(), "HTTPS://***@example.org");
    }

    #[test]
    fn urls_are_encoded_where_needed() {
        assert_eq!(url(" http://host/a b/é?q#fragment ").as_str(), "http://host/a%20b/%C3%A9?q");
        assert_eq!(url("http://host/a%20b?[%x%").as_str(), "http://host/a%20b?%5B%25x%25");
        assert_eq!(url("http://[::1]:80/").host(), "::1");
        for wrong in
            ["", "x.tar.gz", "/x", "://x", "http://host:port/", "http://ho\nst/", "http://[x/"]
        {
            assert!(Url::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_login_is_separated_from_the_url() {
        let with = url("https://ada:p%40w@host:1/x@y?z");
        assert_eq!(with.login(), Some(("ada".to_owned(), "p@w".to_owned())));
        assert_eq!(with.without_login(), "https://host:1/x@y?z");
        let without = url("https://host/x@y");
        assert_eq!(
            (without.login(), without.without_login()),
            (None, "https://host/x@y".to_owned())
        );
    }

    #[test]
    fn redirections_are_relative_to_the_redirecting_url() {
        let base = url("https://host/a/b?c");
        for (reference, expected) in [
            ("https://other/x", "https://other/x"),
            ("//other/x", "https://other/x"),
            ("/x", "https://host/x"),
            ("x", "https://host/a/x"),
            ("../x/./y", "https://host/x/y"),
            ("../../../x", "https://host/x"),
            ("?d", "https://host/a/b?d"),
            ("x#f", "https://host/a/x"),
        ] {
            assert_eq!(base.join(reference).unwrap().as_str(), expected, "{reference}");
        }
        assert!(base.join("http://[").is_err());
    }

    #[test]
    fn secrets_are_sent_only_over_tls_or_to_this_machine() {
        for secure in ["https://x", "HTTPS://x/", "http://localhost:1/x", "http://127.0.0.1"] {
            assert!(url(secure).is_secure(), "{secure}");
        }
        for insecure in ["http://x", "http://localhost.org/", "http://127.0.0.1.org/", "ftp://x"] {
            assert!(!url(insecure).is_secure(), "{insecure}");
        }
    }

    proptest! {
        #[test]
        fn displayed_urls_hide_the_password(
            user in "[a-z]{1,5}", password in "[A-Z]{4,9}", path in "[a-z/]{0,9}",
        ) {
            let text = format!("https://{user}:{password}@host/{path}?api_key={password}");
            prop_assert!(!url(&text).to_string().contains(&password));
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = masked(&text);
            if let Ok(url) = Url::parse(&text) {
                let _ = (url.host(), url.scheme(), url.is_secure(), url.file_path());
                let _ = url.join(&text);
            }
        }
    }
}
