//! A local web server that serves a directory, with faults selected by the URL.
//!
//! A path component `@…` is a fault before, or instead of, the response with the file; there may be
//! several. A fault with a number of times applies to the first requests of a path only.
//!
//! | path | behaviour |
//! |---|---|
//! | `/x.tar.gz` | sends the file; supports `Range` and `If-Range`, and sends an `ETag` |
//! | `/@status:503:2/x` | answers 503 twice |
//! | `/@busy:429:7:1/x` | answers 429 once, and asks to wait 7 s |
//! | `/@truncate:100:1/x` | breaks the connection after 100 bytes, once |
//! | `/@stall:100:1/x` | sends nothing more after 100 bytes, once |
//! | `/@mute:1/x` | sends nothing at all, once |
//! | `/@longer:5/x`, `/@shorter:5/x` | announces five bytes more, or less, than it sends |
//! | `/@chunked:7/x` | sends chunks of seven bytes |
//! | `/@closing/x` | announces no length, and closes the connection at the end |
//! | `/@norange/x` | ignores ranges |
//! | `/@unconditional/x` | supports ranges, but ignores `If-Range` |
//! | `/@dated/x` | sends `Last-Modified` and no `ETag` |
//! | `/@encoded/x` | declares a `gzip` content encoding |
//! | `/@bearer:abc/x` | requires the token `abc` |
//! | `/@redirect:3/x` | redirects three times, then sends the file |
//! | `/@loop/x` | redirects to itself |
//! | `/@to:<URL>` | redirects there; the URL has its special characters encoded |
//! | `/@endless/x` | announces no length, and sends zeros until the client disconnects |
//! | `/@trailers/x` | sends trailers after the last chunk until the client disconnects |
//! | `/@headers/x`, `/@interim/x` | sends headers, or interim answers, until the client disconnects |
//! | `/@nowhere/x` | redirects without a `Location` |
//! | `/@garbage/x` | sends a response that is not HTTP |
//! | `/@requests` | a line for each request so far: its method and its target |
//!
//! The server is also a proxy: it serves `http://<any host>/x` as `/x`, and opens tunnels for
//! `CONNECT`.

use std::collections::HashMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind::{TimedOut, WouldBlock};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request that the server received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// `GET`, `CONNECT`.
    pub method: String,
    /// The target of the request: a path, a URL if the server is a proxy, or a host.
    pub target: String,
    /// Names are in lower case.
    pub headers: Vec<(String, String)>,
}

impl Received {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A server that runs until this value is dropped.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    authority: Option<String>,
}

#[derive(Debug)]
struct Shared {
    directory: PathBuf,
    tls: Option<Arc<ServerConfig>>,
    tunnels: AtomicBool,
    is_stopped: AtomicBool,
    received: Mutex<Vec<Received>>,
    /// Notified for each request.
    asked: Condvar,
    /// The number of requests of each target, and of uses of each of its faults.
    counts: Mutex<HashMap<String, usize>>,
    connections: Mutex<Vec<TcpStream>>,
}

impl Server {
    /// Serves a directory.
    pub fn start(directory: &Path) -> Self {
        Self::serve(directory, None, None)
    }

    /// Serves a directory over TLS, as `localhost` and `127.0.0.1`, with a certificate of its own
    /// authority.
    pub fn start_tls(directory: &Path) -> Self {
        let (config, authority) = certified();
        Self::serve(directory, Some(Arc::new(config)), Some(authority))
    }

