//! The choice of artifacts by platform and override: the same rule for every command, and its
//! errors.

use std::fs;

use serde_json::{Value, json};

use crate::lab::{Lab, Run, UUID, json};

const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";
const DEPENDS: &str = "the binding of `lib` in `[ROOT]/pkg/Artifacts.toml` depends on `mpi`, which is \
                       unknown without Julia";

/// A package with a file of bindings with this text.
fn package(text: &str) -> Lab {
    let mut lab = Lab::new();
    lab.set("JULIA_PKG_SERVER", "");
    lab.write("pkg/Project.toml", format!("name = \"Tool_jll\"\nuuid = \"{UUID}\"\n"));
    lab.write("pkg/Artifacts.toml", text);
    lab
}

/// Runs a command in the directory of the package, or in a directory in it.
fn inside(lab: &Lab, directory: &str, arguments: &[&str]) -> Run {
    let mut command = lab.command(env!("CARGO_BIN_EXE_scratchrs"), arguments);
    lab.finish(command.current_dir(lab.path(directory)))
}

fn artifact(lab: &Lab, arguments: &[&str]) -> Run {
    inside(lab, "pkg", &[&["artifact"], arguments].concat())
}

fn answer(lab: &Lab, arguments: &[&str]) -> Value {
    let run = artifact(lab, &[arguments, &["--json"]].concat());
    json(if run.stdout.is_empty() { &run.stderr } else { &run.stdout })
}

/// A name without a valid source, with these fields in its `download` table.
fn downloadable(name: &str, hash: &str, fields: &str) -> String {
    format!("[{name}]\ngit-tree-sha1 = \"{hash}\"\n\n    [[{name}.download]]\n{fields}\n")
}

fn nowhere() -> String {
    format!("    sha256 = \"{}\"\n    url = \"file:///nowhere/x.tar.gz\"", "0".repeat(64))
}

/// A name for each system and architecture, for which the user has to choose the MPI.
fn by_mpi() -> String {
    let mut text = String::new();
    for os in ["linux", "macos", "windows", "freebsd"] {
        for arch in ["x86_64", "aarch64"] {
            for (mpi, hash) in [("mpich", ONE), ("openmpi", TWO)] {
                text += &format!(
                    "[[lib]]\narch = \"{arch}\"\ngit-tree-sha1 = \"{hash}\"\nmpi = \"{mpi}\"\n\
                     os = \"{os}\"\n\n    [[lib.download]]\n{}\n\n",
                    nowhere()
                );
            }
        }
    }
    text
}

fn override_by_name(lab: &Lab, text: &str) {
    lab.write("depot/artifacts/Overrides.toml", format!("[{UUID}]\n{}\n", lab.toml(text)));
}

#[test]
fn an_override_by_name_holds_in_its_package() {
    let lab = package(&downloadable("Tool", ONE, &nowhere()));
    lab.write("site/f", "site");
    override_by_name(&lab, "Tool = \"[ROOT]/site\"");
    assert_eq!(artifact(&lab, &["path", "Tool"]).stdout, "[ROOT]/site\n");
    assert_eq!(answer(&lab, &["path", "Tool"])["overridden"], json!(true));
    let listed = &answer(&lab, &["list", "--file", "."])["bindings"][0];
    assert_eq!((&listed["state"], &listed["path"]), (&json!("overridden"), &json!("[ROOT]/site")));
    for install in [&["install"][..], &["install", "Tool"]] {
        let run = artifact(&lab, install);
        assert_eq!((run.code, run.stdout.as_str()), (0, "[ROOT]/site\n"), "{}", run.stderr);
    }
    let verified = artifact(&lab, &["verify", "Tool"]);
    assert!(
        verified.code == 0 && verified.stderr.contains("which is not verified"),
        "{verified:?}"
    );
    let repaired = artifact(&lab, &["repair", "--file", "."]);
    assert_eq!((repaired.code, repaired.stdout.as_str()), (0, ""), "{}", repaired.stderr);
    assert_eq!(artifact(&lab, &["remove", "Tool", "--yes"]).code, 1);
    // From another directory, and for code in the package.
    let file = ["artifact", "path", "Tool", "--file", "pkg"];
    assert_eq!(lab.run(&file).stdout, "[ROOT]/site\n");
    std::fs::create_dir_all(lab.path("pkg/src/deep")).unwrap();
    assert_eq!(inside(&lab, "pkg/src/deep", &file[..3]).stdout, "[ROOT]/site\n");
    // Another package that binds the same names does not matter.
    lab.write(
        "pkg/JuliaProject.toml",
        "name = \"P\"\nuuid = \"00000000-0000-4000-8000-000000000001\"\n",
    );
    assert_eq!(artifact(&lab, &["path", "Tool"]).code, 3);
}

