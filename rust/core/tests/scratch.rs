//! Creating, listing and deleting scratch spaces. Kills and concurrent processes are tested in
//! `scratchrs-testkit`.

#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use scratchrs_core::usage::{self, SpaceUsage};
use scratchrs_core::{ErrorCode, Place, scratch};
use scratchrs_model::time::DepotTime;
use scratchrs_testkit::{DepotLab, OWNER, set_mode, symlink};
use uuid::Uuid;

const OTHER: Uuid = Uuid::from_u128(0x17);

fn time(text: &str) -> DepotTime {
    DepotTime::from_toml(&text.parse().unwrap()).unwrap()
}

fn track(lab: &DepotLab, key: &str, project: &str, when: &str) {
    usage::track(
        lab.place(),
        SpaceUsage { space: &lab.space(key), project },
        time(when),
        Duration::ZERO,
    )
    .unwrap();
}

/// Each space in the list as `<owner's last digits> <key> <bytes>`.
fn list(lab: &DepotLab, owner: Option<Uuid>) -> Vec<String> {
    let line = |space: &scratch::Space| {
        assert_eq!(
            Path::new(&space.path),
            lab.path("scratchspaces").join(&space.owner).join(&space.key)
        );
        format!(
            "{} {} {}",
            &space.owner[space.owner.len().saturating_sub(2)..],
            space.key,
            space.bytes
        )
    };
    scratch::list(lab.place(), owner).unwrap().spaces.iter().map(line).collect()
}

#[test]
fn a_space_is_created_once_and_kept() {
    let lab = DepotLab::new();
    let space = scratch::get(lab.place(), OWNER, "key").unwrap();
    assert_eq!(space, lab.space("key"));
    fs::write(Path::new(&space).join("file"), "kept").unwrap();
    assert_eq!(scratch::get(lab.place(), OWNER, "key").unwrap(), space);
    assert_eq!(lab.tree_below(&space), "file: kept\n");
    let error = scratch::get(lab.place(), OWNER, "../key").unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidInput);
}

#[test]
fn a_missing_depot_has_no_spaces_and_is_not_created() {
    let lab = DepotLab::new();
    assert_eq!(list(&lab, None), [""; 0]);
    scratch::delete(lab.place(), OWNER, "key").unwrap();
    scratch::clear(lab.place(), Some(OWNER)).unwrap();
    scratch::clear(lab.place(), None).unwrap();
    assert!(!fs::exists(lab.depot()).unwrap());
}

#[test]
fn the_list_has_the_spaces_and_nothing_else() {
    let lab = DepotLab::new();
    for (owner, key) in [(OWNER, "b"), (OWNER, "a"), (OTHER, "c")] {
        scratch::get(lab.place(), owner, key).unwrap();
    }
    lab.write(&format!("scratchspaces/{OWNER}/a/below/file"), "four");
    lab.write(&format!("scratchspaces/{OWNER}/a/file"), "12345");
    for companion in
        ["a@generated.toml", "a@generating.pid", ".scratchrs-a@generated.toml-abcdef", "file"]
    {
        lab.write(&format!("scratchspaces/{OWNER}/{companion}"), "no space");
    }
    for companion in
        ["a@building-17", "a@building-17@removing-17-0", "a@removing-17-0", "a@replaced"]
    {
        fs::create_dir(lab.path(&format!("scratchspaces/{OWNER}/{companion}"))).unwrap();
    }
    fs::create_dir_all(lab.path(&format!("scratchspaces/{OTHER}@removing-17-0/key"))).unwrap();
    lab.write("scratchspaces/CACHEDIR.TAG", "no package");
    assert_eq!(list(&lab, None), ["17 c 0", "ea a 9", "ea b 0"]);
    assert_eq!(list(&lab, Some(OWNER)), ["ea a 9", "ea b 0"]);
    assert_eq!(list(&lab, Some(Uuid::nil())), [""; 0]);
}

