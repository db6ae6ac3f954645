use super::*;
use proptest::prelude::*;

fn time(text: &str) -> DepotTime {
    DepotTime::from_toml(&text.parse().unwrap()).unwrap()
}

fn now() -> DepotTime {
    time("2026-11-21T12:00:00")
}

/// A log as the three writers leave it: Pkg condensed, we and Scratch.jl appended.
const GOOD: &str = r#"[["/depot/scratchspaces/u/a"]]
parent_projects = ["/a/Project.toml", "/b/Project.toml"]
time = 2024-01-02T03:04:05.006Z

[["/depot/scratchspaces/u/b"]]
parent_projects = ["/a/Project.toml"]
time = 2024-01-02T03:04:05.006Z
[["/depot/scratchspaces/u/a"]]
time = 2024-01-03T03:04:05.1Z
parent_projects = ["/c/Project.toml"]
"#;

#[test]
fn a_log_of_all_writers_is_read_and_condensed() {
    let (log, skipped) = UsageLog::read(GOOD.as_bytes());
    assert_eq!(skipped, []);
    assert_eq!(log.records("/depot/scratchspaces/u/a").len(), 2);
    let expected = r#"[["/depot/scratchspaces/u/a"]]
parent_projects = ["/a/Project.toml", "/b/Project.toml", "/c/Project.toml"]
time = 2024-01-03T03:04:05.100Z

[["/depot/scratchspaces/u/b"]]
parent_projects = ["/a/Project.toml"]
time = 2024-01-02T03:04:05.006Z
"#;
    assert_eq!(log.condensed(now()).to_text(), expected);
    assert_eq!(census(GOOD.as_bytes()), Some(Census { records: 3, paths: 2 }));
}

#[test]
fn a_torn_end_loses_only_itself() {
    for cut in 0..GOOD.len() {
        let (log, _) = UsageLog::read(&GOOD.as_bytes()[..cut]);
        let whole = GOOD[..cut].matches("time = 2024-01-02T03:04:05.006Z\n").count();
        let read = log.iter().flat_map(|(_, records)| records);
        assert!(read.filter(|record| record.time.is_some()).count() >= whole, "cut at {cut}");
    }
}

#[test]
fn a_record_glued_to_a_torn_one_is_read() {
    for torn in ["[[\"/x", "[[\"/x\"]]\ntime = 2024-01-0", "[[\"/x\"]]\nparent_projects = [\"/p"] {
        let text = format!("{torn}{GOOD}");
        let (log, skipped) = UsageLog::read(text.as_bytes());
        assert!(!skipped.is_empty());
        assert_eq!(log.records("/depot/scratchspaces/u/a").len(), 2, "after {torn:?}");
        let first = &log.records("/depot/scratchspaces/u/a")[0];
        assert_eq!(first.parent_projects.len(), 2, "after {torn:?}");
    }
}

