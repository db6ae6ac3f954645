//! Cancellation at any time.

use std::sync::mpsc;
use std::thread;

use scratchrs_fetch::Error;

use crate::lab::{Lab, content};

/// Cancels a download when the server has received the request, and expects it to end.
fn cancelled(lab: &Lab, path: &str) {
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ = sender.send(lab.get(path));
        });
        lab.server.wait_for_request();
        lab.progress.cancel();
        let result = receiver.recv().unwrap();
        assert!(matches!(result, Err(Error::Cancelled)), "{path}: {result:?}");
    });
}

#[test]
fn a_download_that_stalls_is_cancelled() {
    for path in ["/@mute/x", "/@stall:10/x", "/@stall:0/x"] {
        let lab = Lab::new();
        lab.serve("x", &content(1000));
        cancelled(&lab, path);
    }
    let mut lab = Lab::tls();
    let authority = lab.directory.path().join("authority.pem");
    std::fs::write(&authority, lab.server.authority()).unwrap();
    lab.set(&[("JULIA_SSL_CA_ROOTS_PATH", authority.to_str().unwrap())]);
    lab.serve("x", &content(1000));
    cancelled(&lab, "/@stall:10/x");
}

#[test]
fn a_download_that_waits_to_be_tried_again_is_cancelled() {
    let mut lab = Lab::new();
    lab.settings.timeouts.retries = vec![std::time::Duration::from_secs(3600)];
    cancelled(&lab, "/@status:500/x");
    let lab = Lab::new();
    cancelled(&lab, "/@busy:503:50/x");
}

#[test]
fn a_download_cancelled_before_it_begins_does_nothing() {
    let lab = Lab::new();
    lab.progress.cancel();
    assert!(matches!(lab.get("/x"), Err(Error::Cancelled)));
    assert_eq!(lab.requested(), [""; 0]);
    assert_eq!(lab.left(), [""; 0]);
}
