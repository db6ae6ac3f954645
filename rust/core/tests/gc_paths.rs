//! One depot has many paths: items in use are kept, whatever path the logs have, and under whatever
//! path the depot is collected.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "what cannot be set up ends the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

#[path = "gc_paths/lab.rs"]
mod lab;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use chrono::TimeDelta;
use lab::{ARTIFACT, Lab, Mount, OTHER, UUID, collect, options, package};
use scratchrs_core::artifact;
use scratchrs_core::gc::{self, Standing};
use scratchrs_fs::Progress;
use scratchrs_model::clone_name::clone_name;
use scratchrs_testkit::skip;

/// The items of a [`Lab`] that a collection without a grace period deletes.
fn unreferenced() -> Vec<String> {
    vec![
        format!("artifacts/{OTHER}"),
        "clones/123".to_owned(),
        "packages/Example/abcde".to_owned(),
        format!("scratchspaces/{UUID}/gone"),
    ]
}

/// The same, and the items that only the manifest of the lab references.
fn all() -> Vec<String> {
    let mut all = unreferenced();
    all.extend([format!("artifacts/{ARTIFACT}"), package(), format!("scratchspaces/{UUID}/kept")]);
    all.sort();
    all
}

/// Collects a depot whose logs have the path `logged` under the path `collected`, for each rule
/// about paths.
fn check(make: impl Fn(&Lab) -> (String, String)) {
    // Without a grace period, items in use are kept, also the second time: their records are still
    // in the logs.
    let lab = Lab::new();
    let (logged, collected) = make(&lab);
    lab.respell_logs(&logged);
    let name = format!("logged as {logged}, collected as {collected}");
    let dry = collect(&gc::Options { dry_run: true, ..options(&[&collected]) });
    assert_eq!(lab.gone(&dry, &collected), unreferenced(), "dry run: {name}");
    assert_eq!(lab.gone(&collect(&options(&[&collected])), &collected), unreferenced(), "{name}");
    assert_eq!(collect(&options(&[&collected])).gone, [], "the second time: {name}");
    let log = fs::read_to_string(lab.depot.join("logs/scratch_usage.toml")).unwrap();
    assert!(log.contains(&format!("{logged}/scratchspaces/{UUID}/kept")), "{name}\n{log}");

    // Without a manifest, all items that the package references are deleted with it.
    let lab = Lab::new();
    let (logged, collected) = make(&lab);
    lab.respell_logs(&logged);
    fs::remove_file(lab.root.join("work/Manifest.toml")).unwrap();
    assert_eq!(lab.gone(&collect(&options(&[&collected])), &collected), all(), "{name}");

    // The grace period continues under another path.
    let lab = Lab::new();
    let (logged, collected) = make(&lab);
    lab.respell_logs(&logged);
    let mut slow = options(&[&collected]);
    slow.policy.collect_delay = TimeDelta::days(7);
    let since = |path: &String| format!("\"{logged}/{path}\" = 2024-01-01T00:00:00Z\n");
    let orphans: String = unreferenced().iter().map(since).collect();
    fs::write(lab.depot.join("logs/orphaned.toml"), orphans).unwrap();
    assert_eq!(lab.gone(&collect(&slow), &collected), unreferenced(), "waited: {name}");
}

#[test]
fn a_depot_is_the_same_through_links() {
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let link = |lab: &Lab| {
        symlink(&lab.depot, lab.root.join("link")).unwrap();
        symlink("link", lab.root.join("chain")).unwrap();
        symlink(".", lab.root.join("up")).unwrap();
    };
    for (logged, collected) in [
        ("depot", "link"),
        ("link", "depot"),
        ("link", "chain"),
        ("chain", "depot"),
        ("up/depot", "depot"),
        ("depot", "up/up/depot"),
        ("work/../depot", "depot"),
        ("depot", "work/../link"),
        (".//depot", "depot"),
        ("link/.", "chain"),
    ] {
        check(|lab| {
            link(lab);
            (text(&lab.root.join("x")).replace('x', "") + logged, text(&lab.root.join(collected)))
        });
    }
}

