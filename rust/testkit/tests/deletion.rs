//! Deletion stays inside the depot, and deletes items with any content.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]
#![expect(clippy::disallowed_methods, reason = "tests prepare files themselves")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::fs::{Mode, OFlags};
use scratchrs_core::store::Store;
use scratchrs_testkit::{DepotLab, skip};

/// The number of `nobody`.
const NOBODY: u32 = 65534;

const WORKER: &str = env!("CARGO_BIN_EXE_scratchrs-worker");
const HASH: &str = "1111111111111111111111111111111111111111";

/// Runs the worker from a shell script, in which `"$@"` is its command and `$DEPOT` the depot, by
/// the program `shell` with its options.
fn run(lab: &DepotLab, shell: &[&str], script: &str, task: &[&str]) -> Output {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).args(["-c", script, "sh", WORKER, task[0], lab.depot()]);
    command.args(&task[1..]).env("DEPOT", lab.depot()).env("ROOT", lab.root());
    command.stdin(Stdio::null()).output().unwrap()
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text)).concat()
}

/// Nested directories, `levels` of them, with a file in the innermost one.
fn make_deep(at: &Path, levels: usize) {
    fs::create_dir_all(at).unwrap();
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut directory = rustix::fs::open(at, flags, Mode::empty()).unwrap();
    for _ in 0..levels {
        rustix::fs::mkdirat(&directory, "d", Mode::RWXU).unwrap();
        directory = rustix::fs::openat(&directory, "d", flags, Mode::empty()).unwrap();
    }
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
    rustix::fs::openat(&directory, "f", flags, Mode::RUSR).unwrap();
}

/// The item has more levels than the process may have open files, and longer paths than the system
/// accepts. Recursion would overflow the stack.
#[test]
fn an_item_of_any_depth_is_deleted_with_few_files_and_a_small_stack() {
    const LEVELS: usize = 3_000;
    let lab = DepotLab::new();
    // The worker alone, not optimized, needs more than 256 KiB to read its arguments.
    let limits = "ulimit -n 64; ulimit -s 512; export RUST_MIN_STACK=262144; exec \"$@\"";
    let artifact = lab.path(&format!("artifacts/{HASH}"));
    let space = lab.space("deep");
    let tasks: [(&Path, &[&str]); 4] = [
        (Path::new(&space), &["delete", "deep"]),
        (Path::new(&space), &["clear", "--all"]),
        (&artifact, &["remove-artifact", HASH]),
        (&artifact, &["collect", "--max-size", "1000"]),
    ];
    for (item, task) in tasks {
        make_deep(item, LEVELS);
        let output = run(&lab, &["sh"], limits, task);
        assert!(output.status.success(), "{task:?}: {}: {}", output.status, said(&output));
        let parent = item.parent().unwrap();
        let left = fs::read_dir(parent).map_or(0, |entries| entries.count());
        assert_eq!(left, 0, "{task:?}: {}", said(&output));
    }
}

/// A script that mounts something, in a namespace of its own, and then lets the worker do its task.
fn mounted(lab: &DepotLab, mount: &str, task: &[&str]) -> Result<Output, String> {
    let script = format!("{{ {mount}; }} >&2 || exit 99; exec \"$@\"");
    let output = run(lab, &["unshare", "--mount", "--", "sh"], &script, task);
    match output.status.code() {
        Some(99) => Err(said(&output)),
        _ => Ok(output),
    }
}

const MOUNTS: &str = "mounts in an item";

/// Why this machine cannot mount a file system, if so.
fn no_mounts() -> Option<String> {
    let mount = ["--mount", "--", "mount", "-t", "tmpfs", "x", "/mnt"];
    match Command::new("unshare").args(mount).output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(said(&output).trim().to_owned()),
        Err(error) => Some(format!("unshare: {error}")),
    }
}

/// Each kind of mount, the script that mounts it in the item `$item`, and the mount point.
const KINDS: [(&str, &str, &str); 7] = [
    ("a directory outside the depot", "mount --bind \"$ROOT/data\" \"$item/a/m\"", "/a/m"),
    ("a file outside the depot", "mount --bind \"$ROOT/data/file\" \"$item/a/file\"", "/a/file"),
    ("another file system", "mount -t tmpfs x \"$item/a/m\"; : > \"$item/a/m/x\"", "/a/m"),
    ("the item itself", "mount --bind \"$ROOT/data\" \"$item\"", ""),
    (
        "in another mount of the depot",
        "mkdir \"$ROOT/other\"; mount --make-rprivate /; mount --bind \"$DEPOT\" \"$ROOT/other\"; \
         mount --bind \"$ROOT/data\" \"$ROOT/other/${item#\"$DEPOT\"}/a/m\"",
        "/a/m",
    ),
    ("a path with a space", "mount --bind \"$ROOT/data\" \"$item/a/s p\"", "/a/s p"),
    ("a directory of the item", "mount --bind \"$item/b\" \"$item/a/m\"", "/a/m"),
];

