//! Certificates and logins.

use std::fs;
use std::path::PathBuf;

use scratchrs_fetch::{Reason, Request};

use crate::lab::{Lab, failure, reason};

fn authority(lab: &Lab) -> PathBuf {
    let path = lab.directory.path().join("authorities/one.pem");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, lab.server.authority()).unwrap();
    path
}

#[test]
fn a_server_is_trusted_if_its_authority_is() {
    let mut lab = Lab::tls();
    lab.serve("x", b"content");
    let file = authority(&lab);
    fs::write(file.with_file_name("README"), "no certificate").unwrap();
    let (file, directory) = (file.to_str().unwrap(), file.parent().unwrap().to_str().unwrap());
    for variables in [
        [("JULIA_SSL_CA_ROOTS_PATH", file), ("SSL_CERT_FILE", "/nowhere")],
        [("JULIA_SSL_CA_ROOTS_PATH", directory), ("SSL_CERT_FILE", "/nowhere")],
        [("SSL_CERT_FILE", file), ("SSL_CERT_DIR", "/nowhere")],
        [("SSL_CERT_FILE", ""), ("SSL_CERT_DIR", directory)],
    ] {
        lab.set(&variables);
        assert_eq!(lab.get("/x").unwrap().size, 7, "{variables:?}");
    }
}

#[test]
fn an_unknown_authority_is_not_trusted_and_not_retried() {
    let mut lab = Lab::tls();
    lab.serve("x", b"content");
    let failed = failure(lab.get("/x"));
    assert!(matches!(failed.reason, Reason::Untrusted(_)), "{failed}");
    assert_eq!(failed.attempts, 1);
    assert_eq!(lab.requested(), [""; 0], "no request is sent");
    let other = Lab::tls();
    lab.set(&[("SSL_CERT_FILE", authority(&other).to_str().unwrap())]);
    assert!(matches!(reason(lab.get("/x")), Reason::Untrusted(_)));
    lab.set(&[("JULIA_SSL_CA_ROOTS_PATH", "/nowhere")]);
    let message = reason(lab.get("/x")).to_string();
    assert!(
        message.contains("`/nowhere`") && message.contains("JULIA_SSL_CA_ROOTS_PATH"),
        "{message}"
    );
}

#[test]
fn a_certificate_is_for_its_names_only() {
    let mut lab = Lab::tls();
    lab.serve("x", b"content");
    let file = authority(&lab);
    lab.set(&[("SSL_CERT_FILE", file.to_str().unwrap())]);
    lab.download(&format!("https://127.0.0.1:{}/x", lab.server.port())).unwrap();
    let message = reason(lab.download(&format!("https://127.0.0.2:{}/x", lab.server.port())));
    assert!(matches!(message, Reason::Untrusted(_) | Reason::ConnectionFailed(_)), "{message}");
}

#[test]
fn an_unverified_host_is_accepted() {
    let mut lab = Lab::tls();
    lab.serve("x", b"content");
    for variables in [
        &[("JULIA_NO_VERIFY_HOSTS", "localhost")][..],
        &[("JULIA_SSL_NO_VERIFY_HOSTS", "**"), ("SSL_CERT_FILE", "/nowhere")],
    ] {
        lab.set(variables);
        assert_eq!(lab.get("/x").unwrap().size, 7);
    }
    lab.set(&[("JULIA_NO_VERIFY_HOSTS", "**"), ("JULIA_ALWAYS_VERIFY_HOSTS", "localhost")]);
    assert!(matches!(reason(lab.get("/x")), Reason::Untrusted(_)));
    lab.set(&[("JULIA_NO_VERIFY_HOSTS", "*.localhost")]);
    assert!(matches!(reason(lab.get("/x")), Reason::Untrusted(_)));
}

