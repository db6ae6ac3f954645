//! The Pkg server: its URLs, and the headers that it gets.
//!
//! Source: Pkg, `PlatformEngines.jl` (`get_server_dir`, `get_metadata_headers`), `Types.jl`
//! (`pkg_server`).

use scratchrs_model::hash::TreeHash;

use crate::variables::Variables;

const DEFAULT: &str = "https://pkg.julialang.org";

/// The variables of continuous integration whose state is sent to the server.
const CI_VARIABLES: [&str; 12] = [
    "APPVEYOR",
    "CI",
    "CI_SERVER",
    "CIRCLECI",
    "CONTINUOUS_INTEGRATION",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "JULIA_CI",
    "JULIA_PKGEVAL",
    "JULIA_REGISTRYCI_AUTOMERGE",
    "TF_BUILD",
    "TRAVIS",
];

/// Name and value of a header of a request.
pub(crate) type Header = (String, String);

/// The running Julia, as described to a Pkg server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JuliaSession {
    /// Its version, such as `1.10.8`.
    pub version: String,
    /// The triplet of its platform.
    pub system: String,
    /// Whether it is interactive.
    pub is_interactive: bool,
}

/// A Pkg server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    url: String,
    ci_variables: String,
    /// Set by the user.
    headers: Vec<Header>,
}

impl Server {
    /// The server in JULIA_PKG_SERVER, else Julia's own. `None` if the variable is empty.
    pub(crate) fn new(variables: &Variables, warnings: &mut Vec<String>) -> Option<Self> {
        let url = variables.get("JULIA_PKG_SERVER").unwrap_or(DEFAULT);
        if url.is_empty() {
            return None;
        }
        let url = if has_scheme(url) { url.to_owned() } else { format!("https://{url}") };
        let url = url.trim_end_matches('/').to_owned();
        let headers = user_headers(variables, warnings);
        Some(Self { url, ci_variables: ci_variables(variables), headers })
    }

    /// Its URL, without a trailing `/`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL of the artifact with this hash.
    pub fn artifact_url(&self, hash: TreeHash) -> String {
        format!("{}/artifact/{hash}", self.url)
    }

    /// Whether a URL belongs to the server.
    pub(crate) fn contains(&self, url: &str) -> bool {
        url.strip_prefix(&self.url).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The name of the directory with its token. `None` if the URL has no host.
    pub(crate) fn directory_name(&self) -> Option<String> {
        let (_, rest) = self.url.split_once("://")?;
        let host = rest.split(['/', '\\']).next()?;
        if matches!(host, "" | "." | "..") {
            return None;
        }
        let is_bad = |c: char| matches!(c, ':' | '/' | '<' | '>' | '"' | '\\' | '|' | '?' | '*');
        Some(host.chars().map(|c| if is_bad(c) { '_' } else { c }).collect())
    }

    /// The headers of a request to the server.
    pub(crate) fn headers(&self, julia: Option<&JuliaSession>) -> Vec<Header> {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut headers =
            vec![header("Julia-Pkg-Protocol", "1.0"), header("Julia-Pkg-Server", &self.url)];
        if let Some(julia) = julia {
            headers.push(header("Julia-Version", &julia.version));
            headers.push(header("Julia-System", &julia.system));
        }
        headers.push(header("Julia-CI-Variables", &self.ci_variables));
        if let Some(julia) = julia {
            headers.push(header("Julia-Interactive", &julia.is_interactive.to_string()));
        }
        for (name, value) in &self.headers {
            if headers.iter().all(|(known, _)| known != name) {
                headers.push(header(name, value));
            }
        }
        // The compressions of artifacts that Pkg 1.13 accepts.
        headers.push(header("Accept-Encoding", "zstd, gzip"));
        headers
    }
}

/// Whether a text begins with a scheme, such as `https://`.
fn has_scheme(url: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    url.split_once("://")
        .is_some_and(|(scheme, _)| !scheme.is_empty() && scheme.chars().all(is_word))
}

fn ci_variables(variables: &Variables) -> String {
    let state = |name: &str| match variables.get(name).map(str::to_lowercase).as_deref() {
        None => 'n',
        Some("true" | "t" | "1" | "yes" | "y") => 't',
        Some("false" | "f" | "0" | "no" | "n") => 'f',
        Some(_) => 'o',
    };
    CI_VARIABLES.map(|name| format!("{name}={}", state(name))).join(";")
}

/// The headers from the variables JULIA_PKG_SERVER_…: `Julia-A-B` for `JULIA_PKG_SERVER_A_B`.
fn user_headers(variables: &Variables, warnings: &mut Vec<String>) -> Vec<Header> {
    const PREFIX: &str = "JULIA_PKG_SERVER_";
    let mut headers = Vec::new();
    for (variable, value) in variables.iter() {
        let Some((prefix, words)) = variable.split_at_checked(PREFIX.len()) else { continue };
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if !prefix.eq_ignore_ascii_case(PREFIX) || !words.bytes().all(is_word) {
            continue;
        }
        let words: Vec<_> = words.split('_').filter(|word| !word.is_empty()).collect();
        let value = value.trim();
        if words.is_empty() || value.is_empty() {
            continue;
        }
        if value.chars().any(|c| c.is_control() && c != '\t') {
            warnings.push(format!("ignoring {variable}: it contains control characters"));
            continue;
        }
        let words: Vec<_> = words.into_iter().map(title_case).collect();
        headers.push((format!("Julia-{}", words.join("-")), value.to_owned()));
    }
    headers
}

/// Converts a word as Julia's `titlecase` does: letters after a letter to lower case, others to
/// upper.
fn title_case(word: &str) -> String {
    let mut follows_letter = false;
    let mut cased = String::new();
    for c in word.chars() {
        cased.push(if follows_letter { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() });
        follows_letter = c.is_ascii_alphabetic();
    }
    cased
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::Settings;
    use proptest::prelude::*;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        Settings::new(variables.iter().copied(), SystemTime::UNIX_EPOCH)
    }