#[test]
fn the_list_has_the_projects_of_a_space_and_its_last_use() {
    let lab = DepotLab::new();
    scratch::get(lab.place(), OWNER, "key").unwrap();
    let project = lab.root().join("Project.toml");
    fs::write(&project, format!("name = \"Owner\"\nuuid = \"{OWNER}\"\n")).unwrap();
    let project = project.to_str().unwrap();
    track(&lab, "key", project, "2024-01-03T00:00:00");
    track(&lab, "key", "/nowhere/Project.toml", "2024-01-02T00:00:00");
    track(&lab, "key", project, "2024-01-01T00:00:00");
    track(&lab, "gone", project, "2024-01-04T00:00:00");
    let [space] = &scratch::list(lab.place(), None).unwrap().spaces[..] else {
        panic!("one space")
    };
    assert_eq!(space.last_used, Some(time("2024-01-03T00:00:00")));
    assert_eq!(space.package.as_deref(), Some("Owner"));
    let mut expected = ["/nowhere/Project.toml", project];
    expected.sort_unstable();
    assert_eq!(space.parent_projects, expected);
}

/// Spaces that a user has moved to another disk: ScratchRS does not delete the target of the link.
/// The log can have another path of the depot, which may no longer exist.
#[test]
fn the_list_has_the_projects_of_a_space_by_any_path() {
    let lab = DepotLab::new();
    let link = lab.root().join("link");
    symlink(lab.depot(), &link);
    for (depot, project) in [(link.to_str().unwrap(), "/a"), ("/nowhere/.julia", "/b")] {
        scratch::get(lab.place(), OWNER, "key").unwrap();
        let space = lab.space("key").replace(lab.depot(), depot);
        let when = time("2024-01-01T00:00:00Z");
        usage::track(lab.place(), SpaceUsage { space: &space, project }, when, Duration::ZERO)
            .unwrap();
    }
    track(&lab, "key", "/c", "2023-01-01T00:00:00Z");
    let listing = scratch::list(lab.place(), None).unwrap();
    assert_eq!(listing.spaces[0].parent_projects, ["/a", "/b", "/c"]);
    assert_eq!(listing.spaces[0].last_used, Some(time("2024-01-01T00:00:00Z")));
}

#[test]
fn a_space_may_be_a_link() {
    let lab = DepotLab::new();
    let elsewhere = lab.root().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("file"), "12345").unwrap();
    scratch::get(lab.place(), OWNER, "plain").unwrap();
    symlink(&elsewhere, lab.space("linked"));
    symlink("nowhere", lab.space("dangling"));
    symlink(&elsewhere, Path::new(&lab.space("plain")).join("inner"));
    let plain = format!("ea plain {}", elsewhere.as_os_str().len());
    assert_eq!(list(&lab, None), ["ea linked 5", &plain], "a link inside counts as a link");
    assert_eq!(scratch::get(lab.place(), OWNER, "linked").unwrap(), lab.space("linked"));
    assert!(scratch::get(lab.place(), OWNER, "dangling").is_err());
    scratch::delete(lab.place(), OWNER, "linked").unwrap();
    scratch::delete(lab.place(), OWNER, "dangling").unwrap();
    scratch::delete(lab.place(), OWNER, "plain").unwrap();
    assert_eq!(lab.names(), ["scratchspaces/", &format!("scratchspaces/{OWNER}/")]);
    assert_eq!(lab.tree_below(elsewhere), "file: 12345\n");
}

#[test]
fn directories_of_packages_and_of_all_spaces_may_be_links() {
    let lab = DepotLab::new();
    let elsewhere = lab.root().join("elsewhere");
    fs::create_dir_all(elsewhere.join("key")).unwrap();
    fs::create_dir_all(lab.path("scratchspaces")).unwrap();
    let package = lab.path(&format!("scratchspaces/{OWNER}"));
    symlink(&elsewhere, &package);
    assert_eq!(list(&lab, None), ["ea key 0"]);
    scratch::clear(lab.place(), Some(OWNER)).unwrap();
    assert!(fs::symlink_metadata(&package).is_err());
    symlink(&elsewhere, &package);
    scratch::clear(lab.place(), None).unwrap();
    assert_eq!(lab.tree(), "");
    assert_eq!(lab.tree_below(elsewhere), "key/\n");
}

