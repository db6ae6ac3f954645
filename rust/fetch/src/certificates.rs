//! Trusted certificates, and the hosts whose certificates are verified, by the rules of Julia's
//! NetworkOptions.
//!
//! Source: NetworkOptions, `ca_roots.jl` and `verify_host.jl`. Mozilla's certificates are used
//! where Julia falls back to its bundled ones, and on systems that do not store theirs in a file.

use std::path::{Path, PathBuf};

use scratchrs_fs as fs;
use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use crate::error::Reason;
use crate::variables::Variables;

/// The files with the certificates that the system trusts.
const SYSTEM_FILES: &[&str] = if cfg!(target_os = "linux") {
    &[
        "/etc/ssl/cert.pem",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/ca-certificates.pem",
        "/etc/ssl/certs/ca-bundle.crt",
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/pki/tls/certs/ca-certificates.crt",
        "/etc/pki/tls/cacert.pem",
    ]
} else if cfg!(any(target_os = "macos", target_os = "windows")) {
    &[]
} else {
    &["/etc/ssl/cert.pem", "/usr/local/share/certs/ca-root-nss.crt", "/usr/local/etc/ssl/cert.pem"]
};

/// The location of the trusted certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Roots {
    /// Those of the system.
    #[default]
    System,
    /// A file or directory from a variable.
    Path { variable: &'static str, path: PathBuf },
}

impl Roots {
    /// The first of JULIA_SSL_CA_ROOTS_PATH, SSL_CERT_FILE and SSL_CERT_DIR that is set and not
    /// empty. If JULIA_SSL_CA_ROOTS_PATH is empty, the others are ignored.
    pub(crate) fn new(variables: &Variables) -> Self {
        const OWN: &str = "JULIA_SSL_CA_ROOTS_PATH";
        if variables.get(OWN) == Some("") {
            return Self::System;
        }
        for variable in [OWN, "SSL_CERT_FILE", "SSL_CERT_DIR"] {
            if let Some(path) = variables.first(&[variable]) {
                return Self::Path { variable, path: path.into() };
            }
        }
        Self::System
    }

    /// Reads the certificates.
    ///
    /// # Errors
    ///
    /// They cannot be read, or the file or directory from a variable has none.
    pub(crate) fn read(&self) -> Result<RootCerts, Reason> {
        match self {
            Self::System => Ok(read_system()),
            Self::Path { variable, path } => {
                let failed = |problem: String| {
                    Reason::Certificates(format!("{problem} (set by {variable})"))
                };
                let certificates = read_path(path).map_err(|error| failed(error.to_string()))?;
                if certificates.is_empty() {
                    return Err(failed(format!("no certificate in `{}`", path.display())));
                }
                Ok(RootCerts::new_with_certs(&certificates))
            }
        }
    }
}

fn read_system() -> RootCerts {
    for path in SYSTEM_FILES {
        let certificates = read_file(Path::new(path)).unwrap_or_default();
        if !certificates.is_empty() {
            return RootCerts::new_with_certs(&certificates);
        }
    }
    RootCerts::WebPki
}

/// The certificates in a file, or in the files of a directory.
fn read_path(path: &Path) -> fs::Result<Vec<Certificate<'static>>> {
    if !fs::is_dir(path) {
        return read_file(path);
    }
    // Such a directory may contain other files.
    let files = fs::read_dir(path)?.into_iter().map(|entry| path.join(entry.name));
    Ok(files.filter_map(|file| read_file(&file).ok()).flatten().collect())
}

fn read_file(path: &Path) -> fs::Result<Vec<Certificate<'static>>> {
    let pem = fs::read(path)?;
    let certificate = |item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    };
    Ok(parse_pem(&pem).filter_map(certificate).collect())
}

/// The hosts whose certificates are verified, and those whose are not.
#[derive(Clone, Debug, Default)]
pub(crate) struct VerifiedHosts {
    always: Patterns,
    never: Patterns,
}

impl VerifiedHosts {
    /// Reads JULIA_ALWAYS_VERIFY_HOSTS, JULIA_NO_VERIFY_HOSTS and JULIA_SSL_NO_VERIFY_HOSTS.
    pub(crate) fn new(variables: &Variables, warnings: &mut Vec<String>) -> Self {
        let mut patterns = |names: &[&str]| {
            let mut patterns = Patterns::default();
            for name in names {
                patterns.read(name, variables.get(name).unwrap_or(""), warnings);
            }
            patterns
        };
        Self {
            always: patterns(&["JULIA_ALWAYS_VERIFY_HOSTS"]),
            never: patterns(&["JULIA_NO_VERIFY_HOSTS", "JULIA_SSL_NO_VERIFY_HOSTS"]),
        }
    }

    /// Whether the certificate of a host is verified.
    pub(crate) fn contains(&self, host: &str) -> bool {
        self.always.match_host(host) || !self.never.match_host(host)
    }
}

/// Patterns of host names: parts between dots; `*` matches one part, `**` any number of them.
#[derive(Clone, Debug, Default)]
struct Patterns(Vec<Vec<String>>);