#[test]
fn a_depot_is_the_same_through_proc() {
    if !Path::new("/proc/self/root").exists() {
        return skip("paths through /proc", "there is no /proc/self/root");
    }
    check(|lab| (format!("/proc/self/root{}", lab.path()), lab.path()));
    check(|lab| (lab.path(), format!("/proc/self/root{}", lab.path())));
    let up = "../".repeat(40);
    check(|lab| (format!("/proc/self/cwd/{up}{}", &lab.path()[1..]), lab.path()));
}

/// The path does not exist: that of an automount, of another machine, or of `/proc/self/cwd` in
/// another process.
#[test]
fn a_log_is_about_its_depot_if_its_paths_lead_to_nothing() {
    check(|lab| ("/nowhere/home/ada/.julia".to_owned(), lab.path()));
    check(|lab| ("/proc/self/cwd/nowhere/depot".to_owned(), lab.path()));
}

#[test]
fn a_depot_is_the_same_through_mounts() {
    let probe = tempfile::tempdir().unwrap();
    if let Err(why) = Mount::bind(probe.path(), probe.path()) {
        return skip("paths through bind mounts", &why);
    }
    for is_logged in [true, false] {
        check(|lab| {
            let bound = lab.root.join("bound");
            fs::create_dir(&bound).unwrap();
            lab.mounts.borrow_mut().push(Mount::bind(&lab.depot, &bound).unwrap());
            let bound = bound.to_str().unwrap().to_owned();
            if is_logged { (bound, lab.path()) } else { (lab.path(), bound) }
        });
    }
    // A single directory of the depot.
    for directory in ["scratchspaces", &format!("scratchspaces/{UUID}/kept")] {
        let lab = Lab::new();
        let bound = lab.root.join("bound");
        fs::create_dir(&bound).unwrap();
        let mount = Mount::bind(&lab.depot.join(directory), &bound).unwrap();
        lab.mounts.borrow_mut().push(mount);
        lab.respell(&format!("{}/{directory}", lab.path()), bound.to_str().unwrap());
        let gone = lab.gone(&collect(&options(&[&lab.path()])), &lab.path());
        assert_eq!(gone, unreferenced(), "{directory}");
    }
}

/// A space of one depot that is mounted in another one is in use according to the logs of both.
#[test]
fn a_space_may_be_mounted_in_another_depot() {
    let lab = Lab::new();
    let (other, space) = (lab.root.join("other"), format!("scratchspaces/{UUID}/kept"));
    fs::create_dir_all(other.join("scratchspaces").join(UUID)).unwrap();
    fs::rename(lab.depot.join(&space), other.join(&space)).unwrap();
    fs::create_dir(lab.depot.join(&space)).unwrap();
    match Mount::bind(&other.join(&space), &lab.depot.join(&space)) {
        Ok(mount) => lab.mounts.borrow_mut().push(mount),
        Err(why) => return skip("a space that is mounted in another depot", &why),
    }
    let stack = [&lab.path(), other.to_str().unwrap()];
    let report = collect(&gc::Options { all_depots: true, ..options(&stack) });
    assert_eq!(lab.gone(&report, &lab.path()), unreferenced());
    assert!(other.join(space).join("file").exists());
}

#[test]
fn a_directory_of_a_depot_may_be_a_link() {
    for directory in
        ["packages", "artifacts", "scratchspaces", &format!("scratchspaces/{UUID}/kept")]
    {
        for manifest_is_there in [true, false] {
            let lab = Lab::new();
            let (place, target) = (lab.depot.join(directory), lab.root.join("disk"));
            fs::rename(&place, &target).unwrap();
            symlink(&target, &place).unwrap();
            lab.respell(&format!("{}/{directory}", lab.path()), target.to_str().unwrap());
            if !manifest_is_there {
                fs::remove_file(lab.root.join("work/Manifest.toml")).unwrap();
            }
            let gone = lab.gone(&collect(&options(&[&lab.path()])), &lab.path());
            let expected = if manifest_is_there { unreferenced() } else { all() };
            assert_eq!(gone, expected, "{directory} {manifest_is_there}");
        }
    }
}

