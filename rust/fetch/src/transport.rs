//! Sending and receiving on connections, such that a transfer can be cancelled and a stalled one
//! ends.
//!
//! ureq's own transport blocks in the system for the length of its time-outs. This one blocks for a
//! moment at a time and checks [`Progress`] in between. Operations without a time-out, such as name
//! resolution, run on a thread of their own, which is abandoned when the work is cancelled.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use scratchrs_fs::{Cancelled, Progress};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
};
use ureq::{Error, Timeout};

use crate::connect::{POLL_INTERVAL, Peer, Target, connect, is_timeout, timed_out};
use crate::error::Reason;
use crate::proxy::Proxy;
use crate::settings::Timeouts;
use crate::url::basic_authorization;

/// The lowest speed of a transfer in bytes per second; a slower one counts as stalled. It is
/// `CURLOPT_LOW_SPEED_LIMIT` as set by Julia's Downloads (`Downloads/src/Curl/Easy.jl`).
const LOW_SPEED_LIMIT: u64 = 1;

/// How many bytes may be received without content: headers, chunk sizes, trailers, TLS records.
const MAX_OVERHEAD: usize = 1024 * 1024;

thread_local! {
    /// How many bytes the connections of this thread have received since the last content. One
    /// thread sends a request and reads its whole response, on whichever connection.
    #[cfg_attr(windows, allow(
        clippy::missing_const_for_thread_local,
        reason = "the initializer is const; the lint does not see that on Windows"
    ))]
    static OVERHEAD: Cell<usize> = const { Cell::new(0) };
}

/// Records that content was received on this thread, or that a request begins: [`MAX_OVERHEAD`]
/// bytes may be received until the next content.
pub(crate) fn content_received() {
    OVERHEAD.set(0);
}

/// Opens connections to servers, or to their proxies.
#[derive(Debug)]
pub(crate) struct CancellableConnector {
    pub(crate) peer: Peer,
    pub(crate) timeouts: Timeouts,
    pub(crate) progress: Progress,
}

/// Resolves nothing: names are resolved by the thread that connects.
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
        let target = Target::of(details.uri).ok_or_else(|| own_error(Reason::InvalidUrl))?;
        let stream = self.open(target.clone()).map_err(own_error)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(POLL_INTERVAL))?;
        stream.set_write_timeout(Some(POLL_INTERVAL))?;
        let config = details.config;
        Ok(Some(Either::B(CancellableTransport {
            stream,
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
            speed: Speed::new(self.timeouts.stall),
            progress: self.progress.clone(),
            forwarding: match &self.peer {
                Peer::ForwardProxy(proxy) => Some(Forwarding::new(&target, proxy)),
                Peer::Server | Peer::SocksProxy(_) => None,
            },
        })))
    }
}

impl CancellableConnector {
    /// Connects on a thread of its own: name resolution has no time-out, and the system's call to
    /// connect can't be interrupted.
    fn open(&self, target: Target) -> Result<TcpStream, Reason> {
        let (sender, receiver) = mpsc::channel();
        let peer = self.peer.clone();
        let deadline = Instant::now() + self.timeouts.connect;
        let connect = move || {
            // The receiver is dropped if the work was cancelled.
            let _ = sender.send(connect(&peer, &target, deadline));
        };
        let thread = thread::Builder::new().name("scratchrs-connect".to_owned()).spawn(connect);
        thread.map_err(|error| Reason::ConnectionFailed(error.to_string()))?;
        loop {
            match receiver.recv_timeout(POLL_INTERVAL) {
                Ok(result) => return result,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Reason::ConnectionFailed("the connecting thread died".to_owned()));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.progress.check().is_err() || Instant::now() >= deadline {
                return Err(timed_out());
            }
        }
    }
}

/// Carries a reason through ureq.
fn own_error(reason: Reason) -> Error {
    Error::Other(Box::new(reason))
}

/// A TCP connection.
#[derive(Debug)]
pub(crate) struct CancellableTransport {
    stream: TcpStream,
    buffers: LazyBuffers,
    speed: Speed,
    progress: Progress,
    forwarding: Option<Forwarding>,
}