#[test]
fn an_override_by_name_settles_the_choice() {
    let lab = package(&by_mpi());
    override_by_name(&lab, "lib = \"[ROOT]/site\"");
    lab.write("site/f", "site");
    assert_eq!(artifact(&lab, &["path", "lib"]).stdout, "[ROOT]/site\n");
    assert_eq!(artifact(&lab, &["install"]).code, 0);
}

/// The package uses it through the override, and no file binds it.
#[test]
fn the_replacement_of_a_name_is_not_collected() {
    let lab = package(&downloadable("Tool", ONE, &nowhere()));
    override_by_name(&lab, &format!("Tool = \"{TWO}\""));
    for hash in [ONE, TWO, &"3".repeat(40)] {
        lab.write(&format!("depot/artifacts/{hash}/f"), "x");
    }
    assert_eq!(artifact(&lab, &["install"]).code, 0);
    assert_eq!(lab.run(&["gc", "--collect-delay", "0"]).code, 0);
    let is_there = |hash: &str| lab.exists(&format!("depot/artifacts/{hash}"));
    assert!(is_there(ONE) && is_there(TWO) && !is_there(&"3".repeat(40)));
    let why = inside(&lab, "pkg", &["why", TWO]);
    assert!(why.stdout.contains("pkg/Artifacts.toml"), "{why:?}");
}

#[test]
fn each_command_reports_undecided_bindings() {
    let lab = package(&by_mpi());
    for command in ["path", "install", "verify"] {
        let run = artifact(&lab, &[command, "lib"]);
        let told = run.stderr.starts_with(&format!("error: {DEPENDS}\nhint: "));
        assert!(run.code == 2 && told, "{command}: {run:?}");
        let error = &answer(&lab, &[command, "lib"])["error"];
        let error = if command == "install" && error.is_null() {
            answer(&lab, &[command, "lib"])["artifacts"][0]["error"].clone()
        } else {
            error.clone()
        };
        assert_eq!(error["code"], json!("invalid_input"), "{command}");
        assert_eq!(error["path"], json!("[ROOT]/pkg/Artifacts.toml"), "{command}");
    }
    let listed = artifact(&lab, &["list", "--file", "."]);
    assert!(listed.stdout.ends_with("lib   ?         ?     undecided\n"), "{}", listed.stdout);
    assert!(listed.stderr.starts_with(&format!("note: {DEPENDS}\nhint: ")), "{}", listed.stderr);
    let listed = answer(&lab, &["list", "--file", "."]);
    assert_eq!(
        listed["bindings"],
        json!([{
            "name": "lib", "platform": null, "hash": null, "lazy": false, "state": "undecided",
            "path": null, "urls": [], "reason": DEPENDS,
        }])
    );
    assert_eq!(listed["notes"], json!([DEPENDS]));
    let repair = artifact(&lab, &["repair", "--file", "."]);
    assert_eq!(repair.code, 2);
    assert!(repair.stderr.contains(&format!("note: `lib` is left out: {DEPENDS}\n")), "{repair:?}");
    let repair = answer(&lab, &["repair", "--file", "."]);
    assert_eq!(repair["left_out"], json!([{"name": "lib", "reason": DEPENDS}]));
    let platform = format!("{}-linux-gnu-mpi+openmpi", std::env::consts::ARCH);
    let chosen = artifact(&lab, &["path", "lib", "--platform", &platform]);
    assert!(chosen.code == 3 && chosen.stderr.contains(TWO), "{chosen:?}");
}