    fn serve(directory: &Path, tls: Option<Arc<ServerConfig>>, authority: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            directory: directory.to_owned(),
            tls,
            tunnels: AtomicBool::new(true),
            is_stopped: AtomicBool::new(false),
            received: Mutex::default(),
            asked: Condvar::new(),
            counts: Mutex::default(),
            connections: Mutex::default(),
        });
        let server = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if server.is_stopped.load(Ordering::SeqCst) {
                    return;
                }
                let server = Arc::clone(&server);
                thread::spawn(move || server.accept(stream));
            }
        });
        Self { shared, address, authority }
    }

    /// The URL of a path, which begins with `/`.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.shared.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://localhost:{}{path}", self.address.port())
    }

    /// Its port on this machine.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The certificate of its authority, for clients to trust.
    pub fn authority(&self) -> &str {
        self.authority.as_deref().expect("it serves over TLS")
    }

    /// Refuses further tunnels.
    pub fn refuse_tunnels(&self) {
        self.shared.tunnels.store(false, Ordering::SeqCst);
    }

    /// The number of connections so far.
    pub fn connections(&self) -> usize {
        lock(&self.shared.connections).len()
    }

    /// Waits for the first request.
    pub fn wait_for_request(&self) {
        let received = lock(&self.shared.received);
        let is_quiet = |received: &mut Vec<Received>| received.is_empty();
        drop(self.shared.asked.wait_while(received, is_quiet));
    }

    /// The requests so far.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.shared.received).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which ends.
        let _ = TcpStream::connect(self.address);
        for connection in lock(&self.shared.connections).drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What to do with a connection after a response.
enum Next {
    Request,
    Close,
}

impl Shared {
    /// Answers the requests of a connection. Errors are ignored: the client sees a broken
    /// connection.
    fn accept(&self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        lock(&self.connections).extend(stream.try_clone());
        let ended = match &self.tls {
            None => self.answer_all(stream.try_clone().map(BufReader::new), &stream),
            Some(config) => {
                ServerConnection::new(Arc::clone(config)).map_err(io::Error::other).and_then(
                    |connection| self.answer_tls(StreamOwned::new(connection, stream.try_clone()?)),
                )
            }
        };
        let _ = ended.and_then(|()| stream.shutdown(Shutdown::Both));
    }

    fn answer_tls(&self, stream: StreamOwned<ServerConnection, TcpStream>) -> io::Result<()> {
        let mut reader = BufReader::new(stream);
        while let Some(received) = read_request(&mut reader)? {
            let raw = reader.get_ref().sock.try_clone()?;
            if received.method == "CONNECT" {
                self.note(&received);
                return pass_on(reader.get_mut(), TcpStream::connect(&received.target)?);
            }
            if let Next::Close = self.answer(&received, reader.get_mut(), &raw)? {
                let stream = reader.get_mut();
                stream.conn.send_close_notify();
                return stream.flush();
            }
        }
        Ok(())
    }