/// Measures whether a transfer reaches [`LOW_SPEED_LIMIT`] over a period of waiting. Time not spent
/// waiting, such as while a file is written, does not count.
#[derive(Debug)]
struct Speed {
    period: Duration,
    /// The time spent waiting in this period.
    waited: Duration,
    /// The bytes transferred in this period.
    bytes: u64,
}

impl Speed {
    fn new(period: Duration) -> Self {
        Self { period, waited: Duration::ZERO, bytes: 0 }
    }

    fn restart(&mut self) {
        *self = Self::new(self.period);
    }

    fn transferred(&mut self, bytes: usize, waited: Duration) {
        self.bytes += bytes as u64;
        self.waited += waited;
        // One byte less than the limit, or a transfer exactly at the limit could count as too slow.
        let enough = (self.period.as_secs() * LOW_SPEED_LIMIT).saturating_sub(1).max(1);
        if self.bytes >= enough {
            self.restart();
        }
    }

    /// Whether it is too slow, after waiting for another `waited`.
    fn is_too_slow(&self, waited: Duration) -> bool {
        self.waited + waited >= self.period
    }
}

/// The form of a request to a forwarding proxy: ureq sends requests to servers only.
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
        let header =
            header.map(|login| format!("Proxy-Authorization: {}\r\n", basic_authorization(login)));
        Self { origin, header: header.unwrap_or_default() }
    }

    /// The head of a request, with the whole URL in its first line and the login for the proxy.
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
    /// Checks whether to go on waiting for the peer, from which nothing was received since `since`.
    fn wait_on(&self, since: Instant) -> Result<(), Error> {
        if self.progress.check().is_err() {
            return Err(Error::Other(Box::new(Cancelled)));
        }
        if self.speed.is_too_slow(since.elapsed()) {
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
                    self.speed.transferred(count, since.elapsed());
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

/// Counts received bytes, and fails if there are too many without content.
fn check_overhead(received: usize) -> Result<(), Error> {
    let overhead = OVERHEAD.get().saturating_add(received);
    OVERHEAD.set(overhead);
    if overhead <= MAX_OVERHEAD {
        return Ok(());
    }
    let message =
        format!("{MAX_OVERHEAD} bytes of headers or trailers were received without content");
    Err(own_error(Reason::Protocol(message)))
}

impl Transport for CancellableTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    /// ureq passes the whole head of a request at once, and requests have no bodies.
    fn transmit_output(&mut self, amount: usize, _timeout: NextTimeout) -> Result<(), Error> {
        let output = &self.buffers.output()[..amount];
        let output = match &self.forwarding {
            Some(forwarding) => forwarding.rewrite(output),
            None => output.to_vec(),
        };
        self.speed.restart();
        self.write(&output)
    }

    fn await_input(&mut self, _timeout: NextTimeout) -> Result<bool, Error> {
        let since = Instant::now();
        loop {
            let room = self.buffers.input_append_buf();
            match self.stream.read(room) {
                Ok(count) => {
                    self.buffers.input_appended(count);
                    self.speed.transferred(count, since.elapsed());
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

    /// Whether the server has neither closed the connection nor sent unrequested bytes.
    fn is_open(&mut self) -> bool {
        let peek = self.stream.set_nonblocking(true).and_then(|()| self.stream.peek(&mut [0]));
        let is_quiet = peek.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        self.stream.set_nonblocking(false).is_ok() && is_quiet
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::Protocol;

    #[test]
    fn a_byte_per_second_is_fast_enough_and_less_is_not() {
        let seconds = Duration::from_secs;
        let mut speed = Speed::new(seconds(20));
        for _ in 0..100 {
            assert!(!speed.is_too_slow(seconds(1)));
            speed.transferred(1, seconds(1));
        }
        let mut slow = Speed::new(seconds(20));
        for _ in 0..9 {
            assert!(!slow.is_too_slow(seconds(2)));
            slow.transferred(1, seconds(2));
        }
        assert!(slow.is_too_slow(seconds(2)), "9 bytes in 18 s, and none in 2 s more");
        slow.restart();
        assert!(!slow.is_too_slow(seconds(19)) && slow.is_too_slow(seconds(20)));
    }

    #[test]
    fn a_request_to_a_proxy_has_the_whole_url() {
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