#[test]
fn fields_behind_a_torn_header_do_not_go_to_the_record_before() {
    let text = "[[\"/a\"]]\nparent_projects = [\"/p\"]\n[[\"/b\nparent_projects = [\"/q\"]\n";
    let (log, skipped) = UsageLog::read(text.as_bytes());
    assert_eq!(log.records("/a")[0].parent_projects, ["/p"]);
    assert_eq!(skipped.iter().filter_map(|skip| skip.line).collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn other_bytes_are_no_obstacle() {
    let mut bytes = b"\xff\xfe\0\n".to_vec();
    bytes.extend(GOOD.as_bytes());
    bytes.extend(b"[[\"/\xff\"]]\ntime = 2024-01-02T03:04:05.006Z\n");
    let (log, skipped) = UsageLog::read(&bytes);
    assert_eq!(log.iter().count(), 2);
    assert_eq!(skipped.len(), 3);
}

#[test]
fn values_of_other_types_are_reported_and_the_path_kept() {
    let text = "[[\"/a\"]]\ntime = 3\nparent_projects = {}\n[b]\n[c]\ntime = \"x\"\n";
    let (log, skipped) = UsageLog::read(text.as_bytes());
    assert_eq!(log.iter().map(|(path, _)| path).collect::<Vec<_>>(), ["/a", "b", "c"]);
    assert_eq!(skipped.len(), 3, "{skipped:?}");
    let (_, skipped) = UsageLog::read(b"\"/a\" = 1\n");
    assert_eq!(skipped[0].message, "invalid entry `/a`: expected an array of tables");
}

#[test]
fn a_path_without_time_gets_one_for_pkg() {
    let (log, _) = UsageLog::read(b"[[\"/a\"]]\nparent_projects = [\"/p\"]\n");
    assert_eq!(log.condensed(now()).records("/a")[0].time, Some(now()));
}

#[test]
fn fields_of_others_are_kept() {
    let text = "[[\"/a\"]]\nhost = \"n1\"\ntime = 2024-01-02T03:04:05.006Z\n";
    let (log, _) = UsageLog::read(text.as_bytes());
    assert_eq!(log.condensed(now()).to_text(), text);
    assert_eq!(census(text.as_bytes()), None);
}

#[test]
fn only_whole_logs_have_a_census() {
    for cut in 0..GOOD.len() {
        let text = &GOOD[..cut];
        if census(text.as_bytes()).is_some() {
            assert!(text.is_empty() || text.ends_with('\n'), "cut at {cut}");
            assert!(text.parse::<Table>().is_ok(), "cut at {cut}");
        }
    }
    for missing in ["time = 2024-01-02T03:04:05Z\n", "parent_projects = [\"/p\"]\n"] {
        assert_eq!(census(format!("[[\"/a\"]]\n{missing}").as_bytes()), None);
        assert_eq!(census(format!("[[\"/a\"]]\n{missing}{GOOD}").as_bytes()), None);
    }
    let twice = "[[\"/a\"]]\ntime = 2024-01-02T03:04:05Z\ntime = 2024-01-02T03:04:05Z\n";
    assert_eq!(census(twice.as_bytes()), None);
}

#[test]
fn a_log_is_crowded_when_most_of_it_is_repetition() {
    assert!(!Census { records: 64, paths: 1 }.is_crowded());
    assert!(Census { records: 67, paths: 1 }.is_crowded());
    assert!(!Census { records: 5000, paths: 5000 }.is_crowded());
}

fn any_time() -> impl Strategy<Value = DepotTime> {
    (0..4_000_000_000_000i64).prop_map(|millis| {
        let time = chrono::DateTime::from_timestamp_millis(millis).unwrap();
        DepotTime::from_local(time.naive_utc())
    })
}

fn any_log() -> impl Strategy<Value = UsageLog> {
    let record = (any_time(), prop::collection::vec(any::<String>(), 1..3)).prop_map(
        |(time, parent_projects)| Record {
            time: Some(time),
            parent_projects,
            others: Table::new(),
        },
    );
    let path = prop_oneof![any::<String>(), "/[a-z/\"\\\\é]{0,12}"];
    prop::collection::btree_map(path, prop::collection::vec(record, 1..3), 0..5)
        .prop_map(|entries| UsageLog { entries })
}

/// The records of a log, by the `toml` crate's tree; `None` if it has anything else.
fn records_of(table: &Table) -> Option<UsageLog> {
    let mut log = UsageLog::default();
    for (path, records) in table {
        for record in records.as_array()? {
            let mut others = record.as_table()?.clone();
            let time = match others.remove(TIME) {
                Some(time) => Some(DepotTime::from_toml(time.as_datetime()?)?),
                None => None,
            };
            let parents = others.remove(PARENT_PROJECTS).unwrap_or(toml::Value::Array(vec![]));
            let parents =
                parents.as_array()?.iter().map(|parent| parent.as_str().map(str::to_owned));
            let parent_projects = parents.collect::<Option<Vec<String>>>()?;
            if others
                .values()
                .any(|other| matches!(other, toml::Value::Table(_) | toml::Value::Array(_)))
            {
                return None;
            }
            log.insert(path.clone(), Record { time, parent_projects, others });
        }
    }
    Some(log)
}

/// Texts that are not records, and do not become records with the following text.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..9).prop_map(|mut bytes| {
            // A comment, a string or a key can continue with the following text.
            bytes.retain(|byte| {
                !matches!(byte, b'#' | b'"' | b'\'') && !byte.is_ascii_alphanumeric()
            });
            bytes
        }),
        prop::sample::select(vec![
            "",
            "\u{feff}",
            "\0\0\0\0",
            "[[",
            "[[\"/half",
            "[[\"/half\"]]\nparent_projects = [\"/p",
            "[[[[",
            "[[\"/half\"]]\ntime = 2024-01-0",
            "<html>\n",
            "torn = ",
            "x = 1[[",
            "\r\r\n",
            "# a comment\n",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    piece.prop_map(|mut bytes| {
        bytes.push(b'\n');
        bytes
    })
}

#[test]
fn records_on_one_line_are_read() {
    let time = "2026-11-21T01:33:41.208Z";
    let one = |path: &str| format!("[[\"{path}\"]] parent_projects = [\"/p\"] time = {time} ");
    let (log, skipped) = UsageLog::read((one("/a") + &one("/b")).as_bytes());
    assert_eq!(skipped, []);
    for path in ["/a", "/b"] {
        let record = &log.records(path)[0];
        assert_eq!(record.parent_projects, ["/p"]);
        assert_eq!(record.time, Some(DepotTime::from_toml(&time.parse().unwrap()).unwrap()));
    }
    // The end of a line is missing, or in a list.
    for text in [
        "[['/a']]time = 2024-01-02[[\"/b\"]]",
        "[[a]]\nparent_projects = [\n \"/p\",\n]\nx",
        "x\n[[\"\\U0001F600\"]]",
    ] {
        assert!(UsageLog::read(text.as_bytes()).0.iter().count() > 0, "{text}");
    }
}

#[test]
fn a_log_that_is_something_else_is_told_from_a_torn_one() {
    let is_lost = |bytes: &[u8]| UsageLog::read_damaged(bytes).1.is_lost;
    let utf16: Vec<u8> = GOOD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let page = "<!DOCTYPE html>\n<html><body>404 not found</body></html>\n";
    let zeros = vec![0; 4096];
    for bytes in [
        &utf16[..],
        page.as_bytes(),
        &zeros,
        b"\x1f\x8b\x08\0\0\0\0\0",
        "[[".repeat(100).as_bytes(),
        b"x\n",
    ] {
        assert!(is_lost(bytes), "{:?}", String::from_utf8_lossy(bytes));
    }
    // After it, another process has logged a use.
    assert!(is_lost(&[&utf16[..], b"\n[[\"/a\"]]\ntime = 2024-01-02T03:04:05Z\n"].concat()));
    for bytes in
        [&b""[..], b"\n", b"# none\n", GOOD.as_bytes(), b"[[\"/to", b"[", b"[[\"/a\"]]\ntime = 2"]
    {
        assert!(!is_lost(bytes), "{:?}", String::from_utf8_lossy(bytes));
    }
    assert!(!is_lost(format!("{}\n{GOOD}", "x".repeat(1 << 20)).as_bytes()));
    assert!(!is_lost(format!("\u{feff}\0\0\0{GOOD}").as_bytes()));
}

/// Neither the number of diagnostics nor their length costs memory.
#[test]
fn many_faults_are_told_in_few_words() {
    let text = "torn\n".repeat(1000) + GOOD;
    let (log, skipped) = UsageLog::read(text.as_bytes());
    assert_eq!((log.iter().count(), skipped.len()), (2, reader::MAX_DIAGNOSTICS + 1));
    assert_eq!(skipped.last().unwrap().message, "900 more lines cannot be read");
}

proptest! {
    #[test]
    fn what_is_printed_is_read(log in any_log()) {
        let text = log.to_text();
        prop_assert_eq!(UsageLog::read(text.as_bytes()), (log.clone(), vec![]));
        let records = log.iter().map(|(_, records)| records.len()).sum();
        let expected = Census { records, paths: log.iter().count() };
        prop_assert_eq!(census(text.as_bytes()), Some(expected));
    }

    #[test]
    fn what_is_read_is_what_toml_says(
        log in any_log(),
        at in any::<prop::sample::Index>(),
        more in prop_oneof![
            any::<String>(),
            prop::sample::select(vec!["\n", "\r\n", "\"", "\\", "]", "[[\"/a\"]]\n", "time = 2024-01-02\n"])
                .prop_map(str::to_owned),
        ],
        cut in any::<prop::sample::Index>(),
    ) {
        let mut text = log.to_text();
        let begins = |text: &str, at: usize| (0..=at).rev().find(|at| text.is_char_boundary(*at));
        let at = begins(&text, at.index(text.len() + 1)).unwrap();
        text.insert_str(at, &more);
        let cut = begins(&text, cut.index(2 * text.len() + 1).min(text.len())).unwrap();
        text.truncate(cut);
        let (found, damage) = UsageLog::read_damaged(text.as_bytes());
        if let Ok(table) = text.parse::<Table>() {
            prop_assert!(!damage.is_lost, "{}", text);
            prop_assert!(records_of(&table).is_none_or(|records| records == found), "{}", text);
        }
    }

    #[test]
    fn a_census_means_that_it_is_toml(log in any_log(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = log.to_text().into_bytes();
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if census(&bytes).is_some() {
            let text = std::str::from_utf8(&bytes).unwrap();
            prop_assert!(text.parse::<Table>().is_ok(), "{}", text);
        }
    }

    #[test]
    fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        UsageLog::read(&bytes);
        census(&bytes);
    }

    /// With any text before, between and after them.
    #[test]
    fn no_record_is_lost_in_garbage(
        log in any_log(),
        garbage in prop::collection::vec(garbage(), 8),
        separator in prop::sample::select(vec!["\n", "\r\n", "\r", " ", "\0"]),
    ) {
        let mut bytes = garbage[0].clone();
        let mut expected = Vec::new();
        for (index, (path, records)) in log.iter().enumerate() {
            for record in records {
                let text = record.to_text(path).replace('\n', separator);
                bytes.extend(text.as_bytes());
                bytes.extend(&garbage[1 + index % 7]);
                expected.push((path, record));
            }
        }
        let (found, _) = UsageLog::read(&bytes);
        for (path, record) in expected {
            let is_read = |found: &Record| {
                let mut parents = record.parent_projects.iter();
                parents.all(|parent| found.parent_projects.contains(parent)) && found.time >= record.time
            };
            prop_assert!(found.records(path).iter().any(is_read), "{:?} of {:?}\n{:?}",
                         record, String::from_utf8_lossy(&bytes), found);
        }
        let (again, damage) = UsageLog::read_damaged(found.to_text().as_bytes());
        prop_assert_eq!((again, damage), (found, Damage::default()));
    }

    #[test]
    fn condensing_keeps_paths_parents_and_latest_times(log in any_log()) {
        let condensed = log.clone().condensed(now());
        prop_assert_eq!(condensed.clone().condensed(now()), condensed.clone());
        for (path, records) in log.iter() {
            let one = &condensed.records(path)[0];
            prop_assert_eq!(one.time, records.iter().map(|record| record.time).max().unwrap());
            for parent in records.iter().flat_map(|record| &record.parent_projects) {
                prop_assert!(one.parent_projects.contains(parent));
            }
        }
    }
}