#[test]
fn a_depot_that_is_given_by_several_paths_is_collected_once() {
    let lab = Lab::new();
    let link = lab.root.join("link");
    symlink(&lab.depot, &link).unwrap();
    let stack = [link.to_str().unwrap(), &lab.path(), "/nowhere"];
    let all = gc::Options { all_depots: true, ..options(&stack) };
    let dry = collect(&gc::Options { dry_run: true, ..all.clone() });
    assert_eq!(lab.gone(&dry, stack[0]), unreferenced());
    assert_eq!(lab.gone(&collect(&all), stack[0]), unreferenced());
}

#[test]
fn depots_may_share_a_directory() {
    for directory in ["scratchspaces", "artifacts", "packages", "logs"] {
        let lab = Lab::new();
        let other = lab.root.join("other");
        fs::create_dir(&other).unwrap();
        symlink(lab.depot.join(directory), other.join(directory)).unwrap();
        let stack = [other.to_str().unwrap(), &lab.path()];
        let all = gc::Options { all_depots: true, ..options(&stack) };
        let dry = collect(&gc::Options { dry_run: true, ..all.clone() });
        assert_eq!(dry.gone.len(), unreferenced().len(), "{directory}");
        let report = collect(&all);
        assert_eq!(report.gone.len(), unreferenced().len(), "{directory}");
        assert!(report.failures.is_empty(), "{directory}: {:?}", report.failures);
        assert!(lab.depot.join(format!("scratchspaces/{UUID}/kept/file")).exists(), "{directory}");
        assert!(lab.depot.join(format!("artifacts/{ARTIFACT}/file")).exists(), "{directory}");
    }
}

/// An item that is in use under a link in one depot is in use in the depot of the link's target.
#[test]
fn what_links_lead_to_is_in_use() {
    let lab = Lab::new();
    let other = lab.root.join("other");
    for path in [format!("artifacts/{ARTIFACT}"), format!("scratchspaces/{UUID}/kept"), package()] {
        let (place, target) = (lab.depot.join(&path), other.join(&path));
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::rename(&place, &target).unwrap();
        symlink(&target, &place).unwrap();
    }
    // Under another name, and through another link.
    let renamed = other.join(format!("artifacts/{OTHER}"));
    fs::rename(other.join(format!("artifacts/{ARTIFACT}")), &renamed).unwrap();
    symlink(OTHER, other.join(format!("artifacts/{ARTIFACT}"))).unwrap();
    let stack = [&lab.path(), other.to_str().unwrap()];
    let report = collect(&gc::Options { all_depots: true, ..options(&stack) });
    assert_eq!(lab.gone(&report, &lab.path()), unreferenced());
    assert!(renamed.join("file").exists());
    assert!(other.join(format!("scratchspaces/{UUID}/kept/file")).exists());
    assert!(other.join(package()).join("Project.toml").exists());
}

#[test]
fn an_override_leads_to_an_artifact_by_any_path() {
    let artifact = format!("artifacts/{OTHER}");
    for (spelling, is_kept) in [
        ("link/{}", true),
        ("link/{}/", true),
        ("depot/./{}", true),
        ("work/../depot/{}/share", true),
        ("link/{}/file/missing", true),
        ("other/{}", false),
    ] {
        let lab = Lab::new();
        symlink("depot", lab.root.join("link")).unwrap();
        fs::create_dir_all(lab.root.join("other").join(&artifact)).unwrap();
        let target = format!("{}/{}", lab.root.display(), spelling.replace("{}", &artifact));
        let text = format!("{ARTIFACT} = \"{target}\"\n");
        fs::write(lab.depot.join("artifacts/Overrides.toml"), text).unwrap();
        collect(&options(&[&lab.path()]));
        assert_eq!(lab.depot.join(&artifact).exists(), is_kept, "{spelling}");
    }
}

