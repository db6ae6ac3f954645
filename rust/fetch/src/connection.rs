//! Connections that are given up when nobody wants them any more, or nothing comes.
//!
//! ureq's own wait in the system for as long as their time-outs say. These wait for a moment at a
//! time and look at the [`Progress`] in between; what cannot be waited for in that way, as a look-up
//! of a name, is done on a thread that nobody waits for any longer than need be.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use scratchrs_fs::{Cancelled, Progress};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
};
use ureq::{Error, Timeout};

use crate::error::Reason;
use crate::netrc::Login;
use crate::proxy::{Protocol, Proxy};
use crate::settings::Patience;

/// The interval between checks for cancellation.
const MOMENT: Duration = Duration::from_millis(50);

/// The slowest transfer that goes on, in bytes per second: `CURLOPT_LOW_SPEED_LIMIT` as Julia's
/// Downloads sets it (`Downloads/src/Curl/Easy.jl`).
const LOW_SPEED_LIMIT: u64 = 1;

/// How many bytes may come without any content among them: heads, sizes of chunks, trailers, TLS.
const MOST_OVERHEAD: usize = 1024 * 1024;

thread_local! {
    /// How many bytes the connections of this thread have received since the last content. One thread
    /// sends a request and reads its whole answer, whichever connection that is on.
    static OVERHEAD: Cell<usize> = const { Cell::new(0) };
}

/// Tells the connections of this thread that content was received, or that a request begins: from
/// now on a connection may receive [`MOST_OVERHEAD`] bytes until the next content.
pub(crate) fn content_received() {
    OVERHEAD.set(0);
}

/// Makes connections to servers, or to the proxy that stands in front of them.
#[derive(Debug)]
pub(crate) struct CancellableConnector {
    pub(crate) via: Via,
    pub(crate) patience: Patience,
    pub(crate) progress: Progress,
}

/// What stands at the other end of a connection.
#[derive(Clone, Debug)]
pub(crate) enum Via {
    /// The server; or a proxy that ureq talks to.
    Nothing,
    /// A proxy that passes requests on.
    Forward(Proxy),
    /// A SOCKS proxy.
    Socks(Proxy),
}

/// Leaves looking up names to the thread that connects.
#[derive(Debug)]
pub(crate) struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(
        &self,
        _uri: &Uri,
        _config: &Config,
        _timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

impl<In: Transport> Connector<In> for CancellableConnector {
    type Out = Either<In, CancellableTransport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        if let Some(transport) = chained {
            return Ok(Some(Either::A(transport)));
        }
        let target = Target::of(details.uri).ok_or_else(|| own_error(Reason::NoUrl))?;
        let stream = self.open(target.clone()).map_err(own_error)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(MOMENT))?;
        stream.set_write_timeout(Some(MOMENT))?;
        let config = details.config;
        Ok(Some(Either::B(CancellableTransport {
            stream,
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
            pace: Pace::new(self.patience.stall),
            progress: self.progress.clone(),
            forwarding: match &self.via {
                Via::Forward(proxy) => Some(Forwarding::new(&target, proxy)),
                Via::Nothing | Via::Socks(_) => None,
            },
        })))
    }
}

impl CancellableConnector {
    /// Connects on a thread of its own: names are looked up without a time-out, and the system's
    /// call to connect can't be broken off.
    fn open(&self, target: Target) -> Result<TcpStream, Reason> {
        let (sender, receiver) = mpsc::channel();
        let via = self.via.clone();
        let deadline = Instant::now() + self.patience.connect;
        let connect = move || {
            // The receiver is gone if the work was cancelled.
            let _ = sender.send(connect(&via, &target, deadline));
        };
        let thread = thread::Builder::new().name("scratchrs-connect".to_owned()).spawn(connect);
        thread.map_err(|error| Reason::NoConnection(error.to_string()))?;
        loop {
            match receiver.recv_timeout(MOMENT) {
                Ok(result) => return result,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Reason::NoConnection("the thread that connects died".to_owned()));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.progress.check().is_err() || Instant::now() >= deadline {
                return Err(too_slow());
            }
        }
    }
}