    fn answer_all(
        &self,
        reader: io::Result<BufReader<TcpStream>>,
        stream: &TcpStream,
    ) -> io::Result<()> {
        let mut reader = reader?;
        while let Some(received) = read_request(&mut reader)? {
            if let Next::Close = self.answer(&received, &mut { stream }, stream)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Answers a request through `out`; `raw` is the connection below it.
    fn answer(
        &self,
        received: &Received,
        out: &mut dyn Write,
        raw: &TcpStream,
    ) -> io::Result<Next> {
        self.note(received);
        if received.method == "CONNECT" {
            return self.tunnel(&received.target, raw);
        }
        let Some(path) = path_of(&received.target) else {
            return send_status(out, 400, &[]);
        };
        Answer { server: self, received, path, out, raw, style: Style::default() }.send()
    }

    fn note(&self, received: &Received) {
        lock(&self.received).push(received.clone());
        self.asked.notify_all();
    }

    fn tunnel(&self, host: &str, raw: &TcpStream) -> io::Result<Next> {
        let mut client = raw.try_clone()?;
        if !self.tunnels.load(Ordering::SeqCst) {
            return send_status(&mut client, 403, &[]);
        }
        let Ok(mut server) = TcpStream::connect(host) else {
            return send_status(&mut client, 502, &[]);
        };
        client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
        let (mut back, mut forth) = (server.try_clone()?, client.try_clone()?);
        let answers = thread::spawn(move || io::copy(&mut back, &mut forth));
        let _ = io::copy(&mut client, &mut server);
        let _ = server.shutdown(Shutdown::Write);
        let _ = answers.join();
        Ok(Next::Close)
    }

    /// Counts a use of the fault `what`, and returns whether it was used fewer than `times` times
    /// before.
    fn is_due(&self, what: &str, times: Option<usize>) -> bool {
        let mut counts = lock(&self.counts);
        let count = counts.entry(what.to_owned()).or_default();
        *count += 1;
        times.is_none_or(|times| *count <= times)
    }
}

/// Forwards bytes between a client over TLS and a server, in turns: one thread reads and writes a
/// TLS connection.
fn pass_on(
    client: &mut StreamOwned<ServerConnection, TcpStream>,
    mut server: TcpStream,
) -> io::Result<()> {
    const TURN: Duration = Duration::from_millis(5);
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    client.sock.set_read_timeout(Some(TURN))?;
    server.set_read_timeout(Some(TURN))?;
    let mut buffer = vec![0; 64 * 1024];
    // Whether more bytes follow.
    let mut pass = |from: &mut dyn Read, to: &mut dyn Write| match from.read(&mut buffer) {
        Ok(count) => to.write_all(&buffer[..count]).and_then(|()| to.flush()).map(|()| count > 0),
        Err(error) if matches!(error.kind(), WouldBlock | TimedOut) => Ok(true),
        Err(error) => Err(error),
    };
    while pass(client, &mut server)? && pass(&mut server, client)? {}
    Ok(())
}

/// `None` at the end of the connection.
fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Received>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    Ok(Some(Received { method, target, headers }))
}

/// The path of a target, without the host of a request to a proxy.
fn path_of(target: &str) -> Option<String> {
    let path = match target.split_once("://") {
        Some((_, rest)) => &rest[rest.find('/')?..],
        None => target,
    };
    path.starts_with('/').then(|| path.to_owned())
}

/// How a file is sent.
#[derive(Default)]
struct Style {
    chunk: Option<usize>,
    is_closing: bool,
    ignores_ranges: bool,
    ignores_conditions: bool,
    is_dated: bool,
    is_encoded: bool,
    /// How many more bytes are announced than sent.
    lie: i64,
    breaks_after: Option<usize>,
    stalls_after: Option<usize>,
    has_endless_trailers: bool,
}

/// A response under construction.
struct Answer<'a> {
    server: &'a Shared,
    received: &'a Received,
    path: String,
    out: &'a mut dyn Write,
    raw: &'a TcpStream,
    style: Style,
}

