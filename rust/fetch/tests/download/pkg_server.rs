//! Pkg servers and their tokens.

use std::fs;
use std::path::PathBuf;

use scratchrs_fetch::JuliaSession;
use scratchrs_model::hash::TreeHash;
use scratchrs_testkit::server::Server;

use crate::lab::{Lab, failure, now};

/// A lab whose server is the Pkg server at `path`; at other paths it is an ordinary server.
fn pkg_lab(path: &str) -> Lab {
    let mut lab = Lab::new();
    let url = lab.server.url(path);
    lab.set(&[("JULIA_PKG_SERVER", &url), ("JULIA_PKG_SERVER_MY_TEAM", "red")]);
    lab.settings.julia = Some(JuliaSession {
        version: "1.10.8".to_owned(),
        system: "x86_64-linux-gnu".to_owned(),
        is_interactive: true,
    });
    lab.settings.servers_directory = Some(lab.directory.path().join("served/servers"));
    lab
}

fn token_file(lab: &Lab) -> PathBuf {
    let host = format!("localhost_{}", lab.server.port());
    lab.directory.path().join("served/servers").join(host).join("auth.toml")
}

fn write_token(lab: &Lab, text: &str) {
    let file = token_file(lab);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

#[test]
fn only_the_pkg_server_gets_the_headers_of_pkg() {
    let lab = pkg_lab("/pkg");
    let server = lab.settings.server.clone().unwrap();
    fs::create_dir_all(lab.directory.path().join("served/pkg/artifact")).unwrap();
    let hash = TreeHash([0xab; 20]);
    lab.serve(&format!("pkg/artifact/{hash}"), b"tarball");
    lab.serve("x", b"content");
    lab.download(&server.artifact_url(hash)).unwrap();
    lab.get("/x").unwrap();
    assert_eq!(lab.requested(), [format!("/pkg/artifact/{hash}"), "/x".to_owned()]);
    let assert_sent = |name, value: &str| {
        assert_eq!(lab.headers(name), [Some(value.to_owned()), None], "{name}");
    };
    assert_sent("julia-pkg-protocol", "1.0");
    assert_sent("julia-pkg-server", server.url());
    assert_sent("julia-version", "1.10.8");
    assert_sent("julia-system", "x86_64-linux-gnu");
    assert_sent("julia-interactive", "true");
    assert_sent("julia-my-team", "red");
    assert_sent("accept-encoding", "zstd, gzip");
    assert!(
        lab.headers("user-agent")[1].as_ref().is_some_and(|agent| agent.starts_with("scratchrs/"))
    );
}

#[test]
fn a_token_is_sent_to_the_server_only() {
    let lab = pkg_lab("/@bearer:abc");
    write_token(&lab, "access_token = \"abc\"\n");
    lab.serve("x", b"content");
    lab.get("/@bearer:abc/x").unwrap();
    lab.get("/x").unwrap();
    // The server redirects to a path of the same host that is not below its URL.
    lab.get("/@bearer:abc/@to:%2Fx").unwrap();
    let other = Server::start(&lab.directory.path().join("served"));
    let location = other.url("/x").replace('/', "%2F");
    lab.get(&format!("/@bearer:abc/@to:{location}")).unwrap();
    let bearer = || Some("Bearer abc".to_owned());
    assert_eq!(lab.headers("authorization"), [bearer(), None, bearer(), None, bearer()]);
    assert_eq!(other.received()[0].header("authorization"), None);
    assert_eq!(other.received()[0].header("julia-version"), None);
}

#[test]
fn an_invalid_token_is_reported_when_the_server_refuses() {
    for (token, told) in [
        ("", "it has no `access_token`"),
        ("access_token = 5", "it has no `access_token`"),
        ("a = 1\naccess_token = \"sec", "line 2: "),
        ("access_token = \"old\"\nexpires_at = 5", "it has expired"),
    ] {
        let lab = pkg_lab("/@bearer:abc");
        write_token(&lab, token);
        let failed = failure(lab.get("/@bearer:abc/x")).to_string();
        assert!(
            failed.contains("401 (Unauthorized)") && failed.contains(told),
            "{token}: {failed}"
        );
        assert!(!failed.contains("sec"), "{failed}");
        assert_eq!(lab.headers("authorization"), [None], "{token}");
    }
    let lab = pkg_lab("/@bearer:abc");
    let failed = failure(lab.get("/@bearer:abc/x")).to_string();
    let file = token_file(&lab);
    assert!(
        failed.contains("no token for the server") && failed.contains(file.to_str().unwrap()),
        "{failed}"
    );
}

#[test]
fn a_token_is_not_sent_over_an_insecure_connection() {
    let mut lab = pkg_lab("/@bearer:abc");
    // The lab's own server acts as the proxy to the host.
    let proxy = format!("127.0.0.1:{}", lab.server.port());
    lab.set(&[("JULIA_PKG_SERVER", "http://pkg.example.org"), ("http_proxy", &proxy)]);
    let directory = lab.directory.path().join("servers");
    fs::create_dir_all(directory.join("pkg.example.org")).unwrap();
    fs::write(directory.join("pkg.example.org/auth.toml"), "access_token = \"abc\"").unwrap();
    lab.settings.servers_directory = Some(directory);
    let failed = failure(lab.download("http://pkg.example.org/@bearer:abc/x")).to_string();
    assert!(failed.contains("was not sent") && failed.contains("is not secure"), "{failed}");
    assert_eq!(lab.headers("authorization"), [None]);
}

/// Writes a token that expires in nine minutes, with a URL for renewal.
fn about_to_expire(lab: &Lab, refresh_path: &str) {
    let url = lab.server.url(refresh_path);
    write_token(
        lab,
        &format!(
            "access_token = \"old\"\nexpires_at = {}\nrefresh_token = \"renew\"\nrefresh_url = \"{url}\"\n",
            now() + 540
        ),
    );
}

#[test]
fn a_token_that_is_about_to_expire_is_renewed_once() {
    let lab = pkg_lab("/@bearer:new");
    lab.serve("x", b"content");
    lab.serve(
        "token",
        b"access_token = \"new\"\nexpires_in = 3600\nexpires_at = 5\nrefresh_token = \"again\"\n",
    );
    about_to_expire(&lab, "/@bearer:renew/token");
    lab.get("/@bearer:new/x").unwrap();
    lab.get("/@bearer:new/x").unwrap();
    assert_eq!(lab.requested(), ["/@bearer:renew/token", "/@bearer:new/x", "/@bearer:new/x"]);
    let stored: toml::Table = fs::read_to_string(token_file(&lab)).unwrap().parse().unwrap();
    assert_eq!(stored["access_token"].as_str(), Some("new"));
    assert_eq!(stored["refresh_token"].as_str(), Some("again"));
    let expires_at = stored["expires_at"].as_integer().unwrap();
    assert!((expires_at - now() as i64 - 3600).abs() < 60, "by the local clock: {expires_at}");
    let beside = token_file(&lab).parent().unwrap().read_dir().unwrap().count();
    assert_eq!(beside, 1, "no lock and no temporary file is left");
}

#[test]
fn a_token_that_is_not_renewed_is_used_until_it_expires() {
    for (refresh_path, served, told) in [
        ("/@status:500/token", "", "the server answers 500"),
        ("/@bearer:other/token", "", "the server answers 401"),
        ("/token", "expires_in = 5", "it has no `access_token`"),
        ("/token", "not TOML", ": line 1"),
    ] {
        let lab = pkg_lab("/@bearer:old");
        lab.serve("x", b"content");
        lab.serve("token", served.as_bytes());
        about_to_expire(&lab, refresh_path);
        let before = fs::read_to_string(token_file(&lab)).unwrap();
        let client = lab.client();
        let url = lab.server.url("/@bearer:old/x");
        let request = scratchrs_fetch::Request { url: &url, ..Default::default() };
        client.download(&request, &lab.target()).unwrap();
        let notes = client.notes();
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].contains("was not renewed") && notes[0].contains(told), "{notes:?}");
        assert_eq!(fs::read_to_string(token_file(&lab)).unwrap(), before);
    }
}