#[test]
fn an_installation_that_leaves_something_out_does_the_rest_and_fails() {
    let lab = package(
        &(by_mpi()
            + &downloadable("there", "3", "").replace("\"3\"", &format!("\"{}\"", "3".repeat(40)))),
    );
    lab.write(&format!("depot/artifacts/{}/f", "3".repeat(40)), "x");
    let path = format!("[ROOT]/depot/artifacts/{}", "3".repeat(40));
    let run = artifact(&lab, &["install"]);
    assert_eq!((run.code, run.stdout), (2, format!("{path}\n")));
    assert!(run.stderr.contains(&format!("note: {DEPENDS}\nhint: ")), "{}", run.stderr);
    assert!(run.stderr.ends_with("error: 1 of 2 artifacts can't be installed\n"), "{}", run.stderr);
    let answer = answer(&lab, &["install"]);
    let artifacts = &answer["artifacts"];
    assert_eq!((&artifacts[0]["name"], &artifacts[0]["path"]), (&json!("there"), &json!(path)));
    let left_out = &artifacts[1];
    assert_eq!(
        (&left_out["name"], &left_out["hash"], &left_out["error"]["message"]),
        (&json!("lib"), &Value::Null, &json!(DEPENDS))
    );
    // A single error is printed as for the name alone.
    let alone = package(&by_mpi());
    assert_eq!(artifact(&alone, &["install"]), artifact(&alone, &["install", "lib"]));
    // Lazy artifacts are not requested.
    let lazy = package(&by_mpi().replace("mpi =", "lazy = true\nmpi ="));
    assert_eq!(artifact(&lazy, &["install"]).code, 0);
    assert_eq!(artifact(&lazy, &["install", "--lazy"]).code, 2);
}

#[test]
fn an_invalid_field_is_reported_with_its_place() {
    let url = "    url = \"file:///nowhere/x\"";
    let sha256 = format!("    sha256 = \"{}\"", "0".repeat(64));
    for (fields, place, expected) in [
        (format!("    sha256 = \"{ONE}\"\n{url}"), "5:14", "got 40, the length of a SHA-1"),
        (format!("    sha256 = \"{}\"\n{url}", "0".repeat(65)), "5:14", "digits, got 65"),
        (format!("    sha256 = 64\n{url}"), "5:14", "expected 64 hexadecimal digits, got integer"),
        (url.to_owned(), "4:5", "missing `sha256`: expected 64 hexadecimal digits"),
        (sha256.clone(), "4:5", "missing `url`: expected an address"),
        (format!("{sha256}\n    url = \"ftp://h/x\""), "6:11", "expected an address that begins"),
        (format!("{sha256}\n    url = [1]"), "6:11", "got array"),
    ] {
        let lab = package(&downloadable("data", ONE, &fields));
        for install in [&["install"][..], &["install", "data"]] {
            let run = artifact(&lab, install);
            let error = format!("error: [ROOT]/pkg/Artifacts.toml:{place}: artifact `data`: ");
            assert!(run.code == 1 && run.stderr.contains(&error), "{fields}: {}", run.stderr);
            assert!(run.stderr.contains(expected), "{fields}: {}", run.stderr);
            assert!(!run.stderr.contains("no place to download"), "{fields}: {}", run.stderr);
            let error = answer(&lab, install)["artifacts"][0]["error"].clone();
            assert_eq!(error["code"], json!("format"), "{fields}");
            assert!(error["message"].as_str().unwrap().contains(expected), "{fields}: {error}");
            assert_eq!(error["path"], json!("[ROOT]/pkg/Artifacts.toml"));
        }
    }
}

#[test]
fn an_invalid_hash_is_reported_with_its_place() {
    for (hash, expected) in [
        ("\"abc\"", "expected 40 hexadecimal digits, got 3"),
        ("7", "invalid `git-tree-sha1`: expected 40 hexadecimal digits, got integer"),
    ] {
        let lab = package(&format!("[data]\ngit-tree-sha1 = {hash}\n"));
        for command in
            [&["install"][..], &["install", "data"], &["path", "data"], &["verify", "data"]]
        {
            let run = artifact(&lab, command);
            assert_eq!(run.code, 1, "{command:?}: {run:?}");
            let error = "error: [ROOT]/pkg/Artifacts.toml:2:17: artifact `data`: ";
            assert!(run.stderr.contains(error), "{command:?}: {run:?}");
            assert!(run.stderr.contains(expected), "{command:?}: {run:?}");
        }
    }
    let lab = package("[data]\nlazy = false\n");
    let run = artifact(&lab, &["install"]);
    let expected = "[ROOT]/pkg/Artifacts.toml:1:1: artifact `data`: missing `git-tree-sha1`\n";
    assert!(run.code == 1 && run.stderr.ends_with(expected), "{run:?}");
}