impl Answer<'_> {
    /// Applies the faults in the path, up to the file.
    fn send(mut self) -> io::Result<Next> {
        let path = self.path.clone();
        let mut rest = path.as_str();
        while let Some(marked) = rest.strip_prefix("/@") {
            let (deed, behind) = match marked.find('/') {
                Some(end) => marked.split_at(end),
                None => (marked, ""),
            };
            let mut words = deed.split(':');
            let name = words.next().unwrap_or_default();
            let words: Vec<&str> = words.collect();
            if let Some(done) = self.misbehave(name, &words, behind)? {
                return Ok(done);
            }
            rest = behind;
        }
        let path = rest.split('?').next().unwrap_or_default();
        let name = percent_decode_str(path.trim_start_matches('/')).decode_utf8_lossy();
        let is_below = !name.split('/').any(|part| part == "..");
        match fs::read(self.server.directory.join(name.as_ref())) {
            Ok(content) if is_below => self.send_content(&content),
            _ => send_status(self.out, 404, &[]),
        }
    }

    /// Applies one fault of the path. `None` if the response is still to be sent.
    fn misbehave(&mut self, name: &str, words: &[&str], behind: &str) -> io::Result<Option<Next>> {
        let number = |index: usize| words.get(index).and_then(|word| word.parse::<usize>().ok());
        let due = |times: Option<usize>| {
            self.server.is_due(&format!("{} {name}", self.received.target), times)
        };
        match name {
            "status" if due(number(1)) => {
                let code = number(0).unwrap_or(500);
                return send_status(self.out, code, &[]).map(Some);
            }
            "busy" if due(number(2)) => {
                let wait = format!("Retry-After: {}", words[1]);
                return send_status(self.out, number(0).unwrap_or(429), &[&wait]).map(Some);
            }
            "mute" if due(number(0)) => return self.stall().map(Some),
            "truncate" if due(number(1)) => self.style.breaks_after = number(0),
            "stall" if due(number(1)) => self.style.stalls_after = number(0),
            "longer" => self.style.lie = number(0).unwrap_or(1) as i64,
            "shorter" => self.style.lie = -(number(0).unwrap_or(1) as i64),
            "chunked" => self.style.chunk = number(0),
            "closing" => self.style.is_closing = true,
            "norange" => self.style.ignores_ranges = true,
            "unconditional" => self.style.ignores_conditions = true,
            "dated" => self.style.is_dated = true,
            "encoded" => self.style.is_encoded = true,
            "bearer" => {
                let wanted = format!("Bearer {}", words[0]);
                if self.received.header("authorization") != Some(&wanted) {
                    return send_status(self.out, 401, &[]).map(Some);
                }
            }
            "redirect" => {
                if let Some(left) = number(0).and_then(|hops| hops.checked_sub(1)) {
                    return self.redirect(&format!("/@redirect:{left}{behind}")).map(Some);
                }
            }
            "loop" => return self.redirect(&format!("/@loop{behind}")).map(Some),
            "to" => {
                let url = percent_decode_str(&words.join(":")).decode_utf8_lossy().into_owned();
                return self.redirect(&url).map(Some);
            }
            "endless" => {
                let tag = "ETag: \"endless\"";
                write!(self.out, "HTTP/1.1 200 OK\r\n{tag}\r\nConnection: close\r\n\r\n")?;
                return self.repeat(&[0; 65536]).map(Some);
            }
            "trailers" => {
                self.style.chunk = Some(usize::MAX);
                self.style.has_endless_trailers = true;
            }
            "headers" => {
                self.out.write_all(b"HTTP/1.1 200 OK\r\n")?;
                return self.repeat(b"A: b\r\n").map(Some);
            }
            "interim" => return self.repeat(b"HTTP/1.1 100 Continue\r\n\r\n").map(Some),
            "nowhere" => return send_status(self.out, 302, &[]).map(Some),
            "garbage" => {
                self.out.write_all(b"this is not HTTP\r\n\r\n")?;
                return Ok(Some(Next::Close));
            }
            "requests" => {
                let line =
                    |received: &Received| format!("{} {}\n", received.method, received.target);
                let lines: String = lock(&self.server.received).iter().map(line).collect();
                return self.send_content(lines.as_bytes()).map(Some);
            }
            _ => {}
        }
        Ok(None)
    }

    fn redirect(&mut self, location: &str) -> io::Result<Next> {
        send_status(self.out, 302, &[&format!("Location: {location}")])
    }

    /// Sends the same bytes repeatedly until the client disconnects.
    fn repeat(&mut self, piece: &[u8]) -> io::Result<Next> {
        let pieces = piece.repeat(65536_usize.div_ceil(piece.len()));
        loop {
            self.out.write_all(&pieces)?;
        }
    }

    /// Waits until the client disconnects.
    fn stall(&mut self) -> io::Result<Next> {
        self.out.flush()?;
        let mut raw = self.raw;
        let _ = io::copy(&mut raw, &mut io::sink());
        Ok(Next::Close)
    }

    fn send_content(&mut self, content: &[u8]) -> io::Result<Next> {
        let style = std::mem::take(&mut self.style);
        let tag = tag_of(content);
        let validator = if style.is_dated { DATE.to_owned() } else { tag };
        let range = match style.ignores_ranges {
            true => Range::Whole,
            false => {
                let condition = self.received.header("if-range");
                let condition = condition.filter(|_| !style.ignores_conditions);
                let is_met = condition.is_none_or(|known| known == validator);
                Range::of(self.received.header("range"), is_met, content.len())
            }
        };
        let mut head = String::new();
        let body = match range {
            Range::Whole => {
                head.push_str("HTTP/1.1 200 OK\r\n");
                content
            }
            Range::From(start) => {
                let (last, all) = (content.len() - 1, content.len());
                head.push_str(&format!(
                    "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{last}/{all}\r\n"
                ));
                &content[start..]
            }
            Range::Beyond => {
                let range = format!("Content-Range: bytes */{}", content.len());
                return send_status(self.out, 416, &[&range]);
            }
        };
        if !style.ignores_ranges {
            let name = if style.is_dated { "Last-Modified" } else { "ETag" };
            head.push_str(&format!("{name}: {validator}\r\n"));
        }
        if style.is_encoded {
            head.push_str("Content-Encoding: gzip\r\n");
        }
        if style.chunk.is_some() {
            head.push_str("Transfer-Encoding: chunked\r\n");
        } else if !style.is_closing {
            head.push_str(&format!("Content-Length: {}\r\n", body.len() as i64 + style.lie));
        }
        if style.is_closing {
            head.push_str("Connection: close\r\n");
        }
        head.push_str("\r\n");
        self.out.write_all(head.as_bytes())?;
        let cut = style.breaks_after.or(style.stalls_after).unwrap_or(body.len());
        let sent = &body[..cut.min(body.len())];
        match style.chunk {
            Some(size) => {
                for piece in sent.chunks(size.max(1)) {
                    write!(self.out, "{:x}\r\n", piece.len())?;
                    self.out.write_all(piece)?;
                    self.out.write_all(b"\r\n")?;
                }
            }
            None => self.out.write_all(sent)?,
        }
        if style.stalls_after.is_some() {
            return self.stall();
        }
        if style.has_endless_trailers {
            self.out.write_all(b"0\r\n")?;
            return self.repeat(b"A: b\r\n");
        }
        if style.breaks_after.is_none() && style.chunk.is_some() {
            self.out.write_all(b"0\r\n\r\n")?;
        }
        self.out.flush()?;
        let is_over = style.breaks_after.is_some() || style.is_closing || style.lie != 0;
        Ok(if is_over { Next::Close } else { Next::Request })
    }
}