#[test]
fn deleting_a_space_deletes_its_companions() {
    let lab = DepotLab::new();
    for key in ["key", "key2", "other"] {
        lab.write(&format!("scratchspaces/{OWNER}/{key}/file"), key);
        lab.write(&format!("scratchspaces/{OWNER}/{key}@generated.toml"), "");
    }
    fs::create_dir_all(lab.path(&format!("scratchspaces/{OWNER}/key@removing-17-0/left"))).unwrap();
    let read_only = lab.path(&format!("scratchspaces/{OWNER}/key/below"));
    lab.write(&format!("scratchspaces/{OWNER}/key/below/file"), "");
    set_mode(&read_only, 0o500);
    scratch::delete(lab.place(), OWNER, "key").unwrap();
    assert_eq!(list(&lab, None), ["ea key2 4", "ea other 5"]);
    assert!(!lab.names().iter().any(|name| name.contains("key@")), "{:?}", lab.names());
    scratch::clear(lab.place(), Some(OTHER)).unwrap();
    assert_eq!(list(&lab, None), ["ea key2 4", "ea other 5"]);
    scratch::clear(lab.place(), Some(OWNER)).unwrap();
    assert_eq!(lab.tree(), "scratchspaces/\n");
}

#[test]
#[cfg(target_os = "linux")]
fn names_that_are_not_unicode_are_not_listed_and_are_deleted() {
    use std::os::unix::ffi::OsStrExt;

    let lab = DepotLab::new();
    let odd = std::ffi::OsStr::from_bytes(b"odd-\xff");
    scratch::get(lab.place(), OWNER, "key").unwrap();
    let package = lab.path(&format!("scratchspaces/{OWNER}"));
    for directory in
        [lab.path("scratchspaces").join(odd), package.join(odd), package.join("key").join(odd)]
    {
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(odd), "123").unwrap();
    }
    assert_eq!(list(&lab, None), ["ea key 3"]);
    scratch::delete(lab.place(), OWNER, "key").unwrap();
    assert_eq!(list(&lab, None), [""; 0]);
    scratch::clear(lab.place(), None).unwrap();
    assert_eq!(lab.tree(), "");
}

#[test]
fn a_directory_can_replace_that_of_all_spaces() {
    let lab = DepotLab::new();
    let directory = lab.root().join("spaces");
    let place = Place { directory: directory.to_str(), ..lab.place() };
    let space = scratch::get(place, OWNER, "key").unwrap();
    assert_eq!(Path::new(&space), directory.join(OWNER.to_string()).join("key"));
    let when = time("2024-01-02T00:00:00");
    usage::track(
        place,
        SpaceUsage { space: &space, project: "/a/Project.toml" },
        when,
        Duration::ZERO,
    )
    .unwrap();
    assert_eq!(lab.names(), ["logs/", "logs/scratch_usage.toml"], "uses are logged in the depot");
    assert_eq!(scratch::list(place, None).unwrap().spaces[0].last_used, Some(when));
    scratch::clear(place, None).unwrap();
    assert!(!directory.exists());
}

#[test]
fn invalid_records_are_reported_and_removed() {
    let lab = DepotLab::new();
    lab.write("logs/scratch_usage.toml", "[[\"/space\"]]\nparent_projects = [\"/a\"]\ntime = 20");
    let (_, skipped) = usage::read(lab.place()).unwrap();
    assert_eq!(skipped.len(), 1);
    let when = time("2024-01-02T00:00:00");
    let tracked = usage::track(
        lab.place(),
        SpaceUsage { space: "/other", project: "/b" },
        when,
        Duration::ZERO,
    )
    .unwrap();
    assert!(tracked.recorded);
    assert_eq!(tracked.removed_records, skipped);
    let text = "[[\"/other\"]]\nparent_projects = [\"/b\"]\ntime = 2024-01-02T00:00:00.000Z\n\n\
                [[\"/space\"]]\nparent_projects = [\"/a\"]\ntime = 2024-01-02T00:00:00.000Z\n";
    assert_eq!(lab.usage_log_text(), text);
}