/// The name of a clone is the hash of its URL; the hashed text of a path differs between versions
/// of Pkg.
#[test]
fn a_clone_of_a_path_is_referenced_from_the_directory_of_the_manifest() {
    let repository = |lab: &Lab| {
        let repository = lab.root.join("repositories/Example");
        fs::create_dir_all(&repository).unwrap();
        symlink("repositories", lab.root.join("repos")).unwrap();
        repository.canonicalize().unwrap().to_str().unwrap().to_owned()
    };
    for (url, name, origin, is_kept) in [
        // Pkg since 1.12.4 hashes the real path.
        ("../repositories/Example", Some("{real}"), "", true),
        ("../repos/Example", Some("{real}"), "", true),
        ("{root}/repos/Example", Some("{real}"), "", true),
        // Earlier versions hash the path without `..`, or the text.
        ("../repos/Example", Some("{root}/repos/Example"), "", true),
        ("{root}/repos/Example", Some("{root}/repos/Example"), "", true),
        // Pkg 1.13 has another hash function: the origin of the clone counts.
        ("../repos/Example", None, "{real}", true),
        ("../repositories/Example", None, "{root}/repos/Example", true),
        ("{root}/repos/../repositories/Example/", None, "{real}", true),
        // The repository is deleted, but its clone is in use.
        ("../repos/Gone", Some("{root}/repositories/Gone"), "", true),
        ("../repos/Gone", None, "{root}/repositories/Gone", true),
        ("../repos/Other", Some("{real}"), "{real}", false),
        ("https://example.invalid/Example.git", Some("{real}"), "{real}", false),
    ] {
        let lab = Lab::new();
        let real = repository(&lab);
        let root = lab.root.canonicalize().unwrap().to_str().unwrap().to_owned();
        let fill = |text: &str| text.replace("{real}", &real).replace("{root}", &root);
        let name = name.map_or_else(|| "4711".to_owned(), |name| clone_name(&fill(name)));
        let clone = lab.depot.join("clones").join(&name);
        fs::create_dir_all(&clone).unwrap();
        let config = format!("[remote \"origin\"]\n\turl = {}\n", fill(origin));
        fs::write(clone.join("config"), config).unwrap();
        lab.add_to_manifest(&format!("repo-rev = \"main\"\nrepo-url = \"{}\"\n", fill(url)));
        collect(&options(&[&lab.path()]));
        assert_eq!(clone.exists(), is_kept, "{url} {name} {origin}");
    }
    // Relative to the path at which the manifest was found.
    let lab = Lab::new();
    let real = repository(&lab);
    let clone = lab.depot.join("clones").join(clone_name(&real));
    fs::create_dir_all(&clone).unwrap();
    lab.add_to_manifest("repo-rev = \"main\"\nrepo-url = \"../../../repos/Example\"\n");
    fs::create_dir_all(lab.depot.join("environments/v1.10")).unwrap();
    let environment = lab.depot.join("environments/v1.10/Manifest.toml");
    fs::rename(lab.root.join("work/Manifest.toml"), environment).unwrap();
    let work = format!("{}/work/Manifest.toml", lab.root.display());
    lab.respell(&work, "/nowhere/.julia/environments/v1.10/Manifest.toml");
    collect(&options(&[&lab.path()]));
    assert!(clone.exists());
}

#[test]
fn an_item_is_explained_by_any_path() {
    let lab = Lab::new();
    symlink(&lab.depot, lab.root.join("link")).unwrap();
    lab.respell_logs(lab.root.join("link").to_str().unwrap());
    let paths = [lab.depot.clone(), lab.root.join("link"), lab.root.join("work/../link")];
    for path in paths {
        let query = path.join(format!("artifacts/{ARTIFACT}/file"));
        let query = query.to_str().unwrap();
        let options = options(&[&lab.path()]);
        let found = gc::why(query, &options, lab::moment(), &Progress::default()).unwrap().found;
        assert_eq!(found.len(), 1, "{query}");
        assert_eq!(found[0].standing, Standing::Kept);
        assert_eq!(found[0].causes[0].package.as_deref(), Some("Example"), "{query}");
    }
}