/// The modification time of all files of the server.
const DATE: &str = "Tue, 24 Nov 2026 10:00:00 GMT";

fn tag_of(content: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

/// The requested range of a file.
enum Range {
    Whole,
    From(usize),
    Beyond,
}

impl Range {
    fn of(header: Option<&str>, is_met: bool, length: usize) -> Self {
        let range = header.and_then(|range| range.strip_prefix("bytes="));
        let start = range.and_then(|range| range.strip_suffix('-'));
        match start.and_then(|text| text.parse().ok()) {
            Some(start) if is_met && start < length => Self::From(start),
            Some(_) if is_met => Self::Beyond,
            _ => Self::Whole,
        }
    }
}

fn send_status(out: &mut dyn Write, code: usize, headers: &[&str]) -> io::Result<Next> {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let body = format!("{code}\n");
    write!(out, "HTTP/1.1 {code} Said\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())?;
    out.flush()?;
    Ok(Next::Request)
}

/// The configuration of a server over TLS, and the certificate of its authority.
fn certified() -> (ServerConfig, String) {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    let key = || KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("no names are valid names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, key()).expect("a certificate");
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let own = CertificateParams::new(names).expect("these are names");
    let own_key = key();
    let own = own.signed_by(&own_key, &authority).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("there are versions")
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], own_key.into())
        .expect("the key is that of the certificate");
    (config, authority.pem())
}