#[test]
fn hashes_are_read_in_either_case() {
    let (upper, lower) = ("ABCDEF0123".repeat(4), "abcdef0123".repeat(4));
    let fields =
        format!("    sha256 = \"{}\"\n    url = \"file:///nowhere\"", "ABCDEF01".repeat(8));
    let lab = package(&downloadable("data", &upper, &fields));
    lab.write(&format!("depot/artifacts/{lower}/f"), "x");
    let path = format!("[ROOT]/depot/artifacts/{lower}\n");
    for name in ["data", &upper, &lower] {
        assert_eq!(artifact(&lab, &["path", name]).stdout, path, "{name}");
        assert_eq!(artifact(&lab, &["install", name]).stdout, path, "{name}");
    }
    override_by_name(&lab, "");
    lab.write("depot/artifacts/Overrides.toml", format!("{upper} = \"{}\"\n", "1".repeat(40)));
    let path = artifact(&lab, &["path", "data"]);
    assert!(path.code == 3 && path.stderr.contains(ONE), "{path:?}");
}

#[test]
fn an_empty_entry_of_the_depot_path_does_not_bring_the_users_depot_back() {
    let mut lab = package(&format!("[d]\ngit-tree-sha1 = \"{ONE}\"\n"));
    lab.write(&format!("home/.julia/artifacts/{ONE}/f"), "x");
    let own = format!("[ROOT]/home/.julia/artifacts/{ONE}\n");
    for (value, expected) in [
        ("[ROOT]/new:", ""),
        ("[ROOT]/new::[ROOT]/other", ""),
        (":[ROOT]/new", own.as_str()),
        (":", &own),
        ("[ROOT]/new:[ROOT]/home/.julia", &own),
    ] {
        lab.set("JULIA_DEPOT_PATH", value);
        assert_eq!(artifact(&lab, &["path", "d"]).stdout, expected, "{value}");
    }
    lab.set("JULIA_DEPOT_PATH", "[ROOT]/new:");
    fs::create_dir(lab.path("new")).unwrap();
    assert_eq!(lab.run(&["gc", "--all-depots", "--collect-delay", "0"]).code, 0);
    assert!(lab.exists(&format!("home/.julia/artifacts/{ONE}/f")));
    // On Windows, `~` is a name as any other, also for Julia.
    if cfg!(unix) {
        lab.set("JULIA_DEPOT_PATH", "[ROOT]/new:~/.julia");
        assert_eq!(artifact(&lab, &["path", "d"]).stdout, own);
        lab.set("JULIA_DEPOT_PATH", "[ROOT]/new:~other/depot");
        let run = artifact(&lab, &["path", "d"]);
        assert!(run.code == 2 && run.stderr.contains("invalid entry `~other/depot`"), "{run:?}");
    }
}

#[test]
fn the_depots_of_a_julia_that_is_named_are_behind() {
    let mut lab = package(&format!("[d]\ngit-tree-sha1 = \"{ONE}\"\n"));
    lab.write(&format!("julia/share/julia/artifacts/{ONE}/f"), "x");
    lab.set("JULIA_BINDIR", "[ROOT]/julia/bin");
    let bundled = format!("[ROOT]/julia/share/julia/artifacts/{ONE}\n");
    for (value, expected) in [("[ROOT]/new:", bundled.as_str()), ("[ROOT]/new", "")] {
        lab.set("JULIA_DEPOT_PATH", value);
        assert_eq!(artifact(&lab, &["path", "d"]).stdout, expected, "{value}");
    }
    lab.unset("JULIA_DEPOT_PATH");
    assert_eq!(artifact(&lab, &["path", "d"]).stdout, bundled);
}
