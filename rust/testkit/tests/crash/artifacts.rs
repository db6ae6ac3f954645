//! Creating, binding, removing and installing artifacts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::OnceLock;

use scratchrs_model::hash::TreeHash;
use scratchrs_testkit::strace::Call;
use scratchrs_testkit::{DepotLab, ServedArtifact};

use crate::{NOTHING_SPECIAL, Scenario, is_signature, without_unnamed_files, worker};

const ONE: &str = "1111111111111111111111111111111111111111";
const TWO: &str = "2222222222222222222222222222222222222222";

fn served() -> &'static ServedArtifact {
    static SERVED: OnceLock<ServedArtifact> = OnceLock::new();
    SERVED.get_or_init(|| ServedArtifact::new(20))
}

/// An artifact is complete or missing.
fn artifact(lab: &DepotLab, hash: &str) -> String {
    let path = lab.path(&format!("artifacts/{hash}"));
    match fs::symlink_metadata(&path) {
        Ok(_) => format!("there\n{}", lab.tree_below(path)),
        Err(_) => "none".to_owned(),
    }
}

#[test]
fn an_artifact_is_created() {
    let observe = |lab: &DepotLab| {
        let names = scratchrs_fs::names(&lab.path("artifacts")).unwrap();
        let created = names.iter().find(|name| name.parse::<TreeHash>().is_ok());
        vec![created.map_or("none".to_owned(), |name| artifact(lab, name))]
    };
    Scenario { name: "create", task: &["create-artifact"], observe, ..NOTHING_SPECIAL }.run();
}

const BINDING: &str = "[other]\ngit-tree-sha1 = \"2222222222222222222222222222222222222222\"\n";

fn bound(lab: &DepotLab) -> Vec<String> {
    vec![fs::read_to_string(lab.path("project/Artifacts.toml")).unwrap_or_default()]
}

fn project(lab: &DepotLab) {
    fs::create_dir_all(lab.path("project")).unwrap();
}

fn project_with_bindings(lab: &DepotLab) {
    lab.write("project/Artifacts.toml", BINDING);
    lab.write("logs/artifact_usage.toml", "[[\"/kept\"]]\ntime = 2024-01-02T03:04:05.006Z\n");
}

const BIND: &[&str] = &["bind", "project/Artifacts.toml", "iris", ONE];
const BINDS: Scenario =
    Scenario { prepare: project, task: BIND, observe: bound, ..NOTHING_SPECIAL };

#[test]
fn a_name_is_bound_in_a_new_file() {
    Scenario { name: "bind in a new file", ..BINDS }.run();
}

#[test]
fn a_name_is_bound() {
    Scenario { name: "bind", prepare: project_with_bindings, ..BINDS }.run();
}

#[test]
fn a_name_is_bound_without_unnamed_files() {
    // The lock of the log is created in the same way, but does not fail here.
    let faults = |calls: &[Call]| {
        let nameless = calls.iter().find(|call| call.text.contains("O_TMPFILE")).unwrap();
        vec![nameless.fail("EOPNOTSUPP")]
    };
    let name = "bind without O_TMPFILE";
    Scenario { name, prepare: project_with_bindings, faults, ages: is_signature, ..BINDS }.run();
}

#[test]
fn a_name_is_unbound() {
    let task = &["unbind", "project/Artifacts.toml", "other"];
    Scenario { name: "unbind", prepare: project_with_bindings, task, ..BINDS }.run();
}

#[test]
fn an_artifact_is_removed() {
    let prepare = |lab: &DepotLab| {
        lab.write(&format!("artifacts/{TWO}/below/file"), "content");
        lab.write(&format!("artifacts/{TWO}@tree"), "its record");
        lab.write(&format!("artifacts/{ONE}/file"), "kept");
    };
    let observe = |lab: &DepotLab| vec![artifact(lab, ONE), artifact(lab, TWO)];
    let task = &["remove-artifact", TWO];
    Scenario { name: "remove", prepare, task, observe, ..NOTHING_SPECIAL }.run();
}

fn bindings(lab: &DepotLab) {
    lab.write("project/Artifacts.toml", &served().binding("x", "/x.tar.gz"));
}

fn installed(lab: &DepotLab) -> Vec<String> {
    vec![artifact(lab, &served().hash.to_string())]
}

const INSTALL: Scenario = Scenario {
    prepare: bindings,
    task: &["install", "project/Artifacts.toml", "x"],
    observe: installed,
    ..NOTHING_SPECIAL
};

#[test]
fn an_artifact_is_installed() {
    Scenario { name: "install", ..INSTALL }.run();
}

#[test]
fn an_artifact_is_installed_from_a_file() {
    let prepare = |lab: &DepotLab| {
        let url = scratchrs_fetch::file_url(&served().directory().join("x.tar.gz"));
        let text = served().binding("x", "/x.tar.gz");
        lab.write("project/Artifacts.toml", &text.replace(&served().server.url("/x.tar.gz"), &url));
    };
    Scenario { name: "install from a file", prepare, ..INSTALL }.run();
}

#[test]
fn an_artifact_is_installed_without_unnamed_files() {
    let name = "install without O_TMPFILE";
    Scenario { name, faults: without_unnamed_files, ages: is_signature, ..INSTALL }.run();
}

/// The artifact exists at any moment, corrupt or repaired.
#[test]
fn a_corrupt_artifact_is_repaired() {
    let prepare = |lab: &DepotLab| {
        bindings(lab);
        worker().succeed(["install", lab.depot(), "project/Artifacts.toml", "x"]);
        let corrupt = lab.path(&format!("artifacts/{}/file", served().hash));
        fs::set_permissions(&corrupt, fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(corrupt, "corrupt").unwrap();
    };
    let task = &["repair", "project/Artifacts.toml"];
    Scenario { name: "repair", prepare, task, ..INSTALL }.run();
}
