//! Proxies.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use scratchrs_fetch::Reason;
use scratchrs_testkit::server::Server;

use crate::lab::{Lab, content, reason, sha256};

#[test]
fn a_proxy_gets_the_whole_url_and_the_login() {
    let mut lab = Lab::new();
    lab.serve("x", &content(1000));
    let proxy = format!("http://ada:p%77@localhost:{}", lab.server.port());
    lab.set(&[("http_proxy", &proxy)]);
    lab.download("http://example.org/@truncate:300:1/x").unwrap();
    assert_eq!(lab.content(), content(1000));
    assert_eq!(lab.requested(), ["http://example.org/@truncate:300:1/x"; 2]);
    assert_eq!(lab.headers("host")[0].as_deref(), Some("example.org"));
    assert_eq!(lab.headers("range")[1].as_deref(), Some("bytes=300-"));
    let login = lab.headers("proxy-authorization")[0].clone();
    assert_eq!(login.as_deref(), Some("Basic YWRhOnB3"));
}

#[test]
fn exceptions_are_requested_without_the_proxy() {
    let mut lab = Lab::new();
    lab.serve("x", b"content");
    lab.set(&[("http_proxy", "http://localhost:1"), ("no_proxy", "example.org,localhost")]);
    lab.get("/x").unwrap();
    assert_eq!(lab.requested(), ["/x"]);
}

#[test]
fn a_proxy_tunnels_tls_connections() {
    let mut lab = Lab::tls();
    lab.serve("x", &content(1000));
    let proxy = Server::start(lab.directory.path());
    let url = format!("http://ada:pw@localhost:{}", proxy.port());
    let authority = lab.directory.path().join("authority.pem");
    std::fs::write(&authority, lab.server.authority()).unwrap();
    lab.set(&[("https_proxy", &url), ("JULIA_SSL_CA_ROOTS_PATH", authority.to_str().unwrap())]);
    lab.get("/@truncate:300:1/x").unwrap();
    assert_eq!(lab.content(), content(1000));
    let requests = proxy.received();
    assert_eq!(requests[0].method, "CONNECT");
    assert_eq!(requests[0].target, format!("localhost:{}", lab.server.port()));
    assert_eq!(requests[0].header("proxy-authorization"), Some("Basic YWRhOnB3"));
    assert!(
        requests.iter().all(|received| received.header("range").is_none()),
        "the proxy sees no request"
    );
    proxy.refuse_tunnels();
    let refused = reason(lab.get("/x"));
    assert!(matches!(&refused, Reason::Proxy(message) if message.contains("403")), "{refused}");
}

#[test]
fn a_connection_to_a_proxy_may_use_tls() {
    let mut lab = Lab::tls();
    lab.serve("x", &content(100_000));
    let proxy = Server::start_tls(lab.directory.path());
    let authorities = lab.directory.path().join("authorities.pem");
    std::fs::write(&authorities, [lab.server.authority(), proxy.authority()].concat()).unwrap();
    let url = format!("https://ada:pw@localhost:{}", proxy.port());
    lab.set(&[("all_proxy", &url), ("SSL_CERT_FILE", authorities.to_str().unwrap())]);
    assert_eq!(lab.get("/x").unwrap().sha256, sha256(&content(100_000)));
    let requests = proxy.received();
    assert_eq!((requests.len(), requests[0].method.as_str()), (1, "CONNECT"));
    assert_eq!(requests[0].header("proxy-authorization"), Some("Basic YWRhOnB3"));
    std::fs::write(&authorities, lab.server.authority()).unwrap();
    assert!(matches!(reason(lab.get("/x")), Reason::Untrusted(_)), "the proxy is not trusted");
}

#[test]
fn an_unreachable_or_invalid_proxy_is_reported() {
    let mut lab = Lab::new();
    lab.set(&[("http_proxy", "http://localhost:1")]);
    let message = reason(lab.get("/x")).to_string();
    assert!(message.contains("refused") && message.contains("proxy, localhost:1"), "{message}");
    lab.set(&[("http_proxy", "http://nowhere.invalid")]);
    let message = reason(lab.get("/x"));
    assert!(
        matches!(&message, Reason::Proxy(message) if message.contains("nowhere.invalid")),
        "{message}"
    );
    lab.set(&[("all_proxy", "socks4://ada:secret@localhost")]);
    let message = reason(lab.get("/x")).to_string();
    assert!(
        message.contains("socks4://***@localhost") && message.contains("unsupported scheme"),
        "{message}"
    );
}

/// What a SOCKS 5 proxy received.
struct SocksReceived {
    login: Vec<u8>,
    /// The request, without its port.
    request: Vec<u8>,
}

fn read(client: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    client.read_exact(&mut bytes).unwrap();
    bytes
}

/// A SOCKS 5 proxy that requires a login, for one connection to this machine.
fn serve_socks(listener: &TcpListener) -> SocksReceived {
    let (mut client, _) = listener.accept().unwrap();
    assert_eq!(read(&mut client, 4), [5, 2, 0, 2]);
    client.write_all(&[5, 2]).unwrap();
    let login = read(&mut client, 8);
    client.write_all(&[1, 0]).unwrap();
    let mut request = read(&mut client, 5);
    let rest = if request[3] == 3 { usize::from(request[4]) } else { 3 };
    request.extend(read(&mut client, rest));
    let port = read(&mut client, 2);
    let mut server =
        TcpStream::connect(("127.0.0.1", u16::from_be_bytes([port[0], port[1]]))).unwrap();
    client.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).unwrap();
    let (mut back, mut forth) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    thread::spawn(move || std::io::copy(&mut back, &mut forth));
    let _ = std::io::copy(&mut client, &mut server);
    SocksReceived { login, request }
}

#[test]
fn a_socks_proxy_opens_connections() {
    for (scheme, host, address) in [
        ("socks5h", "localhost", &b"\x05\x01\0\x03\x09localhost"[..]),
        ("socks5", "127.0.0.1", b"\x05\x01\0\x01\x7f\0\0\x01"),
    ] {
        let mut lab = Lab::new();
        lab.serve("x", &content(1000));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy = thread::spawn(move || serve_socks(&listener));
        lab.set(&[("ALL_PROXY", &format!("{scheme}://ada:pw@127.0.0.1:{port}"))]);
        let url = format!("http://{host}:{}/x", lab.server.port());
        assert_eq!(lab.download(&url).unwrap().sha256, sha256(&content(1000)));
        let received = proxy.join().unwrap();
        assert_eq!(received.login, b"\x01\x03ada\x02pw");
        assert_eq!(received.request, address, "{scheme}");
    }
}