/// Carries a reason through ureq.
fn own_error(reason: Reason) -> Error {
    Error::Other(Box::new(reason))
}

fn too_slow() -> Reason {
    Reason::NoConnection("it took too long".to_owned())
}

/// A host and its port.
#[derive(Clone, Debug)]
struct Target {
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
}

impl Target {
    fn of(uri: &Uri) -> Option<Self> {
        let host = uri.host()?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        Some(Self { host: host.to_owned(), port: uri.port_u16().unwrap_or(usual) })
    }

    fn addresses(&self) -> Result<Vec<SocketAddr>, Reason> {
        let addresses = (self.host.as_str(), self.port).to_socket_addrs();
        addresses.map(Iterator::collect).map_err(|error| {
            let text = error.to_string();
            let message = text.rsplit(": ").next().unwrap_or(&text).to_owned();
            // The text of EAI_AGAIN, of which the standard library does not tell the number.
            let may_pass = message.starts_with("Temporary failure");
            Reason::NoHost { host: self.host.clone(), message, may_pass }
        })
    }
}

fn connect(via: &Via, target: &Target, deadline: Instant) -> Result<TcpStream, Reason> {
    match via {
        Via::Nothing => connect_to(target, deadline),
        Via::Forward(proxy) | Via::Socks(proxy) => {
            let address = Target { host: proxy.host.clone(), port: proxy.port };
            let stream = connect_to(&address, deadline);
            let stream = stream.map_err(|reason| match reason {
                Reason::NoHost { host, message, .. } => {
                    Reason::Proxy(format!("there is no host `{host}`: {message}"))
                }
                Reason::NoConnection(message) => Reason::NoConnection(format!(
                    "{message} (at the proxy, {}:{})",
                    proxy.host, proxy.port
                )),
                other => other,
            })?;
            if let Protocol::Socks { resolves } = proxy.protocol {
                greet_socks(&stream, proxy, target, resolves, deadline)?;
            }
            Ok(stream)
        }
    }
}

/// Connects to one of the addresses of a host, and gives each its share of the time.
fn connect_to(target: &Target, deadline: Instant) -> Result<TcpStream, Reason> {
    let addresses = target.addresses()?;
    let mut last = too_slow();
    for (index, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        if share.is_zero() {
            return Err(too_slow());
        }
        match TcpStream::connect_timeout(address, share) {
            Ok(stream) => return Ok(stream),
            Err(error) if is_timeout(&error) => last = too_slow(),
            Err(error) => last = Reason::NoConnection(words(&error)),
        }
    }
    Err(last)
}

/// The value of a header that tells a login.
pub(crate) fn basic((user, password): &Login) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

/// The system's words, in the middle of a sentence.
pub(crate) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or(&text).to_lowercase()
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