#[test]
fn a_login_is_read_from_the_url_or_from_a_netrc() {
    let mut lab = Lab::new();
    lab.serve("x", b"content");
    let netrc = lab.directory.path().join(if cfg!(windows) { "_netrc" } else { ".netrc" });
    fs::write(&netrc, "machine localhost login eve password pw\n").unwrap();
    let home = lab.directory.path().to_str().unwrap().to_owned();
    lab.set(&[("HOME", &home)]);
    lab.get("/x").unwrap();
    lab.download(&lab.server.url("/x").replace("://", "://ada:p%40w@")).unwrap();
    lab.download(&lab.server.url("/x").replace("localhost", "127.0.0.1")).unwrap();
    fs::remove_file(netrc).unwrap();
    lab.get("/x").unwrap();
    let login = |text: &str| Some(format!("Basic {text}"));
    assert_eq!(
        lab.headers("authorization"),
        [login("ZXZlOnB3"), login("YWRhOnBAdw=="), None, None]
    );
}

#[test]
fn a_redirection_to_plain_http_gets_no_login() {
    let mut lab = Lab::tls();
    let plain = Lab::new();
    plain.serve("x", b"content");
    let file = authority(&lab);
    let server = lab.server.url("");
    lab.set(&[("SSL_CERT_FILE", file.to_str().unwrap()), ("JULIA_PKG_SERVER", &server)]);
    let servers = lab.directory.path().join("servers");
    let own = servers.join(format!("localhost_{}", lab.server.port()));
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("auth.toml"), "access_token = \"abc\"").unwrap();
    lab.settings.servers_directory = Some(servers);
    let location = plain.server.url("/x").replace('/', "%2F");
    lab.get(&format!("/@to:{location}")).unwrap();
    let with_login = lab.server.url(&format!("/@to:{location}")).replace("://", "://ada:pw@");
    lab.request(&Request { url: &with_login, ..Request::default() }).unwrap();
    assert_eq!(lab.headers("authorization")[0].as_deref(), Some("Bearer abc"));
    assert!(
        lab.headers("authorization")[1].as_deref().is_some_and(|login| login.starts_with("Basic "))
    );
    assert_eq!(plain.headers("authorization"), [None, None]);
}

#[test]
fn a_login_of_a_netrc_is_not_sent_over_a_weaker_connection() {
    let mut lab = Lab::tls();
    let plain = Lab::new();
    for lab in [&lab, &plain] {
        lab.serve("x", b"content");
    }
    let certificates = authority(&lab);
    let certificates = certificates.to_str().unwrap();
    let netrc = lab.directory.path().join(if cfg!(windows) { "_netrc" } else { ".netrc" });
    fs::write(&netrc, "machine localhost login eve password pw\n").unwrap();
    let variables = [("SSL_CERT_FILE", certificates), ("NETRC", netrc.to_str().unwrap())];
    lab.set(&variables);
    let encoded = |url: String| url.replace('/', "%2F");
    let weaker = encoded(plain.server.url("/x"));
    lab.get(&format!("/@to:{weaker}")).unwrap();
    let login = Some("Basic ZXZlOnB3".to_owned());
    assert_eq!(lab.headers("authorization"), std::slice::from_ref(&login));
    assert_eq!(plain.headers("authorization"), [None]);
    // Nor is it sent over a plain connection after a detour over an encrypted one.
    let detour = encoded(lab.server.url(&format!("/@to:{}", weaker.replace('%', "%25"))));
    lab.download(&plain.server.url(&format!("/@to:{detour}"))).unwrap();
    assert_eq!(plain.headers("authorization")[1..], [login.clone(), None]);
    let stronger = encoded(lab.server.url("/x"));
    lab.download(&plain.server.url(&format!("/@to:{stronger}"))).unwrap();
    assert_eq!(lab.headers("authorization").last(), Some(&login), "a stronger one gets it");
    // Without verification, an encrypted connection is weaker than with it.
    let unverified = Lab::tls();
    unverified.serve("x", b"content");
    lab.set(&[&variables[..], &[("JULIA_NO_VERIFY_HOSTS", "127.0.0.1")]].concat());
    fs::write(&netrc, "default login eve password pw\n").unwrap();
    let url = unverified.server.url("/x").replace("localhost", "127.0.0.1");
    lab.get(&format!("/@to:{}", encoded(url))).unwrap();
    assert_eq!(unverified.headers("authorization"), [None]);
}
