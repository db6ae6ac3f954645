//! `scratchrs artifact`, next to git and tar.

use std::fs;

use scratchrs_testkit::set_mode;
use serde_json::{Value, json};

use crate::lab::{Lab, Run, json};

/// Of `iris`, by git: see `the_hash_is_that_of_git`. On Windows, a new file may be executed.
const IRIS: &str = match cfg!(windows) {
    false => "8f3912360eec08d9fe150d3959107262150c5986",
    true => "9fdceb644ba6ee4c82aa18e7c5b93318069cb0e0",
};
const OTHER: &str = "0123456789abcdef0123456789abcdef01234567";

/// A directory `iris` that is to become an artifact.
fn lab() -> Lab {
    let lab = Lab::new();
    lab.write("iris/data.csv", "5.1,3.5\n");
    lab.write("iris/bin/run", "#!/bin/sh\n");
    set_mode(lab.path("iris/bin/run"), 0o755);
    lab
}

/// That, with the artifact, and a file that binds it.
fn bound() -> Lab {
    let lab = lab();
    assert_eq!(lab.run(&["artifact", "create", "iris"]).code, 0);
    assert_eq!(lab.run(&["artifact", "bind", "iris", IRIS]).code, 0);
    lab
}

fn artifact(lab: &Lab, arguments: &[&str]) -> Run {
    lab.run(&[&["artifact"], arguments].concat())
}

fn answer(lab: &Lab, arguments: &[&str]) -> Value {
    json(&artifact(lab, &[arguments, &["--json"]].concat()).stdout)
}

fn said(stderr: &str) -> Run {
    Run { code: 0, stdout: String::new(), stderr: format!("{stderr}\n") }
}

#[test]
#[cfg(unix)]
fn the_hash_is_that_of_git() {
    let lab = lab();
    lab.tool("git", &["init", "--quiet"]);
    lab.tool("git", &["--work-tree=iris", "add", "--all"]);
    assert_eq!(lab.tool("git", &["write-tree"]), IRIS);
    assert_eq!(lab.result(&["hash", "iris", "--only", "git-tree-sha1"]), format!("{IRIS}\n"));
}

#[test]
#[cfg(unix)]
fn an_artifact_is_created_from_a_directory_or_a_tarball() {
    let lab = lab();
    let path = format!("[ROOT]/depot/artifacts/{IRIS}");
    let created = artifact(&lab, &["create", "iris"]);
    let expected = Run { stdout: format!("{IRIS}\n"), ..said(&format!("Created `{path}`")) };
    assert_eq!(created, expected);
    use std::os::unix::fs::PermissionsExt;
    let program = format!("depot/artifacts/{IRIS}/bin/run");
    assert_eq!(fs::metadata(lab.path(&program)).unwrap().permissions().mode() & 0o777, 0o555);
    let file = format!("depot/artifacts/{IRIS}/data.csv");
    assert_eq!(fs::metadata(lab.path(&file)).unwrap().permissions().mode() & 0o777, 0o444);
    let again = artifact(&lab, &["create", "iris"]);
    assert!(again.stderr.ends_with("which already exists\n"), "{}", again.stderr);
    for (name, options) in [("iris.tar", "-cf"), ("iris.tgz", "-czf")] {
        lab.tool("tar", &[options, name, "-C", "iris", "."]);
        lab.set_writable("depot/artifacts");
        fs::remove_dir_all(lab.path("depot/artifacts")).unwrap();
        let answer = answer(&lab, &["create", name]);
        assert_eq!(answer, json!({"hash": IRIS, "path": path, "is_new": true, "notes": []}));
    }
}

