//! The proxy for a request, by libcurl's rules.
//!
//! Source: libcurl, `url.c` (`detect_proxy`), `noproxy.c`.

use std::net::IpAddr;

use crate::error::Reason;
use crate::url::{Login, Url, masked};
use crate::variables::Variables;

/// The proxies in the environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    http: Option<String>,
    https: Option<String>,
    exceptions: Exceptions,
}

/// How a request reaches its server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    /// Directly.
    Direct,
    /// The proxy gets the request and forwards it.
    Forward(Proxy),
    /// The proxy opens a connection to the server.
    Tunnel(Proxy),
}

/// A proxy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Proxy {
    pub(crate) protocol: Protocol,
    /// Without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// User name and password.
    pub(crate) credentials: Option<Login>,
}

/// The protocol of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Protocol {
    Http,
    Https,
    /// SOCKS 5; `resolves`: whether the proxy resolves host names.
    Socks {
        resolves: bool,
    },
}

impl Proxies {
    /// Reads http_proxy (in lower case only: a web server may set HTTP_PROXY from a header of a
    /// request), https_proxy, all_proxy and no_proxy. Lower case takes precedence.
    pub(crate) fn new(variables: &Variables) -> Self {
        let all = variables.first(&["all_proxy", "ALL_PROXY"]);
        let owned = |text: Option<&str>| text.or(all).map(str::to_owned);
        Self {
            http: owned(variables.first(&["http_proxy"])),
            https: owned(variables.first(&["https_proxy", "HTTPS_PROXY"])),
            exceptions: Exceptions::new(variables.first(&["no_proxy", "NO_PROXY"]).unwrap_or("")),
        }
    }

    /// The route for a request of a URL.
    ///
    /// # Errors
    ///
    /// The URL of the proxy is invalid, or has an unsupported scheme.
    pub(crate) fn route(&self, url: &Url) -> Result<Route, Reason> {
        let is_secure = url.scheme() == "https";
        let proxy = if is_secure { &self.https } else { &self.http };
        let Some(text) = proxy else { return Ok(Route::Direct) };
        if self.exceptions.contains(url.host()) {
            return Ok(Route::Direct);
        }
        let proxy = Proxy::parse(text)?;
        let forwards = !is_secure && proxy.protocol == Protocol::Http;
        Ok(if forwards { Route::Forward(proxy) } else { Route::Tunnel(proxy) })
    }
}

impl Proxy {
    fn parse(text: &str) -> Result<Self, Reason> {
        let with_scheme =
            if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let invalid =
            |problem: &str| Reason::Proxy(format!("`{}` {problem}", masked(&with_scheme)));
        let url = Url::parse(&with_scheme).map_err(|_| invalid("is not a URL"))?;
        // libcurl's default ports.
        let (protocol, default_port) = match url.scheme().as_str() {
            "http" => (Protocol::Http, 1080),
            "https" => (Protocol::Https, 443),
            "socks5" => (Protocol::Socks { resolves: false }, 1080),
            "socks5h" => (Protocol::Socks { resolves: true }, 1080),
            _ => {
                return Err(invalid(
                    "has an unsupported scheme: expected http, https, socks5 or socks5h",
                ));
            }
        };
        if url.host().is_empty() {
            return Err(invalid("has no host"));
        }
        let port = url.port().map_err(|_| invalid("has an invalid port"))?;
        let host = url.host().to_owned();
        let (host, port) = (host, port.unwrap_or(default_port));
        Ok(Self { protocol, host, port, credentials: url.login() })
    }
}

/// The hosts that are reached without a proxy.
#[derive(Clone, Debug, Default)]
struct Exceptions {
    /// Whether these are all hosts.
    all: bool,
    patterns: Vec<String>,
}

impl Exceptions {
    fn new(text: &str) -> Self {
        let separators = |c: char| c == ',' || c.is_ascii_whitespace();
        let patterns = text.split(separators).filter(|pattern| !pattern.is_empty());
        // A `*` among other patterns matches no host.
        Self { all: text == "*", patterns: patterns.map(str::to_owned).collect() }
    }

    fn contains(&self, host: &str) -> bool {
        if self.all {
            return true;
        }
        match host.parse::<IpAddr>() {
            Ok(address) => self.patterns.iter().any(|pattern| matches_address(pattern, address)),
            Err(_) => self.patterns.iter().any(|pattern| matches_name(pattern, host)),
        }
    }
}

/// Whether a host is the one in a pattern, or a subdomain of it.
fn matches_name(pattern: &str, host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let pattern = pattern.strip_suffix('.').unwrap_or(pattern);
    let pattern = pattern.strip_prefix('.').unwrap_or(pattern).to_ascii_lowercase();
    match host.strip_suffix(&pattern) {
        Some(above) => !pattern.is_empty() && (above.is_empty() || above.ends_with('.')),
        None => false,
    }
}

