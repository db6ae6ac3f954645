//! Transfers from servers that behave well or badly.

use std::fs;

use scratchrs_fetch::{Error, LimitSource, Reason, Request, file_url};
#[cfg(target_os = "linux")]
use scratchrs_testkit::{Disk, FileSystem, skip};

use crate::lab::{Lab, content, failure, reason, sha256};

#[test]
fn a_file_is_complete_however_it_is_sent() {
    for style in
        ["", "/@chunked:1000", "/@closing", "/@norange", "/@dated", "/@redirect:5", "/@encoded"]
    {
        for length in [0, 1, 100_000] {
            let lab = Lab::new();
            let sent = content(length);
            lab.serve("x", &sent);
            let downloaded = lab.get(&format!("{style}/x")).unwrap();
            assert_eq!(
                (downloaded.sha256, downloaded.size),
                (sha256(&sent), length as u64),
                "{style}"
            );
            assert_eq!(lab.content(), sent);
            assert_eq!(lab.progress(), (downloaded.size, downloaded.size), "{style}");
            assert_eq!(lab.left(), ["partial"], "no record is left");
        }
    }
}

#[test]
fn a_wrong_hash_is_an_error_with_both_and_leaves_nothing() {
    let lab = Lab::new();
    lab.serve("x", b"content");
    let url = lab.server.url("/x?token=secret");
    let expected = sha256(b"other");
    let request = Request { url: &url, sha256: Some(expected), ..Request::default() };
    match lab.request(&request) {
        Err(Error::Mismatch { url, expected: reported, actual }) => {
            assert_eq!((reported, actual), (expected, sha256(b"content")));
            assert!(url.ends_with("/x?token=***"), "{url}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(lab.left(), [""; 0]);
    assert_eq!(lab.progress(), (0, 0));
    assert_eq!(lab.requested().len(), 1, "a wrong hash is not retried");
}

#[test]
fn only_transient_failures_are_retried() {
    for (path, attempts) in [
        ("/@status:500:2/x", 3),
        ("/@status:503:3/x", 4),
        ("/@busy:429:0:1/x", 2),
        ("/@status:408:1/x", 2),
        ("/@truncate:10:2/x", 3),
        ("/@truncate:0:3/x", 4),
        ("/@stall:10:1/x", 2),
        ("/@mute:1/x", 2),
    ] {
        let stalls = path.contains("stall") || path.contains("mute");
        let lab = if stalls { Lab::with_short_timeout() } else { Lab::new() };
        lab.serve("x", &content(1000));
        let downloaded = lab.get(path);
        assert_eq!(downloaded.unwrap().sha256, sha256(&content(1000)), "{path}");
        assert_eq!(lab.requested().len(), attempts, "{path}");
        assert_eq!(lab.progress(), (1000, 1000), "{path}");
    }
    for code in [400, 401, 403, 404, 410] {
        let lab = Lab::new();
        let failed = failure(lab.get(&format!("/@status:{code}/x")));
        assert_eq!(failed.reason, Reason::Status { code, retry_after: None });
        assert_eq!(failed.attempts, 1);
        assert_eq!(lab.left(), [""; 0]);
    }
}

#[test]
fn retries_are_limited() {
    let lab = Lab::new();
    lab.serve("x", &content(1000));
    let failed = failure(lab.get("/@status:500/x"));
    assert_eq!(failed.attempts, 4);
    assert!(failed.to_string().ends_with("(tried 4 times)"), "{failed}");
    let failed = failure(lab.get("/@truncate:0/x"));
    assert_eq!((failed.attempts, failed.reason), (4, Reason::Truncated { got: 0, expected: 1000 }));
    assert_eq!(lab.progress(), (0, 0));
    assert_eq!(lab.left(), [""; 0], "nothing was received, and no file is left");
}

#[test]
fn a_long_retry_after_fails_at_once() {
    let mut lab = Lab::new();
    lab.serve("x", b"content");
    lab.settings.timeouts.max_wait = std::time::Duration::from_secs(5);
    let failed = failure(lab.get("/@busy:503:6/x"));
    assert_eq!(failed.attempts, 1);
    assert!(failed.to_string().contains("asks to wait 6 s"), "{failed}");
}

#[test]
fn a_wrong_announced_length_is_detected() {
    let lab = Lab::new();
    let sent = content(1000);
    lab.serve("x", &sent);
    let wrong = reason(lab.get("/@norange/@longer:5/x"));
    assert_eq!(wrong, Reason::Truncated { got: 1000, expected: 1005 });
    assert_eq!(
        lab.get("/@longer:5/x").unwrap().size,
        1000,
        "the response to the request of the rest corrects the length"
    );
    let url = lab.server.url("/@shorter:5/x");
    let request = Request { url: &url, sha256: Some(sha256(&sent)), ..Request::default() };
    assert!(matches!(lab.request(&request), Err(Error::Mismatch { .. })));
}

#[test]
fn stalls_and_garbage_are_reported() {
    let mut lab = Lab::with_short_timeout();
    lab.settings.timeouts.retries.clear();
    lab.serve("x", &content(1000));
    assert!(matches!(reason(lab.get("/@mute/x")), Reason::Stalled(_)));
    assert!(matches!(reason(lab.get("/@stall:0/x")), Reason::Truncated { got: 0, expected: 1000 }));
    assert!(matches!(reason(lab.get("/@garbage/x")), Reason::Protocol(_)));
}

#[test]
fn a_content_above_the_limit_is_refused() {
    for path in ["/x", "/@chunked:100/x", "/@closing/x"] {
        let lab = Lab::new();
        lab.serve("x", &content(1000));
        let url = lab.server.url(path);
        let limited = |limit| {
            let request = Request { url: &url, limit: Some(limit), ..Request::default() };
            lab.request(&request)
        };
        assert_eq!(
            reason(limited(999)),
            Reason::TooLarge { limit: 999, set_by: LimitSource::Caller },
            "{path}"
        );
        assert_eq!(limited(1000).unwrap().size, 1000, "{path}");
    }
}

#[test]
fn redirections_are_limited() {
    let lab = Lab::new();
    lab.serve("x", b"content");
    assert_eq!(lab.get("/@redirect:50/x").unwrap().size, 7);
    let failed = failure(lab.get("/@redirect:51/x"));
    assert_eq!((failed.reason, failed.attempts), (Reason::TooManyRedirects, 1));
    assert_eq!(reason(lab.get("/@loop/x")), Reason::TooManyRedirects);
    assert!(matches!(reason(lab.get("/@nowhere/x")), Reason::Redirect(_)));
    assert!(matches!(reason(lab.get("/@to:http%3A%2F%2F%5B")), Reason::Redirect(_)));
    assert_eq!(reason(lab.get("/@to:ftp%3A%2F%2Fhost%2Fx")), Reason::Scheme("ftp".to_owned()));
    let local = reason(lab.get("/@to:file%3A%2F%2F%2Fetc%2Fpasswd"));
    assert_eq!(local, Reason::Scheme("file".to_owned()), "a server can't redirect to local files");
    let failed = failure(lab.get("/@redirect:1/missing"));
    assert!(failed.redirected_to.unwrap().ends_with("/@redirect:0/missing"));
}

#[test]
fn a_body_is_never_longer_than_its_expected_size() {
    let lab = Lab::new();
    lab.serve("x", &content(100));
    for path in ["/x", "/@chunked:10/x", "/@closing/x"] {
        lab.progress.begin("Downloading");
        let url = lab.server.url(path);
        let expected = |size| Request { url: &url, size: Some(size), ..Request::default() };
        let failed = failure(lab.request(&expected(99)));
        let reason = Reason::TooLarge { limit: 99, set_by: LimitSource::ExpectedSize };
        assert_eq!((failed.reason, failed.attempts), (reason, 1), "{path}");
        assert_eq!(lab.left(), [""; 0], "{path}: a part of a refused content is removed");
        lab.request(&expected(100)).unwrap();
        lab.progress.begin("Downloading");
        lab.request(&expected(101)).unwrap();
        assert_eq!(lab.progress(), (100, 100), "{path}");
    }
}

#[test]
fn an_endless_response_is_cut_off() {
    let lab = Lab::new();
    lab.serve("x", &content(1000));
    let url = lab.server.url("/@endless/x");
    let request = Request { url: &url, size: Some(100_000), ..Request::default() };
    let too_large = Reason::TooLarge { limit: 100_000, set_by: LimitSource::ExpectedSize };
    assert_eq!(reason(lab.request(&request)), too_large);
    for endless in ["trailers", "headers", "interim"] {
        let failed = failure(lab.get(&format!("/@{endless}/x")));
        assert!(matches!(failed.reason, Reason::Protocol(_)), "{endless}: {failed}");
        assert_eq!(failed.attempts, 1, "{endless}");
    }
    assert_eq!(lab.left(), [""; 0]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_reserve_of_free_space_is_left() {
    let lab = Lab::new();
    let mounted = tempfile::tempdir().unwrap();
    let disk = match Disk::new(mounted.path(), FileSystem::Tmpfs(8 * 1024)) {
        Ok(disk) => disk,
        Err(why) => return skip("a reserve of free space is left", &why),
    };
    let root = disk.seen_from_outside();
    let target = root.join("partial");
    let download = |path: &str, resumable: bool| {
        let url = lab.server.url(path);
        let request = Request { url: &url, ..Request::default() };
        let reason = reason(lab.client().download(&request, &target));
        assert_eq!(fs::read_dir(&root).unwrap().count(), if resumable { 2 } else { 0 }, "{path}");
        reason
    };
    let endless = download("/@endless/x", false);
    assert!(matches!(endless, Reason::NoSpace { needed: None, .. }), "{endless:?}");
    lab.serve("x", &content(8 * 1024 * 1024));
    let announced = download("/x", false);
    let Reason::NoSpace { needed: Some(needed), available } = announced else {
        panic!("{announced:?}")
    };
    assert_eq!(needed, 8 * 1024 * 1024);
    let reserve = 8 * 1024 * 1024 / 20;
    assert_eq!(available, 8 * 1024 * 1024 - reserve);
    // The part stays: it can be resumed when there is more space.
    lab.serve("y", &content(5_000_000));
    let part = download("/@truncate:1000/y", true);
    assert!(matches!(part, Reason::Truncated { .. }), "{part:?}");
    fs::write(root.join("other"), vec![0; 4_000_000]).unwrap();
    let url = lab.server.url("/@truncate:1000/y");
    let request = Request { url: &url, ..Request::default() };
    let refused = reason(lab.client().download(&request, &target));
    assert!(matches!(refused, Reason::NoSpace { needed: Some(_), .. }), "{refused:?}");
    assert!(fs::metadata(&target).unwrap().len() >= 1000);
}

#[test]
fn connections_are_reused() {
    let lab = Lab::new();
    lab.serve("x", b"content");
    let client = lab.client();
    for _ in 0..3 {
        let url = lab.server.url("/x");
        client.download(&Request { url: &url, ..Request::default() }, &lab.target()).unwrap();
    }
    assert_eq!(lab.server.connections(), 1);
}

#[test]
fn several_threads_use_one_client() {
    let lab = Lab::new();
    for index in 0..8_u8 {
        lab.serve(&format!("{index}"), &vec![index; 50_000]);
    }
    let client = lab.client();
    std::thread::scope(|scope| {
        for index in 0..8_u8 {
            let (client, lab) = (&client, &lab);
            scope.spawn(move || {
                let url = lab.server.url(&format!("/@truncate:20000:1/{index}"));
                let target = lab.directory.path().join(format!("to-{index}"));
                let request = Request { url: &url, ..Request::default() };
                let downloaded = client.download(&request, &target).unwrap();
                assert_eq!(downloaded.sha256, sha256(&vec![index; 50_000]));
            });
        }
    });
    assert_eq!(lab.progress(), (400_000, 400_000));
}

#[test]
fn a_local_file_is_copied() {
    let lab = Lab::new();
    lab.serve("ein name", &content(100_000));
    let source = lab.directory.path().join("served/ein name");
    let downloaded = lab.download(&file_url(&source)).unwrap();
    assert_eq!(downloaded.sha256, sha256(&content(100_000)));
    assert_eq!(lab.content(), content(100_000));
    assert_eq!(lab.progress(), (100_000, 100_000));
    lab.download(&file_url(&source)).unwrap();
    assert_eq!(lab.content().len(), 100_000, "a second copy replaces the first");
    assert_eq!(lab.requested(), [""; 0]);
    for wrong in ["missing", "."] {
        let url = file_url(&lab.directory.path().join(wrong));
        let failed = failure(lab.download(&url));
        assert!(matches!(failed.reason, Reason::File(_)), "{failed}");
    }
    assert_eq!(lab.left(), [""; 0]);
    let request = Request { url: &file_url(&source), limit: Some(99_999), ..Request::default() };
    assert_eq!(
        reason(lab.request(&request)),
        Reason::TooLarge { limit: 99_999, set_by: LimitSource::Caller }
    );
}

#[test]
fn invalid_and_unsupported_urls_are_reported_without_secrets() {
    let lab = Lab::new();
    assert_eq!(reason(lab.download("not a url")), Reason::InvalidUrl);
    let failed = failure(lab.download("sftp://ada:secret@host/x"));
    assert_eq!(
        failed.to_string(),
        "can't download sftp://***@host/x: `sftp:` is not supported; `https:`, `http:` and `file:` are"
    );
    assert_eq!(lab.left(), [""; 0]);
    let nowhere = failure(lab.download("http://localhost:1/x"));
    assert_eq!(nowhere.attempts, 4);
    assert!(nowhere.to_string().contains("can't connect: connection refused"), "{nowhere}");
}

#[test]
fn connecting_times_out() {
    let mut lab = Lab::new();
    lab.settings.timeouts.connect = std::time::Duration::ZERO;
    let failed = failure(lab.get("/x"));
    assert_eq!(
        (failed.attempts, failed.reason),
        (4, Reason::ConnectionFailed("timed out".to_owned()))
    );
}

#[test]
fn an_unwritable_target_is_an_error_of_the_disk() {
    let lab = Lab::new();
    lab.serve("x", b"content");
    fs::create_dir(lab.target()).unwrap();
    match lab.get("/x") {
        Err(Error::Disk(error)) => assert_eq!(error.path(), lab.target()),
        other => panic!("{other:?}"),
    }
    assert_eq!(lab.requested(), [""; 0]);
}