/// An item with a mount point inside is not deleted, and the report names the mount point.
#[test]
fn an_item_with_a_mount_inside_is_not_deleted() {
    if let Some(why) = no_mounts() {
        return skip(MOUNTS, &why);
    }
    let artifact = format!("artifacts/{HASH}");
    for (kind, mount, point) in KINDS {
        let lab = DepotLab::new();
        let space = lab.space("key").strip_prefix(lab.depot()).unwrap()[1..].to_owned();
        let tasks: [(&str, &[&str]); 7] = [
            (&space, &["delete", "key"]),
            (&space, &["clear"]),
            (&space, &["clear", "--all"]),
            (&space, &["collect", "--dry-run"]),
            (&space, &["collect"]),
            (&artifact, &["collect", "--all-depots"]),
            (&artifact, &["remove-artifact", HASH]),
        ];
        for (item, task) in tasks {
            let _ = fs::remove_dir_all(lab.depot());
            let _ = fs::remove_dir(lab.root().join("other"));
            fs::create_dir_all(lab.root().join("data")).unwrap();
            fs::write(lab.root().join("data/file"), "precious").unwrap();
            for file in ["a/file", "a/m/below", "a/s p/below", "b/file", "file"] {
                lab.write(&format!("{item}/{file}"), "text");
            }
            let before = lab.tree();
            let script = format!("item=\"$DEPOT/{item}\"; {mount}");
            let output = match mounted(&lab, &script, task) {
                Ok(output) => output,
                Err(why) => return skip(MOUNTS, &why),
            };
            let about = format!("{kind}, {task:?}: {}", said(&output));
            let precious = fs::read_to_string(lab.root().join("data/file"));
            assert_eq!(precious.unwrap(), "precious", "{about}");
            let kept = |tree: String| -> Vec<String> {
                let is_item = |line: &&str| line.contains("file: ") || line.contains("below: ");
                tree.lines().filter(is_item).map(str::to_owned).collect()
            };
            assert_eq!(kept(lab.tree()), kept(before), "{about}");
            let names = lab.names();
            assert!(!names.iter().any(|name| name.contains("@removing")), "{about}");
            let is_collection = task[0] == "collect";
            assert_eq!(output.status.code(), Some(i32::from(!is_collection)), "{about}");
            assert!(said(&output).contains(&format!("{point}` is a mount point")), "{about}");
            assert_eq!(said(&output).contains("spared "), is_collection, "{about}");
        }
    }
}