/// Two collections with the same depots in another order, under other paths, do not deadlock.
#[test]
fn collections_by_different_paths_lock_in_one_order() {
    let lab = Lab::new();
    let other = lab.root.join("a-other");
    fs::create_dir(&other).unwrap();
    symlink(&lab.depot, lab.root.join("a-link")).unwrap();
    symlink(&other, lab.root.join("z-link")).unwrap();
    let text = |name: &str| lab.root.join(name).to_str().unwrap().to_owned();
    let stacks = [["depot", "a-other"], ["z-link", "a-link"], ["a-other", "a-link"]];
    std::thread::scope(|scope| {
        for stack in stacks {
            let stack = stack.map(text);
            scope.spawn(move || {
                for _ in 0..10 {
                    let stack = [&stack[0][..], &stack[1]];
                    let report = collect(&gc::Options { all_depots: true, ..options(&stack) });
                    assert!(report.failures.is_empty(), "{:?}", report.failures);
                }
            });
        }
    });
}

/// Most environments are in a depot: they are found there if the log has another path.
#[test]
fn an_environment_in_a_depot_is_found_by_the_end_of_its_path() {
    for (logged, is_kept) in [
        ("/nowhere/.julia/environments/v1.10/Manifest.toml", true),
        ("/nowhere/.julia/dev/Example/Manifest.toml", true),
        // The path is not in a depot, and the file is missing: as with Pkg, it references nothing.
        ("/nowhere/work/Manifest.toml", false),
        ("/nowhere/.julia/environments/v1.9/Manifest.toml", false),
    ] {
        let lab = Lab::new();
        for place in ["environments/v1.10", "dev/Example"] {
            fs::create_dir_all(lab.depot.join(place)).unwrap();
            let manifest = lab.root.join("work/Manifest.toml");
            fs::copy(manifest, lab.depot.join(place).join("Manifest.toml")).unwrap();
        }
        lab.respell(&format!("{}/work/Manifest.toml", lab.root.display()), logged);
        let mut slow = options(&[&lab.path()]);
        slow.policy.collect_delay = TimeDelta::days(7);
        assert_eq!(collect(&slow).waiting.len(), if is_kept { 4 } else { 5 }, "{logged}");
        let log = fs::read_to_string(lab.depot.join("logs/manifest_usage.toml")).unwrap();
        assert_eq!(log.contains(logged), is_kept, "{logged}");
    }
}

/// `scratchrs artifact remove` needs the files that bind an artifact.
#[test]
fn what_binds_an_artifact_is_found_by_the_end_of_its_path() {
    let lab = Lab::new();
    lab.respell_logs("/nowhere/.julia");
    let stack = artifact::Stack::new([lab.path()], None).unwrap();
    let known = artifact::known_files(&stack, None::<&str>).unwrap();
    let uses = artifact::usage(&known, ARTIFACT.parse().unwrap());
    assert_eq!(uses.len(), 1);
    assert_eq!(Path::new(&uses[0].path), lab.depot.join(package()).join("Artifacts.toml"));
}

/// A path through a deleted package is not in it if it leads out again.
#[test]
fn a_root_is_in_the_package_that_the_system_says() {
    for (spelling, is_in_package) in [
        ("depot/packages/Example/abcde/Artifacts.toml", true),
        ("link/packages/Example/abcde/../abcde/Artifacts.toml", true),
        ("depot/packages/Example/abcde/../../../../work/Artifacts.toml", false),
        ("link/packages/Example/abcde/../../../../work/Artifacts.toml", false),
        (
            "depot/packages/Example/abcde/../../../../link/packages/Example/abcde/Artifacts.toml",
            true,
        ),
    ] {
        let lab = Lab::new();
        symlink(&lab.depot, lab.root.join("link")).unwrap();
        let text = format!("[a]\ngit-tree-sha1 = \"{OTHER}\"\n");
        fs::write(lab.root.join("work/Artifacts.toml"), &text).unwrap();
        fs::write(lab.depot.join("packages/Example/abcde/Artifacts.toml"), text).unwrap();
        let path = format!("{}/{}/Artifacts.toml", lab.path(), package());
        lab.respell(&path, &format!("{}/{spelling}", lab.root.display()));
        collect(&options(&[&lab.path()]));
        let artifact = lab.depot.join(format!("artifacts/{OTHER}"));
        assert_eq!(artifact.exists(), !is_in_package, "{spelling}");
    }
}
