//! The test server as a program, for tests in other languages.

#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use scratchrs_testkit::Worker;

/// The answer to a request for a path.
fn get(url: &str, path: &str) -> String {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_directory_is_served_until_the_input_ends() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("served");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("x"), "content").unwrap();
    fs::write(root.path().join("y"), "secret").unwrap();
    let worker = Worker::new(env!("CARGO_BIN_EXE_scratchrs-worker"));
    let mut server = worker.start(["serve".as_ref(), directory.as_os_str()]);
    let line = server.line();
    let url = line.strip_prefix("serving ").unwrap();
    assert!(get(url, "/x").ends_with("\r\n\r\ncontent"));
    assert!(get(url, "/@status:503:1/x").starts_with("HTTP/1.1 503 "));
    assert!(get(url, "/@status:503:1/x").ends_with("content"), "the second time is better");
    assert!(get(url, "/../y").starts_with("HTTP/1.1 404 "));
    assert!(get(url, "/@requests").contains("GET /x\n"));
    server.close();
    assert!(server.ends_well());
}