/// Asks a SOCKS 5 proxy for a connection to the target (RFC 1928, RFC 1929).
fn greet_socks(
    mut stream: &TcpStream,
    proxy: &Proxy,
    target: &Target,
    resolves: bool,
    deadline: Instant,
) -> Result<(), Reason> {
    const VERSION: u8 = 5;
    const NO_METHOD: u8 = 0;
    const USER_AND_PASSWORD: u8 = 2;
    const CONNECT: u8 = 1;
    let broken = |error: io::Error| Reason::Proxy(words(&error));
    let refuses = |what: &str| Reason::Proxy(what.to_owned());
    let left = deadline.saturating_duration_since(Instant::now()).max(MOMENT);
    stream.set_read_timeout(Some(left)).map_err(broken)?;
    let methods: &[u8] = match proxy.credentials {
        Some(_) => &[VERSION, 2, NO_METHOD, USER_AND_PASSWORD],
        None => &[VERSION, 1, NO_METHOD],
    };
    let mut answer = [0; 2];
    stream.write_all(methods).and_then(|()| stream.read_exact(&mut answer)).map_err(broken)?;
    match (answer, &proxy.credentials) {
        ([VERSION, NO_METHOD], _) => {}
        ([VERSION, USER_AND_PASSWORD], Some((user, password))) => {
            let mut login = vec![1];
            for text in [user, password] {
                login.push(u8::try_from(text.len()).map_err(|_| refuses("its login is too long"))?);
                login.extend(text.as_bytes());
            }
            stream
                .write_all(&login)
                .and_then(|()| stream.read_exact(&mut answer))
                .map_err(broken)?;
            if answer[1] != 0 {
                return Err(refuses("it refuses the user or the password"));
            }
        }
        ([VERSION, _], _) => return Err(refuses("it wants to know who asks")),
        _ => return Err(refuses("it speaks no SOCKS 5")),
    }
    let mut request = vec![VERSION, CONNECT, 0];
    request.extend(socks_address(target, resolves)?);
    request.extend(target.port.to_be_bytes());
    let mut head = [0; 4];
    stream.write_all(&request).and_then(|()| stream.read_exact(&mut head)).map_err(broken)?;
    if head[1] != 0 {
        return Err(refuses(socks_refusal(head[1])));
    }
    // The address that the proxy has taken for the connection; nobody needs it.
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
            None => return Err(Reason::NoUrl),
        },
        (Err(_), true) => {
            let length = u8::try_from(target.host.len()).map_err(|_| Reason::NoUrl)?;
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
        6 => "its connection took too long",
        7 | 8 => "it does not do what it was asked for",
        _ => "it failed",
    }
}

/// A TCP connection.
#[derive(Debug)]
pub(crate) struct CancellableTransport {
    stream: TcpStream,
    buffers: LazyBuffers,
    pace: Pace,
    progress: Progress,
    forwarding: Option<Forwarding>,
}

/// Whether a transfer is fast enough: [`LOW_SPEED_LIMIT`] over a period of waiting. Time in which
/// nothing is waited for, as while a file is written, does not count.
#[derive(Debug)]
struct Pace {
    period: Duration,
    /// For how long the transfer was waited for in this period.
    waited: Duration,
    /// How many bytes were transferred meanwhile.
    bytes: u64,
}

impl Pace {
    fn new(period: Duration) -> Self {
        Self { period, waited: Duration::ZERO, bytes: 0 }
    }

    fn restart(&mut self) {
        *self = Self::new(self.period);
    }

    fn transferred(&mut self, bytes: usize, waited: Duration) {
        self.bytes += bytes as u64;
        self.waited += waited;
        // One less than the limit says, or a transfer at the very limit could be found too slow.
        let enough = (self.period.as_secs() * LOW_SPEED_LIMIT).saturating_sub(1).max(1);
        if self.bytes >= enough {
            self.restart();
        }
    }

    /// Whether it is too slow, after waiting once more for `waited`.
    fn is_too_slow(&self, waited: Duration) -> bool {
        self.waited + waited >= self.period
    }
}

/// How a request looks to a proxy that passes it on: ureq knows only requests to servers.
#[derive(Debug)]
struct Forwarding {
    origin: String,
    header: String,
}

impl Forwarding {
    fn new(target: &Target, proxy: &Proxy) -> Self {
        let Target { host, port } = target;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let origin =
            if *port == 80 { format!("http://{host}") } else { format!("http://{host}:{port}") };
        let header = proxy.credentials.as_ref();
        let header = header.map(|login| format!("Proxy-Authorization: {}\r\n", basic(login)));
        Self { origin, header: header.unwrap_or_default() }
    }

    /// The head of a request: with the whole URL in its first line, and who asks.
    fn rewrite(&self, head: &[u8]) -> Vec<u8> {
        let line_end = head.windows(2).position(|pair| pair == b"\r\n").map(|index| index + 2);
        let path = head.iter().position(|byte| *byte == b' ').map(|index| index + 1);
        let (Some(path), Some(line_end)) = (path, line_end) else { return head.to_vec() };
        let parts = [
            &head[..path],
            self.origin.as_bytes(),
            &head[path..line_end],
            self.header.as_bytes(),
            &head[line_end..],
        ];
        parts.concat()
    }
}

