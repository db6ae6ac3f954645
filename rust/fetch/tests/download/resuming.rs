//! Resuming a broken transfer.

use std::fs::{self, OpenOptions};
use std::io::Write;

use proptest::prelude::*;
use scratchrs_fetch::Request;

use crate::lab::{Lab, content, failure, sha256};

fn ranges(lab: &Lab) -> Vec<Option<String>> {
    lab.headers("range")
}

fn range(start: usize) -> Option<String> {
    Some(format!("bytes={start}-"))
}

#[test]
fn only_the_rest_is_requested() {
    for style in ["", "/@dated", "/@chunked:7"] {
        let lab = Lab::new();
        lab.serve("x", &content(1000));
        let came = lab.get(&format!("{style}/@truncate:300:2/x")).unwrap();
        assert_eq!(came.sha256, sha256(&content(1000)));
        assert_eq!(lab.content(), content(1000));
        assert_eq!(ranges(&lab), [None, range(300), range(600)], "{style}");
        assert!(lab.headers("if-range")[1].is_some());
        assert_eq!(lab.progress(), (1000, 1000));
    }
}

#[test]
fn a_later_client_resumes() {
    let mut lab = Lab::new();
    lab.serve("x", &content(1000));
    lab.settings.timeouts.retries.clear();
    failure(lab.get("/@truncate:300:1/x"));
    assert_eq!(lab.left(), ["partial", "partial.resume"]);
    assert_eq!(lab.content().len(), 300);
    assert_eq!(lab.progress(), (0, 0), "the failed download withdraws its progress");
    lab.get("/@truncate:300:1/x").unwrap();
    assert_eq!(ranges(&lab), [None, range(300)]);
    assert_eq!(lab.content(), content(1000));
    assert_eq!(lab.progress(), (1000, 1000));
    assert_eq!(lab.left(), ["partial"]);
}

#[test]
fn a_complete_file_is_not_downloaded_again() {
    let mut lab = Lab::new();
    lab.serve("x", &content(1000));
    lab.settings.timeouts.retries.clear();
    failure(lab.get("/@truncate:999:1/x"));
    OpenOptions::new()
        .append(true)
        .open(lab.target())
        .unwrap()
        .write_all(&content(1000)[999..])
        .unwrap();
    assert_eq!(lab.get("/@truncate:999:1/x").unwrap().sha256, sha256(&content(1000)));
    assert_eq!(ranges(&lab), [None, range(1000)]);
}

#[test]
fn a_part_of_another_content_is_not_resumed() {
    let mut lab = Lab::new();
    lab.serve("x", &content(1000));
    lab.settings.timeouts.retries.clear();
    let path = "/@truncate:300:1/x";
    // The file on the server has changed.
    failure(lab.get(path));
    lab.serve("x", &vec![7; 500]);
    lab.get(path).unwrap();
    assert_eq!(lab.content(), vec![7; 500]);
    // The part is of another URL.
    failure(lab.get("/@truncate:200:1/x"));
    lab.get("/x?other").unwrap();
    assert_eq!(lab.content(), vec![7; 500]);
    // There is no record of the part.
    failure(lab.get("/@truncate:100:1/x"));
    fs::remove_file(lab.directory.path().join("partial.resume")).unwrap();
    lab.get("/@truncate:100:1/x").unwrap();
    assert_eq!(lab.content(), vec![7; 500]);
    assert_eq!(ranges(&lab), [None, range(300), None, None, None, None]);
}

#[test]
fn a_server_that_ignores_conditions_is_detected_by_its_headers() {
    let mut lab = Lab::new();
    lab.serve("x", &content(1000));
    lab.settings.timeouts.retries.clear();
    let path = "/@unconditional/@truncate:300:1/x";
    failure(lab.get(path));
    lab.serve("x", &vec![7; 500]);
    lab.get(path).unwrap();
    assert_eq!(lab.content(), vec![7; 500]);
    assert_eq!(ranges(&lab), [None, range(300), None]);
}

#[test]
fn a_server_without_ranges_sends_the_whole_content_again() {
    let lab = Lab::new();
    lab.serve("x", &content(1000));
    lab.get("/@norange/@truncate:300:2/x").unwrap();
    assert_eq!(lab.content(), content(1000));
    assert_eq!(ranges(&lab), [None, None, None], "it sends no validator");
    assert_eq!(lab.progress(), (1000, 1000));
}

#[test]
fn a_corrupt_part_is_detected_and_the_whole_content_is_downloaded_again() {
    let mut lab = Lab::new();
    lab.serve("x", &content(1000));
    lab.settings.timeouts.retries.clear();
    let url = lab.server.url("/@truncate:300:1/x");
    let request = Request { url: &url, sha256: Some(sha256(&content(1000))), ..Request::default() };
    failure(lab.request(&request));
    fs::write(lab.target(), vec![0; 300]).unwrap();
    lab.request(&request).unwrap();
    assert_eq!(lab.content(), content(1000));
    assert_eq!(ranges(&lab), [None, range(300), None]);
    assert_eq!(lab.progress(), (1000, 1000));
}

#[test]
fn a_part_longer_than_the_whole_is_discarded() {
    let mut lab = Lab::new();
    lab.serve("x", &content(100));
    lab.settings.timeouts.retries.clear();
    failure(lab.get("/@truncate:50:1/x"));
    fs::write(lab.target(), content(200)).unwrap();
    lab.get("/@truncate:50:1/x").unwrap();
    assert_eq!(lab.content(), content(100));
    assert_eq!(lab.progress(), (100, 100));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn broken_transfers_give_the_same_bytes(
        length in 1..200_000_usize,
        cuts in proptest::collection::vec(0..100_000_usize, 0..4),
        style in prop_oneof![Just(""), Just("/@chunked:4096"), Just("/@norange"), Just("/@dated")],
    ) {
        let lab = Lab::new();
        lab.serve("x", &content(length));
        // Each cut is applied once; the last one in the path first.
        let cuts: String = cuts.iter().map(|cut| format!("/@truncate:{cut}:1")).collect();
        let url = lab.server.url(&format!("{style}{cuts}/x"));
        let expected = sha256(&content(length));
        let request = Request { url: &url, sha256: Some(expected), ..Request::default() };
        prop_assert_eq!(lab.request(&request).unwrap().sha256, expected);
        prop_assert_eq!(lab.content(), content(length));
        prop_assert_eq!(lab.progress(), (length as u64, length as u64));
    }
}