/// A tree of the store with a mount point inside is kept with its contents.
#[test]
fn a_stored_tree_with_a_mount_inside_is_kept() {
    if let Some(why) = no_mounts() {
        return skip(MOUNTS, &why);
    }
    let lab = DepotLab::new();
    let own = |task: &[&str]| {
        let output = run(&lab, &["sh"], "exec \"$@\"", task);
        assert!(output.status.success(), "{task:?}: {}", said(&output));
    };
    own(&["store-trees", "--link", "symlink"]);
    own(&["store-unbind", "tree-0"]);
    let artifacts = Path::new(Store::of(lab.place()).unwrap().root()).join("artifacts");
    let groups = fs::read_dir(&artifacts).unwrap().map(|group| group.unwrap().path());
    let mut addresses = groups.flat_map(|group| fs::read_dir(group).unwrap());
    let tree = addresses.find_map(|entry| {
        let path = entry.unwrap().path();
        path.is_dir().then_some(path)
    });
    let tree = tree.expect("a tree is stored");
    fs::set_permissions(&tree, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(tree.join("m")).unwrap();
    fs::create_dir(lab.root().join("data")).unwrap();
    fs::write(lab.root().join("data/file"), "precious").unwrap();
    let before = lab.tree_below(&artifacts);
    let mount = format!("mount --bind \"$ROOT/data\" {}/m", tree.display());
    let output = match mounted(&lab, &mount, &["store-collect"]) {
        Ok(output) => output,
        Err(why) => return skip(MOUNTS, &why),
    };
    let about = said(&output);
    assert!(about.contains("/m` is a mount point"), "{about}");
    assert_eq!(lab.tree_below(&artifacts), before, "{about}");
    assert!(lab.root().join("data/file").exists(), "{about}");
    own(&["store-collect"]);
    assert_eq!(fs::read_dir(&artifacts).unwrap().count(), 0);
}

/// The directories above the items may be mount points.
#[test]
fn items_are_deleted_in_a_mounted_directory() {
    if let Some(why) = no_mounts() {
        return skip(MOUNTS, &why);
    }
    let lab = DepotLab::new();
    for (place, task) in [
        ("artifacts", &["collect"][..]),
        ("", &["collect"]),
        ("artifacts", &["remove-artifact", HASH]),
        ("scratchspaces", &["delete", "key"]),
        ("scratchspaces", &["clear", "--all"]),
    ] {
        lab.write(&format!("artifacts/{HASH}/file"), "");
        lab.write(&format!("{}/file", &lab.space("key")[lab.depot().len() + 1..]), "");
        let mount = format!("mount --bind \"$DEPOT/{place}\" \"$DEPOT/{place}\"");
        let output = match mounted(&lab, &mount, task) {
            Ok(output) => output,
            Err(why) => return skip(MOUNTS, &why),
        };
        assert!(output.status.success(), "{place}, {task:?}: {}", said(&output));
        let item = if place == "scratchspaces" { "key" } else { HASH };
        let names = lab.names();
        assert!(!names.iter().any(|name| name.contains(item)), "{task:?}: {names:?}");
    }
}

/// On an old kernel or in a sandbox without `openat2`, and without the table of mounts.
#[test]
fn mounts_are_found_without_the_calls_of_a_new_kernel() {
    if let Some(why) = no_mounts().or_else(scratchrs_testkit::strace::missing) {
        return skip(MOUNTS, &why);
    }
    let lab = DepotLab::new();
    fs::create_dir(lab.root().join("data")).unwrap();
    fs::write(lab.root().join("data/file"), "precious").unwrap();
    let traced = |fault: &str| {
        format!("exec strace -f -qqq -o /dev/null -e trace=openat2 -e inject=openat2:error={fault}")
    };
    let ways = [traced("ENOSYS"), traced("EPERM"), "mount -t tmpfs x /proc; exec".to_owned()];
    for way in ways {
        lab.write(&format!("{}/m/below", &lab.space("key")[lab.depot().len() + 1..]), "");
        let item = lab.space("key");
        let script = format!("mount --bind \"$ROOT/data\" {item}/m || exit 99; {way} \"$@\"");
        let output = run(&lab, &["unshare", "--mount", "--", "sh"], &script, &["delete", "key"]);
        let about = format!("{way}: {}", said(&output));
        assert_eq!(output.status.code(), Some(1), "{about}");
        assert!(about.contains("/m` is a mount point"), "{about}");
        assert!(lab.root().join("data/file").exists(), "{about}");
        assert!(Path::new(&item).join("m/below").exists(), "{about}");
    }
}

/// The owner can delete an item with any modes of directories, as after `chmod -R u+rwx`.
#[test]
fn directories_of_every_mode_are_deleted() {
    if !rustix::process::geteuid().is_root() {
        return skip("directories of every mode", "only the superuser can be another user");
    }
    let artifact = format!("artifacts/{HASH}");
    for mode in [0o000, 0o100, 0o200, 0o300, 0o400, 0o500, 0o600] {
        let lab = DepotLab::new();
        let space = lab.space("key").strip_prefix(lab.depot()).unwrap()[1..].to_owned();
        let tasks: [(&str, &[&str]); 3] = [
            (&space, &["delete", "key"]),
            (&space, &["collect"]),
            (&artifact, &["remove-artifact", HASH]),
        ];
        for (item, task) in tasks {
            lab.write(&format!("{item}/a/b/c/file"), "");
            lab.write(&format!("{item}/a/file"), "");
            fs::create_dir(lab.path(&format!("{item}/empty"))).unwrap();
            let owned = Command::new("chown").args(["-R", "65534"]).arg(lab.root()).status();
            assert!(owned.unwrap().success());
            for directory in ["/a/b/c", "/a/b", "/a", "/empty", ""] {
                let path = lab.path(&format!("{item}{directory}"));
                fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            }
            let user = format!("--reuid={NOBODY}");
            let shell = ["setpriv", &user, "--clear-groups", "--", "sh"];
            let output = run(&lab, &shell, "exec \"$@\"", task);
            let about = format!("{mode:03o}, {task:?}: {}", said(&output));
            assert!(output.status.success() && !about.contains("failed "), "{about}");
            let names = lab.names();
            let name = item.rsplit('/').next().unwrap();
            assert!(!names.iter().any(|found| found.contains(name)), "{about}: {names:?}");
        }
    }
}

/// Each collection reports an undeletable leftover under the same name, until one can delete it.
#[test]
fn a_leftover_that_cannot_be_deleted_keeps_its_name() {
    let lab = DepotLab::new();
    let item = format!("artifacts/{HASH}");
    for file in ["fixed/file", "other"] {
        lab.write(&format!("{item}/{file}"), "");
    }
    let change = |flag: &str, item: &str| {
        let file = lab.path(&format!("{item}/fixed/file"));
        Command::new("chattr").arg(flag).arg(file).output().map(|output| output.status.success())
    };
    if !change("+i", &item).unwrap_or(false) {
        return skip("files that cannot be deleted", "chattr cannot make a file immutable here");
    }
    let leftover = || -> Vec<String> {
        let entries = fs::read_dir(lab.path("artifacts")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let mut names = Vec::new();
    for _ in 0..3 {
        let output = run(&lab, &["sh"], "exec \"$@\"", &["collect"]);
        assert!(said(&output).contains("failed "), "{}", said(&output));
        names.push(leftover());
    }
    let thawed = change("-i", &format!("artifacts/{}", names[0][0]));
    assert_eq!(names[0].len(), 1, "{names:?}");
    assert!(names.iter().all(|found| *found == names[0]), "{names:?}");
    assert_eq!(names[0][0].matches("@removing-").count(), 1, "{names:?}");
    assert!(thawed.unwrap());
    let output = run(&lab, &["sh"], "exec \"$@\"", &["collect"]);
    assert_eq!(leftover(), [""; 0], "{}", said(&output));
}