#[test]
#[cfg(unix)]
fn a_failed_creation_leaves_nothing() {
    let lab = lab();
    lab.tool("mkfifo", &["iris/fifo"]);
    lab.write("no.tar", "this is no tarball");
    for (path, message) in [
        ("iris", "can't copy `iris/fifo`: it is neither a file, a directory nor a link"),
        ("missing", "can't open `missing`: no such file or directory (ENOENT)"),
        ("/dev/null", "can't open `/dev/null`: it is a character device, not a regular file"),
    ] {
        assert_eq!(
            artifact(&lab, &["create", path]),
            Run::failed(1, &format!("error: {message}\n"))
        );
    }
    let run = artifact(&lab, &["create", "no.tar", "--json"]);
    let error = &json(&run.stderr)["error"];
    assert_eq!((run.code, &error["code"], &error["path"]), (1, &json!("format"), &json!("no.tar")));
    let left: Vec<_> = fs::read_dir(lab.path("depot/artifacts")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_name_is_bound_and_unbound() {
    let lab = lab();
    let file = "[ROOT]/Artifacts.toml";
    let bind = |more: &[&str]| artifact(&lab, &[&["bind", "iris", IRIS], more].concat());
    assert_eq!(bind(&[]), said(&format!("Bound `iris` to {IRIS} in `{file}`")));
    assert_eq!(lab.read("Artifacts.toml"), format!("[iris]\ngit-tree-sha1 = \"{IRIS}\"\n"));
    assert!(lab.read("depot/logs/artifact_usage.toml").contains("[[\"[ROOT]/Artifacts.toml\"]]"));
    let message = format!("Mapping for 'iris' within {file} already exists!");
    let refused = format!("error: {message}\nhint: `--force` replaces it\n");
    assert_eq!(bind(&[]), Run::failed(1, &refused));
    let digits = "ab".repeat(32);
    let options = ["--force", "--lazy", "--url", "https://h/a", "--sha256", &digits];
    assert_eq!(bind(&options).code, 0);
    assert_eq!(
        lab.read("Artifacts.toml"),
        format!(
            "[iris]\ngit-tree-sha1 = \"{IRIS}\"\nlazy = true\n\n    [[iris.download]]\n    \
             sha256 = \"{digits}\"\n    url = \"https://h/a\"\n"
        )
    );
    assert_eq!(artifact(&lab, &["unbind", "iris"]), said(&format!("Unbound `iris` in `{file}`")));
    assert_eq!(lab.read("Artifacts.toml"), "");
    let nothing = format!("error: `iris` in `{file}` is not bound\n");
    assert_eq!(artifact(&lab, &["unbind", "iris"]), Run::failed(3, &nothing));
}

#[test]
fn a_file_keeps_its_comments() {
    let lab = lab();
    lab.write(
        "Mine/Artifacts.toml",
        format!("# The data.\n[a] # first\ngit-tree-sha1 = \"{OTHER}\"\n"),
    );
    assert_eq!(artifact(&lab, &["bind", "iris", IRIS, "--file", "Mine"]).code, 0);
    assert_eq!(
        lab.read("Mine/Artifacts.toml"),
        format!(
            "# The data.\n[a] # first\ngit-tree-sha1 = \"{OTHER}\"\n\n[iris]\ngit-tree-sha1 = \"{IRIS}\"\n"
        )
    );
    assert!(!lab.exists("Artifacts.toml"));
}

#[test]
fn a_name_is_bound_for_each_platform() {
    let lab = lab();
    let bind =
        |hash: &str, platform: &str| answer(&lab, &["bind", "tool", hash, "--platform", platform]);
    assert_eq!(bind(IRIS, "x86_64-linux-gnu")["platform"], json!("x86_64-linux-gnu"));
    assert_eq!(bind(OTHER, "aarch64-apple-darwin")["hash"], json!(OTHER));
    let list = |more: &[&str]| artifact(&lab, &[&["list", "--file", "."], more].concat()).stdout;
    assert_eq!(
        list(&["--all"]),
        format!(
            "name  platform              hash                                      state\n\
             tool  x86_64-linux-gnu      {IRIS}  missing\n\
             tool  aarch64-apple-darwin  {OTHER}  missing\n"
        )
    );
    assert!(list(&["--platform", "aarch64-apple-darwin20"]).contains(OTHER));
    let path = |platform| artifact(&lab, &["path", "tool", "--platform", platform]);
    assert!(path("x86_64-linux-gnu-libgfortran5").stderr.contains(IRIS));
    let elsewhere = path("x86_64-w64-mingw32");
    assert_eq!(elsewhere.code, 3);
    assert!(
        elsewhere.stderr.contains("binds `tool`, but not for x86_64-w64-mingw32"),
        "{elsewhere:?}"
    );
    assert_eq!(artifact(&lab, &["bind", "tool", IRIS]).code, 1);
    assert_eq!(artifact(&lab, &["unbind", "tool", "--platform", "x86_64-linux-gnu"]).code, 0);
    assert!(!list(&["--all"]).contains(IRIS));
    let wrong = artifact(&lab, &["path", "tool", "--platform", "pdp11-unix"]);
    assert_eq!(wrong.code, 2);
}

#[test]
fn a_choice_that_depends_on_julia_is_undecided() {
    let lab = lab();
    let arch = std::env::consts::ARCH;
    let system = if cfg!(windows) { "w64-mingw32" } else { "linux-gnu" };
    let bind = |name: &str, hash: &str, tags: &str| {
        let platform = format!("{arch}-{system}{tags}");
        let url = ["--url", "file:///nowhere", "--sha256", &"1".repeat(64)];
        let words = ["bind", name, hash, "--platform", &platform];
        assert_eq!(artifact(&lab, &[&words[..], &url].concat()).code, 0);
    };
    bind("tool", IRIS, "-libgfortran4");
    bind("tool", OTHER, "-libgfortran5");
    // A Julia with the ABI of C++11 takes the second, others the first.
    bind("plain", IRIS, "");
    bind("plain", OTHER, "-cxx11");
    bind("same", IRIS, "");
    bind("same", IRIS, "-cxx11");
    for command in ["path", "install", "verify"] {
        for (name, tag) in [("tool", "libgfortran_version"), ("plain", "cxxstring_abi")] {
            let refused = artifact(&lab, &[command, name]);
            assert_eq!(
                (refused.code, refused.stderr),
                (
                    2,
                    format!(
                        "error: the binding of `{name}` in `[ROOT]/Artifacts.toml` depends on \
                         `{tag}`, which is unknown without Julia\n\
                         hint: pass the platform: `--platform TRIPLET`; in Julia, \
                         `Base.BinaryPlatforms.host_triplet()` returns it\n"
                    )
                )
            );
        }
        let decided = artifact(&lab, &[command, "same"]);
        assert_ne!(decided.code, 2, "it is the same artifact in any case: {decided:?}");
    }
    let platform = format!("{arch}-{system}-libgfortran4-cxx11");
    let chosen = artifact(&lab, &["path", "tool", "--platform", &platform]);
    assert_eq!(chosen.code, 3);
    assert!(chosen.stderr.contains(IRIS), "{chosen:?}");
}

#[test]
fn a_given_platform_is_a_host() {
    let lab = lab();
    let triplet = |tags: &str| format!("x86_64-linux-gnu{tags}");
    for (hash, tags) in [(IRIS, "-libstdcxx21"), (OTHER, "-libstdcxx29")] {
        let platform = triplet(tags);
        assert_eq!(artifact(&lab, &["bind", "tool", hash, "--platform", &platform]).code, 0);
    }
    // As `Base.BinaryPlatforms.host_triplet()` returns it.
    let host = triplet("-libgfortran5-cxx11-libstdcxx26-julia_version+1.10.8");
    let chosen = artifact(&lab, &["path", "tool", "--platform", &host]);
    assert!(chosen.stderr.contains(IRIS), "{chosen:?}");
    let old = artifact(&lab, &["path", "tool", "--platform", &triplet("-libstdcxx20")]);
    assert!(old.code == 3 && old.stderr.contains("but not for"), "{old:?}");
}

#[test]
#[cfg(unix)]
fn hashes_are_taken_from_a_tarball() {
    let lab = lab();
    lab.tool("tar", &["-czf", "iris.tar.gz", "-C", "iris", "."]);
    let sha256 = &lab.tool("sha256sum", &["iris.tar.gz"])[..64];
    let urls = ["--url", "https://h/a", "--url", "https://h/b"];
    let bind = |more: &[&str]| {
        artifact(&lab, &[&["bind", "iris", "--tarball", "iris.tar.gz"], more, &urls].concat())
    };
    assert_eq!(bind(&[OTHER]).code, 1, "the tree in it is another one");
    assert!(!lab.exists("Artifacts.toml"));
    assert_eq!(bind(&[]).code, 0);
    let text = lab.read("Artifacts.toml");
    assert!(text.contains(IRIS) && text.matches(sha256).count() == 2, "{text}");
    let run = artifact(&lab, &["bind", "x", IRIS, "--url", "https://h/a"]);
    let expected = "error: expected one --sha256 for each --url, found 1 --url and 0 --sha256\n";
    assert_eq!(run, Run::failed(2, expected));
    assert_eq!(artifact(&lab, &["bind", "x"]).code, 2);
    let run = artifact(&lab, &["bind", "x", "--tarball", "iris/data.csv"]);
    assert_eq!(run, Run::failed(2, "error: expected a tarball, found a file: `iris/data.csv`\n"));
}

#[test]
fn an_artifact_is_found_by_name_and_by_hash() {
    let lab = bound();
    let path = format!("[ROOT]/depot/artifacts/{IRIS}");
    for name in ["iris", IRIS] {
        assert_eq!(lab.result(&["artifact", "path", name]), format!("{path}\n"));
    }
    assert_eq!(
        answer(&lab, &["path", "iris"]),
        json!({"artifact": "iris", "hash": IRIS, "path": path, "overridden": false, "notes": []})
    );
    for (name, message) in [
        (OTHER, format!("artifact `{OTHER}` is not installed: `[ROOT]/depot/artifacts/{OTHER}`\n")),
        (
            "isis",
            "`[ROOT]/Artifacts.toml` binds no artifact `isis`\n\
                  hint: `scratchrs artifact list --file …` lists its names\n"
                .to_owned(),
        ),
    ] {
        assert_eq!(artifact(&lab, &["path", name]), Run::failed(3, &format!("error: {message}")));
    }
    fs::remove_file(lab.path("Artifacts.toml")).unwrap();
    let run = artifact(&lab, &["path", "iris"]);
    let message = "no Artifacts.toml in this directory or above";
    let expected =
        format!("error: {message}\nhint: pass a file: `--file path/to/Artifacts.toml`\n");
    assert_eq!(run, Run::failed(3, &expected));
    lab.write("depot/artifacts/Overrides.toml", format!("{IRIS} = \"[ROOT]/iris\"\nbad = 1\n"));
}

#[test]
fn an_override_replaces_an_artifact() {
    let lab = bound();
    let overrides = format!("{IRIS} = \"[ROOT]/iris\"\n{OTHER} = \"relative\"\n");
    lab.write("depot/artifacts/Overrides.toml", lab.toml(&overrides));
    let run = artifact(&lab, &["path", "iris"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "[ROOT]/iris\n"));
    assert!(
        run.stderr.starts_with("note: [ROOT]/depot/artifacts/Overrides.toml:"),
        "{}",
        run.stderr
    );
    assert_eq!(answer(&lab, &["path", "iris"])["overridden"], json!(true));
    let run = artifact(&lab, &["remove", "iris", "--yes"]);
    assert!(run.code == 1 && run.stderr.contains("is overridden by"), "{run:?}");
    assert!(lab.exists(&format!("depot/artifacts/{IRIS}/data.csv")));
    let verified = artifact(&lab, &["verify", "iris"]);
    assert!(
        verified.code == 0 && verified.stderr.contains("which is not verified"),
        "{verified:?}"
    );
    assert_eq!(answer(&lab, &["list", "--file", "."])["bindings"][0]["state"], json!("overridden"));
}

#[test]
fn installed_artifacts_and_the_files_that_bind_them() {
    let lab = bound();
    lab.write(&format!("depot/artifacts/{OTHER}/file"), "x".repeat(2048));
    let run = artifact(&lab, &["list"]);
    let hash = |hash| format!("{hash}  ");
    assert_eq!(
        run.stdout,
        format!(
            "artifact                                  name      size  last used     bound by\n\
             {}       2.0 KiB  never logged  nothing\n\
             {}iris  18 bytes  today         1 file\n",
            hash(OTHER),
            hash(IRIS)
        )
    );
    assert_eq!(run.stderr, "2 artifacts in `[ROOT]/depot/artifacts` (2.0 KiB)\n");
    let answer_of_list = answer(&lab, &["list"]);
    assert_eq!(answer_of_list["bytes"], json!(2066));
    let listed = &answer_of_list["artifacts"][1];
    assert_eq!(
        (&listed["names"], &listed["bound_by"]),
        (&json!(["iris"]), &json!(["[ROOT]/Artifacts.toml"]))
    );
    let empty = Lab::new();
    fs::create_dir(empty.path("depot")).unwrap();
    assert_eq!(artifact(&empty, &["list"]), said("No artifacts in `[ROOT]/depot/artifacts`"));
}

#[test]
fn the_bindings_of_a_file() {
    let lab = bound();
    assert_eq!(artifact(&lab, &["bind", "lazy", OTHER, "--lazy"]).code, 0);
    assert_eq!(
        artifact(&lab, &["list", "--file", "Artifacts.toml"]).stdout,
        format!(
            "name  platform  hash                                      state\n\
             iris  any       {IRIS}  installed\n\
             lazy  any       {OTHER}  missing (lazy)\n"
        )
    );
    lab.write("bad/Artifacts.toml", "[x]\ngit-tree-sha1 = \"123\"\n");
    let run = artifact(&lab, &["list", "--file", "bad"]);
    assert!(run.stderr.starts_with("note: [ROOT]/bad/Artifacts.toml:2:"), "{}", run.stderr);
    assert!(run.stdout.ends_with("x     ?         ?     invalid\n"), "{}", run.stdout);
    lab.write("none/Artifacts.toml", "x = []\n");
    let run = artifact(&lab, &["list", "--file", "none"]);
    assert!(run.stderr.contains("`[ROOT]/none/Artifacts.toml` binds nothing on "), "{run:?}");
    lab.write("bad/Artifacts.toml", "[x\n");
    let run = artifact(&lab, &["list", "--file", "bad"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.starts_with("error: [ROOT]/bad/Artifacts.toml:1:"), "{}", run.stderr);
    assert_eq!(artifact(&lab, &["list", "--file", "nowhere"]).code, 3);
}

#[test]
#[cfg(unix)]
fn an_archive_is_read_by_tar_and_has_the_same_bytes_each_time() {
    let lab = bound();
    let run = artifact(&lab, &["archive", "iris", "iris.tar.gz"]);
    let sha256 = lab.tool("sha256sum", &["iris.tar.gz"])[..64].to_owned();
    assert_eq!((run.code, run.stdout.as_str()), (0, format!("{sha256}\n").as_str()));
    assert!(
        run.stderr.starts_with(&format!("Archived {IRIS} into `iris.tar.gz` (")),
        "{}",
        run.stderr
    );
    fs::create_dir(lab.path("unpacked")).unwrap();
    lab.tool("tar", &["-xzf", "iris.tar.gz", "-C", "unpacked"]);
    assert_eq!(lab.result(&["hash", "unpacked", "--only", "git-tree-sha1"]), format!("{IRIS}\n"));
    assert_eq!(artifact(&lab, &["archive", IRIS, "again.tar.gz"]).stdout, run.stdout);
    let zstd = answer(&lab, &["archive", "iris", "iris.tar.zst"]);
    assert_eq!(zstd["bytes"], json!(fs::metadata(lab.path("iris.tar.zst")).unwrap().len()));
    assert_eq!(fs::read(lab.path("iris.tar.zst")).unwrap()[..4], [0x28, 0xb5, 0x2f, 0xfd]);
    let missing = artifact(&lab, &["archive", OTHER, "x.tar.gz"]);
    assert_eq!((missing.code, lab.exists("x.tar.gz")), (3, false));
}

#[test]
fn changed_files_of_a_corrupt_artifact_are_listed() {
    let lab = bound();
    let sound = "1 artifact matches its hash";
    assert_eq!(artifact(&lab, &["verify"]), said(sound));
    assert_eq!(artifact(&lab, &["verify", "iris"]), said(sound));
    let at = |name: &str| format!("depot/artifacts/{IRIS}/{name}");
    for name in ["", "bin", "data.csv"] {
        lab.set_writable(&at(name));
    }
    fs::remove_file(lab.path(&at("data.csv"))).unwrap();
    lab.set_writable(&at("bin/run"));
    lab.write(&at("bin/run"), "rm -rf /\n");
    lab.write(&at("extra"), "");
    let run = artifact(&lab, &["verify"]);
    assert_eq!(
        run,
        Run {
            code: 1,
            stdout: format!(
                "corrupt {IRIS}  [ROOT]/depot/artifacts/{IRIS}\n  changed  bin/run\n  \
                 missing  data.csv\n  extra    extra\n"
            ),
            stderr: "error: 1 of 1 artifact does not match its hash\n\
                     hint: `scratchrs artifact repair` installs corrupt artifacts again, if a file that binds them has a source\n"
                .to_owned(),
        }
    );
    let answer = answer(&lab, &["verify", IRIS]);
    assert_eq!(
        answer["corrupt"][0]["differences"][1],
        json!({"path": "data.csv", "change": "missing"})
    );
    fs::remove_file(lab.path(&format!("depot/artifacts/{IRIS}@tree"))).unwrap();
    let run = artifact(&lab, &["verify"]);
    assert!(run.stdout.contains("the changed files are unknown"), "{}", run.stdout);
    let missing = artifact(&lab, &["verify", OTHER]);
    assert_eq!((missing.code, missing.stdout), (3, format!("missing {OTHER}\n")));
}

#[test]
fn an_artifact_is_deleted_after_confirmation() {
    let lab = bound();
    let path = format!("[ROOT]/depot/artifacts/{IRIS}");
    let what = format!("`{path}` (18 bytes, which 1 file binds)");
    let refused = format!(
        "error: can't ask without a terminal: Delete {what}?\n\
         hint: pass `--yes` to delete without asking\n"
    );
    assert_eq!(artifact(&lab, &["remove", "iris"]), Run::failed(2, &refused));
    assert_eq!(artifact(&lab, &["remove", "iris", "--yes"]), said(&format!("Deleted {what}")));
    let left: Vec<_> = fs::read_dir(lab.path("depot/artifacts")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    let gone = format!("error: artifact {IRIS} is not installed\n");
    assert_eq!(artifact(&lab, &["remove", "iris", "--yes"]), Run::failed(3, &gone));
}

#[test]
fn each_command_has_examples_and_documents_its_json() {
    let lab = Lab::new();
    let commands = ["create", "bind", "unbind", "archive", "list", "path", "verify", "remove"];
    for command in commands {
        let help = lab.result(&["artifact", command, "--help"]);
        assert!(help.contains(&format!("\nExamples:\n  scratchrs artifact {command} ")), "{help}");
        assert!(help.contains("\nWith --json: {"), "{help}");
    }
    assert!(lab.result(&["artifact", "--help"]).contains("\nExamples:\n"));
    assert!(!lab.exists("depot"));
}
