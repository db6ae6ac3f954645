//! Opens TCP connections, to servers and to proxies.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use scratchrs_fs::system_message;
use ureq::http::Uri;

use crate::error::Reason;
use crate::proxy::{Protocol, Proxy};

/// How often code that waits checks for cancellation.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The peer of a connection.
#[derive(Clone, Debug)]
pub(crate) enum Peer {
    /// The server, or a proxy that ureq handles.
    Server,
    /// An HTTP proxy that forwards requests.
    ForwardProxy(Proxy),
    /// A SOCKS proxy.
    SocksProxy(Proxy),
}

/// That a connection took longer than allowed.
pub(crate) fn timed_out() -> Reason {
    Reason::ConnectionFailed("timed out".to_owned())
}

/// A host and its port.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Target {
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let host = uri.host()?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        Some(Self { host: host.to_owned(), port: uri.port_u16().unwrap_or(default) })
    }

    fn addresses(&self) -> Result<Vec<SocketAddr>, Reason> {
        let addresses = (self.host.as_str(), self.port).to_socket_addrs();
        addresses.map(Iterator::collect).map_err(|error| {
            let text = error.to_string();
            let message = text.rsplit(": ").next().unwrap_or(&text).to_owned();
            // The text of EAI_AGAIN: the standard library does not give the number.
            let is_temporary = message.starts_with("Temporary failure");
            Reason::HostNotFound { host: self.host.clone(), message, is_temporary }
        })
    }
}

/// Connects to `target`, or to the proxy that `peer` names. Blocks: the system resolves names
/// without a time-out.
pub(crate) fn connect(
    peer: &Peer,
    target: &Target,
    deadline: Instant,
) -> Result<TcpStream, Reason> {
    match peer {
        Peer::Server => connect_to(target, deadline),
        Peer::ForwardProxy(proxy) | Peer::SocksProxy(proxy) => {
            let address = Target { host: proxy.host.clone(), port: proxy.port };
            let stream = connect_to(&address, deadline);
            let stream = stream.map_err(|reason| match reason {
                reason @ Reason::HostNotFound { .. } => Reason::Proxy(reason.to_string()),
                Reason::ConnectionFailed(message) => {
                    let Proxy { host, port, .. } = proxy;
                    Reason::ConnectionFailed(format!("{message} (at the proxy, {host}:{port})"))
                }
                other => other,
            })?;
            if let Protocol::Socks { resolves } = proxy.protocol {
                socks_handshake(&stream, proxy, target, resolves, deadline)?;
            }
            Ok(stream)
        }
    }
}

/// Connects to the first address of a host that answers; each gets an equal share of the time.
fn connect_to(target: &Target, deadline: Instant) -> Result<TcpStream, Reason> {
    let addresses = target.addresses()?;
    let mut last = timed_out();
    for (index, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        if share.is_zero() {
            return Err(timed_out());
        }
        match TcpStream::connect_timeout(address, share) {
            Ok(stream) => return Ok(stream),
            Err(error) if is_timeout(&error) => last = timed_out(),
            Err(error) => last = Reason::ConnectionFailed(system_message(&error)),
        }
    }
    Err(last)
}

pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

/// Requests a connection to the target from a SOCKS 5 proxy (RFC 1928, RFC 1929).
fn socks_handshake(
    mut stream: &TcpStream,
    proxy: &Proxy,
    target: &Target,
    resolves: bool,
    deadline: Instant,
) -> Result<(), Reason> {
    const VERSION: u8 = 5;
    const NO_AUTHENTICATION: u8 = 0;
    const USER_AND_PASSWORD: u8 = 2;
    const CONNECT: u8 = 1;
    let broken = |error: io::Error| Reason::Proxy(system_message(&error));
    let refused = |why: &str| Reason::Proxy(why.to_owned());
    let left = deadline.saturating_duration_since(Instant::now()).max(POLL_INTERVAL);
    stream.set_read_timeout(Some(left)).map_err(broken)?;
    let methods: &[u8] = match proxy.credentials {
        Some(_) => &[VERSION, 2, NO_AUTHENTICATION, USER_AND_PASSWORD],
        None => &[VERSION, 1, NO_AUTHENTICATION],
    };
    let mut answer = [0; 2];
    stream.write_all(methods).and_then(|()| stream.read_exact(&mut answer)).map_err(broken)?;
    match (answer, &proxy.credentials) {
        ([VERSION, NO_AUTHENTICATION], _) => {}
        ([VERSION, USER_AND_PASSWORD], Some((user, password))) => {
            let mut login = vec![1];
            for text in [user, password] {
                login.push(u8::try_from(text.len()).map_err(|_| refused("its login is too long"))?);
                login.extend(text.as_bytes());
            }
            stream
                .write_all(&login)
                .and_then(|()| stream.read_exact(&mut answer))
                .map_err(broken)?;
            if answer[1] != 0 {
                return Err(refused("it rejects the user name or the password"));
            }
        }
        ([VERSION, _], _) => return Err(refused("it requires a login")),
        _ => return Err(refused("it is not a SOCKS 5 proxy")),
    }
    let mut request = vec![VERSION, CONNECT, 0];
    request.extend(socks_address(target, resolves)?);
    request.extend(target.port.to_be_bytes());
    let mut head = [0; 4];
    stream.write_all(&request).and_then(|()| stream.read_exact(&mut head)).map_err(broken)?;
    if head[1] != 0 {
        return Err(refused(socks_refusal(head[1])));
    }
    // The address that the proxy uses for the connection, which is not needed.
    let length = match head[3] {
        1 => 4,
        4 => 16,
        _ => {
            let mut length = [0];
            stream.read_exact(&mut length).map_err(broken)?;
            usize::from(length[0])
        }
    };
    stream.read_exact(&mut vec![0; length + 2]).map_err(broken)
}

fn socks_address(target: &Target, resolves: bool) -> Result<Vec<u8>, Reason> {
    let address = match (target.host.parse(), resolves) {
        (Ok(address), _) => address,
        (Err(_), false) => match target.addresses()?.first() {
            Some(address) => address.ip(),
            None => return Err(Reason::InvalidUrl),
        },
        (Err(_), true) => {
            let length = u8::try_from(target.host.len()).map_err(|_| Reason::InvalidUrl)?;
            let mut bytes = vec![3, length];
            bytes.extend(target.host.as_bytes());
            return Ok(bytes);
        }
    };
    Ok(match address {
        std::net::IpAddr::V4(address) => [&[1][..], &address.octets()].concat(),
        std::net::IpAddr::V6(address) => [&[4][..], &address.octets()].concat(),
    })
}

fn socks_refusal(code: u8) -> &'static str {
    match code {
        2 => "its rules do not allow the connection",
        3 => "it can't reach the network of the server",
        4 => "it can't reach the server",
        5 => "the server refuses the connection",
        6 => "its connection timed out",
        7 | 8 => "it does not support the request",
        _ => "it failed",
    }
}