impl Patterns {
    fn read(&mut self, variable: &str, value: &str, warnings: &mut Vec<String>) {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_part = |part: &str| match part {
            "*" | "**" => true,
            _ => !part.is_empty() && part.bytes().all(is_letter),
        };
        for pattern in value.split(',').map(str::trim).filter(|pattern| !pattern.is_empty()) {
            let parts: Vec<_> =
                pattern.to_ascii_lowercase().split('.').map(str::to_owned).collect();
            if parts.iter().all(|part| is_part(part)) {
                self.0.push(parts);
            } else {
                warnings.push(format!(
                    "ignoring `{pattern}` in {variable}: not a pattern of host names"
                ));
            }
        }
    }

    fn match_host(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let parts: Vec<_> = host.split('.').collect();
        self.0.iter().any(|pattern| pattern == &["**"] || matches(pattern, &parts))
    }
}

/// Whether a pattern matches the parts of a name. A `**` at the end matches at least one part.
fn matches(pattern: &[String], parts: &[&str]) -> bool {
    match pattern.split_first() {
        None => parts.is_empty(),
        Some((part, [])) if part == "**" => !parts.is_empty(),
        Some((part, rest)) if part == "**" => {
            (0..=parts.len()).any(|count| matches(rest, &parts[count..]))
        }
        Some((part, rest)) => match parts.split_first() {
            Some((first, others)) => (part == "*" || part == first) && matches(rest, others),
            None => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots(variables: &[(&str, &str)]) -> Roots {
        Roots::new(&Variables::of(variables))
    }

    fn named(variable: &'static str, path: &str) -> Roots {
        Roots::Path { variable, path: path.into() }
    }

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let own = "JULIA_SSL_CA_ROOTS_PATH";
        assert_eq!(roots(&[]), Roots::System);
        let both = [("SSL_CERT_DIR", "/dir"), ("SSL_CERT_FILE", "/file")];
        assert_eq!(roots(&both), named("SSL_CERT_FILE", "/file"));
        assert_eq!(roots(&[both[0], ("SSL_CERT_FILE", "")]), named("SSL_CERT_DIR", "/dir"));
        assert_eq!(roots(&[both[0], (own, "/own")]), named(own, "/own"));
        assert_eq!(roots(&[both[0], (own, "")]), Roots::System);
    }

    #[test]
    fn a_named_file_must_have_certificates() {
        let directory = tempfile::tempdir().unwrap();
        let empty = directory.path().join("empty");
        std::fs::write(&empty, "").unwrap();
        let missing = directory.path().join("missing");
        for (path, problem) in [
            (directory.path(), "no certificate"),
            (&missing, "no certificate"),
            (&empty, "no certificate"),
            #[cfg(unix)]
            (Path::new("/dev/null"), "not a regular file"),
        ] {
            let error = named("SSL_CERT_FILE", path.to_str().unwrap()).read().unwrap_err();
            let text = error.to_string();
            assert!(text.contains("SSL_CERT_FILE") && text.contains(problem), "{text}");
        }
    }

    fn hosts(variables: &[(&str, &str)]) -> VerifiedHosts {
        let mut warnings = Vec::new();
        let hosts = VerifiedHosts::new(&Variables::of(variables), &mut warnings);
        assert_eq!(warnings, [""; 0]);
        hosts
    }

    #[test]
    fn hosts_are_verified_unless_excepted() {
        assert!(hosts(&[]).contains("example.org"));
        let all = hosts(&[("JULIA_NO_VERIFY_HOSTS", "**"), ("JULIA_ALWAYS_VERIFY_HOSTS", "*.org")]);
        assert!(!all.contains("example.com") && !all.contains("::1"));
        assert!(all.contains("example.org") && !all.contains("a.example.org"));
        let ssl = hosts(&[("JULIA_SSL_NO_VERIFY_HOSTS", "localhost , A.example.org")]);
        assert!(
            !ssl.contains("localhost")
                && !ssl.contains("a.EXAMPLE.org")
                && ssl.contains("example.org")
        );
    }

    /// The examples of NetworkOptions' documentation.
    #[test]
    fn patterns_match_parts() {
        let verifies = |pattern, host| hosts(&[("JULIA_NO_VERIFY_HOSTS", pattern)]).contains(host);
        for (pattern, matching, others) in [
            ("**.org", &["example.org", "a.b.org"][..], &["org.com", "a.com"][..]),
            ("*.example.com", &["api.example.com"], &["example.com", "v1.api.example.com"]),
            ("**.example.com", &["example.com", "api.example.com", "v1.api.example.com"], &["com"]),
            ("a.**", &["a.b", "a.b.c"], &["a", "b.a"]),
            ("127.0.0.*", &["127.0.0.1"], &["127.0.1.1"]),
        ] {
            assert!(matching.iter().all(|host| !verifies(pattern, host)), "{pattern}");
            assert!(others.iter().all(|host| verifies(pattern, host)), "{pattern}");
        }
    }

    #[test]
    fn an_invalid_pattern_is_reported_and_ignored() {
        let variables = Variables::of(&[("JULIA_NO_VERIFY_HOSTS", "a..b,***,good,bad host")]);
        let mut warnings = Vec::new();
        let hosts = VerifiedHosts::new(&variables, &mut warnings);
        assert_eq!(warnings.len(), 3);
        assert!(!hosts.contains("good"));
    }
}
