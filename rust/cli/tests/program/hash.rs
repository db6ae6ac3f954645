//! `scratchrs hash`, next to git, tar and sha256sum.

use scratchrs_testkit::{set_mode, symlink};
use serde_json::json;

use crate::lab::{Lab, Run, json};

/// A directory `tree`, and what git and tar make of it.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.write("tree/a.txt", "content\n");
    lab.write("tree/deep/run", "#!/bin/sh\n");
    set_mode(lab.path("tree/deep/run"), 0o755);
    symlink("a.txt", lab.path("tree/link"));
    for (name, options) in [("tree.tar", "-cf"), ("tree.tar.gz", "-czf")] {
        lab.tool("tar", &[options, name, "-C", "tree", "."]);
    }
    lab
}

fn git_tree(lab: &Lab) -> String {
    lab.tool("git", &["init", "--quiet"]);
    lab.tool("git", &["--work-tree=tree", "add", "--all"]);
    lab.tool("git", &["write-tree"])
}

fn sha256(lab: &Lab, name: &str) -> String {
    lab.tool("sha256sum", &[name])[..64].to_owned()
}

#[test]
fn a_tree_a_tarball_and_a_file_have_the_hashes_of_git_and_sha256sum() {
    let lab = lab();
    let tree = git_tree(&lab);
    let line = format!("git-tree-sha1 = \"{tree}\"\n");
    assert_eq!(lab.result(&["hash", "tree"]), line);
    for name in ["tree.tar", "tree.tar.gz"] {
        let digits = sha256(&lab, name);
        assert_eq!(lab.result(&["hash", name]), format!("{line}sha256 = \"{digits}\"\n"));
        assert_eq!(lab.result(&["hash", name, "--only", "sha256"]), format!("{digits}\n"));
        assert_eq!(lab.result(&["hash", name, "--only", "git-tree-sha1"]), format!("{tree}\n"));
    }
    let blob = lab.tool("git", &["hash-object", "tree/a.txt"]);
    let digits = sha256(&lab, "tree/a.txt");
    let file = format!("git-blob-sha1 = \"{blob}\"\nsha256 = \"{digits}\"\n");
    assert_eq!(lab.result(&["hash", "tree/a.txt"]), file);
    assert_eq!(lab.result(&["hash", "tree/link"]), file, "a link is followed");
    assert_eq!(
        lab.result(&["hash", "tree", "tree/a.txt"]),
        format!("# tree\n{line}\n# tree/a.txt\n{file}")
    );
}

#[test]
fn git_has_the_same_hashes_by_sha256() {
    let lab = lab();
    lab.tool("git", &["init", "--quiet", "--object-format=sha256"]);
    lab.tool("git", &["--work-tree=tree", "add", "--all"]);
    let tree = lab.tool("git", &["write-tree"]);
    let blob = lab.tool("git", &["hash-object", "tree/a.txt"]);
    let only = |hash, path| lab.result(&["hash", path, "--only", hash]);
    assert_eq!(only("git-tree-sha256", "tree"), format!("{tree}\n"));
    assert_eq!(only("git-blob-sha256", "tree/a.txt"), format!("{blob}\n"));
    assert!(lab.result(&["hash", "--all", "tree"]).contains(&tree));
}

#[test]
fn all_fields_in_json() {
    let lab = lab();
    let tree = git_tree(&lab);
    let archive = std::fs::metadata(lab.path("tree.tar.gz")).unwrap().len();
    assert_eq!(
        json(&lab.result(&["hash", "tree", "tree.tar.gz", "tree/a.txt", "--json"])),
        json!({
            "hashes": [
                {"path": "tree", "kind": "directory", "bytes": 18, "git-tree-sha1": tree},
                {"path": "tree.tar.gz", "kind": "tarball", "bytes": archive,
                 "git-tree-sha1": tree, "sha256": sha256(&lab, "tree.tar.gz")},
                {"path": "tree/a.txt", "kind": "file", "bytes": 8,
                 "git-blob-sha1": lab.tool("git", &["hash-object", "tree/a.txt"]),
                 "sha256": sha256(&lab, "tree/a.txt")},
            ],
            "notes": [],
        })
    );
}

#[test]
fn differing_hashes_and_broken_tarballs_are_noted() {
    let lab = lab();
    symlink("é", lab.path("tree/other"));
    let git = git_tree(&lab);
    let run = lab.run(&["hash", "tree"]);
    assert_eq!(
        run.stderr,
        format!("note: git's hash of the tree is {git}, since it has non-ASCII links: `tree`\n")
    );
    assert!(run.code == 0 && !run.stdout.contains(&git), "Pkg's name is the one that counts");
    lab.write("cut.tar", &std::fs::read(lab.path("tree.tar")).unwrap()[..700]);
    let run = lab.run(&["hash", "cut.tar"]);
    assert!(run.stderr.starts_with("note: not a tarball: "), "{}", run.stderr);
    assert!(run.code == 0 && run.stdout.starts_with("git-blob-sha1 = "), "{}", run.stdout);
}

#[test]
fn content_without_the_hash_is_an_error() {
    let lab = lab();
    for (arguments, code, message) in [
        (&["hash", "missing"][..], 1, "can't open `missing`: no such file or directory (ENOENT)"),
        (
            &["hash", "/dev/zero"],
            1,
            "can't open `/dev/zero`: it is a character device, not a regular file",
        ),
        (&["hash", "tree", "--only", "sha256"], 2, "a directory has no sha256: `tree`"),
    ] {
        assert_eq!(lab.run(arguments), Run::failed(code, &format!("error: {message}\n")));
    }
    assert_eq!(lab.run(&["hash"]).code, 2);
    lab.tool("mkfifo", &["tree/fifo"]);
    let run = lab.run(&["hash", "tree"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.contains("found a FIFO"), "{}", run.stderr);
}