    fn server(url: &str) -> Option<Server> {
        settings(&[("JULIA_PKG_SERVER", url)]).server
    }

    #[test]
    fn the_server_url_is_read_as_by_pkg() {
        let url = |text| server(text).map(|server| server.url);
        assert_eq!(url("").as_deref(), None);
        assert_eq!(url("pkg.example.org/").as_deref(), Some("https://pkg.example.org"));
        assert_eq!(url("http://localhost:8000//").as_deref(), Some("http://localhost:8000"));
        let server = server("http://host:1234/pkg").unwrap();
        assert_eq!(
            server.artifact_url(TreeHash([0xab; 20])),
            format!("http://host:1234/pkg/artifact/{}", "ab".repeat(20))
        );
        assert!(
            server.contains("http://host:1234/pkg") && server.contains("http://host:1234/pkg/x")
        );
        assert!(!server.contains("http://host:1234/pkgs") && !server.contains("http://host:1234/"));
    }

    #[test]
    fn each_server_has_its_directory() {
        let name = |url| server(url).and_then(|server| server.directory_name());
        assert_eq!(name("http://h:1234/x").as_deref(), Some("h_1234"));
        assert_eq!(name("pkg.example.org").as_deref(), Some("pkg.example.org"));
        assert_eq!(name("https://a|b*c").as_deref(), Some("a_b_c"));
        assert_eq!(name("https:///x").as_deref(), None);
    }

    #[test]
    fn the_headers_are_those_of_pkg() {
        let settings = settings(&[
            ("JULIA_PKG_SERVER", "http://h"),
            ("CI", "True"),
            ("TRAVIS", "0"),
            ("GITHUB_ACTIONS", "maybe"),
            ("julia_pkg_server_MY_x1y_HEADER", "  value "),
            ("JULIA_PKG_SERVER_VERSION", "no Julia"),
            ("JULIA_PKG_SERVER_EMPTY", " "),
            ("JULIA_PKG_SERVER_", "no name"),
            ("JULIA_PKG_SERVER_BAD", "two\r\nlines"),
        ]);
        let julia = JuliaSession {
            version: "1.10.8".to_owned(),
            system: "x86_64-linux-gnu".to_owned(),
            is_interactive: false,
        };
        let headers = settings.server.unwrap().headers(Some(&julia));
        let text: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(
            text,
            [
                "Julia-Pkg-Protocol: 1.0",
                "Julia-Pkg-Server: http://h",
                "Julia-Version: 1.10.8",
                "Julia-System: x86_64-linux-gnu",
                "Julia-CI-Variables: APPVEYOR=n;CI=t;CI_SERVER=n;CIRCLECI=n;CONTINUOUS_INTEGRATION=n;\
                 GITHUB_ACTIONS=o;GITLAB_CI=n;JULIA_CI=n;JULIA_PKGEVAL=n;\
                 JULIA_REGISTRYCI_AUTOMERGE=n;TF_BUILD=n;TRAVIS=f",
                "Julia-Interactive: false",
                "Julia-My-X1Y-Header: value",
                "Accept-Encoding: zstd, gzip",
            ]
        );
        assert_eq!(settings.warnings.len(), 1);
    }

    proptest! {
        #[test]
        fn a_directory_name_is_one_component(url in ".{0,40}") {
            if let Some(name) = server(&url).and_then(|server| server.directory_name()) {
                let is_bad = |c: char| ":/<>\"\\|?*".contains(c);
                let is_name = !matches!(name.as_str(), "" | "." | "..");
                prop_assert!(is_name && !name.contains(is_bad), "{}", name);
            }
        }
    }
}
