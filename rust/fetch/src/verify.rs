//! Of which hosts the certificate is verified, by the rules of Julia's NetworkOptions.
//!
//! Source: NetworkOptions, `verify_host.jl`.

use crate::settings::Variables;

/// The hosts whose certificates are verified, and those whose are not.
#[derive(Clone, Debug, Default)]
pub(crate) struct VerifiedHosts {
    always: Patterns,
    never: Patterns,
}

impl VerifiedHosts {
    /// Reads JULIA_ALWAYS_VERIFY_HOSTS, JULIA_NO_VERIFY_HOSTS and JULIA_SSL_NO_VERIFY_HOSTS.
    pub(crate) fn new(variables: &Variables, complaints: &mut Vec<String>) -> Self {
        let mut patterns = |names: &[&str]| {
            let mut patterns = Patterns::default();
            for name in names {
                patterns.read(name, variables.get(name).unwrap_or(""), complaints);
            }
            patterns
        };
        Self {
            always: patterns(&["JULIA_ALWAYS_VERIFY_HOSTS"]),
            never: patterns(&["JULIA_NO_VERIFY_HOSTS", "JULIA_SSL_NO_VERIFY_HOSTS"]),
        }
    }

    pub(crate) fn has(&self, host: &str) -> bool {
        self.always.match_host(host) || !self.never.match_host(host)
    }
}

/// Patterns of host names: parts between dots, where `*` is any part and `**` any number of them.
#[derive(Clone, Debug, Default)]
struct Patterns(Vec<Vec<String>>);

impl Patterns {
    fn read(&mut self, variable: &str, value: &str, complaints: &mut Vec<String>) {
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
                complaints.push(format!("`{pattern}` in {variable} is no pattern of hosts"));
            }
        }
    }

    fn match_host(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let parts: Vec<_> = host.split('.').collect();
        self.0.iter().any(|pattern| pattern == &["**"] || matches(pattern, &parts))
    }
}

/// Whether a pattern matches the parts of a name; the last part of a name is never left over for
/// a `**` that stands for nothing.
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

    fn hosts(variables: &[(&str, &str)]) -> VerifiedHosts {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables = Variables::new(variables.iter().map(owned).collect());
        let mut complaints = Vec::new();
        let hosts = VerifiedHosts::new(&variables, &mut complaints);
        assert_eq!(complaints, [""; 0]);
        hosts
    }

    #[test]
    fn hosts_are_verified_unless_they_are_named() {
        assert!(hosts(&[]).has("example.org"));
        let all = hosts(&[("JULIA_NO_VERIFY_HOSTS", "**"), ("JULIA_ALWAYS_VERIFY_HOSTS", "*.org")]);
        assert!(!all.has("example.com") && !all.has("::1"));
        assert!(all.has("example.org") && !all.has("a.example.org"));
        let ssl = hosts(&[("JULIA_SSL_NO_VERIFY_HOSTS", "localhost , A.example.org")]);
        assert!(!ssl.has("localhost") && !ssl.has("a.EXAMPLE.org") && ssl.has("example.org"));
    }

    /// The examples of NetworkOptions' documentation.
    #[test]
    fn patterns_match_parts() {
        let verifies = |pattern, host| hosts(&[("JULIA_NO_VERIFY_HOSTS", pattern)]).has(host);
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
    fn a_bad_pattern_is_told_and_not_heeded() {
        let value = "a..b,***,good,bad host".to_owned();
        let variables = Variables::new(vec![("JULIA_NO_VERIFY_HOSTS".to_owned(), value)]);
        let mut complaints = Vec::new();
        let hosts = VerifiedHosts::new(&variables, &mut complaints);
        assert_eq!(complaints.len(), 3);
        assert!(!hosts.has("good"));
    }
}