impl CancellableTransport {
    /// Whether to go on waiting for the other end, which has been silent since `since`.
    fn wait_on(&self, since: Instant) -> Result<(), Error> {
        if self.progress.check().is_err() {
            return Err(Error::Other(Box::new(Cancelled)));
        }
        if self.pace.is_too_slow(since.elapsed()) {
            return Err(Error::Timeout(Timeout::PerRead));
        }
        Ok(())
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        let mut since = Instant::now();
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Ok(count) => {
                    bytes = &bytes[count..];
                    self.pace.transferred(count, since.elapsed());
                    since = Instant::now();
                }
                Err(error) if is_timeout(&error) => self.wait_on(since)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Counts bytes that were received, and fails if too many came without content.
fn check_overhead(received: usize) -> Result<(), Error> {
    let overhead = OVERHEAD.get().saturating_add(received);
    OVERHEAD.set(overhead);
    if overhead <= MOST_OVERHEAD {
        return Ok(());
    }
    let message = format!("{MOST_OVERHEAD} bytes of headers or trailers came without content");
    Err(own_error(Reason::Protocol(message)))
}

impl Transport for CancellableTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    /// ureq gives the whole head of a request at once, and there are no bodies.
    fn transmit_output(&mut self, amount: usize, _timeout: NextTimeout) -> Result<(), Error> {
        let output = &self.buffers.output()[..amount];
        let output = match &self.forwarding {
            Some(forwarding) => forwarding.rewrite(output),
            None => output.to_vec(),
        };
        self.pace.restart();
        self.write(&output)
    }

    fn await_input(&mut self, _timeout: NextTimeout) -> Result<bool, Error> {
        let since = Instant::now();
        loop {
            let room = self.buffers.input_append_buf();
            match self.stream.read(room) {
                Ok(count) => {
                    self.buffers.input_appended(count);
                    self.pace.transferred(count, since.elapsed());
                    self.wait_on(Instant::now())?;
                    check_overhead(count)?;
                    return Ok(count > 0);
                }
                Err(error) if is_timeout(&error) => self.wait_on(since)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether the server has neither closed the connection nor sent what nobody asked for.
    fn is_open(&mut self) -> bool {
        let peek = self.stream.set_nonblocking(true).and_then(|()| self.stream.peek(&mut [0]));
        let is_quiet = peek.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        self.stream.set_nonblocking(false).is_ok() && is_quiet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_per_second_is_fast_enough_and_less_is_not() {
        let seconds = Duration::from_secs;
        let mut pace = Pace::new(seconds(20));
        for _ in 0..100 {
            assert!(!pace.is_too_slow(seconds(1)));
            pace.transferred(1, seconds(1));
        }
        let mut slow = Pace::new(seconds(20));
        for _ in 0..9 {
            assert!(!slow.is_too_slow(seconds(2)));
            slow.transferred(1, seconds(2));
        }
        assert!(slow.is_too_slow(seconds(2)), "18 s brought 9 bytes, and 2 s more bring none");
        slow.restart();
        assert!(!slow.is_too_slow(seconds(19)) && slow.is_too_slow(seconds(20)));
    }

    #[test]
    fn a_proxy_is_asked_for_the_whole_url() {
        let proxy = |credentials| Proxy {
            protocol: Protocol::Http,
            host: "proxy".to_owned(),
            port: 1080,
            credentials,
        };
        let target = Target { host: "::1".to_owned(), port: 8080 };
        let login = Some(("ada".to_owned(), "pw".to_owned()));
        let rewritten =
            Forwarding::new(&target, &proxy(login)).rewrite(b"GET /a HTTP/1.1\r\nA: b\r\n\r\n");
        assert_eq!(
            String::from_utf8(rewritten).unwrap(),
            "GET http://[::1]:8080/a HTTP/1.1\r\nProxy-Authorization: Basic YWRhOnB3\r\nA: b\r\n\r\n"
        );
        let target = Target { host: "h".to_owned(), port: 80 };
        let rewritten = Forwarding::new(&target, &proxy(None)).rewrite(b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!(rewritten, b"GET http://h/ HTTP/1.1\r\n\r\n");
    }
}
