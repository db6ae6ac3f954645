//! The store on file systems with different features, and on a full one.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed setup fails the test")]

use std::collections::BTreeSet;
use std::process::Output;

use scratchrs_core::store::Store;
use scratchrs_fs::LinkMode;
use scratchrs_testkit::{DepotLab, Disk, FileSystem, Worker, report, skip};

/// A depot on a disk that is invisible to other processes.
struct Lab {
    lab: DepotLab,
    disk: Disk,
}

impl Lab {
    fn new(kind: FileSystem) -> Result<Self, String> {
        let lab = DepotLab::new();
        let disk = Disk::new(lab.root(), kind)?;
        Ok(Self { lab, disk })
    }

    fn run(&self, verb: &str, rest: &[&str]) -> Output {
        let worker = Worker::new(env!("CARGO_BIN_EXE_scratchrs-worker"));
        let command = worker.command([verb, self.lab.depot()].iter().chain(rest));
        self.disk.inside(&command).output().unwrap()
    }

    fn succeed(&self, verb: &str, rest: &[&str]) -> BTreeSet<String> {
        let output = self.run(verb, rest);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{verb} {rest:?}: {}: {said}", output.status);
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// The entries of the store that are neither contents nor logs.
    fn leftovers(&self) -> Vec<String> {
        let outside = DepotLab::at(&self.disk.seen_from_outside());
        let root = Store::of(outside.place()).unwrap().root().to_owned();
        let parts = ["@removing-", "@replaced", ".scratchrs-", "_lock"];
        let names = outside.tree_below(root);
        let is_left = |line: &&str| {
            let is_work = line.strip_prefix("work/").is_some_and(|name| !name.is_empty());
            is_work || parts.iter().any(|part| line.contains(part))
        };
        names.lines().filter(is_left).map(str::to_owned).collect()
    }
}

/// The results of each link mode, and of the default, on a file system that supports the modes
/// `known`.
fn every_mode(name: &str, kind: FileSystem, known: &[LinkMode]) {
    let lab = match Lab::new(kind) {
        Ok(lab) => lab,
        Err(why) => return skip(&format!("the store on {name}"), &why),
    };
    let can = |mode: &LinkMode| known.contains(mode);
    let best = LinkMode::ALL.into_iter().find(can).unwrap();
    let expect = |mode: LinkMode| if can(&mode) { mode } else { LinkMode::Copy };
    let trees = ["--count", "3", "--files", "8"];
    let tasks = LinkMode::ALL.map(|mode| (vec!["--link", mode.name()], expect(mode)));
    for (link, expected) in [(vec![], best)].into_iter().chain(tasks) {
        lab.succeed("store-trees", &[&trees[..], &link].concat());
        let expected: BTreeSet<_> =
            (0..3).map(|number| format!("tree-{number} {expected}")).collect();
        assert_eq!(lab.succeed("store-check", &[]), expected, "{name}, {link:?}");
    }
    lab.succeed("store-file", &["file", "content 1"]);
    lab.succeed("store-unbind", &["tree-1"]);
    lab.succeed("store-collect", &[]);
    assert_eq!(lab.succeed("store-check", &[]).len(), 3, "{name}");
    assert_eq!(lab.leftovers(), Vec::<String>::new(), "{name}");
    report(&format!("{name}: {best} by default"));
}

#[test]
fn files_are_linked_by_a_supported_mode() {
    use LinkMode::{Copy, Hardlink, Symlink};
    every_mode("tmpfs", FileSystem::Tmpfs(1024), &[Hardlink, Symlink, Copy]);
    every_mode("Btrfs", FileSystem::Btrfs, &LinkMode::ALL);
    every_mode("FAT", FileSystem::Fat, &[Copy]);
}

#[test]
fn stored_contents_survive_a_full_disk() {
    const NAME: &str = "a store on a full disk";
    const PAGE: u64 = 4096;
    let lab = match Lab::new(FileSystem::Tmpfs(512)) {
        Ok(lab) => lab,
        Err(why) => return skip(NAME, &why),
    };
    lab.succeed("store-trees", &[]);
    let tasks: [(&str, &[&str]); 4] = [
        ("store-trees", &["--prefix", "new-", "--first", "1", "--link", "copy"]),
        ("store-file", &["file", "another content"]),
        ("store-unbind", &["tree-0"]),
        ("store-collect", &[]),
    ];
    let (mut refused, mut runs) = (0, 0);
    for (verb, rest) in tasks {
        for pages in 0..16 {
            let before = lab.succeed("store-check", &[]);
            lab.disk.fill(pages * PAGE);
            let output = lab.run(verb, rest);
            let said = String::from_utf8_lossy(&output.stderr);
            let about = format!("{verb}, {pages} pages left: {said}");
            runs += 1;
            if !output.status.success() {
                refused += 1;
                // The last are the words of what fills the tree.
                let words = ["(ENOSPC)", "no storage space", "Worker No space left"];
                let is_full = words.iter().any(|words| said.contains(words));
                assert!(output.status.code() == Some(1) && is_full, "{about}");
                assert_eq!(lab.succeed("store-check", &[]), before, "{about}");
            }
            lab.disk.empty();
            lab.succeed(verb, rest);
            lab.succeed("store-check", &[]);
            // As it was at first.
            for name in ["new-1", "file"] {
                lab.succeed("store-unbind", &[name]);
            }
            lab.succeed("store-trees", &[]);
            lab.succeed("store-collect", &[]);
            assert_eq!(lab.leftovers(), Vec::<String>::new(), "{about}");
        }
    }
    report(&format!("{NAME}: {refused} of {runs} were refused"));
    assert!(refused > 0);
}