/// Whether an address is the one in a pattern, or in its network: `10.0.0.0/8`. With no bits, or an
/// invalid number of them, a pattern is one address.
fn matches_address(pattern: &str, address: IpAddr) -> bool {
    let (network, bits) = pattern.split_once('/').unwrap_or((pattern, "0"));
    let network = network.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(network);
    let Ok(network) = network.parse::<IpAddr>() else { return false };
    let (differs, all) = match (network, address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits() ^ b.to_bits()) << 96, 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits(), 128),
        _ => return false,
    };
    match bits.parse().unwrap_or(0) {
        0 => differs == 0,
        bits => bits <= all && differs.leading_zeros() >= bits,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use proptest::prelude::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::new(&Variables::of(variables))
    }

    fn route(variables: &[(&str, &str)], url: &str) -> Route {
        proxies(variables).route(&Url::parse(url).unwrap()).unwrap()
    }

    fn host(route: Route) -> String {
        match route {
            Route::Direct => "direct".to_owned(),
            Route::Forward(proxy) => format!("forward {}:{}", proxy.host, proxy.port),
            Route::Tunnel(proxy) => format!("tunnel {}:{}", proxy.host, proxy.port),
        }
    }

    #[test]
    fn each_scheme_has_its_proxy() {
        let both = [("http_proxy", "a:1"), ("HTTPS_PROXY", "b:2"), ("ALL_PROXY", "c:3")];
        assert_eq!(host(route(&both, "http://h/")), "forward a:1");
        assert_eq!(host(route(&both, "https://h/")), "tunnel b:2");
        assert_eq!(host(route(&both[2..], "https://h/")), "tunnel c:3");
        let cases = [("https_proxy", "lower"), ("HTTPS_PROXY", "upper")];
        assert_eq!(host(route(&cases, "https://h/")), "tunnel lower:1080");
        assert_eq!(host(route(&[("HTTP_PROXY", "a:1")], "http://h/")), "direct", "as in libcurl");
        assert_eq!(host(route(&[("http_proxy", "")], "http://h/")), "direct");
    }

    #[test]
    fn a_proxy_is_read_as_by_libcurl() {
        let proxy = Proxy::parse("socks5h://ada:p%40w@[::1]:9050").unwrap();
        assert_eq!(proxy.protocol, Protocol::Socks { resolves: true });
        assert_eq!((proxy.host.as_str(), proxy.port), ("::1", 9050));
        assert_eq!(proxy.credentials, Some(("ada".to_owned(), "p@w".to_owned())));
        assert_eq!(Proxy::parse("https://h").unwrap().port, 443);
        for wrong in ["ftp://h", "http://", "h:99999", "http://ada:secret@h:x"] {
            let text = format!("{}", Proxy::parse(wrong).unwrap_err());
            assert!(!text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn exceptions_are_hosts_and_their_subdomains() {
        let has = |list: &str, host: &str| Exceptions::new(list).contains(host);
        assert!(has("*", "anything") && !has("* ", "10.0.0.1"));
        assert!(!has("a,*", "anything"));
        for host in ["example.org", "a.example.org", "EXAMPLE.org.", "localhost"] {
            assert!(has("localhost, .example.org", host), "{host}");
        }
        for host in ["badexample.org", "example.org.uk", "host", "notlocalhost"] {
            assert!(!has("localhost .example.org", host), "{host}");
        }
        assert!(has("10.0.0.0/8", "10.1.2.3") && !has("10.0.0.0/8", "11.1.2.3"));
        assert!(has("10.0.0.1", "10.0.0.1") && !has("10.0.0.1", "10.0.0.2"));
        assert!(!has("10.0.0.0/0", "11.1.2.3") && has("10.0.0.0/x", "10.0.0.0"));
        assert!(!has("10.0.0.0/33", "10.0.0.0"));
        assert!(has("fe80::/10", "fe80::1") && !has("fe80::/10", "::1"));
        assert!(has("[::1]", "::1") && !has("10.0.0.0/8", "::ffff:10.0.0.1"));
        assert!(!has("0.0.1", "10.0.0.1"), "an address has no subdomains");
    }

    proptest! {
        #[test]
        fn a_subdomain_of_an_exception_is_one(
            name in "[a-z]{1,8}(\\.[a-z]{1,5}){0,3}", below in "[a-z]{1,5}", dot in "\\.?",
        ) {
            let exceptions = Exceptions::new(&format!("x.y, {dot}{name}"));
            let (below, beside) = (format!("{below}.{name}"), format!("{below}{name}"));
            prop_assert!(exceptions.contains(&name) && exceptions.contains(&below));
            prop_assert_eq!(exceptions.contains(&beside), beside.ends_with(".x.y"));
        }

        #[test]
        fn an_address_is_in_its_networks(address in any::<u32>(), other in any::<u32>(), bits in 1..=32_u32) {
            let [address, other] = [address, other].map(Ipv4Addr::from_bits);
            let mask = u32::MAX << (32 - bits);
            let expected = address.to_bits() & mask == other.to_bits() & mask;
            let exceptions = Exceptions::new(&format!("{address}/{bits}"));
            prop_assert!(exceptions.contains(&address.to_string()));
            prop_assert_eq!(exceptions.contains(&other.to_string()), expected);
        }

        #[test]
        fn no_text_panics(list in ".{0,40}", host in ".{0,20}", proxy in ".{0,40}") {
            Exceptions::new(&list).contains(&host);
            let _ = Proxy::parse(&proxy);
        }
    }
}
