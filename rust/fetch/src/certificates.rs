//! Whom to trust, by the rules of Julia's NetworkOptions.
//!
//! Source: NetworkOptions, `ca_roots.jl`. Where Julia falls back to the certificates that come
//! with it, and on systems that keep theirs in no file, those of Mozilla are taken.

use std::path::{Path, PathBuf};

use scratchrs_fs as fs;
use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use crate::error::Reason;
use crate::settings::Variables;

/// Where the system keeps the certificates that it trusts.
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

/// Where the certificates are that are trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Roots {
    /// Where the system has them.
    #[default]
    System,
    /// In a file or directory that a variable names.
    Named { variable: &'static str, path: PathBuf },
}

impl Roots {
    /// The first of JULIA_SSL_CA_ROOTS_PATH, SSL_CERT_FILE and SSL_CERT_DIR that is set. The
    /// others do not count where the first is empty.
    pub(crate) fn new(variables: &Variables) -> Self {
        const OWN: &str = "JULIA_SSL_CA_ROOTS_PATH";
        if variables.get(OWN) == Some("") {
            return Self::System;
        }
        for variable in [OWN, "SSL_CERT_FILE", "SSL_CERT_DIR"] {
            if let Some(path) = variables.first(&[variable]) {
                return Self::Named { variable, path: path.into() };
            }
        }
        Self::System
    }

    /// Reads the certificates.
    ///
    /// # Errors
    ///
    /// If they cannot be read, or there is none where a variable says that they are.
    pub(crate) fn read(&self) -> Result<RootCerts, Reason> {
        match self {
            Self::System => Ok(read_system()),
            Self::Named { variable, path } => {
                let told =
                    |what: String| Reason::Certificates(format!("{what}, which {variable} names"));
                let certificates = read_path(path).map_err(|error| told(error.to_string()))?;
                if certificates.is_empty() {
                    let path = path.display();
                    return Err(told(format!("there is no certificate in `{path}`")));
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
    let Ok(entries) = path.read_dir() else {
        return read_file(path);
    };
    // Beside certificates, such a directory may have anything in it.
    let certificates = entries.flatten().filter_map(|entry| read_file(&entry.path()).ok());
    Ok(certificates.flatten().collect())
}

fn read_file(path: &Path) -> fs::Result<Vec<Certificate<'static>>> {
    let pem = fs::read(path)?;
    let certificate = |item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    };
    Ok(parse_pem(&pem).filter_map(certificate).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots(variables: &[(&str, &str)]) -> Roots {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Roots::new(&Variables::new(variables.iter().map(owned).collect()))
    }

    fn named(variable: &'static str, path: &str) -> Roots {
        Roots::Named { variable, path: path.into() }
    }

    #[test]
    fn the_first_variable_that_is_set_names_them() {
        let own = "JULIA_SSL_CA_ROOTS_PATH";
        assert_eq!(roots(&[]), Roots::System);
        let both = [("SSL_CERT_DIR", "/dir"), ("SSL_CERT_FILE", "/file")];
        assert_eq!(roots(&both), named("SSL_CERT_FILE", "/file"));
        assert_eq!(roots(&[both[0], ("SSL_CERT_FILE", "")]), named("SSL_CERT_DIR", "/dir"));
        assert_eq!(roots(&[both[0], (own, "/own")]), named(own, "/own"));
        assert_eq!(roots(&[both[0], (own, "")]), Roots::System);
    }

    #[test]
    fn what_is_named_has_to_have_certificates() {
        let directory = tempfile::tempdir().unwrap();
        let empty = directory.path().join("empty");
        std::fs::write(&empty, "").unwrap();
        let missing = directory.path().join("missing");
        for (path, problem) in [
            (directory.path(), "no certificate"),
            (&missing, "no certificate"),
            (&empty, "no certificate"),
            (Path::new("/dev/null"), "not a regular file"),
        ] {
            let error = named("SSL_CERT_FILE", path.to_str().unwrap()).read().unwrap_err();
            let text = error.to_string();
            assert!(text.contains("SSL_CERT_FILE") && text.contains(problem), "{text}");
        }
    }
}