#[test]
fn a_token_is_not_renewed_over_an_insecure_connection() {
    let lab = pkg_lab("/@bearer:old");
    lab.serve("x", b"content");
    write_token(
        &lab,
        &format!(
            "access_token = \"old\"\nexpires_at = {}\nrefresh_token = \"renew\"\nrefresh_url = \"http://example.org/token\"\n",
            now() + 540
        ),
    );
    let client = lab.client();
    let url = lab.server.url("/@bearer:old/x");
    let request = scratchrs_fetch::Request { url: &url, ..Default::default() };
    client.download(&request, &lab.target()).unwrap();
    assert!(client.notes()[0].contains("not secure"), "{:?}", client.notes());
    assert_eq!(lab.requested(), ["/@bearer:old/x"]);
}

#[test]
fn sixteen_threads_renew_a_token_once() {
    let lab = pkg_lab("/@bearer:new");
    lab.serve("x", b"content");
    lab.serve("token", b"access_token = \"new\"\nexpires_in = 3600\n");
    about_to_expire(&lab, "/@bearer:renew/token");
    std::thread::scope(|scope| {
        for index in 0..16 {
            let lab = &lab;
            scope.spawn(move || {
                let url = lab.server.url("/@bearer:new/x");
                let request = scratchrs_fetch::Request { url: &url, ..Default::default() };
                let target = lab.directory.path().join(format!("to-{index}"));
                lab.client().download(&request, &target).unwrap();
            });
        }
    });
    let renewals = lab.requested().iter().filter(|target| target.ends_with("/token")).count();
    assert_eq!(renewals, 1);
}
